"""The chip's flash, the part that MicroPython keeps its filesystem in: a W25Q16JV's sectors and pages.

Invariants: erasing a sector makes it all ones; programming only clears bits, a page of 256 bytes at a time; both take
their time, and power lost meanwhile leaves half of it done. Geometry as MicroPython has it for a board of 2 MB.
"""

from __future__ import annotations

from collections.abc import Callable

SECTOR_BYTES = 4096
SECTORS = 352  # 1408 KiB, MICROPY_HW_FLASH_STORAGE_BYTES of RPI_PICO
PAGE_BYTES = 256
SIZE = SECTOR_BYTES * SECTORS

# W25Q16JV datasheet, AC characteristics: tSE and tPP, typical
ERASE_NS = 45_000_000
PROGRAM_NS = 400_000


class Flash:
    """`erases`: how often each sector was; `programs`: pages programmed. `image`: SIZE bytes, erased by default.

    `wait(ns)` is how the part lets its busy time go by; it may raise when power goes meanwhile.
    """

    def __init__(self, image: bytes | None = None):
        if image is not None and len(image) != SIZE:
            raise ValueError(f"a flash image has {SIZE} bytes, this one {len(image)}")
        self._array = bytearray(image if image is not None else b"\xff" * SIZE)
        self.erases = [0] * SECTORS
        self.programs = 0
        self.reads = 0

    @property
    def image(self) -> bytes:
        return bytes(self._array)

    def read(self, addr: int, size: int) -> bytes:
        """ValueError outside the part."""
        _check(addr, size)
        self.reads += 1
        return bytes(self._array[addr : addr + size])

    def erase(self, sector: int, wait: Callable[[int], None]) -> None:
        """ValueError for a sector that is not there."""
        if not 0 <= sector < SECTORS:
            raise ValueError(f"flash has no sector {sector}, only 0..{SECTORS - 1}")
        start = sector * SECTOR_BYTES
        half, end = start + SECTOR_BYTES // 2, start + SECTOR_BYTES
        self.erases[sector] += 1
        self._array[start:half] = b"\xff" * (half - start)
        wait(ERASE_NS)
        self._array[half:end] = b"\xff" * (end - half)

    def program(self, addr: int, data: bytes, wait: Callable[[int], None]) -> None:
        """Whole pages, one after the other. ValueError for parts of pages, or outside the part."""
        _check(addr, len(data))
        if addr % PAGE_BYTES or len(data) % PAGE_BYTES:
            raise ValueError(f"flash is programmed in pages of {PAGE_BYTES}, not {len(data)} bytes at {addr}")
        for at in range(0, len(data), PAGE_BYTES):
            half = at + PAGE_BYTES // 2
            self.programs += 1
            self._clear_bits(addr + at, data[at:half])
            wait(PROGRAM_NS)
            self._clear_bits(addr + half, data[half : at + PAGE_BYTES])

    def _clear_bits(self, addr: int, data: bytes) -> None:
        kept = int.from_bytes(self._array[addr : addr + len(data)], "big")
        self._array[addr : addr + len(data)] = (kept & int.from_bytes(data, "big")).to_bytes(len(data), "big")


def _check(addr: int, size: int) -> None:
    if addr < 0 or addr + size > SIZE:
        raise ValueError(f"flash span of {size} bytes at {addr} leaves 0..{SIZE - 1}")
