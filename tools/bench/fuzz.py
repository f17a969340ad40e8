"""Images of a pen's memories, damaged in every way that comes to mind, through everything that `pen log` does to them.

A number is an image: image `n` is the same on every machine, so a crash names the number that repeats it. What counts
is that nothing raises, and that what comes out could be on record.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import struct
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

from rich.console import Console

from pen.log import view
from pen.log.courses import course_row, courses_of
from pen.log.dataset import TABLES, arrow_table
from pen.log.rows import plain, session_row, stroke_rows
from penimage import Image
from penimage.littlefs import BLOCK_BYTES as SECTOR_BYTES
from penimage.littlefs import Reader
from penimage.merge import DifferentPens, read_pen
from penimage.model import (
    BLOCK_BASE,
    BLOCK_BYTES,
    BLOCK_COUNT,
    EVENT_BASE,
    EVENT_BYTES,
    EVENT_COUNT,
    FRAM_BYTES,
    RECORD_NAMES,
    SESSION_STROKES_MAX,
    SLOT_HEADER,
    crc8,
    crc16,
    slot_span,
)
from tools.fleet import fleet

FRAM_IMAGES = 100_000
FLASH_IMAGES = 1_000
BATCH = 250
SCREENS = 40  # each so many images are drawn and put into tables too, which takes longer than reading
ODD = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


@cache
def _bases() -> list[bytes]:
    """What the damage is done to: pens with sessions of many sizes, and one whose ring has just begun."""
    small = [image for _, image in fleet(6, sessions=4, strokes=90, seed=7)]
    large = [image for _, image in fleet(1, sessions=3, strokes=700, seed=8)]
    return small + large


# ---- kinds of damage: each changes `image` in place ----


def _place(chance: random.Random) -> int:
    """An address, mostly where there is something."""
    return chance.choice((
        chance.randrange(EVENT_BASE), EVENT_BASE + chance.randrange(60 * EVENT_BYTES),
        BLOCK_BASE + chance.randrange(12 * BLOCK_BYTES), chance.randrange(FRAM_BYTES)))  # fmt: skip


def flip_bits(image: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 8, 200))):
        image[_place(chance)] ^= 1 << chance.randrange(8)


def truncate(image: bytearray, chance: random.Random) -> None:
    del image[chance.choice((_place(chance), chance.randrange(FRAM_BYTES))) :]


def splice(image: bytearray, chance: random.Random) -> None:
    """A piece of another pen, or of the same, at the same place or elsewhere."""
    other = chance.choice(_bases())
    size = chance.choice((4, 16, 128, BLOCK_BYTES, 8 * BLOCK_BYTES))
    source = _place(chance) // size * size
    target = source if chance.random() < 0.5 else _place(chance) // size * size
    piece = other[source : source + size][: FRAM_BYTES - target]
    image[target : target + len(piece)] = piece


def random_blocks(image: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 5, 40))):
        at = _place(chance) // BLOCK_BYTES * BLOCK_BYTES
        image[at : at + BLOCK_BYTES] = chance.choice((chance.randbytes(BLOCK_BYTES), bytes(512), b"\xff" * 512))


def _odd_bytes(size: int, chance: random.Random) -> bytes:
    """Random bytes with numbers in them that lie at the edges of their types."""
    raw = bytearray(chance.randbytes(size))
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(max(1, size - 3))
        raw[at : at + 4] = struct.pack("<I", chance.choice(ODD))[: size - at]
    return bytes(raw)


def hostile_header(image: bytearray, chance: random.Random) -> None:
    """A block's header with a sound sum over values that nobody wrote."""
    for _ in range(chance.choice((1, 1, 6))):
        at = BLOCK_BASE + chance.choice((chance.randrange(14), chance.randrange(BLOCK_COUNT))) * BLOCK_BYTES
        header = bytearray(image[at : at + 28])
        for _ in range(chance.choice((1, 2, 9))):
            field, size = chance.choice(((4, 4), (8, 4), (12, 4), (16, 2), (18, 2), (20, 4), (24, 2), (1, 1), (2, 1)))
            header[field : field + size] = struct.pack("<I", chance.choice((*ODD, chance.randrange(600))))[:size]
        position = (at - BLOCK_BASE) // BLOCK_BYTES
        if chance.random() < 0.7:
            turn = chance.choice((0, 1, 9_000_000)) * BLOCK_COUNT
            header[0], header[4:8] = 0xB5, struct.pack("<I", turn + position)
        image[at : at + 32] = bytes(header) + struct.pack("<HBB", crc16(bytes(header)), 0, 0x5A)


def hostile_head_or_tail(image: bytearray, chance: random.Random) -> None:
    at = BLOCK_BASE + chance.randrange(10) * BLOCK_BYTES
    if chance.random() < 0.5:
        head = bytearray(_odd_bytes(62, chance))
        if chance.random() < 0.8:
            head[44] = chance.choice((0, 2))
        image[at + 32 : at + 96] = bytes(head) + struct.pack("<H", crc16(bytes(head)))
    else:
        tail = _odd_bytes(28, chance)
        session = struct.unpack("<I", image[at + 8 : at + 12])[0]
        image[at + 96 : at + 128] = tail + struct.pack("<HBB", crc16(tail, (session & 0xFFFF) ^ 0xFFFF), 0, 0x5A)


def hostile_words(image: bytearray, chance: random.Random) -> None:
    """Words with a sound sum: strokes and changes of state that nobody wrote."""
    at = BLOCK_BASE + chance.randrange(10) * BLOCK_BYTES
    seed = crc8(bytes(image[at + 4 : at + 8]))
    for _ in range(chance.choice((1, 20, 120))):
        index = chance.randrange(8, 128)
        first, second, mark = chance.randbytes(2) + bytes((chance.randrange(256) | 0x80,))
        image[at + 4 * index : at + 4 * index + 4] = bytes(
            (first, second, crc8(bytes((index, first, second, mark)), seed), mark))


def hostile_record(image: bytearray, chance: random.Random) -> None:
    """A slot with a sound sum over any length, schema and payload."""
    record = chance.randrange(len(RECORD_NAMES))
    at, size = slot_span(record, chance.randrange(2))
    stored = struct.unpack("<H", image[at + 4 : at + 6])[0]
    length = chance.choice((stored, chance.randrange(size - SLOT_HEADER + 1), size, 65535))
    payload = _odd_bytes(min(length, size - SLOT_HEADER), chance)
    header = struct.pack(
        "<2sBBHHI", b"PR", record, chance.choice((1, 1, 2, 255)), length, chance.randrange(65536), 0)
    body = header + struct.pack("<HBB", crc16(payload, crc16(header)), 0, 0xA5) + payload
    image[at : at + len(body)] = body


def hostile_event(image: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 30))):
        index = chance.choice((chance.randrange(60), chance.randrange(EVENT_COUNT)))
        entry = bytearray(_odd_bytes(EVENT_BYTES, chance))
        entry[1], entry[15] = entry[1] or 1, entry[0] ^ 0xFF
        entry[3] = index & 0xFF
        entry[3] = crc8(bytes(entry), index >> 8)
        image[EVENT_BASE + 16 * index : EVENT_BASE + 16 * index + 16] = entry


DAMAGE: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip_bits, splice, random_blocks, hostile_header, hostile_head_or_tail, hostile_words, hostile_record,
    hostile_event, truncate,
)  # fmt: skip


def fram_image(number: int) -> tuple[bytes, list[str]]:
    """Image `number`, and what was done to it."""
    chance = random.Random(number)
    image = bytearray(chance.choice(_bases()))
    done = [DAMAGE[number % len(DAMAGE)], *chance.choices(DAMAGE[:-1], k=chance.choice((0, 0, 1, 3)))]
    done.sort(key=DAMAGE.index)  # a truncated image is not worked on any further
    for damage in done:
        damage(image, chance)
    return bytes(image), [damage.__name__ for damage in done]


def flash_image(number: int, clean: bytes) -> bytes:
    """The filesystem `clean` with blocks flipped, moved, wiped or noisy, mostly those of its metadata."""
    chance = random.Random(number)
    image = bytearray(clean)
    used = [at for at in range(0, len(clean), SECTOR_BYTES) if clean[at : at + 64].strip(b"\xff")]
    for _ in range(chance.choice((1, 4, 20))):
        at = chance.choice(used[: chance.choice((2, 4, len(used)))])
        what = chance.randrange(4)
        if what == 0:
            image[at + chance.randrange(chance.choice((64, SECTOR_BYTES)))] ^= 1 << chance.randrange(8)
        elif what == 1:
            image[at : at + 32] = chance.randbytes(32)
        else:
            source = chance.choice(used)
            moved = image[source : source + SECTOR_BYTES] if what == 2 else b"\xff" * SECTOR_BYTES
            image[at : at + SECTOR_BYTES] = moved
    return bytes(image)


# ---- what is done with an image ----


def use(image: Image, screens: bool) -> None:
    """What the commands make of a pen; raises what they would, and AssertionError for what no pen can have."""
    for session in image.sessions:
        plain(session_row(image, session))
        numbers = [stroke.sequence for stroke in session.strokes]
        assert all(before < after for before, after in pairwise(numbers)), "a stroke twice, or out of order"
        assert not numbers or 0 < numbers[0] <= numbers[-1] <= SESSION_STROKES_MAX + 1, "a number no session has"
    courses = [course for course in courses_of(image) if course_row(course)]
    if screens:
        with io.StringIO() as sink:
            console = Console(file=sink, width=80)
            view.show(console, view.heading(image), view.session_list(image), view.checked(image), view.verdict(image))
            view.show(console, view.problem_table(image.problems), view.course_list(courses))
            for session in image.sessions:
                view.show(console, view.session_page(image, session))
                deque(stroke_rows(image, session), maxlen=0)
        for table in TABLES:
            arrow_table(table, image, image.sessions)


def _batch(numbers: range) -> tuple[int, int, float, list[str]]:
    """(read, strokes in them, slowest in s of the processor, what went wrong) of some images."""
    strokes, slowest, wrong = 0, 0.0, []
    for number in numbers:
        data, done = fram_image(number)
        began = time.process_time()
        try:
            image = read_pen(data, None)
            use(image, screens=number % SCREENS == 0)
            strokes += sum(len(session.strokes) for session in image.sessions)
        except Exception:
            wrong.append(f"image {number}, {', '.join(done)}:\n{traceback.format_exc()}")
        slowest = max(slowest, time.process_time() - began)
    return len(numbers), strokes, slowest, wrong


def fuzz_fram(count: int = FRAM_IMAGES, workers: int | None = None) -> dict[str, Any]:
    """Reads `count` damaged FRAM images, the same ones each time, on all cores."""
    batches = [range(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]
    with ProcessPoolExecutor(workers or os.cpu_count()) as pool:
        return _sum(pool.map(_batch, batches))


def _sum(results: Iterable[tuple[int, int, float, list[str]]]) -> dict[str, Any]:
    total: dict[str, Any] = {"images": 0, "crashes": 0, "strokes_read": 0, "slowest_cpu_ms": 0.0, "first_crash": ""}
    for count, strokes, slowest, wrong in results:
        total["images"] += count
        total["crashes"] += len(wrong)
        total["strokes_read"] += strokes
        total["slowest_cpu_ms"] = max(total["slowest_cpu_ms"], round(1000 * slowest, 1))
        total["first_crash"] = total["first_crash"] or (wrong[0] if wrong else "")
    return total


def fuzz_flash(fram: bytes, filesystem: bytes, count: int = FLASH_IMAGES) -> dict[str, Any]:
    """Reads `count` damaged filesystems of the pen in `fram`."""
    results = []
    with Reader() as reader:
        for number in range(count):
            began, strokes, wrong = time.process_time(), 0, []
            try:
                with contextlib.suppress(DifferentPens):
                    image = read_pen(fram, flash_image(number, filesystem), reader)
                    use(image, screens=number % SCREENS == 0)
                    strokes = sum(len(session.strokes) for session in image.sessions)
            except Exception:
                wrong.append(f"flash {number}:\n{traceback.format_exc()}")
            results.append((1, strokes, time.process_time() - began, wrong))
    return _sum(results)
