"""What the benchmark says a stroke costs the CPU is what was spent: calls on the VM, cycles on the emulated chip."""

import sys

import pytest

from sim.link import DirectLink
from sim.space import FIRMWARE, FirmwareSpace
from sim.world import ChipStopped
from tools.bench import chip_cpu

WARM_UP, STROKES = 5, 20  # as tools/bench/vm/vm_calls.py has them


class Profile:
    """Counts the firmware's functions that CPython enters while a task runs, by sys.setprofile: no wrapper at all."""

    def __init__(self):
        self.calls = {"Pace.run": 0, "Pen._sense": 0}
        self._task = None

    def __call__(self, frame, event, _argument):
        code = frame.f_code
        if not code.co_filename.startswith(str(FIRMWARE)) or code.co_name == "<listcomp>":
            return
        if event == "call":
            if code.co_qualname in self.calls and self._task is None:
                self._task = frame
            if self._task is not None:
                self.calls[self._task.f_code.co_qualname] += 1
        elif event == "return" and frame is self._task:
            self._task = None


def count_on_cpython():
    """The same run on the cpython tier; calls a stroke of the motor task and of the sense task."""
    space = FirmwareSpace(DirectLink(chip_cpu.run_at_20_hz().world))
    space.module("boot")
    clock = space.module("time")
    pen = space.module("pen").Pen(clock, space.module("machine").reset_cause(), space.module("base").Base())
    pen.boot()
    profile = Profile()
    try:
        while pen.motor.strokes() < WARM_UP + STROKES:
            sys.setprofile(profile if pen.motor.strokes() >= WARM_UP else None)
            wait_us = pen.scheduler.run_once()
            sys.setprofile(None)
            if wait_us > 0:
                clock.sleep_us(wait_us)
    except ChipStopped as stopped:
        pytest.fail(f"the run ended before {WARM_UP + STROKES} strokes: {stopped.why}")
    finally:
        sys.setprofile(None)
    return {name: calls / STROKES for name, calls in profile.calls.items()}


@pytest.mark.micropython
def test_calls_on_the_vm_are_those_that_a_profiler_sees(need_micropython):
    if chip_cpu.find_micropython() is None:
        pytest.skip("no MicroPython VM")
    counted = chip_cpu.calls_on_vm()
    assert counted == chip_cpu.calls_on_vm()
    seen = count_on_cpython()
    assert (counted["stroke_calls"], counted["watching_calls"]) == (seen["Pace.run"], seen["Pen._sense"])
    assert 0 < counted["of_these_record_calls"] < counted["stroke_calls"]


def test_cycles_are_counted_without_what_the_marks_cost():
    """A made-up run: a mark costs 30 cycles, a marked call 70 more than a plain one that takes 9."""
    calibrate, done = chip_cpu.CALIBRATE, chip_cpu.DONE
    one, plain, around = 30, 30 + 9, 30 + 9 + 70
    marks, cycle = [], 0

    def mark(what, after):
        nonlocal cycle
        cycle += after
        marks.append((what, cycle))

    for _ in range(2):
        mark(calibrate, 500)
        mark(calibrate + 1, one)
        mark(calibrate + 2, plain)
        mark(chip_cpu.PASS, 40)
        mark(chip_cpu.PASS + 1, 45)
        mark(calibrate + 3, around - 85)
    mark(chip_cpu.READY, 1000)
    for _ in range(4):  # strokes: a pass of 900 with 600 of motor, of which 250 record, and 200 of sense
        start = cycle + 100
        marks += [
            (chip_cpu.PASS, start), (chip_cpu.SENSE, start + 50), (chip_cpu.SENSE + 1, start + 50 + 200 + one),
            (chip_cpu.MOTOR, start + 400), (chip_cpu.RECORD, start + 500),
            (chip_cpu.RECORD + 1, start + 500 + 250 + one), (chip_cpu.MOTOR + 1, start + 400 + 600 + one + 70),
            (chip_cpu.PASS + 1, start + 900 + one + 3 * 70)]
        cycle = marks[-1][1]
    mark(done, 10)
    cost = chip_cpu._cost_of_marks(marks)
    assert cost == (one, 70)
    spent, calls = chip_cpu._spent(marks, cost)
    assert calls[chip_cpu.RECORD] == calls[chip_cpu.PASS] == 4
    assert spent == {"stroke": 2400, "of_this_record": 1000, "watching": 800, "loop": 400}


@pytest.mark.silicon
def test_strokes_on_the_chip_cost_what_the_page_says(uf2):
    """A stroke is under 1 %; of the rest a tenth above docs/motion.md is let pass: another release of MicroPython."""
    found = chip_cpu.cycles_on_chip(uf2)
    assert found["strokes"] == 20
    depth_um, rate = found["said"].split(" um, ")
    assert abs(int(depth_um) - chip_cpu.DEPTH_UM) <= 2  # a microstep is 1.25 um
    assert rate == "20000 mHz"
    assert found["stroke_percent_at_20_hz"] < 1
    assert found["of_this_record_percent_at_20_hz"] < 0.16 * 1.1
    assert found["watching_percent_at_20_hz"] < 13.8 * 1.1
    assert found["loop_percent_at_20_hz"] < 4.5 * 1.1
