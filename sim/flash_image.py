"""The flash of a pen that was started before: formatted, with an archive in it that holds nothing yet.

Written from docs/storage-format.md; the firmware makes the same on a pen's first start.
"""

import binascii
import struct
from functools import cache

from sim.files import ImageFlash, LittleFiles


@cache
def flash_with_archive(serial: str) -> bytes:
    """An image whose archive belongs to the pen of this serial. ValueError for a serial that no pen has."""
    if not 1 <= len(serial) <= 12:
        raise ValueError(f"a serial has 1..12 characters, not '{serial}'")
    flash = ImageFlash()
    files = LittleFiles(flash)
    files.mkdir("/log")
    body = struct.pack("<4sB3x12sIIH", b"PLID", 1, serial.encode("ascii"), 1, 1, 0)
    with files.open("/log/id", "wb") as file:
        file.write(body + struct.pack("<H", binascii.crc_hqx(body, 0xFFFF)))
    return bytes(flash.image)
