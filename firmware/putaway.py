"""When the archive may work: nothing armed, no session open, supply good, nobody at the buttons.

Flash stops the loop for 45 ms and more at a time, long enough to miss a press. From 80 % of the record memories in use
on, the user is told: on the panel by `percent`, and in the black box.
"""

import archive
import events
import files
import safety
import slots
import treatment
from micropython import const

QUIET_MS = const(1500)  # since a button was pressed
_STATES = (safety.READY, safety.UNHOMED, safety.BLOCKED, safety.FAULT)


class PutAway:
    """One per pen. `archive`: for the self-test and an export; `percent`: in use, 0 below the warning."""

    def __init__(self, pen):
        self._pen = pen
        self.archive = archive.Archive(pen.fram, pen.store, pen.journal, files)
        self.percent = 0
        self._touched_ms = 0
        self._due = True  # the room is looked at once after each session

    def session_ended(self):
        """There is something to do, and a reason to try again what failed."""
        self.archive.retry()
        self._due = True

    def quiet(self, now_ms: int) -> bool:
        """Flash may be written now: not while the EN_N pad reads low, whoever holds it there."""
        pen = self._pen
        pen.sensors.read_pads()
        if pen.readings.drive_on:
            return False
        if not pen.sensors.released():
            self._touched_ms = now_ms
        if now_ms - self._touched_ms < QUIET_MS or not pen.readings.power_ok or pen.cartridge.busy:
            return False
        if pen.treatment.stage == treatment.MARKING or pen.treatment.is_open() or pen.motor.armed():
            return False
        return pen.safety.state in _STATES

    def run(self, now_ms: int):
        """One piece of work, if it may be done now. Only while nothing is armed."""
        if not self.quiet(now_ms):
            return
        slots.mount_again()
        if not self.archive.step(now_ms, self._pen.dates.wall_s()) and self._due:
            self._due = False
            self._look_at_room(now_ms)

    def release(self, session: int) -> int:
        """An export has read back every session up to `session`: they may be erased when their room is needed.

        Nothing is erased by this; the oldest go first, when a new one finds no room. How many sessions more may go
        than before, 0 when all of these might already. Durable on return, and an event. At rest only.
        ValueError, with the reason in words: a session is open, the archive is not to be read, the session is not in
        it yet, or there is none of that number. OSError: a memory did not keep or give what it should.
        """
        pen = self._pen
        if pen.treatment.is_open() or pen.motor.armed():
            raise ValueError("not while a session is open: end it first")
        self._due = True
        return self.archive.release(session, pen.uptime_ms)

    def _look_at_room(self, now_ms):
        percent = self.archive.used_percent()
        self.percent = percent if percent >= archive.WARN_PERCENT else 0
        if self.percent:
            self._pen.journal.event(events.SPACE, percent, self.archive.unexported(), now_ms)
