"""The one wire between the chip's UART and the driver: what a disturbed line makes of a byte.

Invariant: a quiet line changes nothing. Both ends hear the same of what the chip sends, for it is one wire.
"""

from __future__ import annotations

import random

FLIP = 32  # while it is noisy, one byte in so many has a bit changed,
LOSE = 64  # one has a start bit that was not seen,
ADD = 64  # and before one there is a byte that nobody sent


class UartLine:
    """`noisy` until it is set back; `seed` is the noise."""

    def __init__(self, seed: int = 1):
        self.noisy = False
        self._random = random.Random(seed + 0x0A27)

    def carry(self, value: int) -> bytes:
        """What arrives of one byte: none, one or two."""
        if not self.noisy:
            return bytes((value,))
        arrived = bytearray()
        if not self._random.randrange(ADD):
            arrived.append(self._random.randrange(256))
        if self._random.randrange(LOSE):
            flip = 0 if self._random.randrange(FLIP) else 1 << self._random.randrange(8)
            arrived.append(value ^ flip)
        return bytes(arrived)
