"""The planner: every table within the limits, every edge where the ideal motion has it, for any pen's limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal_stroke import CYCLES_PER_S, STEP_UM, IdealStroke

from sim.space import shim

gate, motor, profile = shim("gate"), shim("motor"), shim("profile")
REFERENCE = (100_000, 20_000_000, 60_000_000_000)
# what a pen's own record may say (records.Motion.save)
LIMITS = st.tuples(
    st.integers(20_000, 100_000), st.integers(5_000, 20_000).map(lambda a: a * 1000),
    st.integers(20_000_000, 60_000_000).map(lambda j: j * 1000))
CORNERS = [(v, a, j) for v in (20_000, 100_000) for a in (5_000_000, 20_000_000) for j in (20 * 10**9, 60 * 10**9)]
# In cycles of 8 ns, each 0.00064 of a microstep at 80,000 of them a second: an edge is rounded to the nearest one, and
# the length of a jerk phase up to a whole one, which moves edges by up to one more.
ROUNDING = 1.5 * 0.00064


def planner(limits, gears=8):
    return profile.Profile(*limits, gears, gate.step_word)


def gaps(words):
    return (np.array(words, np.int64) >> 1) + gate.MIN_PERIOD_CYCLES


def edges(gear, travel):
    """Cycles of a stroke's edges, from the first one, and their directions."""
    cruise = travel - 2 * gear.steps - 1
    words = np.concatenate([
        gear.out_up, np.full(cruise, gear.cruise[1]), gear.out_down,
        gear.in_up, np.full(cruise, gear.cruise[0]), gear.in_down])
    return np.cumsum(gaps(words)), words & 1


def ideal(gear, travel, limits):
    speed = CYCLES_PER_S / gear.cruise_cycles
    return IdealStroke(gear.steps, travel, speed, limits[2] / STEP_UM)


def check_gear(gear, limits):
    speed_um_s, accel_um_s2, jerk_um_s3 = limits
    perfect = ideal(gear, 2 * gear.steps + 1, limits)
    # a millionth for floats
    assert perfect.speed * STEP_UM <= speed_um_s * 1.000001
    assert perfect.accel * STEP_UM <= accel_um_s2 * 1.000001
    assert perfect.jerk * STEP_UM <= jerk_um_s3 * 1.000001
    for travel in (2 * gear.steps + 1, 2 * gear.steps + 2, 2 * gear.steps + 700):
        at, outward = edges(gear, travel)
        assert outward.sum() == travel and len(at) == 2 * travel
        assert ideal(gear, travel, limits).worst_distance(at, outward) <= 0.5 + ROUNDING


@pytest.mark.parametrize("limits", CORNERS)
def test_every_gear_keeps_the_limits_and_the_ideal(limits):
    for gear in planner(limits).gears:
        check_gear(gear, limits)


@settings(max_examples=15, deadline=None)
@given(LIMITS, st.integers(1, 12))
def test_any_pens_limits_give_gears_that_keep_them(limits, gears):
    for gear in planner(limits, gears).gears:
        check_gear(gear, limits)


@pytest.mark.parametrize("limits", CORNERS)
def test_the_time_told_is_the_time_taken(limits):
    plan = planner(limits)
    for steps in range(2 * plan.gears[0].steps + 1, 2200, 37):
        at, _ = edges(plan.gear(steps), steps)
        first_s = ideal(plan.gear(steps), steps, limits).first_edge_s()
        stroke_us = (at[-1] - at[0]) / 125 + 2e6 * first_s
        # told in whole microseconds, each way rounded up
        assert -0.1 <= 2 * plan.one_way_us(steps) - stroke_us <= 2.1


def test_a_slower_gear_is_never_the_better_one():
    plan = planner(REFERENCE)
    for steps in range(2 * plan.gears[0].steps + 1, 2200):
        fits = [gear for gear in plan.gears if 2 * gear.steps < steps]
        assert plan.gear(steps) is fits[-1]
        cycles = [2 * gear.ramp_cycles + (steps - 2 * gear.steps) * gear.cruise_cycles for gear in fits]
        assert cycles[-1] == min(cycles)


def test_tables_fit_their_memory():
    plan = planner(REFERENCE)
    held = sum(len(table) * table.itemsize for gear in plan.gears
               for table in (gear.out_up, gear.out_down, gear.in_up, gear.in_down, gear.cruise))
    assert plan.table_bytes() == held <= 16384


def test_depth_changes_no_table():
    plan = planner(REFERENCE)
    before = [bytes(gear.out_up) + bytes(gear.in_down) for gear in plan.gears]
    for steps in range(2 * plan.gears[0].steps + 1, 2200, 11):
        plan.one_way_us(steps)
    assert before == [bytes(gear.out_up) + bytes(gear.in_down) for gear in plan.gears]


def test_too_short_a_stroke_is_refused():
    plan = planner(REFERENCE)
    shortest = 2 * plan.gears[0].steps + 1
    assert plan.gear(shortest - 1) is None
    with pytest.raises(ValueError, match="too short"):
        plan.one_way_us(shortest - 1)
    with pytest.raises(ValueError, match="no ramp"):
        planner((1000, 20_000_000, 60_000_000_000))


@pytest.mark.parametrize("limits", CORNERS)
def test_words_are_small_ints_of_the_gate(limits):
    for gear in planner(limits).gears:
        for table in (gear.out_up, gear.out_down, gear.in_up, gear.in_down, gear.cruise):
            assert max(table) < 1 << 30
            assert gaps(table).min() >= CYCLES_PER_S * STEP_UM / limits[0] - 1  # both ends of a gap are rounded
