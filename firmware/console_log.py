"""The console's log transfer: images of the record memory and the archive's files, in parts, each with its CRC-32.

An answer is a definite-length block: the bytes asked for, then their CRC-32 (zlib's), little endian. What is asked for
past the end is left out, so the last part is shorter. Everything here is for a pen at rest.
"""

from binascii import crc32

import scpi_errors as errors
import withheld
from entry import DIRECTORY, path_of
from files import ilistdir
from layout import FRAM_BYTES
from micropython import const

PIECE_BYTES = const(448)
_FILE = const(0x8000)  # the type of an entry that is no directory

PAST_END = b"the offset is past the end"


class Commands:
    def __init__(self, pen, console):
        self._pen = pen
        self._console = console
        self._reply = console.reply
        self._line = console.line
        self._parser = console.parser
        self._piece = bytearray(PIECE_BYTES)

    def size(self):
        self._reply.number(FRAM_BYTES)

    def fram(self):
        offset, count = self._parser.values[0], self._parser.values[1]
        if offset >= FRAM_BYTES:
            return PAST_END
        fram = self._pen.fram
        self._send(offset, min(count, FRAM_BYTES - offset), lambda at, buf: withheld.read_into(fram, at, buf))

    def files(self):
        self._reply.pieces = self._names(self._entries())

    def _names(self, rows):
        first = True
        for name, size in rows:
            self._reply.text((('"%s",%d' if first else ',"%s",%d') % (name, size)).encode())
            first = False
            yield
        if first:
            self._reply.text(b'"",0')

    def file(self):
        start, stop = self._parser.starts[0], self._parser.ends[0]
        name = bytes(self._line[start:stop]).decode()
        offset, count = self._parser.values[1], self._parser.values[2]
        size = dict(self._entries()).get(name)
        if size is None:
            return errors.FILE_NOT_FOUND
        if offset >= size:
            return PAST_END
        path = path_of(name)
        self._send(offset, min(count, size - offset), lambda at, buf: _read_file(path, at, buf))

    def _entries(self):
        """Name and bytes of the files of the archive, in order; none where there is no archive."""
        found = []
        try:
            for row in ilistdir(DIRECTORY):
                if row[1] == _FILE:
                    found.append((row[0], row[-1]))
        except OSError:
            pass
        return sorted(found)

    def _send(self, offset, count, read):
        self._reply.block_head(count + 4)
        self._reply.pieces = self._pieces(offset, count, read)

    def _pieces(self, at, count, read):
        """A part, piece by piece. What cannot be read goes as zeros under a wrong sum: its length was promised."""
        crc = 0
        failed = False
        while count:
            size = min(count, PIECE_BYTES)
            buf = self._piece if size == PIECE_BYTES else memoryview(self._piece)[:size]
            try:
                read(at, buf)
            except OSError:
                failed = True
                for i in range(size):
                    buf[i] = 0
            crc = crc32(buf, crc)
            self._reply.bytes(buf)
            at += size
            count -= size
            yield
        if failed:
            crc ^= 0xFFFFFFFF
            self._console.errors.add(errors.DEVICE, b"a part could not be read; its sum is wrong")
        self._reply.bytes(bytes((crc & 0xFF, crc >> 8 & 0xFF, crc >> 16 & 0xFF, crc >> 24 & 0xFF)))

    def release(self):
        try:
            self._pen.put_away.release(self._parser.values[0])
        except ValueError as error:
            return str(error).encode()
        except OSError:
            return b"a memory did not keep it"


def _read_file(path, at, buf):
    """Opened for each piece: in between the pen may write to the archive."""
    with open(path, "rb") as file:
        file.seek(at)
        if file.readinto(buf) != len(buf):
            raise OSError("shorter than before")
