"""The pieces of a stroke as exact integers: the ramp up to a cruise, and the braking on the way out. Pure.

Invariants: times are PIO cycles, lengths microsteps; `cruise_cycles` is what one microstep of the cruise takes, a
whole number. An edge lies at the first cycle at which the ideal motion has passed its half microstep.
docs/motion.md derives the formulas.
"""

from micropython import const

CYCLES_PER_S = const(125000000)
STEP_UM_X4 = const(5)  # a microstep is 1.25 um
_SLOWEST_CYCLES = const(4194304)  # a microstep at the slowest cruise that is looked for: 30 a second


def isqrt(n):
    if n < 2:
        return n
    x = 1 << ((len(bin(n)) - 1) // 2 + 1)
    while True:
        y = (x + n // x) // 2
        if y >= x:
            return x
        x = y


def _last(low, high, holds):
    """The last of low..high for which `holds`; it does for `low`, and for none after one for which it does not."""
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low


class Ramp:
    """Rest to cruise: jerk up for `t1` cycles, constant acceleration, jerk down for `t1`.

    Positions are microsteps times `scale`; with speed reached = 1 / cruise_cycles and ramp = `steps` microsteps
    they are whole numbers, and the jerk cancels out.
    """

    def __init__(self, steps, limits):
        self._limits = limits  # speed, acceleration, jerk
        low = 1
        high = _SLOWEST_CYCLES
        while low < high:  # the fastest cruise that this ramp can reach within the limits
            middle = (low + high) // 2
            if self._jerk_cycles(steps, middle):
                high = middle
            else:
                low = middle + 1
        self.steps = steps
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
        t1 = max(1, (cycles - isqrt(square)) // 2)
        while t1 * (cycles - t1) < product:
            t1 += 1
        # and acceleration = speed / (cycles - t1)
        if STEP_UM_X4 * CYCLES_PER_S**2 > 4 * accel_um_s2 * cruise_cycles * (cycles - t1):
            return 0
        return t1

    def position(self, t, fine=1):
        """Where the motion is after t/fine cycles, times fine^3."""
        t1 = self.t1 * fine
        if t <= t1:
            return t * t * t
        cycles = self.cycles * fine
        rest = cycles - t
        if rest <= t1:
            return 3 * self._gain * fine * fine * (cycles - 2 * rest) + rest * rest * rest
        past = t - t1
        return t1 * (t1 * t1 + 3 * t1 * past + 3 * past * past)

    def velocity(self, t):
        if t <= self.t1:
            return 3 * t * t
        rest = self.cycles - t
        if rest <= self.t1:
            return 6 * self._gain - 3 * rest * rest
        return self.t1 * (6 * t - 3 * self.t1)

    def edges(self, into, late=0):
        """Put into the array, for each of the microsteps, the first cycle at which the motion has passed half of it.

        The motion begins late / cruise_cycles of a cycle after 0. Newton's method, from the edge before.
        """
        fine = self.cruise_cycles
        before = 0
        t = self.t1 // 2
        guess = t
        for k in range(self.steps):
            target = self.scale // 2 * (2 * k + 1)
            t = self._near(target, guess)
            while self.position(t) < target:
                t += 1
            while self.position(t - 1) >= target:
                t -= 1
            guess = t + (t - before) // 2 + 1
            before = t
            passed = not late or self.position(t * fine - late, fine) >= target * fine * fine * fine
            into[k] = t if passed else t + 1

    def _near(self, target, guess):
        t = max(1, min(self.cycles, guess))
        for _ in range(40):
            velocity = self.velocity(t)
            step = (2 * (self.position(t) - target) + velocity) // (2 * velocity)
            if step == 0:
                break
            t = max(1, min(self.cycles, t - step))
        return t

    def whole(self, k, t):
        """True if the motion passes k - 1/2 microsteps exactly at t."""
        return 2 * self.position(t) == self.scale * (2 * k - 1)


class Brake:
    """Outward braking at 1 / (2 * half) microsteps per cycle^2, told backwards from the turn.

    Its jerk phases last 2 * bend cycles each; the turn is at a whole cycle, and times are cycles before it.
    """

    def __init__(self, coast_um_s2, jerk_um_s3):
        half = STEP_UM_X4 * CYCLES_PER_S**2 // (8 * coast_um_s2) + 1
        self.half = half
        self.bend = STEP_UM_X4 * CYCLES_PER_S**3 // (16 * jerk_um_s3 * half) + 1

    def edge(self, m):
        """Cycles before the turn of the edge that leaves m more to come, if it comes while braking in full."""
        half = self.half
        bend = self.bend
        if 3 * half * (2 * m + 1) < 2 * bend * bend:  # in the last jerk phase
            cube = 12 * half * bend * (2 * m + 1)
            return _last(0, 2 * bend, lambda t: t * t * t <= cube)
        return bend + isqrt((6 * half * (2 * m + 1) - bend * bend) // 3)

    def cruise_edge(self, m, period):
        """The same for an edge that comes before the bend, at one microstep every `period` cycles."""
        return (period * period * (2 * m + 1) + 2 * self.half) // (2 * period) + self.bend

    def bend_edge(self, m, period):
        """The same for an edge within the bend from cruise to full braking."""
        half = self.half
        bend = self.bend
        whole = half + bend * period  # half of the whole braking's length, times the period
        target = 12 * half * bend * period**3 * (2 * m + 1)

        def short(t):  # what is left of the way t cycles before the turn is no more than m + 1/2
            into = 2 * whole - t * period
            return 24 * half * bend * period * (t * period - whole) + into**3 <= target

        return _last(2 * half // period, self.cruise_edge(m, period), short)

    def edges(self, period):
        """How many edges come from the bend on."""
        left = 2 * (self.half + self.bend * period)
        return (left // (period * period) + (1 if left % (period * period) else 0)) // 2

    def full_edges(self, period):
        """How many of them come while braking in full; 0 also where there is no such phase at this speed."""
        past = 2 * self.half - self.bend * period
        if past < self.bend * period:
            return 0
        left = 3 * past * past + (self.bend * period) ** 2
        return (left // (6 * self.half * period * period) + 1) // 2

    def late(self, period):
        """The braking takes whole cycles less late / period, compared with the same way at cruise speed."""
        return -self.half % period

    def lost_cycles(self, period):
        """Those whole cycles."""
        return (self.half + self.late(period)) // period + self.bend
