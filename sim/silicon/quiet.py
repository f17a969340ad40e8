"""What a PIO block does without anybody noticing, compiled: counting down, looking at pads, waiting for each other.

Invariants: an instruction is run here only if it changes nothing but state machines' registers and the flags that they
wait for, and then as the emulator's own state machine runs it; where the next one would move a pad, a FIFO or an
interrupt, time stops before that cycle. Cycles are left out only where two turns of PERIOD cycles have shown that
nothing changes but registers that count down evenly, and none of them gets near zero.
All compiled code is in one file, because numba's disk cache looks at the date of the caller's file alone.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MACHINES = 4
# A machine's row. RUNS: enabled. DUE: the cycle in which its next instruction comes. STALLED: bit 0, a PULL that does
# not wait finds nothing and is on record as stalled; bit 1, a PUSH finds no room and is. WAIT: for what it waits.
# HELD: it waits now. WAITED: since the table was filled it has waited, or stopped to. ODD: it has done what no
# countdown does.
(RUNS, DUE, PC, X, Y, OSR, ISR, OSR_COUNT, ISR_COUNT, EXEC_CTRL, HELD, WAIT, WAIT_INDEX, WAIT_POLARITY, WAIT_DELAY,
 SHIFT_CTRL, PIN_CTRL, STALLED, WAITED, ODD) = range(20)
COLUMNS = 20
PULL_STALLED, PUSH_STALLED = 1, 2
WAIT_PIN, WAIT_IRQ = 1, 4  # the emulator's numbers
# What all machines see: the pads' levels, what the block drives, its flags, and whether flags can interrupt the CPU
PADS, VALUES, DIRECTIONS, FLAGS, INTERRUPTS = range(5)
# A block is one table, because each argument of compiled code costs as much as a hundred cycles run there: the
# machines' rows, twice room for them, the 32 instructions, what all see
PROGRAM, SEEN = 3 * MACHINES, 3 * MACHINES + 1
ROWS, WIDTH = SEEN + 1, 32

PERIOD = 24  # a multiple of what the firmware's waiting loops take: 1, 3 and 8 cycles
_NEAR_ZERO = 64
_MOST_BEHIND = 7  # cycles: what is further behind the emulator writes off
_M32 = 0xFFFF_FFFF
_PINS = 0x3FFF_FFFF
_LAST_PIN = 29
_STALLED_BY_CPU = 1 << 31  # EXEC_CTRL

_jit = njit(cache=True, error_model="numpy", _nrt=False)


@_jit
def _stays(driven, value, first, count):
    """Writing these pins would change nothing."""
    mask = np.int64(_M32) if count > 31 else ((np.int64(1) << count) - 1) << first
    return (driven & ~mask | value << first & mask) & _PINS == driven


@_jit
def _source(m, seen, source):
    """What IN and MOV read."""
    if source == 0:
        base = m[PIN_CTRL] >> 15 & 31
        return (seen[PADS] << (32 - base) | seen[PADS] >> base) & _M32 if base else seen[PADS]
    if source == 1:
        return m[X]
    if source == 2:
        return m[Y]
    if source == 3:
        return np.int64(0)
    if source == 6:
        return m[ISR]
    return m[OSR]


@_jit
def _jumps(m, seen, condition):
    """Whether a JMP is taken; X and Y count down as they are asked."""
    if condition == 0:
        return True
    if condition == 1:
        return m[X] == 0
    if condition == 2:
        x = m[X]
        m[X] = x - 1 & _M32
        return x != 0
    if condition == 3:
        return m[Y] == 0
    if condition == 4:
        y = m[Y]
        m[Y] = y - 1 & _M32
        return y != 0
    if condition == 5:
        m[ODD] = 1
        return m[X] != m[Y]
    if condition == 6:
        return seen[PADS] >> (m[EXEC_CTRL] >> 24 & 31) & 1 == 1
    threshold = m[SHIFT_CTRL] >> 25 & 31
    return m[OSR_COUNT] < (threshold if threshold else 32)


@_jit
def _shift_in(m, value, bits):
    m[ODD] = 1
    if bits == 0:
        m[ISR], m[ISR_COUNT] = value, 32
        return
    value &= (1 << bits) - 1
    if m[SHIFT_CTRL] >> 18 & 1:
        m[ISR] = m[ISR] >> bits | value << (32 - bits)
    else:
        m[ISR] = m[ISR] << bits & _M32 | value
    m[ISR_COUNT] = min(m[ISR_COUNT] + bits, 32)


@_jit
def _shifted(m, bits):
    """What an OUT of so many bits puts out."""
    if bits == 0:
        return m[OSR]
    return m[OSR] & (np.int64(1) << bits) - 1 if m[SHIFT_CTRL] >> 19 & 1 else m[OSR] >> 32 - bits


@_jit
def _flag(machine, arg):
    """The flag that an instruction of `machine` means."""
    return arg & 4 | (arg & 3) + machine & 3 if arg & 16 else arg & 7


@_jit
def _for_here(m, machine, program, seen):
    """Whether the next instruction changes nothing that anybody but state machines could tell."""
    opcode = program[m[PC]]
    kind, arg, beside = opcode >> 13, opcode & 0xFF, opcode >> 8 & 31
    side_count, optional = m[PIN_CTRL] >> 29 & 7, m[EXEC_CTRL] >> 30 & 1
    if side_count and (not optional or beside & 0x10):
        driven = seen[DIRECTIONS] if m[EXEC_CTRL] >> 29 & 1 else seen[VALUES]
        if not _stays(driven, beside >> (5 - side_count), m[PIN_CTRL] >> 10 & 31, side_count - optional):
            return False
    if kind == 0:  # JMP
        return True
    if kind == 1:  # WAIT
        if arg >> 5 & 3 == 0:
            return arg & 31 <= _LAST_PIN
        if arg >> 5 & 3 == 1:
            return (arg & 31) + (m[PIN_CTRL] >> 15 & 31) & 31 <= _LAST_PIN
        return arg >> 5 & 3 == 2
    if kind == 2:  # IN
        return arg >> 5 != 4 and arg >> 5 != 5 and not m[SHIFT_CTRL] >> 16 & 1
    if kind == 3:  # OUT
        if m[SHIFT_CTRL] >> 17 & 1 or arg >> 5 > 3:
            return False
        return arg >> 5 or _stays(seen[VALUES], _shifted(m, arg & 31), m[PIN_CTRL] & 31, m[PIN_CTRL] >> 20 & 63)
    if kind == 4:  # PUSH, PULL
        return not arg & 0x7F and m[STALLED] & (PULL_STALLED if arg else PUSH_STALLED) != 0
    if kind == 5:  # MOV
        source, to = arg & 7, arg >> 5
        return source != 4 and source != 5 and arg >> 3 & 3 < 2 and (to == 1 or to == 2 or to >= 5)
    if kind == 6:  # IRQ
        return not arg & 0x80 and not seen[INTERRUPTS]
    to = arg >> 5  # SET
    if to == 0 or to == 4:
        return _stays(
            seen[VALUES] if to == 0 else seen[DIRECTIONS], arg & 31, m[PIN_CTRL] >> 5 & 31, m[PIN_CTRL] >> 26 & 7)
    return to == 1 or to == 2


@_jit
def _next(m):
    return m[EXEC_CTRL] >> 7 & 31 if m[PC] == m[EXEC_CTRL] >> 12 & 31 else m[PC] + 1 & 31


@_jit
def _look(m, seen, now):
    """Whether what a machine waits for is there: then it goes on. A flag that it has waited for is cleared."""
    index = m[WAIT_INDEX]
    if m[WAIT] == WAIT_IRQ:
        if seen[FLAGS] >> index & 1 != m[WAIT_POLARITY]:
            return
        if m[WAIT_POLARITY]:
            seen[FLAGS] &= ~(np.int64(1) << index)
    elif m[WAIT] != WAIT_PIN or index > _LAST_PIN or seen[PADS] >> index & 1 != m[WAIT_POLARITY]:
        return
    m[HELD], m[WAITED] = 0, 1
    m[PC] = _next(m)
    m[EXEC_CTRL] &= ~_STALLED_BY_CPU
    m[DUE] = now + 1 + m[WAIT_DELAY]


@_jit
def _wait(m, seen, now, what, index, polarity, delay):
    m[HELD], m[WAITED] = 1, 1
    m[WAIT], m[WAIT_INDEX], m[WAIT_POLARITY], m[WAIT_DELAY] = what, index, polarity, delay
    m[DUE] += 1
    _look(m, seen, now)


@_jit
def _act(rows, machine, program, seen, now):
    """One instruction that is for here (RP2040 datasheet 3.4)."""
    m = rows[machine]
    opcode = program[m[PC]]
    kind, arg, beside = opcode >> 13, opcode & 0xFF, opcode >> 8 & 31
    delay = beside & (1 << (5 - (m[PIN_CTRL] >> 29 & 7))) - 1
    after = _next(m)
    if kind == 0:  # JMP
        if _jumps(m, seen, arg >> 5):
            after = arg & 31
    elif kind == 1:  # WAIT
        m[ODD] = 1
        if arg >> 5 & 3 == 2:
            _wait(m, seen, now, WAIT_IRQ, _flag(machine, arg), arg >> 7, delay)
        else:
            base = m[PIN_CTRL] >> 15 & 31 if arg >> 5 & 3 else 0
            _wait(m, seen, now, WAIT_PIN, (arg & 31) + base & 31, arg >> 7, delay)
        return
    elif kind == 2:  # IN
        _shift_in(m, _source(m, seen, arg >> 5), arg & 31)
    elif kind == 3:  # OUT
        m[ODD] = 1
        bits, value = arg & 31, _shifted(m, arg & 31)
        if bits:
            m[OSR] = m[OSR] >> bits if m[SHIFT_CTRL] >> 19 & 1 else m[OSR] << bits & _M32
        m[OSR_COUNT] = min(m[OSR_COUNT] + bits, 32) if bits else 32
        if arg >> 5 == 1:
            m[X] = value
        elif arg >> 5 == 2:
            m[Y] = value
    elif kind == 4:  # PUSH, PULL
        if arg:
            m[OSR], m[OSR_COUNT] = m[X], 0
        else:
            m[ISR], m[ISR_COUNT] = 0, 0
    elif kind == 5:  # MOV
        value, to = _source(m, seen, arg & 7), arg >> 5
        if arg >> 3 & 3:
            m[ODD], value = 1, ~value & _M32
        if to == 1:
            m[X] = value
        elif to == 2:
            m[Y] = value
        elif to == 5:
            m[ODD], after = 1, value & 31
        elif to == 6:
            m[ISR], m[ISR_COUNT] = value, 0
        else:
            m[OSR], m[OSR_COUNT] = value, 0
    elif kind == 6:  # IRQ
        m[ODD] = 1
        flag = _flag(machine, arg)
        if arg & 0x40:
            seen[FLAGS] &= ~(np.int64(1) << flag)
        else:
            seen[FLAGS] |= np.int64(1) << flag
        for i in range(MACHINES):
            if rows[i, HELD]:
                _look(rows[i], seen, now)
        if arg & 0x60 == 0x20:
            _wait(m, seen, now, WAIT_IRQ, flag, 0, delay)
            return
    elif arg >> 5 == 1:  # SET; one of pins changes nothing here
        m[X] = arg & 31
    elif arg >> 5 == 2:
        m[Y] = arg & 31
    m[PC] = after
    m[DUE] += 1 + delay


@_jit
def _copy(to, rows):
    for i in range(MACHINES):
        for k in range(COLUMNS):
            to[i, k] = rows[i, k]


@_jit
def _cycles(rows, program, seen, at, most):
    """Run cycles `at` + 1 to `at` + `most`, or as many as are for here; how many. A cycle runs whole or not at all."""
    end = at + most
    now = at
    while True:
        soonest = end + 1
        for i in range(MACHINES):
            if rows[i, RUNS] and not rows[i, HELD]:
                soonest = min(soonest, rows[i, DUE])
        now = max(now + 1, soonest)
        if now > end:
            return most
        for i in range(MACHINES):
            due = rows[i, RUNS] and not rows[i, HELD] and rows[i, DUE] <= now
            if due and (now - rows[i, DUE] > _MOST_BEHIND or not _for_here(rows[i], i, program, seen)):
                return now - 1 - at
        for i in range(MACHINES):
            if rows[i, RUNS] and not rows[i, HELD] and rows[i, DUE] <= now:
                _act(rows, i, program, seen, now)


@_jit
def _even_turns(first, second, third):
    """How many more turns go like the last two; 0 if they were not alike."""
    turns = np.int64(_M32)
    for i in range(MACHINES):
        if first[i, HELD] != second[i, HELD] or second[i, HELD] != third[i, HELD]:
            return np.int64(0)
        if not third[i, RUNS] and not third[i, HELD]:
            continue
        turn = 0 if third[i, HELD] else PERIOD
        if third[i, DUE] - second[i, DUE] != turn or second[i, DUE] - first[i, DUE] != turn:
            return np.int64(0)
        for k in (PC, OSR_COUNT, ISR_COUNT):
            if first[i, k] != second[i, k] or second[i, k] != third[i, k]:
                return np.int64(0)
        for k in (X, Y, OSR, ISR):
            step = second[i, k] - third[i, k]
            if step != first[i, k] - second[i, k] or step < 0 or (step and third[i, ODD]):
                return np.int64(0)
            if step:
                turns = min(turns, (third[i, k] - _NEAR_ZERO) // step)
    return max(turns, 0)


@_jit
def run(table, at, limit):
    """Run up to `limit` cycles after cycle `at` on a block's table (ROWS x WIDTH); how many of them were for here."""
    rows = table[:MACHINES]
    first, second = table[MACHINES : 2 * MACHINES], table[2 * MACHINES : PROGRAM]
    program, seen = table[PROGRAM], table[SEEN]
    done = np.int64(0)
    while limit - done >= 4 * PERIOD:
        for i in range(MACHINES):
            rows[i, ODD] = 0
        flags, even = seen[FLAGS], True
        for turn in range(2):
            _copy(second if turn else first, rows)
            ran = _cycles(rows, program, seen, at + done, PERIOD)
            done += ran
            if ran < PERIOD:
                return done
            if seen[FLAGS] != flags:
                even = False
        turns = min(_even_turns(first, second, rows), (limit - done) // PERIOD)
        if even and turns > 0:
            for i in range(MACHINES):
                if rows[i, RUNS] and not rows[i, HELD]:
                    for k in (X, Y, OSR, ISR):
                        rows[i, k] -= turns * (second[i, k] - rows[i, k])
                    rows[i, DUE] += turns * PERIOD
            done += turns * PERIOD
    return done + _cycles(rows, program, seen, at + done, limit - done)
