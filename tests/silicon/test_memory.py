"""The whole firmware in the chip's own heap, and the names that it does not pay for."""

import re

import pytest

from sim.build import make_fram
from sim.scenario import load
from tools import firmware_image
from tools.shorten import IN_FLASH, in_flash

pytestmark = pytest.mark.silicon

SPARE_BYTES = 16384  # of 241 kB: for texts, a calibration or a command group, and room to fall apart in
DONE = 2
SAY = b"""
import gc
import io
import os
import re
import sys
from machine import mem32

def say(text):
    for c in text.encode():
        mem32[0x3C000004] = c

class Terminal(io.IOBase):
    def __init__(self):
        self.came = b""
    def write(self, data):
        self.came += bytes(data)
        return len(data)
    def readinto(self, buffer):
        return None

def names_in_heap():
    import micropython
    terminal = Terminal()
    os.dupterm(terminal)
    micropython.qstr_info()
    os.dupterm(None)
    return int(terminal.came.split(b"n_qstr=")[1].split(b",")[0])

def run(what):
    try:
        what()
    except BaseException as error:
        text = io.StringIO()
        sys.print_exception(error, text)
        say(text.getvalue())
    mem32[0x3C000000] = 2
"""
MAKES_A_PEN = SAY + b"""
def make():
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
    say("free %d, names %d" % (gc.mem_free(), names_in_heap()))

run(make)
"""
ASKS_FOR_NAMES = SAY + b"""
def ask():
    names_in_heap()
    before = names_in_heap()
    with open("names") as file:
        for line in file:
            if not line.startswith("#"):
                getattr(gc, line.strip(), None)
    say("%d" % (names_in_heap() - before))

run(ask)
"""


def said(uf2, files):
    """What the chip says in the end with these files on it."""
    from sim.silicon.bench import Board
    from sim.silicon.chip import Chip

    chip = Chip(uf2, files)
    Board(chip, make_fram(load("zone_cheek")))
    chip.run_until(DONE, 30000)
    return chip.text


def test_a_pen_is_made_and_memory_is_left(uf2, tmp_path):
    main, image = tmp_path / "main.py", tmp_path / "image"
    main.write_bytes(MAKES_A_PEN)
    image.mkdir()
    firmware_image.build(image, probes=(main,))
    files = {name.removeprefix("/"): data for name, data in firmware_image.installed(image).items()}
    text = said(uf2, files | {"boot.py": b"", "main.py": (image / "main.py").read_bytes()})
    found = re.fullmatch(r"free (\d+), names (\d+)", text)
    assert found, text
    assert int(found[1]) >= SPARE_BYTES
    assert int(found[2]) <= len(firmware_image.names_in_heap(image)) + 25, "what the build counts, and main.py's own"


def test_the_names_that_are_handed_out_are_in_the_flash(uf2):
    """Another release than the one they were found in may lack some."""
    text = said(uf2, {"main.py": ASKS_FOR_NAMES, "names": IN_FLASH.read_bytes()})
    assert text.isdecimal(), text
    assert int(text) <= len(in_flash()) // 50
