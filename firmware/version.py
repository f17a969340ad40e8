"""The firmware's version, as people read it and as the journal stores it."""

from micropython import const

TEXT = "0.1.0"
NUMBER = const(0x0010)  # major, minor, patch in 4, 8 and 4 bits
