"""A task that hangs, or is never asked for again, while the needles are out: watchdog, a retract, a named fault."""

import pytest
import tasks

from sim.link import DirectLink
from sim.run import Simulation
from sim.scenario import load
from sim.space import FirmwareSpace, shim
from sim.tiers import TIERS
from sim.world import ChipStopped

board = shim("board")
LATER_US = 100_000_000  # far beyond every limit for checking in


@pytest.mark.hazard("H11")
@pytest.mark.parametrize("how", ["hangs", "never comes again"])
@pytest.mark.parametrize("task", ["sense", "motor", "treatment", "panel"])
def test_a_task_that_stops_leads_to_a_restart_with_the_needles_in(task, how, monkeypatch):
    """The other tasks go on where only one is forgotten: the dead-man is fed, only the check-in is missing."""
    lives = []

    def life(world):
        lives.append(world.now_us)
        space = FirmwareSpace(DirectLink(world))

        def broken(pen, _now_us):
            out = world.settle().tip_um > 200
            if len(lives) == 1 and pen.motor.strokes() >= 5 and (out or pen.motor.strokes() >= 12):
                while how == "hangs":
                    pen.wait_us(1000)
                return LATER_US
            return None

        tasks.replace(space, task, broken)
        try:
            space.module("main").main()
        except ChipStopped as stopped:
            return stopped.why
        raise AssertionError("main returned")

    monkeypatch.setitem(TIERS, "cpython", life)
    scenario = load("cpu_hang_mid_stroke").model_copy(update={"faults": []})
    simulation = Simulation(scenario)
    result = simulation.run().result
    codes = [fault["code"] for fault in result["faults"]]
    assert codes[-1] == "watchdog" and len(lives) == 2
    assert set(codes[:-1]) <= {"extended", "drive_dropped", "overrun"}  # what the tasks that went on saw of it
    assert result["needles_retracted"] and result["ended"] == "ready"
    assert result["over_limit_um"] == 0
