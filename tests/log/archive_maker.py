"""Makes flash images with an archive, from docs/storage-format.md: neither firmware nor reader has a hand in it."""

import binascii
import hashlib
import struct

from littlefs import LittleFS

from penimage import decode
from penimage.blocks import address

FILESYSTEM = {"block_size": 4096, "block_count": 352, "read_size": 32, "prog_size": 256, "cache_size": 1024,
              "lookahead_size": 32}  # fmt: skip


def crc16(data):
    return binascii.crc_hqx(data, 0xFFFF)


def entry(number, session, first_block, blocks, previous, serial, kind=1):
    head = struct.pack(
        "<4sBBHIIII12sIII32s14x", b"PLOG", 1, kind, 0, number, session, first_block, len(blocks) // 512,
        serial.encode(), 3, 800_000_000, 0, previous)  # fmt: skip
    body = head + struct.pack("<H", crc16(head)) + blocks
    return body + hashlib.sha256(body).digest()


def identity(serial, first=1):
    body = struct.pack("<4sB3x12sIIH", b"PLID", 1, serial.encode(), 1, first, 0)
    return body + struct.pack("<H", crc16(body))


def entries_of(fram, sessions):
    """The files that archiving these sessions of a FRAM image would make, by name, and the last digest."""
    image = decode(fram)
    files, digest = {}, bytes(32)
    for number, session in enumerate((s for s in image.sessions if s.number in sessions), 1):
        raw = b"".join(fram[address(block) : address(block) + 512] for block in session.blocks)
        data = entry(number, session.number, session.blocks[0], raw, digest, image.pen_serial)
        digest = data[-32:]
        files[f"{number:08d}.ses"] = data
    return files, digest


def disk(files):
    """The filesystem with these files in /log, and one beside it that is none of the archive's business."""
    fs = LittleFS(**FILESYSTEM)
    fs.mkdir("/log")
    for name, data in files.items():
        with fs.open(f"/log/{name}", "wb") as file:
            file.write(data)
    with fs.open("/main.py", "wb") as file:
        file.write(b"import pen\n" * 300)
    return bytes(fs.context.buffer)
