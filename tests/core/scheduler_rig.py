"""A clock that only moves when told, and tasks that take time and note when they ran.

The clock's ticks raise when the loop makes a number of them that the chip would have to allocate.
"""

from small_int import Small

from sim.space import shim

scheduler = shim("scheduler")

WRAP = 1 << 30
STARTS_US = [0, 999_999, (1 << 29) - 50, WRAP - 1, WRAP - 30_000, WRAP - 200_000]


class Clock:
    """`now_us` counts on for ever; the ticks of it wrap."""

    def __init__(self, start_us=0):
        self.now_us = start_us

    def ticks_us(self):
        return Small(self.now_us % WRAP)

    def sleep_us(self, us):
        assert us > 0
        self.now_us += int(us)


class Loop:
    """A scheduler over tasks given as name: (asks for us, takes us); `log` has (name, true start in us)."""

    def __init__(self, start_us=0, late_us=1000, check_in_us=100_000, **tasks):
        self.clock = Clock(start_us)
        self.start_us = start_us
        self.log, self.fed = [], []
        self.asks = {name: asks for name, (asks, _) in tasks.items()}
        self.takes = {name: takes for name, (_, takes) in tasks.items()}
        self.tasks = {name: scheduler.Task(name, self._body(name), late_us, check_in_us) for name in tasks}
        self.scheduler = scheduler.Scheduler(
            self.clock, tuple(self.tasks.values()), lambda: self.fed.append(self.clock.now_us))  # fmt: skip

    def _body(self, name):
        def run(now_us):
            assert now_us == self.clock.ticks_us()
            self.log.append((name, self.clock.now_us - self.start_us))
            self.clock.now_us += self.takes[name]
            return self.asks[name]

        return run

    def run(self, for_us):
        """As Scheduler.run, until the time is over."""
        end_us = self.clock.now_us + for_us
        while self.clock.now_us < end_us:
            wait_us = self.scheduler.run_once()
            if wait_us > 0:
                self.clock.sleep_us(wait_us)

    def starts(self, name):
        return [at_us for logged, at_us in self.log if logged == name]
