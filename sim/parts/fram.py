"""MB85RS2MTA, 256 KB SPI FRAM, at the level of its commands (datasheet DS501-00032).

Invariants: a byte of WRITE is stored the moment it has been clocked in, and nothing else ever changes the
array; without the write-enable latch nothing is stored; the latch falls when CS rises after WRITE or WRSR,
and at power-on. WREN counts only as one byte alone between two edges of CS. What the part ignores is in `ignored`: a
sound bus and a right driver leave it empty. Times are integer nanoseconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

SIZE = 262_144
RDID_BYTES = bytes((0x04, 0x7F, 0x48, 0x03))
WAKE_NS = 400_000  # tREC, sleep recovery time, max

WRSR, WRITE, READ, WRDI, RDSR, WREN = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
FSTRD, RDID, SLEEP = 0x0B, 0x9F, 0xB9

WPEN, BP1, BP0, WEL = 0x80, 0x08, 0x04, 0x02
_STATUS_KEPT = 0xFC  # every bit but WEL and bit 0 is non-volatile; bits 6..4 are plain storage
_PROTECTED_FROM = {0: SIZE, BP0: SIZE * 3 // 4, BP1: SIZE // 2, BP1 | BP0: 0}
_HEADER_BYTES = {READ: 3, WRITE: 3, FSTRD: 4}

FAULTS = ("", "stuck_low", "stuck_high", "absent", "noisy", "deaf", "misheard")
NOISY_EVERY = 4  # of so many bytes one comes with a wrong bit
MISO, MOSI = "miso", "mosi"
_COMMANDS = (WRSR, WRITE, READ, WRDI, RDSR, WREN, FSTRD, RDID, SLEEP)


class Fram:
    """One chip. `image`: the first contents (SIZE bytes), blank (zeros) by default.

    `fault`: "" works; "stuck_low" and "stuck_high" hold MISO while commands still work inside;
    "absent" (nothing soldered, pulled-up MISO) stores nothing and reads 0xFF; "noisy" flips a bit in every fourth
    byte on MISO; "misheard" does so on MOSI, to commands and addresses too; "deaf" answers as ever, but its
    write-enable latch no longer sets, so that writes are lost.
    `on_write(addr, length)` is called for every run of bytes that reached the array, when its command ends.
    `clocked` counts the bytes on the bus since the part was made, `flipped` those that `flip` changed.
    """

    def __init__(self, image: bytes | None = None):
        self._array = bytearray(SIZE)
        self.on_write: Callable[[int, int], None] | None = None
        self._run_at = 0  # where the command under way has written, and how much
        self._run_bytes = 0
        self.wp_high = True
        self._status = 0
        self._fault = ""
        self._bytes_left: int | None = None
        self._random = random.Random(0xF8A)
        self._flips: list[tuple[int, str, int]] = []
        self.clocked = 0
        self.flipped = 0
        self.ignored: list[str] = []
        if image is not None:
            self.load(image)
        self.power_on()

    # ---- contents ----

    @property
    def image(self) -> bytes:
        return bytes(self._array)

    def peek(self, addr: int, length: int) -> bytes:
        """Bytes of the array, without an access."""
        return bytes(self._array[addr : addr + length])

    def load(self, image: bytes):
        """Replaces the whole array. ValueError unless `image` has exactly SIZE bytes."""
        if len(image) != SIZE:
            raise ValueError(f"a FRAM image has {SIZE} bytes, this one {len(image)}")
        self._array[:] = image

    def load_file(self, path: Path):
        self.load(Path(path).read_bytes())

    def save_file(self, path: Path):
        Path(path).write_bytes(self._array)

    def corrupt(self, addr: int, mask: int):
        """Flips the bits of `mask` (1..255) in the byte at `addr`, as radiation or a bad cell would."""
        if not 0 <= addr < SIZE or not 1 <= mask <= 255:
            raise ValueError(f"cannot flip bits 0x{mask:x} at {addr}")
        self._array[addr] ^= mask

    # ---- power and faults ----

    @property
    def fault(self) -> str:
        return self._fault

    @fault.setter
    def fault(self, kind: str):
        if kind not in FAULTS:
            raise ValueError(f"unknown FRAM fault {kind!r}; one of {FAULTS}")
        self._fault = kind

    def flip(self, line: str, after_bytes: int, mask: int) -> None:
        """One byte arrives with the bits of `mask` (1..255) wrong, on MISO or MOSI, once so many more have passed."""
        if line not in (MISO, MOSI) or after_bytes < 0 or not 1 <= mask <= 255:
            raise ValueError(f"cannot flip bits 0x{mask:x} on {line!r} after {after_bytes} bytes")
        self._flips.append((self.clocked + after_bytes, line, mask))

    @property
    def powered(self) -> bool:
        return self._powered

    def power_on(self):
        self._powered = True
        self._selected = False
        self._asleep = False
        self._awake_ns = 0
        self._bytes_left = None
        self._status &= _STATUS_KEPT
        self._reset_command()

    def cut(self):
        """Power lost now: bytes already clocked in stay, whatever follows is lost until `power_on`."""
        self._powered = False
        self._selected = False
        self._reset_command()

    def cut_after(self, clocked_bytes: int):
        """Power will be lost once that many more bytes (>= 0, commands included) have been clocked."""
        if clocked_bytes < 0:
            raise ValueError("cannot cut in the past")
        self._bytes_left = clocked_bytes

    # ---- bus ----

    def select(self, t_ns: int):
        if not self._powered:
            return
        self._selected = True
        self._reset_command()
        if self._asleep and self._awake_ns == 0:
            self._awake_ns = t_ns + WAKE_NS  # the falling edge of CS starts the wake-up

    def transfer(self, tx: bytes, t_ns: int) -> bytes:
        """Clocks `tx` in, returns as many bytes from MISO. Contents change only here."""
        first = self.clocked
        self.clocked += len(tx)
        if self._fault == "absent":
            return b"\xff" * len(tx)
        if self._fault == "misheard":
            tx = self._disturbed(tx)
        if self._flips:
            tx = self._flipped(tx, first, MOSI)
        taken = len(tx) if self._bytes_left is None else min(len(tx), self._bytes_left)
        rx = self._clock(bytes(tx[:taken]), t_ns)
        if self._bytes_left is not None:
            self._bytes_left -= taken
            if taken < len(tx):
                self.cut()
        idle = b"\x00" if self._fault == "stuck_low" else b"\xff"
        if self._fault in ("stuck_low", "stuck_high"):
            return idle * len(tx)
        rx = rx.ljust(len(tx), idle)
        if self._flips:
            rx = self._flipped(rx, first, MISO)
        return self._disturbed(rx) if self._fault == "noisy" else rx

    def _flipped(self, data: bytes, first: int, line: str) -> bytes:
        """What is left of `data`, whose first byte is number `first` on the bus, after the flips of one line."""
        wrong = bytearray(data)
        waiting = []
        for at, where, mask in self._flips:
            if where == line and first <= at < first + len(data):
                wrong[at - first] ^= mask
                self.flipped += 1
            elif where != line or at >= first + len(data):
                waiting.append((at, where, mask))
        self._flips = waiting
        return bytes(wrong)

    def _disturbed(self, rx: bytes) -> bytes:
        wrong = bytearray(rx)
        for i in range(len(wrong)):
            if self._random.randrange(NOISY_EVERY) == 0:
                wrong[i] ^= 1 << self._random.randrange(8)
        return bytes(wrong)

    def deselect(self, t_ns: int):
        if not self._powered or not self._selected:
            return
        self._selected = False
        self._judge_frame()
        self._tell()
        if self._command == WREN and self._count == 1 and self._fault != "deaf":
            self._status |= WEL
        elif self._command in (WRDI, WRITE) or (self._command == WRSR and self._count > 1):
            self._status &= ~WEL
        elif self._command == SLEEP:
            self._asleep, self._awake_ns = True, 0
        self._reset_command()

    # ---- inside ----

    def _judge_frame(self) -> None:
        """What was framed wrong between the two edges of CS that have just been."""
        if self._command is None:
            return
        if self._command not in _COMMANDS:
            self.ignored.append(f"no command {self._command:#04x}")
        elif self._command == WREN and self._count > 1:
            self.ignored.append("WREN with bytes behind it")
        elif self._command in _HEADER_BYTES and self._count <= _HEADER_BYTES[self._command]:
            self.ignored.append("an address cut short")
        elif self._command == WRITE and not self._status & WEL:
            self.ignored.append("WRITE without the write-enable latch")

    def _reset_command(self):
        self._run_bytes = 0
        self._command: int | None = None
        self._count = 0
        self._addr = 0

    def _clock(self, tx: bytes, t_ns: int) -> bytes:
        """Bytes in, bytes out; 0xFF (pulled up) where the chip does not drive MISO."""
        if self._powered and not self._selected:
            self.ignored.append("bytes without CS")
        if not self._powered or not self._selected or self._sleeping(t_ns):
            return b"\xff" * len(tx)
        rx = bytearray()
        while len(rx) < len(tx):
            if self._command in _HEADER_BYTES and self._count > _HEADER_BYTES[self._command]:
                rx += self._memory(tx[len(rx) :])
                break
            rx.append(self._command_byte(tx[len(rx)]))
        return bytes(rx)

    def _sleeping(self, t_ns: int) -> bool:
        if self._asleep and self._awake_ns and t_ns >= self._awake_ns:
            self._asleep = False
        return self._asleep

    def _command_byte(self, byte: int) -> int:
        """One byte that is not memory content: op-code, address, dummy, status or identity."""
        index = self._count
        self._count += 1
        if index == 0:
            self._command = byte
        elif self._command == RDSR:
            return self._status
        elif self._command == RDID:
            return RDID_BYTES[(index - 1) % len(RDID_BYTES)]
        elif self._command == WRSR and index == 1:
            self._write_status(byte)
        elif self._command in _HEADER_BYTES and index <= 3:
            # 18 address bits; the upper six of the 24 are ignored.
            self._addr = ((self._addr << 8) | byte) & (SIZE - 1)
        return 0xFF

    def _write_status(self, byte: int):
        locked = self._status & WPEN and not self.wp_high
        if self._status & WEL and not locked:
            self._status = (byte & _STATUS_KEPT) | WEL

    def _memory(self, tx: bytes) -> bytes:
        """Content from the current address on, in or out, rolling over at the end of the array."""
        rx = bytearray()
        while len(rx) < len(tx):
            addr = self._addr
            span = min(len(tx) - len(rx), SIZE - addr)
            if self._command == WRITE:
                self._store(addr, tx[len(rx) : len(rx) + span])
                rx += b"\xff" * span
            else:
                rx += self._array[addr : addr + span]
            self._addr = (addr + span) % SIZE
        return bytes(rx)

    def _store(self, addr: int, data: bytes):
        free = _PROTECTED_FROM[self._status & (BP1 | BP0)] - addr
        data = data[: max(0, free)]
        if data and self._status & WEL:
            self._array[addr : addr + len(data)] = data
            if addr != self._run_at + self._run_bytes:
                self._tell()
                self._run_at = addr
            self._run_bytes += len(data)

    def _tell(self) -> None:
        """A run of bytes is over."""
        if self._run_bytes and self.on_write is not None:
            self.on_write(self._run_at, self._run_bytes)
        self._run_bytes = 0
