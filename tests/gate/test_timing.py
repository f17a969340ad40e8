"""Figures the documentation states, measured on the emulated block in PIO cycles of 8 ns.

On silicon a program sees pads two cycles late (the input synchroniser) and another program's flag one cycle later.
The first is tried here, the second is one cycle more from a word to its step, the same for every step.
"""

import itertools
from array import array

import pytest
from gate_bench import Pins, emulated_bench, twin_bench
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.exhaust import gate as gate_check

NS = 8
# TMC2209 datasheet, STEP/DIR timing at the slowest clock, 11.5 MHz: see sim.exhaust.gate
PULSE_NS, DIR_NS = gate_check.PULSE_NS, gate_check.DIR_NS


@pytest.fixture(params=[emulated_bench, twin_bench])
def bench(request):
    return request.param()


def run_words(bench, words, ceiling=100):
    module = bench.gate_module
    gate = module.Gate(Pins)
    assert gate.arm(ceiling)
    chain = module.Chain(1)
    table = array("I", [module.step_word(period, outward) for period, outward in words])
    chain.add(table, 0, len(table))
    gate.start(chain)
    bench.wait(sum(period for period, _ in words) + 200)
    return gate


def test_fastest_steps_keep_the_drivers_limits():
    bench = emulated_bench()
    run_words(bench, [(40, index % 2) for index in range(40)])
    rises = [cycle for cycle, _ in bench.edges()]
    falls = [cycle for cycle in bench.host.step_falls if cycle > rises[0]]
    turns = bench.host.dir_changes
    assert {b - a for a, b in itertools.pairwise(rises)} == {40}
    assert {fall - rise for rise, fall in zip(rises, falls, strict=True)} == {15}
    assert 15 * NS >= PULSE_NS
    assert {rise - fall for fall, rise in zip(falls, rises[1:], strict=False)} == {25}
    assert 25 * NS >= PULSE_NS
    before = {rise - max(turn for turn in turns if turn < rise) for rise in rises[1:]}
    after = {min(turn for turn in turns if turn > rise) - rise for rise in rises[:-1]}
    assert before == {10}
    assert after == {30}
    assert min(before) * NS >= DIR_NS
    assert min(after) * NS >= DIR_NS


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(40, 60), st.booleans()), min_size=2, max_size=40), st.integers(0, 8))
def test_pads_seen_two_cycles_late_change_no_step(words, ceiling):
    seen = []
    for sync_cycles in (0, 2):
        bench = emulated_bench(sync_cycles)
        gate = run_words(bench, words, ceiling)
        seen.append((bench.edges(), gate.remaining_steps(), bench.recorder.en_n_changes))
    assert seen[0] == seen[1]


def test_interlock_to_enable_past_the_synchroniser():
    bench = emulated_bench(2)
    run_words(bench, [(40, 1)])
    opened = bench.open_interlock()
    bench.wait(10)
    assert bench.recorder.en_n_changes[-1] == (opened + 3, 1)


def test_interlock_to_enable(bench):
    gate = run_words(bench, [(40, 1)])
    opened = bench.open_interlock()
    bench.wait(10)
    assert bench.recorder.en_n_changes[-1] == (opened + 1, 1)
    assert not gate.enabled()


@pytest.mark.parametrize("late", range(7))
def test_dead_man_from_the_heartbeat_word_to_enable(bench, late):
    bench.gate_module._HEARTBEAT = 3000
    gate = bench.gate_module.Gate(Pins)
    assert gate.arm(1)
    bench.wait(late)
    gate.beat()
    put = bench.cycle
    bench.wait(9100)
    went_high, level = bench.recorder.en_n_changes[-1]
    assert level == 1
    # three cycles a count and up to three until the program looks for a word
    assert 0 <= went_high - put - 3 * 3001 <= 3


@pytest.mark.hazard("H11")
def test_heartbeat_is_fifty_milliseconds():
    module = twin_bench().gate_module
    cycles = 3 * (module._HEARTBEAT + 1)
    assert cycles <= module.PIO_HZ * module.DEAD_MAN_MS // 1000 < cycles + 3


def test_refusal_to_enable(bench):
    gate = run_words(bench, [(40, 1), (60, 1), (60, 1), (60, 1)], ceiling=2)
    edges = bench.edges()
    went_high, level = bench.recorder.en_n_changes[-1]
    assert len(edges) == 2 and level == 1
    # one cycle after the moment the refused step's edge would have come
    assert went_high == edges[-1][0] + 60 + 1
    assert gate.tripped()


def test_a_drive_that_is_off_gets_no_pulse(bench):
    gate = run_words(bench, [(40, 0)])
    bench.open_interlock()
    bench.wait(10)
    before = bench.edges()
    module = bench.gate_module
    chain = module.Chain(1)
    words = array("I", [module.step_word(50, False), module.step_word(50, True)])
    chain.add(words, 0, 2)
    gate.start(chain)
    bench.wait(1000)
    assert bench.edges() == before
    assert gate.remaining_steps() == 101
