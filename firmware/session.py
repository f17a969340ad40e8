"""Cartridge and session of one pen: read, judged, marked, opened, ended, each on record before it counts.

A session opens only when its cartridge has been proven marked; taking the cartridge out ends both.
"""

import events
import faults
import journal
import safety
import treatment
import version
from board import wall_seconds
from cartridge import NAMES as CARTRIDGE_NAMES
from cartridge import OK as CARTRIDGE_OK
from cartridge import evaluate
from micropython import const

SEATED_MS = const(60)  # an interlock closed for so long is a seated cartridge


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
        self._seated = safety.Timer()
        self.present = False
        self.reason = 0
        self.ending = 0

    def watch(self, now_ms):
        seated_ms = self._seated.held_ms(self._pen.readings.interlock, now_ms)
        if self.present and not self._pen.readings.interlock:
            self.present = False
            self._cartridge.removed()
            self._core.cartridge_ok = False
            self.end(journal.CARTRIDGE_END)
            self._deed.cartridge_out()
            self.reason = 0
            self._journal.event(events.CARTRIDGE, 0, 0, now_ms)
        elif not self.present and seated_ms >= SEATED_MS:
            self.present = True
            self.read_cartridge()

    def read_cartridge(self):
        """Read whatever is seated; the answer comes some passes later."""
        if self.present:
            self._cartridge.begin_read()

    def answered(self, now_ms):
        """The memory was read or marked: judge it."""
        if self._deed.stage == treatment.MARKING:
            return
        reason = evaluate(self._cartridge.info, self._known_used(), self._pen.today())
        if self._cartridge.reason != CARTRIDGE_OK:
            reason = self._cartridge.reason
        self.reason = reason
        self._journal.event(events.CARTRIDGE, 1, reason, now_ms)
        if reason == CARTRIDGE_OK and self._deed.stage == treatment.NO_CARTRIDGE:
            offset_um = self._cartridge.info.offset_um
            self._pen.motor.use_cartridge(offset_um)
            travel_um = min(self._pen.calibration.travel_um + offset_um, self._pen.settings.depth_limit_um)
            self._deed.cartridge_accepted(self._cartridge.info.rated_um, travel_um)

    def _known_used(self):
        return self._cartridge.reason == CARTRIDGE_OK and self._pen.used.contains(self._cartridge.rom)

    def reason_text(self) -> str:
        return CARTRIDGE_NAMES[self.reason]

    def confirm(self) -> int:
        """The user confirmed zone, indication and limit; mark the cartridge used, which opens the session."""
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
        number = self._journal.begin_session(
            self._cartridge.rom, b"", version.NUMBER, self._pen.calibration.calibration_id, deed.zone, deed.indication,
            now_ms, wall_seconds(self._pen.hardware.clock))
        if number < 0:
            self._core.trip(faults.STORAGE)
            deed.cartridge_out()
            return
        self._core.cartridge_ok = True
        self.ending = 0
        self._core.open_session(deed.zone, deed.limits.max_um)
        deed.open(now_ms)
        self._pen.settle_rate()

    def end(self, reason: int):
        """Close the session, if one is open: on record first, then on the panel."""
        deed = self._deed
        if self._journal.is_open:
            self._journal.end_session(reason, self._core.fault, self._pen.uptime_ms)
            self._pen.put_away.session_ended()
        self._core.close_session()
        self._core.cartridge_ok = False
        deed.end(reason, self._pen.uptime_ms)
