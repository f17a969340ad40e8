"""MB85RS2MTA, 256 KB FRAM on SPI: read, write, compare, identify.

A byte is stored once its eighth clock has passed, so a write cut short leaves a prefix and needs no wait
afterwards. WREN precedes every WRITE because the chip drops its write-enable latch when CS rises (datasheet
DS501-00032, "WREN"). SPI has no acknowledge: only what is read back proves that a write arrived. One wrong answer is
not believed: the chip is asked again, then told again, a few times, and each wrong answer counts. Nothing here
allocates except the errors it raises.
"""

from inputs import ANSWER_TRIES
from micropython import const

SIZE = const(262144)

_WREN = b"\x06"
_RDID = b"\x9f"
_WRITE = const(0x02)
_READ = const(0x03)
_CHUNK = const(4)
TRIES = ANSWER_TRIES
# Manufacturer Fujitsu, continuation code, then the two product bytes of the 2 Mbit part.
_ID = b"\x04\x7f\x48\x03"


class Fram:
    """`spi`: write(buf), readinto(buf). `cs`: callable pin, active low. The bus may be shared.

    `errors` counts the answers that were not what they had to be.
    """

    def __init__(self, spi, cs):
        self._spi = spi
        self._cs = cs
        self._head = bytearray(4)
        self._chunk = bytearray(_CHUNK)
        self.errors = 0
        cs(1)

    def check_id(self) -> bool:
        """True when the chip on the bus answers with the identity of this part, the first time or soon after."""
        for _ in range(TRIES):
            self._cs(0)
            self._spi.write(_RDID)
            self._spi.readinto(self._chunk)
            self._cs(1)
            if self._chunk == _ID:
                return True
            self.errors += 1
        return False

    def read_into(self, addr: int, buf):
        """Fills `buf` from byte address `addr`. ValueError when the span leaves 0..SIZE-1."""
        self._open(_READ, addr, len(buf))
        self._spi.readinto(buf)
        self._cs(1)

    def read_twice(self, addr: int, buf) -> bool:
        """Fills `buf` from `addr` with what the chip has given twice in a row; False when it never did."""
        for _ in range(TRIES):
            self.read_into(addr, buf)
            if self.matches(addr, buf):
                return True
            self.errors += 1
        return False

    def put(self, addr: int, buf) -> bool:
        """Stores all of `buf` at byte address `addr`; True once the chip returns it. Asked twice a try, told again."""
        for _ in range(TRIES):
            self.write(addr, buf)
            for _ in range(2):
                if self.matches(addr, buf):
                    return True
                self.errors += 1
        return False

    def write(self, addr: int, buf):
        """Stores all of `buf` at byte address `addr`. ValueError when the span leaves 0..SIZE-1."""
        _check(addr, len(buf))
        self._cs(0)
        self._spi.write(_WREN)
        self._cs(1)
        self._open(_WRITE, addr, len(buf))
        self._spi.write(buf)
        self._cs(1)

    def keep(self, message) -> bool:
        """Stores the last four bytes of `message`, a bytearray of eight; True when the chip then returns them.

        Its bytes 1 to 3 are the address, high byte first, of four bytes that all lie in the chip; byte 0 is for the
        command. `registers.keep` does the same on the pen, for what is on record at every stroke.
        """
        message[0] = _WRITE
        self._cs(0)
        self._spi.write(_WREN)
        self._cs(1)
        self._cs(0)
        self._spi.write(message)
        self._cs(1)
        chunk = self._chunk
        self._open(_READ, message[1] << 16 | message[2] << 8 | message[3], _CHUNK)
        self._spi.readinto(chunk)
        self._cs(1)
        for i in range(_CHUNK):
            if chunk[i] != message[4 + i]:
                return False
        return True

    def matches(self, addr: int, buf) -> bool:
        """True when the chip holds exactly `buf` at `addr`. ValueError when the span leaves 0..SIZE-1."""
        length = len(buf)
        chunk = self._chunk
        same = True
        self._open(_READ, addr, length)
        at = 0
        while at < length:
            # Reading past the end of `buf` is harmless: the chip's address rolls over.
            self._spi.readinto(chunk)
            for i in range(_CHUNK):
                if at + i < length and chunk[i] != buf[at + i]:
                    same = False
            at += _CHUNK
        self._cs(1)
        return same

    def _open(self, command, addr, length):
        _check(addr, length)
        head = self._head
        head[0] = command
        head[1] = addr >> 16
        head[2] = (addr >> 8) & 0xFF
        head[3] = addr & 0xFF
        self._cs(0)
        self._spi.write(head)


def _check(addr, length):
    if addr < 0 or addr + length > SIZE:
        raise ValueError(f"FRAM span of {length} bytes at {addr} leaves 0..{SIZE - 1}")
