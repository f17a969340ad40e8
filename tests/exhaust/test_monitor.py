"""The checker's rules, heard in a running pen: the firmware as it is breaks none, a changed one the right one."""

import shutil

import pytest
from broken import ONE_CALL

from sim.exhaust.monitor import NAMES
from sim.run import Simulation
from sim.scenario import ScenarioError, load, parse
from sim.space import FIRMWARE

BROKEN = {trial.name: trial for trial in ONE_CALL}


def heard(table, firmware=FIRMWARE):
    scenario = parse({"title": "heard", "limit_s": 30, **table}, "heard", "test")
    simulation = Simulation(scenario, firmware=firmware)
    return simulation, simulation.run()


@pytest.mark.parametrize("name", ["trigger_released_mid_stroke", "cartridge_pulled_mid_stroke", "cpu_hang_mid_stroke"])
def test_no_rule_is_broken_in_the_shipped_scenarios_and_hearing_changes_nothing(name):
    plain = load(name)
    loud = plain.model_copy(update={"expect": plain.expect.model_copy(update={"rules": list(NAMES)})})
    simulation = Simulation(loud)
    run = simulation.run()
    assert simulation.monitor.judged > 500
    assert simulation.monitor.broken == {}
    rows = [row for row in run.result["expectations"] if row["what"] == "rules"]
    assert [row["held"] for row in rows] == [True] * len(NAMES)
    assert Simulation(plain).run().result["strokes"] == run.result["strokes"]


def changed(tmp_path, name):
    trial = BROKEN[name]
    shutil.copytree(FIRMWARE, tmp_path / "firmware")
    source = tmp_path / "firmware" / f"{trial.module}.py"
    text = source.read_text()
    assert trial.was in text
    source.write_text(text.replace(trial.was, trial.becomes))
    return tmp_path / "firmware", trial.rule


@pytest.mark.parametrize(("name", "fault"), [
    ("cartridge_not_watched", {"what": "interlock_torn", "stroke": 3, "part": 0.4}),
    ("run_goes_on_when_let_go", None),
    ("permit_spent_twice", None),
])
def test_a_broken_rule_is_heard(tmp_path, name, fault):
    firmware, rule = changed(tmp_path, name)
    table = {
        "hands": [{"do": "open_session"}, {"do": "pass", "ms": 500}, {"do": "wait", "ms": 300}],
        "faults": [fault] if fault else [],
        "expect": {"rules": [rule], "needles_retracted": "either"}}
    simulation, run = heard(table, firmware)
    assert rule in simulation.monitor.broken
    row = next(row for row in run.result["expectations"] if row["what"] == "rules")
    assert not row["held"] and row["got"].startswith("at ")


def test_rules_are_heard_on_cpython_only_and_have_to_be_known():
    with pytest.raises(ScenarioError, match=r"unknown rules 'permit[.]interlok', did you mean 'permit[.]interlock'"):
        parse({"title": "x", "expect": {"rules": ["permit.interlok"]}}, "x", "x")
    scenario = parse({"title": "x", "expect": {"rules": ["permit.interlock"]}}, "x", "x")
    with pytest.raises(ScenarioError, match="cpython tier only"):
        Simulation(scenario, "micropython")
