"""The loop's order and times: periods, delays that change, lateness, and the wrap of the ticks."""

import pytest
from scheduler_rig import STARTS_US, Loop, scheduler

everywhere = pytest.mark.parametrize("start_us", STARTS_US)


@everywhere
def test_tasks_run_in_the_order_of_the_table(start_us):
    loop = Loop(start_us, a=(5000, 10), b=(5000, 10), c=(5000, 10))
    for _ in range(3):
        loop.clock.sleep_us(max(1, loop.scheduler.run_once()) + 5000)
    assert [name for name, _ in loop.log] == list("abcabcabc")


@everywhere
def test_periods_are_kept(start_us):
    loop = Loop(start_us, a=(4000, 0), b=(10_000, 0), c=(25_000, 0))
    loop.run(500_000)
    for name, period_us in (("a", 4000), ("b", 10_000), ("c", 25_000)):
        assert loop.starts(name) == list(range(0, 500_000, period_us))


@everywhere
def test_a_tasks_own_duration_does_not_lengthen_its_period(start_us):
    loop = Loop(start_us, a=(4000, 900))
    loop.run(400_000)
    assert loop.starts("a") == list(range(0, 400_000, 4000))


def test_a_delay_counts_from_the_time_the_task_was_given():
    """Lateness is carried over, on purpose: the motor asks for a moment, reckoned from the time it got."""
    loop = Loop(a=(4000, 0), slow=(50_000, 2500))
    loop.run(12_000)
    assert loop.starts("slow") == [0]
    loop.clock.now_us = 13_000
    loop.run(6000)
    assert loop.starts("a") == [0, 4000, 8000, 13_000, 17_000]


def test_each_run_may_ask_for_another_delay():
    loop = Loop(a=(1000, 0))
    loop.run(3000)
    loop.asks["a"] = 7000
    loop.run(14_000)
    assert loop.starts("a") == [0, 1000, 2000, 3000, 10_000]
    loop.asks["a"] = 0
    assert loop.scheduler.run_once() == 0  # due again at once: the loop does not sleep
    assert loop.starts("a")[-1] == 17_000


def test_an_earlier_task_never_waits_for_more_than_one_pass():
    """Every task is slow and due at once, yet the first of the table runs once in every pass."""
    loop = Loop(first=(0, 100), b=(0, 3000), c=(0, 3000), d=(0, 3000))
    loop.run(200_000)
    gaps = [after - before for before, after in zip(loop.starts("first"), loop.starts("first")[1:], strict=False)]
    assert set(gaps) == {9100}


@everywhere
def test_the_loop_sleeps_until_the_next_is_due_but_never_long(start_us):
    loop = Loop(start_us, a=(3000, 0), b=(9000, 0))
    assert loop.scheduler.run_once() == 3000
    loop.asks["a"] = loop.asks["b"] = 90_000
    loop.clock.now_us += 9000
    assert loop.scheduler.run_once() == scheduler.LONGEST_SLEEP_US == 20_000


@everywhere
def test_an_urgent_task_waits_for_one_patient_one_at_the_most(start_us):
    loop = Loop(start_us, late_us=3000, a=(4000, 100), b=(20_000, 1500), c=(20_000, 1500), d=(20_000, 1500))
    for name in "bcd":
        loop.tasks[name].patient = True
    loop.scheduler.run_once()
    assert [name for name, *_ in loop.log] == ["a", "b"]
    loop.run(2_000_000)
    assert loop.tasks["a"].worst_late_us <= 1500 and loop.tasks["a"].overruns == 0
    # none of them starves, and the watchdog is fed
    assert [loop.tasks[name].runs for name in "bcd"] == pytest.approx([95] * 3, abs=6)
    assert loop.fed
    loop.scheduler.strict = False
    loop.clock.now_us += 50_000
    loop.log.clear()
    loop.scheduler.run_once()
    assert [name for name, *_ in loop.log] == ["a", "b", "c", "d"]


@everywhere
def test_lateness_counts_only_when_strict(start_us):
    loop = Loop(start_us, late_us=1000, a=(4000, 0))
    task = loop.tasks["a"]
    for late_us in (1000, 1001, 5000):  # the first is just in time
        loop.scheduler.run_once()
        loop.clock.now_us += 4000 + late_us
    loop.scheduler.run_once()
    assert (task.overruns, loop.scheduler.overruns(), loop.scheduler.late, task.worst_late_us) == (2, 2, 2, 5000)
    loop.scheduler.strict = False
    loop.clock.now_us += 50_000
    loop.scheduler.run_once()
    assert (task.overruns, task.worst_late_us, task.runs) == (2, 5000, 5)


@everywhere
def test_lateness_is_forgotten_after_ten_seconds(start_us):
    loop = Loop(start_us, late_us=1000, a=(4000, 0))
    seen = []
    for pause_us in (5_000_000, 4_900_000, 5_200_000, 20_000_000):  # each a start that is late
        loop.scheduler.run_once()
        loop.clock.now_us += pause_us
        loop.scheduler.run_once()
        seen.append(loop.scheduler.late)
    assert seen == [1, 2, 1, 1]
    assert loop.scheduler.overruns() == len(seen)


@everywhere
def test_the_longest_run_is_kept(start_us):
    loop = Loop(start_us, a=(1000, 300))
    loop.run(5000)
    loop.takes["a"] = 700
    loop.run(5000)
    loop.takes["a"] = 5
    loop.run(5000)
    assert loop.tasks["a"].worst_run_us == 700


@everywhere
def test_a_hurried_task_runs_next_and_is_not_late(start_us):
    loop = Loop(start_us, late_us=1000, a=(90_000, 10), b=(5000, 10))
    loop.run(30_000)
    loop.scheduler.hurry(loop.tasks["a"])
    loop.scheduler.run_once()
    assert loop.log[-1][0] == "a" or loop.log[-2][0] == "a"
    assert loop.tasks["a"].runs == 2
    assert loop.tasks["a"].overruns == 0


def test_a_task_hurried_by_an_earlier_one_runs_in_the_same_pass():
    loop = Loop(a=(5000, 40), b=(50_000, 10))
    loop.run(5000)
    loop.tasks["a"].run = lambda now_us: loop.scheduler.hurry(loop.tasks["b"]) or 5000
    loop.scheduler.run_once()
    assert loop.starts("b") == [40, 5000]


def test_hurry_does_not_hide_that_a_task_is_late_already():
    loop = Loop(late_us=1000, a=(4000, 0))
    loop.scheduler.run_once()
    loop.clock.now_us += 9000
    loop.scheduler.hurry(loop.tasks["a"])
    loop.scheduler.run_once()
    assert loop.tasks["a"].worst_late_us == 5000


def test_run_goes_on_until_stopped():
    loop = Loop(a=(1000, 0))
    inner = loop.tasks["a"].run

    def run(now_us):
        loop.scheduler.stopped = loop.tasks["a"].runs == 9
        return inner(now_us)

    loop.tasks["a"].run = run
    loop.scheduler.run()
    assert loop.starts("a") == list(range(0, 10_000, 1000))
    assert loop.scheduler.passes == 10
