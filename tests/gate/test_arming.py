"""What arming and disarming leave behind, read from the block itself: nothing runs, nothing waits, nothing is stale."""

from array import array

import pytest
from gate_bench import Pins, emulated_bench

from sim.space import shim

PERIOD = 60


def chain_of(bench, count, outward, period=PERIOD):
    chain = bench.gate_module.Chain(1)
    chain.add(array("I", [bench.gate_module.step_word(period, outward)] * count), 0, count)
    return chain


def start(bench, gate, count, outward):
    gate.start(chain_of(bench, count, outward))


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
    assert gate.arm(10) is False
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


@pytest.mark.parametrize("access_cycles, period", [(1, 44), (14, 42)])
def test_what_is_left_is_never_read_in_the_middle_of_a_step(access_cycles, period):
    """For two cycles of an inward step X is a complement, below zero: no read shows it, in whatever cycle.

    At zero the complement is what a trip leaves. In the second case a read, three accesses long, takes just one step's
    period, so that one look after the other falls on the same place of a step.
    """
    bench = emulated_bench()
    bench._access_cycles = access_cycles
    gate = bench.gate_module.Gate(Pins)
    chain = chain_of(bench, 5, False, period)
    for offset in range(2 * period):
        assert gate.arm(0)
        gate.start(chain)
        bench.wait(offset)
        assert 0 <= gate.remaining_steps() <= 5
        bench.wait(8 * period)
        assert gate.remaining_steps() == 5


def test_disarming_takes_as_long_for_many_queued_steps_as_for_few(bench, gate):
    """The channels are stopped first; without that every step of the chain would be taken out of the queue singly."""
    took = []
    for count in (20, 2000):
        assert gate.arm(100)
        start(bench, gate, count, True)
        began = bench.cycle
        gate.disarm()
        took.append(bench.cycle - began)
        assert_at_rest(gate)
    assert took[0] == took[1]


def test_where_the_field_stands_is_every_step_that_the_driver_was_given(bench, gate):
    """Over arms, half runs, a trip and an arm that failed."""
    here = gate.position()
    assert here == 0

    def run(ceiling, count, outward, cycles):
        assert gate.arm(ceiling)
        start(bench, gate, count, outward)
        bench.wait(cycles)
        return gate.position()

    assert run(20, 12, True, 20 * PERIOD) == 12
    assert run(0, 5, False, 20 * PERIOD) == 7
    before = len(bench.edges())
    at = run(50, 40, True, 10 * PERIOD)  # in mid run: steps come while it is read
    assert 7 + 8 <= at <= 7 + len(bench.edges()) - before
    gate.disarm()
    at = gate.position()
    assert at == 7 + len(bench.edges()) - before
    assert run(3, 9, True, 20 * PERIOD) == at + 3
    assert gate.tripped()
    bench.recorder.loop_closed = False
    assert not gate.arm(8)
    assert gate.position() == at + 3


def test_a_gate_made_anew_counts_from_zero_whatever_is_left_in_the_block(bench, gate):
    """A soft reset clears no register of a state machine."""
    assert gate.arm(9)
    gate.disarm()
    assert gate.remaining_steps() == 9
    assert bench.gate_module.Gate(Pins).position() == 0


def test_in_service_nothing_arms(bench, gate, monkeypatch):
    monkeypatch.setattr(bench.space.module("slots"), "service", True)
    before = len(bench.recorder.en_n_changes)
    assert gate.arm(5) is False
    assert_at_rest(gate)
    assert len(bench.recorder.en_n_changes) == before
    monkeypatch.undo()
    assert gate.arm(5) is True


@pytest.mark.parametrize("name, answer", [("remaining_steps", 4), ("enabled", False)])
def test_a_gate_that_does_not_say_what_it_should_is_not_armed(gate, monkeypatch, name, answer):
    """The ceiling is read back before the drive is enabled, and the pad after."""
    with monkeypatch.context() as patched:
        patched.setattr(gate, name, lambda: answer)
        assert gate.arm(5) is False
    assert_at_rest(gate)


def test_the_gates_clock_is_the_boards(bench):
    assert bench.gate_module.PIO_HZ == shim("board").CLOCK_HZ == 125_000_000
    assert bench.gate_module.DEAD_MAN_MS == 50


@pytest.mark.parametrize("outward", [True, False])
def test_disarmed_in_any_cycle_with_en_n_shorted_to_ground_no_step_is_left_half_counted(outward):
    """The pad then stops nobody: the generator has to be stopped before the depth gate, which ends its step first."""
    bench = emulated_bench()
    gate = bench.gate_module.Gate(Pins)
    see = bench.host._see
    bench.host._see = lambda pin, level: see(pin, level and pin != Pins.PIN_EN_N)
    chain = chain_of(bench, 60, outward)
    for offset in range(PERIOD):
        assert gate.arm(100)
        before = len(bench.edges())
        gate.start(chain)
        bench.wait(4 * PERIOD + offset)
        gate.disarm()
        done = len(bench.edges()) - before
        assert 0 < done < 60
        bench.wait(10 * PERIOD)
        assert len(bench.edges()) - before == done
        assert gate.remaining_steps() == 100 + (-done if outward else done)
        assert not gate.busy()


def test_after_a_pulse_on_en_n_the_next_chain_is_whole():
    """Words that EN_N held up are given first, and the chain behind them loses none."""
    bench = emulated_bench(2)
    gate = bench.gate_module.Gate(Pins)
    out, back = chain_of(bench, 3, True), chain_of(bench, 3, False)
    for offset in range(0, 3 * PERIOD, 7):
        assert gate.arm(100)
        before = len(bench.edges())
        gate.start(out)
        bench.wait(offset)
        bench.host.pad_changed(Pins.PIN_EN_N, 1, bench.now_ns)
        bench.wait(2 * PERIOD)
        if gate._control.read == gate.order[3]:
            gate.start(back)
            expected = [1] * 3 + [0] * 3
        else:
            expected = [1] * 3
        bench.host.pad_changed(Pins.PIN_EN_N, 0, bench.now_ns)
        bench.wait(12 * PERIOD)
        assert [way for _, way in bench.edges()[before:]] == expected
        assert gate.remaining_steps() == 100 - sum(1 if way else -1 for way in expected)
        assert not gate.busy()


@pytest.mark.parametrize("held", [0, 4, 31])
def test_a_gate_is_made_whatever_x_holds(bench, gate, held):
    """No reset clears it, and a soft one may come in the two cycles of a step in which it is a complement."""
    gate._gate.exec(f"set(x, {held})")
    gate._gate.exec("mov(x, invert(x))")
    anew = bench.gate_module.Gate(Pins)
    assert anew.position() == 0 and not anew.tripped()
    assert anew.arm(3) and anew.remaining_steps() == 3


def test_a_request_left_over_is_no_step():
    """A soft reset stops the two programs one after the other: a request may stand between."""
    bench = emulated_bench()
    gate = bench.gate_module.Gate(Pins)
    gate._generator.exec("irq(4)")
    assert gate.arm(3)
    bench.wait(200)
    assert bench.edges() == [] and gate.remaining_steps() == 3
