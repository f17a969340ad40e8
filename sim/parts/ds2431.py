"""DS2431 1-Wire EEPROM of 1024 bits, slot by slot: ROM functions, scratchpad, copy, page protection.

Invariants: the array changes only by a completed or a torn copy of one row; in a page in EPROM mode a
completed copy can only clear bits; without power the chip answers nothing and forgets its scratchpad.
Sections cited by heading: DS2431 datasheet (19-4675). Not modelled: overdrive speed. The times of slots are judged by
`sim.silicon.onewire`, where the edges are known.
"""

from __future__ import annotations

import random

from sim.space import shim

READ_ROM, MATCH_ROM, SKIP_ROM, SEARCH_ROM, RESUME = 0x33, 0x55, 0xCC, 0xF0, 0xA5
WRITE_SCRATCHPAD, READ_SCRATCHPAD, COPY_SCRATCHPAD, READ_MEMORY = 0x0F, 0xAA, 0x55, 0xF0

FAMILY = 0x2D
SIZE = 0x90  # 16 rows of data, the register row, a reserved row
ROW = 8
PROTECTION, COPY_PROTECTION, FACTORY = 0x80, 0x84, 0x85
WRITE_PROTECT, EPROM_MODE = 0x55, 0xAA
PROGRAM_NS = 10_000_000  # t_PROG, maximum
RESET_LOW_NS = 480_000  # t_RSTL, minimum
SLOT_NS = 70_000
_RESERVED_ROW = 0x88
_PF, _AA = 0x20, 0x80


def crc8(data: bytes) -> int:
    """1-Wire CRC: x^8 + x^5 + x^4 + 1, shifted in from the least significant bit."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


def crc16(data: bytes, crc: int = 0) -> int:
    """1-Wire CRC-16: x^16 + x^15 + x^2 + 1, from the least significant bit; the chip sends it inverted."""
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def rom_id(serial: int) -> bytes:
    """The 64-bit registration number for a 48-bit `serial`: family 2Dh, serial low byte first, CRC8."""
    if not 0 <= serial < 1 << 48:
        raise ValueError(f"DS2431 serial must fit 48 bits, not {serial}")
    body = bytes([FAMILY]) + serial.to_bytes(6, "little")
    return body + bytes([crc8(body)])


class Ds2431:
    """One chip on the wire. Times in ns; a slot's time is its start.

    `rom` is the 8-byte registration number, `memory` the initial array (up to 0x90 bytes, the rest FFh, the
    register row 0). Faults: `unreadable` (no presence, no answer), `corrupt_bit` (address, bit number): that
    bit reads inverted. `erase_first` chooses how a torn copy looks: through an all-ones row (True) or old
    bits straight to new ones; either way in an order drawn from `seed`.
    """

    def __init__(self, rom: bytes, memory: bytes = b"", *, seed: int = 0, erase_first: bool = True):
        if len(rom) != 8 or rom[0] != FAMILY or crc8(rom[:7]) != rom[7]:
            raise ValueError(f"not a DS2431 registration number: {bytes(rom).hex()}")
        if len(memory) > SIZE:
            raise ValueError(f"DS2431 memory is {SIZE} bytes, not {len(memory)}")
        self.rom = bytes(rom)
        self.memory = bytearray(b"\xff" * 0x80 + bytes(16))
        self.memory[: len(memory)] = memory
        self.memory[_RESERVED_ROW:] = b"\xff" * ROW
        self.unreadable = False
        self.corrupt_bit: tuple[int, int] | None = None
        self.erase_first = erase_first
        self.copies = 0
        self._random = random.Random(seed)
        self._present = True
        self._programming: tuple[int, int, bytes] | None = None  # begin, row address, new content
        self._now_ns = 0
        self._power_up()

    # ---- power and presence

    @property
    def present(self) -> bool:
        """Whether the cartridge is in. Setting it False removes it at the time of the last bus activity."""
        return self._present

    @present.setter
    def present(self, value: bool) -> None:
        if value:
            self.insert(self._now_ns)
        else:
            self.remove(self._now_ns)

    def remove(self, t_ns: int) -> None:
        """Take the cartridge out; a copy under way tears its row."""
        self.cut(t_ns)
        self._present = False

    def insert(self, t_ns: int) -> None:
        """Seat the cartridge; the chip powers up and waits for a reset pulse."""
        self._now_ns = max(t_ns, self._now_ns)
        self._present = True

    def cut(self, t_ns: int) -> None:
        """Lose power for a moment: a copy under way tears its row, volatile state is gone."""
        self._settle(t_ns)
        if self._programming:
            self._tear(t_ns)
        self._power_up()

    def _power_up(self) -> None:
        self._scratchpad = bytearray(b"\xff" * ROW)
        self._ta = 0
        self._ending = _PF | 7
        self._resumable = False
        self._enter(self._ignore)

    def _settle(self, t_ns: int) -> None:
        self._now_ns = max(t_ns, self._now_ns)
        if self._programming and self._now_ns - self._programming[0] >= PROGRAM_NS:
            _, row, content = self._programming
            self.memory[row : row + ROW] = content
            self.copies += 1
            self._programming = None

    def _tear(self, t_ns: int) -> None:
        """Leave the row as it is part way: each bit passed in random order, by the share of time gone."""
        assert self._programming
        began_ns, row, content = self._programming
        self._programming = None
        self._ending |= _PF
        share = min(max(t_ns - began_ns, 0) / PROGRAM_NS, 1.0)
        old = int.from_bytes(self.memory[row : row + ROW], "little")
        new = int.from_bytes(content, "little")
        order = self._random.sample(range(64), 64)
        phases = [(1 << 64) - 1, new] if self.erase_first else [new]
        for number, target in enumerate(phases):
            done = round(64 * min(max(share * len(phases) - number, 0.0), 1.0))
            mask = sum(1 << bit for bit in order[:done])
            old = old & ~mask | target & mask
        self.memory[row : row + ROW] = old.to_bytes(8, "little")

    # ---- the wire

    def reset(self, t_ns: int, low_ns: int = RESET_LOW_NS) -> bool:
        """A reset pulse of `low_ns`; True when the chip answers with a presence pulse, which it owes to a whole one."""
        if low_ns < RESET_LOW_NS:
            self.garble(t_ns)
            return False
        self._disturb(t_ns)
        if not self._alive():
            return False
        self._enter(self._rom_command)
        return True

    def garble(self, t_ns: int) -> None:
        """A slot with times outside the datasheet's: what the chip took it for is open, so it waits for a reset."""
        self._disturb(t_ns)
        self._enter(self._ignore)

    def write_bit(self, bit: int, t_ns: int) -> None:
        """A write slot."""
        self._slot(1 if bit else 0, t_ns)

    def read_bit(self, t_ns: int) -> int:
        """A read slot, which on the wire is a write-one slot: 1 unless the chip pulls low."""
        return self._slot(1, t_ns)

    def write_byte(self, value: int, t_ns: int) -> None:
        """Eight write slots, least significant bit first, `SLOT_NS` apart."""
        for i in range(8):
            self._slot(value >> i & 1, t_ns + i * SLOT_NS)

    def read_byte(self, t_ns: int) -> int:
        """Eight read slots, least significant bit first, `SLOT_NS` apart."""
        return sum(self._slot(1, t_ns + i * SLOT_NS) << i for i in range(8))

    @property
    def sends(self) -> bool:
        """Whether the next slot is one in which the chip gives a bit, rather than takes one."""
        searching = self._search_at is not None and self._search_phase < 2
        return self._alive() and (self._out is not None or searching)

    def _alive(self) -> bool:
        return self._present and not self.unreadable

    def _disturb(self, t_ns: int) -> None:
        """Bus activity at `t_ns`; within t_PROG it takes the power the copy lives on ("Copy Scratchpad")."""
        self._settle(t_ns)
        if self._programming:
            self._tear(t_ns)
            self._enter(self._ignore)

    def _slot(self, bit: int, t_ns: int) -> int:
        self._disturb(t_ns)
        if not self._alive():
            return bit
        if self._out is not None:
            return self._send_bit() & bit
        if self._search_at is not None:
            return self._search_slot(bit)
        self._in |= bit << self._in_bits
        self._in_bits += 1
        if self._in_bits == 8:
            byte, self._in, self._in_bits = self._in, 0, 0
            self._take(byte)
        return bit

    def _enter(self, take) -> None:
        """Listen, giving each whole byte to `take`."""
        self._take = take
        self._in = self._in_bits = self._out_bit = 0
        self._got = bytearray()
        self._out: bytes | None = None
        self._after = None
        self._search_at: int | None = None
        self._search_phase = 0

    def _answer(self, data: bytes, then=None, loop: int = 0xFF) -> None:
        """Send `data`, then listen with `then`, or send `loop` for ever."""
        self._enter(self._ignore)
        self._out, self._after, self._loop = data, then, loop

    def _send_bit(self) -> int:
        assert self._out is not None
        at, bit = divmod(self._out_bit, 8)
        value = self._out[at] if at < len(self._out) else self._loop
        self._out_bit += 1
        if self._after and self._out_bit == 8 * len(self._out):
            self._enter(self._after)
        return value >> bit & 1

    def _ignore(self, _byte: int) -> None:
        """Wait for a reset pulse."""

    # ---- ROM functions

    def _rom_command(self, command: int) -> None:
        if command == RESUME:
            self._enter(self._memory_command if self._resumable else self._ignore)
            return
        self._resumable = False
        if command == READ_ROM:
            self._answer(self.rom, self._memory_command)
        elif command == SKIP_ROM:
            self._enter(self._memory_command)
        elif command == MATCH_ROM:
            self._enter(self._match)
        elif command == SEARCH_ROM:
            self._enter(self._ignore)
            self._search_at = 0
        else:
            self._enter(self._ignore)

    def _match(self, byte: int) -> None:
        self._got.append(byte)
        if byte != self.rom[len(self._got) - 1]:
            self._enter(self._ignore)
        elif len(self._got) == 8:
            self._resumable = True
            self._enter(self._memory_command)

    def _search_slot(self, bit: int) -> int:
        """Bit, its complement, then the master's choice; the loser of a choice waits for a reset."""
        assert self._search_at is not None
        mine = self.rom[self._search_at >> 3] >> (self._search_at & 7) & 1
        self._search_phase += 1
        if self._search_phase < 3:
            return bit & (mine if self._search_phase == 1 else 1 - mine)
        self._search_phase = 0
        self._search_at += 1
        if bit != mine:
            self._enter(self._ignore)
        elif self._search_at == 64:
            self._resumable = True
            self._enter(self._memory_command)
        return bit

    # ---- memory functions

    def _memory_command(self, command: int) -> None:
        if command == WRITE_SCRATCHPAD:
            self._enter(self._write_scratchpad)
        elif command == READ_SCRATCHPAD:
            head = self._ta.to_bytes(2, "little") + bytes([self._ending])
            body = head + self._scratchpad[self._ta & 7 :]
            check = crc16(bytes([command]) + body) ^ 0xFFFF
            self._answer(body + check.to_bytes(2, "little"))
        elif command == COPY_SCRATCHPAD:
            self._enter(self._copy)
        elif command == READ_MEMORY:
            self._enter(self._read_memory)
        else:
            self._enter(self._ignore)

    def _write_scratchpad(self, byte: int) -> None:
        got = self._got
        got.append(byte)
        if len(got) == 2:
            self._ta = got[0] | got[1] << 8
            self._ending = _PF | self._ta & 7  # set until the end of the scratchpad is reached
        if len(got) <= 2:
            return
        at = (self._ta & 7) + len(got) - 3
        self._scratchpad[at] = self._loaded((self._ta & ~7) + at, byte)
        self._ending = _PF | at
        if at == 7:
            self._ending = 7
            check = crc16(bytes([WRITE_SCRATCHPAD]) + got) ^ 0xFFFF
            self._answer(check.to_bytes(2, "little"))

    def _loaded(self, address: int, byte: int) -> int:
        """What the protection lets into the scratchpad for `address` ("Memory Access")."""
        if address >= SIZE:
            return byte
        old = self.memory[address]
        if address < PROTECTION:
            code = self.memory[PROTECTION + (address >> 5)]
            return old if code == WRITE_PROTECT else old & byte if code == EPROM_MODE else byte
        if address == FACTORY:
            return old
        if address < FACTORY:
            return old if old in (WRITE_PROTECT, EPROM_MODE) else byte
        return old if self.memory[FACTORY] == EPROM_MODE else byte

    def _copy(self, byte: int) -> None:
        self._got.append(byte)
        if len(self._got) < 3:
            return
        row = self._ta
        allowed = bytes(self._got) == row.to_bytes(2, "little") + bytes([self._ending])
        if not allowed or self._ending & _PF or row & 7 or row >= _RESERVED_ROW or self._copy_protected(row):
            self._enter(self._ignore)
            return
        self._ending |= _AA
        self._programming = (self._now_ns + SLOT_NS, row, bytes(self._scratchpad))
        self._answer(b"", loop=0xAA)

    def _copy_protected(self, row: int) -> bool:
        if self.memory[COPY_PROTECTION] not in (WRITE_PROTECT, EPROM_MODE):
            return False
        return row >= PROTECTION or self.memory[PROTECTION + (row >> 5)] == WRITE_PROTECT

    def _read_memory(self, byte: int) -> None:
        self._got.append(byte)
        if len(self._got) == 2:
            start = self._got[0] | self._got[1] << 8
            data = bytearray(self.memory)
            if self.corrupt_bit:
                address, bit = self.corrupt_bit
                data[address] ^= 1 << bit
            self._answer(bytes(data[start:]))


def build_cartridge_memory(
    rom: bytes,
    needles: int = 12,
    rated_um: int = 2500,
    offset_um: int = 0,
    expiry_days: int = 11_000,
    used: bool = False,
    lot: str = "SIM-0001",
    kind: int = 1,
    gauge: int = 32,
) -> bytes:
    """The 144 bytes of a cartridge as it leaves production, for the chip with this `rom`.

    Encoded by the firmware's own `cartridge_record.encode`, so `expiry_days` counts from 2000-01-01 and values out
    of the format's range raise ValueError. `used` gives one whose mark has been written.
    """
    cartridge, cartridge_record = shim("cartridge"), shim("cartridge_record")
    image = bytearray(b"\xff" * SIZE)
    record = cartridge_record.encode(rom, needles, rated_um, offset_um, expiry_days, lot, kind, gauge)
    image[cartridge.RECORD_ADDR : cartridge.RECORD_ADDR + len(record)] = record
    mark = cartridge.MARK_USED if used else cartridge.MARK_FRESH
    image[cartridge.MARK_ADDR : cartridge.MARK_ADDR + ROW] = bytes([mark] * ROW)
    image[PROTECTION : PROTECTION + ROW] = cartridge.PROTECTION_ROW
    return bytes(image)
