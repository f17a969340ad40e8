"""Runs on the MicroPython VM in place of main: the pen's own loop, with every pass weighed while the needles move.

Prints, at the end of each run of strokes: passes, passes that allocated, bytes allocated, overruns, and the
worst lateness in us.
"""

import gc
import time

gc.threshold(4096)  # as main.py does it until the pen is made

import _mounted  # noqa: E402, F401
import boot  # noqa: E402, F401
import machine  # noqa: E402
from base import Base  # noqa: E402
from pen import Pen  # noqa: E402


class Scale:
    def __init__(self, scheduler, motor):
        self.scheduler = scheduler
        self.motor = motor
        self.passes = 0
        self.heavy = 0
        self.bytes = 0

    def weigh(self):
        before = gc.mem_alloc()
        wait_us = self.scheduler.run_once()
        grown = gc.mem_alloc() - before
        if self.motor.armed():
            self.passes += 1
            if grown:
                self.heavy += 1
                self.bytes += grown
        return wait_us

    def worst_late_us(self):
        return max([task.worst_late_us for task in self.scheduler.tasks])


def main():
    pen = Pen(time, machine.reset_cause(), Base())
    pen.boot()
    gc.threshold(-1)
    scale = Scale(pen.scheduler, pen.motor)
    was_armed = False
    while True:
        if was_armed:
            gc.disable()  # a collection inside a pass would hide what it allocated
        wait_us = scale.weigh()
        if not pen.motor.armed():
            gc.enable()
            if was_armed and pen.motor.strokes():
                print("PROBE", scale.passes, scale.heavy, scale.bytes, pen.scheduler.overruns(), scale.worst_late_us())
        was_armed = pen.motor.armed()
        if wait_us > 0:
            time.sleep_us(wait_us)


main()
