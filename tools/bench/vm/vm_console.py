"""On the MicroPython VM in place of main: the pen's own loop, the console's passes weighed while needles move.

Prints after each run of strokes: passes, commands done in them, passes that allocated, bytes.
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
    def __init__(self, pen):
        self.pen = pen
        self.run = pen.console.run
        self.do = pen.console._next
        self.passes = self.done = self.heavy = self.bytes = 0
        pen.console.run = self.weigh
        pen.console._next = self.count

    def weigh(self, now_ms):
        if not self.pen.motor.armed():
            return self.run(now_ms)
        before = gc.mem_alloc()
        again_us = self.run(now_ms)
        grown = gc.mem_alloc() - before
        self.passes += 1
        if grown:
            self.heavy += 1
            self.bytes += grown
        return again_us

    def count(self, moving, now_ms):
        if moving:
            self.done += 1
        return self.do(moving, now_ms)


def main():
    pen = Pen(time, machine.reset_cause(), Base())
    pen.boot()
    gc.collect()
    gc.threshold(-1)
    scale = Scale(pen)
    told = 0
    while True:
        if pen.motor.armed():
            gc.disable()  # a collection inside a pass would hide what it allocated
        else:
            gc.enable()
        wait_us = pen.scheduler.run_once()
        if scale.passes > told and not pen.motor.armed():
            told = scale.passes
            print("CONSOLE", scale.passes, scale.done, scale.heavy, scale.bytes)
        if wait_us > 0:
            time.sleep_us(wait_us)


main()
