"""Calibrating one pen by its technician: static moves of the gauge tip, the gauge's readings, the new record.

The calibration in force stays so until a new one is on record whole and read back. Whatever ends the work before
(a fault, the tip taken out, the technician gone, power) ends it with nothing changed. docs/calibration.md tells the
technician's side.
"""

import carriage
import dates
import events
import faults
import gauging
import safety
import standing
import store
from calibration import BAD_DATES, REASONS, RECORD_BYTES, VALID, Calibration
from micropython import const

# How far the point under way is
NO_TARGET = const(0)
HOLD = const(1)  # the trigger has to be held, once the pen is ready
MOVING = const(2)
STANDS = const(3)  # read the gauge
DONE = const(4)  # it stood; with the trigger let go the tip comes home

BEGUN = const(0)  # what an event of kind CALIBRATION tells
STORED = const(1)
GIVEN_UP = const(2)

DUE_MOST_DAYS = const(1100)
_WAIT_US = const(20000)
_NOT_OPEN = b"no calibration is under way"


class Recalibration:
    """One per pen. What refuses, says why in bytes for the console; b"" is yes."""

    def __init__(self, pen, load_calibration):
        self._pen = pen
        self._core = pen.safety
        self._load_calibration = load_calibration
        self.readings = gauging.Gauging()
        self._open = False
        self.seen_um = 0  # where the encoder saw the tip stand

    # -- the loop ---------------------------------------------------------------------------------------

    def phase(self) -> int:
        """How far the point under way is."""
        if not self.readings.reach_um:
            return NO_TARGET
        if self._pen.motor.doing == standing.STAND:
            return STANDS
        if self.readings.stood:
            return DONE
        return MOVING if self._core.state == safety.GAUGING else HOLD

    def run(self, now_ms: int, now_us: int) -> int:
        """Part of the motor's task while static moves may be asked for; us until it wants to run again."""
        pen = self._pen
        core = self._core
        needles = pen.motor
        plan = self.readings
        if needles.doing == standing.STAND:
            plan.stood = True
            self.seen_um = needles.reached_um()
        if needles.doing != carriage.IDLE or core.state != safety.READY:
            return needles.next_us(now_us)
        pen.pace.refusal = faults.GRANTED
        if not core.pressed or not plan.reach_um or plan.stood:
            return _WAIT_US
        reach_um = plan.outward_um(plan.reach_um, plan.down)
        pen.pace.refusal = core.ask_static(reach_um, plan.far_um(reach_um), pen.readings, now_ms)
        if pen.pace.refusal != faults.GRANTED:
            return _WAIT_US
        pen.gate.beat()
        if not needles.start_static(core.permit, reach_um - plan.reach_um, now_ms, now_us) and not core.fault:
            core.trip(faults.INTERNAL)  # else the motor has said what it found
        return needles.next_us(now_us)

    def watch(self):
        """Notice that it was ended by something else; a pen without a calibration is blocked again."""
        core = self._core
        if core.gauging or not self._open:
            return
        self._end(GIVEN_UP)
        if core.calibrated is not True and core.fault == faults.NONE:
            code = self._load_calibration()
            if code != faults.NONE:
                core.trip(code)

    def _end(self, how):
        self._open = False
        self.readings.drop()
        self._pen.journal.event(events.CALIBRATION, how, self._pen.calibration.calibration_id, self._pen.uptime_ms)

    # -- the technician's commands ----------------------------------------------------------------------

    def begin(self) -> bytes:
        """Begin, or begin anew: readings of one under way are forgotten."""
        core = self._core
        if core.gauging:
            core.close_gauge()
        refusal = core.open_gauge(self._pen.readings)
        if refusal != faults.GRANTED:
            self.watch()
            return faults.REFUSALS[refusal].encode()
        self._open = True
        self.readings.begin(self._pen.cartridge.info.offset_um)
        self._pen.journal.event(events.CALIBRATION, BEGUN, self._pen.calibration.calibration_id, self._pen.uptime_ms)
        return b""

    def move(self, reach_um: int, down: bool) -> bytes:
        """The next point; the tip goes there when the trigger is held."""
        if not self._core.gauging:
            return _NOT_OPEN
        return gauging.REASONS[self.readings.plan(reach_um, down)]

    def reading(self, reading_um: int, verify: bool) -> bytes:
        """What the gauge shows, or showed, at the point."""
        if not self._core.gauging:
            return _NOT_OPEN
        return gauging.REASONS[self.readings.take(reading_um, verify)]

    def abort(self) -> bytes:
        """Give up; the tip comes home."""
        if not self._core.gauging:
            return _NOT_OPEN
        self._core.close_gauge()
        return b""

    def keep(self, offset_um: int, scale_ppm: int, backlash_um: int, due_in_days: int, gauge_id, technician) -> bytes:
        """Make these values the pen's calibration if every reading agrees with them; at rest only.

        `due_in_days` 1..1100 from today; gauge and technician 1..8 printable ASCII characters.
        """
        pen = self._pen
        if not self._core.gauging:
            return _NOT_OPEN
        if self._core.state != safety.READY:
            return b"the tip is not at home: let go of the trigger"
        today = pen.dates.today()
        if not today:
            return dates.UNKNOWN[pen.dates.state()]
        code = self.readings.judge(offset_um, scale_ppm, backlash_um)
        if code != gauging.GOOD:
            return gauging.REASONS[code]
        if not 1 <= due_in_days <= DUE_MOST_DAYS:
            return REASONS[BAD_DATES].encode()
        new = Calibration()
        new.offset_um, new.scale_ppm, new.backlash_um = offset_um, scale_ppm, backlash_um
        new.travel_um = self.readings.travel_um
        new.way_um = pen.motor.way_um
        new.date_days = today
        new.due_days = today + due_in_days
        new.calibration_id = pen.calibration.calibration_id % 0xFFFF + 1
        new.gauge_id, new.technician = bytes(gauge_id), bytes(technician)
        reason = new.validate()
        if reason != VALID:
            return REASONS[reason].encode()
        try:
            kept = self._write(new)
        except OSError:
            kept = False
        if not kept:
            self._core.trip(faults.STORAGE)
            self.watch()
            return b"the record memory did not keep it; the calibration in force stays"
        pen.calibrated()
        self._end(STORED)
        self._core.close_gauge()
        pen.park()
        return b""

    def _write(self, new):
        """On record, read back, and only then in force."""
        memory = self._pen.store
        wanted = bytearray(RECORD_BYTES)
        new.encode(wanted)
        memory.write(store.CALIBRATION, wanted)
        found = bytearray(store.capacity(store.CALIBRATION))
        status = memory.read(store.CALIBRATION, found)
        if status != store.OK and status != store.RECOVERED:
            return False
        length = memory.length
        return bytes(found[:length]) == bytes(wanted) and self._pen.calibration.decode(found, length) == VALID
