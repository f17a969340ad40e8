"""Where `pen log` reads from: the raw images of a pen's memories, out of files or fetched from a live pen.

Invariant: what comes back is a pen's; anything else ends in a LogError that says what was wrong and what was expected.
"""

from __future__ import annotations

from pathlib import Path

from penimage import Image
from penimage.flash import SIZES as FLASH_SIZES
from penimage.merge import DifferentPens, read_pen
from penimage.model import FRAM_BYTES

BYTES_MAX = 16 * 1024 * 1024  # the largest flash that an RP2040 takes
FRAM_IS = f"an image of the FRAM has {FRAM_BYTES:,} bytes"
FLASH_IS = f"an image of the flash has {FLASH_SIZES[1]:,} bytes, of its filesystem alone {FLASH_SIZES[0]:,}"


class LogError(Exception):
    """There is nothing to read; the message is one line for a person."""


def read_images(fram: Path | None, flash: Path | None) -> Image:
    """The pen whose memories these files are images of. LogError when they are not."""
    if fram is None and flash is None:
        raise LogError("nothing to read: name an image with --fram, --flash or both")
    in_fram = _bytes_of(fram, "--fram") if fram else None
    in_flash = _bytes_of(flash, "--flash") if flash else None
    if in_fram is not None and len(in_fram) in FLASH_SIZES:
        raise LogError(f"{fram} has the size of a flash image: give it with --flash ({FRAM_IS})")
    if in_flash is not None and len(in_flash) == FRAM_BYTES:
        raise LogError(f"{flash} has the size of a FRAM image: give it with --fram ({FLASH_IS})")
    image = _read(in_fram, in_flash)
    _require_a_pen(image, fram, flash, len(in_fram or b""), len(in_flash or b""))
    return image


def read_live(fram: bytes, flash: bytes, port: str) -> Image:
    """The pen whose memories were fetched from `port`. LogError when there is nothing of a pen in them."""
    image = _read(fram, flash)
    _require_a_pen(image, Path(port), None, len(fram), len(flash))
    return image


def _read(fram: bytes | None, flash: bytes | None) -> Image:
    try:
        return read_pen(fram, flash)
    except DifferentPens as error:
        raise LogError(f"{error}; read them one at a time") from None


def _bytes_of(path: Path, option: str) -> bytes:
    if path.is_dir():
        raise LogError(f"{path} is a directory: {option} takes the image itself")
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise LogError(f"cannot read {path}: {error.strerror}") from None
    if not data:
        raise LogError(f"{path} is empty")
    if len(data) > BYTES_MAX:
        raise LogError(f"{path} has more than {BYTES_MAX:,} bytes and is no image of a pen's memory")
    return data


def _require_a_pen(image: Image, fram: Path | None, flash: Path | None, fram_size: int, flash_size: int) -> None:
    """A damaged image has something of a pen in it; a file that is none has nothing."""
    unknown = [problem.what for problem in image.problems if problem.what.startswith("layout ")]
    if unknown:
        raise LogError(f"{fram}: {unknown[0]}; a newer version of this program may read it")
    if image.pen_serial or image.sessions or image.events or image.archive_entries:
        return
    if fram is not None:
        size = f"has {fram_size:,} bytes and " if fram_size != FRAM_BYTES else ""
        raise LogError(f"{fram} {size}holds nothing of a pen: blank, or no image of a FRAM ({FRAM_IS})")
    size = f"has {flash_size:,} bytes and " if flash_size not in FLASH_SIZES else ""
    raise LogError(f"{flash} {size}holds no archive of a pen ({FLASH_IS})")
