"""The Gate's promises that are not about cycles: what arms, what is refused, what a caller may not do."""

import itertools
from array import array

import pytest
from gate_bench import Pins, emulated_bench

MS = 125_000  # cycles


def chain_of(bench, words, blocks=1):
    chain = bench.gate_module.Chain(blocks)
    table = array("I", [bench.gate_module.step_word(period, outward) for period, outward in words])
    chain.add(table, 0, len(table))
    return chain


def run(bench, gate, words):
    gate.start(chain_of(bench, words))
    bench.wait(sum(period for period, _ in words) + 200)


@pytest.mark.hazard("H08")
def test_construction_leaves_the_drive_off(bench, gate):
    assert not gate.enabled()
    assert bench.recorder.en_n_changes == [(bench.recorder.en_n_changes[0][0], 1)]


def test_nothing_moves_before_arm(bench, gate):
    run(bench, gate, [(100, 1), (100, 0)])
    assert bench.edges() == []
    assert gate.busy()
    gate.disarm()
    assert not gate.busy()


@pytest.mark.parametrize("last_cycles", [40, 200])
def test_a_step_that_en_n_holds_up_keeps_the_gate_busy_until_it_is_over(last_cycles):
    """By the count of words the chain is at its end: what hangs in the depth gate would come later, unlooked for."""
    bench = emulated_bench(2)
    gate = bench.gate_module.Gate(Pins)
    assert gate.arm(5)
    gate.start(chain_of(bench, [(40, 1), (last_cycles, 0)]))
    bench.host.pad_changed(Pins.PIN_EN_N, 1, bench.now_ns)
    for _ in range(5):
        bench.wait(400)
        assert gate.busy() and bench.edges() == []
    bench.host.pad_changed(Pins.PIN_EN_N, 0, bench.now_ns)
    bench.wait(100)
    assert not gate.busy()
    assert [outward for _, outward in bench.edges()] == [1, 0]
    assert gate.remaining_steps() == 5


def test_a_refused_step_keeps_the_gate_busy_until_disarmed(bench, gate):
    gate.arm(0)
    run(bench, gate, [(100, 1)])
    assert gate.tripped() and gate.busy()
    gate.disarm()
    assert not gate.busy()


def test_arm_needs_a_closed_loop(bench, gate):
    bench.recorder.loop_closed = False
    assert not gate.arm(10)
    assert not gate.enabled()
    assert bench.recorder.en_n_changes[-1][1] == 1
    bench.close_interlock()
    assert gate.arm(10)


def test_a_loop_that_opened_for_a_moment_stays_off_until_armed(bench, gate):
    assert gate.arm(10)
    bench.open_interlock()
    bench.close_interlock()
    gate.beat()
    bench.wait(10)
    assert not gate.enabled()
    assert gate.arm(10)


@pytest.mark.hazard("H01")
def test_ceiling_zero_only_retracts(bench, gate):
    assert gate.arm(0)
    run(bench, gate, [(100, 0)] * 5)
    assert gate.remaining_steps() == 5
    run(bench, gate, [(100, 1)] * 9)
    assert [outward for _, outward in bench.edges()] == [0] * 5 + [1] * 5
    assert gate.tripped() and not gate.enabled()


def test_a_trip_lasts_until_armed(bench, gate):
    assert gate.arm(1)
    run(bench, gate, [(100, 1)] * 3)
    assert gate.tripped()
    gate.beat()
    bench.wait(10 * MS)
    assert gate.tripped() and not gate.enabled()
    assert gate.arm(2)
    assert not gate.tripped() and gate.remaining_steps() == 2


def test_heartbeats_keep_the_drive_on_and_their_end_takes_it_off(bench, gate):
    assert gate.arm(10)
    for _ in range(5):
        bench.wait(40 * MS)
        gate.beat()
        assert gate.enabled()
    last = bench.cycle
    bench.wait(51 * MS)
    assert not gate.enabled()
    went_high, level = bench.recorder.en_n_changes[-1]
    assert level == 1 and 49.9 * MS < went_high - last < 50 * MS
    for _ in range(10):
        gate.beat()
    assert not gate.enabled()


def test_arm_drops_what_was_queued(bench, gate):
    assert gate.arm(100)
    gate.start(chain_of(bench, [(5000, 1)] * 50))
    bench.wait(20000)
    assert gate.arm(100)
    done = len(bench.edges())
    assert 0 < done < 50
    bench.wait(300000)
    assert len(bench.edges()) == done
    assert not gate.busy() and gate.remaining_steps() == 100


def test_start_refuses_an_empty_chain_and_a_second_one(bench, gate):
    gate.arm(100)
    empty = bench.gate_module.Chain(2)
    with pytest.raises(ValueError, match="empty"):
        gate.start(empty)
    gate.start(chain_of(bench, [(5000, 1)] * 50))
    with pytest.raises(RuntimeError, match="running"):
        gate.start(chain_of(bench, [(5000, 1)]))


@pytest.mark.parametrize("ceiling", [0, 1, 3999, 4000])
def test_a_ceiling_is_armed_as_it_is(gate, ceiling):
    assert gate.arm(ceiling)
    assert gate.remaining_steps() == ceiling and gate.enabled()


@pytest.mark.parametrize("ceiling", [-1, 4001, 1 << 31])
def test_a_ceiling_out_of_range_changes_nothing(gate, ceiling):
    gate.arm(5)
    with pytest.raises(ValueError, match="ceiling"):
        gate.arm(ceiling)
    assert gate.enabled() and gate.remaining_steps() == 5


@pytest.mark.parametrize("period", [0, 39, (1 << 29) + 40])
def test_a_period_out_of_range_is_refused(bench, period):
    with pytest.raises(ValueError, match="period"):
        bench.gate_module.step_word(period, True)


@pytest.mark.parametrize("period", [40, 1562, (1 << 29) + 39])
def test_a_word_is_a_small_int_of_the_chip(bench, period):
    assert 0 <= bench.gate_module.step_word(period, True) < 1 << 30


def test_chain_needs_the_gate(bench):
    with pytest.raises(RuntimeError, match="Gate"):
        bench.gate_module.Chain(3)


def test_chain_refuses_what_does_not_fit(bench, gate):
    chain = bench.gate_module.Chain(2)
    table = array("I", [bench.gate_module.step_word(100, True)] * 4)
    for first, words in ((0, 5), (-1, 2), (3, 2), (0, 0), (4, 1)):
        with pytest.raises(ValueError, match="outside"):
            chain.add(table, first, words)
    for index, words in ((4, 1), (-1, 1), (0, 0)):
        with pytest.raises(ValueError, match="outside"):
            chain.add_repeat(table, index, words)
    chain.add(table, 1, 3)
    chain.add_repeat(table, 0, 9)
    with pytest.raises(ValueError, match="full"):
        chain.add(table, 0, 1)
    with pytest.raises(ValueError, match="block"):
        bench.gate_module.Chain(0)


def test_a_chain_is_sent_as_it_is_when_started(bench, gate):
    """A table rewritten between two starts counts with its new words."""
    gate.arm(100)
    table = array("I", [bench.gate_module.step_word(100, True)] * 3)
    chain = bench.gate_module.Chain(1)
    chain.add(table, 0, 3)
    for period in (100, 300):
        for index in range(3):
            table[index] = bench.gate_module.step_word(period, True)
        gate.start(chain)
        bench.wait(1500)
    rises = [cycle for cycle, _ in bench.edges()]
    assert [b - a for a, b in itertools.pairwise(rises)][:2] == [100, 100]
    assert [b - a for a, b in itertools.pairwise(rises)][3:] == [300, 300]


def test_a_shorter_chain_after_a_longer_one_ends_where_it_should(bench, gate):
    gate.arm(100)
    table = array("I", [bench.gate_module.step_word(100, True)] * 3)
    chain = bench.gate_module.Chain(3)
    for blocks in (3, 1, 2):
        chain.clear()
        for _ in range(blocks):
            chain.add(table, 0, 3)
        before = len(bench.edges())
        gate.start(chain)
        bench.wait(2000)
        assert len(bench.edges()) - before == 3 * blocks
        assert not gate.busy()


def test_chip_reset_takes_the_steps_under_way(bench, gate):
    gate.arm(100)
    gate.start(chain_of(bench, [(5000, 1)] * 50))
    bench.wait(20000)
    done = len(bench.edges())
    bench.host.reset(bench.now_ns)
    bench.wait(300000)
    assert len(bench.edges()) == done
    assert bench.host.output(Pins.PIN_EN_N, bench.now_ns) is None
    assert bench.host.next_event_ns() is None


def test_a_long_stroke_costs_the_host_little(bench, gate):
    """2000 steps are worked out at once; the bound is loose, for busy machines."""
    import time

    gate.arm(1500)
    chain = chain_of(bench, [(1600, 1)] * 1000 + [(1600, 0)] * 1000)
    spent = []
    for _ in range(5):
        gate.beat()
        begin = time.perf_counter()
        gate.start(chain)
        spent.append(time.perf_counter() - begin)
        bench.wait(2000 * 1600 + 200)
    assert len(bench.edges()) == 10000
    assert min(spent) < 0.005
