"""The black box: a ring of 1024 events in FRAM, each durable when `append` returns.

An entry carries the low byte of its lap in its first byte and the complement in its last, so an entry cut
short mixes two laps and is never valid; its position seeds the CRC, so an entry is valid in one place only.
`append` does not allocate and costs one write and one read-back of 16 bytes.
"""

from crc import crc8
from drivers.fram import TRIES
from layout import BLOCK_BYTES, EVENT_BASE, EVENT_BYTES, EVENT_COUNT
from micropython import const

# Kinds. Numbers are in journals: only ever append.
BOOT = const(1)  # a: reset cause
STATE = const(2)  # a: state id
FAULT = const(3)  # b: fault code
CLEARED = const(4)  # b: fault code
SESSION_START = const(5)  # b: session number
SESSION_END = const(6)  # a: end reason, b: session number
CARTRIDGE = const(7)  # a: what happened, b: caller's detail
TRIGGER = const(8)  # a: 1 pressed, 0 released
NOTE = const(9)  # caller's
RELEASED = const(10)  # b: number of the session whose blocks may be overwritten, 0 = unreadable remains
UNLOCK = const(15)  # a: what entering a supervisor's code came to, b: wrong codes since the start
ARCHIVED = const(11)  # b: archive entry that is complete
SPACE = const(12)  # a: share in use, percent, b: archive entries not exported yet
ARCHIVE = const(13)  # a: what a start found (archive.NEW ...), b: newest entry
ERASED = const(14)  # b: archive entry erased after its export
EXPORTED = const(16)  # b: newest archive entry that an export has read back; it and those before may be erased
CALIBRATION = const(24)  # a: 0 begun, 1 a new one is in force, 2 given up; b: id of the one in force
SLOT = const(25)  # a: why a slot did not run (slots.NO_MANIFEST ...), b: 1 slot a, 2 slot b, 0 neither is named

ACCESS = const(17)  # a: access.GRANTED, WRONG or CLOSED; b: wrong answers since the start
CLINIC_LIMIT = const(18)  # b: zone in the bits from 12 on, its limit in um below
CLOCK_SET = const(19)  # b: days since 2000-01-01
OPERATOR = const(20)  # a tag was set; b: how many characters
MEMORY = const(22)  # a: events that the record memory did not keep; b: its wrong answers since the start
RESTARTED = const(21)  # by a technician; b: 1 into service mode

_LAP_LOW = const(0)
_KIND = const(1)
_CRC = const(3)
_LAP_HIGH = const(14)
_LAP_CHECK = const(15)
_SMALL_INT_MAX = const(0x3FFFFFFF)

# Instead of a lap
_EMPTY = const(-1)
_DAMAGED = const(-2)


class EventRing:
    """`damaged`: entries found unreadable by the last mount, the one being written at a cut not included.

    `lost`: events that the memory did not keep since the last one that says how many.
    """

    def __init__(self, fram):
        self._fram = fram
        self._entry = bytearray(EVENT_BYTES)
        self._lap = 0
        self._index = 0
        self.damaged = 0
        self.lost = 0

    def mount(self, scratch) -> bool:
        """Finds where to go on; True when any event was there. `scratch`: at least 512 bytes, overwritten.

        OSError: the chip does not give the same twice.
        """
        for _ in range(TRIES):
            found = self._find(scratch)
            if self._follows():
                return found
            self._fram.errors += 1
        raise OSError("FRAM gives no events twice alike")

    def _follows(self):
        """True when where the next event goes lies one of the lap before, or none; newer ones that were read wrong
        before are passed over."""
        lap = self._look_next()
        while lap == self._lap:
            self._advance()
            lap = self._look_next()
        return lap < 0 or lap == (self._lap - 1) & 0xFFFF

    def _look_next(self):
        self._fram.read_into(EVENT_BASE + self._index * EVENT_BYTES, self._entry)
        return _lap_of(self._entry, 0, self._index)

    def _find(self, scratch):
        newest_index = -1
        newest_lap = 0
        bad = 0
        view = memoryview(scratch)[:BLOCK_BYTES]
        for first in range(0, EVENT_COUNT, BLOCK_BYTES // EVENT_BYTES):
            self._fram.read_into(EVENT_BASE + first * EVENT_BYTES, view)
            for i in range(BLOCK_BYTES // EVENT_BYTES):
                lap = _lap_of(view, i * EVENT_BYTES, first + i)
                if lap == _DAMAGED:
                    bad += 1
                elif lap != _EMPTY and (newest_index < 0 or _not_older(lap, newest_lap)):
                    newest_index = first + i
                    newest_lap = lap
        self._lap = newest_lap
        self._index = newest_index
        self._advance()
        torn = self._look_next() == _DAMAGED
        self.damaged = bad - 1 if torn else bad
        return newest_index >= 0

    def faults_of_session(self):
        """Codes of the faults since the newest session began, oldest first; for a start, it allocates."""
        codes = []
        index = self._index
        for _ in range(EVENT_COUNT - 1):
            index = (index - 1) % EVENT_COUNT
            self._fram.read_into(EVENT_BASE + index * EVENT_BYTES, self._entry)
            if _lap_of(self._entry, 0, index) < 0:
                continue
            kind = self._entry[_KIND]
            if kind in (SESSION_START, SESSION_END):
                break
            if kind == FAULT:
                codes.insert(0, self._entry[10] | self._entry[11] << 8)
        return codes

    def append(self, kind: int, a: int, b: int, boot: int, uptime_ms: int) -> bool:
        """True when the event is on record. No allocation.

        kind 1..255, a 0..255, b within +-(2**30-1), boot (low 16 bits kept), uptime_ms 0..2**30-1.
        ValueError outside. False when the chip did not keep it.
        """
        if not 0 < kind < 256 or not 0 <= a < 256 or not 0 <= uptime_ms <= _SMALL_INT_MAX:
            raise ValueError("event field out of range")
        if not -_SMALL_INT_MAX <= b <= _SMALL_INT_MAX:
            raise ValueError("event field out of range")
        entry = self._entry
        entry[_KIND] = kind
        entry[2] = a
        entry[4] = boot & 0xFF
        entry[5] = (boot >> 8) & 0xFF
        for i in range(4):
            entry[6 + i] = (uptime_ms >> (8 * i)) & 0xFF
            entry[10 + i] = (b >> (8 * i)) & 0xFF
        entry[_LAP_LOW] = self._lap & 0xFF
        entry[_LAP_CHECK] = entry[_LAP_LOW] ^ 0xFF
        entry[_LAP_HIGH] = self._lap >> 8
        entry[_CRC] = _check(entry, 0, self._index)
        addr = EVENT_BASE + self._index * EVENT_BYTES
        if not self._fram.put(addr, entry):
            self.lost += 1
            return False
        self._advance()
        return True

    def _advance(self):
        self._index += 1
        if self._index == EVENT_COUNT:
            self._index = 0
            self._lap = (self._lap + 1) & 0xFFFF


def _check(buf, at, index):
    """CRC-8 of the entry at buf[at:at+16] with the low byte of its index in place of the CRC."""
    kept = buf[at + _CRC]
    buf[at + _CRC] = index & 0xFF
    crc = crc8(buf, at, EVENT_BYTES, index >> 8)
    buf[at + _CRC] = kept
    return crc


def _lap_of(buf, at, index):
    """The lap of the entry at buf[at:at+16], _EMPTY when never written, _DAMAGED otherwise."""
    if buf[at + _LAP_LOW] ^ buf[at + _LAP_CHECK] == 0xFF:
        if buf[at + _KIND] and _check(buf, at, index) == buf[at + _CRC]:
            return buf[at + _LAP_LOW] | buf[at + _LAP_HIGH] << 8
        return _DAMAGED
    for i in range(at, at + EVENT_BYTES):
        if buf[i]:
            return _DAMAGED
    return _EMPTY


def _not_older(lap, than):
    """True when `lap` is `than` or later; laps wrap at 65536."""
    return ((lap - than) & 0xFFFF) < 0x8000
