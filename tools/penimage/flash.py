"""Gets the files of the archive out of a flash image: through LittleFS, and past it where its metadata is damaged.

Invariant: what was found past the filesystem counts only if its digest fits, so that nothing is made up.
"""

from __future__ import annotations

import hashlib
import struct

from penimage.littlefs import BLOCK_BYTES, BLOCK_COUNT, Reader

FILESYSTEM_BYTES = BLOCK_BYTES * BLOCK_COUNT
FLASH_BYTES = 2 * 1024 * 1024
FILESYSTEM_AT = FLASH_BYTES - FILESYSTEM_BYTES  # MicroPython puts it at the end of the chip
SIZES = (FILESYSTEM_BYTES, FLASH_BYTES)

ENTRY_MAGIC = b"PLOG"
ENTRY_HEADER, ENTRY_BLOCK, DIGEST_BYTES = 96, 512, 32
ENTRY_BLOCKS_MAX = 472
TRIES = 200  # ways to put one file together from blocks that claim the same predecessor


def filesystem_of(image: bytes) -> bytes:
    """The filesystem's part of an image of the whole flash, or of the filesystem alone; short ones are filled up."""
    start = FILESYSTEM_AT if len(image) > FILESYSTEM_BYTES else 0
    if start == 0 and not _begins_at(image, 0) and _begins_at(image, FILESYSTEM_AT):
        start = FILESYSTEM_AT  # of the whole flash, cut short
    return image[start : start + FILESYSTEM_BYTES].ljust(FILESYSTEM_BYTES, b"\xff")


def _begins_at(image: bytes, start: int) -> bool:
    """Whether one of the two blocks that begin a filesystem is there."""
    return any(image[at + 8 : at + 16] == b"littlefs" for at in (start, start + BLOCK_BYTES))


def read_files(image: bytes, reader: Reader | None = None) -> tuple[dict[str, bytes], str]:
    """(files of /log by name, those of /log.1 and on by folder and name; why something may be missing or "")."""
    if reader is not None:
        return reader.files(filesystem_of(image))
    with Reader() as own:
        return own.files(filesystem_of(image))


def salvage(image: bytes) -> dict[int, bytes]:
    """Entries whose blocks lie about in the flash, by number, whether or not the filesystem still names them.

    LittleFS keeps a file as a list that leads backwards: each block but the first begins with the number of the block
    before it. So the blocks after a first one are those that name it, and the digest says whether they are the right
    ones.
    """
    disk = filesystem_of(image)
    after: dict[int, list[int]] = {}
    for number in range(BLOCK_COUNT):
        after.setdefault(struct.unpack_from("<I", disk, number * BLOCK_BYTES)[0], []).append(number)
    found = {}
    for number in range(BLOCK_COUNT):
        head = disk[number * BLOCK_BYTES : number * BLOCK_BYTES + ENTRY_HEADER]
        if head[:4] != ENTRY_MAGIC:
            continue
        entry, blocks = struct.unpack_from("<I", head, 8)[0], struct.unpack_from("<I", head, 20)[0]
        if blocks > ENTRY_BLOCKS_MAX:
            continue
        size = ENTRY_HEADER + blocks * ENTRY_BLOCK + DIGEST_BYTES
        data = _put_together(disk, number, size, after)
        if data is not None:
            found[entry] = data
    return found


def _put_together(disk: bytes, first: int, size: int, after: dict[int, list[int]]) -> bytes | None:
    """The file of `size` bytes that begins in block `first` and ends in its own digest; None when there is none."""
    open_ends = [(first, 0, disk[first * BLOCK_BYTES : (first + 1) * BLOCK_BYTES])]
    for _ in range(TRIES):
        if not open_ends:
            return None
        block, index, data = open_ends.pop()
        if len(data) >= size:
            data = data[:size]
            if hashlib.sha256(data[:-DIGEST_BYTES]).digest() == data[-DIGEST_BYTES:]:
                return data
            continue
        for follower in after.get(block, ()):
            pointers = ((index + 1) & -(index + 1)).bit_length()  # one more than twos in the index
            start = follower * BLOCK_BYTES + 4 * pointers
            open_ends.append((follower, index + 1, data + disk[start : (follower + 1) * BLOCK_BYTES]))
    return None
