"""A CPU that hangs while the pen starts: a restart with the fault on record, and the needles in."""

import pytest

from sim.link import DirectLink
from sim.run import Simulation
from sim.scenario import HandStep, Mishap, Scenario
from sim.space import FirmwareSpace, shim
from sim.tiers import TIERS
from sim.world import ChipStopped

board = shim("board")
OUT_UM = 2000.0


def started(ms, *mishaps):
    return Simulation(Scenario(
        name="started", title="started", plant={"start_um": OUT_UM}, faults=list(mishaps), settle_ms=0, limit_s=60,
        hands=[HandStep(do="wait", ms=ms)]))


@pytest.mark.hazard("H11", "H05")
@pytest.mark.parametrize("at_ms", [2, 20, 60, 77, 100, 120, 140, 300])
def test_a_cpu_that_hangs_in_the_start_is_restarted_and_the_needles_come_in(at_ms):
    simulation = started(13000, Mishap(what="cpu_hang", at_ms=at_ms))
    result = simulation.run().result
    assert len(simulation.lives_us) == 2 and result["ended"] == "blocked"
    assert [fault["code"] for fault in result["faults"]] == ["watchdog"]
    assert result["needles_retracted"] and result["max_extension_um"] <= OUT_UM + 45


@pytest.mark.hazard("H11")
def test_hangs_in_a_row_do_not_move_the_needles_for_ever(monkeypatch):
    """After a hang in the start each life hangs in the motion that brings them in; the third has them left out."""
    moved = []

    def life(world):
        space = FirmwareSpace(DirectLink(world))
        begin = space.module("carriage").Carriage.start_retract

        def hangs(needles, code, now_us):
            begun = begin(needles, code, now_us)
            moved.append(begun)
            world.hung = True
            return begun

        space.module("carriage").Carriage.start_retract = hangs
        try:
            space.module("main").main()
        except ChipStopped as stopped:
            return stopped.why
        raise AssertionError("main returned")

    monkeypatch.setitem(TIERS, "cpython", life)
    simulation = started(40000, Mishap(what="cpu_hang", at_ms=100))
    result = simulation.run().result
    assert len(moved) == board.HANGS_MAX - 1
    assert len(simulation.lives_us) == board.HANGS_MAX + 1
    assert [fault["code"] for fault in result["faults"]][-1] == "internal" and result["ended"] == "fault"
    assert any("Switch off and on" in line for line in simulation.hands.lines())


def test_hangs_that_lie_far_apart_are_not_in_a_row():
    mishaps = [Mishap(what="cpu_hang", at_ms=at_ms) for at_ms in (20_000, 40_000, 60_000)]
    simulation = Simulation(Scenario(
        name="apart", title="apart", faults=mishaps, settle_ms=0, limit_s=90, hands=[HandStep(do="wait", ms=75_000)]))
    result = simulation.run().result
    assert len(simulation.lives_us) == 4
    assert {fault["code"] for fault in result["faults"]} == {"watchdog"}


def test_a_firmware_that_cannot_be_made_leaves_no_watchdog_running(monkeypatch, capfd):
    """Service mode has nobody to feed it: its prompt would be gone 8 s later."""
    ended = []

    def life(world):
        space = FirmwareSpace(DirectLink(world))

        def broken(_base, _watchdog=None):
            raise ValueError("no tables")

        space.module("base").Base.__init__ = broken
        try:
            space.module("main").main()
            ended.append(world.now_us)
            world.hang()
        except ChipStopped as stopped:
            return stopped.why
        raise AssertionError("unreachable")

    monkeypatch.setitem(TIERS, "cpython", life)
    simulation = started(15000)
    simulation.run()
    assert len(ended) == len(simulation.lives_us) == 1
    assert simulation.world.pads() >> board.PIN_EN_N & 1 == 1
    assert "no tables" in capfd.readouterr().err
