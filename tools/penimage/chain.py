"""Entries of the archive and the hash chain through them: which are missing, changed, or in another's place."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from penimage.littlefs import LOG
from penimage.model import Problem

KIND_SESSION, KIND_UNREADABLE = 1, 2
NO_DIGEST = bytes(32)


@dataclass(frozen=True)
class Entry:
    """One entry of the archive. `whole`: its digest fits its content. `blocks`: 512 bytes each."""

    number: int
    kind: int
    session: int
    first_block: int
    pen_serial: str
    boot: int
    wall_s: int
    previous: bytes
    digest: bytes
    whole: bool
    blocks: tuple[bytes, ...]
    folder: str = LOG

    @property
    def file(self) -> str:
        return file_of(self.number, self.folder)


def file_of(number: int, folder: str = LOG) -> str:
    """Path of an entry's file in the pen's filesystem."""
    return f"{folder}/{number:08d}.ses"


def check_chain(
    entries: list[Entry], oldest: int, newest: int, last_digest: bytes | None, unreadable: set[str | None]
) -> list[Problem]:
    """What is wrong with `entries` (ascending), which ought to be `oldest` to `newest`.

    `last_digest`: of the newest as the FRAM has it, None without a FRAM. `unreadable`: files already spoken of.
    """
    problems = _gaps(entries, oldest, newest, unreadable)
    before = None
    for entry in entries:
        follows = entry.previous == NO_DIGEST if entry.number == 1 else True
        after = "the beginning"
        if before is not None and before.number + 1 == entry.number and before.whole:
            follows, after = entry.previous == before.digest, f"entry {before.number}"
        if not entry.whole:
            problems.append(_doubt(entry, "was changed: its digest does not fit its content"))
        elif not follows:
            problems.append(_doubt(entry, f"does not follow {after}: one of the two was replaced"))
        elif entry.number == newest and last_digest is not None and entry.digest != last_digest:
            problems.append(_doubt(entry, "is not the entry that the pen wrote last"))
        before = entry
    return problems


def _gaps(entries: list[Entry], oldest: int, newest: int, unreadable: set[str | None]) -> list[Problem]:
    """Numbers without an entry, one problem for each stretch of them."""
    by_number = {entry.number: entry for entry in entries}
    folder = entries[0].folder if entries else LOG
    problems = []
    for low, high in pairwise([oldest - 1, *by_number, newest + 1]):
        first, last = low + 1, high - 1
        if first > last or (first == last and file_of(first, folder) in unreadable):
            continue
        what = f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"
        before, after = by_number.get(low), by_number.get(high)
        lost = "their sessions" if last > first else "its session"
        if before and after and after.session - before.session > 1:
            one, end = before.session + 1, after.session - 1
            lost = f"session {one}" if one == end else f"sessions {one} to {end}"
        problems.append(Problem(what, None, lost, None, None, file_of(first, folder)))
    return problems


def _doubt(entry: Entry, what: str) -> Problem:
    session = entry.session if entry.kind == KIND_SESSION else None
    return Problem(what, None, "trust in it; what its sums confirm is shown", 0, session, entry.file)
