"""The whole firmware in the chip's own heap."""

import re

import pytest

from sim.build import make_fram
from sim.scenario import load

pytestmark = pytest.mark.silicon

SPARE_BYTES = 8192  # of 241 kB: for texts, a calibration or a command group, and room to fall apart in
DONE = 2
MAIN = b"""
import gc
import sys
from machine import mem32

def say(text):
    for c in text:
        mem32[0x3C000004] = ord(c)

try:
    import slots
    slots.running = "a"
    sys.path[:] = ["/a", ".frozen"]
    import time
    from base import Base
    base = Base()
    gc.threshold(4096)
    from pen import Pen
    pen = Pen(time, 1, base)
    base = None
    gc.collect()
    say("free %d" % gc.mem_free())
except BaseException as error:
    import io
    text = io.StringIO()
    sys.print_exception(error, text)
    say(text.getvalue())
mem32[0x3C000000] = 2
"""


def test_a_pen_is_made_and_memory_is_left(uf2):
    from sim.silicon.bench import Board
    from sim.silicon.chip import Chip
    from sim.silicon.tier import firmware_files

    chip = Chip(uf2, {name.removeprefix("/"): data for name, data in firmware_files().items()} | {
        "boot.py": b"", "main.py": MAIN})
    Board(chip, make_fram(load("zone_cheek")))
    chip.run_until(DONE, 30000)
    found = re.fullmatch(r"free (\d+)", chip.text)
    assert found, chip.text
    assert int(found[1]) >= SPARE_BYTES
