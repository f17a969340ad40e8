"""MicroPython for a blank board: which release, what is one for this chip, and where the boot ROM takes it."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from tools.flashing.plan import Refused

# Published by MicroPython; the sum is the one that two projects which use this file state, and was not measured here
PINNED_URL = "https://micropython.org/resources/firmware/RPI_PICO-20260824-v1.29.0.uf2"
PINNED_SHA256 = "e1160e602e277d85920adb5fe741435edccba9ba6ecadc85fdab75252eeff4e9"
RP2040_FAMILY = 0xE48BFF56
BLOCK_BYTES = 512
_FAMILY_PRESENT = 0x2000
_HEADER = struct.Struct("<8I")


def check(data: bytes) -> None:
    """Refused unless every block is a whole one for an RP2040, and all are there."""
    if not data or len(data) % BLOCK_BYTES:
        raise Refused("this is no whole UF2 file: download it again, or name another by --uf2")
    count = len(data) // BLOCK_BYTES
    for number in range(count):
        block = data[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]
        first, second, flags, _, size, index, total, family = _HEADER.unpack_from(block)
        (last,) = struct.unpack_from("<I", block, BLOCK_BYTES - 4)
        if (first, second, last) != (0x0A324655, 0x9E5D5157, 0x0AB16F30) or size > 476:
            raise Refused(f"this is no UF2 file (block {number}): name MicroPython for RPI_PICO by --uf2")
        if not flags & _FAMILY_PRESENT or family != RP2040_FAMILY:
            raise Refused(
                f"this UF2 is for another chip (family {family:#010x}, an RP2040 is {RP2040_FAMILY:#010x}): name "
                "MicroPython for RPI_PICO by --uf2")
        if (index, total) != (number, count):
            raise Refused("this UF2 file is not whole: download it again, or name another by --uf2")


def check_pinned(data: bytes) -> None:
    """Refused unless it is the pinned release, byte for byte."""
    found = hashlib.sha256(data).hexdigest()
    if found != PINNED_SHA256:
        raise Refused(
            f"what was downloaded is not the pinned release (SHA-256 {found}): get MicroPython for RPI_PICO yourself "
            "and name it by --uf2")


def is_bootsel(folder: Path) -> bool:
    """Whether it is the drive that the boot ROM shows: it has INFO_UF2.TXT, which names the chip."""
    try:
        return "RPI-RP2" in (folder / "INFO_UF2.TXT").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def volumes() -> list[Path]:
    """Where RP2040s that wait for a UF2 are mounted."""
    roots = (Path("/media"), Path("/run/media"), Path("/Volumes"))
    return [info.parent for root in roots for pattern in ("*/INFO_UF2.TXT", "*/*/INFO_UF2.TXT")
            for info in root.glob(pattern) if is_bootsel(info.parent)]  # fmt: skip
