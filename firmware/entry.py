"""One entry of the archive while it is being written: a session's blocks, copied from the FRAM, read back, compared.

Invariants: the file is called `new` until every byte of it was read back from the flash and held against the FRAM;
whoever drops an entry half-way closes it, because the collector would, perhaps while the needles move.
"""

# The file is None only between two openings of it.
# pyright: reportOptionalMemberAccess=false

import struct
from hashlib import sha256

import blocks
from crc import crc16
from layout import BLOCK_BYTES
from micropython import const

DIRECTORY = "/log"
HEAD_BYTES = const(96)
DIGEST_BYTES = const(32)
IO_ERROR = const(5)  # errno EIO

_FORMAT = const(1)
_SESSION = const(1)
_REMAINS = const(2)
_HEAD_LAYOUT = "<4sBBHIIII12sIII32s"
_PIECE_BYTES = const(1024)
_FLASH_BLOCK_BYTES = const(4096)
_POINTERS_BYTES = const(8)  # what LittleFS keeps in each block of a file, about
_LEAST_BLOCKS = const(3)  # for a name too: with 150 in a folder LittleFS takes longer over one than the watchdog waits


class Entry:
    """`number`, `span` (first block, one past the last, session), `digest` once it is known."""

    def __init__(self, fram, files, number: int, span, serial: bytes, boot: int, wall_s: int, previous: bytes):
        """Opens the file and writes the header. OSError when the flash does not take it."""
        self._fram = fram
        self._files = files
        self.number = number
        self.span = span
        self.digest = b""
        self._bytes = (span[1] - span[0]) * BLOCK_BYTES
        self._at = 0  # bytes of blocks that are done
        self._piece = bytearray(_PIECE_BYTES)
        head = bytearray(HEAD_BYTES)
        struct.pack_into(
            _HEAD_LAYOUT, head, 0, b"PLOG", _FORMAT, _SESSION if span[2] else _REMAINS, 0, number, span[2],
            span[0], span[1] - span[0], serial, boot, wall_s, 0, previous)
        struct.pack_into("<H", head, HEAD_BYTES - 2, crc16(head, 0, HEAD_BYTES - 2))
        self._hash = sha256(head)
        self._file = files.open(path_of("new"), "wb")
        self._file.write(head)
        self._do = self._copy

    @property
    def flash_blocks(self) -> int:
        """Blocks of flash that it counts as."""
        return flash_blocks(HEAD_BYTES + self._bytes + DIGEST_BYTES)

    def step(self) -> bool:
        """One piece of the work; False when the file is whole, proven and closed. OSError when it cannot be."""
        return self._do()

    def close(self):
        """Give it up."""
        try:
            if self._file is not None:
                self._file.close()
        except OSError:
            pass

    def _next_piece(self):
        """What the next piece is read into; its address is `_address`."""
        return memoryview(self._piece)[: min(_PIECE_BYTES, self._bytes - self._at)]

    def _address(self, at):
        return blocks.address(self.span[0] + (self._at + at) // BLOCK_BYTES)

    def _copy(self):
        """Two blocks from the FRAM, or the digest."""
        if self._at == self._bytes:
            self.digest = self._hash.digest()
            self._file.write(self.digest)
            self._do = self._reopen
            return True
        piece = self._next_piece()
        for at in range(0, len(piece), BLOCK_BYTES):
            self._fram.read_into(self._address(at), piece[at : at + BLOCK_BYTES])
        self._hash.update(piece)
        self._file.write(piece)
        self._at += len(piece)
        return True

    def _reopen(self):
        self._file.close()
        self._file = None  # a chip has room for one
        self._file = self._files.open(path_of("new"), "rb")
        self._hash = sha256(self._file.read(HEAD_BYTES))
        self._at = 0
        self._do = self._check
        return True

    def _check(self):
        """Two blocks read back and held against the FRAM; at the end, the digest."""
        if self._at < self._bytes:
            piece = self._next_piece()
            if self._file.readinto(piece) != len(piece):
                raise OSError(IO_ERROR)
            for at in range(0, len(piece), BLOCK_BYTES):
                if not self._fram.matches(self._address(at), piece[at : at + BLOCK_BYTES]):
                    raise OSError(IO_ERROR)
            self._hash.update(piece)
            self._at += len(piece)
            return True
        stored = self._file.read(DIGEST_BYTES)
        self._file.close()
        if stored != self.digest or self._hash.digest() != stored:
            raise OSError(IO_ERROR)
        return False


def flash_blocks(size: int) -> int:
    """Blocks of flash that an entry of `size` bytes counts as; a short one takes fewer."""
    return max(_LEAST_BLOCKS, size // (_FLASH_BLOCK_BYTES - _POINTERS_BYTES) + 1)


def name_of(number: int) -> str:
    return "%08d.ses" % number


def path_of(name: str) -> str:
    return DIRECTORY + "/" + name


def number_of(name: str) -> int:
    """Number of the entry in a file of this name, 0 for any other file."""
    return int(name[:8]) if len(name) == 12 and name.endswith(".ses") and name[:8].isdigit() else 0
