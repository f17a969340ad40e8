"""Faults on record and the ways to clear them: by the user's SELECT, or by service.

The first fault that only service clears stays on record, whatever comes later, until service clears it.
"""

import events
import faults


class FaultRecord:
    """One per pen. `tested`: the self-test found nothing.

    `service_done`: service cleared what the self-test had stopped at, and a restart has yet to test again.
    """

    def __init__(self, pen):
        self._pen = pen
        self._core = pen.safety
        self._last = pen.last_fault
        self._saved = True
        self.tested = False
        self.service_done = False

    def latched(self):
        """A fault has just latched."""
        self._saved = False

    def keep(self, now_ms: int):
        """Put a new fault on record, and the first one that service has to clear where later ones leave it."""
        last = self._last
        code = self._core.service_fault()
        for_service = faults.remembered(code) and not last.service_code and not self.service_done
        if (self._saved and not for_service) or not self._pen.store.provisioned():
            return
        if not self._saved:
            self._saved = True
            last.code = self._core.fault
            last.boot = self._pen.counters.boots
            last.uptime_ms = now_ms
        if for_service:
            last.service_code = code
            last.service_boot = self._pen.counters.boots
        last.save(self._pen.store)

    def clear(self) -> bool:
        """SELECT on the fault page."""
        code = self._core.fault
        if not self._clear(False):
            return False
        self._pen.journal.event(events.CLEARED, 0, code, self._pen.uptime_ms)
        return True

    def _clear(self, service):
        core = self._core
        code = core.fault
        cleared = core.clear(self._pen.readings, service)
        if code == faults.ARCHIVE_LOST and core.fault != code:
            self._pen.put_away.archive.begin_anew()
        return cleared

    def service_clear(self) -> bool:
        """A technician has dealt with what only service clears: forget it, on record too. At rest only.

        True when no fault is left. False while a cause is still there, when a restart is asked for too (where that
        comes first, nothing is forgotten yet), or when the self-test stopped at the fault: then a restart tests again,
        and the pen says so.
        """
        core = self._core
        if self._pen.motor.armed() or (core.fault and faults.remedy(core.fault) == faults.BY_RESTART):
            return False
        code = core.service_fault()
        if self._last.service_code and self._pen.store.provisioned():
            self._last.service_code = 0
            self._last.save(self._pen.store)
        self.service_done = code != faults.NONE and not self.tested
        if self.service_done:
            self._pen.journal.event(events.CLEARED, 1, code, self._pen.uptime_ms)
            return False
        before = core.fault
        cleared = self._clear(True)
        if not cleared and core.fault != before:  # one for the user stood before it
            cleared = self._clear(True)
        if cleared or core.fault != before:  # a restart may still be asked for
            self._pen.journal.event(events.CLEARED, 1, code or before, self._pen.uptime_ms)
        return cleared
