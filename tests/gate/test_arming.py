"""What arming and disarming leave behind, read from the block itself: nothing runs, nothing waits, nothing is stale."""

from array import array

import pytest
from gate_bench import Pins, emulated_bench, twin_bench

from sim.space import shim

PERIOD = 60


@pytest.fixture
def bench():
    return twin_bench()


@pytest.fixture
def gate(bench):
    return bench.gate_module.Gate(Pins)


def start(bench, gate, count, outward, period=PERIOD):
    chain = bench.gate_module.Chain(1)
    table = array("I", [bench.gate_module.step_word(period, outward)] * count)
    chain.add(table, 0, count)
    gate.start(chain)
    return chain


def assert_at_rest(gate):
    """Four programs and two channels stopped, no word waiting anywhere, no step left to come, EN_N high."""
    assert [machine.active() for machine in gate._machines] == [False] * 4
    assert [machine.tx_fifo() + machine.rx_fifo() for machine in gate._machines] == [0] * 4
    assert not gate._control.active() and not gate._data.active()
    assert not gate.enabled() and not gate.busy()


def test_after_construction_all_is_at_rest(gate):
    assert_at_rest(gate)
    assert not gate.tripped()


def test_armed_all_four_run(gate):
    assert gate.arm(3)
    assert [machine.active() for machine in gate._machines] == [True] * 4


def test_an_open_loop_leaves_all_at_rest(bench, gate):
    bench.recorder.loop_closed = False
    assert not gate.arm(10)
    assert_at_rest(gate)
    before = len(bench.recorder.en_n_changes)
    bench.close_interlock()
    gate.beat()
    bench.wait(1000)
    assert len(bench.recorder.en_n_changes) == before


@pytest.mark.parametrize("after_cycles", [0, 100, 5 * PERIOD + 7])
def test_disarmed_in_mid_stroke_all_is_at_rest_and_the_way_done_is_known(bench, gate, after_cycles):
    assert gate.arm(100)
    start(bench, gate, 50, True)
    bench.wait(after_cycles)
    gate.disarm()
    assert_at_rest(gate)
    assert gate.remaining_steps() == 100 - len(bench.edges())
    bench.wait(60 * PERIOD)
    assert gate.remaining_steps() == 100 - len(bench.edges())


def test_a_request_made_while_the_drive_was_off_makes_no_step_later(bench, gate):
    start(bench, gate, 3, True)
    bench.wait(10 * PERIOD)
    assert gate.arm(10)
    bench.wait(10 * PERIOD)
    assert bench.edges() == [] and gate.remaining_steps() == 10


def test_an_answer_that_nobody_took_is_not_the_next_one(bench, gate):
    """A Ctrl-C between push and get leaves a word in the queue back."""
    assert gate.arm(7)
    gate._gate.exec(bench.gate_module._ISR_FROM_X)
    gate._gate.exec(bench.gate_module._PUSH)
    assert gate.arm(9)
    assert gate.remaining_steps() == 9


def test_beats_never_wait_for_room(bench, gate):
    """`put` waits while the queue is full: a dead-man that runs takes each word, one that has latched takes none."""
    assert gate.arm(5)
    for _ in range(12):
        gate.beat()
        assert gate._dead_man.tx_fifo() <= 1
    bench.wait(51 * 125_000)
    assert not gate.enabled()
    for _ in range(12):
        gate.beat()
    assert gate._dead_man.tx_fifo() == 1


def test_what_is_left_is_never_read_in_the_middle_of_a_step():
    """For two cycles of an inward step X is a complement, far below zero: no read shows it, in whatever cycle."""
    for offset in range(PERIOD):
        bench = emulated_bench()
        bench._access_cycles = 1
        gate = bench.gate_module.Gate(Pins)
        assert gate.arm(10)
        kept = start(bench, gate, 6, False)
        bench.wait(5 * PERIOD + offset)
        assert 13 <= gate.remaining_steps() <= 15
        assert not gate.tripped()
        assert kept.used == 1


def test_the_gates_clock_is_the_boards(bench):
    assert bench.gate_module.PIO_HZ == shim("board").CLOCK_HZ == 125_000_000
    assert bench.gate_module.DEAD_MAN_MS == 50
