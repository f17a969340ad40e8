"""The chip's PIO runs compiled where nobody could tell, and leaves cycles out where nothing but countdowns happens.

What comes of it is what the emulator's own block gives, run cycle by cycle beside it.
"""

import random

import pytest
from rp2040py.irq import IRQ
from rp2040py.peripherals.pio import RPPIO
from rp2040py.rp2040 import RP2040

from sim.silicon.pio import Block, Group

NS = 8
# set pins 1, count X down, set pins 0, count Y down by three cycles a turn, again from X = OSR
PROGRAM = (
    0x80A0,  # 0: pull block
    0xA027,  # 1: mov x, osr
    0xE001,  # 2: set pins, 1
    0x0043,  # 3: jmp x--, 3
    0xE000,  # 4: set pins, 0
    0xA047,  # 5: mov y, osr
    0x0188,  # 6: jmp y--, 8 [1]
    0x0000,  # 7: jmp 0
    0x0006,  # 8: jmp 6
)
INPUT_ENABLED = 1 << 6
CTRL, TXF0, RXF0, INSTR_MEM0, CLKDIV, PINCTRL, IRQ0_INTE = 0x000, 0x010, 0x020, 0x048, 0x0C8, 0x0DC, 0x12C


class Clock:
    """A clock that is set by hand."""

    nanos = 0.0

    def create_alarm(self, _callback):
        return self

    def schedule(self, _ns):
        pass

    def cancel(self):
        pass


def block_of(kind):
    mcu = RP2040()
    mcu.simulator = object()  # so that enabling a block does not run it at once
    block = mcu.pio[0] = kind(mcu, "PIO0", IRQ.PIO0_IRQ0, 0)
    for pin in mcu.gpio:
        pin.pad_value |= INPUT_ENABLED
    return mcu, block


def program(block, words):
    for i, word in enumerate(PROGRAM):
        block.write_uint32(INSTR_MEM0 + 4 * i, word)
    block.write_uint32(PINCTRL, 1 << 26)
    for word in words:
        block.write_uint32(TXF0, word)
    block.write_uint32(CTRL, 1)


FIELDS = (
    "pc", "x", "y", "output_shift_reg", "input_shift_reg", "output_shift_count", "input_shift_count", "waiting",
    "wait_type", "wait_index", "wait_polarity", "wait_delay", "exec_ctrl", "exec_valid", "next_due_fp")


def all_told(block):
    """Whatever a program, a pad, DMA or the CPU could tell."""
    of_the_block = [
        block.cycle_fp, block.irq, block.fdebug, block.tx_stall, block.rx_stall, block.pin_values, block.pin_directions]
    interrupts = block.rp2040.core.pending_interrupts
    return [*of_the_block, interrupts] + [
        ([getattr(m, field) for field in FIELDS], m.tx_fifo.item_count, m.rx_fifo.item_count) for m in block.machines]


def run_both(plain, ours, clock, cycles):
    """The emulator's block a cycle at a time, ours as it likes; they come to the same."""
    for _ in range(cycles):
        plain.advance(1)
    clock.nanos += cycles * NS
    ours.group.catch_up()
    assert all_told(ours) == all_told(plain)


@pytest.mark.parametrize("seed", range(6))
def test_the_state_is_that_of_every_cycle_run(seed):
    dice = random.Random(seed)
    words = [dice.choice((0, 1, 7, 90, 400, 3000)) + dice.randrange(3) for _ in range(4)]
    _, plain = block_of(RPPIO)
    _, ours = block_of(Block)
    clock = Clock()
    Group((ours,), clock)
    program(plain, words)
    program(ours, words)
    for _ in range(60):
        cycles = dice.choice((1, 2, 13, 96, 97, 500, 2000))
        run_both(plain, ours, clock, cycles)


ANY = 0x10000
FUNCTION_PIO0 = 6


def some_program(dice):
    """32 instructions: anything, and often what waiting loops are made of."""
    def jump():
        return dice.choice((0, 1, 2, 2, 2, 3, 4, 4, 6, 7)) << 5 | dice.randrange(32)

    words = []
    for at in range(32):
        words.append(dice.choice((
            jump(), jump(), jump() | dice.randrange(4) << 8,
            at | 2 << 5, at | 4 << 5 | dice.randrange(3) << 8,  # counts down where it stands
            0x8080, 0x8000, 0xA000 | dice.choice((0x27, 0x47, 0xE1, 0xC2, 0xC3, 0x2A, 0x49)),
            0xE000 | dice.choice((0, 1, 2, 4)) << 5 | dice.randrange(32),
            0x4000 | dice.choice((0, 3, 7)) << 5 | dice.randrange(1, 8), dice.randrange(ANY), dice.randrange(ANY),
            0x2040 | dice.randrange(4) << 8 | dice.randrange(2) << 7 | dice.choice((0, 4, 5)),  # for a flag
            0x2000 | dice.randrange(4) << 8 | dice.randrange(2) << 7 | dice.randrange(2) << 5 | dice.randrange(24),
            0xC000 | dice.randrange(4) << 8 | dice.choice((0, 0, 1, 2)) << 5 | dice.choice((0, 4, 5, 0x14)),
            0x6000 | dice.choice((0, 1, 2, 3)) << 5 | dice.choice((0, 1, 4, 31)))))
    return words


def edges_of(mcu, block):
    """What the block drives, each at its cycle, and programs see it."""
    edges = []
    for number, pin in enumerate(mcu.gpio[:24]):
        pin.ctrl = FUNCTION_PIO0

        def changed(new, _old, number=number, pin=pin):
            edges.append((block.cycle_fp, number, int(new)))
            if int(new) < 2:
                pin.set_input_value(bool(new))

        pin.add_listener(changed)
    return edges


def set_up(block, dice):
    for i, word in enumerate(some_program(dice)):
        block.write_uint32(INSTR_MEM0 + 4 * i, word)
    for i, machine in enumerate(block.machines):
        at = 0x18 * i
        block.write_uint32(CLKDIV + at + 4, dice.randrange(32) << 24 | 31 << 12 | dice.choice((0, 0, 1 << 30)))
        block.write_uint32(CLKDIV + at + 8, dice.choice((0, 3, 12)) << 16 | dice.choice((0, 8)) << 20)
        block.write_uint32(
            PINCTRL + at, dice.choice((0, 0, 1, 2)) << 29 | dice.randrange(1, 6) << 26 | dice.randrange(20) << 15
            | dice.randrange(20) << 10 | dice.randrange(20) << 5 | dice.randrange(3) << 20 | dice.randrange(20))
        machine.pc = dice.randrange(32)
        machine.x, machine.y = (dice.randrange(dice.choice((3, 300, 1 << 32))) for _ in "xy")
        machine.output_shift_reg = dice.randrange(1 << 32)
    block.write_uint32(IRQ0_INTE, dice.choice((0, 0, 0xF00)))
    block.write_uint32(CTRL, dice.randrange(1, 16))


def between(plain, ours, clock, dice):
    """A pad moves, or a word comes, while ours knows how long nothing shows; the word when it is as of a while ago."""
    ours.group.pace()
    if dice.randrange(2):
        pin, level = dice.randrange(24), bool(dice.randrange(2))
        for block in (plain, ours):
            block.rp2040.gpio[pin].set_input_value(level)
    for _ in range(dice.choice((1, 3, 40))):
        plain.advance(1)
        clock.nanos += NS
    word, sm = dice.randrange(1 << 32), dice.randrange(4)
    for block in (plain, ours):
        block.write_uint32(TXF0 + 4 * sm, word)


@pytest.mark.parametrize("seed", range(400))
def test_any_program_does_the_same(seed):
    """Random programs on all four machines, with pads that move, words and orders that come in between."""
    pens, edges = [], []
    clock = Clock()
    for kind in (RPPIO, Block):
        mcu, block = block_of(kind)
        edges.append(edges_of(mcu, block) if seed % 2 else [])  # without, more of the time is quiet
        if kind is Block:
            Group((block,), clock)
        set_up(block, random.Random(seed))
        pens.append((mcu, block))
    (_, plain), (_, ours) = pens
    dice = random.Random(seed + 1000)
    for _ in range(40):
        cycles = dice.choice((1, 2, 13, 96, 97, 500, 1500))
        if dice.randrange(2):
            between(plain, ours, clock, dice)
        run_both(plain, ours, clock, cycles)
        assert edges[1] == edges[0]
        pin, level, word, sm = dice.randrange(24), dice.randrange(2), dice.randrange(1 << 32), dice.randrange(4)
        what = dice.randrange(5)
        for mcu, block in pens:
            mcu.gpio[pin].set_input_value(bool(level))
            if what == 0:
                block.write_uint32(TXF0 + 4 * sm, word)
            elif what == 1:
                block.read_uint32(RXF0 + 4 * sm)
            elif what == 2:
                order = 0xE000 | word & 31 if word & 32 else 0x2040 | word & 0x80 | word >> 8 & 5
                block.write_uint32(CLKDIV + 0x18 * sm + 16, order)  # by the CPU: set pins, wait for a flag


def test_time_is_left_out_at_all():
    _, ours = block_of(Block)
    clock = Clock()
    Group((ours,), clock)
    program(ours, [1_000_000])
    ran = 0
    once = ours.advance

    class Counted(Block):
        def advance(self, cycles):
            nonlocal ran
            ran += cycles
            once(cycles)

    ours.__class__ = Counted
    clock.nanos += 900_000 * NS
    ours.group.catch_up()
    # four to begin with are run one by one: the first two turns show that X counts down evenly
    assert ran < 200
    assert ours.machines[0].x == 1_000_000 - 900_000 + 3
