"""The step tables of a pen as strokes use them: which gear a way takes, how long it takes, whether a table is intact.

A way out is the ramp of a gear, its cruise, its bend into the braking, and the end of the one
braking that all gears share. A way in is the ramp of a gear, its cruise and the ramp's mirror image. Nothing here
changes a table.
"""

from array import array
from binascii import crc32

from micropython import const

CYCLES_PER_US = const(125)
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
