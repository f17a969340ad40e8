"""Starts the pen and keeps the last word when the firmware itself is wrong.

An exception that nobody expected is a safe stop with a record: the drive goes off, the fault is written,
the panel says so, and only a restart leads out.
"""

import sys
import time

import board
import faults
import machine


def main():
    board.drive_off()
    pen = None
    try:
        from pen import Pen

        pen = Pen(time, machine.reset_cause())
        pen.boot()
        pen.run()
    except KeyboardInterrupt:  # somebody at the USB port: off first, on record, then the prompt
        board.drive_off()
        if pen is not None:
            pen.safety.trip(faults.EXCEPTION)
        raise
    except Exception as error:
        board.drive_off()
        sys.print_exception(error)
        if pen is not None:
            pen.stop(faults.EXCEPTION)


if __name__ == "__main__":
    main()
