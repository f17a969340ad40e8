"""No step after a disable and none past the ceiling, whatever cycle the disable falls on: every one is tried.

The moments cover two step periods cycle by cycle, so that each lands in every phase of each program. Both benches
run, and are held against each other as in test_twins_match.
"""

import pytest
from test_twins_match import Pins, same_on_both

PERIOD = 44
TABLE = [(PERIOD, True), (PERIOD, False), (PERIOD, True), (PERIOD, True), (PERIOD, False), (PERIOD, True)]
MOMENTS = range(2 * PERIOD)
STEPS_LATE = 6  # cycles within which a pulse judged before the disable still begins, at a driver that is off


def net(edges):
    """Microsteps outward of where the run began, after each edge."""
    at, ways = 0, []
    for _, outward in edges:
        at += 1 if outward else -1
        ways.append(at)
    return ways


def check(course, ceiling, disabled_cycle):
    edges = course.bench.edges()
    assert max(net(edges)) <= ceiling
    assert edges[0][0] < disabled_cycle
    assert not [cycle for cycle, _ in edges if cycle >= disabled_cycle + STEPS_LATE]
    assert not course.gate.enabled()


def disabled_at(course):
    """The cycle in which EN_N went high for the last time."""
    cycle, level = course.bench.recorder.en_n_changes[-1]
    assert level == 1
    return cycle


@pytest.mark.hazard("H05")
def test_interlock_opened_in_every_cycle():
    for moment in MOMENTS:
        def run(course, moment=moment):
            course.gate.arm(3)
            course.start(TABLE, 20)
            course.bench.wait(4 * PERIOD + moment)
            course.bench.open_interlock()
            course.bench.wait(40 * PERIOD)
            course.look()

        course = same_on_both(run)
        check(course, 3, disabled_at(course))


@pytest.mark.hazard("H11")
def test_dead_man_starved_in_every_cycle():
    """The heartbeat is shortened so that it ends within the table; it counts in threes, the table is moved by ones."""
    for moment in MOMENTS:
        def run(course, moment=moment):
            course.bench.gate_module._HEARTBEAT = 1300 // 3 + moment // 3
            course.gate.arm(9)
            course.start([(PERIOD + 2 - moment % 3, True), *TABLE[1:]], 60)
            course.bench.wait(4000)
            course.look()

        course = same_on_both(run)
        check(course, 9, disabled_at(course))


@pytest.mark.hazard("H01")
def test_trip_in_every_phase_of_the_generator():
    """The refused step comes after periods of every length, so that it meets the other programs at every phase."""
    for period in range(40, 40 + 2 * PERIOD):
        def run(course, period=period):
            course.gate.arm(2)
            course.start([(PERIOD, True), (period, True), (PERIOD, True), (PERIOD, False), (PERIOD, True)], 9)
            course.bench.wait(40 * PERIOD)
            course.look()

        course = same_on_both(run)
        assert course.gate.tripped()
        assert net(course.bench.edges())[-1] == 2
        check(course, 2, disabled_at(course))


def test_armed_again_after_a_trip_in_every_cycle():
    """Arming drops what was queued: only the new table's steps come, and they count from the new ceiling."""
    for moment in MOMENTS:
        def run(course, moment=moment):
            course.gate.arm(1)
            course.start(TABLE, 20)
            course.bench.wait(3 * PERIOD + moment)
            course.log.append(course.gate.arm(0))
            course.start([(PERIOD, False)], 2)
            course.bench.wait(12 * PERIOD)
            course.look()

        course = same_on_both(run)
        ways = [outward for _, outward in course.bench.edges()]
        assert ways[-3:] == [False, False, False]
        assert max(net(course.bench.edges())) <= 1
        assert course.bench.host.output(Pins.PIN_DIR, course.bench.now_ns) == 0
