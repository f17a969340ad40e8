"""Number of the WS2812's hardware access; the range is set in `_ops`."""

from micropython import const

NEOPIXEL = const(110)  # a: pin, b: green << 16 | red << 8 | blue, as the wire carries it
