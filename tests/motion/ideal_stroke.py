"""The motion a stroke ought to be, in floats and apart from the firmware's integer planner; a plan's words as steps.

Out: a jerk-limited ramp, a cruise, a braking at the coast limit with jerk phases at both of its ends, a turn without a
pause. In: a ramp, a cruise, the ramp's mirror image. Times are PIO cycles from the start of the stroke's first word,
lengths microsteps.
"""

from math import ceil

import numpy as np

STEP_UM = 1.25
CYCLES_PER_S = 125_000_000
MIN_PERIOD_CYCLES = 40  # docs/gate.md: what the step generator spends on a word besides its count


class _Ramp:
    """Rest to 1 microstep in `period` cycles, after `steps` microsteps, with jerk phases of `jerk_cycles`."""

    def __init__(self, gear):
        self.steps, self.speed, self.jerk_time = gear.steps, 1 / gear.cruise_cycles, gear.jerk_cycles
        self.time = 2 * self.steps / self.speed  # a symmetrical ramp has half the cruise speed on average
        self.jerk = self.speed / (self.jerk_time * (self.time - self.jerk_time))
        self.accel = self.jerk * self.jerk_time

    def at(self, t):
        """The ramp, and the cruise after it for ever."""
        early = np.clip(t, 0, self.jerk_time)
        middle = np.clip(t - self.jerk_time, 0, self.time - 2 * self.jerk_time)
        late = np.clip(t - (self.time - self.jerk_time), 0, self.jerk_time)
        after = np.maximum(t - self.time, 0)
        bend = self.accel * self.jerk_time / 2  # the speed gained in each of the two jerk phases
        return (
            self.jerk * early**3 / 6
            + bend * middle + self.accel * middle**2 / 2
            + (self.speed - bend) * late + self.accel * late**2 / 2 - self.jerk * late**3 / 6
            + self.speed * after)


class _Brake:
    """Cruise to rest at `decel`, with jerk phases of `jerk_time` at both ends."""

    def __init__(self, brake, speed):
        self.decel, self.jerk_time = 1 / (2 * brake.half), 2 * brake.bend
        self.jerk = self.decel / self.jerk_time
        self.time = speed / self.decel + self.jerk_time
        self.way = speed * self.time / 2
        self.speed = speed

    def left(self, before):
        """What is left of the way so long before the end."""
        end = np.clip(before, 0, self.jerk_time)
        middle = np.clip(before - self.jerk_time, 0, self.time - 2 * self.jerk_time)
        first = np.clip(before - (self.time - self.jerk_time), 0, self.jerk_time)
        cruise = np.maximum(before - self.time, 0)
        bend = self.decel * self.jerk_time / 2
        return (
            self.jerk * end**3 / 6
            + bend * middle + self.decel * middle**2 / 2
            + (self.speed - bend) * first + self.decel * first**2 / 2 - self.jerk * first**3 / 6
            + self.speed * cruise)


class IdealStroke:
    """The stroke of `travel` microsteps out and back that a plan (gears.Gears) means.

    `plan.brake` is profile.brake_of its limits; the rest is taken from the plan: ramps' lengths, cruise periods and
    the lengths of the jerk phases. That these keep the limits is for a test to ask of `peaks`.
    """

    def __init__(self, plan, travel):
        out, back = plan.out_gear(travel), plan.in_gear(travel)
        self.travel = travel
        self.out_ramp, self.in_ramp = _Ramp(out), _Ramp(back)
        self.brake = _Brake(plan.brake, self.out_ramp.speed)
        cruise = travel - out.steps - self.brake.way
        assert cruise >= 0
        taken = self.out_ramp.time + cruise / self.out_ramp.speed + self.brake.time
        self.turn = ceil(taken - 1e-6)  # the turn is at a whole cycle, so the motion begins within the first one
        self.begin = self.turn - taken
        self.end = self.turn + 2 * self.in_ramp.time + (travel - 2 * back.steps) / self.in_ramp.speed

    def position(self, t):
        """Microsteps from rest at times of a stroke out and back."""
        t = np.asarray(t, float)
        rising = self.out_ramp.at(np.maximum(t - self.begin, 0))
        braking = self.travel - self.brake.left(self.turn - t)
        out = np.where(t < self.turn - self.brake.time, rising, braking)
        leaving = self.travel - self.in_ramp.at(np.maximum(t - self.turn, 0))
        arriving = self.in_ramp.at(np.maximum(self.end - t, 0))
        back = np.where(t < (self.turn + self.end) / 2, leaving, arriving)
        return np.where(t < self.turn, out, back)

    def peaks(self) -> dict[str, float]:
        """Speed, acceleration, jerk and outward braking, in um and s."""
        unit = {1: STEP_UM * CYCLES_PER_S, 2: STEP_UM * CYCLES_PER_S**2, 3: STEP_UM * CYCLES_PER_S**3}
        ramps = (self.out_ramp, self.in_ramp)
        return {
            "speed": max(ramp.speed for ramp in ramps) * unit[1],
            "accel": max(ramp.accel for ramp in ramps) * unit[2],
            "jerk": max(*(ramp.jerk for ramp in ramps), self.brake.jerk) * unit[3],
            "coast": self.brake.decel * unit[2]}

    def worst_distance(self, edges, outward) -> float:
        """The largest distance, over every PIO cycle, of the staircase of microsteps from this motion.

        It is largest at an edge or at the cycle before. Half a microstep is the least possible.
        """
        way = np.where(outward, 1, -1)
        after = np.cumsum(way)
        at_edge = np.abs(self.position(edges) - after).max()
        before = np.abs(self.position(edges - 1) - (after - way)).max()
        return float(max(at_edge, before))


def words_of(plan, travel):
    """The words of a stroke out and back, as docs/motion.md puts them together."""
    out, back = plan.out_gear(travel), plan.in_gear(travel)
    out_cruise = travel - len(out.up) - out.down_steps
    in_cruise = travel - len(back.up) - len(back.down)
    return np.concatenate([
        out.up, np.full(out_cruise, out.cruise[0]), out.bend, plan.tail[len(plan.tail) - out.tail_steps:],
        back.up, np.full(in_cruise, back.cruise[0]), back.down]).astype(np.int64)


def edges_of(words):
    """Cycles of the edges from the start of the first word, and their directions (1 outward)."""
    return np.cumsum((words >> 1) + MIN_PERIOD_CYCLES), words & 1
