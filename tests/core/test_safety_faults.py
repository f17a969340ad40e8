"""Trips and their remedies: the first fault latches, none leaves a state that can stroke, none clears too early."""

from itertools import product

import pytest
from safety_rig import STATES, Rig, faults, safety

CODES = sorted(faults.TABLE)
BY_USER = [code for code in CODES if faults.remedy(code) == faults.BY_USER]
NO_STROKE = {safety.BLOCKED, safety.RETRACTING, safety.FAULT, safety.POWER_DOWN}


@pytest.mark.parametrize("state, code", list(product(STATES, CODES)))
def test_no_fault_leaves_a_state_that_can_stroke(state, code):
    rig = Rig().enter(state)
    rig.core.trip(code)
    assert rig.core.fault != faults.NONE
    assert rig.core.state in NO_STROKE
    assert not rig.core.permit.spend(rig.now_ms)
    rig.release().press()
    assert rig.ask() == faults.REFUSED_STATE
    assert rig.core.state in NO_STROKE


@pytest.mark.hazard("H20")
@pytest.mark.parametrize("first, second", list(product(CODES, CODES[::3])))
def test_the_first_fault_stays(first, second):
    """One behind it that asks for service or for a restart is told when it comes, and once."""
    rig = Rig().running()
    rig.core.trip(first)
    for _ in range(3):
        rig.core.trip(second)
    assert rig.core.fault == first
    remedy = faults.remedy(second)
    waits = remedy != faults.remedy(first) and remedy != faults.BY_USER
    assert rig.latched == [first] + [second] * waits


def in_fault(code):
    """A code tripped in a run and the retract over."""
    rig = Rig().running()
    rig.core.trip(code)
    if rig.core.state == safety.RETRACTING:
        rig.core.event(safety.RETRACTED)
    assert rig.core.state == safety.FAULT
    return rig.release()


@pytest.mark.parametrize("code", CODES)
def test_each_remedy(code):
    remedy = faults.remedy(code)
    rig = in_fault(code)
    assert rig.core.clear(rig.readings) == (remedy == faults.BY_USER)
    rig = in_fault(code)
    rig.core.calibrated = True
    assert rig.core.clear(rig.readings, True) == (remedy != faults.BY_RESTART)
    assert (rig.core.state, rig.core.fault) == (
        (safety.FAULT, code) if remedy == faults.BY_RESTART else (safety.UNHOMED, faults.NONE))  # fmt: skip


@pytest.mark.parametrize("name", ["GATE", "ENCODER", "EXCEPTION", "POWER_FAIL"])
def test_a_stricter_fault_behind_the_first_is_not_cleared_with_it(name):
    """A failed gate test after a watchdog reset must not vanish with the user's SELECT."""
    behind = getattr(faults, name)
    rig = Rig().release()
    rig.core.trip(faults.WATCHDOG)
    rig.core.trip(behind)
    rig.core.trip(faults.JAM)
    assert rig.core.fault == faults.WATCHDOG
    assert not rig.core.clear(rig.readings)
    assert rig.core.fault == behind
    assert rig.latched == [faults.WATCHDOG, behind, behind], "when it came, and when its turn came"
    assert not rig.core.clear(rig.readings)
    assert rig.core.state in NO_STROKE


@pytest.mark.hazard("H20")
@pytest.mark.parametrize("restart", ["EXCEPTION", "INTERNAL", "TABLES", "POWER_FAIL"])
@pytest.mark.parametrize("order", [("WATCHDOG", None, "ENCODER"), ("WATCHDOG", "ENCODER", None), ("ENCODER", None)])
def test_service_does_not_clear_what_asks_for_a_restart(order, restart):
    """Service and a restart are two remedies: neither stands for the other, in whatever order the faults came."""
    rig = Rig().release()
    for name in order:
        rig.core.trip(getattr(faults, name or restart))
    if order[0] == "WATCHDOG":
        assert not rig.core.clear(rig.readings)
    assert rig.core.fault == faults.ENCODER
    assert not rig.core.clear(rig.readings, True)
    assert rig.core.fault == getattr(faults, restart)
    assert rig.latched[-1] == rig.core.fault
    assert not rig.core.clear(rig.readings, True)
    assert rig.core.state in NO_STROKE


def test_the_fault_for_service_is_kept_behind_one_for_a_restart():
    """A restart forgets all, so what it must not forget is told, to be put on record."""
    rig = Rig().release()
    for code in (faults.EXCEPTION, faults.ENCODER):
        rig.core.trip(code)
    assert not rig.core.clear(rig.readings, True)
    assert (rig.core.fault, rig.core.service_fault()) == (faults.EXCEPTION, faults.ENCODER)


def test_what_came_behind_is_forgotten_once_cleared():
    rig = Rig().release()
    for code in (faults.WATCHDOG, faults.GATE, faults.ENCODER):
        rig.core.trip(code)
    assert not rig.core.clear(rig.readings)
    assert rig.core.fault == faults.GATE
    assert rig.core.clear(rig.readings, True)
    rig.core.trip(faults.JAM)
    assert rig.core.clear(rig.readings)


def test_of_two_as_strict_behind_the_first_the_earlier_is_kept():
    rig = Rig().release()
    for code in (faults.WATCHDOG, faults.ENCODER, faults.GATE):
        rig.core.trip(code)
    assert not rig.core.clear(rig.readings, True)
    assert rig.core.fault == faults.ENCODER


def test_nothing_latched_is_nothing_to_clear():
    """States that only a fault leads to, entered without one: `clear` says no, and nothing new is latched there."""
    for event, state in ((safety.FAULT_STOP, safety.FAULT), (safety.BLOCK, safety.BLOCKED)):
        rig = Rig().enter(safety.UNHOMED)
        rig.core.event(event)
        assert not rig.core.clear(rig.readings, True)
        rig.readings.temp_dc = 800
        rig.step()
        assert (rig.core.state, rig.core.fault, rig.latched) == (state, faults.NONE, [])
    rig = Rig().enter(safety.UNHOMED)
    rig.core.event(safety.FAULT_STOP)
    rig.trigger(1, 1).step(100)
    assert rig.core.fault == faults.NONE


def test_an_event_that_cannot_be_is_not_forgotten_with_the_fault_before_it():
    rig = in_fault(faults.SLIP)
    rig.core.event(safety.TESTED)
    assert rig.core.fault == faults.SLIP
    assert not rig.core.clear(rig.readings)
    assert (rig.core.state, rig.core.fault) == (safety.FAULT, faults.INTERNAL)


def test_a_fault_behind_that_is_no_stricter_goes_with_the_first():
    rig = in_fault(faults.SLIP)
    rig.core.trip(faults.JAM)
    assert rig.core.clear(rig.readings)
    assert (rig.core.state, rig.core.fault) == (safety.UNHOMED, faults.NONE)


@pytest.mark.parametrize("state", sorted(set(STATES) - {safety.FAULT, safety.BLOCKED}))
def test_nothing_clears_in_other_states(state):
    rig = Rig().enter(state)
    assert not rig.core.clear(rig.readings, True)
    assert rig.core.state == state


CAUSES = [
    (faults.TRIGGER_STUCK, "trigger_no", 1, 0),
    (faults.TRIGGER_CONTACTS, "trigger_nc", 0, 1),
    (faults.MOTOR_HOT, "temp_dc", safety.COOL_DC + 1, safety.COOL_DC),
    (faults.DRIVER_HOT, "temp_dc", safety.COOL_DC + 1, safety.COOL_DC),
    (faults.BATTERY_LOW, "battery_mv", safety.BATTERY_START_MV - 1, safety.BATTERY_START_MV),
    (faults.BATTERY_LOW, "battery_mv", safety.BATTERY_MOST_MV + 1, safety.BATTERY_MOST_MV),
    (faults.RAIL_LOW, "rail_mv", safety.RAIL_LOW_MV - 1, safety.RAIL_LOW_MV),
    (faults.DRIVER_SUPPLY, "rail_mv", safety.RAIL_LOW_MV - 1, safety.RAIL_LOW_MV),
]


@pytest.mark.parametrize("code, reading, bad, good", CAUSES)
def test_not_cleared_while_the_cause_is_there(code, reading, bad, good):
    rig = in_fault(code)
    setattr(rig.readings, reading, bad)
    assert not rig.core.clear(rig.readings)
    assert (rig.core.state, rig.core.fault) == (safety.FAULT, code)
    setattr(rig.readings, reading, good)
    assert rig.core.clear(rig.readings)


SERVICE_CAUSES = [
    (faults.NTC, "temp_dc", -201, -200),
    (faults.NTC, "temp_dc", 1501, 1500),
    (faults.BATTERY_SENSE, "battery_mv", 3999, 4000),
    (faults.BATTERY_SENSE, "battery_mv", 9001, 9000),
    (faults.RAIL_SENSE, "rail_mv", 9799, 9800),
    (faults.RAIL_SENSE, "rail_mv", 14001, 14000),
]


@pytest.mark.parametrize("code, reading, bad, good", SERVICE_CAUSES)
def test_service_cannot_clear_while_the_cause_is_there(code, reading, bad, good):
    rig = in_fault(code)
    setattr(rig.readings, reading, bad)
    assert not rig.core.clear(rig.readings, True)
    assert (rig.core.state, rig.core.fault) == (safety.FAULT, code)
    setattr(rig.readings, reading, good)
    assert not rig.core.clear(rig.readings)
    assert rig.core.clear(rig.readings, True)


@pytest.mark.hazard("H13")
@pytest.mark.parametrize("code", [faults.CALIBRATION_MISSING, faults.CALIBRATION_CORRUPT])
def test_without_a_calibration_not_even_service_clears_its_fault(code):
    """Else the pen would be unhomed without a fault to show and without a way on."""
    rig = Rig().release()
    rig.core.trip(code)
    assert not rig.core.clear(rig.readings, True)
    assert rig.core.fault == code
    rig.core.calibrated = True
    assert rig.core.clear(rig.readings, True)
    assert rig.core.state == safety.UNHOMED


def test_the_fault_for_service_is_told_latched_or_behind():
    rig = Rig().release()
    assert rig.core.service_fault() == faults.NONE
    rig.core.trip(faults.WATCHDOG)
    assert rig.core.service_fault() == faults.NONE
    rig.core.trip(faults.ENCODER)
    assert rig.core.service_fault() == faults.ENCODER
    assert not rig.core.clear(rig.readings)
    assert rig.core.service_fault() == faults.ENCODER
    assert rig.core.clear(rig.readings, True)
    assert rig.core.service_fault() == faults.NONE
    rig.core.trip(faults.WATCHDOG)
    rig.core.trip(faults.EXCEPTION)
    assert rig.core.service_fault() == faults.NONE
    rig.core.trip(faults.ENCODER)
    assert rig.core.service_fault() == faults.ENCODER


@pytest.mark.parametrize("code", sorted(set(BY_USER) - {code for code, *_ in CAUSES}))
def test_readings_that_a_fault_is_not_about_do_not_keep_it(code):
    rig = in_fault(code)
    rig.readings.temp_dc, rig.readings.battery_mv, rig.readings.rail_mv = safety.COOL_DC + 1, 0, 0
    assert rig.core.clear(rig.readings)


@pytest.mark.hazard("H08")
@pytest.mark.parametrize("code", BY_USER)
def test_after_a_clear_the_trigger_must_be_let_go(code):
    rig = in_fault(code)
    rig.core.clear(rig.readings)
    rig.press()  # no time to see it released
    rig.core.event(safety.HOME)
    rig.core.event(safety.HOMED)
    assert rig.core.held_at_rest()
    assert rig.ask() == faults.REFUSED_RELEASE_FIRST
    rig.release().press()
    assert rig.ask() == faults.GRANTED


def stopped_by(*codes):
    rig = Rig().ready()
    for code in codes:
        rig.core.trip(code)
    return rig


@pytest.mark.parametrize("behind", [faults.HOME_SENSOR, faults.SLIP], ids=["same remedy", "lesser remedy"])
def test_one_service_is_enough_for_what_it_has_looked_at(behind):
    rig = stopped_by(faults.ENCODER, behind)
    assert rig.core.clear(rig.readings, service=True)
    assert rig.core.fault == faults.NONE


def test_of_two_restarts_asked_for_the_first_is_named():
    rig = stopped_by(faults.SLIP, faults.TABLES, faults.EXCEPTION)
    assert not rig.core.clear(rig.readings)
    assert rig.core.fault == faults.TABLES


def test_hot_and_open_at_the_same_look_the_needles_are_called_in():
    rig = Rig().running()
    rig.readings.temp_dc, rig.readings.interlock = 800, 0
    rig.step()
    assert (rig.core.fault, rig.core.state) == (faults.MOTOR_HOT, safety.RETRACTING)
