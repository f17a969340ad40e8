"""Records that survive a power cut at any byte: two slots each, CRC checked, newest sequence wins.

Invariants: a write touches only the slot that is not current; the last byte of a slot's header is its state
and is the first byte changed and the last byte written, so a slot is never taken for something it is not; what
is read wrong is read again, and a slot is not called empty or bad on one reading; nothing here ever formats or invents
a record. Not for use while needles move (it allocates).
"""

import struct

from crc import CRC16_SEED, crc16
from drivers.fram import TRIES
from layout import (
    BLOCK_BYTES,
    CARTRIDGE_BASE,
    CARTRIDGE_SLOT_BYTES,
    FRAM_BYTES,
    HALF_SLOT_BYTES,
    LAYOUT,
    SMALL_SLOT_BYTES,
)
from micropython import const

# Record ids
SUPERBLOCK = const(0)
CALIBRATION = const(1)
COUNTERS = const(2)
SETTINGS = const(3)
LAST_FAULT = const(4)
JOURNAL = const(5)
CARTRIDGES = const(6)
MOTION = const(7)
ARCHIVE = const(8)
KEY = const(9)
CLINIC = const(10)
DATES = const(11)
RECORD_COUNT = const(12)

# The schema each record is written with; index = record id
SCHEMAS = b"\x01\x01\x01\x03\x02\x01\x01\x02\x01\x01\x01\x01"

# What a read found
OK = const(0)
EMPTY = const(1)  # never written
RECOVERED = const(2)  # the payload is good, the other slot is damaged or was being written
CORRUPT = const(3)  # something was there and cannot be read
NEWER = const(4)  # written by a newer firmware: not to be interpreted, not to be overwritten
STATUS_NAMES = ("ok", "empty", "recovered", "corrupt", "newer")

SERIAL_CHARS = const(12)

HEADER_BYTES = const(16)
_LAYOUT = "<2sBBHHI"
_MAGIC = b"PR"
_AT_CRC = const(12)
_AT_STATE = const(15)
_COMPLETE = const(0xA5)
_WRITING = b"\x57"
_CHUNK = const(64)
# Where a small record's slots lie, in pairs of SMALL_SLOT_BYTES; index = record id. The archive is where record 6
# would be, were that not too long for it; the key, the clinic's limits and the dates are in the second halves of
# the counters' slots, the last fault's and the journal's, which the first firmwares never wrote beyond 32 bytes.
_PLACES = b"\x00\x01\x02\x03\x04\x05\x00\x07\x06\x02\x04\x05"

# What a slot holds
_BLANK = const(0)
_UNFINISHED = const(1)
_BAD = const(2)
_VALID = const(3)


def slot_address(record_id: int, slot: int) -> int:
    """Byte address of slot 0 or 1 of a record."""
    if record_id == CARTRIDGES:
        return CARTRIDGE_BASE + slot * CARTRIDGE_SLOT_BYTES
    address = (_PLACES[record_id] * 2 + slot) * SMALL_SLOT_BYTES
    return address + HALF_SLOT_BYTES if record_id >= KEY else address


def slot_bytes(record_id: int) -> int:
    """Size of a slot of a record, its header included."""
    if record_id == CARTRIDGES:
        return CARTRIDGE_SLOT_BYTES
    return HALF_SLOT_BYTES if record_id in (COUNTERS, LAST_FAULT, JOURNAL) or record_id >= KEY else SMALL_SLOT_BYTES


def capacity(record_id: int) -> int:
    """The largest payload of a record, bytes."""
    return slot_bytes(record_id) - HEADER_BYTES


def is_newer(a: int, b: int) -> bool:
    """True when u16 sequence `a` was written after `b`; correct across the wrap up to 32767 apart."""
    return 0 < ((a - b) & 0xFFFF) < 0x8000


class Store:
    """`length` and `schema` describe the payload of the last read that returned OK, RECOVERED or NEWER."""

    def __init__(self, fram):
        self._fram = fram
        self._heads = (bytearray(HEADER_BYTES), bytearray(HEADER_BYTES))
        self._states = bytearray(2)
        self._seen = 0  # the sum over what the last look at a slot read
        self._chunk = bytearray(_CHUNK)
        self.length = 0
        self.schema = 0

    def read(self, record_id: int, buf) -> int:
        """Copies the newest valid payload to the start of `buf` and returns the status.

        `buf` is untouched on EMPTY, and of no use on CORRUPT. ValueError: unknown record, or `buf` too short.
        """
        slot = self._survey(record_id)
        self.length = self.schema = 0
        if slot < 0:
            return CORRUPT if self._states[0] == _BAD or self._states[1] == _BAD else EMPTY
        status = self._copy(record_id, slot, buf)
        return RECOVERED if status == OK and self._states[1 - slot] not in (_VALID, _BLANK) else status

    def _copy(self, record_id, slot, buf):
        """A slot's payload; OK, NEWER for a schema that this firmware does not know, CORRUPT if it is not what was
        found good: the line may have failed since."""
        head = self._heads[slot]
        length = head[4] | head[5] << 8
        if len(buf) < length:
            raise ValueError(f"record {record_id} has {length} bytes, buffer {len(buf)}")
        for _ in range(TRIES):
            self._fram.read_into(slot_address(record_id, slot) + HEADER_BYTES, memoryview(buf)[:length])
            if crc16(buf, 0, length, crc16(head, 0, _AT_CRC, CRC16_SEED)) == head[_AT_CRC] | head[_AT_CRC + 1] << 8:
                break
            self._fram.errors += 1
        else:
            return CORRUPT
        self.length = length
        self.schema = head[3]
        return NEWER if head[3] > SCHEMAS[record_id] else OK

    def read_before(self, record_id: int, buf) -> int:
        """The same for the content before the newest: it stays until the next write. EMPTY if there is none."""
        slot = 1 - self._survey(record_id)
        self.length = self.schema = 0
        if slot > 1 or self._states[slot] != _VALID:
            return EMPTY
        return self._copy(record_id, slot, buf)

    def write(self, record_id: int, payload):
        """Makes `payload` the record's content; a cut at any byte leaves the old or the new one.

        ValueError: unknown record or payload too long. OSError: the chip did not keep what was written.
        """
        current = self._survey(record_id)
        if len(payload) > capacity(record_id):
            raise ValueError(f"record {record_id} holds {capacity(record_id)} bytes, got {len(payload)}")
        sequence = 0
        slot = 0
        if current >= 0:
            slot = 1 - current
            sequence = (_sequence(self._heads[current]) + 1) & 0xFFFF
        addr = slot_address(record_id, slot)
        head = self._heads[slot]
        struct.pack_into(_LAYOUT, head, 0, _MAGIC, record_id, SCHEMAS[record_id], len(payload), sequence, 0)
        crc = crc16(payload, 0, len(payload), crc16(head, 0, _AT_CRC, CRC16_SEED))
        struct.pack_into("<HBB", head, _AT_CRC, crc, 0, _COMPLETE)
        self._put(addr + _AT_STATE, _WRITING)
        self._put(addr + HEADER_BYTES, payload)
        self._put(addr, head)

    def provisioned(self) -> bool:
        """True when a superblock of this layout names the pen; False on a blank or foreign chip."""
        return len(self.serial()) > 0

    def serial(self) -> bytes:
        """The pen's serial, 1..12 ASCII bytes; empty when the chip is not provisioned for this layout."""
        payload = bytearray(capacity(SUPERBLOCK))
        if self.read(SUPERBLOCK, payload) not in (OK, RECOVERED):
            return b""
        if payload[0] | payload[1] << 8 != LAYOUT:
            return b""
        return bytes(payload[2 : 2 + SERIAL_CHARS]).rstrip(b"\0")

    def _put(self, addr, data):
        if not self._fram.put(addr, data):
            raise OSError(f"FRAM did not keep {len(data)} bytes at {addr}")

    def _survey(self, record_id):
        """Reads both headers, checks both payloads; the current slot, or -1 when none is valid."""
        if not 0 <= record_id < RECORD_COUNT:
            raise ValueError(f"no record {record_id}")
        for slot in (0, 1):
            state = self._inspect(record_id, slot)
            for _ in range(TRIES):
                if state == _VALID:
                    break
                seen = self._seen
                state = self._inspect(record_id, slot)
                if self._seen == seen and self._fram.check_id():
                    break  # the same twice, from a memory that answers
                self._fram.errors += 1
            self._states[slot] = state
        first = self._states[0] == _VALID
        if self._states[1] != _VALID:
            return 0 if first else -1
        if first and not is_newer(_sequence(self._heads[1]), _sequence(self._heads[0])):
            return 0
        return 1

    def _inspect(self, record_id, slot):
        addr = slot_address(record_id, slot)
        head = self._heads[slot]
        self._fram.read_into(addr, head)
        self._seen = crc16(head, 0, HEADER_BYTES, CRC16_SEED)
        if head[_AT_STATE] == _WRITING[0]:
            return _UNFINISHED
        if _uniform(head):
            return _BLANK
        length = head[4] | head[5] << 8
        framed = head[0:2] == _MAGIC and head[2] == record_id and length <= capacity(record_id)
        if not framed or head[_AT_STATE] != _COMPLETE:
            return _BAD
        crc = crc16(head, 0, _AT_CRC, CRC16_SEED)
        addr += HEADER_BYTES
        while length > 0:
            part = min(length, _CHUNK)
            self._fram.read_into(addr, self._chunk)
            crc = crc16(self._chunk, 0, part, crc)
            addr += part
            length -= part
        self._seen = crc
        return _VALID if crc == head[_AT_CRC] | head[_AT_CRC + 1] << 8 else _BAD


def provision(fram, serial: bytes):
    """Erases the whole chip and names it. The superblock goes last: a cut leaves an unprovisioned chip.

    `serial`: 1..12 printable ASCII bytes, no NUL. ValueError otherwise. Only for a technician's explicit act.
    """
    if not 1 <= len(serial) <= SERIAL_CHARS:
        raise ValueError(f"a serial has 1..{SERIAL_CHARS} characters")
    for char in serial:
        if not 0x20 < char < 0x7F:
            raise ValueError("a serial is printable ASCII without spaces")
    zeros = bytes(BLOCK_BYTES)
    for addr in range(0, FRAM_BYTES, BLOCK_BYTES):
        fram.write(addr, zeros)
    payload = bytearray(2 + SERIAL_CHARS)
    struct.pack_into("<H", payload, 0, LAYOUT)
    payload[2 : 2 + len(serial)] = serial
    Store(fram).write(SUPERBLOCK, payload)


def _sequence(head):
    return head[6] | head[7] << 8


def _uniform(head):
    """True for a header of sixteen equal 0x00 or 0xFF: a chip as delivered, or erased by `provision`."""
    first = head[0]
    if first not in (0x00, 0xFF):
        return False
    for value in head:
        if value != first:
            return False
    return True
