"""A cartridge's memory: its record, whether it may be used, and the mark that ends its single use.

Invariants:
- A cartridge is accepted only from a record whose two CRCs hold for the chip's own ROM number.
- A mark counts as written only when the same chip, without a loss of power, read it back whole.
- Every mark row but an untouched one means used or damaged, so a torn mark never makes a cartridge new.
- An open wire (all ones) and a shorted one (all zeros) are neither a fresh nor a written mark.

Layout (one read covers it, 58h..87h): mark row 58h, in page 2, which is in EPROM mode and can only clear
bits; record 60h..7Fh, page 3, write protected; register row 80h. Record, little endian: magic "PC", layout
version, kind, gauge, needles, rated depth um u16, zero offset um i16, expiry u16 in days since 2000-01-01,
lot 8 ASCII, 8 bytes 0, CRC-16 of the 28 bytes before, CRC-16 of ROM number and the 30 bytes before. The
CRCs find damage and copies; they are no protection against somebody who can compute a CRC.
"""

import inputs
from drivers import ds2431
from micropython import const

# Why a cartridge may or may not be used
OK = const(0)
ABSENT = const(1)  # nothing seated
UNREADABLE = const(2)  # seated, but its memory does not answer soundly
CORRUPT = const(3)
UNKNOWN_TYPE = const(4)  # not a needle cartridge, or a layout newer than this firmware
WRONG_NEEDLE_COUNT = const(5)
EXPIRED = const(6)
USED = const(7)
COPIED = const(8)  # a sound record that belongs to another chip
REMOVED = const(9)  # taken out since it was read; its use has ended
UNPROTECTED = const(10)  # its mark could be undone
NOT_READ = const(11)
GAUGE_TIP = const(12)  # a sound one, seated for calibrating: never for a session
NAMES = (
    "ok", "absent", "unreadable", "corrupt", "unknown type", "wrong needle count", "expired", "used",
    "copied", "removed", "unprotected", "not read", "gauge tip",
)  # fmt: skip

KIND_NEEDLE = const(1)
KIND_GAUGE = const(2)  # a blunt tip of known length, for a technician's gauge; used many times
NEEDLES = const(12)
RATED_MIN_UM = const(100)
RATED_MAX_UM = const(5000)
OFFSET_LIMIT_UM = const(200)

MARK_ADDR = const(0x58)
RECORD_ADDR = const(0x60)
RECORD_SIZE = const(32)
IMAGE_SIZE = const(48)
# Both bytes have ones and zeros, and FRESH has every one of USED: clearing bits leads from one to the other.
MARK_FRESH = const(0xB5)
MARK_USED = const(0x24)
# Pages 0 and 1 free, page 2 EPROM mode, page 3 write protected, register row locked ("Memory Access").
PROTECTION_ROW = b"\x00\x00\xaa\x55\x55\x00\x00\x00"

VERSION = const(1)
_RECORD = const(8)  # where the parts lie in the image
_REGISTERS = const(40)
BODY_BYTES = const(28)

# States of Cartridge; from _READ to _READ + 5 one row of the image each
_REST = const(0)
_ROM = const(1)
_READ = const(2)
_BIND = const(8)
_WRITE = const(9)
_VERIFY = const(10)
_COPY = const(11)
_COPYING = const(12)
_PROGRAM = const(13)
_CHECK = const(14)
_ROWS = const(6)
_TICKS_MASK = const(0x3FFFFFFF)


class Info:
    """What a memory image says. With `reason` other than OK or UNKNOWN_TYPE the other fields are not set."""

    def __init__(self, reason: int):
        self.reason = reason
        self.used = False
        self.kind = 0
        self.gauge = 0
        self.needles = 0
        self.rated_um = 0
        self.offset_um = 0
        self.expiry_days = 0
        self.lot = ""


def decode(image: bytes | bytearray, rom: bytes | bytearray) -> Info:
    """Read the 48 bytes from MARK_ADDR of the chip with this ROM number. Never raises for bad content."""
    if len(image) != IMAGE_SIZE or len(rom) != 8:
        raise ValueError("decode wants 48 bytes and an 8-byte ROM number")
    record = image[_RECORD:_REGISTERS]
    if _u16(record, 28) != ds2431.crc16(record, BODY_BYTES, 0xFFFF) or record[0] != 0x50 or record[1] != 0x43:
        return Info(CORRUPT)
    if _u16(record, 30) != binding_crc(rom, record):
        return Info(COPIED)
    mark = _mark_state(image)
    if mark == CORRUPT:
        return Info(CORRUPT)
    if image[_REGISTERS + 2] != 0xAA or image[_REGISTERS + 3] != 0x55:
        return Info(UNPROTECTED)
    info = Info(OK if record[2] == VERSION else UNKNOWN_TYPE)
    info.used = mark == USED
    if info.reason == OK:
        _fill(info, record)
    return info


def evaluate(info: Info, known_used: bool, today_days: int) -> int:
    """Whether the cartridge may be used: OK or the reason why not, the gravest first.

    `known_used`: the pen has this ROM number among those it has used. `today_days` counts from 2000-01-01;
    with 0 (clock never set) expiry is not judged, and the caller has to say so to the user.
    """
    if info.reason not in (OK, UNKNOWN_TYPE):
        return info.reason
    if info.reason == OK and info.kind == KIND_GAUGE:
        return EXPIRED if today_days and today_days > info.expiry_days else GAUGE_TIP
    if info.used or known_used:
        return USED
    if info.reason == UNKNOWN_TYPE or info.kind != KIND_NEEDLE:
        return UNKNOWN_TYPE
    if info.needles != NEEDLES:
        return WRONG_NEEDLE_COUNT
    if today_days and today_days > info.expiry_days:
        return EXPIRED
    return OK


class Cartridge:
    """Reads and marks the seated cartridge, a bus transaction of at most 10 ms a step. Only while parked.

    `begin_read()` or `begin_mark()`, then `step(now_us)` while `busy`. `reason` is what the last reading
    came to, before `evaluate()`; `rom` and `info` belong to it. `marked` is True only when the used mark was
    read back from this very chip: no stroke before that.
    """

    def __init__(self, driver: ds2431.Ds2431):
        self._driver = driver
        self._image = bytearray(IMAGE_SIZE)
        self._rows = [memoryview(self._image)[at : at + 8] for at in range(0, IMAGE_SIZE, 8)]
        self._used_row = bytes([MARK_USED] * 8)
        self._state = _REST
        self._attempts = 0
        self._seated = False
        self._since_us = 0
        self.rom = bytearray(8)
        self.reason = NOT_READ
        self.info = Info(NOT_READ)
        self.marked = False

    @property
    def busy(self) -> bool:
        return self._state != _REST

    def begin_read(self, seated: bool = True):
        """Begin reading whatever is there. `seated`: the interlock loop is closed, so silence is a defect."""
        self._seated = seated
        self._attempts = inputs.CARTRIDGE_TRIES
        self._forget(NOT_READ)
        self._state = _ROM

    def begin_mark(self) -> bool:
        """Begin writing the used mark; False unless a sound, fresh cartridge was read and is still in."""
        if self.busy or self.reason != OK or self.info.kind != KIND_NEEDLE or self.info.used or self.marked:
            return False
        self._attempts = inputs.CARTRIDGE_TRIES
        self._state = _BIND
        return True

    def removed(self):
        """The interlock loop opened: whatever was going on is over, and so is this cartridge's use."""
        self._state = _REST
        self._forget(REMOVED)

    def step(self, now_us: int) -> bool:
        """Do one piece of the work; return `busy`. `now_us`: 30-bit ticks."""
        state = self._state
        if state == _ROM:
            self._read_rom()
        elif _READ <= state < _BIND:
            self._read_row(state - _READ)
        elif state == _COPYING:
            self._since_us = now_us  # the copy began at the end of the step before
            self._state = _PROGRAM
        elif state == _PROGRAM:
            self._await_program(now_us)
        elif state == _CHECK:
            self._check_mark()
        elif state != _REST:
            self._mark_step(state)
        return self._state != _REST

    def _read_rom(self):
        code = self._driver.read_rom(self.rom)
        if code == ds2431.OK:
            code = self._driver.read_begin(MARK_ADDR, True)
        if code == ds2431.OK:
            self._state = _READ
        elif code == ds2431.ABSENT and not self._seated:
            self._state = _REST
            self._forget(ABSENT)
        else:
            self._read_again(UNREADABLE)

    def _read_row(self, row: int):
        self._driver.read_next(self._rows[row])
        if row < _ROWS - 1:
            self._state += 1
            return
        info = decode(self._image, self.rom)
        if info.reason not in (OK, UNKNOWN_TYPE):
            self._read_again(info.reason)
            return
        self._state = _REST
        self.reason = info.reason
        self.info = info

    def _read_again(self, reason: int):
        self._attempts -= 1
        if self._attempts > 0:
            self._state = _ROM
        else:
            self._state = _REST
            self._forget(reason)

    def _mark_step(self, state: int):
        driver = self._driver
        if state == _BIND:
            code = driver.bind(self.rom)
        elif state == _WRITE:
            code = driver.write_row(MARK_ADDR, self._used_row)
        elif state == _VERIFY:
            code = driver.verify_row(MARK_ADDR, self._used_row)
        else:
            code = driver.copy_start(MARK_ADDR)
        if code == ds2431.OK:
            self._state = state + 1
        else:
            self._mark_again(code)

    def _await_program(self, now_us: int):
        if (now_us - self._since_us) & _TICKS_MASK < ds2431.PROGRAM_US:
            return
        code = self._driver.copy_finish()
        if code == ds2431.OK:
            code = self._driver.read_begin(MARK_ADDR)
        if code == ds2431.OK:
            self._state = _CHECK
        else:
            self._mark_again(code)

    def _check_mark(self):
        row = self._rows[0]
        self._driver.read_next(row)
        if row == self._used_row:
            self._state = _REST
            self.marked = True
        else:
            self._mark_again(ds2431.NOT_COPIED)

    def _mark_again(self, code: int):
        self._attempts -= 1
        if self._attempts > 0 and code != ds2431.ABSENT:
            self._state = _BIND
        else:
            self._state = _REST
            self._forget(REMOVED if code == ds2431.ABSENT else UNREADABLE)

    def _forget(self, reason: int):
        self.reason = reason
        self.info = Info(reason)
        self.marked = False


def _mark_state(image) -> int:
    """OK for an untouched mark row, USED when only bits of it were cleared, else CORRUPT."""
    state = OK
    for i in range(8):
        if image[i] & ~MARK_FRESH & 0xFF:
            return CORRUPT
        if image[i] != MARK_FRESH:
            state = USED
    return state


def _fill(info: Info, record):
    info.kind = record[3]
    info.gauge = record[4]
    info.needles = record[5]
    info.rated_um = _u16(record, 6)
    offset = _u16(record, 8)
    info.offset_um = offset - 65536 if offset > 32767 else offset
    info.expiry_days = _u16(record, 10)
    for i in range(12, 20):
        if not 32 <= record[i] <= 126:
            info.reason = CORRUPT
            return
    info.lot = bytes(record[12:20]).decode().rstrip()
    rated_ok = RATED_MIN_UM <= info.rated_um <= RATED_MAX_UM
    if not rated_ok or not -OFFSET_LIMIT_UM <= info.offset_um <= OFFSET_LIMIT_UM:
        info.reason = CORRUPT


def binding_crc(rom, record) -> int:
    """Ties a record to the chip with this ROM number."""
    return ds2431.crc16(record, 30, ds2431.crc16(rom, 8, 0xFFFF))


def _u16(buf, at: int) -> int:
    return buf[at] | buf[at + 1] << 8
