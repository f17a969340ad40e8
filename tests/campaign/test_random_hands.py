"""Random hands: a seed brings its run back, a rule that is broken is seen, and what broke it is made small."""

import json

import pytest
from typer.testing import CliRunner

from pen.cli import app
from sim.campaign import random_hands, rules
from sim.campaign.files import toml_of
from sim.campaign.random_hands import Outcome, least, run_scenario, run_seed, scenario_of, shrink
from sim.scenario import HandStep, Mishap, Scenario, load

SEEDS = range(400)


def hands(*words):
    return CliRunner().invoke(app, ["hands", *words])


def test_a_seed_gives_the_same_scenario_and_the_same_outcome():
    assert scenario_of(7) == scenario_of(7) != scenario_of(8)
    assert run_seed(3) == run_seed(3)


def test_the_hands_do_everything_and_everything_happens():
    scenarios = [scenario_of(seed) for seed in SEEDS]
    verbs = {step.do for scenario in scenarios for step in scenario.hands}
    assert {"pass", "press", "hold_button", "touch_trigger", "pull_cartridge", "insert_cartridge", "switch_off",
            "switch_on", "open_session", "end_session", "clear_fault", "lift"} <= verbs
    presses = [step.ms for scenario in scenarios for step in scenario.hands if step.do in ("press", "pass")]
    assert min(presses) <= 2 and max(presses) > 2000
    assert len({mishap.what for scenario in scenarios for mishap in scenario.faults}) > 25
    assert any(len(scenario.faults) > 3 for scenario in scenarios)
    assert {scenario.plant["start_um"] for scenario in scenarios} == set(random_hands.STARTS_UM)


def test_a_scenario_of_the_hands_is_a_file_that_comes_to_the_same(tmp_path):
    path = tmp_path / "hands_5.toml"
    path.write_text(toml_of(scenario_of(5)))
    assert run_scenario(load(path), 5) == run_seed(5)


def needs(*wanted):
    tried = []

    def fails(parts):
        tried.append(parts)
        return set(wanted) <= set(parts)

    return fails, tried


@pytest.mark.parametrize("wanted", [(0,), (63,), (5, 6), (3, 40, 41, 60), tuple(range(0, 64, 9))])
def test_what_is_not_needed_is_left_out(wanted):
    fails, tried = needs(*wanted)
    assert least(list(range(64)), fails) == list(wanted)
    assert len(tried) < 64 * len(wanted) + 200


def test_a_violation_is_made_as_small_as_it_can_be(monkeypatch):
    # as if it were wrong to offer the indications with the needles inside
    monkeypatch.setattr(rules, "CLAIMS", ("INDICATION",))
    monkeypatch.setattr(rules, "OUT_UM", -2000)
    scenario = Scenario(
        name="big", title="big", go_on=True, settle_ms=0,
        hands=[HandStep(do="press", button="up", ms=40), HandStep(do="lift"), HandStep(do="wait", ms=4000),
               HandStep(do="apply"), HandStep(do="press", button="select", ms=90), HandStep(do="wait", ms=900)],
        faults=[Mishap(what="pin_low", pin="diag", at_ms=100, for_ms=1)])
    smaller = shrink(scenario, "claim", runs=40)
    assert not smaller.faults and [step.do for step in smaller.hands] == ["wait", "press"]
    assert "claim" in run_scenario(smaller).broken


@pytest.mark.hazard("H01", "H16")
def test_some_seeds_break_no_rule():
    broken = {seed: run_seed(seed).broken for seed in (0, 3, 8, 16)}
    assert not {seed: found for seed, found in broken.items() if found}, "pen hands --seed N shows one"


def test_strokes_missing_on_record_are_seen(monkeypatch):
    monkeypatch.setattr(rules.Watch, "finished_strokes", lambda _: 99)
    assert "99 that were finished" in run_seed(3).broken["journal"]


def test_the_command_adds_up_and_writes_what_it_found(tmp_path, monkeypatch):
    done = hands("--hours", "0.03", "--workers", "1", "--out", str(tmp_path), "--json")
    figures = json.loads(done.stdout)
    assert figures["hours"] >= 0.03 and figures["seeds"] >= 1
    assert json.loads((tmp_path / "hands.json").read_text())["figures"] == figures
    assert "Faults that latched" in (tmp_path / "report.html").read_text()
    assert done.exit_code == bool(figures["violations"])


def test_one_seed_is_told(tmp_path):
    done = hands("--seed", "3", "--out", str(tmp_path), "--no-shrink")
    assert done.exit_code == 0 and "every rule held" in done.output and "hands_3:" in done.output


def test_needles_have_their_time_to_come_in_however_short_the_hands_are():
    scenario = Scenario(name="short", title="short", go_on=True, settle_ms=0, plant={"start_um": 2500.0}, hands=[])
    outcome = run_scenario(scenario)
    assert not outcome.broken and outcome.sim_s > 1


def test_a_mishap_is_made_as_short_as_it_may_be(monkeypatch):
    monkeypatch.setattr(random_hands, "run_scenario", lambda scenario, firmware: Outcome(
        0, broken={"rest": ""} if any(fault.for_ms >= 2 for fault in scenario.faults) else {}))
    smaller = shrink(Scenario(
        name="long", title="long", hands=[HandStep(do="lift")],
        faults=[Mishap(what="pin_low", pin="home", at_ms=1, for_ms=25)]), "rest")
    assert [fault.for_ms for fault in smaller.faults] == [3.125] and not smaller.hands


def test_a_file_that_breaks_a_rule_is_made_small_too(tmp_path, monkeypatch):
    monkeypatch.setattr(random_hands, "run_scenario", lambda scenario, seed=0, firmware=None: Outcome(
        0, broken={"rest": "left out"} if scenario.faults else {}))
    path = tmp_path / "found.toml"
    path.write_text(toml_of(scenario_of(5).model_copy(update={
        "faults": [Mishap(what="pin_low", pin="home", at_ms=1, for_ms=25)]})))
    done = hands("--file", str(path), "--out", str(tmp_path))
    assert done.exit_code == 1
    smaller = load(tmp_path / "rest_found.toml")
    assert len(smaller.faults) == 1 and not smaller.hands and smaller.about == "rest: left out"
