"""The console's calibration commands: the technician's side of `recalibration`.

Nothing here moves anything: a target waits until the trigger is held, and the safety core decides.
"""

import gauging
import recalibration

_WAYS = (b"UP", b"DOWN")


class CalibrationCommands:
    def __init__(self, pen, console):
        self._pen = pen
        self._console = console
        self._reply = console.reply

    def data(self):
        if self._pen.safety.calibrated is not True:
            return b"the pen is not calibrated"
        self._write(self._pen.calibration)

    def data_before(self):
        """At rest only: it reads the memory, and allocates."""
        if self._pen.motor.armed():
            return b"needles move; release the trigger"
        found = self._pen.recalibration.before()
        if found is None:
            return b"there is none"
        self._write(found)

    def _write(self, found):
        reply = self._reply
        reply.field(found.offset_um)  # a tuple of them all would be allocated, and needles may be moving
        reply.field(found.scale_ppm)
        reply.field(found.backlash_um)
        reply.field(found.travel_um)
        reply.field(found.date_days)
        reply.field(found.due_days)
        reply.field(found.calibration_id)
        reply.quoted(found.gauge_id)
        reply.comma()
        reply.quoted(found.technician)

    def begin(self):
        return self._pen.recalibration.begin() or None

    def tip(self):
        if self._pen.safety.gauge_tip is not True:
            return b"no gauge tip is seated"
        found = self._pen.cartridge.info
        reply = self._reply
        reply.number(found.offset_um)
        reply.comma()
        reply.number(found.expiry_days)
        reply.comma()
        reply.quoted(found.lot.encode())

    def move(self):
        parser = self._console.parser
        down = parser.count > 1 and parser.values[1] == gauging.DOWN
        return self._pen.recalibration.move(parser.values[0], down) or None

    def position(self):
        work = self._pen.recalibration
        plan = work.readings
        reply = self._reply
        reply.text(recalibration.PHASE_NAMES[work.phase()])
        reply.comma()
        reply.number(plan.reach_um)
        reply.comma()
        reply.text(_WAYS[1 if plan.down else 0])
        reply.comma()
        reply.number(work.seen_um if plan.stood else 0)
        reply.comma()
        reply.number(plan.furthest_um)

    def reading(self):
        parser = self._console.parser
        verify = parser.count > 1 and parser.values[1] == 1
        return self._pen.recalibration.reading(parser.values[0], verify) or None

    def reading_count(self):
        self._reply.number(self._pen.recalibration.readings.count)

    def store(self):
        console = self._console
        parser = console.parser
        values = parser.values
        texts = [bytes(console.line[parser.starts[i] : parser.ends[i]]) for i in (4, 5)]
        return self._pen.recalibration.keep(values[0], values[1], values[2], values[3], texts[0], texts[1]) or None

    def abort(self):
        return self._pen.recalibration.abort() or None
