"""The words of `step_generator` and `depth_gate` run cycle by cycle in every order that time allows, compiled.

Independent of the simulator's twins and of the chip emulator: an interpreter of the assembled instructions as RP2040
datasheet 3.4 has them. Invariant: an instruction that it does not know ends the search with UNKNOWN; none is guessed.

A cycle: both programs see the pads as they were PADS cycles before and the flags as the cycle before left them
(`merged` flags: the second also sees what the first does in this cycle, as in the chip emulator), then the outputs
change. What is free in every cycle is told in `Choice` bits. Words come from a table; the FIFO is never short of one
unless the choice says so, and a word that comes late stands for every longer period.
All compiled code is in this file, because numba's disk cache looks at the date of the caller's file alone.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# what a cycle can break
RULES = 11
PAST_CEILING, COUNT, DIRECTION, HIGH, LOW, SETUP, HOLD, LATE, LOST, CLASH, UNKNOWN = (
    1 << bit for bit in range(RULES))
# a choice: the EN_N pad high by whatever cause; no word in the FIFO; an instruction of the CPU forced on the depth
# gate (on the generator), which holds up what it does by a cycle, or cuts its delay short as well
EN_HIGH, NO_WORD, READ, READ_CUT, READ_GENERATOR, READ_GENERATOR_CUT = 1, 2, 4, 8, 16, 32

MACHINE_FIELDS = 6
PC, DELAY, X, Y, WORD, SHIFTED = range(MACHINE_FIELDS)
_GATE = MACHINE_FIELDS
(FLAGS, STEP, DIR, EN, EN_1, EN_2, DIR_1, DIR_2, RISE, FALL, TURN, OFF, TAKEN, STEPS, NET) = range(12, 27)
FIELDS = 27
# what the programs are: per machine (generator, gate) words, then what the last row holds
TARGET, END, SIDE = range(3)
CONFIG = 32
PROGRAM_COLUMNS = 35
LONGEST = 40  # cycles: where timers stand at the latest
_M32 = 0xFFFFFFFF
# figures gathered: the shortest of the first five, the longest of the last
F_HIGH, F_LOW, F_SETUP, F_HOLD, F_EDGES, F_LATE = range(6)
FIGURES = 6

_jit = njit(cache=True, error_model="numpy")


@_jit
def start(state, ceiling, longest):
    """Both programs at their first instruction, as `arm` leaves them: X the ceiling, EN_N low, nothing asked for."""
    state[:] = 0
    state[X] = _M32
    state[_GATE + X] = ceiling
    state[RISE] = state[FALL] = state[TURN] = longest


@_jit
def _see(state, pads, fresh, late):
    return state[late] if pads else fresh


@_jit
def _execute(state, at, program, words, count, choice, pads, flags, out):
    """One instruction of the machine whose row begins at `at`. out: flags set, cleared, DIR, EN_N, STEP, stalled."""
    code = program[state[at + PC]]
    kind, arg, delay_side = code >> 13, code & 0xFF, code >> 8 & 31
    out[:] = (0, 0, -1, -1, -1, 0)
    delay = delay_side
    if program[CONFIG + SIDE]:
        delay = delay_side & 7
        if delay_side & 16:
            out[4] = delay_side >> 3 & 1
    following = state[at + PC] + 1
    if state[at + PC] == program[CONFIG + END]:
        following = program[CONFIG + TARGET]
    broken = 0
    if kind == 0:
        condition, taken = arg >> 5, True
        if condition == 2:
            taken = state[at + X] != 0
            state[at + X] = state[at + X] - 1 & _M32
        elif condition == 4:
            taken = state[at + Y] != 0
            state[at + Y] = state[at + Y] - 1 & _M32
        elif condition == 6:
            taken = _see(state, pads, state[DIR], DIR_2) == 1
        elif condition != 0:
            broken = UNKNOWN
        if taken:
            following = arg & 31
    elif kind == 1:
        level, source, index = arg >> 7, arg >> 5 & 3, arg & 31
        if source == 1 and index == 0:
            pad = state[EN] | (choice & EN_HIGH)
            if _see(state, pads, pad, EN_2) != level:
                out[5] = 1
        elif source == 2 and index < 8:
            if flags >> index & 1 != level:
                out[5] = 1
            elif level:
                out[1] |= 1 << index
        else:
            broken = UNKNOWN
    elif kind == 3:
        target, bits = arg >> 5, arg & 31
        held = words[state[at + WORD] - 1] if state[at + WORD] else 0
        value = held << state[at + SHIFTED] & _M32
        if bits == 0 or state[at + SHIFTED] + bits > 32:
            broken = UNKNOWN
        else:
            value >>= 32 - bits
            state[at + SHIFTED] += bits
            if target == 1:
                state[at + X] = value
            elif target == 0 and at == 0:
                out[2] = value
            else:
                broken = UNKNOWN
    elif kind == 4:
        if arg != 0xA0 or at:
            broken = UNKNOWN
        elif state[TAKEN] == count or choice & NO_WORD:
            out[5] = 1
        else:
            state[TAKEN] += 1
            state[at + WORD] = state[TAKEN]
            state[at + SHIFTED] = 0
    elif kind == 5:
        if arg == 0x29:
            state[at + X] ^= _M32
        elif arg != 0x42:
            broken = UNKNOWN
    elif kind == 6:
        if arg & 0xF8:
            broken = UNKNOWN
        else:
            out[0] |= 1 << (arg & 7)
    elif kind == 7:
        if arg >> 5 == 2:
            state[at + Y] = arg & 31
        elif arg >> 5 == 0 and at:
            out[3] = arg & 31
        else:
            broken = UNKNOWN
    else:
        broken = UNKNOWN
    if not out[5]:
        state[at + PC] = following
        state[at + DELAY] = delay
    return broken


@_jit
def _machine(state, at, program, words, count, choice, pads, flags, out):
    """A cycle of one machine: held up by a forced instruction, a delay, or an instruction."""
    read, cut = (READ, READ_CUT) if at else (READ_GENERATOR, READ_GENERATOR_CUT)
    out[:] = (0, 0, -1, -1, -1, 0)
    if choice & (read | cut):
        if choice & cut:
            state[at + DELAY] = 0
        return 0
    if state[at + DELAY]:
        state[at + DELAY] -= 1
        return 0
    return _execute(state, at, program, words, count, choice, pads, flags, out)


@_jit
def cycle(state, programs, words, count, ceiling, choice, pads, merged, limits, figures, one, two):
    """Go on by a cycle; what it broke. `limits` in cycles: the driver's shortest STEP high, STEP
    low, DIR before and after an edge, how late an edge may come after EN_N has gone high, and where timers stand."""
    en_pad = state[EN] | (choice & EN_HIGH)
    flags = state[FLAGS]
    broken = _machine(state, 0, programs[0], words, count, choice, pads, flags, one)
    seen = (flags | one[0]) & ~one[1] if merged else flags
    broken |= _machine(state, _GATE, programs[1], words, count, choice, pads, seen, two)
    if (one[0] & two[1] or two[0] & one[1]) and not merged:
        broken |= CLASH
    if (one[0] & flags & ~two[1] | two[0] & flags & ~one[1]) >> 4:
        broken |= LOST  # a flag between the two that is up already: two requests in one
    if merged:
        flags = (seen | two[0]) & ~two[1]
    else:
        flags = (flags | one[0] | two[0]) & ~one[1] & ~two[1]
    state[FLAGS] = flags
    state[EN_2], state[EN_1] = state[EN_1], en_pad
    state[DIR_2], state[DIR_1] = state[DIR_1], state[DIR]
    for timer in (RISE, FALL, TURN):
        state[timer] = min(state[timer] + 1, limits[5])
    state[OFF] = min(state[OFF] + 1, limits[5]) if en_pad else 0
    if two[3] >= 0:
        state[EN] = two[3]
    if one[2] >= 0 and one[2] != state[DIR]:
        state[DIR] = one[2]
        if state[RISE] < limits[5]:
            figures[F_HOLD] = min(figures[F_HOLD], state[RISE])
        if state[RISE] < limits[3]:
            broken |= HOLD
        state[TURN] = 0
    if two[4] >= 0 and two[4] != state[STEP]:
        state[STEP] = two[4]
        if two[4]:
            broken |= _edge(state, words, count, ceiling, limits, figures)
        else:
            figures[F_HIGH] = min(figures[F_HIGH], state[RISE])
            if state[RISE] < limits[0]:
                broken |= HIGH
            state[FALL] = 0
    return broken


@_jit
def _edge(state, words, count, ceiling, limits, figures):
    """A rising edge of STEP: the driver counts by DIR, as it is now."""
    broken = 0
    if state[STEPS] == count:
        broken |= LOST
    elif words[state[STEPS]] & 1 != state[DIR]:
        broken |= DIRECTION
    state[STEPS] = min(state[STEPS] + 1, count)
    state[NET] += 1 if state[DIR] else -1
    if state[NET] > ceiling:
        broken |= PAST_CEILING
    if (state[_GATE + X] - (ceiling - state[NET])) & _M32:
        broken |= COUNT
    figures[F_LOW] = min(figures[F_LOW], state[FALL])
    figures[F_SETUP] = min(figures[F_SETUP], state[TURN])
    figures[F_EDGES] = min(figures[F_EDGES], state[RISE])
    figures[F_LATE] = max(figures[F_LATE], state[OFF])
    if state[FALL] < limits[1]:
        broken |= LOW
    if state[TURN] < limits[2]:
        broken |= SETUP
    if state[OFF] > limits[4]:
        broken |= LATE
    state[RISE] = 0
    return broken


@_jit
def ended(state, words, count, ceiling):
    """What is broken where nothing goes on by itself: every word is a step, or the next one was refused for good."""
    if state[EN]:
        done = state[STEPS]
        refused = done < count and words[done] & 1 and state[NET] == ceiling and state[_GATE + X] == _M32
        return 0 if refused else LOST
    return 0 if state[STEPS] == count and state[TAKEN] == count else LOST


@_jit
def _still(state, programs, words, count, ceiling, pads, merged, limits, figures):
    """What is broken in the end, if these two stand still or in a loop of two cycles, which is a refused step's."""
    key, after, other = np.zeros(2, np.int64), np.zeros(2, np.int64), state.copy()
    one, two = np.zeros(6, np.int64), np.zeros(6, np.int64)
    _pack(state, key)
    for _ in range(2):
        cycle(other, programs, words, count, ceiling, 0, pads, merged, limits, figures, one, two)
    _pack(other, after)
    return ended(state, words, count, ceiling) if key[0] == after[0] and key[1] == after[1] else 0


@_jit
def _pack(state, key):
    """All of a state in two words; False if a register is not as small as it ought to be."""
    x, y, gate_x, gate_y = state[X] + 1 & _M32, state[Y], state[_GATE + X] + 16 & _M32, state[_GATE + Y] + 1 & _M32
    if x > 255 or y or gate_x > 31 or gate_y > 63 or not -8 <= state[NET] < 8:
        return False
    value = state[PC]
    value = value << 5 | state[DELAY]
    value = value << 8 | x
    value = value << 6 | state[SHIFTED]
    value = value << 3 | state[WORD]
    value = value << 3 | state[TAKEN]
    value = value << 3 | state[STEPS]
    value = value << 4 | state[NET] + 8
    value = value << 8 | state[FLAGS]
    value = value << 6 | state[OFF]
    key[0] = value
    value = state[_GATE + PC]
    value = value << 5 | state[_GATE + DELAY]
    value = value << 5 | gate_x
    value = value << 6 | gate_y
    for field in (STEP, DIR, EN, EN_1, EN_2, DIR_1, DIR_2):
        value = value << 1 | state[field]
    for field in (RISE, FALL, TURN):
        value = value << 6 | state[field]
    key[1] = value
    return True


@_jit
def _unpack(key, state):
    value = key[0]
    state[OFF], value = value & 63, value >> 6
    state[FLAGS], value = value & 255, value >> 8
    state[NET], value = (value & 15) - 8, value >> 4
    state[STEPS], value = value & 7, value >> 3
    state[TAKEN], value = value & 7, value >> 3
    state[WORD], value = value & 7, value >> 3
    state[SHIFTED], value = value & 63, value >> 6
    state[X], value = (value & 255) - 1 & _M32, value >> 8
    state[DELAY], state[PC] = value & 31, value >> 5
    state[Y] = state[_GATE + WORD] = state[_GATE + SHIFTED] = 0
    value = key[1]
    for field in (TURN, FALL, RISE):
        state[field], value = value & 63, value >> 6
    for field in (DIR_2, DIR_1, EN_2, EN_1, EN, DIR, STEP):
        state[field], value = value & 1, value >> 1
    state[_GATE + Y], value = (value & 63) - 1 & _M32, value >> 6
    state[_GATE + X], value = (value & 31) - 16 & _M32, value >> 5
    state[_GATE + DELAY], state[_GATE + PC] = value & 31, value >> 5


@_jit
def _place(table, key):
    """Where in the open hash table a key is, or the free place where it goes."""
    size = len(table)
    mixed = (key[0] ^ key[0] >> 29) * np.int64(0x5851F42D4C957F2D)
    mixed ^= (key[1] ^ key[1] >> 31) * np.int64(0x14057B7EF767814F)
    at = (mixed ^ mixed >> 32) & (size - 1)
    while table[at, 1] >= 0 and (table[at, 0] != key[0] or table[at, 1] != key[1]):
        at = at + 1 & (size - 1)
    return at


@_jit
def explore(programs, words, ceiling, pads, merged, limits, free, table, stack, figures):
    """Every state that any course of the `free` choices leads to, as far as the first fault. Answers (states,
    transitions, transitions that break each rule, whether `table` and `stack` were large enough)."""
    count = len(words)
    state, key = np.zeros(FIELDS, np.int64), np.zeros(2, np.int64)
    before, one, two = np.zeros(2, np.int64), np.zeros(6, np.int64), np.zeros(6, np.int64)
    found = np.zeros(RULES, np.int64)
    table[:, 1] = -1
    start(state, ceiling, limits[5])
    _pack(state, key)
    table[_place(table, key)] = key
    stack[0] = key
    height, states, transitions = 1, 1, 0
    choices = _choices(free)
    while height:
        height -= 1
        before[:] = stack[height]
        for choice in choices:
            _unpack(before, state)
            if choice & NO_WORD and state[TAKEN] == count:
                continue
            if choice & (READ_GENERATOR | READ_GENERATOR_CUT) and state[TAKEN] < count:
                continue
            transitions += 1
            broken = cycle(state, programs, words, count, ceiling, choice, pads, merged, limits, figures, one, two)
            if not _pack(state, key):
                broken |= UNKNOWN
            if choice == 0 and not broken and state[RISE] == limits[5]:
                broken |= _still(state, programs, words, count, ceiling, pads, merged, limits, figures)
            if broken:
                for bit in range(RULES):
                    found[bit] += broken >> bit & 1
                continue  # what follows a fault is no news
            at = _place(table, key)
            if table[at, 1] < 0:
                if states * 2 > len(table) or height == len(stack):
                    return states, transitions, found, False
                table[at] = key
                stack[height] = key
                height += 1
                states += 1
    return states, transitions, found, True


@_jit
def _choices(free):
    """All combinations of the free choices in which no two are one instruction of the CPU in two ways."""
    several = [0]
    for choice in range(1, 64):
        reads = (choice >> 2 & 1) + (choice >> 3 & 1) + (choice >> 4 & 1) + (choice >> 5 & 1)
        if choice & ~free == 0 and reads < 2:
            several.append(choice)
    return np.array(several)


@_jit
def pulses(programs, words, ceiling, pads, merged, limits, longest, table, told, figures):
    """One EN_N pulse of 1 to `longest` cycles at every cycle of a run. Answers (runs, cycles gone through, runs
    that break each rule, runs that break any)."""
    count = len(words)
    state, other, tail = np.zeros(FIELDS, np.int64), np.zeros(FIELDS, np.int64), np.zeros(FIELDS, np.int64)
    key, before, earlier = np.zeros(2, np.int64), np.zeros(2, np.int64), np.full(2, -1)
    one, two = np.zeros(6, np.int64), np.zeros(6, np.int64)
    found, way = np.zeros(RULES, np.int64), np.zeros(4096, np.int64)
    table[:, 1] = -1
    runs, cycles, broken_runs, prefix = 0, 0, 0, 0
    start(state, ceiling, limits[5])
    while True:
        other[:] = state
        sofar = prefix
        for _ in range(longest):
            sofar |= cycle(other, programs, words, count, ceiling, EN_HIGH, pads, merged, limits, figures, one, two)
            cycles += 1
            tail[:] = other
            rest, length = 0, 0
            while True:
                if not _pack(tail, key) or length == len(way):
                    rest |= UNKNOWN
                    break
                at = _place(table, key)
                if table[at, 1] >= 0:
                    rest |= told[at]
                    break
                table[at] = key
                told[at] = 0
                way[length] = at
                length += 1
                told[at] = cycle(
                    tail, programs, words, count, ceiling, 0, pads, merged, limits, figures, one, two)
                cycles += 1
            # where it comes back to a state of its own it stands still, or is in the loop of a refused step
            if rest == 0 and length and not told[way[length - 1]]:
                told[way[length - 1]] |= _still(tail, programs, words, count, ceiling, pads, merged, limits, figures)
            for i in range(length - 1, -1, -1):
                rest |= told[way[i]]
                told[way[i]] = rest
            runs += 1
            whole = sofar | rest
            broken_runs += whole != 0
            for bit in range(RULES):
                found[bit] += whole >> bit & 1
        _pack(state, key)
        if key[0] == earlier[0] and key[1] == earlier[1]:
            return runs, cycles, found, broken_runs
        earlier[:], before[:] = before, key
        prefix |= cycle(state, programs, words, count, ceiling, 0, pads, merged, limits, figures, one, two)
        cycles += 1
