"""The gate's programs of an earlier firmware, which the twin of the present ones stands in for: the same steps."""

import pytest
from gate_bench import Bench, Pins, emulated_bench, twin_bench
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.pio import EARLIER
from sim.pio_machines import digest

# ruff: noqa: F821  # the assembler's names
MIN_PERIOD = 40
steps = st.tuples(st.one_of(st.just(MIN_PERIOD), st.integers(MIN_PERIOD, 400)), st.booleans())
tables = st.lists(steps, min_size=1, max_size=30)


def step_generator():
    pull()
    out(x, 31)
    label("delay")
    jmp(x_dec, "delay")
    wait(0, irq, 4)[31]
    out(pins, 1)[3]
    irq(4)


def depth_gate():
    wait(1, irq, 4).side(0)
    wait(0, pin, 0)
    jmp(pin, "outward")
    mov(x, invert(x))
    jmp(x_dec, "complement")
    label("complement")
    mov(x, invert(x))
    label("step")
    set(y, 11).side(1)
    label("high")
    jmp(y_dec, "high")
    wrap()
    label("outward")
    jmp(x_dec, "step")[2]
    irq(0)
    label("trip")
    set(pins, 1)
    jmp("trip")


def earlier(bench: Bench) -> Bench:
    """The bench with the earlier programs in place of the gate's own."""
    pio = bench.rp2.PIO
    bench.gate_module.step_generator = bench.rp2.asm_pio(
        out_init=pio.OUT_LOW, out_shiftdir=pio.SHIFT_LEFT)(step_generator)
    bench.gate_module.depth_gate = bench.rp2.asm_pio(sideset_init=pio.OUT_LOW, set_init=pio.OUT_HIGH)(depth_gate)
    return bench


@pytest.mark.parametrize("name", EARLIER)
def test_these_are_the_programs_that_are_known(name):
    program = getattr(earlier(twin_bench()).gate_module, name)
    assert EARLIER[name] == digest(list(program[0]), program[4], program[5])


def edges_of(bench: Bench, table, ceiling: int, pulled_at: int | None) -> list[tuple[int, int]]:
    """Every step of a table that the gate lets through; the loop may open meanwhile."""
    gate, chain = bench.gate_module.Gate(Pins), bench.gate_module.Chain(2)
    words = bench.gate_module.array("I", [bench.gate_module.step_word(*step) for step in table])
    gate.arm(ceiling)
    chain.clear()
    chain.add(words, 0, len(words))
    gate.start(chain)
    length = sum(period for period, _ in table) + 200
    if pulled_at is not None:
        bench.wait(pulled_at)
        bench.open_interlock()
    bench.wait(length)
    return bench.edges()


@settings(max_examples=25, deadline=None)
@given(tables, st.integers(0, 12), st.one_of(st.none(), st.integers(0, 2000)))
def test_every_step_comes_in_the_cycle_in_which_the_emulated_block_makes_it(table, ceiling, pulled_at):
    twin, emulated = (
        edges_of(earlier(make()), table, ceiling, pulled_at) for make in (twin_bench, emulated_bench))
    assert twin == emulated
