"""The chip's filesystem on CPython: the same LittleFS as MicroPython's, over the same simulated flash.

Both are LittleFS 2.11 with one geometry, so that every file operation makes the same accesses on both tiers. LittleFS
cannot be left in the middle of an operation: when the chip stops there, the flash stays as it is at that moment, the
operation runs to its end on a copy, and then the stop is raised.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from typing import Any

from littlefs import lfs
from littlefs.errors import LittleFSError

from sim.parts.flash import PAGE_BYTES, SECTOR_BYTES, SECTORS, SIZE

GEOMETRY = {
    "block_size": SECTOR_BYTES, "block_count": SECTORS, "read_size": 32, "prog_size": PAGE_BYTES, "cache_size": 1024,
    "lookahead_size": 32, "block_cycles": 100}
ERASE = 6  # the request of MicroPython's block devices
MTIME = 1  # the attribute under which MicroPython keeps a file's time, and looks for it

_FILE, _DIRECTORY = 0x8000, 0x4000


class FirmwareFlash:
    """A block device for LittleFS that is an object of the firmware's, as MicroPython's `VfsLfs2` takes one.

    `image()` tells what is in the flash, without an access of the chip.
    """

    def __init__(self, device: Any, image: Callable[[], bytes]):
        self._device = device
        self._image = image
        self._copy: bytearray | None = None
        self.stopped: BaseException | None = None

    def read(self, _cfg: Any, block: int, offset: int, size: int) -> bytearray:
        addr = block * SECTOR_BYTES + offset
        buf = bytearray(size)
        self._reach(lambda: self._device.readblocks(block, buf, offset))
        return buf if self._copy is None else self._copy[addr : addr + size]

    def prog(self, _cfg: Any, block: int, offset: int, data: bytes) -> int:
        addr = block * SECTOR_BYTES + offset
        answer = self._reach(lambda: self._device.writeblocks(block, data, offset))
        if self._copy is not None:
            self._copy[addr : addr + len(data)] = data
        return answer

    def erase(self, _cfg: Any, block: int) -> int:
        answer = self._reach(lambda: self._device.ioctl(ERASE, block))
        if self._copy is not None:
            self._copy[block * SECTOR_BYTES : (block + 1) * SECTOR_BYTES] = b"\xff" * SECTOR_BYTES
        return answer

    def sync(self, _cfg: Any) -> int:
        return 0

    def _reach(self, access: Callable[[], int | None]) -> int:
        if self.stopped is None:
            try:
                return access() or 0
            except BaseException as stopped:
                self.stopped = stopped
                self._copy = bytearray(self._image())
        return 0

    def raise_stop(self) -> None:
        if self.stopped is not None:
            raise self.stopped


class ImageFlash:
    """A block device for LittleFS in memory, for making and for looking at images."""

    def __init__(self, image: bytes | None = None):
        self.image = bytearray(image if image is not None else b"\xff" * SIZE)

    def read(self, _cfg: Any, block: int, offset: int, size: int) -> bytearray:
        addr = block * SECTOR_BYTES + offset
        return self.image[addr : addr + size]

    def prog(self, _cfg: Any, block: int, offset: int, data: bytes) -> int:
        addr = block * SECTOR_BYTES + offset
        self.image[addr : addr + len(data)] = data
        return 0

    def erase(self, _cfg: Any, block: int) -> int:
        self.image[block * SECTOR_BYTES : (block + 1) * SECTOR_BYTES] = b"\xff" * SECTOR_BYTES
        return 0

    def sync(self, _cfg: Any) -> int:
        return 0

    def raise_stop(self) -> None:
        """Nothing stops this one."""


class LittleFiles:
    """What MicroPython's VfsLfs2 offers of it. OSError with the number that it would have."""

    def __init__(self, device: Any, formats: bool = True):
        """Mount, and format what cannot be mounted, as the port's `_boot.py` does, unless told not to."""
        self._device = device
        self._fs = lfs.LFSFilesystem()
        self._config = lfs.LFSConfig(context=device, **GEOMETRY)  # LittleFS keeps a bare pointer to it
        try:
            self._do(lfs.mount, self._config)
        except OSError:
            if not formats:
                raise
            self._do(lfs.format, self._config)
            self._fs = lfs.LFSFilesystem()
            self._do(lfs.mount, self._config)

    def _do(self, operation: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return operation(self._fs, *arguments)
        except LittleFSError as error:
            raise OSError(-error.code, str(error)) from None
        finally:
            self._device.raise_stop()

    def open(self, path: str, mode: str = "rb") -> LittleFile:
        flags = {
            "rb": lfs.LFSFileFlag.rdonly,
            "wb": lfs.LFSFileFlag.wronly | lfs.LFSFileFlag.creat | lfs.LFSFileFlag.trunc}
        if mode not in flags:
            raise ValueError(f"mode '{mode}': the firmware opens files 'rb' or 'wb'")
        return LittleFile(self._do, self._do(lfs.file_open, path, flags[mode]))

    def mkdir(self, path: str) -> None:
        self._do(lfs.mkdir, path)

    def remove(self, path: str) -> None:
        self._do(lfs.remove, path)

    rmdir = remove  # LittleFS removes an empty directory as it removes a file

    def rename(self, old: str, new: str) -> None:
        self._do(lfs.rename, old, new)

    def ilistdir(self, path: str) -> Iterator[tuple[str, int, int, int]]:
        directory = self._do(lfs.dir_open, path)
        try:
            while (entry := self._do(lfs.dir_read, directory)) is not None:
                if entry.name not in (".", ".."):
                    yield entry.name, _FILE if entry.type == lfs.LFSStat.TYPE_REG else _DIRECTORY, 0, entry.size
        finally:
            lfs.dir_close(self._fs, directory)  # LittleFS keeps a bare pointer to what is open

    def put(self, held: dict[str, bytes]) -> None:
        """Write these files, by path from the root, and the folders that they need."""
        for path, data in held.items():
            for parent in (path[:i] for i in range(1, len(path)) if path[i] == "/"):
                with contextlib.suppress(FileExistsError):
                    self.mkdir(parent)
            with self.open(path, "wb") as file:
                file.write(data)

    def stat(self, path: str) -> tuple[int, ...]:
        found = self._do(lfs.stat, path)
        try:
            self._do(lfs.getattr, path, MTIME)
        except OSError as error:
            if error.errno != errno.ENODATA:
                raise
        kind = _FILE if found.type == lfs.LFSStat.TYPE_REG else _DIRECTORY
        return (kind, 0, 0, 0, 0, 0, found.size, 0, 0, 0)

    def statvfs(self, _path: str) -> tuple[int, ...]:
        free = SECTORS - self._do(lfs.fs_size)
        return (SECTOR_BYTES, SECTOR_BYTES, SECTORS, free, free, 0, 0, 0, 0, 255)


class LittleFile:
    """An open file, as far as the firmware uses one."""

    def __init__(self, do: Callable[..., Any], handle: lfs.LFSFile):
        self._do = do
        self._handle = handle
        self._open = True

    def write(self, data: Any) -> int:
        return self._do(lfs.file_write, self._handle, bytes(data))

    def read(self, size: int = -1) -> bytes:
        return self._do(lfs.file_read, self._handle, size if size >= 0 else SIZE)

    def readinto(self, buf: Any) -> int:
        data = self.read(len(buf))
        buf[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._do(lfs.file_seek, self._handle, offset, whence)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._do(lfs.file_close, self._handle)

    def __enter__(self) -> LittleFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Vfs:
    """Stands in for the module `vfs` on CPython. `root`: the filesystem that is mounted, at first by `_boot.py`."""

    def __init__(self, flash: Any, image: Callable[[], bytes]):
        self._image = image
        self.root: Any = LittleFiles(FirmwareFlash(flash, image))

    def VfsLfs2(self, device: Any, *, progsize: int, mtime: bool) -> LittleFiles:  # noqa: N802
        if progsize != PAGE_BYTES or mtime:
            raise ValueError("the simulator's filesystem has pages of 256 bytes and keeps no times")
        return LittleFiles(FirmwareFlash(device, self._image), formats=False)

    def mount(self, filesystem: LittleFiles, _path: str) -> None:
        self.root = filesystem

    def umount(self, _path: str) -> None:
        self.root = None
