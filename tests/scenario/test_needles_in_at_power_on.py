"""Needles that are out when power comes are brought in, whatever the self-test finds; nothing goes outward first."""

import pytest

from sim.run import Simulation
from sim.scenario import HandStep, Mishap, PenTable, Scenario
from sim.space import shim

faults = shim("faults")
IN_WITHIN_MS = 4000  # the slowest is a memory that is asked for a second, twice, before it is given up
SNAP_UM = 45

MISHAPS = {  # what is wrong from power-on, and what the pen calls it
    "ntc_open": ("ntc", {}), "ntc_shorted": ("ntc", {}), "motor_temp": ("motor_hot", {"value": 90}),
    "fram_dead": ("storage", {}), "fram_deaf": ("storage", {}), "fram_low": ("storage", {}),
    "display_dead": ("display", {}), "i2c_shorted": ("display", {}),
    "trigger_no_stuck": ("trigger_contacts", {}), "trigger_nc_broken": ("trigger_contacts", {}),
    "battery": ("battery_sense", {"value": 0}), "rail": ("rail_sense", {"value": 4095}),
}


def started(start_um, mishaps=(), **tables):
    simulation = Simulation(Scenario(
        name="started", title="started", plant={"start_um": start_um}, faults=list(mishaps), settle_ms=0, limit_s=60,
        hands=[HandStep(do="wait", ms=IN_WITHIN_MS)], **tables))
    result = simulation.run().result
    return simulation, result


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("start_um", [-850.0, 30.0, 2500.0])
@pytest.mark.parametrize("what", MISHAPS)
def test_whatever_the_self_test_finds_the_needles_come_in(what, start_um):
    name, more = MISHAPS[what]
    mishap = {"what": "adc_reads", "pin": what, **more} if what in ("battery", "rail") else {"what": what, **more}
    simulation, result = started(start_um, [Mishap(at_ms=0, **mishap)])
    codes = [fault["code"] for fault in result["faults"]]
    shown = any(f"code {code}" in line for code in faults.TABLE if faults.key(code) == name
                for line in simulation.hands.lines())
    assert codes == [name] or (not codes and (shown or what.startswith("fram"))), (codes, simulation.hands.lines())
    assert result["needles_retracted"], "their row of the table says that they end inside"
    assert result["max_extension_um"] <= max(start_um, 0) + SNAP_UM


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("table", [{"calibration": "missing"}, {"calibration": "corrupt"}, {"storage": "blank"}])
def test_a_pen_without_its_records_brings_them_in_too(table):
    _, result = started(2000.0, pen=PenTable(**table))
    assert result["needles_retracted"] and result["max_extension_um"] <= 2000 + SNAP_UM
