"""Runs on the MicroPython VM in place of main: the pen's own loop, with every call of a firmware function counted.

Prints one line when STROKES strokes of a run are over: what the motor task called, how much of that was the record,
and what the sense task called. Only calls of the firmware's own functions and methods count, each once.
"""

import sys
import time

import _mounted  # noqa: F401
import boot  # noqa: F401
import machine
import micropython
import pen as pen_module
from base import Base
from pace import Pace
from pen import Pen

WARM_UP = 5
STROKES = 20
NOT_FIRMWARE = (
    "__main__", "boot", "machine", "micropython", "neopixel", "onewire", "registers", "rp2", "time", "uctypes")


@micropython.native
def _native():
    pass


@micropython.viper
def _viper():
    pass


FUNCTIONS = (type(lambda: 0), type(_native), type(_viper))


class Tally:
    """Calls by the task they were made in; `record` is part of `motor`."""

    def __init__(self):
        self.counting = None
        self.recording = False
        self.calls = {"motor": 0, "record": 0, "sense": 0}

    def counted(self, function):
        def call(*arguments, **named):
            if self.counting:
                self.calls[self.counting] += 1
                if self.recording:
                    self.calls["record"] += 1
            return function(*arguments, **named)

        return call

    def task(self, name, run):
        def call(now_us):
            self.counting = name
            try:
                return run(now_us)
            finally:
                self.counting = None

        return call

    def record(self, on_stroke):
        def call(depth_um, achieved_um, flags, zone):
            self.recording = True
            try:
                return on_stroke(depth_um, achieved_um, flags, zone)
            finally:
                self.recording = False

        return call


def replace_all(tally):
    """Put a counting wrapper over every function and method of the modules that are the firmware's."""
    wrappers = {}
    foreign = set()  # what firmware modules import from the simulator's, such as Pin
    for module in (machine, time, __import__("rp2"), __import__("neopixel"), __import__("onewire"),
                   __import__("registers")):
        foreign |= {id(getattr(module, item)) for item in dir(module)}

    def wrapped(function):
        if id(function) not in wrappers:
            wrappers[id(function)] = tally.counted(function)
        return wrappers[id(function)]

    for name, module in list(sys.modules.items()):
        if name.startswith("_") or name in NOT_FIRMWARE:
            continue
        for item in dir(module):
            value = getattr(module, item)
            if id(value) in foreign:
                continue
            if type(value) in FUNCTIONS:
                setattr(module, item, wrapped(value))
            elif isinstance(value, type) and value.__name__ == item:
                replace_methods(value, wrapped)


def replace_methods(owner, wrapped):
    if not hasattr(owner, "__dict__"):
        return
    for name in list(owner.__dict__):
        value = owner.__dict__[name]
        if type(value) in FUNCTIONS and name != "__init__":
            setattr(owner, name, wrapped(value))


def main():
    tally = Tally()
    pen = Pen(time, machine.reset_cause(), Base())
    pen.boot()
    replace_all(tally)
    sense, motor = pen.scheduler.tasks[:2]
    assert (sense.name, motor.name) == ("sense", "motor")
    # these were bound before the wrappers were there
    pen.motor._look = pen.sensors.read_pads
    pen.pace = Pace(pen)
    pen.motor._on_stroke = tally.record(pen.pace.on_stroke)
    pen.pace.drive(pen.motor)
    motor.run = pen.pace.run
    plain = sense.run, motor.run
    begun = done = False
    while True:
        strokes = pen.motor.strokes()
        if not begun and strokes == WARM_UP:
            begun = True
            sense.run, motor.run = tally.task("sense", pen._sense), tally.task("motor", pen.pace.run)
        elif begun and not done and strokes == WARM_UP + STROKES:
            done = True
            sense.run, motor.run = plain
            calls = tally.calls
            print("CALLS", STROKES, calls["motor"], calls["record"], calls["sense"])
        wait_us = pen.scheduler.run_once()
        if wait_us > 0:
            time.sleep_us(wait_us)


assert pen_module.Pen is Pen
main()
