"""What day it is, as far as the pen knows: by its clock, and never earlier than its records say.

Two answers that are not to be mixed up: `today` and `wall_s` are exact, or 0 where that is not known; `least` is the
day that it is at least, by the clock and by every record that bears a date. What has expired by `least` has expired,
whatever the clock says. A clock that is behind the records is wrong, or they are: until it is set it gives
no exact date.
"""

import struct

from crc import crc16
from drivers import ds3231
from drivers.fram import TRIES
from micropython import const
from records import Correction

FIRST_YEAR = const(2025)  # a clock that says less was never set
DAY_S = const(86400)
AGAIN_MS = const(5000)  # a clock that did not answer is asked again
BEHIND = const(4)  # beside what a reading of the clock came to: it says less than a record

UNKNOWN = (  # by state
    b"", b"the clock does not answer", b"the clock is not set: SYSTem:DATE", b"the clock gives no date",
    b"the clock is behind a record: SYSTem:DATE")

# Of a session's head and tail: docs/storage-format.md
_HEAD_AND_TAIL_BYTES = const(96)
_HEAD_CRC_AT = const(62)
_BOOT_AT = const(34)
_WALL_AT = const(40)


def month_days(year: int, month: int) -> int:
    """How many days a month has; `year` from 2000 to 2099."""
    # what each month has over 28 days, two bits a month
    return 28 + (0x3BBEECC >> 2 * month & 3) + (1 if month == 2 and year % 4 == 0 else 0)


def day_number(year: int, month: int, day: int) -> int:
    """Days since 2000-01-01."""
    days = ((year - 2000) * 1461 + 3) // 4 + day - 1
    for m in range(1, month):
        days += month_days(year, m)
    return days


def day_named(days: int):
    """(year, month, day) of a number of days since 2000-01-01."""
    year = 2000 + days * 4 // 1461
    day = days - ((year - 2000) * 1461 + 3) // 4
    month = 1
    while day >= month_days(year, month):
        day -= month_days(year, month)
        month += 1
    return year, month, day + 1


class Dates:
    """One per pen. `clock` is the driver of its clock; what it said counts on with the pen's uptime."""

    def __init__(self, pen, clock):
        self._pen = pen
        self._clock = clock
        self._correction = Correction()
        self._read = ds3231.STOPPED
        self._asked_ms = 0
        self._base_s = 0
        self._base_ms = 0
        self._latest = 0  # of the sessions on record

    def begin(self):
        """Read the clock and the dates of every session on record; at boot, once journal and archive are mounted.

        OSError: the record memory answers wrong.
        """
        pen = self._pen
        self._correction.load(pen.store)
        self._look()
        buf = bytearray(_HEAD_AND_TAIL_BYTES)
        archive = pen.put_away.archive
        for number in range(archive.oldest, archive.entries + 1):
            pen.alive()
            if archive.read_head_and_tail(number, buf):
                self._take(buf)
        before = -1
        block = pen.journal.next_session(before, buf)
        while block >= 0:
            pen.alive()
            for _ in range(TRIES):
                if self._take(buf):
                    break
                pen.journal.next_session(before, buf)
            before = block
            block = pen.journal.next_session(before, buf)

    def run(self):
        """At rest: a clock that did not answer, or not soundly, is asked again now and then."""
        again_ms = self._pen.uptime_ms - self._asked_ms
        if not self._base_s and self._read != ds3231.STOPPED and again_ms >= AGAIN_MS:
            self._look()

    def _look(self):
        self._asked_ms = self._pen.uptime_ms
        self._read = self._clock.read()
        if self._read != ds3231.GOOD:
            return
        second, minute, hour, _, day, month, year = self._clock.time
        if year + 2000 < FIRST_YEAR:
            self._read = ds3231.STOPPED
        elif day > month_days(year, month):
            self._read = ds3231.NONSENSE
        else:
            self._count_from(day_number(2000 + year, month, day) * DAY_S + hour * 3600 + minute * 60 + second)

    def _take(self, buf) -> bool:
        """One session's head; False when it is damaged, or was read wrong."""
        if crc16(buf, 0, _HEAD_CRC_AT) != buf[_HEAD_CRC_AT] | buf[_HEAD_CRC_AT + 1] << 8:
            return False
        if self._correction.counts(buf[_BOOT_AT] | buf[_BOOT_AT + 1] << 8):
            self.note(struct.unpack_from("<I", buf, _WALL_AT)[0] // DAY_S)
        return True

    def note(self, days: int):
        """A record with this date is kept now."""
        self._latest = max(self._latest, days)

    def _count_from(self, seconds):
        self._base_s = seconds
        self._base_ms = self._pen.uptime_ms

    def _clock_s(self):
        return self._base_s + (self._pen.uptime_ms - self._base_ms) // 1000 if self._base_s else 0

    def recorded(self) -> int:
        """The latest day of any record, days since 2000-01-01, 0 for none."""
        calibration = self._pen.calibration
        if calibration.calibration_id == self._correction.calibration_id:
            return self._latest
        return max(self._latest, calibration.date_days)

    def wall_s(self) -> int:
        """Seconds since 2000-01-01, 0 while that is not known exactly."""
        seconds = self._clock_s()
        return seconds if seconds // DAY_S >= self.recorded() else 0

    def today(self) -> int:
        """Days since 2000-01-01, 0 while that is not known exactly."""
        return self.wall_s() // DAY_S

    def least(self) -> int:
        """The day that it is at least: the latest of the clock and of every record, 0 where none has a date."""
        return max(self.recorded(), self._clock_s() // DAY_S)

    def state(self) -> int:
        """Why the date is not known: SILENT, STOPPED or NONSENSE of the clock's driver, BEHIND; GOOD when it is."""
        if self._base_s:
            return ds3231.GOOD if self.wall_s() else BEHIND
        return self._read

    def set(self, days: int, seconds: int, right: bool = False) -> bool:
        """Set the clock to a day and the seconds of that day; at rest. False: it did not keep it, so that the date is
        gone with the supply.

        `right`: what is on record until now with a later date is wrong, and counts no more. OSError when the record
        memory does not keep that; then nothing has changed.
        """
        pen = self._pen
        if right:
            wrong = pen.calibration.date_days > days
            self._correction.save(
                pen.store, pen.counters.boots, days, pen.calibration.calibration_id if wrong else 0)
            self._latest = 0
        year, month, day = day_named(days)
        kept = self._clock.write(
            (seconds % 60, seconds // 60 % 60, seconds // 3600, days % 7 + 1, day, month, year - 2000))
        self._count_from(days * DAY_S + seconds)
        return kept
