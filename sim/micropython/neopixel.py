"""The simulator's `neopixel`: one WS2812 on a pin, with the interface of MicroPython's module.

Invariants: the LED changes only by `write`, which does not allocate. Only what the pen has is here: a strip
of one, three colours of a byte each.
"""

import _link
import _np_ops


class NeoPixel:
    """`pin`: a `machine.Pin`; `n` must be 1 and `bpp` 3. A colour is (red, green, blue), each 0..255."""

    def __init__(self, pin, n, bpp=3):
        if n != 1 or bpp != 3:
            raise ValueError("the pen has one WS2812 of three colours")
        self.pin = pin
        self.n = n
        self.bpp = bpp
        self.buf = bytearray(3)  # green, red, blue

    def __len__(self):
        return self.n

    def __setitem__(self, index, color):
        self._check(index)
        red, green, blue = color
        self.buf[0] = green & 0xFF
        self.buf[1] = red & 0xFF
        self.buf[2] = blue & 0xFF

    def __getitem__(self, index):
        self._check(index)
        return (self.buf[1], self.buf[0], self.buf[2])

    def fill(self, color):
        self[0] = color

    def write(self):
        buf = self.buf
        _link.call(_np_ops.NEOPIXEL, self.pin.number, buf[0] << 16 | buf[1] << 8 | buf[2], 0)

    def _check(self, index):
        if index != 0:
            raise IndexError("pixel index out of range")
