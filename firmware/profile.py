"""Jerk-limited step tables, planned in integers once at boot. Pure.

A gear is one ramp from rest to a cruise speed and its mirror image, in both directions. A stroke of N
microsteps takes the fastest gear whose two ramps fit and cruises the rest, so a new depth needs no new
table. Edge k of a ramp lies where the ideal motion passes k - 1/2 microsteps, which keeps every edge within
half a microstep of the ideal. docs/motion.md derives the formulas.
"""

from array import array

from micropython import const

CYCLES_PER_S = const(125000000)
STEP_UM_X4 = const(5)  # a microstep is 1.25 um


def _isqrt(n):
    if n < 2:
        return n
    x = 1 << ((len(bin(n)) - 1) // 2 + 1)
    while True:
        y = (x + n // x) // 2
        if y >= x:
            return x
        x = y


class _Ramp:
    """Rest to cruise: jerk up for `t1` cycles, constant acceleration for `d`, jerk down for `t1`.

    Positions are scaled: S = 6 * F^3 * um, with F the cycles of a second; all integers are exact.
    """

    def __init__(self, steps, t1, jerk):
        cubed = CYCLES_PER_S * CYCLES_PER_S * CYCLES_PER_S
        self.jerk = jerk
        self.t1 = t1
        self.scale = 6 * cubed
        u = _isqrt(2 * steps * STEP_UM_X4 * cubed // (4 * jerk * t1) + t1 * t1 // 4)
        self.d = u - 3 * t1 // 2
        if self.d < 0:
            raise ValueError("a ramp of %d microsteps is too short for the acceleration and jerk limits" % steps)
        self.cycles = 2 * t1 + self.d
        self.speed = jerk * t1 * (t1 + self.d)  # F^2 * um/s
        self.total = 3 * self.speed * self.cycles
        self.cruise_cycles = (STEP_UM_X4 * cubed // 2 + self.speed) // (2 * self.speed)

    def position(self, t):
        if t <= self.t1:
            return self.jerk * t * t * t
        rest = self.cycles - t
        if rest <= self.t1:
            return self.total - 6 * self.speed * rest + self.jerk * rest * rest * rest
        past = t - self.t1
        return self.jerk * self.t1 * (self.t1 * self.t1 + 3 * self.t1 * past + 3 * past * past)

    def velocity(self, t):
        if t <= self.t1:
            return 3 * self.jerk * t * t
        rest = self.cycles - t
        if rest <= self.t1:
            return 6 * self.speed - 3 * self.jerk * rest * rest
        return self.jerk * self.t1 * (3 * self.t1 + 6 * (t - self.t1))

    def edge(self, k, guess):
        """The cycle in which the motion passes k - 1/2 microsteps (Newton from a guess, then rounded)."""
        target = self.scale * (2 * k - 1) * STEP_UM_X4 // 8
        t = max(1, min(self.cycles, guess))
        for _ in range(40):
            step = (self.position(t) - target) // self.velocity(t)
            if step == 0:
                break
            t = max(1, min(self.cycles, t - step))
        return t


class Gear:
    """The tables of one cruise speed. Each ramp holds `steps` words, the first of which starts the motion."""

    def __init__(self, steps, t1, jerk, word):
        ramp = _Ramp(steps, t1, jerk)
        self.steps = steps
        self.ramp_cycles = ramp.cycles
        self.cruise_cycles = ramp.cruise_cycles
        edges = [0]
        guess = t1 // 2
        for k in range(1, steps + 1):
            edge = ramp.edge(k, guess)
            guess = edge + (edge - edges[-1]) // 2 + 1
            edges.append(edge)
        gaps = [edges[k] - edges[k - 1] for k in range(1, steps + 1)]
        slowing = [ramp.cruise_cycles] + [gaps[k] for k in range(steps - 1, 0, -1)]
        turning = [2 * gaps[0]] + gaps[1:]  # the end of one ramp and the start of the next
        self.out_up = array("I", [word(gap, True) for gap in gaps])
        self.out_down = array("I", [word(gap, True) for gap in slowing])
        self.in_up = array("I", [word(gap, False) for gap in turning])
        self.in_down = array("I", [word(gap, False) for gap in slowing])
        self.cruise = array("I", [word(ramp.cruise_cycles, False), word(ramp.cruise_cycles, True)])


class Profile:
    """All gears of a pen, slowest first."""

    def __init__(self, speed_um_s: int, accel_um_s2: int, jerk_um_s3: int, gears: int, word):
        """Limits in um/s, um/s^2, um/s^3; `word(cycles, outward)` makes the step generator's word."""
        t1 = CYCLES_PER_S * accel_um_s2 // jerk_um_s3
        ramp_us = 1000000 * speed_um_s // accel_um_s2 + 1000000 * accel_um_s2 // jerk_um_s3
        top_steps = speed_um_s * ramp_us * 4 // (2000000 * STEP_UM_X4)
        if top_steps < gears:
            raise ValueError("no ramp fits these limits")
        self.gears = [Gear(top_steps * (i + 1) // gears, t1, jerk_um_s3, word) for i in range(gears)]

    def gear(self, steps: int):
        """The fastest gear for a stroke of so many microsteps each way; None if it is too short for any."""
        best = None
        for gear in self.gears:
            if 2 * gear.steps <= steps:
                best = gear
        return best

    def one_way_us(self, steps: int) -> int:
        """How long so many microsteps take, rest to rest; ValueError if too few for any gear."""
        gear = self.gear(steps)
        if gear is None:
            raise ValueError("a stroke of %d microsteps is too short for any gear" % steps)
        cycles = 2 * gear.ramp_cycles + (steps - 2 * gear.steps) * gear.cruise_cycles
        return cycles // (CYCLES_PER_S // 1000000) + 1

    def table_bytes(self) -> int:
        return sum([16 * gear.steps + 8 for gear in self.gears])
