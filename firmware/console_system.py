"""The console's SYSTem commands: errors, help, clock, restart."""

import dates
import events
import slots
import version


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
        today = self._pen.dates.today()
        if not today:
            return self._unknown()
        self._numbers(dates.day_named(today))

    def time(self):
        wall_s = self._pen.dates.wall_s()
        if not wall_s:
            return self._unknown()
        self._numbers((wall_s // 3600 % 24, wall_s // 60 % 60, wall_s % 60))

    def date_least(self):
        self._numbers(dates.day_named(self._pen.dates.least()))

    def _unknown(self):
        return dates.UNKNOWN[self._pen.dates.state()]

    def _numbers(self, numbers):
        for i in range(3):
            if i:
                self._reply.comma()
            self._reply.number(numbers[i])

    def set_date(self):
        return self._set_date(False)

    def correct_date(self):
        return self._set_date(True)

    def _set_date(self, right):
        year, month, day = self._values[0], self._values[1], self._values[2]
        if day > dates.month_days(year, month):
            return b"that month has fewer days"
        days = dates.day_number(year, month, day)
        known = self._pen.dates
        if days < known.recorded() and not right:
            return b"a record is of a later day: SYSTem:DATE:CORRect if that is wrong"
        return self._set(days, known.wall_s() % dates.DAY_S, right)

    def set_time(self):
        today = self._pen.dates.today()
        if not today:
            return self._unknown()
        return self._set(today, self._values[0] * 3600 + self._values[1] * 60 + self._values[2], False)

    def _set(self, days, seconds, right):
        kept = self._pen.dates.set(days, seconds, right)
        self._console.changed(events.CLOCK_SET, days)
        if not kept:
            return b"the clock does not keep it: known until the pen is switched off"

    # -- restart ------------------------------------------------------------------------------------

    def restart(self):
        self._console.changed(events.RESTARTED, 0)
        self._pen.restart(False)

    def service(self):
        self._console.changed(events.RESTARTED, 1)
        self._pen.restart(True)
