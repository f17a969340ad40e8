"""Reads the sessions out of a FRAM image: heads, tails, the strokes of their blocks, and what is missing of each.

Invariants as in `penimage.fram`; the strokes of a session have rising numbers, each at most once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from penimage.blocks import STROKES_IN_A_BLOCK, STROKES_IN_A_FIRST_BLOCK, Block, address, live_blocks, runs
from penimage.model import (
    CLIENT_MAX,
    END_MARK,
    FLAG_PARTIAL,
    FLAG_SLIP,
    HEAD_AT,
    HEAD_BYTES,
    HEAD_FORMATS,
    HEAD_SUPERVISED,
    HEAD_WITH_FLAGS,
    KIND_SESSION,
    SESSION_STROKES_MAX,
    TAIL_AT,
    TAIL_BYTES,
    Head,
    Image,
    Problem,
    Session,
    Tail,
    crc16,
    text,
)
from penimage.words import Words, read_words


def read_sessions(data: bytes, found: Image) -> None:
    """Adds every live session in `data` to `found`; needs the journal record read before."""
    journal = found.records["journal"].values
    live = live_blocks(data, journal["released_blocks"] if journal else None)
    missing = set(live.missing)
    by_session: dict[int, list[Block]] = {}
    for block in live.blocks:
        by_session.setdefault(block.session, []).append(block)
    explained: set[int] = set()
    for number, members in sorted(by_session.items()):
        found.sessions.append(read_session(number, members, missing, explained))
    found.problems += live.problems
    found.problems += _unexplained(live.blocks, sorted(missing - explained))


def _unexplained(blocks: list[Block], missing: list[int]) -> list[Problem]:
    """Missing blocks that no session's numbers account for."""
    problems = []
    for first, last in runs(missing):
        before = max((block.session for block in blocks if block.number < first), default=None)
        after = min((block.session for block in blocks if block.number > last), default=None)
        lost = f"at most {(last - first + 1) * STROKES_IN_A_BLOCK} strokes"
        if before is not None and after is not None and after - before > 1:
            whole = after - before - 1
            lost = f"{whole} session{'s' * (whole > 1)}, {lost}"
        problems.append(Problem(_unreadable(first, last), address(first), lost, None))
    return problems


def _unreadable(first: int, last: int) -> str:
    return f"block {first} is unreadable" if first == last else f"blocks {first} to {last} are unreadable"


def read_session(
    number: int, members: list[Block], missing: set[int], explained: set[int], place: Callable[[int], int] = address
) -> Session:
    """One session from its blocks, at least one. `missing`: numbers of blocks that ought to be there.

    Those of them that the session accounts for are added to `explained`. `place` gives a block number's byte address.
    """
    session = Session(number, blocks=[block.number for block in members])
    opening = members[0]
    if opening.kind == KIND_SESSION:
        session.head = _read_head(opening, session)
        session.tail = _read_tail(opening, session)
    else:
        _miss_beginning(opening, session, missing, explained, place)
    for block in members[1:]:
        if block.kind == KIND_SESSION:
            _add(session, "begins more than once", block.at, "its second head and tail")
    for i, block in enumerate(members):
        gap = _gap_after(block, members[i + 1] if i + 1 < len(members) else None, session.tail, missing, place)
        words = read_words(block, None if gap.blocks else gap.end)
        _take(session, block, words, gap)
        if _account(session, block, words, gap):
            explained.update(gap.blocks)
    _compare_totals(session, opening.at + TAIL_AT)
    return session


@dataclass(frozen=True)
class _Gap:
    """What comes after a block: missing `blocks` that begin at byte `at`, then the stroke `end`, None if unknown."""

    blocks: list[int]
    at: int
    end: int | None
    last: bool


def _gap_after(
    block: Block, following: Block | None, tail: Tail | None, missing: set[int], place: Callable[[int], int]
) -> _Gap:
    after = block.number + 1
    if following is not None:
        between = [number for number in range(after, following.number) if number in missing]
        return _Gap(between, place(after), following.first_stroke, False)
    while after in missing:
        after += 1
    end = tail.strokes + 1 if tail else None
    return _Gap(list(range(block.number + 1, after)), place(block.number + 1), end, True)


def _miss_beginning(
    opening: Block, session: Session, missing: set[int], explained: set[int], place: Callable[[int], int]
) -> None:
    """Its first block is gone: head, tail and the strokes before `opening` are lost."""
    count = opening.first_stroke - 1
    fewest = 1 + -(-max(0, count - STROKES_IN_A_FIRST_BLOCK) // STROKES_IN_A_BLOCK)
    explained.update(missing.intersection(range(opening.number - fewest, opening.number)))
    at = place(opening.number - fewest)
    _add(session, "its first block is missing", at, f"head, tail, {_strokes(1, count)}", count)


def _take(session: Session, block: Block, words: Words, gap: _Gap) -> None:
    """Adds the block's strokes that are not there yet, and says what in the block itself is unreadable."""
    highest = session.strokes[-1].sequence if session.strokes else 0
    fresh = [stroke for stroke in words.strokes if stroke.sequence > highest]
    twice = len(words.strokes) - len(fresh)
    if twice:
        _add(session, f"block {block.number} repeats {twice} stroke numbers", block.at, "the second of each", None)
    session.strokes += fresh
    places = dict(words.unreadable)
    for first, last in runs(list(places)):
        count = last - first + 1
        what = f"stroke {first} is unreadable" if count == 1 else f"strokes {first} to {last} are unreadable"
        _add(session, what, places[first], f"{count} stroke{'s' * (count > 1)}", count)
    if words.stray and not gap.last and (gap.end is None or words.next_stroke >= gap.end):
        _add(session, f"block {block.number} has bytes after its last word", block.at)


def _account(session: Session, block: Block, words: Words, gap: _Gap) -> bool:
    """Says which strokes are missing between the block's last one and the gap's end; True when there is an end."""
    what, at, start = f"block {block.number} ends before stroke {words.next_stroke}", block.at, words.next_stroke
    if words.broken_at:
        start, at = words.broken_at
        what = f"block {block.number} is unreadable from stroke {start} on"
    elif gap.blocks:
        what, at = _unreadable(gap.blocks[0], gap.blocks[-1]), gap.at
    if gap.end is None:
        if words.broken_at:
            _add(session, what, at, f"strokes from {start} on, at most {STROKES_IN_A_BLOCK}", None)
        return False
    if start > gap.end:
        told = f"block {block.number} ends before stroke {start}, the next record says {gap.end}"
        _add(session, told, at, "cannot be told", None)
        return False
    if start == gap.end and not words.broken_at:
        return False
    if not words.broken_at and not gap.blocks:
        what += f", the next record says {gap.end}"
    _add(session, what, at, _strokes(start, gap.end - 1), gap.end - start)
    return True


def _strokes(first: int, last: int) -> str:
    """Strokes `first` to `last` in words."""
    if last < first:
        return "no stroke"
    return f"stroke {first}" if first == last else f"strokes {first} to {last} ({last - first + 1})"


def _add(session: Session, what: str, at: int, lost: str = "nothing", count: int | None = 0) -> None:
    session.problems.append(Problem(what, at, lost, count, session.number))


def _read_head(block: Block, session: Session) -> Head | None:
    head = block.data[HEAD_AT : HEAD_AT + HEAD_BYTES]
    client = struct.unpack_from("<I", head, 48)[0]
    if crc16(head[:-2]) != head[-2] | head[-1] << 8 or client > CLIENT_MAX:
        _add(session, "head is unreadable", block.at + HEAD_AT, "pen, cartridge, operator, zone, date")
        return None
    serial, rom, operator, *numbers, form = struct.unpack("<12s8s8sHHBBHIIB", head[:45])
    if form not in HEAD_FORMATS:
        what = f"head is of format {form}, which is not known here"
        _add(session, what, block.at + HEAD_AT, "pen, cartridge, operator, zone, date")
        return None
    supervised = bool(head[45] & HEAD_SUPERVISED) if form >= HEAD_WITH_FLAGS else None
    return Head(text(serial), rom, text(operator), *numbers, client, supervised)


def _read_tail(block: Block, session: Session) -> Tail | None:
    tail = block.data[TAIL_AT : TAIL_AT + TAIL_BYTES]
    if tail[-1] == 0:
        return None
    sound = tail[-1] == END_MARK and crc16(tail[:28], (session.number & 0xFFFF) ^ 0xFFFF) == tail[28] | tail[29] << 8
    strokes, slips, worst, reason, fault, uptime_ms, boot, faults, partials, *codes = struct.unpack(
        "<IHhBxHIHBBHHH", tail[:26])
    if not sound or strokes > SESSION_STROKES_MAX:
        _add(session, "tail is unreadable", block.at + TAIL_AT, "totals, how and when it ended")
        return None
    return Tail(strokes, slips, worst, reason, fault, uptime_ms, boot, faults, tuple(code for code in codes if code),
                partials)


def _compare_totals(session: Session, at: int) -> None:
    tail, strokes = session.tail, session.strokes
    if tail is None or session.problems:
        return
    slips = sum(stroke.flags & FLAG_SLIP for stroke in strokes)
    worst = max((abs(s.achieved_um - s.commanded_um) for s in strokes if not s.flags & FLAG_PARTIAL), default=0)
    if (len(strokes), min(slips, 0xFFFF), worst) != (tail.strokes, tail.slips, abs(tail.worst_error_um)):
        said = (
            f"tail says {tail.strokes} strokes, {tail.slips} slips, worst {tail.worst_error_um} um; "
            f"the strokes say {len(strokes)}, {slips}, {worst}"
        )
        _add(session, said, at, "cannot be told", None)
