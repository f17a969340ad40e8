"""The self-test at boot: is everything there, does it make sense, and does the gate refuse.

Returns the first fault found, worst cause first; the loop shows it and nothing moves. Runs before the
watchdog is started.
"""

from array import array

import archive
import faults
import journal
import safety
import store
from calibration import RECORD_BYTES, VALID
from gate import Chain, step_word
from micropython import const

_PROBE_STEPS = const(4)
_PROBE_CYCLES = const(12500)


def run(pen) -> int:
    """Test the pen and load its records; the number of the first fault, or faults.NONE."""
    pen.sensors.read_pads()
    pen.sensors.read_analog()
    for test in (_memory, _display, _sensors, _gate, _calibration, _archive):
        code = test(pen)
        if code != faults.NONE:
            return code
    return faults.NONE


def _memory(pen):
    """FRAM answers, was set up, and its records can be read; the boot is counted."""
    if not pen.fram.check_id():
        return faults.STORAGE
    if not pen.store.provisioned():
        return faults.STORAGE_BLANK
    usable = (store.OK, store.RECOVERED, store.EMPTY)
    for record in (pen.counters, pen.settings, pen.last_fault, pen.used):
        if record.load(pen.store) not in usable:
            return faults.STORAGE
    if pen.motion_status not in usable:
        return faults.STORAGE
    pen.counters.boots += 1
    pen.counters.save(pen.store)
    if pen.journal.mount(pen.counters.boots, 0) == journal.UNPROVISIONED:
        return faults.STORAGE_BLANK
    if pen.put_away.archive.mount(pen.counters.boots, 0) == archive.UNREADABLE:
        return faults.STORAGE
    pen.treatment.session_limit_ms = pen.settings.session_limit_s * 1000
    return faults.NONE


def _display(pen):
    return faults.NONE if pen.panel.start() else faults.DISPLAY


def _sensors(pen):
    readings = pen.readings
    if not safety.PLAUSIBLE_LOW_DC <= readings.temp_dc <= safety.PLAUSIBLE_HIGH_DC:
        return faults.NTC
    return faults.NONE


def _gate(pen):
    """With the ceiling at zero an outward step must be refused. EN_N is not low for longer than the test."""
    if not pen.readings.interlock:
        return faults.NONE  # the drive cannot come on without a cartridge; each arm is checked again
    gate = pen.gate
    if pen.readings.drive_on:
        return faults.GATE
    if not gate.arm(0):
        return faults.GATE
    chain = Chain(2)
    chain.add_repeat(array("I", [step_word(_PROBE_CYCLES, True)]), 0, _PROBE_STEPS)
    gate.start(chain)
    pen.wait_us(_PROBE_STEPS * _PROBE_CYCLES // 125 + 200)
    refused = gate.tripped() and not gate.enabled()
    gate.disarm()
    return faults.NONE if refused else faults.GATE


def _calibration(pen):
    buf = bytearray(store.capacity(store.CALIBRATION))
    status = pen.store.read(store.CALIBRATION, buf)
    if status == store.EMPTY:
        return faults.CALIBRATION_MISSING
    if status != store.OK and status != store.RECOVERED:
        return faults.CALIBRATION_CORRUPT
    length = pen.store.length
    if length != RECORD_BYTES or pen.calibration.decode(buf, length) != VALID:
        return faults.CALIBRATION_CORRUPT
    pen.calibrated()
    return faults.NONE


def _archive(pen):
    return faults.ARCHIVE_LOST if pen.put_away.archive.status == archive.LOST else faults.NONE
