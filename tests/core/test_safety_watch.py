"""What the safety core watches besides the trigger: supply, temperature, cartridge, needles left out."""

import pytest
from safety_rig import STARTS_MS, STATES, WRAP, Rig, faults, safety

MOVING = {safety.RUNNING, safety.STOPPING}

# code, reading, last good value, first bad one, after how long, in which states
TIMED = [
    (faults.RAIL_LOW, "rail_mv", 9800, 9799, 60, MOVING | {safety.HOMING, safety.GAUGING}),
    (faults.BATTERY_LOW, "battery_mv", 6200, 6199, 300, MOVING | {safety.HOMING, safety.GAUGING}),
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


SENSES = [(faults.BATTERY_SENSE, "battery_mv", 9000, 9001), (faults.RAIL_SENSE, "rail_mv", 14000, 14001)]


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("code, name, most, over", SENSES)
@pytest.mark.parametrize("state", sorted(set(STATES) - {safety.BOOT}))
def test_a_supply_that_reads_too_high_is_a_broken_sensor(code, name, most, over, state):
    """A reading stuck high would blind the gate of a run and the watch under load."""
    rig = Rig().enter(state)
    before = rig.core.fault
    setattr(rig.readings, name, most)
    rig.step(2 * safety.SENSE_MS)
    assert rig.core.fault == before
    setattr(rig.readings, name, over)
    rig.step(safety.SENSE_MS)
    assert rig.core.fault == before
    rig.step()
    assert rig.core.fault == (before or code)
    assert rig.core.service_fault() == code, "what blocked the pen asks for a restart, and this stands behind it"


ENDS = [
    (safety.HOMING, safety.HOMING_MS, faults.HOMING),
    (safety.STOPPING, safety.STOPPING_MS, faults.INTERNAL),
    (safety.RETRACTING, safety.RETRACTING_MS, faults.SLIP),
]


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("start_ms", STARTS_MS)
@pytest.mark.parametrize("state, ms, fault", ENDS)
def test_what_the_motor_never_ends_is_ended_by_the_drive_going_off(state, ms, fault, start_ms):
    rig = Rig(start_ms).enter(state).release(1)
    rig.readings.extension_um = -120
    rig.step(ms - 1)
    assert rig.core.state == state
    rig.step(2)
    # a homing that does not end may have left the needles out: they come in first
    ended = safety.RETRACTING if state == safety.HOMING else safety.FAULT
    assert (rig.core.state, rig.core.fault) == (ended, fault)
    if ended == safety.RETRACTING:
        rig.step(safety.RETRACTING_MS + 1)
        assert (rig.core.state, rig.core.fault) == (safety.FAULT, fault)
    if state == safety.RETRACTING:  # the slip can be cleared, what came behind it asks for a restart
        assert not rig.release().core.clear(rig.readings)
        assert rig.core.fault == faults.INTERNAL


@pytest.mark.hazard("H05")
def test_power_failing_trips_after_four_looks_over_3_ms_and_voids_a_permit_at_the_first():
    rig = Rig().running()
    assert rig.ask() == faults.GRANTED
    rig.readings.power_ok = 0
    assert rig.core.update(rig.readings, rig.now_ms + 1), "it asks for another look soon"
    assert not rig.core.permit.spend(rig.now_ms + 1)
    rig.now_ms += 1
    rig.step(2)
    assert (rig.core.state, rig.core.fault) == (safety.RUNNING, faults.NONE)
    rig.step()
    assert (rig.core.state, rig.core.fault) == (safety.RETRACTING, faults.POWER_FAIL)
    assert not rig.core.update(rig.readings, rig.now_ms + 1), "nothing is in doubt any more"


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
    rig.step(3)
    assert rig.core.fault == before
    rig.step()
    if state in MOVING | {safety.GAUGING}:
        assert (rig.core.state, rig.core.fault) == (safety.FAULT, faults.CARTRIDGE_PULLED)
    else:  # changing cartridges at rest is the ordinary use
        assert rig.core.fault == before


@pytest.mark.hazard("H18")
def test_a_loop_that_reads_open_for_a_moment_refuses_the_next_stroke_and_latches_nothing():
    rig = Rig().running()
    rig.readings.interlock = 0
    rig.step(3)
    assert rig.ask() == faults.REFUSED_INTERLOCK
    rig.readings.interlock = 1
    rig.step(50)
    assert (rig.core.state, rig.core.fault) == (safety.RUNNING, faults.NONE)


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
    assert rig.now_ms == (start_ms + 62 + 40 * 125) % WRAP


@pytest.mark.parametrize("state, ms", [(safety.HOMING, 8000), (safety.STOPPING, 1000), (safety.RETRACTING, 2500)])
def test_what_does_not_end_is_given_its_time_to_the_millisecond(state, ms):
    rig = Rig().enter(state)
    rig.core.update(rig.readings, rig.now_ms)  # from here on
    before = rig.core.fault
    rig.step(ms - 1)
    assert (rig.core.state, rig.core.fault) == (state, before)
    rig.step()
    assert rig.core.state == (safety.RETRACTING if state == safety.HOMING else safety.FAULT)


def test_while_the_supply_fails_its_readings_are_not_judged():
    """A comparator that says so is believed; what the dying supply then measures is no broken sensor."""
    rig = Rig().ready()
    rig.readings.power_ok, rig.readings.battery_mv, rig.readings.rail_mv = 0, 9001, 14_001
    rig.step(400)
    assert rig.core.fault == faults.POWER_FAIL
    assert rig.core.service_fault() == faults.NONE


def test_every_threshold_is_the_documented_one():
    """A second transcription: the tests above take some of them from the core to find its boundary."""
    documented = {
        "LONGEST_RUN_MS": 30_000, "EXTENDED_MS": 400, "PERMIT_MS": 20,
        "RAIL_LOW_MV": 9800, "RAIL_LOW_MS": 60, "RAIL_MOST_MV": 14_000, "BATTERY_START_MV": 7000,
        "BATTERY_STOP_MV": 6200, "BATTERY_LOW_MS": 300, "BATTERY_LEAST_MV": 4000, "BATTERY_MOST_MV": 9000,
        "SENSE_MS": 300, "WARN_DC": 600, "DERATE_DC": 700, "STOP_DC": 800, "COOL_DC": 650, "PLAUSIBLE_LOW_DC": -200,
        "PLAUSIBLE_HIGH_DC": 1500, "HOMING_MS": 8000, "STOPPING_MS": 1000, "RETRACTING_MS": 2500,
    }  # fmt: skip
    units = ("_MS", "_MV", "_DC")
    found = {name: value for name, value in vars(safety).items() if name.endswith(units) and name[0] != "_"}
    assert found == documented


def test_a_timer_that_is_shown_an_earlier_time_has_held_for_none():
    timer = safety.Timer()
    timer.held_ms(True, 100)
    assert timer.held_ms(True, 99) <= 0
    assert timer.held_ms(True, 103) == 3


@pytest.mark.parametrize(("name", "high"), [("battery_mv", 9001), ("rail_mv", 14_001)])
def test_a_reading_that_came_back_starts_anew(name, high):
    rig = Rig().ready()
    normal = getattr(rig.readings, name)
    setattr(rig.readings, name, high)
    rig.step(safety.SENSE_MS - 1)
    setattr(rig.readings, name, normal)
    rig.step(safety.SENSE_MS)
    setattr(rig.readings, name, high)
    rig.step(2)
    assert rig.core.fault == faults.NONE


def test_each_homing_has_its_own_time():
    rig = Rig().enter(safety.HOMING)
    rig.step(safety.HOMING_MS - 1)
    rig.core.event(safety.HOMED)
    rig.step(100)
    rig.core.event(safety.HOME)
    rig.step(2)
    assert (rig.core.fault, rig.core.state) == (faults.NONE, safety.HOMING)


def test_each_retract_has_its_own_time():
    rig = Rig().enter(safety.RETRACTING)
    rig.step(safety.RETRACTING_MS - 1)
    rig.core.event(safety.RETRACTED)
    rig.trigger(0, 1).step(100)
    assert rig.core.clear(rig.readings)
    rig.core.event(safety.HOME)
    rig.step()
    rig.core.trip(faults.SLIP)
    rig.step(2)
    assert rig.core.state == safety.RETRACTING, faults.key(rig.core.fault)
