"""Step tables of a pen, planned in integers once at boot. Pure.

Invariants:
- The needles are braked on the way out no harder than the carriage brakes by itself when nothing drives it
  (the coast limit), so that a drive lost at any moment leaves them short of the depth.
- At every cycle the staircase of steps is within half a microstep of an ideal motion within the limits.
- A microstep of a cruise takes a whole number of cycles, so that no cruise drifts, however long it is.

A way out is the ramp of a gear, its cruise, its bend into the braking, and the end of the one braking that all
gears share. A way in is the ramp of a gear, its cruise and the ramp's mirror image. A new depth needs no new table.
"""

from array import array
from binascii import crc32

from micropython import const
from ramps import CYCLES_PER_S, STEP_UM_X4, Brake, Ramp, isqrt

OUT_GEARS = const(12)  # at most
IN_GEARS = const(6)
SETTLE_CYCLES = const(250000)  # outward, between ramp and braking at least: 2 ms for the carriage's swing to die down
SHORTEST_STEPS = const(160)  # every stroke from 0.2 mm of travel on has a gear
TABLE_BYTES_MAX = const(16384)


class OutGear:
    """`up`: the ramp and the first microstep of the cruise. `bend`: from the cruise into the shared braking,
    of which the last `tail_steps` words follow."""

    def __init__(self, ramp, brake, word):
        period = ramp.cruise_cycles
        steps = ramp.steps
        self.steps = steps
        self.cruise_cycles = period
        self.jerk_cycles = ramp.t1
        self.lost_cycles = brake.lost_cycles(period)
        up = _room(steps + 1)
        ramp.edges(up, brake.late(period))
        # as if it were the only microstep of the cruise
        up[steps] = period * (2 * steps + 1) + self.lost_cycles - brake.cruise_edge(0, period)
        self.up = _words(up, 0, word, True)
        self.down_steps = brake.edges(period)
        self.least_steps = _least_out_steps(ramp, brake)  # of a way that it is good for
        self.tail_steps = brake.full_edges(period) - 1
        start = brake.cruise_edge(self.down_steps, period)
        bend = _room(self.down_steps - self.tail_steps)
        for k in range(len(bend) - 1):
            bend[k] = start - brake.bend_edge(self.down_steps - 1 - k, period)
        bend[len(bend) - 1] = start - brake.edge(self.tail_steps)
        self.bend = _words(bend, 0, word, True)
        self.cruise = array("I", [word(period, True)])

    def cycles(self, steps: int) -> int:
        return self.cruise_cycles * (steps + self.steps) + self.lost_cycles


class InGear:
    """`up`: the ramp and the first microstep of the cruise, from the last step out on. `down`: its mirror image."""

    def __init__(self, ramp, turn_cycles, word):
        period = ramp.cruise_cycles
        steps = ramp.steps
        self.steps = steps
        self.cruise_cycles = period
        self.jerk_cycles = ramp.t1
        self.least_steps = 2 * steps + 1
        up = _room(steps + 1)
        down = _room(steps)
        ramp.edges(up)
        start = ramp.cycles + period // 2
        for k in range(steps):
            # mirrored, the first cycle past the half microstep is the last one before it
            down[steps - 1 - k] = start - up[k] + (0 if ramp.whole(k + 1, up[k]) else 1)
        up[steps] = ramp.cycles + period - period // 2
        self.up = _words(up, -turn_cycles, word, False)
        self.down = _words(down, 0, word, False)
        self.cruise = array("I", [word(period, False)])

    def cycles(self, steps: int) -> int:
        return self.cruise_cycles * (steps + 2 * self.steps)


def _least_out_steps(ramp, brake):
    period = ramp.cruise_cycles
    return ramp.steps + 1 + SETTLE_CYCLES // period + brake.edges(period)


def _room(count):
    return array("I", bytes(4 * count))


def _words(edges, start, word, outward):
    """Turn edges, in cycles, into the words of the gaps between them, in place."""
    for k in range(len(edges) - 1, 0, -1):
        edges[k] = word(edges[k] - edges[k - 1], outward)
    edges[0] = word(edges[0] - start, outward)
    return edges


def _spread(least, most, count):
    """Lengths of ramps from least to most, closer together where they are short: equal steps of their roots."""
    low = isqrt(least << 16)
    high = isqrt(most << 16)
    last = max(1, count - 1)
    return [max(1, (low + (high - low) * i // last) ** 2 >> 16) for i in range(count - 1)] + [most]


class Profile:
    """All gears of a pen, slowest first, and the braking that the ways out share."""

    def __init__(self, speed_um_s: int, accel_um_s2: int, jerk_um_s3: int, coast_um_s2: int, word):
        """Limits in um/s, um/s^2, um/s^3; `word(cycles, outward)` makes the step generator's word.

        ValueError if no ramp keeps to them, or the tables would need more than TABLE_BYTES_MAX.
        """
        ramp_us = 1000000 * speed_um_s // accel_um_s2 + 1000000 * accel_um_s2 // jerk_um_s3
        top_steps = speed_um_s * ramp_us * 4 // (2000000 * STEP_UM_X4)
        if top_steps < 2:
            raise ValueError("no ramp fits these limits")
        limits = (speed_um_s, accel_um_s2, jerk_um_s3)
        # at low speeds the jerk limit leaves no room to brake as hard as that
        coast_um_s2 = min(coast_um_s2, accel_um_s2, isqrt(jerk_um_s3 * speed_um_s // 2))
        self.brake = brake = Brake(coast_um_s2, jerk_um_s3)
        top_period = Ramp(top_steps, limits).cruise_cycles
        self.tail = self._braking(top_period, word)
        turn_cycles = brake.edge(0)
        lengths = _spread(min(SHORTEST_STEPS // 2 - 1, top_steps), top_steps, IN_GEARS)
        self.in_gears = [InGear(Ramp(steps, limits), turn_cycles, word) for steps in lengths]
        self.out_gears = []
        for steps in self._out_lengths(top_steps, top_period, limits, coast_um_s2):
            ramp = Ramp(steps, limits)
            if brake.full_edges(ramp.cruise_cycles) > 1:  # else too slow for a braking of this jerk
                self.out_gears.append(OutGear(ramp, brake, word))
        if not self.out_gears:
            raise ValueError("no ramp fits these limits")
        self._tables = self._all_tables()
        self._sums = [crc32(table) for table in self._tables]

    def _braking(self, top_period, word):
        """The tail: all edges that come while braking in full from the fastest cruise. The largest table goes first."""
        brake = self.brake
        steps = max(1, brake.full_edges(top_period) - 1)
        tail = _room(steps)
        start = brake.edge(steps)
        for k in range(steps):
            tail[k] = start - brake.edge(steps - 1 - k)
        return _words(tail, 0, word, True)

    def _out_lengths(self, top_steps, top_period, limits, coast_um_s2):
        """As many gears as there is memory for, the slowest good for the shortest stroke."""
        brake = self.brake
        _, accel_um_s2, _ = limits
        least = max(1, min(SHORTEST_STEPS * coast_um_s2 // (accel_um_s2 + coast_um_s2), top_steps))
        while least > 1 and _least_out_steps(Ramp(least, limits), brake) > SHORTEST_STEPS:
            least -= 1
        bend = brake.edges(top_period) - brake.full_edges(top_period) + 2
        left = TABLE_BYTES_MAX // 4 - len(self.tail)
        left -= sum([2 * gear.steps + 2 for gear in self.in_gears])
        for count in range(OUT_GEARS, 1, -1):
            lengths = _spread(least, top_steps, count)
            if sum(lengths) + count * (2 + bend) <= left:
                return lengths
        raise ValueError("no room for the step tables of these limits")

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

    def _all_tables(self):
        found = [self.tail]
        for gear in self.out_gears:
            found += [gear.up, gear.cruise, gear.bend]
        for gear in self.in_gears:
            found += [gear.up, gear.cruise, gear.down]
        return found

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
    return gear.cycles(steps) // (CYCLES_PER_S // 1000000) + 1
