"""Finds the MicroPython image that the emulated chip boots. Never downloads: tests run offline."""

from __future__ import annotations

import os
import re
from pathlib import Path

OLDEST = (1, 28)  # the firmware needs it; tools/firmware_image.py says so in each manifest
CACHE = Path("~/.cache/rp2040py")  # where `rp2040py` keeps what it downloaded
LEFT_OUT = "no MicroPython image for RPI_PICO (PEN_UF2 names one)"

_RELEASE = re.compile(r"RPI_PICO-\d+-v(\d+)\.(\d+)\.(\d+)(-preview)?")


def find_uf2() -> Path | None:
    """The image: PEN_UF2, else the newest usable one in rp2040py's cache; None if there is none.

    ValueError if PEN_UF2 names something that is not a UF2 file.
    """
    named = os.environ.get("PEN_UF2")
    if not named:
        return _newest(CACHE.expanduser())
    path = Path(named)
    if not path.is_file():
        raise ValueError(f"PEN_UF2 names {named}, and there is no such file: name a MicroPython UF2 for RPI_PICO")
    with path.open("rb") as file:
        if file.read(4) != b"UF2\n":
            raise ValueError(f"PEN_UF2 names {named}, which is not a UF2: name a MicroPython UF2 for RPI_PICO")
    return path


def _newest(folder: Path) -> Path | None:
    found = []
    for path in folder.glob("RPI_PICO-*.uf2"):
        match = _RELEASE.match(path.name)
        if match and tuple(int(part) for part in match.groups()[:2]) >= OLDEST:
            major, minor, patch = (int(part) for part in match.groups()[:3])
            found.append(((major, minor, patch, match[4] is None), path.name, path))
    return max(found)[2] if found else None
