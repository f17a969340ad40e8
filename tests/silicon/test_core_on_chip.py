"""MicroPython on the compiled CPU: where it is after a while is where the emulator's own core gets to."""

import hashlib

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
