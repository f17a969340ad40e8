"""The size of the firmware's image, how long the loader judges a slot, and how long an upgrade by tools/flash.sh takes.

Judging is timed on the emulated chip, which has no flash cache: on silicon it takes longer. An upgrade is timed by the
clock of an emulated pen behind a pty, from the script's first word to its last: restart and trial are in it. How long
the pen waits for the host is the host's matter and the emulation's; how long it works is the same on every machine, but
for a look more or less that the script takes at it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sim.files import ImageFlash, LittleFiles
from sim.served import serve
from sim.silicon.chip import Chip
from sim.silicon.uf2 import LEFT_OUT, find_uf2
from sim.space import ROOT
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


def upgrades() -> dict[str, object]:
    """Seconds of the pen for a firmware that is not there yet, and for one that lies in the idle slot already; and in
    how many of them it worked, that is, did not sleep."""
    if find_uf2() is None:
        return {"left out": LEFT_OUT}
    found: dict[str, object] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        serve("--tier", "silicon", link=Path(folder) / "pen") as pen,
    ):  # fmt: skip
        port, do = pen.port, pen.hands
        firmware = Path(folder) / "firmware"
        firmware.mkdir()
        build(firmware)
        for what in ("whole", "unchanged"):
            pen.into_service()
            before, began = _pen_s(do), time.perf_counter()
            said = subprocess.run(
                [ROOT / "tools" / "flash.sh", "--port", port, "--yes", "--image", firmware, "--backups", folder],
                env=_patient(), stdin=subprocess.DEVNULL, check=True, capture_output=True, text=True).stdout
            passed_s, slept_s = (now - then for now, then in zip(_pen_s(do), before, strict=True))
            found[f"{what}_s"] = round(passed_s, 1)
            found[f"{what}_working_s"] = round(passed_s - slept_s, 1)
            found[f"{what}_wall_s_of_the_emulator"] = round(time.perf_counter() - began)
            found[f"{what}_copied"] = next(line[4:] for line in said.splitlines() if "changed files" in line)
    return found


def _pen_s(do: Callable[[str], str]) -> tuple[float, float]:
    """Since it was made, and of it asleep."""
    words = do("status").split()
    return float(words[0]), float(words[-3])


def _patient() -> dict[str, str]:
    return {**os.environ, "FLASH_PATIENCE": "20"}


FIGURES = {"firmware_image": image, "upgrades_on_chip": upgrades}
