"""The watchdog is fed in a pass only if every task ran in time; whatever stops a task stops the feeding."""

import pytest
from scheduler_rig import STARTS_US, WRAP, Loop

everywhere = pytest.mark.parametrize("start_us", STARTS_US)


@everywhere
def test_fed_in_every_pass_while_all_check_in(start_us):
    loop = Loop(start_us, a=(4000, 100), b=(50_000, 100))
    loop.run(2_000_000)
    assert len(loop.fed) == loop.scheduler.passes
    assert max(after - before for before, after in zip(loop.fed, loop.fed[1:], strict=False)) <= 4100


@everywhere
def test_a_task_that_asks_for_too_long_stops_the_feeding(start_us):
    loop = Loop(start_us, check_in_us=100_000, a=(4000, 0), b=(600_000, 0))
    loop.run(500_000)
    last_us = loop.fed[-1] - start_us
    assert 96_000 <= last_us <= 100_000
    loop.run(500_000)  # it runs again at last, which must not feed by itself before the watchdog's 500 ms are over
    assert min(at_us - start_us for at_us in loop.fed if at_us - start_us > 100_000) >= 600_000


@pytest.mark.hazard("H11")
@everywhere
def test_a_task_that_does_not_return_is_not_fed_for(start_us):
    loop = Loop(start_us, a=(4000, 0), b=(10_000, 0))
    loop.run(20_000)
    fed = len(loop.fed)
    loop.takes["b"] = 10**9
    loop.run(10_000)
    assert all(at_us - start_us < 20_000 or at_us - start_us > 10**9 for at_us in loop.fed)
    assert len(loop.fed) - fed <= 4


@everywhere
def test_a_clock_that_jumps_back_stops_the_feeding(start_us):
    """Then nothing is due for as long as the jump: the tasks do not run, and the watchdog must bite."""
    loop = Loop(start_us + WRAP, check_in_us=100_000, a=(4000, 0), b=(50_000, 0))
    loop.run(200_000)
    loop.clock.now_us -= 150_000
    fed, runs = len(loop.fed), len(loop.log)
    loop.run(100_000)
    assert len(loop.log) == runs
    assert len(loop.fed) == fed


@pytest.mark.hazard("H11")
def test_one_dead_task_among_many_is_enough():
    loop = Loop(check_in_us=20_000, a=(1000, 0), b=(1000, 0), c=(1000, 0), d=(1000, 0))
    loop.run(50_000)
    loop.asks["c"] = 10**8
    loop.run(1000)
    fed = len(loop.fed)
    loop.run(300_000)
    assert len(loop.fed) - fed <= 20  # passes until its 20 ms were over, one a millisecond
    assert len(loop.starts("d")) > 300
