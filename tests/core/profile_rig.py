"""The ideal jerk-limited motion in closed form, in floats, apart from the firmware's integers."""

from math import sqrt

from sim.space import shim

profile = shim("profile")

STEP_UM = 1.25
HZ = 125_000_000
OUTWARD, INWARD = 1, 0
SPEED_UM_S, ACCEL_UM_S2, JERK_UM_S3, GEARS = 100_000, 20_000_000, 60_000_000_000, 8  # the reference pen's


def word(cycles, outward):
    """A step word that is easily read back; the gate's own packs the same two facts."""
    assert 40 <= cycles < 1 << 29  # what the gate's step generator can do
    return cycles << 1 | (OUTWARD if outward else INWARD)


def planned(speed=SPEED_UM_S, accel=ACCEL_UM_S2, jerk=JERK_UM_S3, gears=GEARS):
    return profile.Profile(speed, accel, jerk, gears, word)


def tables(gear):
    return gear.out_up, gear.out_down, gear.in_up, gear.in_down


def cycles_of(words):
    return [w >> 1 for w in words]


def directions_of(words):
    return {w & 1 for w in words}


def edges_of(words):
    """When each step's edge comes, s from the first word's start."""
    total, edges = 0, []
    for cycles in cycles_of(words):
        total += cycles
        edges.append(total / HZ)
    return edges


class IdealRamp:
    """Rest to `speed` over `distance`: full jerk for t1, constant acceleration, full jerk down. um and s."""

    def __init__(self, distance, speed, jerk=JERK_UM_S3):
        self.distance, self.speed, self.jerk = distance, speed, jerk
        self.time = 2 * distance / speed  # by symmetry, half the speed on average
        self.t1 = (self.time - sqrt(self.time**2 - 4 * speed / jerk)) / 2  # speed = jerk * t1 * (time - t1)
        self.accel = jerk * self.t1

    def at(self, t):
        """Where it is at a time, um from the start; it rests before and cruises on after."""
        rest = self.time - t
        if t <= 0:
            return 0.0
        if rest <= 0:
            return self.distance - rest * self.speed
        if t <= self.t1:
            return self.jerk * t**3 / 6
        if rest <= self.t1:
            return self.distance - self.speed * rest + self.jerk * rest**3 / 6
        past = t - self.t1
        return self.jerk * self.t1**3 / 6 + self.jerk * self.t1**2 / 2 * past + self.accel * past**2 / 2


def reachable_speed(distance):
    """The top speed after `distance` um of ramp within the reference pen's acceleration and jerk."""
    t1 = ACCEL_UM_S2 / JERK_UM_S3
    return min(SPEED_UM_S, ACCEL_UM_S2 * (sqrt(t1**2 + 8 * distance / ACCEL_UM_S2) - t1) / 2)
