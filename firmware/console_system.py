"""The console's SYSTem commands: errors, help, clock, restart."""

import board
import events
import slots
import version

_DAYS = b"\x1f\x1c\x1f\x1e\x1f\x1e\x1f\x1f\x1e\x1f\x1e\x1f"
UNSET = b"the clock is not set: SYSTem:DATE"


class Commands:
    def __init__(self, pen, console):
        self._pen = pen
        self._console = console
        self._reply = console.reply
        self._errors = console.errors
        self._values = console.parser.values
        self._version = version.TEXT.encode()

    def error(self):
        self._errors.answer_next(self._reply)

    def error_count(self):
        self._reply.number(self._errors.count)

    def version(self):
        self._reply.text(b"1999.0")

    def firmware(self):
        self._reply.text(self._version)

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

    # -- help ---------------------------------------------------------------------------------------

    def headers(self):
        """One a line, at rest: it allocates. How many bytes they are has to be said before the first."""
        parser = self._console.parser
        self._reply.block_head(sum([len(line) for line in parser.headers()]))
        self._reply.pieces = self._lines(parser.headers())

    def _lines(self, lines):
        for line in lines:
            self._reply.text(line)
            yield

    # -- clock --------------------------------------------------------------------------------------

    def date(self):
        return self._clock(0)

    def time(self):
        return self._clock(4)

    def _clock(self, first):
        clock = self._pen.hardware.clock
        if not board.today_days(clock):
            return UNSET
        now = clock.datetime()
        for i in range(first, first + 3):
            if i > first:
                self._reply.comma()
            self._reply.number(now[i])

    def set_date(self):
        year, month, day = self._values[0], self._values[1], self._values[2]
        longest = 29 if month == 2 and year % 4 == 0 else _DAYS[month - 1]
        if day > longest:
            return b"that month has fewer days"
        now = self._pen.hardware.clock.datetime()
        self._set((year, month, day, 0, now[4], now[5], now[6], 0))

    def set_time(self):
        clock = self._pen.hardware.clock
        if not board.today_days(clock):
            return UNSET
        now = clock.datetime()
        self._set((now[0], now[1], now[2], 0, self._values[0], self._values[1], self._values[2], 0))

    def _set(self, moment):
        self._pen.hardware.clock.datetime(moment)
        self._console.changed(events.CLOCK_SET, board.today_days(self._pen.hardware.clock))

    # -- restart ------------------------------------------------------------------------------------

    def restart(self):
        self._console.changed(events.RESTARTED, 0)
        self._pen.restart(False)

    def service(self):
        self._console.changed(events.RESTARTED, 1)
        self._pen.restart(True)
