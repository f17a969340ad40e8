"""Reads the strokes out of one block's words.

Invariants: a stroke is yielded only if its word and every word it is relative to are intact; numbers of strokes
only rise.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from penimage.blocks import Block
from penimage.model import (
    BLOCK_WORDS,
    FIRST_WORD,
    MARK_COARSE,
    MARK_PERIOD,
    MARK_PRESENT,
    MARK_STATE,
    Stroke,
    crc8,
)


@dataclass
class Words:
    """What a block yields. `next_stroke`: the number that the stroke after its last one has.

    `unreadable`: strokes whose own word is damaged. `broken_at`: the first stroke of the rest that was left out,
    because a damaged word may have been a change of state; None when nothing was. `stray`: bytes after the last word.
    """

    strokes: list[Stroke] = field(default_factory=list)
    next_stroke: int = 0
    unreadable: list[tuple[int, int]] = field(default_factory=list)  # number, byte address
    broken_at: tuple[int, int] | None = None
    stray: bool = False


def read_words(block: Block, following: int | None) -> Words:
    """`following`: the number of the first stroke after this block, None when nothing intact says it."""
    words = _split(block)
    end = max((i + 1 for i, (raw, _) in enumerate(words) if raw[3] & MARK_PRESENT), default=0)
    found = Words(next_stroke=block.first_stroke, stray=any(any(raw) for raw, _ in words[end:]))
    words = words[:end]
    damaged = sum(not intact for _, intact in words)
    strokes = sum(intact and not raw[3] & MARK_STATE for raw, intact in words)
    # When the numbers say that every damaged word was a stroke, none was a state word: the rest is certain.
    only_strokes = following is not None and following - block.first_stroke - strokes == damaged
    zone_id, commanded_um, period_us = block.zone_id, block.commanded_um, block.period_us
    for index, (raw, intact) in enumerate(words, FIRST_WORD[block.kind]):
        first, second, _, mark = raw
        if not intact:
            place = found.next_stroke, block.at + 4 * index
            if not only_strokes:
                found.broken_at = place
                break
            found.unreadable.append(place)
            found.next_stroke += 1
        elif not mark & MARK_STATE:
            coarse = mark & MARK_COARSE
            achieved_um = commanded_um + _signed(first) * (32 if coarse else 1)
            found.strokes.append(Stroke(
                found.next_stroke, zone_id, commanded_um, achieved_um, max(0, period_us + 16 * _signed(second)),
                mark & 15, not coarse))  # fmt: skip
            found.next_stroke += 1
        elif mark & MARK_PERIOD:
            period_us = first | second << 8 | (mark & 15) << 16
        else:
            zone_id, commanded_um = first, second | (mark & 15) << 8
    return found


def _split(block: Block) -> list[tuple[bytes, bool]]:
    """Every word of a block, and whether it is intact; one that was never completed is not."""
    seed = crc8(struct.pack("<I", block.number))
    words = []
    for index in range(FIRST_WORD[block.kind], BLOCK_WORDS):
        raw = block.data[4 * index : 4 * index + 4]
        present = raw[3] & MARK_PRESENT
        words.append((raw, bool(present) and crc8(bytes((index, raw[0], raw[1], raw[3])), seed) == raw[2]))
    return words


def _signed(byte: int) -> int:
    return byte - 256 if byte & 0x80 else byte
