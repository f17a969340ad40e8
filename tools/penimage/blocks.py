"""Finds the journal's live blocks in a FRAM image, and says which of them are missing.

Invariants: a block is live only if its header is whole and its values are ones the format can hold; live numbers
lie within one turn of the ring, so that no number in a header, however large, decides how long anything takes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

from penimage.model import (
    BLOCK_BASE,
    BLOCK_BYTES,
    BLOCK_COUNT,
    BLOCK_MAGIC,
    COMMANDED_MAX_UM,
    END_MARK,
    FIRST_WORD,
    PERIOD_MAX_US,
    SESSION_STROKES_MAX,
    Problem,
    crc16,
)

HEADER_BYTES = 28  # those that the header's CRC covers
STROKES_IN_A_FIRST_BLOCK, STROKES_IN_A_BLOCK = 96, 120  # at most


@dataclass(frozen=True)
class Block:
    """One block with an intact header. `data`: all of its 512 bytes; `at`: where they lie in FRAM or file."""

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
    at: int


@dataclass(frozen=True)
class Live:
    """`blocks` in order of number; `missing`: numbers of live blocks that cannot be read, those after the last too."""

    blocks: list[Block]
    missing: list[int]
    problems: list[Problem]


def address(number: int) -> int:
    """Byte address of a block number."""
    return BLOCK_BASE + number % BLOCK_COUNT * BLOCK_BYTES


def live_blocks(data: bytes, released: int | None) -> Live:
    """Every block from `released` on; None when the journal record cannot say, then every block counts."""
    found: dict[int, Block] = {}
    damaged: set[int] = set()
    for position in range(BLOCK_COUNT):
        addr = BLOCK_BASE + position * BLOCK_BYTES
        block = read_block(data[addr : addr + BLOCK_BYTES], addr)
        if isinstance(block, Block) and block.number % BLOCK_COUNT != position:
            block = "damaged"
        if isinstance(block, Block):
            found[block.number] = block
        elif block == "damaged":
            damaged.add(position)
    numbers = sorted(number for number in found if number >= (released or 0))
    inside = _one_turn(numbers)
    problems = [
        Problem(f"block {number} is out of sequence", address(number), "its strokes, at most 120", None)
        for number in numbers if number not in inside
    ]  # fmt: skip
    missing: list[int] = []
    if inside:
        first = inside[0] if released is None else max(released, inside[-1] + 1 - BLOCK_COUNT)
        missing = sorted(set(range(first, inside[-1] + 1)) - set(inside))
    after = inside[-1] + 1 if inside else (released or 0)
    while after % BLOCK_COUNT in damaged:
        damaged.remove(after % BLOCK_COUNT)
        missing.append(after)
        after += 1
    return Live([found[number] for number in inside], missing, problems)


def runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Ascending numbers as (first, last) of each stretch without a gap."""
    starts = [new for old, new in pairwise([None, *numbers]) if old is None or new != old + 1]
    ends = [old for old, new in pairwise([*numbers, None]) if new is None or new != old + 1]
    return list(zip(starts, ends, strict=True))


def read_block(raw: bytes, at: int) -> Block | str:
    """The block in 512 bytes, or "free" or "damaged"."""
    if raw[0] == 0 or raw[31] == 0:
        return "free"
    magic, kind, zone_id, _, number, session, first, commanded, worst, period, slips, _ = struct.unpack(
        "<BBBBIIIHhIHH", raw[:HEADER_BYTES]
    )
    framed = magic == BLOCK_MAGIC and raw[31] == END_MARK and kind in FIRST_WORD
    possible = 0 < first <= SESSION_STROKES_MAX + 1 and session > 0 and commanded <= COMMANDED_MAX_UM
    if not framed or not possible or period > PERIOD_MAX_US or crc16(raw[:HEADER_BYTES]) != raw[28] | raw[29] << 8:
        return "damaged"
    return Block(kind, zone_id, number, session, first, commanded, worst, period, slips, raw, at)


def _one_turn(numbers: list[int]) -> list[int]:
    """The most of them that lie within one turn of the ring, the newest such set; ascending in and out."""
    best = (0, 0)
    start = 0
    for end in range(1, len(numbers) + 1):
        while numbers[end - 1] - numbers[start] >= BLOCK_COUNT:
            start += 1
        if end - start >= best[1] - best[0]:
            best = (start, end)
    return numbers[slice(*best)]
