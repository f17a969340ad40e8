"""Reads the files of `/log` out of a flash image with LittleFS itself, in a process of its own; and makes such images.

LittleFS is C code that trusts its metadata: damage that it does not expect may stop it or keep it busy for ever. In a
process of its own that costs the files of this image and nothing else.
Invariants: an answer is a list of files or a reason in words; nothing in an image raises, hangs or ends the caller.
"""

from __future__ import annotations

import contextlib
import re
import struct
import subprocess
import sys
from itertools import islice
from threading import Timer

BLOCK_BYTES, BLOCK_COUNT = 4096, 352  # of MicroPython's filesystem on the RP2040, 1,441,792 bytes
_GEOMETRY = {"block_size": BLOCK_BYTES, "block_count": BLOCK_COUNT, "read_size": 32, "prog_size": 256,
             "cache_size": 1024, "lookahead_size": 32}  # fmt: skip
LOG = "/log"
FILES_MAX = 1000
NO_ENTRY, CORRUPT = -2, -84  # LittleFS's errors
FILE, FOLDER = 1, 2  # and its types
FILE_BYTES_MAX = 128 + 512 * 472
PATIENCE_S = 30  # a whole archive takes less than one


class Reader:
    """Keeps one child for many images. Use as a context, so that the child ends."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def files(self, filesystem: bytes) -> tuple[dict[str, bytes], str]:
        """(files of /log by name, those of /log.1 and on by folder and name; why something is missing or "").

        `filesystem` has BLOCK_BYTES * BLOCK_COUNT bytes.
        """
        if self._child is None:
            command = [sys.executable, "-m", "penimage.littlefs"]
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        child = self._child
        watch = Timer(PATIENCE_S, child.kill)
        watch.start()
        try:
            assert child.stdin and child.stdout
            child.stdin.write(filesystem)
            child.stdin.flush()
            return _receive(child.stdout)
        except (OSError, EOFError):
            self._end()
            return {}, "LittleFS stopped at damage in its own metadata"
        finally:
            watch.cancel()

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


def build(files: dict[str, bytes]) -> bytes:
    """An image of a filesystem with these files in `/log`. ValueError when they do not fit."""
    from littlefs import LittleFS, LittleFSError

    disk = LittleFS(**_GEOMETRY)
    try:
        disk.mkdir(LOG)
        for name, data in files.items():
            with disk.open(f"{LOG}/{name}", "wb") as file:
                file.write(data)
    except LittleFSError as error:
        raise ValueError(f"{sum(map(len, files.values()))} bytes in {len(files)} files do not fit: {error}") from None
    return bytes(disk.context.buffer)


def _receive(stream) -> tuple[dict[str, bytes], str]:
    count, why = struct.unpack("<I", _exactly(stream, 4))[0], _field(stream)
    return {_field(stream).decode("utf-8", "replace"): _field(stream) for _ in range(count)}, why.decode()


def _field(stream) -> bytes:
    return _exactly(stream, struct.unpack("<I", _exactly(stream, 4))[0])


def _exactly(stream, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


# ---- in the child ----


def _read(filesystem: bytes) -> tuple[dict[str, bytes], str]:
    from littlefs import LittleFS, LittleFSError, UserContext

    context = UserContext(len(filesystem))
    context.buffer[:] = filesystem
    disk = LittleFS(context=context, mount=False, **_GEOMETRY)
    found: dict[str, bytes] = {}
    try:
        disk.mount()
        names = _names(disk, LOG)
    except (LittleFSError, OSError, UnicodeError) as error:
        code = error.code if isinstance(error, LittleFSError) else None
        why = {NO_ENTRY: "", CORRUPT: f"{LOG} is damaged, or there is no filesystem"}
        return found, why.get(code, f"LittleFS cannot read {LOG}: {error}")
    bad = []
    with contextlib.suppress(LittleFSError, OSError, UnicodeError):
        for folder in _folders_aside(disk):
            names += [f"{folder}/{name}" for name in _names(disk, f"/{folder}")]
    for name in names:
        try:
            with disk.open(f"/{name}" if "/" in name else f"{LOG}/{name}", "rb") as file:
                found[name] = file.read()
        except (LittleFSError, OSError, UnicodeError):
            bad.append(name)
    return found, f"LittleFS cannot read {', '.join(bad)}" if bad else ""


def _names(disk, folder: str) -> list[str]:
    """Files in a folder. Damage may close one into a ring, which is why there is a limit."""
    entries = islice(disk.scandir(folder), FILES_MAX)
    return [entry.name for entry in entries if entry.type == FILE and entry.size <= FILE_BYTES_MAX]


def _folders_aside(disk) -> list[str]:
    """Archives that the pen moved out of the way, because they were not what it remembered."""
    entries = islice(disk.scandir("/"), FILES_MAX)
    return [entry.name for entry in entries if entry.type == FOLDER and re.fullmatch(r"log\.\d{1,2}", entry.name)]


def _serve() -> None:
    size = BLOCK_BYTES * BLOCK_COUNT
    while True:
        filesystem = sys.stdin.buffer.read(size)
        if len(filesystem) < size:
            return
        found, why = _read(filesystem)
        out = [struct.pack("<I", len(found)), *_framed(why.encode())]
        for name, data in found.items():
            out += [*_framed(name.encode()), *_framed(data)]
        sys.stdout.buffer.write(b"".join(out))
        sys.stdout.buffer.flush()


def _framed(data: bytes) -> tuple[bytes, bytes]:
    return struct.pack("<I", len(data)), data


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        _serve()
