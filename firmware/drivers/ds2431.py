"""DS2431 1-Wire EEPROM: identity, memory and row writes, in pieces short enough for an idle loop.

Invariants:
- Nothing is taken as good without its CRC or a second reading: `read_rom` checks CRC8 and family, a write is
  checked by both CRC-16 of the chip and by comparing the scratchpad, a copy by the chip's AAh.
- No call moves more than 15 bytes besides the caller's buffer (10 ms); programming time is the caller's wait.
- Once bound, only the chip of that ROM number answers, and only while it has had power ever since.

A byte takes about 0.6 ms and a reset 1 ms, with interrupts off for each slot: never while needles move.
"""

from micropython import const

OK = const(0)
ABSENT = const(1)  # no presence pulse
BAD_CRC = const(2)
WRONG_FAMILY = const(3)  # a 1-Wire chip, or a shorted wire, but no DS2431
MISMATCH = const(4)  # the scratchpad holds something else: protected, or power lost
NOT_COPIED = const(5)  # the chip refused the copy or lost power
NAMES = ("ok", "absent", "bad crc", "wrong family", "mismatch", "not copied")

ROW_SIZE = const(8)
SIZE = const(0x90)
PROGRAM_US = const(11000)  # t_PROG is at most 10 ms ("Electrical Characteristics")

_FAMILY = const(0x2D)
_READ_ROM = const(0x33)
_MATCH_ROM = const(0x55)
_SKIP_ROM = const(0xCC)
_RESUME = const(0xA5)
_WRITE_SCRATCHPAD = const(0x0F)
_READ_SCRATCHPAD = const(0xAA)
_COPY_SCRATCHPAD = const(0x55)
_READ_MEMORY = const(0xF0)
_COPIED = const(0xAA)
_WHOLE_ROW = const(0x07)  # E/S: ending offset 7, PF and AA clear


def _crc16_nibbles():
    table = []
    for value in range(16):
        crc = value
        for _ in range(4):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_NIBBLES = _crc16_nibbles()


def crc16(buf, size: int, crc: int = 0) -> int:
    """CRC-16 of the 1-Wire chips (x^16 + x^15 + x^2 + 1, low bit first) over the first `size` bytes."""
    for i in range(size):
        crc = crc16_byte(buf[i], crc)
    return crc


def crc16_byte(byte: int, crc: int) -> int:
    """`crc` carried on over one byte."""
    crc ^= byte
    crc = (crc >> 4) ^ _NIBBLES[crc & 15]
    return (crc >> 4) ^ _NIBBLES[crc & 15]


def crc8(buf, size: int) -> int:
    """CRC8 of the ROM number (x^8 + x^5 + x^4 + 1, low bit first) over the first `size` bytes."""
    crc = 0
    for i in range(size):
        crc ^= buf[i]
        for _ in range(8):
            crc = (crc >> 1) ^ (0x8C if crc & 1 else 0)
    return crc


class Ds2431:
    """The chip on `bus`, an object with MicroPython's `onewire.OneWire` calls."""

    def __init__(self, bus):
        self._bus = bus
        self._bound = False
        self._row = bytearray(ROW_SIZE)

    def bind(self, rom) -> int:
        """Address only the chip with this 8-byte ROM number from now on.

        Later selections use Resume, which only a chip that was matched and kept its power since obeys; any
        other stays silent and reads as FFh. OK means a presence pulse, not yet that it was this chip's.
        """
        self._bound = True
        if not self._reset():
            return ABSENT
        self._write(_MATCH_ROM)
        for byte in rom:
            self._write(byte)
        return OK

    def unbind(self):
        """Address whichever single chip is on the wire."""
        self._bound = False

    def read_rom(self, buf) -> int:
        """Read the 8-byte ROM number into `buf`; the chip stays selected, so `read_begin` may follow
        without a new reset (pass selected=True)."""
        bus = self._bus
        if not self._reset():
            return ABSENT
        self._write(_READ_ROM)
        bus.readinto(buf)
        if crc8(buf, 7) != buf[7]:
            return BAD_CRC
        return OK if buf[0] == _FAMILY else WRONG_FAMILY

    def read_begin(self, address: int, selected: bool = False) -> int:
        """Begin reading at `address` (0..0x8F); then `read_next` any number of times."""
        _check(address, 1)
        if not selected and not self._select():
            return ABSENT
        self._command(_READ_MEMORY, address)
        return OK

    def read_next(self, buf):
        """Read on into `buf`. The bus may rest between calls: the chip waits for the next slot for ever.
        A chip that has gone reads as FFh: check what was read by its own CRC."""
        self._bus.readinto(buf)

    def read_memory(self, address: int, buf) -> int:
        """Read `len(buf)` bytes at `address`. The array has no CRC: the content must bring its own."""
        _check(address, len(buf))
        code = self.read_begin(address)
        if code == OK:
            self.read_next(buf)
        return code

    def write_row(self, address: int, row) -> int:
        """Put 8 bytes into the scratchpad for the row at `address`; check the chip's CRC-16 of them."""
        if address & 7 or len(row) != ROW_SIZE:
            raise ValueError("DS2431 writes whole rows of 8 bytes")
        _check(address, ROW_SIZE)
        if not self._select():
            return ABSENT
        self._command(_WRITE_SCRATCHPAD, address)
        for byte in row:
            self._write(byte)
        crc = self._header_crc(_WRITE_SCRATCHPAD, address)
        return self._check_crc(crc16(row, ROW_SIZE, crc))

    def verify_row(self, address: int, row) -> int:
        """Read the scratchpad back: right address, whole and unused, equal to `row`, CRC-16 good."""
        if not self._select():
            return ABSENT
        bus = self._bus
        self._write(_READ_SCRATCHPAD)
        low, high, ending = bus.readbyte(), bus.readbyte(), bus.readbyte()
        bus.readinto(self._row)
        crc = crc16_byte(ending, crc16_byte(high, crc16_byte(low, crc16_byte(_READ_SCRATCHPAD, 0))))
        if self._check_crc(crc16(self._row, ROW_SIZE, crc)) != OK:
            return BAD_CRC
        if low != address & 0xFF or high != address >> 8 or ending != _WHOLE_ROW:
            return MISMATCH
        for i in range(ROW_SIZE):
            if self._row[i] != row[i]:
                return MISMATCH
        return OK

    def copy_start(self, address: int) -> int:
        """Authorize the copy of a verified scratchpad; leave the bus alone for PROGRAM_US afterwards."""
        if not self._select():
            return ABSENT
        self._command(_COPY_SCRATCHPAD, address)
        self._write(_WHOLE_ROW)
        return OK

    def copy_finish(self) -> int:
        """After PROGRAM_US: whether the chip says it copied. Read the row back before relying on it."""
        return OK if self._bus.readbyte() == _COPIED else NOT_COPIED

    def _reset(self) -> bool:
        """Send a reset pulse; whether a chip answered.

        It has to be 480 us long. MicroPython's own is that less the part of a microsecond that had begun, so the line
        is low before it starts.
        """
        self._bus.pin(0)
        return self._bus.reset()

    def _write(self, byte: int):
        """Send a byte. A zero has to be low for 60 to 120 us, and MicroPython's is short like its reset."""
        bus = self._bus
        for _ in range(8):
            if not byte & 1:
                bus.pin(0)
            bus.writebit(byte & 1)
            byte >>= 1

    def _select(self) -> bool:
        if not self._reset():
            return False
        self._write(_RESUME if self._bound else _SKIP_ROM)
        return True

    def _command(self, command: int, address: int):
        self._write(command)
        self._write(address & 0xFF)
        self._write(address >> 8)

    def _header_crc(self, command: int, address: int) -> int:
        return crc16_byte(address >> 8, crc16_byte(address & 0xFF, crc16_byte(command, 0)))

    def _check_crc(self, crc: int) -> int:
        low, high = self._bus.readbyte(), self._bus.readbyte()
        return OK if crc ^ 0xFFFF == low | high << 8 else BAD_CRC


def _check(address: int, size: int):
    if address < 0 or size < 1 or address + size > SIZE:
        raise ValueError("DS2431 addresses are 0..143")
