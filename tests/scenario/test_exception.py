"""What breaks the loop while strokes run: the drive goes off, with a record and a word."""

import pytest
import tasks

from sim.link import DirectLink
from sim.run import Simulation
from sim.scenario import load
from sim.space import FirmwareSpace, shim
from sim.tiers import TIERS
from sim.world import ChipStopped

board = shim("board")


def broken_life(task, error, ended):
    """A life of the pen in which a task raises in mid run; `ended(exception)` says why the life is over."""

    def life(world):
        space = FirmwareSpace(DirectLink(world))

        def broken(pen, _now_us):
            if pen.motor.strokes() >= 7:
                raise error

        tasks.replace(space, task, broken)
        try:
            space.module("main").main()
        except (ChipStopped, KeyboardInterrupt) as stopped:
            return ended(stopped)
        raise AssertionError("main returned: nobody shows the fault")

    return life


@pytest.mark.hazard("H20")
@pytest.mark.parametrize("task", tasks.METHODS)
def test_an_exception_in_any_task_is_a_safe_stop_with_a_record(task, monkeypatch, capfd):
    error = RuntimeError("made by a test")
    monkeypatch.setitem(TIERS, "cpython", broken_life(task, error, lambda stopped: stopped.why))
    simulation = Simulation(load("zone_neck"))
    run = simulation.run()
    assert [fault["code"] for fault in run.result["faults"]] == ["exception"]
    assert run.result["ended"] == "fault"
    assert run.result["strokes"] <= 12  # the rarest task comes round four times a second
    assert simulation.lives_us == [0], "the watchdog bit although the fault was being shown"
    assert simulation.world.pads() >> board.PIN_EN_N & 1 == 1
    assert any("Firmware error" in line for line in simulation.hands.lines())
    assert "made by a test" in capfd.readouterr().err


@pytest.mark.hazard("H17", "H20")
@pytest.mark.parametrize("task", tasks.METHODS)
def test_ctrl_c_at_the_usb_port_switches_the_drive_off_before_the_prompt(task, monkeypatch):
    pads = []

    def prompt(stopped):
        assert isinstance(stopped, KeyboardInterrupt)
        pads.append(simulation.world.pads())
        return "end"

    simulation = Simulation(load("zone_neck"))
    monkeypatch.setitem(TIERS, "cpython", broken_life(task, KeyboardInterrupt(), prompt))
    run = simulation.run()
    assert pads[0] >> board.PIN_EN_N & 1 == 1
    assert [fault["code"] for fault in run.result["faults"]] == ["exception"]
    assert run.result["journal_strokes"] >= 7
