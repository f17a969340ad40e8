"""What the pen makes of a gauge's readings: how far it lets the tip go next, and which calibrations it takes."""

import pytest
from gauge_bench import Bench, calibration, gauged, gauging, take
from hypothesis import given
from hypothesis import strategies as st

BUILD_UM, STOP_UM = 2500, 2600  # no stroke goes deeper; no pen's mechanical stop is nearer
pens = st.builds(
    Bench, offset_um=st.floats(-430, 200), scale_ppm=st.floats(-30_000, 30_000), play_um=st.floats(0, 30),
    noise_um=st.just(5.0), seed=st.integers(0, 10**6))


def fresh():
    plan = gauging.Gauging()
    plan.begin(0)
    return plan


# -- how far ---------------------------------------------------------------------------------------------------------


@pytest.mark.hazard("H14")
@given(pens)
def test_no_pen_goes_past_what_strokes_may_and_a_little(pen):
    """With nothing known, with the first readings, and with all of them; noise alone adds what it is."""
    plan = fresh()
    assert pen.truth(plan.furthest_um) <= BUILD_UM + 50
    for reach_um in (600, 1200):
        take(plan, pen, reach_um)
    assert pen.truth(plan.furthest_um) <= BUILD_UM + 80 < STOP_UM
    plan = gauged(pen)
    assert pen.truth(plan.furthest_um) <= BUILD_UM + 80 < STOP_UM
    assert plan.travel_um == 0 or plan.travel_um <= BUILD_UM + 80


@given(pens)
def test_every_pen_can_be_gauged_as_deep_as_strokes_go(pen):
    plan = gauged(pen)
    assert pen.truth(plan.furthest_um) >= BUILD_UM - 10
    assert plan.judge(round(pen.offset_um), round(pen.scale_ppm), round(pen.play_um)) == gauging.GOOD
    assert plan.travel_um >= BUILD_UM - 40


@given(pens, st.integers(-700, 700))
def test_one_wrong_reading_alone_allows_nothing_more(pen, off_um):
    plan = fresh()
    take(plan, pen, 600)
    take(plan, pen, 1200)
    before_um = plan.furthest_um
    take(plan, pen, 1000, off_um=off_um)  # refused, or taken in
    assert pen.truth(plan.furthest_um) <= BUILD_UM + 80
    assert plan.furthest_um >= before_um - 10


@given(pens)
def test_what_is_planned_is_what_a_permit_would_allow(pen):
    """The grid of 10 um keeps the two ways of counting apart from each other by nothing that matters."""
    plan = gauged(pen)
    assert plan.far_um(plan.furthest_um) <= 2550


def test_targets():
    plan = fresh()
    top = plan.furthest_um
    assert top == 2230  # 230 + 1.037 * 2230 = 2543 um
    assert plan.plan(top, False) == gauging.GOOD and (plan.reach_um, plan.down, plan.stood) == (top, False, False)
    assert plan.plan(top + 1, False) == gauging.TOO_FAR
    assert plan.plan(top - 100, True) == gauging.GOOD
    assert plan.plan(top - 99, True) == gauging.TOO_FAR  # it goes 100 um past
    for wrong in (99, 0, -5, 100.0, None, True):
        assert plan.plan(wrong, False) == gauging.TOO_NEAR
    assert plan.reach_um == top - 100  # a refused target leaves the one before


# -- readings --------------------------------------------------------------------------------------------------------


def test_a_reading_needs_a_tip_that_stood():
    plan = fresh()
    assert plan.take(500, False) == gauging.NOT_STOOD
    plan.plan(600, False)
    assert plan.take(500, False) == gauging.NOT_STOOD
    plan.stood = True
    assert plan.take(500, False) == gauging.GOOD and plan.count == 1
    assert plan.take(505, False) == gauging.GOOD and plan.count == 1  # typed again
    assert plan.point(0) == (600, 505, gauging.UP)
    plan.drop()
    assert plan.take(500, False) == gauging.NOT_STOOD


@pytest.mark.parametrize("reading_um, good", [
    (87, False), (88, True), (942, True), (943, False), (True, False), (500.0, False), (None, False)])
def test_what_no_pen_can_have_is_refused(reading_um, good):
    """At 600 um: from -460 + 600 less 3.7 % and 30 um, to 230 + 60 + 600 and as much more."""
    plan = fresh()
    plan.plan(600, False)
    plan.stood = True
    assert (plan.take(reading_um, False) == gauging.GOOD) == good
    assert plan.count == (1 if good else 0)


def test_the_tips_own_length_comes_off():
    plan = gauging.Gauging()
    plan.begin(35)
    plan.plan(600, False)
    plan.stood = True
    plan.take(535, False)
    assert plan.point(0)[1] == 500


def test_full_is_refused_and_nothing_is_lost():
    plan = fresh()
    pen = Bench()
    for i in range(gauging.POINTS_MAX):
        assert take(plan, pen, 300 + 10 * i) == gauging.GOOD
    assert take(plan, pen, 1000) == gauging.FULL
    assert plan.count == gauging.POINTS_MAX
    plan.begin(0)
    assert plan.count == 0 and plan.reach_um == 0 and plan.furthest_um == 2230


# -- the verdict -----------------------------------------------------------------------------------------------------


@pytest.mark.hazard("H14")
@pytest.mark.parametrize("values, reason", [
    ((-150, 8000, 12), gauging.GOOD), ((-120, 8000, 12), gauging.GOOD), ((-119, 8000, 12), gauging.RESIDUAL),
    ((-180, 8000, 12), gauging.GOOD), ((-182, 8000, 12), gauging.RESIDUAL), ((-150, -8000, 12), gauging.RESIDUAL),
    ((-150, 8000, 43), gauging.RESIDUAL), ((-461, 8000, 12), gauging.OUT_OF_RANGE),
    ((231, 8000, 12), gauging.OUT_OF_RANGE), ((-150, 37001, 12), gauging.OUT_OF_RANGE),
    ((-150, -37001, 12), gauging.OUT_OF_RANGE), ((-150, 8000, -1), gauging.OUT_OF_RANGE),
    ((-150, 8000, 61), gauging.OUT_OF_RANGE), ((-150.0, 8000, 12), gauging.OUT_OF_RANGE),
    ((-150, True, 12), gauging.OUT_OF_RANGE)])  # fmt: skip
def test_every_reading_within_30_um(values, reason):
    """Without noise, so the limit is met to the um that rounding leaves."""
    assert gauged(Bench()).judge(*values) == reason


@pytest.mark.parametrize("down, reason", [(False, gauging.FEW_UP), (True, gauging.FEW_DOWN)])
def test_seven_places_each_way(down, reason):
    pen = Bench()
    plan = fresh()
    for reach_um in (300, 600, 900, 1200, 1500, 1800, 2000):
        take(plan, pen, reach_um, not down)
    for reach_um in (300, 600, 900, 1200, 1500, 1800, 1800):
        take(plan, pen, reach_um, down)
    assert plan.judge(-150, 8000, 12) == reason
    take(plan, pen, 2000, down)
    assert plan.judge(-150, 8000, 12) == gauging.FEW_VERIFY


def test_the_check_counts_only_apart_from_the_fit():
    pen = Bench()
    plan = gauged(pen, checks=False)
    for reach_um in (450, 1050, 1219):  # the last is 19 um from a place of the fit
        take(plan, pen, reach_um, verify=True)
    assert plan.judge(-150, 8000, 12) == gauging.FEW_VERIFY
    take(plan, pen, 1220, verify=True)
    assert plan.judge(-150, 8000, 12) == gauging.GOOD


def test_a_wrong_reading_of_the_check_counts_too():
    plan = gauged(Bench(), checks=False)
    for reach_um, off_um in ((450, 0), (1050, 0), (1650, 32)):
        take(plan, Bench(), reach_um, verify=True, off_um=off_um)
    assert plan.judge(-150, 8000, 12) == gauging.RESIDUAL
    assert plan.point(plan.worst_at)[0] == 1650 and plan.worst_um == 32


def test_the_range_has_to_be_covered():
    pen = Bench(offset_um=0)
    for reaches, reason in (
            ((450, 700, 1000, 1200, 1500, 1800, 2100), gauging.NOT_SHALLOW),
            ((300, 500, 700, 900, 1100, 1300, 1500), gauging.NARROW)):
        plan = fresh()
        for reach_um in reaches:
            take(plan, pen, reach_um)
            take(plan, pen, reach_um, True)
        for reach_um in (600, 800, 1400):
            take(plan, pen, reach_um, verify=True)
        assert plan.judge(0, 8000, 12) == reason, reaches


def test_every_reason_has_its_words():
    assert len(gauging.REASONS) == gauging.OUT_OF_RANGE + 1
    assert all(gauging.REASONS[1:]) and len(set(gauging.REASONS)) == len(gauging.REASONS)


def test_figures_said_in_the_words():
    assert b"%d places going out" % gauging.FIT_LEAST in gauging.REASONS[gauging.FEW_UP]
    assert b"%d um from" % gauging.RESIDUAL_UM in gauging.REASONS[gauging.RESIDUAL]
    assert (calibration.OFFSET_MIN_UM, calibration.OFFSET_MAX_UM, calibration.SCALE_MAX_PPM) == (-460, 230, 37_000)
