"""What lies in the chip's flash beside MicroPython: files in a LittleFS image, as MicroPython makes one."""

from __future__ import annotations

from pathlib import PurePosixPath

from littlefs import LittleFS

FS_START, BLOCK_BYTES, BLOCKS = 0xA0000, 4096, 352  # RPI_PICO: the last 1408 KiB of 2 MiB
_DISK_VERSION = 0x0002_0000  # what MicroPython's littlefs writes


def filesystem(files: dict[str, bytes]) -> bytes:
    """A LittleFS image with these files by path, for FS_START of the flash."""
    return with_files(b"\xff" * (BLOCKS * BLOCK_BYTES), files)


def with_files(image: bytes, files: dict[str, bytes]) -> bytes:
    """The image of a filesystem with these files put into it; one that is erased is formatted first."""
    blank = not image.strip(b"\xff")
    disk = LittleFS(
        block_size=BLOCK_BYTES, block_count=BLOCKS, read_size=32, prog_size=256, lookahead_size=32,
        cache_size=1024, disk_version=_DISK_VERSION if blank else 0, mount=False)
    disk.context.buffer = bytearray(image)
    if blank:
        disk.format()
    disk.mount()
    for name, data in files.items():
        parent = str(PurePosixPath(name).parent)
        if parent not in (".", "/"):
            disk.makedirs(parent, exist_ok=True)
        with disk.open(name, "wb") as file:
            file.write(data)
    disk.unmount()
    return bytes(disk.context.buffer)
