"""Which sitting of a course this is: what the pen has on record of one client and one zone.

A client is a number that the practice gives out, never a name. A sitting is every session of one date; a session
without a date is a sitting of its own. What a date is needed for is unknown without one, and said so, never guessed.
Reads one record at a time, at rest. The host's `pen log courses` goes by the same rules.
"""

import struct

from crc import crc16
from micropython import const

TOO_SOON_DAYS = const(28)
USUAL = "3-4"  # sittings of a course

HEAD_AND_TAIL_BYTES = const(96)
_HEAD_CRC_AT = const(62)
_ZONE_AT = const(32)
_WALL_AT = const(40)
_CLIENT_AT = const(48)
_STROKES_AT = const(64)
_DAY_S = const(86400)
_BLOCKS_AT_ONCE = const(8)


class Courses:
    """`client`: the number in force, 0 for none. The rest is of the last `begin`, valid once `ready`.

    `sitting`: number of the one that begins, 0 unknown; `earlier`: sittings before it, at least; `gap_days`: since the
    last of them, -1 unknown; `shown`: the user has seen it.
    """

    def __init__(self, journal, archive):
        self._journal = journal
        self._archive = archive
        self._buf = bytearray(HEAD_AND_TAIL_BYTES)
        self.client = 0
        self.entering = False
        self.forget()

    def forget(self):
        """Nothing was looked up: another treatment begins."""
        self.zone = -1
        self.ready = False
        self.shown = False
        self.sitting = self.earlier = 0
        self.gap_days = -1

    def to_show(self) -> bool:
        """A client was named, and which sitting this is has not been seen yet."""
        return self.client > 0 and not self.shown

    def begin(self, zone: int, today: int):
        """Look up `client` in `zone`; `today` counts days since 2000, 0 when nobody set the clock."""
        self.forget()
        self.zone = zone
        self._today = today
        self._day = self._day_before = 0  # of the newest sitting found, and of the one before it
        self._found = 0
        self._entry = self._archive.oldest
        self._block = -1

    def step(self) -> bool:
        """Read a little; False when there is nothing to look up, or it is done."""
        if self.zone < 0 or self.ready:
            return False
        if self._entry <= self._archive.entries:
            if self._archive.read_head_and_tail(self._entry, self._buf):
                self._take()
            self._entry += 1
            return True
        for _ in range(_BLOCKS_AT_ONCE):
            self._block = self._journal.next_session(self._block, self._buf)
            if self._block < 0:
                self._finish()
                return False
            self._take()
        return True

    def too_soon(self) -> bool:
        """The last sitting is known to be less than four weeks ago."""
        return 0 <= self.gap_days < TOO_SOON_DAYS

    def _take(self):
        """One session's head and tail, in the order in which they were."""
        buf = self._buf
        if crc16(buf, 0, _HEAD_CRC_AT) != buf[_HEAD_CRC_AT] | buf[_HEAD_CRC_AT + 1] << 8:
            return
        client, = struct.unpack_from("<I", buf, _CLIENT_AT)
        strokes, = struct.unpack_from("<I", buf, _STROKES_AT)
        if client != self.client or buf[_ZONE_AT] != self.zone or not strokes:
            return
        day = struct.unpack_from("<I", buf, _WALL_AT)[0] // _DAY_S
        if self._found and day and day == self._day:
            return
        self._found += 1
        self._day_before = self._day if self._found > 1 else -1
        self._day = day

    def _finish(self):
        self.ready = True
        today_began = self._found and self._today and self._day == self._today
        self.earlier = self._found - 1 if today_began else self._found
        last = self._day_before if today_began else self._day
        if self._today:
            self.sitting = self.earlier + 1
            if self.earlier and 0 < last <= self._today:
                self.gap_days = self._today - last
