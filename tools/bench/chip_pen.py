"""Runs on the emulated chip as main.py: the whole pen as the firmware's own main.py makes it, and looks at its heap.

Whenever the needles have come to rest it collects and says: strokes, bytes free, the latest start of a task in us, and
how many were too late. Between two such looks nothing is added to the loop but a question whether they rest.
"""

import gc
import time

import board
import micropython
import safety
from machine import mem32
from micropython import const

PORT = const(0x3C000000)  # sim/silicon/chip.py


def say(text):
    for code in (text + "\n").encode():
        mem32[PORT + 4] = code


def weigh(where):
    gc.collect()
    say(f"heap {gc.mem_free()} {where}")


class Looked:
    """Stands for the scheduler's pass."""

    def __init__(self, pen):
        self.pen = pen
        self.once = pen.scheduler.run_once
        self.moved = False
        self.ready = False

    def run_once(self):
        wait_us = self.once()
        pen = self.pen
        moving = pen.motor.armed()
        if self.moved and not moving:
            tasks = pen.scheduler.tasks
            late_us = max([task.worst_late_us for task in tasks])
            gc.collect()
            say(f"rest {pen.motor.strokes()} {gc.mem_free()} {late_us} {pen.scheduler.overruns()}")
        if not self.ready and pen.safety.state == safety.READY:
            self.ready = True
            say(f"ready {time.ticks_ms()}")
        self.moved = moving
        return wait_us


def main():
    micropython.kbd_intr(-1)
    board.drive_off()
    board.set_clock()
    weigh("in the slot's loader")
    front = bytearray(2048)  # as main.py does it
    from base import Base

    base = Base()
    weigh("step tables and parser made")
    gc.threshold(4096)
    from pen import Pen

    weigh("all imported")
    pen = Pen(time, board.reset_cause(), base)
    weigh("the pen made")
    pen.boot()
    del front
    weigh("self-test over")
    gc.threshold(-1)
    pen.scheduler.run_once = Looked(pen).run_once
    say(f"up {time.ticks_ms()}")
    pen.run()


main()
