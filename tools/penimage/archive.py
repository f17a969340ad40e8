"""Reads the archive of finished sessions out of a flash image, and holds its hash chain to itself and to the FRAM.

Invariants as in `penimage.fram`. An entry that is missing, changed, replaced or out of place is a problem; the strokes
of a changed one are still read, block by block, because each block has sums of its own.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass, field, replace
from typing import Any

from penimage.blocks import STROKES_IN_A_BLOCK, Block, read_block
from penimage.chain import KIND_SESSION, KIND_UNREADABLE, Entry, check_chain, file_of
from penimage.flash import DIGEST_BYTES, ENTRY_BLOCK, ENTRY_BLOCKS_MAX, ENTRY_HEADER, read_files, salvage
from penimage.littlefs import LOG, Reader
from penimage.model import Problem, Session, crc16, text
from penimage.sessions import read_session


@dataclass
class Archive:
    """`entries` in order; `pen_serial` "" when `/log/id` is not there or unreadable."""

    pen_serial: str = ""
    entries: list[Entry] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


def decode_archive(image: bytes, record: dict[str, Any] | None = None, reader: Reader | None = None) -> Archive:
    """Everything intact of the archive in `image`, of the whole flash or of its filesystem; never raises.

    `record`: record 8 of the same pen's FRAM; without it nobody can tell whether the newest entries are missing.
    `reader`: one to use for many images.
    """
    found = Archive()
    files, why = read_files(image, reader)
    entries = {}
    for name, data in sorted(files.items()):
        match = re.fullmatch(r"(\d{8})\.ses", name)
        if match:
            entry = _read_entry(int(match[1]), data, found)
            if entry is not None:
                entries[entry.number] = entry
    _read_id(files.get("id"), bool(entries), found)
    oldest = record["oldest"] if record else min(entries, default=1)
    newest = record["entries"] if record else max(entries, default=0)
    if why or len(entries) < newest + 1 - oldest:
        _add_salvaged(image, entries, oldest, newest if record else None, why, found)
    newest = record["entries"] if record else max(entries, default=0)
    _drop_outside(entries, oldest, newest, found)
    found.entries = [entries[number] for number in sorted(entries)]
    unreadable = {problem.file for problem in found.problems}
    last_digest = bytes.fromhex(record["digest"]) if record else None
    found.problems += check_chain(found.entries, oldest, newest, last_digest, unreadable)
    for entry in found.entries:
        if found.pen_serial and entry.pen_serial != found.pen_serial:
            what = f"is an entry of pen {entry.pen_serial}"
            found.problems.append(Problem(what, 24, "perhaps an entry of this pen", None, None, entry.file))
        else:
            _read_content(entry, found)
    _read_set_aside(files, found)
    return found


def _read_entry(number: int, data: bytes, found: Archive, folder: str = LOG) -> Entry | None:
    """The entry in a file, None when its header is not whole: then it is as good as missing."""
    file = file_of(number, folder)
    if len(data) < ENTRY_HEADER + DIGEST_BYTES:
        return None
    magic, form, kind, own, session, first, count, serial, boot, wall_s, _, previous = struct.unpack(
        "<4sBBxxIIII12sIII32s", data[:80]
    )
    sound = magic == b"PLOG" and crc16(data[:94]) == data[94] | data[95] << 8
    if not sound or own != number or count > ENTRY_BLOCKS_MAX:
        found.problems.append(Problem("header is unreadable", 0, "its session", None, None, file))
        return None
    if form != 1 or kind not in (KIND_SESSION, KIND_UNREADABLE):
        what = f"format {form}, kind {kind} is not known here"
        found.problems.append(Problem(what, 4, "its session", None, session, file))
        return None
    body = data[:-DIGEST_BYTES]
    whole = len(body) == ENTRY_HEADER + count * ENTRY_BLOCK and hashlib.sha256(body).digest() == data[-DIGEST_BYTES:]
    blocks = tuple(
        body[at : at + ENTRY_BLOCK].ljust(ENTRY_BLOCK, b"\0")
        for at in range(ENTRY_HEADER, ENTRY_HEADER + count * ENTRY_BLOCK, ENTRY_BLOCK)
    )
    digest = data[-DIGEST_BYTES:]
    return Entry(number, kind, session, first, text(serial), boot, wall_s, previous, digest, whole, blocks, folder)


def _read_id(data: bytes | None, needed: bool, found: Archive) -> None:
    framed = data is not None and len(data) == 32 and data[:5] == b"PLID\x01"
    if data is not None and framed and crc16(data[:30]) == data[30] | data[31] << 8:
        found.pen_serial = text(data[8:20])
        first = struct.unpack_from("<I", data, 24)[0]
        if first > 1:
            what = f"the archive before this one, up to entry {first - 1}, was lost"
            lost = "its sessions, but for those that were exported or are set aside"
            found.notes.append(Problem(what, 24, lost, 0, None, f"{LOG}/id"))
    elif data is not None or needed:
        what = "whose archive it is cannot be read" if data else "it is not there"
        found.problems.append(Problem(what, 0, "nothing of a session", 0, None, f"{LOG}/id"))


def _add_salvaged(
    image: bytes, entries: dict[int, Entry], oldest: int, newest: int | None, why: str, found: Archive
) -> None:
    """Puts in what the filesystem does not give and the flash still holds."""
    rescued = []
    for number, data in sorted(salvage(image).items()):
        wanted = oldest <= number and (newest is None or number <= newest)
        entry = _read_entry(number, data, found) if number not in entries and wanted else None
        if entry is not None:
            entries[number] = entry
            rescued.append(number)
            found.problems = [problem for problem in found.problems if problem.file != entry.file]
    if why:
        lost = f"nothing of {_listed(rescued)}, found outside it" if rescued else "what is named missing"
        found.problems.append(Problem(why, None, lost, 0, None, LOG))
    elif rescued:
        what = f"{_listed(rescued)} are not in files of their names"
        found.problems.append(Problem(what, None, "nothing: they were found outside it", 0, None, LOG))


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:5])
    return f"entries {shown}" + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")


def _drop_outside(entries: dict[int, Entry], oldest: int, newest: int, found: Archive) -> None:
    """Entries that a cut left over: erased ones below the oldest, and one that record 8 does not know yet."""
    for number in sorted(entries):
        if number < oldest:
            lost = "nothing: power was cut while it was erased"
            found.notes.append(Problem("its file is left over", None, lost, 0, None, file_of(number)))
            del entries[number]
        elif number == newest + 1:
            what = "is not in the record yet"
            lost = "nothing: power was cut while it was archived, its session is in the FRAM"
            found.notes.append(Problem(what, None, lost, 0, None, file_of(number)))
            del entries[number]
        elif number > newest:
            found.problems.append(
                Problem("is newer than the pen's newest", None, "cannot be told", None, None, file_of(number)))


def _read_set_aside(files: dict[str, bytes], found: Archive) -> None:
    """Sessions of archives that the pen moved out of the way, where the chain does not have them."""
    folders: dict[str, dict[int, bytes]] = {}
    for name, data in sorted(files.items()):
        match = re.fullmatch(r"(log\.\d+)/(\d{8})\.ses", name)
        if match:
            folders.setdefault(f"/{match[1]}", {})[int(match[2])] = data
    for folder, held in folders.items():
        old = Archive(found.pen_serial)
        entries = [entry for number, data in held.items() if (entry := _read_entry(number, data, old, folder))]
        ours = [entry for entry in entries if not found.pen_serial or entry.pen_serial == found.pen_serial]
        there = {session.number for session in found.sessions}
        if ours:
            unreadable = {problem.file for problem in old.problems}
            old.problems += check_chain(ours, ours[0].number, ours[-1].number, None, unreadable)
        for entry in ours:
            if entry.session not in there:
                _read_content(entry, old)
        of_others = f", {len(entries) - len(ours)} of another pen" if len(ours) < len(entries) else ""
        what = f"an archive that the pen set aside: {len(old.sessions)} sessions found only here{of_others}"
        found.notes.append(Problem(what, None, "nothing", 0, None, folder))
        found.problems += old.problems
        found.sessions += old.sessions


def _read_content(entry: Entry, found: Archive) -> None:
    """The session in an entry, or what it says is unreadable."""
    if entry.kind == KIND_UNREADABLE:
        lost = f"at most {len(entry.blocks) * STROKES_IN_A_BLOCK} strokes"
        what = f"{len(entry.blocks)} blocks were unreadable when they were archived"
        found.problems.append(Problem(what, ENTRY_HEADER, lost, None, None, entry.file))
        return
    members, missing = [], set()
    for i, raw in enumerate(entry.blocks):
        number = entry.first_block + i
        block = read_block(raw, ENTRY_HEADER + i * ENTRY_BLOCK)
        if isinstance(block, Block) and (block.number, block.session) == (number, entry.session):
            members.append(block)
        else:
            missing.add(number)
    if not members:
        what = "none of its blocks is readable"
        found.problems.append(Problem(what, ENTRY_HEADER, "the session", None, entry.session, entry.file))
        return
    explained: set[int] = set()
    session = read_session(
        entry.session, members, missing, explained,
        lambda number: ENTRY_HEADER + (number - entry.first_block) * ENTRY_BLOCK)
    unexplained = len(missing - explained)
    if unexplained:
        lost = f"at most {unexplained * STROKES_IN_A_BLOCK} strokes"
        session.problems.append(Problem(f"{unexplained} blocks are unreadable", None, lost, None, entry.session))
    changed = [problem for problem in found.problems if problem.file == entry.file]
    session.problems = [replace(problem, file=entry.file) for problem in session.problems]
    found.problems += session.problems
    session.problems += changed
    found.sessions.append(session)
