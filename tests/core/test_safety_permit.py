"""Permits: one good stroke each, a short life, and every single condition that refuses one by its name."""

import pytest
from published import cap_um as cap_um_of
from safety_rig import CHEEK, MAX_UM, STARTS_MS, Rig, depth, faults, safety


def granted(start_ms=0):
    rig = Rig(start_ms).ready().press()
    assert rig.ask() == faults.GRANTED
    return rig


@pytest.mark.hazard("H01", "H07")
@pytest.mark.parametrize("start_ms", STARTS_MS)
def test_a_permit_is_spent_once(start_ms):
    rig = granted(start_ms)
    assert rig.core.permit.spend(rig.now_ms)
    assert not rig.core.permit.spend(rig.now_ms)


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("start_ms", STARTS_MS)
@pytest.mark.parametrize("age_ms, good", [(0, True), (19, True), (20, False), (21, False), (5000, False)])
def test_a_permit_lives_20_ms(start_ms, age_ms, good):
    rig = granted(start_ms)
    assert safety.PERMIT_MS == 20
    assert rig.core.permit.spend((rig.now_ms + age_ms) % (1 << 30)) is good
    assert not rig.core.permit.spend(rig.now_ms)


def test_a_permit_carries_what_was_asked_and_the_sessions_limit():
    rig = granted()
    permit = rig.core.permit
    assert (permit.zone, permit.depth_um, permit.ceiling_um) == (CHEEK, 500, MAX_UM)


def test_the_first_permit_starts_the_run_and_later_ones_stay_in_it():
    rig = granted()
    assert rig.core.state == safety.RUNNING
    assert rig.step().ask() == faults.GRANTED
    assert rig.core.state == safety.RUNNING


LOST_BY = {
    "release": lambda rig: rig.core.event(safety.RELEASE),
    "fault": lambda rig: rig.core.trip(faults.SLIP),
    "block": lambda rig: rig.core.trip(faults.STORAGE),
    "impossible event": lambda rig: rig.core.event(safety.HOMED),
    "power": lambda rig: rig.core.power_gone(),
    "end of session": lambda rig: rig.core.close_session(),
    "refusal": lambda rig: rig.ask(MAX_UM + 1),
    "cartridge": lambda rig: (setattr(rig.readings, "interlock", 0), rig.step()),
}


@pytest.mark.parametrize("why", LOST_BY)
def test_a_permit_is_lost_with_what_it_rested_on(why):
    rig = granted()
    LOST_BY[why](rig)
    assert not rig.core.permit.spend(rig.now_ms)


@pytest.mark.parametrize("state", range(10))
def test_a_fault_revokes_a_permit_in_every_state(state):
    """Also in one in which none should be there."""
    rig = Rig().enter(state)
    rig.core.permit.issue(CHEEK, 500, MAX_UM, rig.now_ms)
    rig.core.trip(faults.SLIP)
    assert not rig.core.permit.spend(rig.now_ms)


def test_what_nobody_has_said_or_measured_allows_nothing():
    assert vars(safety.Readings()) == {
        "trigger_no": 0, "trigger_nc": 1, "interlock": 0, "power_ok": 0, "home": 0, "drive_on": 0, "temp_dc": 250,
        "battery_mv": 0, "rail_mv": 0, "extension_um": 0,
    }  # fmt: skip
    permit = safety.Permit()
    assert (permit.depth_um, permit.ceiling_um, permit.zone) == (0, 0, 0)
    assert not any(safety.Permit().spend(now_ms) for start_ms in STARTS_MS for now_ms in (start_ms, start_ms + 1))
    core = Rig().core
    assert (core.state, core.fault, core.zone, core.max_um) == (safety.BOOT, faults.NONE, 0, 0)
    said = (core.pressed, core.calibrated, core.cartridge_ok, core.time_up)
    assert all(yes is False for yes in said)
    assert not core.held_at_rest()


def test_a_fresh_core_needs_everything_to_be_said():
    rig = Rig().release()
    core = rig.core
    assert not core.pressed and not core.permit.spend(rig.now_ms)
    for event in (safety.TESTED, safety.HOME, safety.HOMED):
        assert rig.ask() == faults.REFUSED_STATE
        core.event(event)
    assert rig.ask() == faults.REFUSED_CALIBRATION
    core.calibrated = True
    assert rig.ask() == faults.REFUSED_SESSION
    core.open_session(CHEEK, MAX_UM)
    assert rig.ask() == faults.REFUSED_CARTRIDGE
    core.cartridge_ok = True
    assert rig.ask() == faults.REFUSED_RELEASE_FIRST
    assert rig.release().ask() == faults.REFUSED_TRIGGER
    assert rig.press().ask() == faults.GRANTED


def reading(**values):
    return lambda rig: [setattr(rig.readings, name, value) for name, value in values.items()]


def core(**values):
    return lambda rig: [setattr(rig.core, name, value) for name, value in values.items()]


SPOILED = {
    "not homed": (lambda rig: rig.core.event(safety.HOME), faults.REFUSED_STATE),
    "a fault": (lambda rig: rig.core.trip(faults.DISPLAY), faults.REFUSED_STATE),
    "a fault where strokes are": (core(fault=faults.SLIP), faults.REFUSED_STATE),
    "not calibrated": (core(calibrated=False), faults.REFUSED_CALIBRATION),
    "no session": (lambda rig: rig.core.close_session(), faults.REFUSED_SESSION),
    "time is up": (core(time_up=True), faults.REFUSED_TIME),
    "cartridge not valid": (core(cartridge_ok=False), faults.REFUSED_CARTRIDGE),
    "cartridge not seated": (reading(interlock=0), faults.REFUSED_INTERLOCK),
    "released": (reading(trigger_no=0, trigger_nc=1), faults.REFUSED_TRIGGER),
    "pressed, not yet seen": (lambda rig: rig.release().trigger(1, 0), faults.REFUSED_TRIGGER),
    "contacts agree, closed": (reading(trigger_nc=1), faults.REFUSED_TRIGGER),
    "contacts agree, open": (reading(trigger_no=0), faults.REFUSED_TRIGGER),
    "power failing": (reading(power_ok=0), faults.REFUSED_POWER),
    "battery low": (reading(battery_mv=6999), faults.REFUSED_POWER),
    "battery reads too high": (reading(battery_mv=9001), faults.REFUSED_POWER),
    "motor hot": (reading(temp_dc=800), faults.REFUSED_TEMPERATURE),
    "NTC open": (reading(temp_dc=-201), faults.REFUSED_TEMPERATURE),
    "NTC short": (reading(temp_dc=9999), faults.REFUSED_TEMPERATURE),
}


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("name", SPOILED)
def test_each_condition_refuses_by_its_name(name):
    spoil, reason = SPOILED[name]
    rig = Rig().ready().press()
    spoil(rig)
    state = rig.core.state
    assert rig.ask() == reason
    assert rig.core.state == state
    assert not rig.core.permit.spend(rig.now_ms)


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("depth_um", [-(10**12), -1, 0, MAX_UM + 1, 2500, 10**12])
def test_a_depth_outside_the_session_is_refused(depth_um):
    rig = Rig().ready().press()
    assert rig.ask(depth_um) == faults.REFUSED_DEPTH


@pytest.mark.parametrize("depth_um", [1, MAX_UM - 1, MAX_UM])
def test_a_depth_up_to_the_limit_is_granted(depth_um):
    rig = Rig().ready().press()
    assert rig.ask(depth_um) == faults.GRANTED


@pytest.mark.parametrize("temp_dc, battery_mv", [(-200, 7000), (799, 7000), (250, 9000)])
def test_the_last_good_readings_are_granted(temp_dc, battery_mv):
    rig = Rig().ready().press()
    rig.readings.temp_dc, rig.readings.battery_mv = temp_dc, battery_mv
    assert rig.ask() == faults.GRANTED


@pytest.mark.hazard("H09")
def test_in_a_run_the_battery_may_sag_below_its_gate():
    rig = granted()
    rig.readings.battery_mv = 6500  # under load; the stop threshold watches on
    assert rig.ask() == faults.GRANTED
    rig.readings.battery_mv = 9001
    assert rig.ask() == faults.REFUSED_POWER


@pytest.mark.parametrize("state", set(range(10)) - {safety.READY})
def test_a_session_opens_only_when_ready(state):
    rig = Rig().enter(state)
    with pytest.raises(ValueError, match="ready"):
        rig.core.open_session(CHEEK, MAX_UM)


@pytest.mark.hazard("H01", "H15")
@pytest.mark.parametrize("zone", range(len(depth.ZONES)))
def test_a_session_is_never_deeper_than_its_zone(zone):
    """The second look at the limit: whatever a caller worked out, the zone's table has the word here too."""
    cap_um = cap_um_of(zone, True)
    for max_um in (-1, 0, cap_um + 1, 2501, 1 << 30, 10**30, -(10**30)):
        rig = Rig().ready()
        rig.core.close_session()
        assert rig.core.max_um == 0
        with pytest.raises(ValueError, match=f"^zone {zone} does not allow {max_um} um$"):
            rig.core.open_session(zone, max_um)
        assert rig.press().ask() == faults.REFUSED_SESSION
    for max_um in (1, cap_um - 1, cap_um) if cap_um else ():
        rig.core.time_up = True
        rig.core.open_session(zone, max_um)
        assert (rig.core.zone, rig.core.max_um, rig.core.time_up) == (zone, max_um, False)
        assert rig.release().press().ask(max_um) == faults.GRANTED
        assert (rig.core.permit.zone, rig.core.permit.depth_um, rig.core.permit.ceiling_um) == (zone, max_um, max_um)
        assert rig.ask(max_um + 1) == faults.REFUSED_DEPTH
        rig.release()
        rig.core.event(safety.PARKED)


@pytest.mark.hazard("H08")
def test_a_trigger_held_when_the_session_opens_starts_nothing():
    """Pressed while the cartridge was being marked: the needles must not start by themselves."""
    rig = Rig().ready()
    rig.core.close_session()
    rig.press()
    rig.core.open_session(CHEEK, MAX_UM)
    for _ in range(100):
        assert rig.step().ask() == faults.REFUSED_RELEASE_FIRST
    assert rig.core.held_at_rest()
    rig.release().press()
    assert rig.ask() == faults.GRANTED


@pytest.mark.hazard("H01")
def test_a_stroke_is_asked_for_after_a_static_move_and_is_a_stroke():
    rig = Rig().ready().press()
    rig.core.permit.issue_static(1000, 1000, rig.now_ms)
    assert rig.ask() == faults.GRANTED
    assert rig.core.permit.static is False and rig.core.permit.zone == CHEEK


def test_a_look_at_the_readings_leaves_the_permit_of_a_run_alone():
    rig = Rig().running()
    assert rig.ask() == faults.GRANTED
    rig.step()
    assert rig.core.permit.spend(rig.now_ms)


@pytest.mark.hazard("H15")
def test_a_pull_on_a_page_that_has_to_be_read_starts_nothing_until_it_was_let_go():
    rig = Rig().ready()
    rig.core.to_read = True
    rig.press()
    assert rig.ask() == faults.REFUSED_PAGE
    rig.core.to_read = False  # read, with the trigger still held
    assert rig.step().ask() == faults.REFUSED_PAGE
    assert rig.core.state == safety.READY
    rig.release().press()
    assert rig.ask() == faults.GRANTED


@pytest.mark.hazard("H11")
def test_a_run_that_is_ended_goes_on_only_after_a_release():
    rig = Rig().running()
    rig.core.end_run()
    assert rig.core.state == safety.STOPPING
    rig.core.event(safety.PARKED)
    assert rig.step().ask() == faults.REFUSED_RUN_TOO_LONG
    rig.release().press()
    assert rig.ask() == faults.GRANTED
