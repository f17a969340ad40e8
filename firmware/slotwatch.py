"""Ends the trial of a new firmware once it has shown that it works, and puts on record what did not run before it.

It works when the self-test found nothing, or only that this pen is not set up or not calibrated, and the loop has kept
time for a while with no other fault. A firmware that does not get there three times in a row is left for the other
slot by `slots`.
"""

import events
import faults
import slots
from micropython import const

PROVING_MS = const(3000)
_NO_FAULT_OF_ITS_OWN = (faults.NONE, faults.STORAGE_BLANK, faults.CALIBRATION_MISSING)
_NUMBERS = {"": 0, "a": 1, "b": 2}


class SlotWatch:
    """One per pen."""

    def __init__(self, pen):
        self._pen = pen
        self._code = faults.INTERNAL

    def tested(self, code: int):
        """The self-test is over, with this fault or none."""
        self._code = code
        if slots.fell is not None:
            slot, why, _ = slots.fell
            self._pen.journal.event(events.SLOT, why, _NUMBERS[slot], 0)

    def run(self, now_ms: int):
        """Say that the trial is over, when it is. Writes flash: only while nothing is armed."""
        if not slots.trial or now_ms < PROVING_MS or not self._pen.put_away.quiet(now_ms):
            return
        if self._code in _NO_FAULT_OF_ITS_OWN and self._pen.safety.fault in _NO_FAULT_OF_ITS_OWN:
            slots.confirm()
