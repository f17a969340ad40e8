"""Faults on record and the ways to clear them: by the user's SELECT, or by service; and faults of the record itself.

A fault is put on record as surely as a stroke: until the memory returns it, or the power is gone. The first fault that
only service clears stays on record, whatever comes later, until service clears it.
"""

from array import array

import events
import faults
from micropython import const

LASTING_MS = const(1000)  # a memory whose wrong answers go on for so long is bad, and no longer disturbed
QUIET_MS = const(200)  # without one it is sound again
TELL_MS = const(1000)  # from one event about its wrong answers to the next

_LATCHED = const(0)  # place of the first fault; behind it stand those for a restart and for service, never for the user


class FaultRecord:
    """One per pen. `tested`: the self-test found nothing.

    `memory_bad`: its wrong answers have lasted.
    `service_done`: service cleared what the self-test had stopped at, and a restart has yet to test again.
    """

    def __init__(self, pen):
        self._pen = pen
        self._core = pen.safety
        self._last = pen.last_fault
        self._saved = True
        self._untold = array("H", [0, 0, 0])  # whose events the memory did not keep yet
        self._behind = array("H", [0, 0, 0])  # those that wait behind the latched one, whose events came when they did
        self._errors = 0  # of the memory, when it was last looked at
        self._told_errors = 0
        self._told_ms = -TELL_MS
        self._error_ms = 0  # when it last grew
        self._bad_ms = -1  # since when it has; -1: it does not
        self.memory_bad = False
        self.tested = False
        self.service_done = False

    def latched(self, code: int, now_ms: int):
        """A fault has just latched, or waits behind the one that has."""
        role = faults.remedy(code) - 1
        if code != self._core.fault:
            self._behind[role] = code
        else:
            self._saved = False
            if self._behind[role] == code:
                self._behind[role] = 0
                return
            role = _LATCHED
        self._untold[role] = code
        self._tell(now_ms)

    def _tell(self, now_ms):
        untold = self._untold
        for role in range(len(untold)):
            if untold[role]:
                if self._pen.journal.event(events.FAULT, 0, untold[role], now_ms):
                    untold[role] = 0
                else:
                    self._pen.journal.event_lost(-1)  # it is tried again

    def watch(self, now_ms: int):
        """Wrong answers of the memory: on record, and a fault once they have lasted. Moving or not; no allocation."""
        errors = self._pen.fram.errors
        if errors != self._errors:
            self._errors = errors
            self._error_ms = now_ms
            if self._bad_ms < 0:
                self._bad_ms = now_ms
            elif now_ms - self._bad_ms >= LASTING_MS and not self.memory_bad:
                self.memory_bad = True
                self._core.trip(faults.STORAGE)
        elif now_ms - self._error_ms >= QUIET_MS:
            self._bad_ms = -1
            self.memory_bad = False
        if errors != self._told_errors and now_ms - self._told_ms >= TELL_MS:
            log = self._pen.journal
            lost = log.events_lost()
            if log.event(events.MEMORY, min(max(lost, 0), 255), errors, now_ms):
                self._told_errors = errors
                self._told_ms = now_ms
                if lost:  # one of them may have been the state's
                    log.event(events.STATE, self._core.state, 0, now_ms)
            else:
                log.event_lost(lost - 1)  # this one is tried again

    def keep(self, now_ms: int):
        """Put a new fault on record, and the first one that service has to clear where later ones leave it.

        What the memory does not keep is tried again by the next call. At rest only.
        """
        self._tell(now_ms)
        last = self._last
        code = self._core.service_fault()
        for_service = faults.remembered(code) and not last.service_code and not self.service_done
        if (self._saved and not for_service) or not self._pen.store.provisioned():
            return
        before = last.service_code, last.service_boot
        if not self._saved:
            last.code = self._core.fault
            last.boot = self._pen.counters.boots
            last.uptime_ms = now_ms
        if for_service:
            last.service_code = code
            last.service_boot = self._pen.counters.boots
        try:
            last.save(self._pen.store)
            self._saved = True
        except OSError:
            last.service_code, last.service_boot = before

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
            remembered = self._last.service_code
            self._last.service_code = 0
            try:
                self._last.save(self._pen.store)
            except OSError:
                self._last.service_code = remembered
                raise
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
