"""Run by MicroPython, not by pytest: passes of the loop with the heap locked, across a wrap of the ticks."""

import micropython
from scheduler import Scheduler, Task


class Clock:
    def __init__(self):
        self.now_us = (1 << 30) - 100000

    def ticks_us(self):
        self.now_us = (self.now_us + 40) & 0x3FFFFFFF
        return self.now_us

    def sleep_us(self, us):
        self.now_us = (self.now_us + us) & 0x3FFFFFFF


fed = 0


def feed():
    global fed
    fed += 1


def often(now_us):
    return 4000


def seldom(now_us):
    return 25000


def passes(count):
    for _ in range(count):
        wait_us = loop.run_once()
        if wait_us > 0:
            clock.sleep_us(wait_us)
        loop.hurry(tasks[1])


clock = Clock()
tasks = (Task("often", often, 1000, 100000), Task("hurried", seldom, 1000, 100000), Task("seldom", seldom, 0, 100000))
loop = Scheduler(clock, tasks, feed)
micropython.heap_lock()
passes(1000)
micropython.heap_unlock()
print(loop.passes, fed, tasks[0].runs >= 500, tasks[2].overruns > 0)
