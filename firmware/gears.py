"""The step tables of a pen as strokes use them: which gear a way takes, how long it takes, whether a table is intact.

`profile` plans them, and writes them down as the file that `stored` reads: a magic number, the CRC-32 of all that
follows, the four limits they are for, how many gears there are out and in, and the steps of the tail; a row for each
gear, its fields in order and the steps of its two tables; then the words of all tables. 32 bits each, little endian.

A way out is the ramp of a gear, its cruise, its bend into the braking, and the end of the one
braking that all gears share. A way in is the ramp of a gear, its cruise and the ramp's mirror image. Nothing here
changes a table.
"""

import struct
from array import array
from binascii import crc32

from micropython import const

CYCLES_PER_US = const(125)
MAGIC = const(0x31524147)  # "GAR1"
HEAD_WORDS = const(9)
_NO_TABLE = array("I")  # until there is one


class OutGear:
    """`up`: the ramp and the first microstep of the cruise. `bend`: from the cruise into the shared braking,
    of which the last `tail_steps` words follow. All braking takes `down_steps`. Good for `least_steps` and more."""

    def __init__(
        self, steps, cruise_word, cruise_cycles, jerk_cycles, lost_cycles, down_steps, tail_steps, least_steps
    ):
        self.steps = steps
        self.cruise = array("I", [cruise_word])
        self.cruise_cycles = cruise_cycles
        self.jerk_cycles = jerk_cycles
        self.lost_cycles = lost_cycles
        self.down_steps = down_steps
        self.tail_steps = tail_steps
        self.least_steps = least_steps
        self.up = self.bend = _NO_TABLE

    def cycles(self, steps: int) -> int:
        return self.cruise_cycles * (steps + self.steps) + self.lost_cycles


class InGear:
    """`up`: the ramp and the first microstep of the cruise, from the last step out on. `down`: its mirror image."""

    def __init__(self, steps, cruise_word, cruise_cycles, jerk_cycles):
        self.steps = steps
        self.cruise = array("I", [cruise_word])
        self.cruise_cycles = cruise_cycles
        self.jerk_cycles = jerk_cycles
        self.least_steps = 2 * steps + 1
        self.up = self.down = _NO_TABLE

    def cycles(self, steps: int) -> int:
        return self.cruise_cycles * (steps + 2 * self.steps)


class Gears:
    """All gears of a pen, slowest first, and `tail`, the braking that the ways out share."""

    def __init__(self, tail, out_gears, in_gears):
        self.tail = tail
        self.out_gears = out_gears
        self.in_gears = in_gears
        self._tables = [tail]
        for gear in out_gears:
            self._tables += [gear.up, gear.cruise, gear.bend]
        for gear in in_gears:
            self._tables += [gear.up, gear.cruise, gear.down]
        self._sums = [crc32(table) for table in self._tables]

    def out_gear(self, steps: int):
        """The fastest gear for so many microsteps outward; None if they are too few for any."""
        return _fastest(self.out_gears, steps)

    def in_gear(self, steps: int):
        """The fastest gear for so many microsteps inward; None if they are too few for any."""
        return _fastest(self.in_gears, steps)

    def out_us(self, steps: int) -> int:
        """How long so many microsteps outward take, rest to rest; ValueError if too few for any gear."""
        return _us(self.out_gear(steps), steps)

    def in_us(self, steps: int) -> int:
        """The same for the way in."""
        return _us(self.in_gear(steps), steps)

    def unchanged(self, table) -> bool:
        """True if this is one of the tables, and still what it was when it was made. It may allocate."""
        for i in range(len(self._tables)):
            if self._tables[i] is table:
                return crc32(table) == self._sums[i]
        return False

    def table_bytes(self) -> int:
        return sum([4 * len(table) for table in self._tables])


def stored(data, limits):
    """The gears that a file's bytes hold, or None unless they are whole and made for these limits.

    `limits`: speed in um/s, acceleration in mm/s^2, jerk in mm/s^3, deceleration of a coast in mm/s^2.
    """
    if data is None or len(data) < 4 * HEAD_WORDS:
        return None
    head = struct.unpack_from("<9I", data, 0)
    if head[0] != MAGIC or head[1] != crc32(memoryview(data)[8:]) or head[2:6] != tuple(limits):
        return None
    at = 4 * HEAD_WORDS
    out_rows = [struct.unpack_from("<10i", data, at + 40 * i) for i in range(head[6])]
    at += 40 * head[6]
    in_rows = [struct.unpack_from("<6i", data, at + 24 * i) for i in range(head[7])]
    at += 24 * head[7]
    counts = [head[8]]
    for row in out_rows + in_rows:
        counts += row[-2:]
    tables = _tables(data, at, counts)
    tail = next(tables)
    out_gears = []
    for row in out_rows:
        gear = OutGear(*row[:-2])
        gear.up, gear.bend = next(tables), next(tables)
        out_gears.append(gear)
    in_gears = []
    for row in in_rows:
        gear = InGear(*row[:-2])
        gear.up, gear.down = next(tables), next(tables)
        in_gears.append(gear)
    return Gears(tail, out_gears, in_gears)


def _tables(data, at, counts):
    for count in counts:
        yield array("I", data[at : at + 4 * count])
        at += 4 * count


def _fastest(gears, steps):
    best = None
    for gear in gears:
        if gear.least_steps <= steps:
            best = gear
    return best


def _us(gear, steps):
    if gear is None:
        raise ValueError("a stroke of %d microsteps is too short for any gear" % steps)
    return gear.cycles(steps) // CYCLES_PER_US + 1
