"""A path of the checker acted out in the simulator: a file that `pen run` takes, and says so where there is none."""

import json
import shutil

import pytest
from broken import ONE_CALL, Broken
from typer.testing import CliRunner

from pen.cli import app
from sim.exhaust.acted import Acted, act_out, toml
from sim.exhaust.paths import PathFile, StepTable, replay
from sim.scenario import load
from sim.space import FIRMWARE

BROKEN = {trial.name: trial for trial in ONE_CALL}


def directory(tmp_path, trial: Broken):
    """The firmware with one change, as files."""
    sources = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, sources)
    file = sources / f"{trial.module}.py"
    file.write_text(file.read_text().replace(trial.was, trial.becomes))
    return sources


def stroke_then(rule, firmware, **inputs) -> PathFile:
    """The checker's way into a stroke, and a last pass with these inputs."""
    event, held = firmware.safety, {"trigger_no": 1, "trigger_nc": 0}

    def step(at_ms, call, a=0, b=0, **given):
        return StepTable(at_ms=at_ms, call=call, a=a, b=b, inputs=given)

    path = PathFile(rule=rule, text="as the checker says it", steps=[
        step(1000, "event", event.TESTED), *(step(at_ms, "update") for at_ms in (1001, 1006, 1012)),
        step(1012, "event", event.HOME), step(1012, "event", event.HOMED), step(1012, "open", 6, 700),
        *(step(at_ms, "update") for at_ms in (1020, 1026, 1032)),
        *(step(at_ms, "update", **held) for at_ms in (1033, 1040, 1047, 1053)), step(1053, "ask", 500, **held),
        *(step(at_ms, "update", **inputs) for at_ms in (1057, 1061, 1065, 1069))])
    rows = replay(path, firmware)
    assert rule in rows[-1].broken, rows
    return path


@pytest.mark.parametrize(("name", "inputs"), [
    ("cartridge_not_watched", {"trigger_no": 1, "trigger_nc": 0, "interlock": 0, "extension_um": 300}),
    ("run_goes_on_when_let_go", {"extension_um": 300}),
])
def test_a_broken_rule_becomes_a_scenario_that_pen_run_shows_it_with(tmp_path, name, inputs):
    trial = BROKEN[name]
    sources = directory(tmp_path, trial)
    firmware = trial.firmware()
    path = stroke_then(trial.rule, firmware, **inputs)
    acted = act_out(path, firmware, sources)
    assert acted.table is not None, acted.says
    assert acted.says.startswith("breaks the rule at ")
    file = tmp_path / f"{trial.rule}.toml"
    file.write_text(toml(acted.table))
    assert load(file).expect.rules == [trial.rule]
    shown = CliRunner().invoke(app, ["run", str(file), "--firmware", str(sources), "--json"])
    rows = [row for row in json.loads(shown.stdout)["expectations"] if row["what"] == "rules"]
    assert shown.exit_code == 1 and [row["held"] for row in rows] == [False]
    whole = CliRunner().invoke(app, ["run", str(file), "--json"])
    rows = [row for row in json.loads(whole.stdout)["expectations"] if row["what"] == "rules"]
    assert [row["held"] for row in rows] == [True], "the firmware as it is holds it on the same way"


def test_a_path_without_a_scenario_says_why(tmp_path):
    firmware = BROKEN["cartridge_not_watched"].firmware()

    def says(rule, *steps, calls=()):
        path = PathFile(rule=rule, text="x", steps=list(steps), calls=list(calls))
        acted = act_out(path, firmware, FIRMWARE)
        assert isinstance(acted, Acted) and acted.table is None
        return acted.says

    update = StepTable(at_ms=1001, call="update")
    assert "about states" in says("way.ready", update)
    assert "calls into the treatment alone" in says("permit.depth", calls=[{"call": "choose_zone", "arguments": [1]}])
    assert "nothing in the simulator makes 'time_up' 1" in says(
        "permit.session_time", StepTable(at_ms=1001, call="update", inputs={"time_up": 1}))
    assert "stands in the way" in says("permit.interlock", update)


def test_wrong_sources_are_refused(tmp_path):
    shown = CliRunner().invoke(app, ["run", "treatment", "--firmware", str(tmp_path)])
    assert shown.exit_code == 2 and "takes a directory like firmware/" in shown.output
