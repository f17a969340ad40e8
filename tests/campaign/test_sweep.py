"""The home line false at every millisecond: the copies are the runs themselves, and a bound that is passed is seen."""

import json

import pytest
from typer.testing import CliRunner

from pen.cli import app
from pen.sweep_runner import Swept
from sim.campaign import rules
from sim.campaign.files import toml_of
from sim.campaign.sweep import (
    FIRST_LIVES,
    KINDS_AT_ONCE,
    LENGTHS,
    LEVELS,
    STARTS,
    Lie,
    Sweep,
    parse,
    passages,
    scenario_of,
    transients,
)
from sim.false_levels import PINS
from sim.scenario import Mishap, load

BY_NAME = {passage.name: passage for passage in passages()}


def sweep(*words):
    return CliRunner().invoke(app, ["sweep", *words])


def test_every_start_has_its_homing_its_retract_and_the_homing_after_a_fault():
    kinds = ("power-on", "retract", "brought in", "cleared")
    assert {f"{kind}, {start}" for kind in kinds for start in STARTS} <= set(BY_NAME)


@pytest.mark.parametrize("life", FIRST_LIVES)
def test_a_line_that_is_stuck_in_the_first_homing_of_a_pen_stays_within_the_bound_wherever_its_stop_lies(life):
    for ms in (0, 300):
        lie = Sweep(BY_NAME[f"power-on, {life}"]).only(Lie(f"power-on, {life}", ms, "active:for ever"))
        assert not lie.violations and lie.latched == ["home_sensor"]
        # close to the bound, so that a way too long would be seen; a far stop without a way on record counts as nearer
        assert (-45 if "far" not in life else -120) <= lie.over_um <= 0


def test_each_passage_is_met_and_every_kind_of_lie_is_told_in_it():
    for name in ("retract, 1 mm out", "cleared, 1 mm out"):
        lies = Sweep(BY_NAME[name], every_ms=500, share=(0, 1)).run()
        assert {lie.what for lie in lies} == {f"{level}:{length}" for length in LENGTHS for level in LEVELS}
        assert all(lie.ended for lie in lies)


def test_a_lie_replayed_alone_comes_to_what_its_copy_came_to():
    lies = Sweep(BY_NAME["power-on, 1 mm out"], every_ms=350).run()
    assert len(lies) >= 12
    for lie in lies[::5]:
        again = Sweep(BY_NAME[lie.passage]).only(parse(lie.id))
        assert again.as_dict() == lie.as_dict()


def test_shares_together_are_the_whole():
    whole = Sweep(BY_NAME["retract, 1 mm out"], every_ms=40).run()
    parts = [lie for i in range(2) for lie in Sweep(BY_NAME["retract, 1 mm out"], every_ms=40, share=(i, 2)).run()]
    assert sorted(lie.id for lie in parts) == sorted(lie.id for lie in whole)


def test_a_bound_that_is_passed_is_a_violation(monkeypatch):
    monkeypatch.setattr(rules, "PAST_EDGE_UM", -300)
    monkeypatch.setattr(rules, "SNAP_UM", -300)
    lie = Sweep(BY_NAME["power-on, inside"]).only(Lie("power-on, inside", 40, "inactive:one look"))
    assert any(text.startswith("depth:") for text in lie.violations)


def test_a_lie_is_a_scenario_too(tmp_path):
    lie = Lie("cleared, 1 mm out", 120, "active:25 ms")
    path = tmp_path / "lie.toml"
    path.write_text(toml_of(scenario_of(lie), "what came of it"))
    read = load(path)
    assert read.about == "what came of it"
    assert (read.faults, read.hands, read.plant) == (
        scenario_of(lie).faults, scenario_of(lie).hands, scenario_of(lie).plant)


@pytest.mark.parametrize(("words", "said"), [
    (["--replay", "nowhere@1:active:one look"], "is no lie"),
    (["--replay", "power-on, inside@1:odd:25 ms"], "is nothing that can be done"),
    (["--only", "nowhere"], "unknown passage"), (["--firmware", "/nowhere"], "takes a directory like firmware/"),
])
def test_wrong_use_says_what_is_wrong(words, said, tmp_path):
    done = sweep(*words, "--out", str(tmp_path))
    assert done.exit_code == 2 and said in " ".join(done.output.split())


def test_the_command_writes_what_it_found(tmp_path):
    done = sweep("--only", "retract, 1 mm out", "--every", "60", "--workers", "1", "--out", str(tmp_path), "--json")
    figures = json.loads(done.stdout)
    written = json.loads((tmp_path / "sweep.json").read_text())
    assert written["figures"] == figures and len(written["lies"]) == figures["runs"] >= 12
    assert done.exit_code == bool(figures["violations"])


def test_everything_that_can_go_wrong_is_done_at_every_length_and_has_an_id():
    kinds = transients()
    assert len({str(what) for what in kinds}) == len(kinds) > 300
    assert {what.table["pin"] for what in kinds if what.name.endswith("pin_low")} == set(PINS)
    for what in kinds:
        Mishap(at_ms=1, **what.table)
        assert parse(f"power-on, inside@7:{what}").what == str(what)


def test_anything_at_some_moments_of_a_restart():
    lies = Sweep(BY_NAME["restarted, 1 mm out"], every_ms=300, anything=True).run()
    assert len({lie.what for lie in lies}) == len(lies) >= KINDS_AT_ONCE * 2
    assert not [lie for lie in lies if any(text.startswith("simulator") for text in lie.violations)]


def test_a_sweep_that_was_stopped_goes_on_where_it_was(tmp_path):
    words = ("--only", "retract, 1 mm out", "--every", "60", "--workers", "1", "--out", str(tmp_path))
    whole = sweep(*words)
    lines = (tmp_path / "sweep.jsonl").read_text().splitlines()
    before = json.loads((tmp_path / "sweep.json").read_text())["lies"]
    (tmp_path / "sweep.jsonl").write_text("\n".join(lines[:5]) + '\n{"passage": "retr')
    told = sweep(*words, "--resume")
    assert json.loads((tmp_path / "sweep.json").read_text())["lies"] == before
    assert told.exit_code == whole.exit_code
    assert len((tmp_path / "sweep.jsonl").read_text().splitlines()) == len(lines)
    other = sweep(*words[:3], "70", *words[4:], "--resume")
    assert other.exit_code == 2 and "of another run" in " ".join(other.output.split())


def test_the_report_has_a_row_for_each_passage_and_says_what_never_came_about(tmp_path):
    lies = [
        Lie("retract, 1 mm out", 0, "active:one look", over_um=3.0, violations=["depth: too far", "rest: left out"]),
        Lie("retract, 1 mm out", 0, "active:25 ms"), Lie("retract, inside", 0, "active:25 ms")]
    names = ("retract, 1 mm out", "retract, inside", "cleared, inside")
    found = Swept(lies, 1.0, 1, 60, True, names)
    assert found.unmet == ["cleared, inside"]
    rows = {row[0]: row[1:] for row in found.tables()[0].rows}
    assert rows["retract, 1 mm out"] == [2, 1, 1, 0, 0, 0, 0, 0, 3.0] and rows["cleared, inside"][0] == 0
    found.write_page(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "pen sweep --replay &#39;retract, 1 mm out@0:active:one look&#39;" in page
    assert "Never met: cleared, inside." in page and "1 runs violated a rule" in page
