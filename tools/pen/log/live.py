"""Fetches a live pen's memories over its console, as the images that `penimage` reads.

What comes is one state of the pen: when its records changed while they were read, because it put a session away, they
are read again. Every part has a CRC-32; a part that arrives damaged is asked for again, from its own offset. Entries of
the archive never change, so those that are at hand already, and whole, are not fetched a second time, when the pen's
own digest of them is the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pen.link import Garbage, NoAnswer, Refused, split_fields
from pen.log.source import LogError
from pen.wires import LinkError
from penimage import decode
from penimage.flash import DIGEST_BYTES, read_files
from penimage.littlefs import build
from penimage.model import EVENT_BASE, FRAM_BYTES

PART_BYTES = 16_384
TRIES = 3  # for a part
ROUNDS = 8  # until the records stand still
KEPT_FRAM, KEPT_FLASH = "fram.bin", "flash.bin"

Progress = Callable[[int, int], None]  # bytes that are here, bytes in all


class Link(Protocol):
    """What is needed of `pen.link.PenLink`."""

    def query(self, command: str) -> str: ...

    def query_block(self, command: str) -> bytes: ...


def fetch(link: Link, keep: Path | None = None, progress: Progress = lambda done, total: None) -> tuple[bytes, bytes]:
    """(image of the FRAM, image of the flash's filesystem with the archive's files) of the pen at `link`.

    `keep`: a directory in which both stay; what is there of an earlier time is made use of, also of one that broke
    off. LinkError when the pen refuses or is gone, LogError when it is of another kind or `keep` cannot be written.
    """
    pen = _Pen(link, _kept(keep), progress)
    fram = b""
    try:
        fram = pen.read()
        return fram, build(pen.files)
    finally:
        if keep is not None:
            _keep(keep, fram, pen.files)


def exported(link: Link) -> int:
    """Newest entry of the archive that the pen knows to be exported. LinkError; LogError when its record is damaged."""
    record = decode(link.query_block(f"LOG:FRAM? 0,{EVENT_BASE}").ljust(FRAM_BYTES, b"\0")).records["archive"]
    if record.values is None:
        raise LogError(f"the pen's record of its archive is {record.status}")
    return record.values["exported"]


class _Pen:
    """`files`: of the archive, by name, as far as they are here."""

    def __init__(self, link: Link, files: dict[str, bytes], progress: Progress):
        self._link = link
        self._progress = progress
        self._done = self._total = 0
        self._doubted = {name for name in files if name != "id"}  # from an earlier time, perhaps of another pen
        self.files = files

    def read(self) -> bytes:
        """The FRAM, with `files` to fit it."""
        size = self._link.query("LOG:FRAM:SIZE?")
        if size != str(FRAM_BYTES):
            raise LogError(f"the pen has a record memory of {size} bytes, not {FRAM_BYTES:,}: it is of another kind")
        fram = self._part("LOG:FRAM? ", 0, FRAM_BYTES)
        for _ in range(ROUNDS):
            settled = self._read_files()
            again = self._part("LOG:FRAM? ", 0, EVENT_BASE)
            if settled and again == fram[:EVENT_BASE]:
                return fram
            fram = again + self._part("LOG:FRAM? ", EVENT_BASE, FRAM_BYTES - EVENT_BASE)
        raise LinkError("the pen is still putting sessions away: leave it at rest for a minute and try again")

    def _read_files(self) -> bool:
        """Fetches what is missing; False when a file went away meanwhile."""
        fields = split_fields(self._link.query("LOG:FILE:CAT?"))
        try:
            sizes = {name: int(size) for name, size in zip(fields[::2], fields[1::2], strict=True) if name}
        except ValueError:
            raise Garbage(f"'LOG:FILE:CAT?' has names and sizes for an answer, not {fields[:4]}") from None
        wanted = {name: size for name, size in sizes.items() if name == "id" or re.fullmatch(r"\d{8}\.ses", name)}
        self.files = {
            name: data for name, data in self.files.items() if name != "id" and self._same(name, data, wanted)}
        missing = {name: size for name, size in wanted.items() if name not in self.files}
        self._total += sum(missing.values())
        for name, size in missing.items():
            try:
                self.files[name] = self._part(f'LOG:FILE? "{name}",', 0, size)
            except Refused:
                if name in split_fields(self._link.query("LOG:FILE:CAT?"))[::2]:
                    raise
                return False
        return True

    def _same(self, name: str, data: bytes, wanted: dict[str, int]) -> bool:
        """This is the entry that the pen has; one from an earlier time is held against the digest in the pen."""
        size = wanted.get(name)
        if len(data) != size or not _whole(data):
            return False
        if name in self._doubted:
            self._doubted.discard(name)
            digest = f'LOG:FILE? "{name}",{size - DIGEST_BYTES},{DIGEST_BYTES}'
            return self._try(digest) == data[-DIGEST_BYTES:]
        return True

    def _part(self, command: str, start: int, count: int) -> bytes:
        """Bytes from `start` on, in parts."""
        self._total = max(self._total, self._done + count)
        data = b""
        while len(data) < count:
            wanted = min(PART_BYTES, count - len(data))
            part = self._try(f"{command}{start + len(data)},{wanted}")
            if len(part) != wanted:
                raise Garbage(f"'{command}...' gave {len(part)} bytes, not {wanted}")
            data += part
            self._done += wanted
            self._progress(self._done, self._total)
        return data

    def _try(self, command: str) -> bytes:
        for left in reversed(range(TRIES)):
            try:
                return self._link.query_block(command)
            except (Garbage, NoAnswer):
                if not left:
                    raise
        raise AssertionError  # not reached


def _whole(entry: bytes) -> bool:
    return hashlib.sha256(entry[:-DIGEST_BYTES]).digest() == entry[-DIGEST_BYTES:]


def _kept(keep: Path | None) -> dict[str, bytes]:
    """The archive's files of an earlier time."""
    if keep is None:
        return {}
    with suppress(FileNotFoundError, NotADirectoryError):
        return read_files((keep / KEPT_FLASH).read_bytes())[0]
    return {}


def _keep(keep: Path, fram: bytes, files: dict[str, bytes]) -> None:
    """Each image beside its place, then put there: never half of one."""
    try:
        keep.mkdir(parents=True, exist_ok=True)
        for name, data in ((KEPT_FRAM, fram), (KEPT_FLASH, build(files) if files else b"")):
            if data:
                part = keep / f".{name}.part"
                part.write_bytes(data)
                part.replace(keep / name)
    except OSError as error:
        raise LogError(f"cannot keep the images in {keep}: {error.strerror}") from None
