"""The cartridge's wire bit by bit: slots told apart by how long the chip holds the line low.

Invariants: a slot begins with a falling edge of the chip's pad; a part that has a bit to send answers within it, one
that listens takes its bit when the line is let go. Times are those of the DS2431 at standard speed (datasheet,
"Electrical Characteristics"), each at its worst: what lies outside them is no slot, and the part waits for a reset.
Not modelled: overdrive, rise time, two chips on one wire.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.parts.ds2431 import RESET_LOW_NS, Ds2431

ONE_NS = 15_000  # tW1L, tRL: the longest low of a one or of a read slot
READ_NS = 5_000  # tRL: the shortest low of a read slot
ZERO_NS = (60_000, 120_000)  # tW0L
SLOT_NS = 65_000  # tSLOT: the shortest time from one slot's edge to the next
RECOVERY_NS = 5_000  # tREC: the line high before the next edge
HOLD_NS = 30_000  # how long a part holds the line for a zero; 15 us at the worst, when MicroPython looks
EARLY, LATE = (15_000, 60_000), (60_000, 60_000)  # tPDH and tPDL: after the line is let go, and for how long

Later = Callable[[int, Callable[[], None]], None]


class OneWireLine:
    """`part()` is the cartridge's memory now, `later(ns, call)` lets time go by, `show(level)` moves the wire.

    `disturbed()` is 1 where a bit arrives wrong. `presence` is when the part answers a reset, and for how long.
    """

    def __init__(
        self, part: Callable[[], Ds2431], later: Later, show: Callable[[int], None],
        disturbed: Callable[[], int] = lambda: 0, presence: tuple[int, int] = LATE,
    ):
        self._part = part
        self._later = later
        self._show = show
        self._disturbed = disturbed
        self._presence_ns = presence
        self._chip_low = self._part_low = False
        self._fell_ns = self._rose_ns = -(1 << 60)
        self._early = False  # the slot under way began too soon after the one before
        self._answered = False
        self._holds = 0  # how often the part has pulled the line: an older release ends no newer hold

    def drive(self, level: int, t_ns: int) -> None:
        """The chip's pad pulls the wire low (0) or lets it go (1)."""
        low = not level
        if low == self._chip_low:
            return
        self._chip_low = low
        if low:
            self._fall(t_ns)
        else:
            self._let_go(t_ns, t_ns - self._fell_ns)
        self._moved(t_ns)

    def _fall(self, t_ns: int) -> None:
        self._early = (
            self._part_low or t_ns - self._fell_ns < SLOT_NS or t_ns - self._rose_ns < RECOVERY_NS)
        self._fell_ns = t_ns
        part = self._part()
        self._answered = part.sends and not self._early
        if self._answered and not part.read_bit(t_ns) ^ self._disturbed():
            self._hold(t_ns, HOLD_NS)

    def _let_go(self, t_ns: int, low_ns: int) -> None:
        part = self._part()
        if low_ns >= RESET_LOW_NS:
            if part.reset(self._fell_ns, low_ns):
                self._later(self._presence_ns[0], lambda: self._presence(t_ns + self._presence_ns[0]))
        elif self._early or not self._lasts(low_ns):
            part.garble(self._fell_ns)
        elif not self._answered:
            part.write_bit(int(low_ns <= ONE_NS) ^ self._disturbed(), self._fell_ns)

    def _lasts(self, low_ns: int) -> bool:
        """Whether the slot's low is one that the datasheet has."""
        if self._answered:
            return READ_NS <= low_ns <= ONE_NS
        return low_ns <= ONE_NS or ZERO_NS[0] <= low_ns <= ZERO_NS[1]

    def _presence(self, t_ns: int) -> None:
        self._hold(t_ns, self._presence_ns[1])
        self._moved(t_ns)

    def _hold(self, t_ns: int, ns: int) -> None:
        self._part_low = True
        self._holds += 1
        number = self._holds
        self._later(ns, lambda: self._release(number, t_ns + ns))

    def _release(self, number: int, t_ns: int) -> None:
        if number == self._holds:
            self._part_low = False
            self._moved(t_ns)

    def _moved(self, t_ns: int) -> None:
        level = int(not (self._chip_low or self._part_low))
        if level:
            self._rose_ns = t_ns
        self._show(level)
