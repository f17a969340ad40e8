"""A treatment from cartridge to aftercare: limits, rates, the supervisor's unlock, the time limit."""

from itertools import product

import pytest
from treatment_rig import ACCEPTED, CHEEK, QUESTIONS, SCARS, brought_to, depth, shown, stage, stroke_us, treatment

WRAP = 1 << 30
STARTS_MS = [0, 77_777, (1 << 29) - 100, WRAP - 1, WRAP - 60_000]


def test_a_whole_treatment():
    deed = treatment.Treatment(QUESTIONS)
    assert deed.stage == treatment.NO_CARTRIDGE
    deed.cartridge_accepted(2000, 2400)
    assert deed.choose_zone(CHEEK) == ACCEPTED
    assert deed.choose_indication(SCARS) == ACCEPTED
    assert (deed.limits.max_um, deed.depth_um, deed.asked_rate_mhz) == (1500, 1000, 10000)
    for number in range(QUESTIONS):
        assert (deed.stage, deed.question) == (treatment.QUESTIONS, number)
        deed.answer_no()
    assert deed.confirm(True) == ACCEPTED
    assert not deed.is_open()
    deed.open(1000)
    assert deed.is_open() and deed.left_ms(1000) == 1_800_000
    assert deed.change_depth(1, False) == ACCEPTED and deed.depth_um == 1050
    deed.stroke_done()
    deed.end(2, 61_000)
    assert (deed.stage, deed.strokes, deed.end_reason) == (treatment.SUMMARY, 1, 2)
    assert (deed.started_ms, deed.ended_ms) == (1000, 61_000)
    deed.summary_read()
    deed.aftercare_read()
    assert deed.stage == treatment.NO_CARTRIDGE


@pytest.mark.parametrize("zone, indication", list(product(range(1, len(depth.ZONES)), range(len(depth.INDICATIONS)))))
@pytest.mark.parametrize("cartridge_um", [150, 1000, 2500])
def test_an_indication_is_offered_where_its_band_begins_within_the_limits(zone, indication, cartridge_um):
    deed = brought_to("INDICATION", zone=zone, cartridge_um=cartridge_um)
    band = depth.INDICATIONS[indication]
    least_um = min(depth.ZONES[zone].cap_um, band.high_um, cartridge_um, 2500)
    if least_um >= band.low_um:
        assert deed.choose_indication(indication) == ACCEPTED
        assert depth.ZONES[zone].min_um <= deed.depth_um <= least_um
        assert deed.stage == treatment.QUESTIONS
    else:
        assert deed.choose_indication(indication) == treatment.REFUSED_NOTHING_ALLOWED
        assert deed.stage == treatment.INDICATION and deed.depth_um == 0


@pytest.mark.hazard("H15")
def test_the_prohibited_zone_is_never_chosen():
    deed = brought_to("ZONE")
    assert deed.choose_zone(0) == treatment.REFUSED_PROHIBITED
    assert deed.stage == treatment.ZONE


def test_a_number_outside_the_tables_is_an_error():
    with pytest.raises(ValueError):
        brought_to("ZONE").choose_zone(-1)
    with pytest.raises(ValueError):
        brought_to("INDICATION").choose_indication(-1)


def test_one_yes_ends_the_choices():
    deed = brought_to("QUESTIONS")
    deed.answer_no()
    deed.answer_yes()
    assert deed.stage == treatment.ZONE
    deed.choose_zone(CHEEK)
    deed.choose_indication(SCARS)
    assert deed.question == 0  # every question is asked again


@pytest.mark.hazard("H09")
def test_a_low_battery_is_refused_before_the_cartridge_is_marked():
    deed = brought_to("CONFIRM")
    assert deed.confirm(False) == treatment.REFUSED_BATTERY
    assert deed.stage == treatment.CONFIRM


def test_depth_stops_at_the_limit_by_its_name_and_at_the_shallowest():
    deed = brought_to("ACTIVE", cartridge_um=1230)
    while deed.change_depth(1, False) == ACCEPTED:
        pass
    assert deed.depth_um == 1200
    assert depth.LIMIT_NAMES[deed.change_depth(1, False)] == "cartridge"
    while deed.change_depth(-1, False) == ACCEPTED:
        pass
    assert deed.depth_um == 200
    whole = brought_to("ACTIVE")
    while whole.change_depth(1, False) == ACCEPTED:
        pass
    assert whole.depth_um == whole.limits.max_um == 1500
    assert deed.change_depth(-1, False) == treatment.REFUSED_SHALLOWEST


def test_the_unlock_raises_the_cheek_for_one_session():
    deed = brought_to("ACTIVE", supervised=True)
    assert deed.limits.max_um == 2000
    deed.end(1, 0)
    deed.cartridge_out()  # already while the summary is read
    deed.summary_read()
    deed.aftercare_read()
    deed.cartridge_accepted(2500, 2500)
    deed.choose_zone(CHEEK)
    deed.choose_indication(SCARS)
    assert not deed.supervised and deed.limits.max_um == 1500


@pytest.mark.hazard("H15")
def test_the_unlock_is_lost_by_going_back():
    deed = brought_to("CONFIRM")
    assert deed.can_supervise() == deed.supervise(True) == ACCEPTED
    deed.back()
    deed.choose_zone(CHEEK)
    deed.choose_indication(SCARS)
    assert deed.limits.max_um == 1500


@pytest.mark.parametrize("zone", [z for z in range(1, len(depth.ZONES)) if depth.ZONES[z].key != "cheek"])
def test_other_zones_have_nothing_to_unlock(zone):
    deed = brought_to("CONFIRM", zone=zone, indication=0)
    before = shown(deed)
    assert deed.can_supervise() == deed.supervise(True) == treatment.REFUSED_NOTHING_ALLOWED
    assert shown(deed) == before


@pytest.mark.hazard("H15")
@pytest.mark.parametrize("proven", [False, None, 1, "yes", [True]], ids=repr)
def test_only_a_proven_supervisor_unlocks(proven):
    deed = brought_to("CONFIRM")
    before = shown(deed)
    assert deed.supervise(proven) == treatment.REFUSED_WRONG_CODE
    assert shown(deed) == before and deed.limits.max_um == 1500


@pytest.mark.hazard("H14")
def test_an_overdue_calibration_is_refused_at_the_zone_and_again_at_the_end():
    deed = brought_to("ZONE")
    deed.overdue = True
    assert deed.choose_zone(CHEEK) == treatment.REFUSED_DUE
    assert deed.stage == treatment.ZONE
    deed = brought_to("CONFIRM")  # the date changed while the questions were read
    deed.overdue = True
    assert deed.confirm(True) == treatment.REFUSED_DUE
    assert deed.stage == treatment.CONFIRM
    deed.overdue = False
    assert deed.confirm(True) == ACCEPTED


@pytest.mark.parametrize("direction", [0, 2, -2, 0.5, 1.0, True, None, float("nan"), 10**30], ids=repr)
def test_depth_and_rate_move_by_single_steps(direction):
    deed = brought_to("ACTIVE")
    before = shown(deed)
    with pytest.raises(ValueError, match="direction"):
        deed.change_depth(direction, False)
    with pytest.raises(ValueError, match="direction"):
        deed.change_rate(direction, stroke_us(500), False)
    assert shown(deed) == before


@pytest.mark.parametrize("moving", [True, None, 0, 1, "no"], ids=repr)
def test_nothing_but_false_means_at_rest(moving):
    deed = brought_to("ACTIVE")
    assert deed.change_depth(1, moving) == deed.change_rate(1, stroke_us(500), moving) == treatment.REFUSED_MOVING


@pytest.mark.parametrize("battery_ok", [False, None, 1, "yes"], ids=repr)
def test_nothing_but_true_means_enough_battery(battery_ok):
    assert brought_to("CONFIRM").confirm(battery_ok) == treatment.REFUSED_BATTERY


# -- rate ---------------------------------------------------------------------------------------------


def test_the_rate_goes_from_end_to_end_of_the_zones_range():
    deed = brought_to("ACTIVE")
    fast_us = stroke_us(200)
    assert deed.change_rate(1, fast_us, False) == ACCEPTED
    assert deed.asked_rate_mhz == 11000
    while deed.change_rate(1, fast_us, False) == ACCEPTED:
        pass
    assert deed.asked_rate_mhz == 30000
    assert deed.change_rate(1, fast_us, False) == treatment.REFUSED_RATE
    while deed.change_rate(-1, fast_us, False) == ACCEPTED:
        pass
    assert deed.asked_rate_mhz == 10000


def test_a_rate_that_a_deeper_stroke_cannot_keep_can_still_be_lowered():
    """Asked for at a shallow depth, then made impossible by a deeper one: DOWN must slow the pen."""
    deed = brought_to("ACTIVE")
    while deed.change_rate(1, stroke_us(200), False) == ACCEPTED:
        pass
    deep_us = stroke_us(1500)
    deed.settle_rate(deep_us, False)
    in_force_mhz = deed.rate_mhz
    assert in_force_mhz < 29000
    assert deed.change_rate(1, deep_us, False) == treatment.REFUSED_RATE
    assert deed.change_rate(-1, deep_us, False) == ACCEPTED
    deed.settle_rate(deep_us, False)
    assert in_force_mhz - depth.RATE_STEP_MHZ <= deed.rate_mhz < in_force_mhz
    assert deed.asked_rate_mhz % depth.RATE_STEP_MHZ == 0


def test_the_rate_in_force_leaves_the_margin_between_strokes():
    deed = brought_to("ACTIVE", zone=depth.zone_number("body"))
    for depth_um in range(200, 2501, 50):
        period_us = deed.settle_rate(stroke_us(depth_um), False)
        assert period_us >= stroke_us(depth_um) + treatment.MARGIN_US
        assert 8000 <= deed.rate_mhz <= 16000


@pytest.mark.hazard("H10")
def test_a_warm_motor_brings_the_rate_to_the_zones_lowest():
    deed = brought_to("ACTIVE")
    for _ in range(5):
        deed.change_rate(1, stroke_us(500), False)
    assert deed.settle_rate(stroke_us(500), True) == 100_000
    assert deed.settle_rate(stroke_us(500), False) == 66_666  # 15 Hz, as asked for before
    assert deed.asked_rate_mhz == 15000


# -- time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start_ms", STARTS_MS)
def test_the_session_has_half_an_hour(start_ms):
    deed = brought_to("ACTIVE", now_ms=start_ms)
    for age_ms in (0, 1, 60_000, 1_799_999, 1_800_000, 1_800_001, 3_600_000):
        assert deed.left_ms((start_ms + age_ms) % WRAP) == max(0, 1_800_000 - age_ms)


def test_the_time_limit_is_a_setting():
    deed = brought_to("ACTIVE")
    deed.session_limit_ms = 60_000
    assert deed.left_ms(59_999) == 1
    deed.reset()
    assert deed.session_limit_ms == 60_000


@pytest.mark.hazard("H04")
def test_the_glide_limit_is_a_fifth_of_a_millimetre_a_puncture():
    assert treatment.glide_limit_um_s(20_000) == 10_000  # 0.2 mm in 20 ms
    assert treatment.glide_limit_um_s(20_001) < treatment.GLIDE_USUAL_UM_S
    assert treatment.glide_limit_um_s(0) > 0


@pytest.mark.parametrize("accel_mm_s2", [1000, 5000, 12345, 20000])
@pytest.mark.parametrize("inside_um", [1, 20, 120, 400])
def test_the_time_out_leaves_off_what_the_way_inside_takes_at_least(inside_um, accel_mm_s2):
    """Rest to the guide plane at constant acceleration is the quickest way there is; twice that comes off."""
    inside_us = (2 * inside_um * 1e-6 / (accel_mm_s2 * 1e-3)) ** 0.5 * 1e6
    out_us = treatment.out_us(100_000, inside_um, accel_mm_s2)
    root_us = 1000 * (2e9 * inside_um % accel_mm_s2 > 0) / inside_us + 1  # what rounding down may cost
    assert 100_000 - 2 * inside_us <= out_us <= 100_000 - 2 * inside_us + 2 * root_us + 2
    assert treatment.out_us(10, inside_um, accel_mm_s2) == 1


def test_a_cartridge_taken_out_ends_its_use():
    for name in ("ZONE", "INDICATION", "QUESTIONS", "CONFIRM", "MARKING", "ACTIVE"):
        deed = brought_to(name)
        deed.cartridge_out()
        assert deed.stage == treatment.NO_CARTRIDGE and deed.depth_um == 0
    for name in ("SUMMARY", "AFTERCARE"):  # the report stays to be read
        deed = brought_to(name)
        deed.cartridge_out()
        assert deed.stage == stage(name)
