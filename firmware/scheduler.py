"""The cooperative loop: a fixed table of tasks, their deadlines, and a watchdog fed only when all are alive.

A task is a callable taking the time in us and returning after how many us it wants to run again. The loop
sleeps until the next one is due. Nothing here allocates once it runs.
"""

import micropython
import ticks
from micropython import const

LONGEST_SLEEP_US = const(20000)
LATE_SPAN_US = const(10000000)  # so long an overrun is remembered: now and then is not too slow, again and again is

# ticks.diff's constants
_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)


class Task:
    """One row of the table. `late_us` is how late a start may be before it counts as an overrun.

    A `patient` one shares each pass with no other patient one while lateness counts.
    """

    def __init__(self, name, run, late_us, check_in_us, patient=False):
        self.name = name
        self.patient = patient
        self.run = run
        self.late_us = late_us
        self.check_in_us = check_in_us
        self.due_us = 0
        self.ran_us = 0
        self.runs = 0
        self.overruns = 0
        self.worst_late_us = 0
        self.worst_run_us = 0


class Scheduler:
    """Runs the tasks in the order of the table, so an earlier one never waits for a later one's turn.

    While lateness counts it waits for one patient task at the most, however many are due.
    """

    def __init__(self, clock, tasks, feed_watchdog, stalled=None):
        """`clock` has ticks_us and sleep_us; `feed_watchdog` is called when every task has checked in, `stalled` with
        a task that has not in its time, in each pass until it does or the watchdog bites."""
        self._clock = clock
        self.tasks = tasks
        self._feed = feed_watchdog
        self.passes = 0
        self.stopped = False
        self._stalled = stalled
        self.late = 0  # overruns in the span that began with the first of them, or since somebody set this back
        self._since_us = 0  # when that was
        self.strict = True  # whether lateness counts: at rest, slow buses may hold the loop up
        now_us = clock.ticks_us()
        for task in tasks:
            task.due_us = now_us
            task.ran_us = now_us

    @micropython.native
    def run_once(self) -> int:
        """One pass: run what is due, feed the watchdog if all are alive; us until the next task is due."""
        now_us = begun_us = self._clock.ticks_us()
        soonest_us = LONGEST_SLEEP_US
        alive = True
        served = False
        for task in self.tasks:
            # ticks.diff written out: a call costs 10 us on the chip, and this is every pass of the loop
            late_us = (((now_us - task.due_us) & _MASK) ^ _HALF) - _HALF
            if late_us >= 0 and not (served and task.patient):
                if task.patient:
                    served = self.strict
                now_us = self._run(task, now_us, late_us)
            elif not 0 <= (((now_us - task.ran_us) & _MASK) ^ _HALF) - _HALF <= task.check_in_us:
                alive = False  # asked for too long, or the clock jumped back
                if self._stalled is not None:
                    self._stalled(task)
            wait_us = (((task.due_us - begun_us) & _MASK) ^ _HALF) - _HALF
            if wait_us < soonest_us:
                soonest_us = wait_us
        self.passes += 1
        if alive:
            self._feed()
        return soonest_us - (((now_us - begun_us & _MASK) ^ _HALF) - _HALF)

    @micropython.native
    def _run(self, task, now_us, late_us):
        """Run one task and keep its figures; the time afterwards."""
        again_us = task.run(now_us)
        task.due_us = (now_us - _HALF + again_us & _MASK) ^ _HALF
        task.ran_us = now_us
        task.runs += 1
        if self.strict:
            if late_us > task.worst_late_us:
                task.worst_late_us = late_us
            if late_us > task.late_us:
                task.overruns += 1
                if not (self.late and 0 <= ((now_us - self._since_us & _MASK) ^ _HALF) - _HALF <= LATE_SPAN_US):
                    self.late = 0
                    self._since_us = now_us
                self.late += 1
        after_us = self._clock.ticks_us()
        took_us = ((after_us - now_us & _MASK) ^ _HALF) - _HALF
        if took_us > task.worst_run_us:
            task.worst_run_us = took_us
        return after_us

    def hurry(self, task):
        """Let a task run in the next pass, or later in this one, whatever it asked for."""
        now_us = self._clock.ticks_us()
        if ticks.diff(task.due_us, now_us) > 0:  # one that is late already stays so
            task.due_us = now_us

    def run(self):
        """Run until `stopped`."""
        while not self.stopped:
            wait_us = self.run_once()
            if wait_us > 0:
                self._clock.sleep_us(wait_us)

    def overruns(self) -> int:
        return sum([task.overruns for task in self.tasks])
