"""The chip's CPU, compiled: runs of plain Thumb instructions in memory, many times as fast as the emulator's own core.

Invariants: what is done here has the same effect and takes the same cycles as in the emulator's core, which the tests
run beside it; anything else (a peripheral, a special register, an exception, sleep) is left to that core, one
instruction at a time. Registers and memories are the emulator's own, shared, not copied.
All compiled code is in one file, because numba's disk cache looks at the date of the caller's file alone.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numba import njit
from rp2040py.sio import RPSIO

N, Z, C, V = range(4)
FLAGS = 4
STORED, POLLED = range(2)  # whether RAM was written; the register whose reading is not for here, or 0
DIVIDEND, DIVISOR, QUOTIENT, REMAINDER, DIVIDED, DIVIDER_CYCLES = range(6)  # of the divider in SIO

_RAM, _RAM_BYTES = 0x2000_0000, 264 * 1024
_FLASH, _FLASH_BYTES = 0x1000_0000, 16 << 20
_ROM_BYTES = 16 << 10
_SIO = 0xD000_0000
_TIMER = 0x4005_4000
_TIMERAWH, _TIMERAWL = 0x24, 0x28
_M32 = 0xFFFF_FFFF
_AT_A_TIME = 1_000_000  # cycles, where no alarm is to come
# Registers that only an alarm or a write changes and whose reading changes nothing: by page, below which offset or at
# which (RP2040 datasheet 2.5.7 DMA's channels; 4.4.4 SPI's SSPSR; 4.3.17 I2C's IC_RAW_INTR_STAT; 4.2.8 UART's UARTFR)
_DMA_PAGE, _DMA_CHANNELS_END = 0x50000, 0x300
_STATUS_OF_PAGE = {0x4003C: 0x0C, 0x40040: 0x0C, 0x40044: 0x34, 0x40048: 0x34, 0x40034: 0x18, 0x40038: 0x18}

_jit = njit(cache=True, error_model="numpy", _nrt=False)


@_jit
def _subtract(flags, a, b):
    """a - b and its flags."""
    result = (a - b) & _M32
    flags[N] = result >> 31
    flags[Z] = result == 0
    flags[C] = a >= b
    flags[V] = ((a ^ b) & (a ^ result)) >> 31 & 1
    return result


@_jit
def _add(flags, a, b, carry):
    total = a + b + carry
    result = total & _M32
    flags[N] = result >> 31
    flags[Z] = result == 0
    flags[C] = total >> 32
    flags[V] = (~(a ^ b) & (a ^ result)) >> 31 & 1
    return result


@_jit
def _nz(flags, result):
    flags[N] = result >> 31 & 1
    flags[Z] = (result & _M32) == 0


@_jit
def _holds(flags, condition):
    base = condition >> 1
    if base == 0:
        met = flags[Z] != 0
    elif base == 1:
        met = flags[C] != 0
    elif base == 2:
        met = flags[N] != 0
    elif base == 3:
        met = flags[V] != 0
    elif base == 4:
        met = flags[C] != 0 and flags[Z] == 0
    elif base == 5:
        met = flags[N] == flags[V]
    else:
        met = flags[N] == flags[V] and flags[Z] == 0
    return met != ((condition & 1) != 0)


@_jit
def _load(memory, address, size):
    """A value of 1, 2 or 4 bytes from memory; -1 where none can be read here."""
    ram, flash, rom = memory
    offset = address - _RAM
    if 0 <= offset < _RAM_BYTES:
        bytes_ = ram
    else:
        offset = address - _FLASH
        if 0 <= offset < _FLASH_BYTES:
            bytes_ = flash
        elif 0 <= address < _ROM_BYTES:
            bytes_, offset = rom, address
        else:
            return np.int64(-1)
    if offset & (size - 1):
        return np.int64(-1)
    value = np.int64(bytes_[offset])
    if size > 1:
        value |= np.int64(bytes_[offset + 1]) << 8
    if size > 2:
        value |= np.int64(bytes_[offset + 2]) << 16 | np.int64(bytes_[offset + 3]) << 24
    return value


@_jit
def _store(ram, address, size, value):
    """False where it cannot be stored here."""
    offset = address - _RAM
    if not 0 <= offset < _RAM_BYTES or offset & (size - 1):
        return False
    ram[offset] = value & 0xFF
    if size > 1:
        ram[offset + 1] = value >> 8 & 0xFF
    if size > 2:
        ram[offset + 2] = value >> 16 & 0xFF
        ram[offset + 3] = value >> 24 & 0xFF
    return True


@_jit
def divide(divider, signed):
    """What SIO's divider makes of its operands (RP2040 datasheet 2.3.1.5)."""
    a, b = divider[DIVIDEND] & _M32, divider[DIVISOR] & _M32
    if signed:
        a, b = a - ((a >> 31) << 32), b - ((b >> 31) << 32)
    if b == 0:
        quotient, remainder = np.int64(-1 if a >= 0 else 1), a
    else:
        quotient = abs(a) // abs(b)
        if (a < 0) != (b < 0):
            quotient = -quotient
        remainder = a - quotient * b
    divider[QUOTIENT], divider[REMAINDER] = quotient & _M32, remainder & _M32
    divider[DIVIDED] = 3
    divider[DIVIDER_CYCLES] += 8


@_jit
def _load_sio(divider, address):
    """Which CPU this is, and the divider; -1 for any other register."""
    register = address - _SIO
    if register == 0:
        return np.int64(0)
    if register == 0x60 or register == 0x68:
        return divider[DIVIDEND] & _M32
    if register == 0x64 or register == 0x6C:
        return divider[DIVISOR] & _M32
    if register == 0x70:
        divider[DIVIDED] &= ~2
        return divider[QUOTIENT]
    if register == 0x74:
        return divider[REMAINDER]
    if register == 0x78:
        return divider[DIVIDED]
    return np.int64(-1)


@_jit
def _store_sio(divider, address, value):
    """The divider; False for any other register."""
    register = address - _SIO
    if register == 0x70 or register == 0x74:
        divider[QUOTIENT if register == 0x70 else REMAINDER] = value
        divider[DIVIDED] = 3
        return True
    if not 0x60 <= register <= 0x6C or register & 3:
        return False
    divider[DIVISOR if register & 4 else DIVIDEND] = value
    divide(divider, register & 8 != 0)
    return True


@_jit
def _load_timer(address, ns):
    """Either half of the microseconds since the timer began, `ns` nanoseconds ago; -1 for any other register."""
    register = address - _TIMER
    if register == _TIMERAWL:
        return np.int64(ns / 1000) & _M32
    if register == _TIMERAWH:
        return np.int64(ns / 1000) >> 32
    return np.int64(-1)


@_jit
def _in_memory(address, count, write):
    """Whether so many words from an aligned address on are all in RAM (to write), or in RAM or flash (to read)."""
    last = address + 4 * count - 4
    if address & 3:
        return False
    if address >= _RAM and last < _RAM + _RAM_BYTES:
        return True
    return not write and address >= _FLASH and last < _FLASH + _FLASH_BYTES


@_jit
def _count(bits):
    total = 0
    while bits:
        bits &= bits - 1
        total += 1
    return total


@_jit
def _alu(r, flags, opcode):
    """Data processing between low registers (010000 xxxx)."""
    what, m, d = opcode >> 6 & 15, opcode >> 3 & 7, opcode & 7
    a, b = np.int64(r[d]), np.int64(r[m])
    if what == 0:
        result = a & b
    elif what == 1:
        result = a ^ b
    elif what == 2:  # LSLS
        shift = b & 0xFF
        if shift:
            flags[C] = a >> (32 - shift) & 1 if shift <= 32 else 0
        result = (a << shift) & _M32 if shift < 32 else np.int64(0)
    elif what == 3:  # LSRS
        shift = b & 0xFF
        if shift:
            flags[C] = a >> (shift - 1) & 1 if shift <= 32 else 0
        result = a >> shift if shift < 32 else np.int64(0)
    elif what == 4:  # ASRS
        shift = min(b & 0xFF, 32)
        signed = a - ((a >> 31) << 32)
        if shift:
            flags[C] = signed >> (shift - 1) & 1
        result = (signed >> shift) & _M32
    elif what == 5:  # ADCS
        r[d] = _add(flags, a, b, flags[C])
        return
    elif what == 6:  # SBCS
        r[d] = _add(flags, a, ~b & _M32, flags[C])
        return
    elif what == 7:  # RORS
        shift = b & 31
        result = (a >> shift | a << (32 - shift)) & _M32
        if b & 0xFF:
            flags[C] = result >> 31
    elif what == 8:  # TST
        _nz(flags, a & b)
        return
    elif what == 9:  # RSBS
        r[d] = _subtract(flags, np.int64(0), b)
        return
    elif what == 10:
        _subtract(flags, a, b)
        return
    elif what == 11:
        _add(flags, a, b, np.int64(0))
        return
    elif what == 12:
        result = a | b
    elif what == 13:
        result = (a * b) & _M32
    elif what == 14:
        result = a & ~b
    else:
        result = ~b & _M32
    _nz(flags, result)
    r[d] = result


@_jit
def run(r, flags, divider, memory, handler, limit, timer_ns, told):
    """Execute from r[15] until `limit` cycles are reached or an instruction comes that is not for here; the cycles.

    `handler`: an exception is being handled, so that a branch to Fxxxxxxx returns from it. `timer_ns`: since the timer
    began. `told` is what the caller wants to know of it: STORED is set when RAM was written, POLLED is the register
    that the last instruction wants to read.
    """
    ram = memory[0]
    told[POLLED] = 0
    cycles = 0
    pc = np.int64(r[15])
    while cycles < limit:
        opcode = _load(memory, pc, 2)
        if opcode < 0:
            break
        top = opcode >> 11
        after = pc + 2
        spent = 1
        if top <= 2:  # shifts by an immediate
            shift, m, d = opcode >> 6 & 31, opcode >> 3 & 7, opcode & 7
            a = np.int64(r[m])
            if top == 0:
                result = (a << shift) & _M32
                if shift:
                    flags[C] = a >> (32 - shift) & 1
            elif top == 1:
                if shift == 0:
                    shift = 32
                flags[C] = a >> (shift - 1) & 1
                result = a >> shift
            else:
                if shift == 0:
                    shift = 32
                signed = a - ((a >> 31) << 32)
                flags[C] = signed >> (shift - 1) & 1
                result = (signed >> shift) & _M32
            _nz(flags, result)
            r[d] = result
        elif top == 3:  # ADDS, SUBS of three operands
            a = np.int64(r[opcode >> 3 & 7])
            b = opcode >> 6 & 7
            if not opcode & 0x400:
                b = np.int64(r[b])
            if opcode & 0x200:
                r[opcode & 7] = _subtract(flags, a, b)
            else:
                r[opcode & 7] = _add(flags, a, b, np.int64(0))
        elif top == 4:
            d = opcode >> 8 & 7
            r[d] = opcode & 0xFF
            flags[N] = 0
            flags[Z] = (opcode & 0xFF) == 0
        elif top == 5:
            _subtract(flags, np.int64(r[opcode >> 8 & 7]), opcode & 0xFF)
        elif top == 6:
            d = opcode >> 8 & 7
            r[d] = _add(flags, np.int64(r[d]), opcode & 0xFF, np.int64(0))
        elif top == 7:
            d = opcode >> 8 & 7
            r[d] = _subtract(flags, np.int64(r[d]), opcode & 0xFF)
        elif top == 8:
            if not opcode & 0x400:
                _alu(r, flags, opcode)
            else:
                m, d = opcode >> 3 & 15, opcode >> 4 & 8 | opcode & 7
                b = np.int64(r[m]) if m != 15 else pc + 4
                what = opcode >> 8 & 3
                if what == 1:
                    if m == 15 or d == 15:
                        break
                    _subtract(flags, np.int64(r[d]), b)
                elif what == 3:  # BX, BLX
                    if opcode & 7 or m == 15 or (handler and b >> 28 == 15):
                        break
                    if opcode & 0x80:
                        r[14] = after | 1
                    after = b & ~1
                    spent = 2
                else:
                    if what == 0:
                        b = (b + (np.int64(r[d]) if d != 15 else pc + 4)) & _M32
                    if d == 15:
                        after = b & ~1
                        spent = 2
                    else:
                        r[d] = b & ~3 if d == 13 else b
        elif top == 9:  # LDR literal
            value = _load(memory, (after + 2 & ~3) + (opcode & 0xFF) * 4, 4)
            if value < 0:
                break
            r[opcode >> 8 & 7] = value
            spent = 2
        elif top == 10 or top == 11:  # register offset
            what = opcode >> 9 & 7
            address = (np.int64(r[opcode >> 3 & 7]) + np.int64(r[opcode >> 6 & 7])) & _M32
            d = opcode & 7
            spent = 2
            if what < 3:
                size = 4 if what == 0 else 2 if what == 1 else 1
                if not _store(ram, address, size, np.int64(r[d])):
                    break
                told[STORED] = 1
            else:
                size = 4 if what == 4 else 2 if what == 5 or what == 7 else 1
                value = _load(memory, address, size)
                if value < 0:
                    break
                if what == 3 and value & 0x80:
                    value |= 0xFFFF_FF00
                elif what == 7 and value & 0x8000:
                    value |= 0xFFFF_0000
                r[d] = value
        elif top <= 17:  # immediate offset: STR, LDR, STRB, LDRB, STRH, LDRH
            size = 4 if top <= 13 else 1 if top <= 15 else 2
            address = (np.int64(r[opcode >> 3 & 7]) + (opcode >> 6 & 31) * size) & _M32
            d = opcode & 7
            spent = 2
            if address >> 12 == _SIO >> 12 and size == 4:
                spent = 1
                if top & 1:
                    value = _load_sio(divider, address)
                    if value < 0:
                        break
                    r[d] = value
                elif not _store_sio(divider, address, np.int64(r[d])):
                    break
            elif top & 1:
                if address >> 12 == _TIMER >> 12 and size == 4:
                    value = _load_timer(address, timer_ns + cycles * 8.0)
                    spent = 4  # over the APB
                else:
                    value = _load(memory, address, size)
                if value < 0:
                    told[POLLED] = address
                    break
                r[d] = value
            elif _store(ram, address, size, np.int64(r[d])):
                told[STORED] = 1
            else:
                break
        elif top == 18 or top == 19:  # relative to SP
            address = (np.int64(r[13]) + (opcode & 0xFF) * 4) & _M32
            d = opcode >> 8 & 7
            spent = 2
            if top == 19:
                value = _load(memory, address, 4)
                if value < 0:
                    break
                r[d] = value
            elif _store(ram, address, 4, np.int64(r[d])):
                told[STORED] = 1
            else:
                break
        elif top == 20:
            r[opcode >> 8 & 7] = (pc & ~3) + 4 + (opcode & 0xFF) * 4
        elif top == 21:
            r[opcode >> 8 & 7] = (np.int64(r[13]) + (opcode & 0xFF) * 4) & _M32
        elif top == 22 or top == 23:
            what = opcode >> 8 & 15
            m, d = opcode >> 3 & 7, opcode & 7
            if what == 0:
                by = (opcode & 0x7F) * 4
                r[13] = (np.int64(r[13]) + (-by if opcode & 0x80 else by)) & _M32 & ~3
            elif what == 2:
                a = np.int64(r[m])
                part = opcode >> 6 & 3
                if part == 0:
                    a &= 0xFFFF
                    r[d] = a | 0xFFFF_0000 if a & 0x8000 else a
                elif part == 1:
                    a &= 0xFF
                    r[d] = a | 0xFFFF_FF00 if a & 0x80 else a
                elif part == 2:
                    r[d] = a & 0xFFFF
                else:
                    r[d] = a & 0xFF
            elif what == 4 or what == 5:  # PUSH
                count = _count(opcode & 0x1FF)
                address = np.int64(r[13]) - 4 * count
                if not count or not _in_memory(address, count, True):
                    break
                r[13] = address
                told[STORED] = 1
                for i in range(8):
                    if opcode >> i & 1:
                        _store(ram, address, 4, np.int64(r[i]))
                        address += 4
                        spent += 1
                if opcode & 0x100:
                    _store(ram, address, 4, np.int64(r[14]))
            elif what == 12 or what == 13:  # POP
                count = _count(opcode & 0x1FF)
                address = np.int64(r[13])
                if not count or not _in_memory(address, count, True):
                    break
                if opcode & 0x100:
                    target = _load(memory, address + 4 * count - 4, 4)
                    if handler and target >> 28 == 15:
                        break
                    after = target & ~1
                    spent += 2
                for i in range(8):
                    if opcode >> i & 1:
                        r[i] = _load(memory, address, 4)
                        address += 4
                        spent += 1
                r[13] = np.int64(r[13]) + 4 * count
            elif what == 10 and opcode >> 6 & 3 != 2:
                a = np.int64(r[m])
                part = opcode >> 6 & 3
                if part == 0:
                    r[d] = (a & 0xFF) << 24 | (a & 0xFF00) << 8 | a >> 8 & 0xFF00 | a >> 24
                elif part == 1:
                    r[d] = (a & 0x00FF_00FF) << 8 | a >> 8 & 0x00FF_00FF
                else:
                    a = (a & 0xFF) << 8 | a >> 8 & 0xFF
                    r[d] = a | 0xFFFF_0000 if a & 0x8000 else a
            elif opcode != 0xBF00:  # NOP is all that is left here
                break
        elif top == 24 or top == 25:  # STMIA, LDMIA
            n = opcode >> 8 & 7
            address = np.int64(r[n])
            count = _count(opcode & 0xFF)
            if not count or not _in_memory(address, count, top == 24):
                break
            if top == 24:
                told[STORED] = 1
            for i in range(8):
                if opcode >> i & 1:
                    if top == 24:
                        _store(ram, address, 4, np.int64(r[i]))
                    else:
                        r[i] = _load(memory, address, 4)
                    address += 4
                    spent += 1
            if not opcode >> n & 1:
                r[n] = address
        elif top == 26 or top == 27:
            condition = opcode >> 8 & 15
            if condition >= 14:
                break
            if _holds(flags, condition):
                by = opcode & 0xFF
                after = pc + 4 + 2 * (by - ((by >> 7) << 8))
                spent = 2
        elif top == 28:
            by = opcode & 0x7FF
            after = pc + 4 + 2 * (by - ((by >> 10) << 11))
            spent = 2
        elif top == 30:  # BL; DMB, DSB, ISB have no effect and take as long
            second = _load(memory, after, 2)
            if second < 0:
                break
            if second >> 12 == 13 or second >> 12 == 15:
                s = opcode >> 10 & 1
                i1, i2 = 1 - (s ^ second >> 13 & 1), 1 - (s ^ second >> 11 & 1)
                by = i1 << 23 | i2 << 22 | (opcode & 0x3FF) << 12 | (second & 0x7FF) << 1
                r[14] = pc + 4 | 1
                after = pc + 4 + by - (s << 24)
            elif opcode == 0xF3BF and second >> 8 == 0x8F:
                after = pc + 4
            else:
                break
            spent = 3
        else:
            break
        cycles += spent
        pc = after & _M32
    r[15] = pc
    return cycles


class Sio(RPSIO):
    """The emulator's SIO, its divider shared with the compiled code."""

    divider: np.ndarray

    div_dividend = property(
        lambda self: int(self.divider[DIVIDEND]), lambda self, value: self._put(DIVIDEND, value))
    div_divisor = property(
        lambda self: int(self.divider[DIVISOR]), lambda self, value: self._put(DIVISOR, value))
    div_quotient = property(
        lambda self: int(self.divider[QUOTIENT]), lambda self, value: self._put(QUOTIENT, value))
    div_remainder = property(
        lambda self: int(self.divider[REMAINDER]), lambda self, value: self._put(REMAINDER, value))
    div_csr = property(
        lambda self: int(self.divider[DIVIDED]), lambda self, value: self._put(DIVIDED, value))

    def _put(self, index: int, value: int) -> None:
        self.divider[index] = int(value) & _M32

    def update_hardware_divider(self, signed: bool) -> None:
        divide(self.divider, signed)
        self.divider[DIVIDER_CYCLES] = 0
        self.rp2040.core.cycles += 8


class Core:
    """Drives one emulated chip: its memories and registers, and its clock. A `held` CPU executes nothing.

    Where the CPU does nothing but ask a register again and again, the turns are left out up to the next alarm: between
    two reads of it no register, flag or word of RAM has changed, and only an alarm can change what it reads.
    """

    def __init__(self, mcu: Any):
        self._clock = mcu.clock
        self._timer = mcu.timer
        self.held = False
        self._core = mcu.core
        self._registers = np.asarray(mcu.core.registers)
        self._flags = np.zeros(FLAGS, np.int64)
        self._told = np.zeros(2, np.int64)
        self._divider = np.zeros(6, np.int64)
        self._divider[DIVISOR] = 1
        mcu.sio.divider = self._divider
        mcu.sio.__class__ = Sio
        self._memory = (
            np.frombuffer(mcu.sram, np.uint8), np.frombuffer(mcu.flash, np.uint8),
            np.frombuffer(memoryview(mcu.bootrom).cast("B"), np.uint8))
        self._asked: tuple[bytes, list[int]] | None = None  # registers and flags when the CPU last asked a register
        self._asked_at = (0.0, 0)  # when that was: nanoseconds, cycles
        self.slept_ns = 0.0  # or was held

    def run(self, simulator: Any) -> None:
        """Until somebody sets `simulator.stopped`; alarms ring after the instruction in which they are due."""
        core, clock, told = self._core, self._clock, self._told
        registers, flags, divider, memory = self._registers, self._flags, self._divider, self._memory
        # single items of a memoryview are read and written in a tenth of the time
        one_flag, one_told, one_divider = memoryview(flags), memoryview(told), memoryview(divider)
        while not simulator.stopped:
            if core.waiting or self.held:
                self._asked = None
                self.slept_ns += clock.nanos_to_next_alarm
                clock.tick(clock.nanos_to_next_alarm)
                continue
            one_told[POLLED] = 0
            if not core.interrupts_updated:
                limit = ceil(clock.nanos_to_next_alarm * 0.125) if clock.has_scheduled_alarm else _AT_A_TIME
                one_flag[N], one_flag[Z], one_flag[C], one_flag[V] = core.n, core.z, core.c, core.v
                cycles = run(
                    registers, flags, divider, memory, core.current_mode, limit,
                    clock.nanos - self._timer._epoch_nanos, told)
                if cycles:
                    core.n, core.z, core.c, core.v = one_flag[N], one_flag[Z], one_flag[C], one_flag[V]
                    core.cycles += cycles + one_divider[DIVIDER_CYCLES]
                    one_divider[DIVIDER_CYCLES] = 0
                    clock.tick(cycles * 8.0)
                    if cycles >= limit:
                        self._asked = None
                        continue
            if one_told[POLLED] and _only_alarms_change(one_told[POLLED]):
                self._leave_out()
            else:
                self._asked = None
            due_ns = clock.nanos_to_next_alarm
            passed_ns = core.execute_instruction() * 8.0
            if passed_ns >= due_ns:
                self._asked = None  # what was read just now may be different already
            clock.tick(passed_ns)

    def _leave_out(self) -> None:
        """The CPU is about to ask a register that only an alarm changes: if it just did, be near that alarm."""
        core, clock = self._core, self._clock
        now = self._registers.tobytes(), self._flags.tolist()
        if self._told[STORED] or now != self._asked:
            self._told[STORED] = 0
            self._asked, self._asked_at = now, (clock.nanos, core.cycles)
            return
        nanos, cycles = self._asked_at
        turn_ns, turn_cycles = clock.nanos - nanos, core.cycles - cycles
        if clock.has_scheduled_alarm and turn_ns > 0:
            turns = int(clock.nanos_to_next_alarm // turn_ns) - 1  # one less: the alarm rings in a turn that is run
            if turns > 0:
                clock.tick(turns * turn_ns)
                core.cycles += turns * turn_cycles
        self._asked_at = clock.nanos, core.cycles


def _only_alarms_change(address: int) -> bool:
    page, offset = address >> 12, address & 0xFFF
    return (page == _DMA_PAGE and offset < _DMA_CHANNELS_END) or _STATUS_OF_PAGE.get(page) == offset
