"""A stroke put together from the tables as motor.py does it: exact counts, true times, nearly as fast as can be."""

from itertools import accumulate
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profile_rig import (
    ACCEL_UM_S2,
    HZ,
    INWARD,
    OUTWARD,
    SPEED_UM_S,
    STEP_UM,
    IdealRamp,
    cycles_of,
    directions_of,
    edges_of,
    planned,
)

from sim.space import shim

depth, treatment = shim("depth"), shim("treatment")

PLAN = planned()
LONGEST = 3200  # 4 mm: more than between the mechanical stops
SHORTEST = next(steps for steps in range(LONGEST) if PLAN.gear(steps))
LENGTHS = st.integers(SHORTEST, LONGEST)
REST_UM = -120
TOLERANCE_STEPS = 0.005  # an edge to 8 ns, and a jerk phase to a whole cycle


def stroke(steps):
    """The gear, the words out and the words in."""
    gear = PLAN.gear(steps)
    cruise = steps - len(gear.out_up) - len(gear.out_down)
    out = list(gear.out_up) + [gear.cruise[1]] * cruise + list(gear.out_down)
    back = list(gear.in_up) + [gear.cruise[0]] * cruise + list(gear.in_down)
    return gear, out, back


@given(LENGTHS)
def test_exact_counts_out_and_back(steps):
    _, out, back = stroke(steps)
    assert len(out) == len(back) == steps
    assert directions_of(out) == {OUTWARD} and directions_of(back) == {INWARD}


@given(LENGTHS)
def test_in_is_the_mirror_image_of_out_and_each_of_itself(steps):
    _, out, back = stroke(steps)
    at = list(accumulate(cycles_of(out + back)))
    both = [at[k] + at[2 * steps - 1 - k] for k in range(steps)]
    one = [at[k] + at[steps - 1 - k] for k in range(steps // 2)]
    assert max(both) - min(both) <= 4  # cycles: every edge is rounded to one
    assert max(one, default=0) - min(one, default=0) <= 4


@given(LENGTHS)
def test_the_whole_stroke_follows_the_ideal(steps):
    gear, out, back = stroke(steps)
    ramp = IdealRamp(gear.steps * STEP_UM, STEP_UM * HZ / gear.cruise_cycles)
    one_way_s = 2 * ramp.time + (steps - 2 * gear.steps) * gear.cruise_cycles / HZ

    def passed(t):
        """Ideal microsteps since the last rest; the way is the same out and back."""
        return ramp.at(t) / STEP_UM if t < one_way_s / 2 else steps - ramp.at(one_way_s - t) / STEP_UM

    edges = edges_of(out + back)
    for k in range(steps):
        assert abs(passed(edges[k]) - (k + 0.5)) < TOLERANCE_STEPS
        assert abs(passed(edges[steps + k] - one_way_s) - (k + 0.5)) < TOLERANCE_STEPS


@given(LENGTHS)
def test_the_time_told_covers_the_stroke(steps):
    """A stroke judged before its last step would be taken for a slip."""
    _, out, back = stroke(steps)
    told_s = 2e-6 * PLAN.one_way_us(steps)
    rest_s = told_s - edges_of(out + back)[-1]
    first_s = edges_of(out)[0]
    # the last edge lies as long before the end as the first after the start; both ways are rounded up to 1 us
    assert 0 <= rest_s - first_s <= 2.1e-6


@pytest.mark.parametrize("steps", [-5, 0, 1, SHORTEST - 1])
def test_too_short_a_stroke_has_no_gear(steps):
    assert PLAN.gear(steps) is None


def test_the_fastest_gear_that_fits():
    for steps in range(SHORTEST, LONGEST):
        gear = PLAN.gear(steps)
        room = [other for other in PLAN.gears if len(other.out_up) + len(other.out_down) <= steps]
        assert gear is room[-1]


# -- how fast -----------------------------------------------------------------------------------------


def travel_steps(depth_um):
    return int((depth_um - REST_UM) / STEP_UM)


def optimum_s(steps):
    """Out and back with the same speed and acceleration and no limit on jerk."""
    distance_um = steps * STEP_UM
    if distance_um * ACCEL_UM_S2 < SPEED_UM_S**2:
        return 4 * sqrt(distance_um / ACCEL_UM_S2)
    return 2 * (distance_um / SPEED_UM_S + SPEED_UM_S / ACCEL_UM_S2)


def test_strokes_a_second_against_the_optimum_without_jerk_limit():
    """From 0.2 mm on; below, the jerk phases weigh more (0.94 at 0.1 mm), and there every zone's own rate binds."""
    for depth_um in range(100, 2501, 50):
        steps = travel_steps(depth_um)
        rate_hz, best_hz = 1e6 / (2 * PLAN.one_way_us(steps)), 1 / optimum_s(steps)
        print(f"{depth_um / 1000:.2f} mm  {rate_hz:5.2f} Hz of {best_hz:5.2f}  {rate_hz / best_hz:.3f}")
        assert 1 >= rate_hz / best_hz >= (0.95 if depth_um >= 200 else 0.94)


@pytest.mark.parametrize("zone", range(1, len(depth.ZONES)))
def test_the_rate_offered_in_each_zone_against_the_optimum(zone):
    row = depth.ZONES[zone]
    margin_us = treatment.MARGIN_US
    for depth_um in range(row.min_um, row.supervised_cap_um + 1, 50):
        steps = travel_steps(depth_um)
        rate_mhz = depth.clamp_rate(zone, row.rate_max_mhz, 2 * PLAN.one_way_us(steps) + margin_us)
        best_mhz = min(row.rate_max_mhz, 1000 / (optimum_s(steps) + margin_us / 1e6))
        assert rate_mhz / best_mhz >= 0.95
