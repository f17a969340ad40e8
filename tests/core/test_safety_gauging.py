"""Static moves of the gauge tip: who may ask, for how far, what ends them, and that no stroke comes of one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safety_rig import CHEEK, MAX_UM, Rig, faults, safety

REACH_UM, FAR_UM = 3100, 2550  # the limits, written down apart from the firmware
LACKS = (faults.CALIBRATION_MISSING, faults.CALIBRATION_CORRUPT)


def proven():
    """At rest, homed, with tip and technician, not opened yet."""
    rig = Rig().release()
    for event in (safety.TESTED, safety.HOME, safety.HOMED):
        rig.core.event(event)
    rig.core.technician = rig.core.gauge_tip = True
    return rig


@pytest.mark.hazard("H13")
@pytest.mark.parametrize("fault", LACKS)
def test_a_pen_without_a_calibration_is_let_go_for_gauging_and_stays_without_one(fault):
    rig = Rig().release()
    rig.core.trip(fault)
    assert rig.core.open_gauge(rig.readings) == faults.REFUSED_TECHNICIAN
    rig.core.technician = rig.core.gauge_tip = True
    assert rig.core.open_gauge(rig.readings) == faults.GRANTED
    assert (rig.core.state, rig.core.fault, rig.core.gauging) == (safety.UNHOMED, faults.NONE, True)
    rig.core.event(safety.HOME)
    rig.core.event(safety.HOMED)
    rig.release().press()
    assert rig.ask() == faults.REFUSED_CALIBRATION
    assert rig.ask_static() == faults.GRANTED


@pytest.mark.parametrize("code", sorted(set(faults.TABLE) - set(LACKS)))
def test_no_other_fault_is_lifted(code):
    rig = proven()
    rig.core.trip(code)
    assert rig.core.open_gauge(rig.readings) == faults.REFUSED_STATE
    assert rig.core.fault == code and not rig.core.gauging


def test_a_stricter_fault_behind_the_missing_calibration_is_shown_and_nothing_opens():
    rig = proven()
    rig.core.trip(faults.TRIGGER_STUCK)
    rig.core.trip(faults.CALIBRATION_MISSING)
    rig.core.trip(faults.ENCODER)
    assert rig.core.open_gauge(rig.readings) == faults.REFUSED_STATE
    assert not rig.core.clear(rig.readings, True)
    assert rig.core.fault == faults.CALIBRATION_MISSING
    assert rig.core.open_gauge(rig.readings) == faults.GRANTED


def test_what_has_to_be_so_for_it_to_open():
    for change, refusal in (
            ({"technician": False}, faults.REFUSED_TECHNICIAN), ({"technician": 1}, faults.REFUSED_TECHNICIAN),
            ({"gauge_tip": False}, faults.REFUSED_GAUGE_TIP), ({"gauge_tip": 1}, faults.REFUSED_GAUGE_TIP)):
        rig = proven()
        vars(rig.core).update(change)
        assert rig.core.open_gauge(rig.readings) == refusal and not rig.core.gauging
    rig = proven()
    rig.readings.interlock = 0
    assert rig.core.open_gauge(rig.readings) == faults.REFUSED_INTERLOCK
    for contacts in ((1, 0), (1, 1), (0, 0)):
        rig = proven().trigger(*contacts)
        assert rig.core.open_gauge(rig.readings) == faults.REFUSED_RELEASE_FIRST


def test_never_with_a_session():
    rig = Rig().ready().release()
    rig.core.technician = rig.core.gauge_tip = True
    assert rig.core.open_gauge(rig.readings) == faults.REFUSED_SESSION
    rig.core.close_session()
    assert rig.core.open_gauge(rig.readings) == faults.GRANTED
    with pytest.raises(ValueError, match="gauged"):
        rig.core.open_session(CHEEK, MAX_UM)
    assert rig.core.max_um == 0


@pytest.mark.parametrize("state", [
    safety.BOOT, safety.HOMING, safety.RUNNING, safety.STOPPING, safety.RETRACTING, safety.GAUGING, safety.POWER_DOWN])
def test_only_at_rest(state):
    rig = Rig().enter(state)
    rig.core.technician = rig.core.gauge_tip = True
    rig.core.close_session()
    rig.trigger(0, 1)
    before = rig.core.gauging
    assert rig.core.open_gauge(rig.readings) == faults.REFUSED_STATE
    assert rig.core.gauging == before


@pytest.mark.parametrize("reach_um, far_um, granted", [
    (1, -460, True), (REACH_UM, FAR_UM, True), (0, 0, False), (-1, 0, False), (REACH_UM + 1, 0, False),
    (1000, FAR_UM + 1, False), (1000.0, 0, False), (1000, 1.0, False), (True, 0, False), (None, 0, False),
    (1000, None, False)])  # fmt: skip
def test_how_far(reach_um, far_um, granted):
    rig = Rig().gauged().press()
    answer = rig.ask_static(reach_um, far_um)
    assert answer == (faults.GRANTED if granted else faults.REFUSED_DEPTH)
    assert rig.core.state == (safety.GAUGING if granted else safety.READY)
    if granted:
        permit = rig.core.permit
        assert (permit.depth_um, permit.ceiling_um, permit.static, permit.zone) == (reach_um, reach_um, True, 0)
        assert permit.spend(rig.now_ms) and not permit.spend(rig.now_ms)
    else:
        assert not rig.core.permit.spend(rig.now_ms)


def test_what_is_asked_of_the_hand_and_the_supply():
    """The same as for a stroke."""
    for change, refusal in (
            ({"interlock": 0}, faults.REFUSED_INTERLOCK), ({"power_ok": 0}, faults.REFUSED_POWER),
            ({"battery_mv": 6999}, faults.REFUSED_POWER), ({"temp_dc": 800}, faults.REFUSED_TEMPERATURE),
            ({"temp_dc": -201}, faults.REFUSED_TEMPERATURE), ({"trigger_no": 0}, faults.REFUSED_TRIGGER),
            ({"trigger_nc": 1}, faults.REFUSED_TRIGGER)):
        rig = Rig().gauged().press()
        vars(rig.readings).update(change)
        assert rig.ask_static() == refusal, change
        assert rig.core.state == safety.READY
    assert Rig().gauged().ask_static() == faults.REFUSED_TRIGGER
    rig = proven()
    rig.core.open_gauge(rig.readings)
    rig.press()
    assert rig.ask_static() == faults.REFUSED_RELEASE_FIRST  # since the opening
    assert proven().press().ask_static() == faults.REFUSED_GAUGING
    rig = Rig().gauging()
    assert rig.ask_static() == faults.REFUSED_STATE, "one is under way"


@pytest.mark.parametrize("gone", ["technician", "gauge_tip"])
def test_without_technician_or_tip_it_ends_in_the_same_pass(gone):
    rig = Rig().gauging()
    setattr(rig.core, gone, False)
    rig.step()
    assert (rig.core.state, rig.core.gauging, rig.core.fault) == (safety.UNHOMED, False, faults.NONE)
    rig = Rig().gauged().press()
    setattr(rig.core, gone, False)
    assert rig.ask_static() in (faults.REFUSED_TECHNICIAN, faults.REFUSED_GAUGE_TIP)
    rig.step()
    assert not rig.core.gauging


def test_letting_go_ends_it_within_the_debounce():
    rig = Rig().gauging()
    rig.trigger(0, 1).step(9)
    assert rig.core.state == safety.UNHOMED and rig.core.gauging


def test_it_ends_after_30_s_and_wants_a_release():
    rig = Rig().gauging().step(29_900, 100)
    assert rig.core.state == safety.GAUGING
    rig.step(200, 100)
    assert rig.core.state == safety.UNHOMED
    rig.core.event(safety.HOME)
    rig.core.event(safety.HOMED)
    assert rig.step().ask_static() == faults.REFUSED_RUN_TOO_LONG
    assert rig.release().press().ask_static() == faults.GRANTED


def test_the_watch_over_supply_and_interlock_goes_on():
    for change, ms, code in (
            ({"interlock": 0}, 4, faults.CARTRIDGE_PULLED), ({"rail_mv": 9799}, 70, faults.RAIL_LOW),
            ({"battery_mv": 6199}, 310, faults.BATTERY_LOW), ({"power_ok": 0}, 4, faults.POWER_FAIL),
            ({"temp_dc": 800}, 1, faults.MOTOR_HOT)):
        rig = Rig().gauging()
        vars(rig.readings).update(change)
        rig.step(ms)
        assert rig.core.fault == code and not rig.core.gauging
    rig = Rig().gauging()
    rig.readings.extension_um = 2000
    rig.step(1000)
    assert rig.core.fault == faults.NONE, "a tip that stands out is not a needle that did not come home"


@pytest.mark.parametrize("code", sorted(faults.TABLE))
def test_any_fault_ends_it_and_voids_the_permit(code):
    rig = Rig().gauged().press()
    assert rig.ask_static() == faults.GRANTED
    rig.core.trip(code)
    assert not rig.core.gauging and not rig.core.permit.spend(rig.now_ms)
    assert rig.core.state in (safety.RETRACTING, safety.FAULT)


def test_closing_lets_the_tip_come_home():
    rig = Rig().gauging()
    rig.core.close_gauge()
    assert (rig.core.state, rig.core.gauging) == (safety.UNHOMED, False)
    assert not rig.core.permit.spend(rig.now_ms)
    rig = Rig().gauged()
    rig.core.close_gauge()
    assert rig.core.state == safety.READY


@given(st.integers(-10, 4000), st.integers(-500, 3000))
def test_a_static_permit_never_exceeds_its_limits(reach_um, far_um):
    permit = safety.Permit()
    if 0 < reach_um <= REACH_UM and far_um <= FAR_UM:
        permit.issue_static(reach_um, far_um, 0)
        assert permit.spend(19)
    else:
        with pytest.raises(ValueError, match="no permit"):
            permit.issue_static(reach_um, far_um, 0)
        assert not permit.spend(0)


def test_a_permit_is_of_the_kind_that_was_issued_last():
    permit = safety.Permit()
    permit.issue_static(1000, 1000, 0)
    assert permit.static is True and permit.zone == 0
    permit.issue(CHEEK, 500, 1000, 0)
    assert permit.static is False and permit.zone == CHEEK
    permit.issue_static(1000, 1000, 0)
    assert permit.static is True and permit.zone == 0  # no stroke is allowed there


@pytest.mark.hazard("H01")
@pytest.mark.parametrize(("age_ms", "good"), [(0, True), (19, True), (20, False), (5000, False)])
def test_a_static_permit_lives_20_ms_too(age_ms, good):
    permit = safety.Permit()
    permit.issue_static(1000, 1000, (1 << 30) - 10)
    assert permit.spend(((1 << 30) - 10 + age_ms) % (1 << 30)) is good


def test_a_refused_static_permit_voids_the_one_before():
    permit = safety.Permit()
    permit.issue_static(1000, 1000, 0)
    with pytest.raises(ValueError, match="no permit"):
        permit.issue_static(0, 1000, 0)
    assert not permit.spend(1)
    rig = Rig().gauging()
    assert rig.ask_static() == faults.REFUSED_STATE
    assert not rig.core.permit.spend(rig.now_ms)


def test_a_fresh_pen_has_no_gauge_tip_until_one_was_read():
    core = Rig().release().core
    core.event(safety.TESTED)
    core.technician = True
    assert core.gauge_tip is False
    assert core.open_gauge(Rig().readings) == faults.REFUSED_GAUGE_TIP


def test_a_restart_that_is_asked_for_behind_the_missing_calibration_comes_first():
    rig = proven()
    rig.core.trip(faults.CALIBRATION_MISSING)
    rig.core.trip(faults.EXCEPTION)
    assert rig.core.open_gauge(rig.readings) == faults.REFUSED_STATE
    assert rig.core.fault == faults.EXCEPTION and not rig.core.gauging


def test_a_trigger_let_go_a_moment_ago_may_still_bounce():
    rig = proven().press()
    assert rig.trigger(0, 1).core.open_gauge(rig.readings) == faults.REFUSED_RELEASE_FIRST
    assert rig.step(20).core.open_gauge(rig.readings) == faults.GRANTED


def test_closing_voids_a_permit_that_no_move_was_begun_with():
    rig = Rig().gauged()
    rig.core.permit.issue_static(1000, 1000, rig.now_ms)
    rig.core.close_gauge()
    assert not rig.core.permit.spend(rig.now_ms)


def test_closing_ends_no_run_of_strokes():
    rig = Rig().running()
    rig.core.close_gauge()
    assert rig.core.state == safety.RUNNING


def test_a_latched_fault_refuses_whatever_the_state_says():
    rig = Rig().gauged().press()
    rig.core.fault = faults.SLIP
    assert rig.ask_static() == faults.REFUSED_STATE
