"""The planner: every table within the limits, every edge where the ideal motion has it, for any pen's limits."""

from itertools import pairwise, product
from math import isqrt, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal_stroke import CYCLES_PER_S, STEP_UM, IdealStroke, edges_of, words_of

from sim.space import shim

depth, gate, gears_file, profile, ramps = map(shim, ("depth", "gate", "gears_file", "profile", "ramps"))
records, treatment = shim("records"), shim("treatment")

REFERENCE = (100_000, 20_000, 60_000_000, 4_000)  # um/s, mm/s2, mm/s3, mm/s2
SHALLOWEST = 171  # microsteps: 0.1 mm, from 0.12 mm inside, with a screw 3 % too long
LONGEST = 3200  # 4 mm: more than between the mechanical stops
EXACT = 1e-9  # microsteps: what floats make of a motion of 3000


def planner(limits=REFERENCE):
    speed_um_s, accel_mm_s2, jerk_mm_s3, coast_mm_s2 = limits
    whole = speed_um_s, accel_mm_s2 * 1000, jerk_mm_s3 * 1000, coast_mm_s2 * 1000
    plan = profile.planned(*whole, gate.step_word)
    plan.brake = profile.brake_of(*whole)  # for the ideal motion
    return plan


PLAN = planner()


class Shelf:
    """Takes what a record saves."""

    def write(self, record_id, payload):
        self.taken = payload


def accepted(limits):
    """Whether a pen's own record may say so."""
    motion = records.Motion()
    motion.speed_um_s, motion.accel_mm_s2, motion.jerk_mm_s3, motion.coast_mm_s2 = limits
    try:
        motion.save(Shelf())
    except ValueError:
        return False
    return True


ANY_LIMITS = st.tuples(
    st.integers(20_000, 100_000), st.integers(5_000, 20_000), st.integers(20_000_000, 60_000_000),
    st.integers(1_000, 20_000)).filter(accepted)
CORNERS = [limits for limits in product((20_000, 60_000, 100_000), (5_000, 12_000, 20_000), (20_000_000, 60_000_000),
                                        (1_000, 4_000, 20_000)) if accepted(limits)]


def check_stroke(plan, travel, limits):
    """Counts, limits, and every edge of one stroke."""
    words = words_of(plan, travel)
    at, outward = edges_of(words)
    assert len(words) == 2 * travel
    assert list(outward) == [1] * travel + [0] * travel
    ideal = IdealStroke(plan, travel)
    assert ideal.worst_distance(at, outward) <= 0.5 + EXACT
    speed_um_s, accel_mm_s2, jerk_mm_s3, coast_mm_s2 = limits
    most = {"speed": speed_um_s, "accel": 1000 * accel_mm_s2, "jerk": 1000 * jerk_mm_s3, "coast": 1000 * coast_mm_s2}
    for name, peak in ideal.peaks().items():
        assert peak <= most[name] * (1 + EXACT), name
    return ideal


def travels(plan):
    """For every gear the shortest way it is taken for, the next, and a longer one."""
    shortest = [gear.least_steps for gear in plan.out_gears + plan.in_gears if gear.least_steps >= SHALLOWEST]
    return [SHALLOWEST, SHALLOWEST + 1, *(least + more for least in shortest for more in (0, 1, 700))]


# -- edges and limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [REFERENCE, *CORNERS], ids=str)
def test_every_gear_keeps_the_limits_and_the_ideal(limits):
    plan = planner(limits)
    for travel in travels(plan):
        check_stroke(plan, travel, limits)


@settings(max_examples=25)
@given(ANY_LIMITS, st.integers(SHALLOWEST, LONGEST))
def test_any_pens_limits_and_any_stroke(limits, travel):
    check_stroke(planner(limits), travel, limits)


@settings(max_examples=200)
@given(st.integers(SHALLOWEST, LONGEST))
def test_every_stroke_of_the_reference_pen(travel):
    check_stroke(PLAN, travel, REFERENCE)


def test_the_limits_are_made_use_of():
    peaks = IdealStroke(PLAN, 2096).peaks()
    assert peaks["speed"] >= 0.999 * 100_000  # a cruise step to a whole cycle of 1562
    assert peaks["accel"] >= 0.995 * 20e6  # a ramp to a whole microstep of 213
    assert peaks["coast"] >= 0.999999 * 4e6


def test_the_way_out_never_brakes_harder_than_the_coast_limit():
    """Read off the words alone: the mean speed over 16 steps is the speed half-way in time, and 16 steps on again."""
    for travel in (300, 456, 900, 1296, 2096):
        at, outward = edges_of(words_of(PLAN, travel))
        out = at[outward == 1][::16] / CYCLES_PER_S
        accel = np.diff(16 * STEP_UM / np.diff(out)) / np.diff((out[1:] + out[:-1]) / 2)
        # an edge is up to 8 ns late: 0.04 um/ms of a speed over 200 us, over 200 us again
        assert accel.min() >= -4e6 - 2 * 0.008 / 200 * 100_000 / 200e-6
        assert accel.max() >= 15e6


def test_gaps_only_shrink_on_the_way_up_and_only_grow_on_the_way_down():
    for gear in PLAN.out_gears:
        up, bend = [(word >> 1) + 40 for word in gear.up], [(word >> 1) + 40 for word in gear.bend]
        assert all(after <= before + 1 for before, after in pairwise(up))  # both edges are rounded
        assert all(after >= before - 1 for before, after in pairwise([gear.cruise_cycles, *bend]))
        assert min(up + bend) >= gear.cruise_cycles - 1
    tail = [(word >> 1) + 40 for word in PLAN.tail]
    assert all(after >= before - 1 for before, after in pairwise(tail))


@pytest.mark.parametrize("limits", [REFERENCE, *CORNERS], ids=str)
def test_words_are_small_ints_of_the_gate(limits):
    plan = planner(limits)
    for travel in travels(plan):
        words = words_of(plan, travel)
        assert words.max() < 1 << 30
        assert ((words >> 1) + gate.MIN_PERIOD_CYCLES).min() >= CYCLES_PER_S * STEP_UM / limits[0] - 1


# -- times ---------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(st.integers(SHALLOWEST, LONGEST))
def test_the_time_told_is_the_time_taken(travel):
    """A stroke judged before its last step would be taken for a slip."""
    ideal = IdealStroke(PLAN, travel)
    # told in whole microseconds, rounded up
    assert -1e-3 <= PLAN.out_us(travel) - ideal.turn / 125 <= 1.001
    assert -1e-3 <= PLAN.in_us(travel) - (ideal.end - ideal.turn) / 125 <= 1.001
    at, _ = edges_of(words_of(PLAN, travel))
    assert at[travel - 1] / 125 < PLAN.out_us(travel) < at[travel] / 125
    assert at[-1] / 125 < PLAN.out_us(travel) + PLAN.in_us(travel)


def test_a_slower_gear_is_never_the_better_one():
    for steps in range(SHALLOWEST, LONGEST, 7):
        for gears, chosen in ((PLAN.out_gears, PLAN.out_gear(steps)), (PLAN.in_gears, PLAN.in_gear(steps))):
            fits = [gear for gear in gears if gear.least_steps <= steps]
            assert chosen is fits[-1]
            assert chosen.cycles(steps) == min(gear.cycles(steps) for gear in fits)


def test_the_swing_of_the_ramp_has_died_down_before_the_braking_begins():
    for travel in range(SHALLOWEST, LONGEST, 13):
        ideal = IdealStroke(PLAN, travel)
        cruise = ideal.turn - ideal.begin - ideal.out_ramp.time - ideal.brake.time
        assert cruise >= profile.SETTLE_CYCLES - 2 / ideal.out_ramp.speed  # to a whole microstep, at both ends


# -- memory ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [REFERENCE, *CORNERS], ids=str)
def test_tables_fit_their_memory_and_serve_the_shallowest_stroke(limits):
    plan = planner(limits)
    held = [plan.tail]
    for gear in plan.out_gears:
        held += [gear.up, gear.cruise, gear.bend]
    for gear in plan.in_gears:
        held += [gear.up, gear.cruise, gear.down]
    assert plan.table_bytes() == sum(len(table) * table.itemsize for table in held) <= 16384
    assert plan.out_gear(SHALLOWEST) is not None and plan.in_gear(SHALLOWEST) is not None


@settings(max_examples=25)
@given(ANY_LIMITS)
def test_whatever_the_motion_record_accepts_gives_a_pen_that_works(limits):
    plan = planner(limits)
    assert plan.table_bytes() <= 16384
    assert plan.out_gear(SHALLOWEST) is not None and plan.in_gear(SHALLOWEST) is not None


def test_the_motion_record_accepts_the_reference_and_slower_pens():
    for limits in (REFERENCE, (100_000, 20_000, 40_000_000, 5_000), (80_000, 15_000, 60_000_000, 3_000),
                   (50_000, 5_000, 40_000_000, 5_000), (20_000, 5_000, 20_000_000, 1_000)):
        assert accepted(limits)
    for limits in ((100_000, 20_000, 60_000_000, 20_001), (100_000, 20_000, 60_000_000, 3_000),
                   (100_000, 20_000, 60_000_000, 0), (100_000, 0, 60_000_000, 0), (100_000, 20_000, 0, 4_000)):
        assert not accepted(limits)


def test_depth_changes_no_table():
    before = [bytes(table) for table in PLAN._tables]
    for steps in range(SHALLOWEST, 2200, 11):
        PLAN.out_us(steps)
        PLAN.in_us(steps)
    assert before == [bytes(table) for table in PLAN._tables]


def test_a_changed_word_is_noticed_and_so_is_a_table_of_somebody_else():
    plan = planner((40_000, 20_000, 60_000_000, 4_000))
    for table in plan._tables:
        assert plan.unchanged(table)
        for at in {0, len(table) // 2, len(table) - 1}:
            table[at] ^= 1
            assert not plan.unchanged(table)
            table[at] ^= 1
    assert not plan.unchanged(PLAN.tail)


# -- misuse ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [-5, 0, 1, 100])
def test_too_short_a_stroke_is_refused(steps):
    assert PLAN.out_gear(steps) is None and PLAN.in_gear(steps) is None
    for time_us in (PLAN.out_us, PLAN.in_us):
        with pytest.raises(ValueError, match="too short"):
            time_us(steps)


def test_limits_that_nothing_fits_are_an_error():
    with pytest.raises(ValueError, match="no ramp"):
        planner((1000, 20_000, 60_000_000, 4_000))
    with pytest.raises(ValueError, match="no room"):
        planner((100_000, 20_000, 60_000_000, 1_000))


@given(st.integers(0, 1 << 120) | st.integers(0, 100))
def test_integer_square_root(n):
    assert ramps.isqrt(n) == isqrt(n)


# -- how fast -------------------------------------------------------------------------------------------


def optimum_s(travel_um, coast_um_s2=4e6):
    """Out and back with the same speed, acceleration and coast limit, and no limit on jerk."""
    speed, accel = 100e3, 20e6
    total = 0.0
    for brake in (coast_um_s2, accel):
        peak = min(speed, sqrt(2 * travel_um * accel * brake / (accel + brake)))
        total += travel_um / peak + peak / (2 * accel) + peak / (2 * brake)
    return total


def test_strokes_a_second_against_the_optimum_without_jerk_limit():
    """From 0.2 mm on; below, jerk phases and settling weigh more, and there every zone's own rate binds."""
    for depth_um in range(100, 2501, 50):
        travel = round((depth_um + 120) / STEP_UM)
        fraction = optimum_s(depth_um + 120) * 1e6 / (PLAN.out_us(travel) + PLAN.in_us(travel))
        print(f"{depth_um / 1000:.2f} mm  {fraction:.3f}")
        assert 1 >= fraction >= (0.97 if depth_um >= 1000 else 0.95 if depth_um >= 200 else 0.94)


@pytest.mark.parametrize("zone", range(1, len(depth.ZONES)))
def test_the_rate_offered_in_each_zone_against_the_optimum(zone):
    row = depth.ZONES[zone]
    margin_us = treatment.MARGIN_US
    for depth_um in range(row.min_um, row.supervised_cap_um + 1, 50):
        travel = round((depth_um + 120) / STEP_UM)
        rate_mhz = depth.clamp_rate(zone, row.rate_max_mhz, PLAN.out_us(travel) + PLAN.in_us(travel) + margin_us)
        best_mhz = min(row.rate_max_mhz, 1000 / (optimum_s(depth_um + 120) + margin_us / 1e6))
        assert rate_mhz / best_mhz >= 0.95


def whole(gear):
    return {name: bytes(value) if hasattr(value, "itemsize") else value for name, value in vars(gear).items()}


def test_gears_written_down_are_the_gears_that_are_read():
    limits = (60_000, 12_000, 60_000_000, 4_000)
    plan = planner(limits)
    data = profile.written_down(plan, limits)
    found = gears_file.stored(data, limits)
    assert bytes(found.tail) == bytes(plan.tail)
    assert list(map(whole, found.out_gears + found.in_gears)) == list(map(whole, plan.out_gears + plan.in_gears))
    assert all(found.unchanged(table) for table in found._tables)


def test_gears_of_other_limits_or_from_a_damaged_file_are_not_taken():
    data = profile.written_down(PLAN, REFERENCE)
    assert gears_file.stored(data, REFERENCE) is not None
    assert gears_file.stored(None, REFERENCE) is None and gears_file.stored(b"", REFERENCE) is None
    assert gears_file.stored(data, (*REFERENCE[:3], REFERENCE[3] - 1)) is None
    for at in range(0, len(data), 97):
        assert gears_file.stored(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], REFERENCE) is None
    assert gears_file.stored(data[:-4], REFERENCE) is None
