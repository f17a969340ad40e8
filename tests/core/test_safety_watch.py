"""What the safety core watches besides the trigger: supply, temperature, cartridge, needles left out."""

import pytest
from safety_rig import STARTS_MS, STATES, WRAP, Rig, faults, safety

MOVING = {safety.RUNNING, safety.STOPPING}

# code, reading, last good value, first bad one, after how long, in which states
TIMED = [
    (faults.RAIL_LOW, "rail_mv", 9800, 9799, 60, MOVING | {safety.HOMING}),
    (faults.BATTERY_LOW, "battery_mv", 6200, 6199, 300, MOVING | {safety.HOMING}),
    (faults.EXTENDED, "extension_um", 0, 1, 400, MOVING),
]
timed = pytest.mark.parametrize("code, name, good, bad, ms, states", TIMED)


@pytest.mark.hazard("H04", "H09")
@timed
@pytest.mark.parametrize("start_ms", STARTS_MS)
@pytest.mark.parametrize("state", STATES)
def test_trips_after_its_time_and_only_while_moving(code, name, good, bad, ms, states, state, start_ms):
    rig = Rig(start_ms).enter(state)
    before = rig.core.fault
    setattr(rig.readings, name, bad)
    rig.step(ms)  # the first look starts the count
    assert rig.core.fault == before
    rig.step()
    assert rig.core.fault == (code if state in states else before)


@timed
def test_the_last_good_value_never_trips(code, name, good, bad, ms, states):
    rig = Rig().running()
    setattr(rig.readings, name, good)
    rig.step(3 * ms)
    assert rig.core.fault == faults.NONE


@timed
def test_one_good_reading_starts_the_time_anew(code, name, good, bad, ms, states):
    rig = Rig().running()
    for _ in range(5):
        setattr(rig.readings, name, bad)
        rig.step(ms)
        setattr(rig.readings, name, good)
        rig.step()
    assert rig.core.fault == faults.NONE


@pytest.mark.hazard("H05")
def test_power_failing_trips_at_the_first_look():
    rig = Rig().running()
    rig.readings.power_ok = 0
    rig.step()
    assert (rig.core.state, rig.core.fault) == (safety.RETRACTING, faults.POWER_FAIL)


@pytest.mark.hazard("H10")
@pytest.mark.parametrize("state", [safety.UNHOMED, safety.HOMING, safety.READY, safety.RUNNING, safety.STOPPING])
@pytest.mark.parametrize(
    "temp_dc, code",
    [(-9999, "NTC"), (-201, "NTC"), (-200, "NONE"), (799, "NONE"), (800, "MOTOR_HOT"), (1500, "MOTOR_HOT"),
     (1501, "NTC"), (9999, "NTC")],
)  # fmt: skip
def test_temperature(state, temp_dc, code):
    rig = Rig().enter(state)
    rig.readings.temp_dc = temp_dc
    rig.step()
    assert rig.core.fault == getattr(faults, code)


def test_a_hot_motor_clears_at_65_degrees():
    rig = Rig().ready()
    rig.readings.temp_dc = 800
    rig.step()
    rig.readings.temp_dc = 651
    assert not rig.core.clear(rig.readings)
    rig.readings.temp_dc = 650
    assert rig.core.clear(rig.readings)


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("state", STATES)
def test_a_pulled_cartridge_stops_what_strokes(state):
    rig = Rig().enter(state)
    before = rig.core.fault
    rig.readings.interlock = 0
    rig.step()
    if state in MOVING:
        assert (rig.core.state, rig.core.fault) == (safety.FAULT, faults.CARTRIDGE_PULLED)
    else:  # changing cartridges at rest is the ordinary use
        assert rig.core.fault == before


def test_the_self_test_judges_readings_itself():
    rig = Rig()
    rig.readings.temp_dc, rig.readings.power_ok = 9999, 0
    rig.release(100)
    assert (rig.core.state, rig.core.fault) == (safety.BOOT, faults.NONE)


@pytest.mark.parametrize("start_ms", STARTS_MS)
def test_strokes_of_the_slowest_zone_never_count_as_left_out(start_ms):
    rig = Rig(start_ms).running()
    for _ in range(40):
        rig.readings.extension_um = 2500
        rig.step(115)
        rig.readings.extension_um = -120
        rig.step(10)  # 8 Hz: 125 ms a stroke, at home in between
    assert rig.core.fault == faults.NONE
    assert rig.now_ms == (start_ms + 42 + 40 * 125) % WRAP
