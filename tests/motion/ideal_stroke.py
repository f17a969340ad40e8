"""The motion a stroke ought to be, in floats and apart from the firmware's integer planner.

Jerk-limited ramps of a given length to a cruise speed, a cruise, and the mirror image; out and back without a pause.
Times are s from the start of motion, lengths microsteps.
"""

from math import sqrt

import numpy as np

STEP_UM = 1.25
CYCLES_PER_S = 125_000_000


class IdealStroke:
    """`speed` in microsteps/s is reached after `ramp` microsteps with at most `jerk` microsteps/s^3."""

    def __init__(self, ramp: int, travel: int, speed: float, jerk: float):
        self.travel, self.speed = travel, speed
        self.ramp_s = 2 * ramp / speed  # a symmetrical ramp has half the cruise speed on average
        # speed = jerk * t1 * (ramp_s - t1)
        self.jerk_s = (self.ramp_s - sqrt(max(0.0, self.ramp_s**2 - 4 * speed / jerk))) / 2
        self.jerk = speed / (self.jerk_s * (self.ramp_s - self.jerk_s))
        self.accel = self.jerk * self.jerk_s
        self.one_way_s = 2 * self.ramp_s + (travel - 2 * ramp) / speed

    def _from_rest(self, t: np.ndarray) -> np.ndarray:
        """The ramp, and the cruise after it for ever."""
        early = np.clip(t, 0, self.jerk_s)
        middle = np.clip(t - self.jerk_s, 0, self.ramp_s - 2 * self.jerk_s)
        late = np.clip(t - (self.ramp_s - self.jerk_s), 0, self.jerk_s)
        after = np.maximum(t - self.ramp_s, 0)
        bend = self.accel * self.jerk_s / 2  # the speed gained in each of the two jerk phases
        return (
            self.jerk * early**3 / 6
            + bend * middle + self.accel * middle**2 / 2
            + (self.speed - bend) * late + self.accel * late**2 / 2 - self.jerk * late**3 / 6
            + self.speed * after)

    def position(self, t: np.ndarray) -> np.ndarray:
        """Microsteps from rest at times of a stroke out and back."""
        t = np.where(t > self.one_way_s, 2 * self.one_way_s - t, t)
        out = self._from_rest(t)
        return np.where(t <= self.one_way_s / 2, out, self.travel - self._from_rest(self.one_way_s - t))

    def first_edge_s(self) -> float:
        """When the motion passes half a microstep."""
        low, high = 0.0, self.ramp_s
        for _ in range(60):
            middle = (low + high) / 2
            if self._from_rest(np.array(middle)) < 0.5:
                low = middle
            else:
                high = middle
        return low

    def worst_distance(self, edge_cycles: np.ndarray, outward: np.ndarray) -> float:
        """The largest distance, at any time, of the staircase of microsteps from this motion.

        The staircase is furthest away just before and just after an edge; half a microstep is the least possible.
        """
        begun = edge_cycles[0] - round(self.first_edge_s() * CYCLES_PER_S)
        t = (edge_cycles - begun) / CYCLES_PER_S
        way = np.where(outward, 1, -1)
        after = np.cumsum(way)
        here = self.position(t)
        return float(max(np.abs(here - after).max(), np.abs(here - after + way).max()))
