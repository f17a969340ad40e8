"""The step tables: every edge where the ideal motion has it, within the limits, whatever limits a pen may have."""

from itertools import pairwise, product
from math import isqrt

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
    profile,
    reachable_speed,
    tables,
)

from sim.space import shim

records = shim("records")
GEARS = planned().gears
# Half a microstep is what a staircase misses a line by. What comes on top is rounding: an edge to 8 ns is
# 0.0006 microsteps at full speed, and a jerk phase to a whole cycle makes up to 0.003 over a ramp.
EDGE_TOLERANCE = 0.005

each = pytest.mark.parametrize("gear", GEARS, ids=lambda gear: f"{gear.steps} steps")


def ideal(gear):
    return IdealRamp(gear.steps * STEP_UM, STEP_UM * HZ / gear.cruise_cycles)


@each
def test_every_edge_is_where_the_ideal_motion_passes_half_a_step(gear):
    for k, t in enumerate(edges_of(gear.out_up)[: gear.steps], 1):
        assert abs(ideal(gear).at(t) / STEP_UM - (k - 0.5)) < EDGE_TOLERANCE
    assert gear.ramp_cycles == pytest.approx(ideal(gear).time * HZ, abs=1)


@each
def test_the_ideal_is_within_the_limits_and_makes_use_of_them(gear):
    motion = ideal(gear)  # at full jerk by its making
    assert motion.speed <= SPEED_UM_S
    assert motion.accel <= ACCEL_UM_S2 * 1.0001  # the jerk phase to a whole cycle of 41667
    assert motion.speed >= 0.998 * reachable_speed(gear.steps * STEP_UM)  # a cruise step to a whole cycle of 1562


@each
def test_gaps_only_shrink_on_the_way_up_and_are_never_shorter_than_at_cruise(gear):
    for table in tables(gear):
        assert min(cycles_of(table)) >= gear.cruise_cycles - 1  # both edges are rounded
    assert all(after <= before + 1 for before, after in pairwise(cycles_of(gear.out_up)))


@each
def test_each_table_has_its_direction(gear):
    assert directions_of(gear.out_up) == directions_of(gear.out_down) == {OUTWARD}
    assert directions_of(gear.in_up) == directions_of(gear.in_down) == {INWARD}
    assert list(gear.cruise) == [gear.cruise_cycles << 1 | INWARD, gear.cruise_cycles << 1 | OUTWARD]


class Shelf:
    """Takes what a record saves."""

    def write(self, record_id, payload):
        self.taken = payload


def accepted(speed_um_s, accel_mm_s2, jerk_mm_s3):
    motion = records.Motion()
    motion.speed_um_s, motion.accel_mm_s2, motion.jerk_mm_s3 = speed_um_s, accel_mm_s2, jerk_mm_s3
    try:
        motion.save(Shelf())
    except ValueError:
        return False
    return True


LIMITS = list(product(range(20_000, 100_001, 10_000), (5000, 8000, 12_000, 20_000), (20_000_000, 60_000_000)))


@pytest.mark.parametrize("limits", LIMITS, ids=str)
def test_whatever_the_motion_record_accepts_gives_a_pen_that_works(limits):
    """It boots, its tables fit the memory set aside, and the shallowest depth of any zone has a gear."""
    if not accepted(*limits):
        return
    speed_um_s, accel_mm_s2, jerk_mm_s3 = limits
    made = planned(speed_um_s, accel_mm_s2 * 1000, jerk_mm_s3 * 1000)
    assert made.table_bytes() <= 16 * 1024
    shallowest_steps = (100 + 120) * 4 // 5  # 0.1 mm, from 0.12 mm inside
    assert made.gear(shallowest_steps) is not None


def test_the_motion_record_accepts_the_reference_and_slower_pens():
    assert accepted(100_000, 20_000, 60_000_000)
    assert accepted(100_000, 20_000, 40_000_000)
    assert accepted(80_000, 15_000, 60_000_000)
    assert accepted(50_000, 5000, 40_000_000)
    assert accepted(20_000, 5000, 20_000_000)


def test_limits_that_no_ramp_fits_are_an_error():
    with pytest.raises(ValueError, match="ramp"):
        planned(1000)


@given(st.integers(0, 1 << 120) | st.integers(0, 100))
def test_integer_square_root(n):
    assert profile._isqrt(n) == isqrt(n)
