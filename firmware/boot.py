"""Runs before anything else, from outside the slots: the drive off first, then `slots` decides what starts.

The pin is written here, as in board.py, because nothing may be imported before the drive is off: a soft reset leaves
EN_N where it was, and any other file may be damaged.
"""

from machine import Pin

Pin(2, Pin.OUT, value=1)  # EN_N

import slots  # noqa: E402

slots.mount()

if __name__ == "__main__":  # on the chip; an import, in the simulator, goes on to main.py by itself
    slots.boot()
