"""What a PIO block does without anybody noticing, compiled: counting down, looking at pads that have not changed.

Invariants: an instruction is run here only if it changes nothing but its own state machine's registers, and then as the
emulator's own state machine runs it; where the next one would move a pad, a FIFO, an interrupt or a wait, time stops
before that cycle. Cycles are left out only where two turns of PERIOD cycles have shown that nothing changes but
registers that count down evenly, and none of them gets near zero.
All compiled code is in one file, because numba's disk cache looks at the date of the caller's file alone.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MACHINES = 4
# A machine's row. DUE: in how many cycles its next instruction comes. STALLED: bit 0, a PULL that does not wait finds
# nothing and is on record as stalled; bit 1, a PUSH finds no room and is. ODD: has done what no countdown does.
(RUNS, DUE, PC, X, Y, OSR, ISR, OSR_COUNT, ISR_COUNT, EXEC_CTRL, SHIFT_CTRL, PIN_CTRL, STALLED, ODD) = range(14)
COLUMNS = 14
PULL_STALLED, PUSH_STALLED = 1, 2
# What all machines see: the pads' levels, and what the block drives
PADS, VALUES, DIRECTIONS = range(3)

PERIOD = 24  # a multiple of what the firmware's waiting loops take: 1, 3 and 8 cycles
_NEAR_ZERO = 64
_MOST_BEHIND = 7  # cycles: what is further behind the emulator writes off
_M32 = 0xFFFF_FFFF
_PINS = 0x3FFF_FFFF

_jit = njit(cache=True, error_model="numpy", _nrt=False)


@_jit
def _stays(driven, value, first, count):
    """Writing these pins would change nothing."""
    mask = np.int64(_M32) if count > 31 else ((np.int64(1) << count) - 1) << first
    return (driven & ~mask | value << first & mask) & _PINS == driven


@_jit
def _source(m, seen, source):
    """What IN and MOV read; -1 for what is not for here."""
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
    if source == 7:
        return m[OSR]
    return np.int64(-1)


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
def _act(m, program, seen):
    """One instruction (RP2040 datasheet 3.4); False, and nothing done, if it is not for here."""
    opcode = program[m[PC]]
    kind, arg, beside = opcode >> 13, opcode & 0xFF, opcode >> 8 & 31
    side_count, optional = m[PIN_CTRL] >> 29 & 7, m[EXEC_CTRL] >> 30 & 1
    delay = beside & (1 << (5 - side_count)) - 1
    if side_count and (not optional or beside & 0x10):
        driven = seen[DIRECTIONS] if m[EXEC_CTRL] >> 29 & 1 else seen[VALUES]
        if not _stays(driven, beside >> (5 - side_count), m[PIN_CTRL] >> 10 & 31, side_count - optional):
            return False
    after = m[EXEC_CTRL] >> 7 & 31 if m[PC] == m[EXEC_CTRL] >> 12 & 31 else m[PC] + 1 & 31
    if kind == 0:  # JMP
        if _jumps(m, seen, arg >> 5):
            after = arg & 31
    elif kind == 2:  # IN
        value = _source(m, seen, arg >> 5)
        if value < 0 or m[SHIFT_CTRL] >> 16 & 1:
            return False
        _shift_in(m, value, arg & 31)
    elif kind == 4:  # PUSH, PULL
        if arg & 0x7F or not m[STALLED] & (PULL_STALLED if arg else PUSH_STALLED):
            return False
        if arg:
            m[OSR], m[OSR_COUNT] = m[X], 0
        else:
            m[ISR], m[ISR_COUNT] = 0, 0
    elif kind == 5:  # MOV
        value, change, to = _source(m, seen, arg & 7), arg >> 3 & 3, arg >> 5
        if value < 0 or change > 1:
            return False
        if change:
            m[ODD], value = 1, ~value & _M32
        if to == 1:
            m[X] = value
        elif to == 2:
            m[Y] = value
        elif to == 5:
            m[ODD], after = 1, value & 31
        elif to == 6:
            m[ISR], m[ISR_COUNT] = value, 0
        elif to == 7:
            m[OSR], m[OSR_COUNT] = value, 0
        else:
            return False
    elif kind == 7:  # SET
        value, to = arg & 31, arg >> 5
        first, count = m[PIN_CTRL] >> 5 & 31, m[PIN_CTRL] >> 26 & 7
        if to == 1:
            m[X] = value
        elif to == 2:
            m[Y] = value
        elif (to != 0 and to != 4) or not _stays(seen[VALUES] if to == 0 else seen[DIRECTIONS], value, first, count):
            return False
    else:
        return False
    m[PC] = after
    m[DUE] += 1 + delay
    return True


@_jit
def _copy(to, rows):
    for i in range(MACHINES):
        for k in range(COLUMNS):
            to[i, k] = rows[i, k]


@_jit
def _cycles(rows, program, seen, kept, at, most):
    """Run cycles `at` + 1 to `at` + `most`, or as many as are for here; how many. A cycle runs whole or not at all."""
    for done in range(most):
        now = at + done + 1
        for i in range(MACHINES):
            if rows[i, RUNS] and rows[i, DUE] <= now:
                for k in range(COLUMNS):
                    kept[i, k] = rows[i, k]
                kept[i, RUNS] = 2
                if now - rows[i, DUE] > _MOST_BEHIND or not _act(rows[i], program, seen):
                    for j in range(i + 1):
                        if kept[j, RUNS] == 2:
                            for k in range(COLUMNS):
                                rows[j, k] = kept[j, k]
                            rows[j, RUNS] = 1
                    for j in range(MACHINES):
                        kept[j, RUNS] = 0
                    return done
        for i in range(MACHINES):
            kept[i, RUNS] = 0
    return most


@_jit
def _even_turns(first, second, third):
    """How many more turns go like the last two; 0 if they were not alike."""
    turns = np.int64(_M32)
    for i in range(MACHINES):
        if not third[i, RUNS]:
            continue
        if third[i, DUE] - second[i, DUE] != PERIOD or second[i, DUE] - first[i, DUE] != PERIOD:
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
def run(rows, program, seen, limit, kept, first, second):
    """Run up to `limit` cycles on `rows` (MACHINES x COLUMNS); how many of them were for here.

    `program`: 32 instructions; `seen`: PADS, VALUES, DIRECTIONS; `kept`, `first`, `second`: room for rows, at first
    zeros.
    """
    done = np.int64(0)
    while limit - done >= 4 * PERIOD:
        for i in range(MACHINES):
            rows[i, ODD] = 0
        for turn in range(2):
            _copy(second if turn else first, rows)
            ran = _cycles(rows, program, seen, kept, done, PERIOD)
            done += ran
            if ran < PERIOD:
                return done
        turns = min(_even_turns(first, second, rows), (limit - done) // PERIOD)
        if turns > 0:
            for i in range(MACHINES):
                for k in (X, Y, OSR, ISR):
                    rows[i, k] -= turns * (second[i, k] - rows[i, k])
                rows[i, DUE] += turns * PERIOD
            done += turns * PERIOD
    return done + _cycles(rows, program, seen, kept, done, limit - done)
