"""The cartridge's wire bit by bit: slots told apart by how long the chip holds the line low.

Invariants: a slot begins with a falling edge of the chip's pad; a part that has a bit to send answers within it, one
that listens takes its bit when the line is let go. Times are those of the DS2431 at standard speed (datasheet, "1-Wire
Signaling"). Not modelled: overdrive, rise time, two chips on one wire.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.parts.ds2431 import Ds2431

RESET_NS = 470_000  # tRSTL is 480 us at least; a delay in whole microseconds misses that by up to one
ONE_NS = 15_000  # a low time up to here is a one, or a read slot (tW1L, tRL)
HOLD_NS = 30_000  # how long a part holds the line for a zero: beyond the chip's look at 15 us
PRESENCE_NS = (30_000, 120_000)  # tPDH and tPDL: after the line is let go, and for how long

Later = Callable[[int, Callable[[], None]], None]


class OneWireLine:
    """`part()` is the cartridge's memory now, `later(ns, call)` lets time go by, `show(level)` moves the wire.

    `disturbed()` is 1 where a bit arrives wrong.
    """

    def __init__(
        self, part: Callable[[], Ds2431], later: Later, show: Callable[[int], None],
        disturbed: Callable[[], int] = lambda: 0,
    ):
        self._part = part
        self._later = later
        self._show = show
        self._disturbed = disturbed
        self._chip_low = self._part_low = False
        self._fell_ns = 0
        self._answered = False
        self._holds = 0  # how often the part has pulled the line: an older release ends no newer hold

    def drive(self, level: int, t_ns: int) -> None:
        """The chip's pad pulls the wire low (0) or lets it go (1)."""
        low = not level
        if low == self._chip_low:
            return
        self._chip_low = low
        if low:
            self._fell_ns = t_ns
            part = self._part()
            self._answered = part.sends
            if self._answered and not part.read_bit(t_ns) ^ self._disturbed():
                self._hold(HOLD_NS)
        else:
            self._let_go(t_ns - self._fell_ns)
        self._moved()

    def _let_go(self, low_ns: int) -> None:
        if low_ns >= RESET_NS:
            if self._part().reset(self._fell_ns):
                self._later(PRESENCE_NS[0], self._presence)
        elif not self._answered:
            self._part().write_bit(int(low_ns <= ONE_NS) ^ self._disturbed(), self._fell_ns)

    def _presence(self) -> None:
        self._hold(PRESENCE_NS[1])
        self._moved()

    def _hold(self, ns: int) -> None:
        self._part_low = True
        self._holds += 1
        number = self._holds
        self._later(ns, lambda: self._release(number))

    def _release(self, number: int) -> None:
        if number == self._holds:
            self._part_low = False
            self._moved()

    def _moved(self) -> None:
        self._show(int(not (self._chip_low or self._part_low)))
