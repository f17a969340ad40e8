"""The chip's PIO leaves cycles out where nothing but countdowns happens; what comes of it is what every cycle gives."""

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
CTRL, TXF0, INSTR_MEM0, CLKDIV, PINCTRL = 0x000, 0x010, 0x048, 0x0C8, 0x0DC


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
    return mcu, block


def program(block, words):
    for i, word in enumerate(PROGRAM):
        block.write_uint32(INSTR_MEM0 + 4 * i, word)
    block.write_uint32(PINCTRL, 1 << 26)
    for word in words:
        block.write_uint32(TXF0, word)
    block.write_uint32(CTRL, 1)


def told(block):
    machine = block.machines[0]
    return machine.pc, machine.x, machine.y, machine.output_shift_reg, machine.tx_fifo.item_count, block.pin_values


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
        for _ in range(cycles):
            plain.advance(1)
        clock.nanos += cycles * NS
        ours.group.catch_up()
        assert told(ours) == told(plain)


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
