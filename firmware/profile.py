"""Jerk-limited step tables, planned in integers once at boot. Pure.

A gear is one ramp from rest to a cruise speed and its mirror image, in both directions. A stroke of N
microsteps takes the fastest gear whose two ramps fit and cruises the rest, so a new depth needs no new
table. A microstep of the cruise takes a whole number of cycles, so that no cruise drifts, however long it
is. Edge k of a ramp lies where the ideal motion passes k - 1/2 microsteps, rounded to the nearest cycle,
which keeps the steps within half a microstep of the ideal. docs/motion.md derives the formulas.
"""

from array import array

from micropython import const

CYCLES_PER_S = const(125000000)
STEP_UM_X4 = const(5)  # a microstep is 1.25 um
_SLOWEST_CYCLES = const(4194304)  # a microstep at the slowest cruise that is looked for: 30 a second


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
    """Rest to cruise: jerk up for `t1` cycles, constant acceleration, jerk down for `t1`.

    Positions are microsteps times `scale`; with speed reached = 1 / cruise_cycles and ramp = `steps` microsteps
    they are whole numbers, and the jerk cancels out.
    """

    def __init__(self, steps, speed_um_s, accel_um_s2, jerk_um_s3):
        self._limits = (speed_um_s, accel_um_s2, jerk_um_s3)
        low = 1
        high = _SLOWEST_CYCLES
        while low < high:  # the fastest cruise that this ramp can reach within the limits
            middle = (low + high) // 2
            if self._jerk_cycles(steps, middle):
                high = middle
            else:
                low = middle + 1
        self.cruise_cycles = low
        self.cycles = 2 * steps * low  # on average half the cruise speed
        self.t1 = self._jerk_cycles(steps, low)
        if not self.t1:
            raise ValueError("no ramp fits these limits")
        self._gain = self.t1 * (self.cycles - self.t1)
        self.scale = 6 * low * self._gain

    def _jerk_cycles(self, steps, cruise_cycles):
        """Length of a jerk phase in cycles for this cruise; 0 when a limit is in the way."""
        speed_um_s, accel_um_s2, jerk_um_s3 = self._limits
        if STEP_UM_X4 * CYCLES_PER_S > 4 * speed_um_s * cruise_cycles:
            return 0
        # speed = jerk * t1 * (cycles - t1), so the product has to be at least speed / jerk
        product = STEP_UM_X4 * CYCLES_PER_S**3 // (4 * jerk_um_s3 * cruise_cycles) + 1
        cycles = 2 * steps * cruise_cycles
        square = cycles * cycles - 4 * product
        if square < 0:
            return 0
        t1 = max(1, (cycles - _isqrt(square)) // 2)
        while t1 * (cycles - t1) < product:
            t1 += 1
        # and acceleration = speed / (cycles - t1)
        if STEP_UM_X4 * CYCLES_PER_S**2 > 4 * accel_um_s2 * cruise_cycles * (cycles - t1):
            return 0
        return t1

    def position(self, t):
        t1 = self.t1
        if t <= t1:
            return t * t * t
        rest = self.cycles - t
        if rest <= t1:
            return 3 * self._gain * (self.cycles - 2 * rest) + rest * rest * rest
        past = t - t1
        return t1 * (t1 * t1 + 3 * t1 * past + 3 * past * past)

    def velocity(self, t):
        if t <= self.t1:
            return 3 * t * t
        rest = self.cycles - t
        if rest <= self.t1:
            return 6 * self._gain - 3 * rest * rest
        return self.t1 * (6 * t - 3 * self.t1)

    def edge(self, k, guess):
        """The cycle nearest to where the motion passes k - 1/2 microsteps, by Newton's method from a guess."""
        target = self.scale // 2 * (2 * k - 1)
        t = max(1, min(self.cycles, guess))
        for _ in range(40):
            velocity = self.velocity(t)
            step = (2 * (self.position(t) - target) + velocity) // (2 * velocity)
            if step == 0:
                break
            t = max(1, min(self.cycles, t - step))
        return t


class Gear:
    """The tables of one cruise speed: a ramp of `steps` microsteps and its mirror image, each way.

    The `up` tables hold the ramp and the first microstep of the cruise, the `down` tables begin after one.
    """

    def __init__(self, steps, speed_um_s, accel_um_s2, jerk_um_s3, word):
        ramp = _Ramp(steps, speed_um_s, accel_um_s2, jerk_um_s3)
        period = ramp.cruise_cycles
        self.steps = steps
        self.ramp_cycles = ramp.cycles
        self.cruise_cycles = period
        edges = [0]
        guess = ramp.t1 // 2
        for k in range(1, steps + 1):
            edge = ramp.edge(k, guess)
            guess = edge + (edge - edges[-1]) // 2 + 1
            edges.append(edge)
        edges.append(ramp.cycles + period // 2)
        up = [edges[k] - edges[k - 1] for k in range(1, steps + 2)]
        down = [ramp.cycles - edges[steps] + period - period // 2] + [up[k] for k in range(steps - 1, 0, -1)]
        turned = [2 * up[0]] + up[1:]  # the end of one ramp and the start of the next
        self.out_up = array("I", [word(gap, True) for gap in up])
        self.out_down = array("I", [word(gap, True) for gap in down])
        self.in_up = array("I", [word(gap, False) for gap in turned])
        self.in_down = array("I", [word(gap, False) for gap in down])
        self.cruise = array("I", [word(period, False), word(period, True)])


class Profile:
    """All gears of a pen, slowest first."""

    def __init__(self, speed_um_s: int, accel_um_s2: int, jerk_um_s3: int, gears: int, word):
        """Limits in um/s, um/s^2, um/s^3; `word(cycles, outward)` makes the step generator's word."""
        ramp_us = 1000000 * speed_um_s // accel_um_s2 + 1000000 * accel_um_s2 // jerk_um_s3
        top_steps = speed_um_s * ramp_us * 4 // (2000000 * STEP_UM_X4)
        if top_steps < gears:
            raise ValueError("no ramp fits these limits")
        self.gears = [
            Gear(top_steps * (i + 1) // gears, speed_um_s, accel_um_s2, jerk_um_s3, word) for i in range(gears)]

    def gear(self, steps: int):
        """The fastest gear for a stroke of so many microsteps each way; None if it is too short for any."""
        best = None
        for gear in self.gears:
            if 2 * gear.steps < steps:
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
        return sum([16 * gear.steps + 16 for gear in self.gears])
