"""The I2C bus of the display and the clock: who answers, and who holds SDA low.

Invariants: a bus whose SDA is held low carries nothing until the part that holds it has seen the rest of its clocks;
a transaction that nobody acknowledges reaches no part.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

NOT_ACKNOWLEDGED, ACKNOWLEDGED, HELD = 0, 1, 2  # what the master sees of a transaction
CLOCKS_OF_A_BYTE = 9
FOR_EVER = -1
NOISE = 4  # on a disturbed bus every so manieth transaction is not acknowledged, on average


class I2cBus:
    """`parts` gives those on the bus: each with address, start, write, read, and power that it has or not."""

    def __init__(self, parts: Callable[[], tuple[Any, ...]], seed: int):
        self._parts = parts
        self._noise = random.Random(seed + 0x12C)
        self.noisy = False
        self._clocks_left = 0

    @property
    def sda(self) -> int:
        return 0 if self._clocks_left else 1

    def hold(self, clocks: int = CLOCKS_OF_A_BYTE) -> None:
        """A part lost count in mid transfer and holds SDA low until it has seen so many clocks, or FOR_EVER."""
        self._clocks_left = clocks

    def clock(self) -> None:
        """SCL rose, whoever drives it."""
        if self._clocks_left > 0:
            self._clocks_left -= 1

    def at(self, address: int, t_ns: int) -> Any:
        """The part that acknowledges this address now, None if none does."""
        for part in self._parts():
            if part.address == address and part.start(t_ns):
                return None if self.noisy and self._noise.randrange(NOISE) == 0 else part
        return None

    def write(self, address: int, data: bytes, t_ns: int) -> int:
        if self._clocks_left:
            return HELD
        part = self.at(address, t_ns)
        return ACKNOWLEDGED if part is not None and part.write(data, t_ns) else NOT_ACKNOWLEDGED

    def read(self, address: int, size: int, t_ns: int) -> tuple[int, bytes]:
        if self._clocks_left:
            return HELD, b"\xff" * size
        part = self.at(address, t_ns)
        data = None if part is None else part.read(size, t_ns)
        return (NOT_ACKNOWLEDGED, b"\xff" * size) if data is None else (ACKNOWLEDGED, data)
