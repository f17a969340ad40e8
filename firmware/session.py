"""Cartridge and session of one pen: read, judged, marked, opened, ended, each on record before it counts.

A session opens only when its cartridge has been proven marked; taking the cartridge out ends both.
"""

import carriage
import events
import faults
import inputs
import journal
import micropython
import safety
import supervisor
import treatment
import version
from calibration import DUE_PAST
from cartridge import GAUGE_TIP, OFFSET_LIMIT_UM, evaluate
from cartridge import NAMES as CARTRIDGE_NAMES
from cartridge import OK as CARTRIDGE_OK
from dates import DAY_S
from inputs import Evidence
from micropython import const

IN_MS = const(60)  # the home line sees the needles for so long: it counts

# Whether a cartridge may be taken out, or fitted
EJECT_SAFE = const(0)
EJECT_MOVING = const(1)  # something moves, or the drive is on
EJECT_OUT = const(2)  # the home sensor or the encoder says that the tips are out
EJECT_UNSURE = const(3)  # not homed since the start, or one of the two witnesses failed


class Session:
    """One per pen. `present`: a cartridge is seated; `reason`: why it was refused, 0 if it was not.

    `ending`: why the session ends as soon as the needles are parked, 0 if it does not.
    """

    def __init__(self, pen):
        self._pen = pen
        self._core = pen.safety
        self._deed = pen.treatment
        self._journal = pen.journal
        self._cartridge = pen.cartridge
        self._readings = pen.readings
        self._turn = Evidence(inputs.SEATED_READINGS, inputs.SEATED_MS)
        self._turned = False
        self._in = safety.Timer()
        self._home_in = False  # the home line has seen the needles for IN_MS
        self._lock = supervisor.Lock()
        self.present = False
        self.reason = 0
        self.ending = 0
        pen.motor.use_cartridge(OFFSET_LIMIT_UM, False)

    # -- cartridge ----------------------------------------------------------------------------------

    @micropython.native
    def sense(self, now_ms: int) -> bool:
        """Take one reading of the interlock loop; True while it is not yet sure what became of the cartridge."""
        other = self._readings.interlock != self.present
        if other or self._turn.count:
            if self._turn.enough(other, now_ms):
                self._turned = True
                return False
        return other

    def watch(self, now_ms: int):
        """Notice that a cartridge was fitted or taken out."""
        self._home_in = self._in.held_ms(self._readings.home, now_ms) >= IN_MS
        if not self._turned:
            return
        if self.present:
            self._cartridge.removed()
            self._pen.motor.use_cartridge(OFFSET_LIMIT_UM, False)  # the next one may have the longest tips
            self._core.cartridge_ok = self._core.gauge_tip = self._pen.motor.blunt = False
            self.end(journal.CARTRIDGE_END)  # a memory that does not keep it has this asked for again
            self.present = False
            self._deed.cartridge_out()
            self.reason = 0
            self._journal.event(events.CARTRIDGE, 0, 0, now_ms)
        else:
            self.present = True
            self.read_cartridge()
        self._turned = False

    def read_cartridge(self):
        """Read whatever is seated; the answer comes some passes later."""
        if self.present:
            self._cartridge.begin_read()

    def answered(self, now_ms):
        """The memory was read or marked: judge it."""
        if self._deed.stage == treatment.MARKING:
            return
        reason = evaluate(self._cartridge.info, self._known_used(), self._pen.dates.least())
        if self._cartridge.reason != CARTRIDGE_OK:
            reason = self._cartridge.reason
        self.reason = reason
        self._core.gauge_tip = self._pen.motor.blunt = reason == GAUGE_TIP
        self._journal.event(events.CARTRIDGE, 1, reason, now_ms)
        if reason == GAUGE_TIP:
            self._pen.motor.use_cartridge(self._cartridge.info.offset_um)
        elif reason != CARTRIDGE_OK:
            known = self._cartridge.reason == CARTRIDGE_OK
            self._pen.motor.use_cartridge(self._cartridge.info.offset_um if known else OFFSET_LIMIT_UM, False)
        elif reason == CARTRIDGE_OK and self._deed.stage == treatment.NO_CARTRIDGE:
            offset_um = self._cartridge.info.offset_um
            self._pen.motor.use_cartridge(offset_um)
            travel_um = min(self._pen.calibration.travel_um + offset_um, self._pen.settings.depth_limit_um)
            self._deed.reach_um = self._pen.motor.homing_reach_um()
            self._deed.overdue = self.due() == DUE_PAST
            self._deed.cartridge_accepted(self._cartridge.info.rated_um, travel_um)

    def _known_used(self):
        return self._cartridge.reason == CARTRIDGE_OK and self._pen.used.contains(self._cartridge.rom)

    def reason_text(self) -> str:
        return CARTRIDGE_NAMES[self.reason]

    def eject(self) -> int:
        """Whether the cartridge may be taken out now, or one fitted: EJECT_SAFE only when drive, home sensor and
        encoder agree that the tips are inside the guide plane. The tips of one that was not read count as the longest.
        """
        needles = self._pen.motor
        readings = self._pen.readings
        if needles.doing != carriage.IDLE or needles.armed() or readings.drive_on:
            return EJECT_MOVING
        if not readings.home:
            return EJECT_OUT
        if not self._home_in or not needles.known or not self._pen.follow.referenced:
            return EJECT_UNSURE
        return EJECT_SAFE if needles.extension_um() <= 0 else EJECT_OUT

    def invites(self) -> bool:
        """No cartridge is seated, and one may be fitted: nothing says that the carriage stands out."""
        return not self.present and self._home_in and self.eject() != EJECT_OUT

    # -- what stands before a session -----------------------------------------------------------------

    def due(self) -> int:
        """How the calibration's due date stands today (calibration.DUE_...)."""
        dates = self._pen.dates
        return self._pen.calibration.due(dates.least(), dates.today() > 0)

    def due_days(self) -> int:
        """Days left to the due date; only meaningful where the date is known."""
        return self._pen.calibration.due_days - self._pen.dates.today()

    def settings_loaded(self):
        """The supervisor's code may be another one."""
        self._lock.set(self._pen.settings.code_salt, self._pen.settings.code_hash)

    def begin_code(self) -> int:
        """A supervisor wants to unlock: ACCEPTED when the code may be entered, else why not, on record."""
        answer = self._deed.can_supervise()
        if answer != treatment.ACCEPTED:
            return answer
        found = self._lock.begin()
        if found == supervisor.MORE:
            return treatment.ACCEPTED
        self._tried(found)
        return treatment.REFUSED_NO_CODE if found == supervisor.NO_CODE else treatment.REFUSED_LOCKED

    def code_press(self, symbol: int) -> int:
        """One press of the code; supervisor.MORE, or what the whole code came to, on record."""
        found = self._lock.press(symbol)
        if found == supervisor.RIGHT:
            self._deed.supervise(True)
        if found != supervisor.MORE:
            self._tried(found)
        return found

    def code_count(self) -> int:
        """Presses entered so far."""
        return self._lock.count

    def _tried(self, found):
        self._journal.event(events.UNLOCK, found, self._lock.wrong, self._pen.uptime_ms)

    def name_operator(self, tag: bytes):
        """Who will be on record with each session from the next one on: up to 8 printable ASCII characters without
        spaces, b"" for nobody. Durable on return, and kept over restarts. At rest only.

        ValueError for any other tag, OSError when the record memory does not keep it: nothing has changed then.
        """
        settings = self._pen.settings
        before = settings.operator
        settings.set_operator(tag)
        try:
            settings.save(self._pen.store)
        except OSError:
            settings.operator = before
            raise

    # -- the session ----------------------------------------------------------------------------------

    def confirm(self) -> int:
        """The user confirmed zone, indication and limit; mark the cartridge used, which opens the session."""
        self._deed.overdue = self.due() == DUE_PAST
        answer = treatment.REFUSED_RECORDS
        if self._journal.room_strokes() >= journal.MIN_ROOM_STROKES:
            answer = self._deed.confirm(self._pen.readings.battery_mv >= safety.BATTERY_START_MV)
        if answer == treatment.ACCEPTED:
            if self._core.pressed:
                self._core.trip(faults.TRIGGER_STUCK)
            self._cartridge.begin_mark()
        return answer

    def open(self, now_ms):
        """The mark was tried: without proof of it there is no session."""
        if not self._cartridge.marked:
            self.reason = self._cartridge.reason
            self._deed.cartridge_out()
            return
        if self._core.state != safety.READY:
            return
        self._pen.used.add(self._pen.store, self._cartridge.rom)
        deed = self._deed
        wall_s = self._pen.dates.wall_s()
        number = self._journal.begin_session(
            self._cartridge.rom, self._pen.settings.operator, version.NUMBER, self._pen.calibration.calibration_id,
            deed.zone, deed.indication, now_ms, wall_s, self._pen.courses.client,
            deed.supervised)
        if number == journal.NOT_KEPT and not self._pen.fault_record.memory_bad:
            raise OSError("FRAM did not keep the beginning of a session")
        if number < 0:
            self._core.trip(faults.STORAGE)
            deed.cartridge_out()
            return
        self._pen.dates.note(wall_s // DAY_S)
        self._core.cartridge_ok = True
        self.ending = 0
        self._core.open_session(deed.zone, deed.limits.max_um)
        deed.open(now_ms)
        self._pen.pace.settle_rate()

    def end(self, reason: int):
        """Close the session, if one is open: on record first, then on the panel.

        OSError when the memory does not keep it, and the session stays open; one that is known to be bad is not
        waited for.
        """
        deed = self._deed
        if self._journal.is_open:
            try:
                if not self._pen.pace.on_record():
                    raise OSError("FRAM did not keep the last stroke")
                self._journal.end_session(reason, self._core.fault, self._pen.uptime_ms)
            except OSError:
                if not self._pen.fault_record.memory_bad:
                    raise
                self._journal.give_up()
            self._pen.pace.give_up()
            self._pen.put_away.session_ended()
        self._core.close_session()
        self._core.cartridge_ok = False
        deed.end(reason, self._pen.uptime_ms)
