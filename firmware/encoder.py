"""Quadrature decoder in PIO1: counts every edge of A and B without the CPU.

Invariants: the count rises with A leading B; a jump of both lines in one sample counts nothing. The program fills the
block, so the loader puts it at address 0, where its computed jump needs the table to be. Nothing here allocates after
construction.
"""
# The names of PIO registers and instructions come from the decorator.
# ruff: noqa: F821
# pyright: reportUndefinedVariable=false

from array import array

import rp2
from machine import Pin
from micropython import const

_STATE_MACHINE = const(4)  # the first of PIO1
_FIFO_WORDS = const(4)


@rp2.asm_pio(in_shiftdir=rp2.PIO.SHIFT_LEFT)
def quadrature():
    """Y counts. The jump table's index is (B A) of the sample before, then (B A) now; 8 to 11 cycles a sample."""
    jmp("publish")  # 00 -> 00
    jmp("up")  # 00 -> 01
    jmp("down")  # 00 -> 10
    jmp("publish")
    jmp("down")  # 01 -> 00
    jmp("publish")
    jmp("publish")
    jmp("up")  # 01 -> 11
    jmp("up")  # 10 -> 00
    jmp("publish")
    jmp("publish")
    jmp("down")  # 10 -> 11
    jmp("publish")
    jmp("down")  # 11 -> 01
    jmp("up")  # 11 -> 10
    jmp("publish")
    label("down")
    jmp(y_dec, "publish")
    wrap_target()
    label("publish")
    mov(isr, y)
    push(noblock)
    mov(isr, null)
    in_(osr, 2)
    in_(pins, 2)
    mov(osr, isr)
    mov(pc, isr)
    label("up")
    mov(y, invert(y))
    jmp(y_dec, "complement")
    label("complement")
    mov(y, invert(y))
    wrap()
    nop()  # to 32 instructions
    nop()
    nop()
    nop()
    nop()


_Y_ZERO = rp2.asm_pio_encode("set(y, 0)", 0)


class Encoder:
    """The needle carriage's encoder. `board` names PIN_ENC_A; B is the next pin."""

    def __init__(self, board):
        a = Pin(board.PIN_ENC_A, Pin.IN)
        Pin(board.PIN_ENC_A + 1, Pin.IN)
        self._machine = rp2.StateMachine(_STATE_MACHINE, quadrature, in_base=a)
        # a full FIFO of samples of any age, and one taken after the call
        self._samples = array("i", [0] * (_FIFO_WORDS + 1))
        self.offset = 0  # what the program counts at position 0
        self._machine.exec(_Y_ZERO)
        self._machine.active(1)
        self.zero()

    def zero(self):
        """Make the present position count 0."""
        self.zero_at(self.count())

    def zero_at(self, count: int):
        """Make the position that now counts `count` count 0."""
        self.offset += count

    def count(self) -> int:
        """Counts since `zero`, fresh to the microsecond; rises outward."""
        self._machine.get(self._samples)
        return self._samples[_FIFO_WORDS] - self.offset
