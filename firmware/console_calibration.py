"""The console's calibration commands: the technician's side of `recalibration`.

Nothing here moves anything: a target waits until the trigger is held, and the safety core decides.
"""

import store
from calibration import VALID, Calibration
from micropython import const

_WAYS = (b"UP", b"DOWN")
_PHASES = (b"IDLE", b"HOLD", b"MOVING", b"STANDS", b"DONE")
_NOT_OPEN = b"no calibration is under way"
_DOWN = const(1)  # among the words of a way
_VERIFY = const(1)


class Commands:
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
        found = self._before()
        if found is None:
            return b"there is none"
        self._write(found)

    def _before(self):
        """The calibration before the one in force, or None if the memory has none."""
        memory = self._pen.store
        buf = bytearray(store.capacity(store.CALIBRATION))
        if memory.read_before(store.CALIBRATION, buf) != store.OK:
            return None
        found = Calibration()
        return found if found.decode(buf, memory.length) == VALID else None

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
        return self._pen.begin_calibration() or None

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
        work = self._pen.recalibration
        if work is None:
            return _NOT_OPEN
        parser = self._console.parser
        return work.move(parser.values[0], parser.count > 1 and parser.values[1] == _DOWN) or None

    def position(self):
        work = self._pen.recalibration
        reply = self._reply
        if work is None:
            reply.text(b"IDLE,0,UP,0,0")
            return
        plan = work.readings
        reply.text(_PHASES[work.phase()])
        reply.comma()
        reply.number(plan.reach_um)
        reply.comma()
        reply.text(_WAYS[1 if plan.down else 0])
        reply.comma()
        reply.number(work.seen_um if plan.stood else 0)
        reply.comma()
        reply.number(plan.furthest_um)

    def reading(self):
        work = self._pen.recalibration
        if work is None:
            return _NOT_OPEN
        parser = self._console.parser
        return work.reading(parser.values[0], parser.count > 1 and parser.values[1] == _VERIFY) or None

    def reading_count(self):
        work = self._pen.recalibration
        self._reply.number(work.readings.count if work is not None else 0)

    def store(self):
        work = self._pen.recalibration
        if work is None:
            return _NOT_OPEN
        console = self._console
        parser = console.parser
        values = parser.values
        texts = [bytes(console.line[parser.starts[i] : parser.ends[i]]) for i in (4, 5)]
        return work.keep(values[0], values[1], values[2], values[3], texts[0], texts[1]) or None

    def abort(self):
        work = self._pen.recalibration
        return _NOT_OPEN if work is None else work.abort() or None
