"""Values of the wrong type or size at every limit and permit: refused or an error, never a wider answer.

On the chip nothing checks types by itself: True counts as 1, a float compares like an integer, and one that is not a
number gets past every comparison that only looks for too much.
"""

import math

import pytest
from safety_rig import CHEEK, MAX_UM, Rig, depth, faults, safety

WRONG = [True, False, None, 500.0, 0.5, math.nan, math.inf, -math.inf, "500", b"500", [500], 500j]
HUGE = [1 << 31, 1 << 62, 10**30, -(10**30)]
NAMES = [repr(value) for value in WRONG + HUGE]
wrong_or_huge = pytest.mark.parametrize("value", WRONG + HUGE, ids=NAMES)
wrong = pytest.mark.parametrize("value", WRONG, ids=NAMES[: len(WRONG)])


def no_permit(rig):
    return not rig.core.permit.spend(rig.now_ms)


@pytest.mark.hazard("H01")
@wrong_or_huge
def test_a_depth_that_is_no_depth_gets_no_permit(value):
    rig = Rig().ready().press()
    assert rig.ask(value) == faults.REFUSED_DEPTH
    assert no_permit(rig) and rig.core.state == safety.READY


@pytest.mark.hazard("H01")
@wrong_or_huge
def test_a_session_limit_that_is_none_opens_no_session(value):
    rig = Rig().ready()
    with pytest.raises(ValueError, match="does not allow"):
        rig.core.open_session(CHEEK, value)
    assert rig.press().ask() == faults.REFUSED_SESSION


@wrong_or_huge
def test_a_zone_that_is_none_opens_no_session(value):
    rig = Rig().ready()
    with pytest.raises(ValueError, match="zone"):
        rig.core.open_session(value, MAX_UM)
    assert rig.press().ask() == faults.REFUSED_SESSION


@pytest.mark.hazard("H01")
@wrong_or_huge
def test_a_limit_changed_behind_the_cores_back_grants_nothing(value):
    rig = Rig().ready().press()
    rig.core.max_um = value
    assert rig.ask() in (faults.REFUSED_SESSION, faults.REFUSED_DEPTH)
    assert no_permit(rig)


@pytest.mark.parametrize("depth_um, ceiling_um", [(0, 500), (-1, 500), (501, 500), (500, 2001), (2500, 2501)])
def test_a_permit_is_never_deeper_than_its_ceiling_nor_that_than_the_zone(depth_um, ceiling_um):
    permit = safety.Permit()
    permit.issue(CHEEK, 100, 200, 0)
    with pytest.raises(ValueError, match="no permit"):
        permit.issue(CHEEK, depth_um, ceiling_um, 0)
    assert not permit.spend(0), "the permit of before must be gone too"


@wrong_or_huge
def test_a_permit_takes_only_integers(value):
    permit = safety.Permit()
    for zone, depth_um, ceiling_um in ((value, 100, 200), (CHEEK, value, 200), (CHEEK, 100, value)):
        with pytest.raises(ValueError):
            permit.issue(zone, depth_um, ceiling_um, 0)
        assert not permit.spend(0)


@pytest.mark.parametrize("value", [None, "5", 1.5, [1]])
def test_a_permit_with_a_wrong_time_is_lost(value):
    permit = safety.Permit()
    with pytest.raises(TypeError):
        permit.issue(CHEEK, 100, 200, value)
    assert not permit.spend(0)
    permit.issue(CHEEK, 100, 200, 0)
    with pytest.raises(TypeError):
        permit.spend(value)
    assert not permit.spend(0)


@pytest.mark.parametrize("name", ["calibrated", "cartridge_ok"])
@pytest.mark.parametrize("value", [1, 2, "yes", "no", None, 0, 1.0, [False]], ids=repr)
def test_a_yes_is_true_itself(name, value):
    rig = Rig().ready().press()
    setattr(rig.core, name, value)
    assert rig.ask() in (faults.REFUSED_CALIBRATION, faults.REFUSED_CARTRIDGE)


@pytest.mark.parametrize("value", [1, 0, None, "", "no", 0.0], ids=repr)
def test_time_left_is_false_itself(value):
    rig = Rig().ready().press()
    rig.core.time_up = value
    assert rig.ask() == faults.REFUSED_TIME


@pytest.mark.parametrize(
    "name, reason",
    [("interlock", faults.REFUSED_INTERLOCK), ("power_ok", faults.REFUSED_POWER),
     ("trigger_no", faults.REFUSED_TRIGGER), ("trigger_nc", faults.REFUSED_TRIGGER),
     ("battery_mv", faults.REFUSED_POWER),
     ("temp_dc", faults.REFUSED_TEMPERATURE)],
)
@pytest.mark.parametrize("value", [None, math.nan, "1", -300, 1 << 62], ids=repr)
def test_a_reading_that_is_none_grants_nothing(name, reason, value):
    rig = Rig().ready().press()
    setattr(rig.readings, name, value)
    try:
        assert rig.ask() == reason
    except TypeError:
        pass
    assert no_permit(rig)


@pytest.mark.hazard("H01")
@wrong
def test_limits_take_only_integers_and_allow_nothing_after_an_error(value):
    for arguments in (
        (CHEEK, 2, value, 2500, False, 2500), (CHEEK, 2, 2500, value, False, 2500),
        (CHEEK, 2, 2500, 2500, False, value), (value, 2, 2500, 2500, False, 2500),
        (CHEEK, value, 2500, 2500, False, 2500),
    ):
        limits = depth.Limits()
        limits.choose(CHEEK, 2, 2500, 2500, False, 2500)
        with pytest.raises(ValueError):
            limits.choose(*arguments)
        assert limits.max_um == 0
        assert limits.clamp(1000) == 0


@pytest.mark.parametrize("value", HUGE, ids=repr)
def test_huge_integers_only_forbid_or_change_nothing(value):
    limits = depth.Limits()
    assert limits.choose(CHEEK, 2, value, 2500, False, 2500) == (1500 if value > 0 else 0)
    assert limits.choose(CHEEK, 2, 2500, value, True, 2500) == (1500 if value > 0 else 0)
    assert limits.choose(CHEEK, 2, 2500, 2500, True, value) == (1500 if value > 0 else 0)
    assert 0 <= limits.clamp(value) <= limits.max_um
    row = depth.ZONES[CHEEK]
    assert depth.clamp_rate(CHEEK, value, 20_000) == (row.rate_max_mhz if value > 0 else row.rate_min_mhz)


@wrong
def test_clamps_take_only_integers(value):
    limits = depth.Limits()
    limits.choose(CHEEK, 2, 2500, 2500, False, 2500)
    with pytest.raises(ValueError, match="depth"):
        limits.clamp(value)
    with pytest.raises(ValueError, match="rate"):
        depth.clamp_rate(CHEEK, value, 20_000)
    with pytest.raises(ValueError, match="stroke"):
        depth.clamp_rate(CHEEK, 10_000, value)


@pytest.mark.parametrize("stroke_us", [0, -1, -(10**12)])
def test_a_stroke_takes_time(stroke_us):
    with pytest.raises(ValueError, match="stroke"):
        depth.clamp_rate(CHEEK, 10_000, stroke_us)
