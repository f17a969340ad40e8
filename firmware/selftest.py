"""The self-test at boot: is everything there, does it make sense, and does the gate refuse.

Returns the first fault found, worst cause first; the loop shows it and nothing moves. Each part is asked again before
its fault is named (`inputs`), within a second. The watchdog is fed with each try. Nothing moves here, so what a healthy
sensor shows is known: supply and temperature within what the parts can give, one of the two trigger contacts
closed, encoder and home sensor still.
"""

from array import array

import archive
import faults
import inputs
import journal
import safety
import store
from gate import Chain, step_word
from micropython import const
from registers import mark

RAIL_WAIT_MS = const(300)  # the boost charges its capacitor; readings that cannot be have as long to become others
AGAIN_US = const(10000)
LOOKS = const(10)  # every 5 ms: longer than the trigger's contacts may agree
LOOK_US = const(5000)
STILL_COUNTS = const(8)  # 8 um: the carriage settles, an encoder that counts by itself goes on
POWER_FAIL_MV = const(8500)  # well under the comparator's 9.0 V
_PROBE_STEPS = const(4)
_PROBE_CYCLES = const(12500)
_PROBE_AGAIN_US = const(50000)


def run(pen) -> int:
    """Test the pen and load its records; the number of the first fault, or faults.NONE."""
    pen.sensors.read_pads()
    pen.sensors.read_analog()
    for test in (_memory, _dates, _display, _supply, _sensors, gate, calibration, _archive):
        code = _patient(pen, test)
        if code != faults.NONE:
            return _named(pen, code)
    return _named(pen, faults.NONE)


def _patient(pen, test):
    """The fault that a test finds; while the record memory answers wrong, the test is made again for a second."""
    code = faults.NONE
    for _ in range(inputs.MEMORY_TRIES):
        pen.alive()
        errors = pen.fram.errors
        try:
            code = test(pen)
        except OSError:  # only the record memory raises one: it did not keep what was written, or not answer alike
            code = faults.STORAGE
        if code == faults.NONE or pen.fram.errors == errors:
            break
        pen.wait_us(inputs.MEMORY_MS * 1000)
    return code


def at_rest(pen) -> int:
    """What of it can be done again with nothing moving and no session open; 0.1 s. The number of the first fault."""
    if not pen.fram.check_id():
        return faults.STORAGE
    if not pen.store.provisioned():
        return faults.STORAGE_BLANK
    for test in (_supply, _sensors, calibration, _archive):
        code = test(pen)
        if code != faults.NONE:
            return _named(pen, code)
    resting = pen.safety.state == safety.READY or pen.safety.state == safety.UNHOMED
    return gate(pen) if resting and pen.safety.fault == faults.NONE and not pen.motor.armed() else faults.NONE


def _named(pen, code):
    """A memory that no longer answers is what is wrong, and not the record that then looks missing."""
    return code if pen.fram.check_id() else faults.STORAGE


def _memory(pen):
    """FRAM answers, was set up, and its records can be read; the boot is counted."""
    if not pen.fram.check_id():
        return faults.STORAGE
    if not pen.store.provisioned():
        return faults.STORAGE_BLANK
    usable = (store.OK, store.RECOVERED, store.EMPTY)
    for record in (pen.counters, pen.settings, pen.last_fault, pen.used, pen.clinic):
        if record.load(pen.store) not in usable:
            return faults.STORAGE
    if pen.motion_status not in usable:
        return faults.STORAGE
    pen.counters.boots += 1
    pen.counters.save(pen.store)
    if pen.journal.mount(pen.counters.boots, 0, pen.under_way()) == journal.UNPROVISIONED:
        return faults.STORAGE_BLANK
    mark(0, 0, 0, 0)  # what became of it is on record
    if pen.put_away.archive.mount(pen.counters.boots, 0) == archive.UNREADABLE:
        return faults.STORAGE
    pen.treatment.session_limit_ms = pen.settings.session_limit_s * 1000
    pen.session.settings_loaded()
    pen.treatment.clinic_um = pen.clinic.limits_um
    return faults.NONE


def _dates(pen):
    """What day it is, by clock and records; not to know it is no fault."""
    pen.dates.begin()
    return faults.NONE


def _display(pen):
    for _ in range(inputs.DISPLAY_TRIES):
        if pen.panel.start():
            return faults.NONE
        pen.wait_us(inputs.DISPLAY_MS * 1000)
    return faults.DISPLAY


def _supply(pen):
    """The rail comes up, battery and rail read what they can be, and the power-fail input agrees with the rail."""
    code = _supply_now(pen.readings)
    waited_ms = 0
    while code != faults.NONE and waited_ms < RAIL_WAIT_MS:
        waited_ms += _read_again(pen)
        code = _supply_now(pen.readings)
    return code


def _supply_now(readings):
    if not safety.BATTERY_LEAST_MV <= readings.battery_mv <= safety.BATTERY_MOST_MV:
        return faults.BATTERY_SENSE
    if readings.rail_mv > safety.RAIL_MOST_MV:
        return faults.RAIL_SENSE
    if not readings.power_ok:
        return faults.POWER_FAIL
    if readings.rail_mv < POWER_FAIL_MV:
        return faults.POWER_SENSE
    return faults.RAIL_LOW if readings.rail_mv < safety.RAIL_LOW_MV else faults.NONE


def _read_again(pen) -> int:
    """Wait and read everything once more; the ms that it took."""
    pen.wait_us(AGAIN_US)
    pen.sensors.read_pads()
    pen.sensors.read_analog()
    return AGAIN_US // 1000


def _sensors(pen):
    readings = pen.readings
    waited_ms = 0
    while not safety.PLAUSIBLE_LOW_DC <= readings.temp_dc < safety.STOP_DC and waited_ms < RAIL_WAIT_MS:
        waited_ms += _read_again(pen)
    if not safety.PLAUSIBLE_LOW_DC <= readings.temp_dc <= safety.PLAUSIBLE_HIGH_DC:
        return faults.NTC  # hot is for the loop to say
    code = faults.NONE
    for _ in range(inputs.STILL_TRIES):
        code = _still(pen)
        if code == faults.NONE:
            break
    return code


def _still(pen):
    """Nothing moves, and the trigger's contacts do not agree: looked at for longer than they may bounce."""
    readings = pen.readings
    agreed = True
    changes = 0
    home = readings.home
    low = high = pen.encoder.count()
    for _ in range(LOOKS):
        pen.wait_us(LOOK_US)
        pen.sensors.read_pads()
        agreed = agreed and readings.trigger_no == readings.trigger_nc
        changes += readings.home != home
        home = readings.home
        count = pen.encoder.count()
        low = min(low, count)
        high = max(high, count)
    if high - low > STILL_COUNTS:  # a drive that came on draws the needles to its field
        return faults.GATE if readings.drive_on else faults.ENCODER
    if changes > 1:
        return faults.HOME_SENSOR
    return faults.TRIGGER_CONTACTS if agreed else faults.NONE


def gate(pen) -> int:
    """With the ceiling at zero an outward step must be refused. EN_N is not low for longer than the test.

    Without a cartridge the drive cannot come on: then only that it is off is tested, the rest when one is seated. What
    the interlock loop or EN_N said for a moment is asked for again; a gate that did not refuse is not.
    """
    for _ in range(inputs.GATE_TRIES):
        if not pen.readings.drive_on:
            if not pen.readings.interlock:
                return faults.NONE
            refused = _probe(pen)
            if refused is not None:
                pen.gate_proven = refused
                return faults.NONE if refused else faults.GATE
        pen.wait_us(_PROBE_AGAIN_US)
        pen.sensors.read_pads()
    return faults.GATE


def _probe(pen):
    """Whether the gate refused a step; None if the drive would not come on, or went off for another reason."""
    gate = pen.gate
    if not gate.arm(0):
        return None
    chain = Chain(2)
    chain.add_repeat(array("I", [step_word(_PROBE_CYCLES, True)]), 0, _PROBE_STEPS)
    gate.start(chain)
    pen.wait_us(_PROBE_STEPS * _PROBE_CYCLES // 125 + 200)
    tripped = gate.tripped()
    on = gate.enabled()
    for _ in range(LOOKS):
        if not on:
            break
        pen.wait_us(LOOK_US)
        on = gate.enabled()
    gate.disarm()
    if tripped:
        return not on
    return False if on else None


def calibration(pen) -> int:
    """A valid calibration is on record, and loaded."""
    return pen.load_calibration()


def _archive(pen):
    return faults.ARCHIVE_LOST if pen.put_away.archive.status == archive.LOST else faults.NONE
