"""MicroPython on the compiled CPU: where it is after a while is where the emulator's own core gets to."""

import hashlib
from itertools import pairwise

import pytest
from rp2040py.execute_batch import execute_batch

from sim.silicon.chip import Chip

MAIN = b"""
import hashlib, time
total = 0
for i in range(3000):
    total += i // 7 - i % 5
squares = [1.5 * i * i for i in range(300)]
digest = hashlib.sha256(bytes(2000)).digest()
time.sleep_ms(3)
"""
RUN_NS = 60e6


def state(chip):
    core = chip.mcu.core
    return (
        list(core.registers), core.n, core.z, core.c, core.v, core.cycles, chip.mcu.clock.nanos,
        hashlib.sha256(chip.mcu.sram).digest())


@pytest.mark.silicon
def test_both_cores_bring_the_chip_to_the_same_state(uf2):
    ours, theirs = Chip(uf2, {"main.py": MAIN}), Chip(uf2, {"main.py": MAIN})
    for chip in (ours, theirs):
        chip._end.schedule(RUN_NS)
        chip._simulator.stopped = False
    ours.run()
    while not theirs._simulator.stopped:
        execute_batch(theirs._simulator, 1)
    assert ours.mcu.core.cycles > 1_000_000
    assert state(ours) == state(theirs)


SLEEPS_AND_WORKS = b"""
import machine, time
mark = 0x3C000000
machine.mem32[mark] = 1
time.sleep_ms(40)
machine.mem32[mark] = 2
end = time.ticks_add(time.ticks_us(), 30000)
while time.ticks_diff(end, time.ticks_us()) > 0:
    pass
machine.mem32[mark] = 3
with open("file", "wb") as file:
    file.write(bytes(9000))
machine.mem32[mark] = 4
"""


@pytest.mark.silicon
def test_a_cpu_sleeps_while_it_waits_and_not_while_it_works_or_writes_its_flash(uf2):
    chip = Chip(uf2, {"main.py": SLEEPS_AND_WORKS})
    at = []
    for mark in range(1, 5):
        chip.run_until(mark, 2000)
        at.append((chip.now_ns, chip.slept_ns))
    passed_ms, slept_ms = ([(after[i] - before[i]) / 1e6 for before, after in pairwise(at)] for i in range(2))
    assert passed_ms[0] == pytest.approx(40, abs=0.5) and slept_ms[0] == pytest.approx(40, abs=1)
    assert passed_ms[1] == pytest.approx(30, abs=0.5) and slept_ms[1] == 0
    assert passed_ms[2] > 2 and slept_ms[2] == 0
