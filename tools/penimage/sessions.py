"""Reads the sessions out of a FRAM image: which blocks are live, and the strokes in their words.

Part of `penimage.fram`; the same invariants hold.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from penimage.model import (
    BLOCK_BASE,
    BLOCK_BYTES,
    BLOCK_COUNT,
    BLOCK_MAGIC,
    BLOCK_WORDS,
    END_MARK,
    FIRST_WORD,
    FLAG_PARTIAL,
    FLAG_SLIP,
    HEAD_AT,
    HEAD_BYTES,
    KIND_SESSION,
    MARK_COARSE,
    MARK_PERIOD,
    MARK_PRESENT,
    MARK_STATE,
    TAIL_AT,
    TAIL_BYTES,
    Head,
    Image,
    Session,
    Stroke,
    Tail,
    crc8,
    crc16,
    text,
)


@dataclass(frozen=True)
class _Block:
    kind: int
    zone_id: int
    number: int
    session: int
    first_stroke: int
    commanded_um: int
    worst_um: int
    period_us: int
    slips: int
    data: bytes


def _read_block(data: bytes, position: int) -> _Block | str:
    """The block at a position, or "free" or "damaged"."""
    addr = BLOCK_BASE + position * BLOCK_BYTES
    raw = data[addr : addr + BLOCK_BYTES]
    if raw[0] == 0 or raw[31] == 0:
        return "free"
    magic, kind, zone_id, _, number, session, first, commanded, worst, period, slips, _ = struct.unpack(
        "<BBBBIIIHhIHH", raw[:28]
    )
    framed = magic == BLOCK_MAGIC and raw[31] == END_MARK and kind in FIRST_WORD and first > 0
    if not framed or number % BLOCK_COUNT != position or crc16(raw[:28]) != raw[28] | raw[29] << 8:
        return "damaged"
    return _Block(kind, zone_id, number, session, first, commanded, worst, period, slips, raw)


def read_sessions(data: bytes, found: Image) -> None:
    """Adds every live session in `data` to `found`; needs the journal record read before."""
    blocks: dict[int, _Block] = {}
    damaged = set()
    for position in range(BLOCK_COUNT):
        block = _read_block(data, position)
        if isinstance(block, _Block):
            blocks[block.number] = block
        elif block == "damaged":
            damaged.add(position)
    journal = found.records["journal"].values
    released = journal["released_blocks"] if journal else 0
    live = sorted(number for number in blocks if number >= released)
    if live:
        first = max(released, live[-1] + 1 - BLOCK_COUNT) if journal else live[0]
        missing = sorted(set(range(first, live[-1] + 1)) - set(live))
        found.problems += [f"block {number} is unreadable" for number in missing]
    after = live[-1] + 1 if live else released
    while after % BLOCK_COUNT in damaged:
        found.problems.append(f"block {after} is unreadable")
        damaged.remove(after % BLOCK_COUNT)
        after += 1
    by_session: dict[int, list[_Block]] = {}
    for number in live:
        by_session.setdefault(blocks[number].session, []).append(blocks[number])
    found.sessions = [_read_session(number, members) for number, members in sorted(by_session.items())]


def _read_session(number: int, members: list[_Block]) -> Session:
    session = Session(number, blocks=[block.number for block in members])
    if members[0].kind == KIND_SESSION:
        session.head = _read_head(members[0].data, session)
        session.tail = _read_tail(members[0].data, session)
    else:
        session.problems.append("its first block is missing: no head, no tail")
    if any(block.kind == KIND_SESSION for block in members[1:]):
        session.problems.append("begins more than once")
    for i, block in enumerate(members):
        following = members[i + 1].first_stroke if i + 1 < len(members) else None
        if following is not None and members[i + 1].number != block.number + 1:
            following = None
        elif i + 1 == len(members) and session.tail:
            following = session.tail.strokes + 1
        _read_words(block, following, i + 1 == len(members), session)
    _compare_totals(session)
    return session


def _read_head(raw: bytes, session: Session) -> Head | None:
    head = raw[HEAD_AT : HEAD_AT + HEAD_BYTES]
    if crc16(head[:-2]) != head[-2] | head[-1] << 8:
        session.problems.append("head is unreadable")
        return None
    serial, rom, operator, *numbers = struct.unpack("<12s8s8sHHBBHII", head[:44])
    return Head(text(serial), rom, text(operator), *numbers)


def _read_tail(raw: bytes, session: Session) -> Tail | None:
    tail = raw[TAIL_AT : TAIL_AT + TAIL_BYTES]
    if tail[-1] == 0:
        return None
    if (
        tail[-1] != END_MARK
        or crc16(tail[:28], (session.number & 0xFFFF) ^ 0xFFFF) != tail[28] | tail[29] << 8
    ):
        session.problems.append("tail is unreadable")
        return None
    strokes, slips, worst, reason, _, fault, uptime_ms, boot = struct.unpack("<IHhBBHIH", tail[:18])
    return Tail(strokes, slips, worst, reason, fault, uptime_ms, boot)


def _read_words(block: _Block, following: int | None, last: bool, session: Session) -> None:
    """Adds the block's strokes to the session. `following`: the next block's first stroke, if known."""
    words = _split(block)
    end = max((i + 1 for i, word in enumerate(words) if word.present), default=0)
    if not last and any(any(word.raw) for word in words[end:]):
        session.problems.append(f"block {block.number} has bytes after its last word")
    words = words[:end]
    damaged = sum(not word.intact for word in words)
    strokes = sum(word.intact and not word.mark & MARK_STATE for word in words)
    # When the numbers say that every damaged word was a stroke, none was a state word: the rest is certain.
    only_strokes = following is not None and following - block.first_stroke - strokes == damaged
    state = _State(block.first_stroke, block.zone_id, block.commanded_um, block.period_us)
    for word in words:
        if word.intact:
            state.take(word, session)
        elif only_strokes:
            session.problems.append(f"stroke {state.sequence} is unreadable")
            state.sequence += 1
        else:
            session.problems.append(f"block {block.number} is unreadable from stroke {state.sequence} on")
            return
    if following is not None and state.sequence != following:
        session.problems.append(
            f"block {block.number} ends before stroke {state.sequence}, the next record says {following}"
        )


@dataclass(frozen=True, slots=True)
class _Word:
    raw: bytes
    intact: bool

    @property
    def mark(self) -> int:
        return self.raw[3]

    @property
    def present(self) -> bool:
        return bool(self.raw[3] & MARK_PRESENT)


def _split(block: _Block) -> list[_Word]:
    """Every word of a block; one that was never completed is not intact."""
    seed = crc8(struct.pack("<I", block.number))
    words = []
    for index in range(FIRST_WORD[block.kind], BLOCK_WORDS):
        raw = block.data[4 * index : 4 * index + 4]
        checked = crc8(bytes((index, raw[0], raw[1], raw[3])), seed) == raw[2]
        words.append(_Word(raw, checked and bool(raw[3] & MARK_PRESENT)))
    return words


@dataclass
class _State:
    """What the next stroke's word is relative to."""

    sequence: int
    zone_id: int
    commanded_um: int
    period_us: int

    def take(self, word: _Word, session: Session) -> None:
        raw, mark = word.raw, word.mark
        if mark & MARK_STATE and mark & MARK_PERIOD:
            self.period_us = raw[0] | raw[1] << 8 | (mark & 15) << 16
        elif mark & MARK_STATE:
            self.zone_id, self.commanded_um = raw[0], raw[1] | (mark & 15) << 8
        else:
            session.strokes.append(self._stroke(raw, mark))
            self.sequence += 1

    def _stroke(self, raw: bytes, mark: int) -> Stroke:
        coarse = bool(mark & MARK_COARSE)
        achieved_um = self.commanded_um + _signed(raw[0]) * (32 if coarse else 1)
        period_us = self.period_us + 16 * _signed(raw[1])
        return Stroke(
            self.sequence, self.zone_id, self.commanded_um, achieved_um, period_us, mark & 15, not coarse
        )  # fmt: skip


def _signed(byte: int) -> int:
    return byte - 256 if byte & 0x80 else byte


def _compare_totals(session: Session) -> None:
    tail, strokes = session.tail, session.strokes
    if tail is None or session.problems:
        return
    slips = sum(stroke.flags & FLAG_SLIP for stroke in strokes)
    worst = max(
        (abs(s.achieved_um - s.commanded_um) for s in strokes if not s.flags & FLAG_PARTIAL), default=0
    )
    if (len(strokes), min(slips, 0xFFFF), worst) != (tail.strokes, tail.slips, abs(tail.worst_error_um)):
        session.problems.append(
            f"tail says {tail.strokes} strokes, {tail.slips} slips, worst {tail.worst_error_um} um; "
            f"the strokes say {len(strokes)}, {slips}, {worst}"
        )
