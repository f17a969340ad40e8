"""Lies on the pen as /main.py, outside the slots: closes Ctrl-C, then runs the firmware in the slot of this start.

In service mode it does nothing, and MicroPython's prompt opens behind it.
"""

import micropython

micropython.kbd_intr(-1)

if __name__ == "__main__":
    import slots

    slots.start()
    micropython.kbd_intr(3)
