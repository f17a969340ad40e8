"""The size of the firmware's image, in bytes and in blocks of the flash, and what the loader takes to judge a slot.

Judging is timed on the emulated chip, which has no flash cache: on silicon it takes longer.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from sim.files import ImageFlash, LittleFiles
from sim.silicon.chip import Chip
from sim.silicon.uf2 import LEFT_OUT, find_uf2
from tools.firmware_image import build, installed

DONE, WITHIN_MS = 7, 60_000
_MAIN = b"""
import machine, time
import slots
began = time.ticks_us()
found = slots.verdict("a")
for char in "%d %d" % (found[0], time.ticks_diff(time.ticks_us(), began)):
    machine.mem32[0x3C000004] = ord(char)
machine.mem32[0x3C000000] = 7
"""


def image() -> dict[str, object]:
    """Sizes; with a MicroPython UF2 also the time from the loader's first look at a slot to its verdict."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = build(Path(folder))
        held = installed(Path(folder))
    files = LittleFiles(ImageFlash())
    free = files.statvfs("/")[3]
    files.put(held)
    found: dict[str, object] = {
        "files": len(manifest["files"]), "bytes": sum(entry["bytes"] for entry in manifest["files"].values()),
        "blocks_of_flash": free - files.statvfs("/")[3]}
    uf2 = find_uf2()
    found["judged_ms"] = _judged_ms(uf2, held) if uf2 is not None else LEFT_OUT
    return found


def _judged_ms(uf2: Path, held: dict[str, bytes]) -> float:
    chip = Chip(uf2, {**{path[1:]: data for path, data in held.items() if path != "/boot.py"}, "main.py": _MAIN})
    chip.run_until(DONE, WITHIN_MS)
    reason, us = chip.text.split()
    if reason != "0":
        raise RuntimeError(f"the loader refused the image it was given, reason {reason}")
    return round(int(us) / 1000, 1)


FIGURES = {"firmware_image": image}
