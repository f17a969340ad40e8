"""An exception that nobody expected, in any task, while strokes run: the drive goes off, with a record and a word."""

import pytest

from sim.link import DirectLink
from sim.run import Simulation
from sim.scenario import load
from sim.space import FirmwareSpace, shim
from sim.tiers import TIERS
from sim.world import ChipStopped

board = shim("board")
TASKS = ("_sense", "_motor", "_analog", "_driver", "_treatment", "_panel")


@pytest.mark.parametrize("task", TASKS)
def test_an_exception_in_any_task_is_a_safe_stop_with_a_record(task, monkeypatch, capfd):
    def life(world):
        space = FirmwareSpace(DirectLink(world))
        pen = space.module("pen").Pen
        sound = getattr(pen, task)

        def broken(self, now_us):
            if self.motor.strokes >= 7:
                raise RuntimeError("made by a test")
            return sound(self, now_us)

        setattr(pen, task, broken)
        try:
            space.module("main").main()
        except ChipStopped as stopped:
            return stopped.why
        raise AssertionError("main returned: nobody shows the fault")

    monkeypatch.setitem(TIERS, "cpython", life)
    simulation = Simulation(load("zone_neck"))
    run = simulation.run()
    assert [fault["code"] for fault in run.result["faults"]] == ["exception"]
    assert run.result["ended"] == "fault"
    assert run.result["strokes"] <= 12  # the rarest task comes round four times a second
    assert simulation.lives_us == [0], "the watchdog bit although the fault was being shown"
    assert simulation.world.pads() >> board.PIN_EN_N & 1 == 1
    assert any("Firmware error" in line for line in simulation.hands.lines())
    assert "made by a test" in capfd.readouterr().err
