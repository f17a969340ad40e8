"""What the gate's and the encoder's programs take of the PIO blocks, and which twin stands for each."""

import pytest
from gate_bench import Pins, twin_bench

from sim.pio import TWINS, PioError
from sim.pio_machines import digest

GATE = ("step_generator", "depth_gate", "dead_man", "interlock")


@pytest.fixture(scope="module")
def bench():
    return twin_bench()


def program(bench, name):
    module = bench.gate_module if name in GATE else bench.encoder_module
    return getattr(module, name)


def test_the_gate_fits_one_block(bench):
    sizes = {name: len(program(bench, name)[0]) for name in GATE}
    assert sizes == {"step_generator": 6, "depth_gate": 15, "dead_man": 4, "interlock": 2}
    assert sum(sizes.values()) <= 32


def test_the_decoder_fills_its_block(bench):
    bench.encoder_module.Encoder(Pins)
    decoder = program(bench, "quadrature")
    assert len(decoder[0]) == 32
    assert decoder[2] == 0  # its offset in PIO1


@pytest.mark.parametrize("name", TWINS)
def test_every_program_is_the_one_its_twin_stands_for(bench, name):
    words, execctrl, shiftctrl = program(bench, name)[0], program(bench, name)[4], program(bench, name)[5]
    now = digest(list(words), execctrl, shiftctrl)
    assert TWINS[name] == now, f"{name} has changed: rework its twin, then write {now} into sim.pio.TWINS"


@pytest.mark.parametrize("name", GATE)
def test_nothing_but_disabling_is_in_a_program(bench, name):
    """`set(pins, ...)` is EN_N in every program that has it: only ever 1."""
    for word in program(bench, name)[0]:
        if word & 0xE0E0 == 0xE000:
            assert word & 31 == 1


def test_another_program_has_no_twin():
    bench = twin_bench()
    other = bench.rp2.asm_pio()(_blink)
    with pytest.raises(PioError, match="no twin"):
        bench.rp2.StateMachine(0, other)


def _blink():
    nop()  # noqa: F821
