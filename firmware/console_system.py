"""The console's SYSTem commands."""

import slots


class System:
    def __init__(self, pen, console):
        self._pen = pen
        self._reply = console.reply
        self._errors = console.errors

    def error(self):
        self._errors.answer_next(self._reply)

    def error_count(self):
        self._reply.number(self._errors.count)

    def version(self):
        self._reply.text(b"1999.0")

    def uptime(self):
        self._reply.number(self._pen.uptime_ms)
        self._reply.comma()
        self._reply.number(self._pen.counters.boots)

    def slot(self):
        """Reads the other slot's manifest, which takes its time and memory: at rest only."""
        slot, start, spare, why = slots.describe()
        self._reply.text(slot.encode())
        self._reply.comma()
        self._reply.number(start)
        self._reply.comma()
        self._reply.quoted(spare.encode())
        self._reply.comma()
        self._reply.quoted(why.encode())
