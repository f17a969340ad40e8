"""The gate: the last word on every microstep belongs to four programs in PIO0, not to Python.

Invariants:
- STEP is driven by `depth_gate` alone, and only while the EN_N pad reads low.
- A program can only disable: each of them writes EN_N high and nothing else. `Gate.arm` is the one place that
  writes it low, through the depth gate's state machine, so that a dead-man or an interlock that has latched
  wins the same cycle (in a PIO block the highest state machine number wins a clash).
- Scratch X of `depth_gate` holds the microsteps left to the ceiling and is the truth about position commands.
- After construction nothing here allocates, except to raise.

All times in PIO cycles count at 125 MHz (8 ns), clock divider 1.
"""
# The names of PIO registers and instructions come from the decorator (`set` is not Python's), and the stubs of
# rp2.DMA lack its attributes.
# ruff: noqa: F821
# pyright: reportUndefinedVariable=false, reportCallIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false

from array import array

import micropython
import registers
import rp2
import slots
import uctypes
from machine import Pin, mem32
from micropython import const

PIO_HZ = 125000000
DEAD_MAN_MS = const(50)
MAX_CEILING_STEPS = const(4000)  # 5 mm: more than the travel between the mechanical stops

# Cycles `step_generator` spends on a word besides its count: 6 instructions and the delays written beside them.
_OVERHEAD_CYCLES = const(40)
MIN_PERIOD_CYCLES = _OVERHEAD_CYCLES
MAX_PERIOD_CYCLES = (1 << 29) - 1 + _OVERHEAD_CYCLES  # keeps every word within a small int

_PIO0_TXF0 = const(0x50200010)  # RP2040 datasheet 3.7
_PIO0_IRQ = const(0x50200030)
_STEP_OVER = const(1 << 5)  # the flag that depth_gate raises
_DREQ_PIO0_TX0 = const(0)  # RP2040 datasheet 2.5.3.1
_BLOCK_WORDS = const(4)


@rp2.asm_pio(out_init=rp2.PIO.OUT_LOW, out_shiftdir=rp2.PIO.SHIFT_LEFT)
def step_generator():
    """One word a step: bits 31..1 are the count, bit 0 is the direction (1 outward). Requests, never steps."""
    pull()
    out(x, 31)[31]
    label("delay")
    jmp(x_dec, "delay")
    wait(1, irq, 5)  # the step before must be over, however long EN_N held it up: only then may DIR change
    out(pins, 1)[3]  # past the input synchroniser, so that the gate judges this DIR
    irq(4)


@rp2.asm_pio(sideset_init=rp2.PIO.OUT_LOW, set_init=rp2.PIO.OUT_HIGH)
def depth_gate():
    """Turn a request into a step, or refuse it for good."""
    irq(5).side(0)  # the step is over; at the start, ready for the first
    wait(1, irq, 4)
    wait(0, pin, 0)  # a drive that is off gets no pulse, and X stays true
    jmp(pin, "outward")
    mov(x, invert(x))  # inward: x + 1 is the complement of (complement of x) - 1
    jmp(x_dec, "complement")
    label("complement")
    mov(x, invert(x))
    label("step")
    set(y, 13).side(1)  # loops, not delays: an instruction forced by the CPU can only lengthen them
    label("high")
    jmp(y_dec, "high")
    set(y, 5).side(0)
    label("low")
    jmp(y_dec, "low")
    wrap()
    label("outward")
    jmp(x_dec, "step")[2]  # as long as the inward path, so that a reversal shifts no edge
    irq(0)
    label("trip")
    set(pins, 1)
    jmp("trip")


@rp2.asm_pio(set_init=rp2.PIO.OUT_HIGH)
def dead_man():
    """Count down from the last heartbeat word, three cycles a count; at zero EN_N goes high and stays."""
    label("alive")
    pull(noblock)  # without a new word this copies X back
    mov(x, osr)
    jmp(x_dec, "alive")
    wrap_target()
    set(pins, 1)
    wrap()


@rp2.asm_pio(set_init=rp2.PIO.OUT_HIGH)
def interlock():
    """Once the loop has been open for one sample EN_N is high and stays."""
    wait(0, pin, 0)
    wrap_target()
    set(pins, 1)
    wrap()


# `exec` of a string assembles at run time (3.3 ms); of an int it takes 12 us.
_PULL = rp2.asm_pio_encode("pull(noblock)", 0)
_PUSH = rp2.asm_pio_encode("push(noblock)", 0)
_X_FROM_OSR = rp2.asm_pio_encode("mov(x, osr)", 0)
_ISR_FROM_X = rp2.asm_pio_encode("mov(isr, x)", 0)
_X_ALL_ONES = rp2.asm_pio_encode("mov(x, invert(null))", 0)
_DROP_REQUEST = rp2.asm_pio_encode("irq(clear, 4)", 0)
_SAY_OVER = rp2.asm_pio_encode("irq(5)", 0)
_DROP_TRIP = rp2.asm_pio_encode("irq(clear, 0)", 0)
_ENABLE = rp2.asm_pio_encode("set(pins, 0)", 0)
_DISABLE = rp2.asm_pio_encode("set(pins, 1)", 0)

_HEARTBEAT = const(2083332)  # (word + 1) * 3 cycles = DEAD_MAN_MS

# CTRL words of a table's block and of a repeated word's block. Filled by the Gate, which owns the DMA channels.
_ctrl = array("I", [0, 0])


def step_word(period_cycles: int, outward: bool) -> int:
    """The step generator's word for one microstep, a small int.

    `period_cycles` is the distance from the edge before to this step's rising edge, in PIO cycles of 8 ns,
    exact as long as words do not run dry; MIN_PERIOD_CYCLES..MAX_PERIOD_CYCLES, else ValueError. The first step
    after a pause comes `period_cycles` and the fixed latency after its word arrives.
    """
    if not MIN_PERIOD_CYCLES <= period_cycles <= MAX_PERIOD_CYCLES:
        raise ValueError("step period out of range")
    return (period_cycles - _OVERHEAD_CYCLES) << 1 | (1 if outward else 0)


class Chain:
    """Steps as DMA control blocks: pieces of word tables and repeated words, sent in order.

    Make it after the Gate. Leave it and its tables alone while it runs (`Gate.busy`): the DMA reads them as it goes.
    Tables are array("I") of `step_word`s; the chain keeps them from the garbage collector.
    """

    def __init__(self, max_blocks: int):
        if not _ctrl[0]:
            raise RuntimeError("a Chain needs the Gate's DMA channels: make the Gate first")
        if max_blocks < 1:
            raise ValueError("a chain needs at least one block")
        self._max_blocks = max_blocks
        # READ_ADDR, WRITE_ADDR, TRANS_COUNT, CTRL_TRIG; a zero CTRL_TRIG ends the chain
        self.blocks = array("I", [0, _PIO0_TXF0, 0, 0] * (max_blocks + 1))
        self._address = uctypes.addressof(self.blocks)
        self._tables = [array("I")] * max_blocks
        self._first = [0] * max_blocks
        self.used = 0

    def clear(self):
        """Forget all blocks."""
        self.used = 0
        self.blocks[3] = 0

    def describe(self, order):
        """Fill in for `registers.start` where the blocks begin, and where a channel stands that has read them all."""
        order[registers.FIRST] = self._address
        order[registers.END] = self._address + (self.used + 1) * _BLOCK_WORDS * 4

    def add(self, table, first_word: int, word_count: int):
        """Append `word_count` words of `table` from index `first_word` on; ValueError if they are not all there."""
        if word_count < 1 or first_word < 0 or first_word + word_count > len(table):
            raise ValueError("words outside the table")
        self._append(table, first_word, word_count, _ctrl[0])

    def add_repeat(self, table, index: int, count: int):
        """Append `count` times the one word `table[index]`; ValueError if there is no such word."""
        if count < 1 or not 0 <= index < len(table):
            raise ValueError("word outside the table")
        self._append(table, index, count, _ctrl[1])

    def steps(self, outward: bool) -> int:
        """How many steps it makes that way, if every table goes one way only; each block's first word tells."""
        total = 0
        at = 0
        for i in range(self.used):
            if self._tables[i][self._first[i]] & 1 == (1 if outward else 0):
                total += self.blocks[at + 2]
            at += _BLOCK_WORDS
        return total

    def table(self, i: int):
        """The table that block `i` reads."""
        return self._tables[i]

    def _append(self, table, index, count, ctrl):
        if self.used == self._max_blocks:
            raise ValueError("chain is full")
        at = self.used * _BLOCK_WORDS
        self.blocks[at] = uctypes.addressof(table) + 4 * index
        self.blocks[at + 2] = count
        self.blocks[at + 3] = ctrl
        self.blocks[at + 7] = 0
        self._tables[self.used] = table
        self._first[self.used] = index
        self.used += 1


class Gate:
    """PIO0 and two DMA channels, armed and watched.

    `board` names the pins: PIN_STEP, PIN_DIR, PIN_EN_N, PIN_INTERLOCK. Construction leaves EN_N high.
    """

    def __init__(self, board):
        self._en_n = Pin(board.PIN_EN_N)
        # the pull-down makes a torn wire an open loop
        self._loop = Pin(board.PIN_INTERLOCK, Pin.IN, Pin.PULL_DOWN)
        step = Pin(board.PIN_STEP)
        direction = Pin(board.PIN_DIR)
        self._interlock = rp2.StateMachine(3, interlock, in_base=self._loop, set_base=self._en_n)
        self._dead_man = rp2.StateMachine(2, dead_man, set_base=self._en_n)
        self._gate = rp2.StateMachine(
            1, depth_gate, in_base=self._en_n, set_base=self._en_n, jmp_pin=direction, sideset_base=step
        )
        self._generator = rp2.StateMachine(0, step_generator, out_base=direction)
        self._machines = (self._generator, self._gate, self._dead_man, self._interlock)
        self._word = array("i", [0])
        self._open_channels()
        self._given = 0  # microsteps outward, less those inward, up to the last arm
        self.order = array("i", [self._control.channel] * 4)  # what `registers.start` sends; `arm` and `load` fill it
        self.disarm()
        self._gate.exec(rp2.asm_pio_encode("set(x, 0)", 0))  # after a reset X may hold anything, half a step's too
        self._ceiling = self.remaining_steps()  # also the first use of its buffer

    def _open_channels(self):
        self._data = rp2.DMA()
        self._control = rp2.DMA()
        for index in range(2):
            _ctrl[index] = self._data.pack_ctrl(
                inc_read=index == 0,
                inc_write=False,
                treq_sel=_DREQ_PIO0_TX0,
                chain_to=self._control.channel,
            )
        self._unchained = self._data.pack_ctrl(enable=False)
        # four words into the data channel's first four registers, the last of which starts it
        self._block_target = self._data.registers[0:4]
        self._control.config(
            write=self._block_target,
            count=_BLOCK_WORDS,
            ctrl=self._control.pack_ctrl(ring_size=4, ring_sel=True),
        )

    def arm(self, ceiling_steps: int) -> bool:
        """Allow `ceiling_steps` outward microsteps net (0..MAX_CEILING_STEPS, else ValueError) and enable the drive.

        0 allows inward steps only. Drops whatever was queued, starts the dead-man's time, and answers whether the
        EN_N pad then reads low. False with everything disarmed if the interlock is open, or was for a moment, and in
        service mode.
        """
        if not 0 <= ceiling_steps <= MAX_CEILING_STEPS:
            raise ValueError("ceiling out of range")
        self.disarm()
        if slots.service:
            return False
        self._given = self.position()
        self._ceiling = ceiling_steps
        self._gate.put(ceiling_steps)
        self._gate.exec(_PULL)
        self._gate.exec(_X_FROM_OSR)
        self._dead_man.put(_HEARTBEAT)
        self._interlock.active(True)
        self._dead_man.active(True)
        self._gate.active(True)
        self._generator.active(True)
        if self._loop.value() and self.remaining_steps() == ceiling_steps:
            self._gate.exec(_ENABLE)
            if self.enabled():
                return True
        self.disarm()
        return False

    def disarm(self):
        """Disable the drive, stop all four programs and drop every queued step. X keeps its last value."""
        self._gate.exec(_DISABLE)
        for machine in self._machines:
            machine.active(0)
        self._stop_channels()
        for machine in self._machines:
            self._reset(machine)
        self._gate.exec(_DROP_REQUEST)
        self._gate.exec(_DROP_TRIP)
        self._gate.exec(_SAY_OVER)  # of a step that EN_N held up, or that was refused: it will not come any more
        self._generator.exec(_X_ALL_ONES)
        self.order[registers.BEFORE] = self._control.read

    def _stop_channels(self):
        self._control.active(0)
        # off and out of the chain first, so that its end can no longer start the control channel
        self._data.ctrl = self._unchained
        self._data.active(0)
        self._control.write = self._block_target  # the abort may have come between two of a block's words

    def _reset(self, machine):
        machine.restart()
        while machine.tx_fifo():
            machine.exec(_PULL)
        while machine.rx_fifo():
            machine.get(self._word)

    @micropython.native
    def beat(self):
        """Give the dead-man another DEAD_MAN_MS. A dead-man that has latched stays so."""
        registers.beat(_HEARTBEAT)

    def remaining_steps(self) -> int:
        """Microsteps left to the ceiling, or -1 once the gate has refused one."""
        left = self._read_x(self._gate)
        if left < 0:
            # for two cycles of an inward step X is a complement: only a -1 that stays is a trip
            left = self._read_x(self._gate)
            while left < -1:
                left = self._read_x(self._gate)
        return left

    def position(self) -> int:
        """Microsteps outward that the driver was given since the start, less those inward: where its field stands."""
        return self._given + self._ceiling - max(0, self.remaining_steps())

    def _read_x(self, machine) -> int:
        machine.exec(_ISR_FROM_X)
        machine.exec(_PUSH)
        machine.get(self._word)
        return self._word[0]

    def tripped(self) -> bool:
        """True once an outward step was asked for at the ceiling, until the next `arm`."""
        return self.remaining_steps() < 0

    def enabled(self) -> bool:
        """True while the EN_N pad reads low, whoever drives it."""
        return self._en_n.value() == 0

    def load(self, chain):
        """Have `order` tell of a chain, for `registers.start`. ValueError if it is empty."""
        if not chain.used:
            raise ValueError("chain is empty")
        chain.describe(self.order)

    def start(self, chain):
        """Send a chain. ValueError if it is empty, RuntimeError while words of the one before are still unread."""
        self.load(chain)
        if not registers.start(self.order):
            raise RuntimeError("a chain is running")

    def busy(self) -> bool:
        """True until the last step of the chain is over; a gate that stopped stays busy until `disarm`.

        The look at the last word (after all others have gone) may delay its step by two cycles.
        """
        if self._control.read != self.order[registers.BEFORE] or self._generator.tx_fifo():
            return True
        if self._read_x(self._generator) != -1:  # the count runs out to -1
            return True
        # the flag is down from there on until the step is over; its look comes far more than a cycle later
        return not mem32[_PIO0_IRQ] & _STEP_OVER
