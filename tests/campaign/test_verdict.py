"""The verdict: a case is the same every time, and each rule can be violated."""

import pytest

from sim import plant_kernel
from sim.campaign import verdict
from sim.campaign.cases import fixed_slice, parse
from sim.campaign.table import FAULTS, Fault
from sim.campaign.verdict import Outcome, judge, run_case, scenario_of
from sim.run import Simulation

BY_FAULT: dict[str, list] = {}
for _case in fixed_slice():
    BY_FAULT.setdefault(_case.faults[0][0] if len(_case.faults) == 1 else "two faults", []).append(_case)
HARMLESS = "00-driver_silent_100ms@160"  # in the first stroke; the whole session follows
SAME = {field for field in Outcome.__dataclass_fields__ if field != "wall_s"}


def facts(outcome):
    return {key: value for key, value in outcome.as_dict().items() if key in SAME}


@pytest.mark.hazard("H01", "H04", "H05", "H11", "H16", "H18")
@pytest.mark.parametrize("fault", BY_FAULT)
def test_fixed_slice(fault):
    violated = {str(case): run_case(case).violations for case in BY_FAULT[fault]}
    assert not {case: texts for case, texts in violated.items() if texts}, "pen campaign --replay ID shows one"


def test_a_case_is_the_same_every_time_and_looking_changes_nothing():
    case = parse("07-encoder_dead@090")
    again, run = judge(case, Simulation(scenario_of(case)), keep_detail=True)
    assert facts(run_case(case)) == facts(again)
    plain = Simulation(scenario_of(case)).run()
    assert plain.result["faults"] == run.result["faults"]
    assert plain.result["max_extension_um"] == run.result["max_extension_um"]


def kinds(outcome):
    return {violation.partition(":")[0] for violation in outcome.violations}


def test_a_tip_past_the_limit_is_a_violation_by_the_plants_truth():
    case = parse(HARMLESS)
    scenario = scenario_of(case)
    off = scenario.model_copy(update={"pen": scenario.pen.model_copy(update={"calibration_error_um": -60})})
    outcome, _ = judge(case, Simulation(off))
    assert kinds(outcome) == {"depth"}
    assert 55 < outcome.over_um < 65  # the pen's own record says that all is well; the plant does not


def test_a_wrong_name_and_a_missing_one_are_violations(monkeypatch):
    case = parse("00-ntc_open@113")
    assert not run_case(case).violations
    monkeypatch.setitem(FAULTS, "ntc_open", Fault("ntc_open", ("jam",), "always"))
    assert kinds(run_case(case)) == {"name"}
    # a motor at 72 degrees is within what a pen may have, whenever it gets there: nothing names it
    monkeypatch.setitem(FAULTS, "ntc_open", Fault("motor_temp", ("display",), "always", value=72))
    outcome = run_case(case)
    assert outcome.violations == ["name: nothing was said, right is display"]


class Doctored(Simulation):
    """A simulation whose result is changed before it is judged."""

    change: dict

    def run(self):
        run = super().run()
        run.result.update(self.change)
        return run


@pytest.mark.parametrize(("change", "kind"), [
    ({"journal_strokes": 1}, "journal"), ({"journal_strokes": 99}, "journal"),
    ({"faults": [{"code": "ntc", "at_us": 0}]}, "stop"),
])
def test_lost_strokes_and_strokes_after_a_fault_are_violations(change, kind):
    case = parse(HARMLESS)
    simulation = Doctored(scenario_of(case))
    simulation.change = change
    assert kind in kinds(judge(case, simulation)[0])


def test_needles_left_out_under_power_are_a_violation():
    case = parse(HARMLESS)
    simulation = Simulation(scenario_of(case))
    ends = simulation.world.recorder.ends

    def left_out():
        ends()
        plant = simulation.world.settle()
        plant.set_drive(True)
        plant.drive_rms_a = 0.6
        plant._s[plant_kernel.TIP] = 400.0

    simulation.world.recorder.ends = left_out
    outcome, _ = judge(case, simulation)
    assert any(violation.startswith("rest:") and "400 um out" in violation for violation in outcome.violations)


def test_a_simulator_that_fails_is_no_passed_case(monkeypatch):
    case = parse("00-jam@113")
    monkeypatch.setattr(verdict, "_Witness", lambda *_: None)
    simulation = Simulation(scenario_of(case))
    simulation.world.at(10**9, lambda: 1 / 0)
    outcome, run = judge(case, simulation)
    assert run is None and kinds(outcome) == {"simulator"}
