"""The fast twins against the firmware's own programs on the emulated PIO block: every edge, in the same cycle.

Both benches run the same firmware through the same accesses at the same times. No tolerance anywhere.
"""

from array import array

import pytest
from gate_bench import Bench, Pins, emulated_bench, twin_bench
from hypothesis import given, settings
from hypothesis import strategies as st

MIN_PERIOD = 40
periods = st.one_of(st.just(MIN_PERIOD), st.integers(MIN_PERIOD, 90), st.integers(MIN_PERIOD, 700))
steps = st.tuples(periods, st.booleans())
tables = st.lists(steps, min_size=1, max_size=40)


class Course:
    """One run of the firmware's gate; `log` is what it was told, for comparison."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.gate = bench.gate_module.Gate(Pins)
        self.chain = bench.gate_module.Chain(6)
        self.log: list[object] = []

    def words(self, table) -> array:
        word = self.bench.gate_module.step_word
        return array("I", [word(period, outward) for period, outward in table])

    def start(self, table, repeat: int = 0) -> None:
        """Send a table in two blocks, and its last word some more times."""
        words = self.words(table)
        half = len(words) // 2
        self.chain.clear()
        if half:
            self.chain.add(words, 0, half)
        self.chain.add(words, half, len(words) - half)
        if repeat:
            self.chain.add_repeat(words, len(words) - 1, repeat)
        self.gate.start(self.chain)

    def look(self) -> None:
        gate = self.gate
        self.log.append((self.bench.cycle, gate.enabled(), gate.busy(), gate.remaining_steps(), gate.tripped()))
        self.log.append((gate._generator.tx_fifo(), self.bench.host.output(Pins.PIN_DIR, self.bench.now_ns)))

    def outcome(self):
        recorder = self.bench.recorder
        return self.bench.edges(), recorder.en_n_changes, self.log


def same_on_both(run) -> Course:
    """Run a course of events on both benches; answer the twin's after comparing."""
    courses = []
    for make in (twin_bench, emulated_bench):
        course = Course(make())
        run(course)
        courses.append(course)
    twin, emulated = courses
    assert twin.outcome() == emulated.outcome()
    return twin


def cycles_of(table, repeat: int = 0) -> int:
    return sum(period for period, _ in table) + table[-1][0] * repeat + 200


def expected_steps(table, ceiling: int) -> int:
    """How many of the words become steps: all up to the first that would pass the ceiling."""
    left = ceiling
    for index, (_, outward) in enumerate(table):
        left -= 1 if outward else -1
        if left < 0:
            return index
    return len(table)


@settings(max_examples=60, deadline=None)
@given(tables, st.integers(0, 12), st.integers(0, 10))
def test_every_edge_of_any_table(table, ceiling, repeat):
    def run(course):
        course.log.append(course.gate.arm(ceiling))
        course.start(table, repeat)
        course.bench.wait(cycles_of(table, repeat))
        course.look()

    course = same_on_both(run)
    sent = table + [table[-1]] * repeat
    edges = course.bench.edges()
    count = expected_steps(sent, ceiling)
    assert [outward for _, outward in edges] == [outward for _, outward in sent[:count]]
    for (before, _), (after, _), (period, _) in zip(edges, edges[1:], sent[1:], strict=False):
        assert after - before == period
    assert course.gate.tripped() == (count < len(sent))


@pytest.mark.hazard("H01")
@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60))
def test_a_table_that_asks_for_more_gets_exactly_the_ceiling(ceiling):
    def run(course):
        course.gate.arm(ceiling)
        course.start([(50, True)], ceiling + 9)
        course.bench.wait((ceiling + 10) * 50 + 300)
        course.look()

    course = same_on_both(run)
    assert len(course.bench.edges()) == ceiling
    assert course.gate.remaining_steps() == -1
    assert not course.gate.enabled()


@settings(max_examples=30, deadline=None)
@given(tables, st.integers(0, 3000))
def test_interlock_opened_at_any_moment(table, delay):
    def run(course):
        course.gate.arm(60)
        course.start(table, 20)
        course.bench.wait(delay)
        course.bench.open_interlock()
        course.bench.wait(cycles_of(table, 20))
        course.look()
        course.log.append(course.gate.arm(60))
        course.bench.close_interlock()
        course.log.append(course.gate.arm(60))
        course.start(table)
        course.bench.wait(cycles_of(table))
        course.look()

    course = same_on_both(run)
    opened = course.bench.recorder.en_n_changes[2][0]
    reopened = course.bench.recorder.en_n_changes[3][0]
    # a pulse judged before EN_N rose still comes out, at a driver that is off
    assert not [edge for edge, _ in course.bench.edges() if opened + 6 <= edge <= reopened]


@settings(max_examples=20, deadline=None)
@given(tables, st.integers(10, 700), st.integers(0, 2000))
def test_dead_man_starved_at_any_moment(table, heartbeat, delay):
    """The heartbeat word is shortened, so that the emulated block gets there in time."""

    def run(course):
        course.bench.gate_module._HEARTBEAT = heartbeat + 1300
        course.gate.arm(60)
        course.start(table, 20)
        course.bench.wait(delay)
        course.gate.beat()
        course.bench.wait(3 * (heartbeat + 1400))
        course.gate.beat()
        course.look()
        for _ in range(6):
            course.gate.beat()
        course.look()
        course.log.append(course.gate.arm(5))
        course.look()

    course = same_on_both(run)
    assert not course.log[0][1]
    assert course.log[-3] is True


@settings(max_examples=20, deadline=None)
@given(tables, st.integers(0, 2500), tables)
def test_disarm_and_arm_anew_at_any_moment(table, delay, following):
    def run(course):
        course.gate.arm(60)
        course.start(table, 20)
        course.bench.wait(delay)
        course.gate.disarm()
        course.look()
        course.log.append(course.gate.arm(7))
        course.start(following)
        course.bench.wait(cycles_of(following))
        course.look()

    same_on_both(run)


@settings(max_examples=20, deadline=None)
@given(tables, st.integers(0, 1500))
def test_looks_while_moving(table, delay):
    """Looks at X and at the queue change no step that follows."""

    def run(course):
        course.gate.arm(60)
        course.start(table + [(3000, False)])
        course.bench.wait(delay)
        course.log.append(course.gate.enabled())
        course.bench.wait(cycles_of(table) + 3000)
        course.look()

    same_on_both(run)


@settings(max_examples=20, deadline=None)
@given(tables, tables)
def test_a_second_chain_while_the_last_words_still_run(table, following):
    def run(course):
        course.gate.arm(60)
        course.start(table)
        while course.gate._control.read != course.gate.order[3]:
            course.bench.wait(20)
        course.start(following)
        course.bench.wait(cycles_of(table) + cycles_of(following))
        course.look()

    same_on_both(run)
