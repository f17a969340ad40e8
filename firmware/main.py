"""Starts the pen and keeps the last word when the firmware itself is wrong.

An exception that nobody expected is a safe stop with a record: the drive goes off, the fault is written,
the panel says so, and only a restart leads out.
"""

import gc
import sys
import time

import board
import faults
from heap import tidy
from micropython import const

# Kept free at the front of the heap until the pen is made. Starts of tasks were late on the emulated chip without it;
# likely because MicroPython looks for a place from there on after a collection, also for a call with much state.
FRONT_BYTES = const(2048)


def _collect_after(heap_bytes):
    """Have the garbage collected whenever so much was allocated; -1: when there is no room. MicroPython alone can."""
    if hasattr(gc, "threshold"):
        gc.threshold(heap_bytes)


def main():
    board.drive_off()
    board.set_clock()
    cause = board.reset_cause()
    watchdog = board.start_watchdog(board.START_WATCHDOG_MS)
    pen = None
    try:
        front = bytearray(FRONT_BYTES)
        from base import Base

        base = Base(watchdog)
        # what importing leaves behind would lie among what stays
        _collect_after(4096)
        from pen import Pen

        watchdog.feed()
        pen = Pen(time, cause, base)
        pen.boot()
        del front
        tidy()
        _collect_after(-1)  # only when there is no room
        pen.run()
    except KeyboardInterrupt:  # somebody at the USB port: off first, on record, then the prompt
        board.drive_off()
        if pen is not None:
            pen.safety.trip(faults.EXCEPTION)
        raise
    except Exception as error:
        board.drive_off()
        if pen is not None:
            pen.stop(faults.EXCEPTION, error)
        board.stop_watchdog()  # there is no pen to show anything: service mode does
        sys.print_exception(error)


if __name__ == "__main__":
    main()
