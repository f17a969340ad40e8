"""What damage costs is told exactly: the strokes named lost are those that are missing, and no others."""

import random
import struct

import pytest

from penimage import decode
from penimage.blocks import address, runs
from penimage.model import crc16
from tools.fleet import Pen


def image(counts=(250, 40, 500), depth_changes=False):
    """Sessions at blocks 0-2, 3 and 4-8."""
    pen = Pen.provisioned("PEN-1")
    for count in counts:
        pen.journal.begin_session(b"\x2dROMROM\x01", b"ANNA", 16, 7, 6, 2, 1000, 850_000_000)
        for i in range(count):
            commanded_um = 500 + i // 20 * 10 if depth_changes else 500
            pen.journal.stroke(commanded_um, commanded_um + i % 60, 40_000, 0, 6)
        pen.journal.end_session(1, 0, 9000)
    return bytes(pen.memory.data)


WHOLE = image()


def damaged(*changes, of=WHOLE):
    data = bytearray(of)
    for at, raw in changes:
        data[at : at + len(raw)] = raw
    return decode(bytes(data))


def header(block, **changed):
    """A header with its sum in order over whatever values."""
    names = ("magic", "kind", "zone", "_", "number", "session", "first", "commanded", "worst", "period", "slips", "__")
    values = dict(zip(names, struct.unpack("<BBBBIIIHhIHH", WHOLE[address(block) :][:28]), strict=True)) | changed
    body = struct.pack("<BBBBIIIHhIHH", *values.values())
    return body + struct.pack("<HBB", crc16(body), 0, 0x5A)


def test_a_whole_image_has_no_problems():
    found = decode(WHOLE)
    assert (found.problems, found.notes) == ([], [])
    assert [session.blocks for session in found.sessions] == [[0, 1, 2], [3], [4, 5, 6, 7, 8]]


@pytest.mark.parametrize(
    ("block", "lost", "what"),
    [
        (1, "strokes 95 to 214 (120)", "block 1 is unreadable"),
        (2, "strokes 215 to 250 (36)", "block 2 is unreadable"),
        (0, "head, tail, strokes 1 to 94 (94)", "its first block is missing"),
        (8, "strokes 455 to 500 (46)", "block 8 is unreadable"),
    ],
)
def test_a_lost_block_names_its_strokes(block, lost, what):
    found = damaged((address(block) + 9, b"\xee"))
    assert [(problem.what, problem.lost) for problem in found.problems] == [(what, lost)]
    assert found.problems[0].at == address(block)
    missing = found.problems[0].lost_strokes
    assert sum(len(session.strokes) for session in found.sessions) == 790 - missing


def test_blocks_lost_in_a_row_are_one_problem():
    found = damaged(*((address(block) + 9, b"\xee") for block in (5, 6, 7)))
    told = [(problem.what, problem.lost_strokes) for problem in found.problems]
    assert told == [("blocks 5 to 7 are unreadable", 360)]


def test_a_whole_session_lost_is_said_and_how_many_strokes_is_not_made_up():
    found = damaged((address(3) + 9, b"\xee"))
    assert [session.number for session in found.sessions] == [1, 3]
    assert [(problem.what, problem.lost) for problem in found.problems] == [
        ("block 3 is unreadable", "1 session, at most 120 strokes")]  # fmt: skip
    assert found.problems[0].lost_strokes is None


def test_a_damaged_change_of_depth_costs_the_rest_of_its_block_only():
    whole = image(depth_changes=True)
    words = range(32, 128)
    states = [k for k in words if whole[address(0) + 4 * k + 3] & 0xE0 == 0xC0]
    found = damaged((address(0) + 4 * states[2], b"\x99"), of=whole)
    session = found.sessions[0]
    assert session.problems[0].what == "block 0 is unreadable from stroke 41 on"
    assert session.lost_strokes == 250 - len(session.strokes)
    assert all(stroke.commanded_um == 500 + (stroke.sequence - 1) // 20 * 10 for stroke in session.strokes)


def lost_numbers(session):
    """Numbers of the strokes that are not there, of a session that was finished."""
    there = {stroke.sequence for stroke in session.strokes}
    return [number for number in range(1, session.tail.strokes + 1) if number not in there]


@pytest.mark.parametrize("seed", range(40))
def test_strokes_said_to_be_lost_are_those_that_are_missing(seed):
    """Random damage to words and headers, heads and tails left alone: what is lost adds up, session by session."""
    chance = random.Random(seed)
    data = bytearray(image(depth_changes=seed % 2 == 1))
    for _ in range(chance.choice((1, 2, 6))):
        block = chance.randrange(9)
        at = address(block) + chance.choice((chance.randrange(128, 512), 9 if block not in (0, 3, 4) else 200))
        size = min(chance.choice((1, 4, 30)), 512 - at % 512)
        data[at : at + size] = chance.randbytes(size)
    found = decode(bytes(data))
    for session in found.sessions:
        assert session.lost_strokes == len(lost_numbers(session)), (session.number, session.problems)


@pytest.mark.parametrize(
    "changed",
    [{"first": 2**32 - 1}, {"first": 0}, {"session": 0}, {"commanded": 65535}, {"period": 2**32 - 1}, {"kind": 7},
     {"number": 472 * 9_000_000}],
    ids=str,
)  # fmt: skip
def test_a_valid_sum_over_a_hostile_value_costs_that_block_only(changed):
    found = damaged((address(0), header(0, **changed)))
    assert [len(session.strokes) for session in found.sessions if session.number != 1] == [40, 500]
    assert found.problems


def test_the_same_strokes_told_twice_count_once():
    found = damaged((address(5), header(5, first=50)))
    numbers = [stroke.sequence for stroke in found.sessions[2].strokes]
    assert numbers == sorted(set(numbers))
    assert any("repeats" in problem.what for problem in found.problems)


def test_a_tail_of_more_strokes_than_there_can_be_is_damage():
    body = struct.pack("<IHhBBHIH10x", 2**32 - 1, 0, 0, 1, 0, 0, 9000, 1)
    tail = body + struct.pack("<HBB", crc16(body, 1 ^ 0xFFFF), 0, 0x5A)
    found = damaged((address(0) + 96, tail))
    assert found.sessions[0].tail is None
    assert len(found.sessions[0].strokes) == 250


def test_a_head_of_a_later_format_is_not_guessed_at():
    head = bytearray(WHOLE[address(0) + 32 :][:64])
    head[44] = 5
    head[62:] = struct.pack("<H", crc16(bytes(head[:62])))
    found = damaged((address(0) + 32, bytes(head)))
    assert found.sessions[0].head is None
    assert found.problems[0].what == "head is of format 5, which is not known here"
    assert len(found.sessions[0].strokes) == 250


def test_a_client_tag_that_nobody_can_have_is_damage():
    head = bytearray(WHOLE[address(0) + 32 :][:64])
    head[44:52] = struct.pack("<II", 2, 2**32 - 1)
    head[62:] = struct.pack("<H", crc16(bytes(head[:62])))
    assert damaged((address(0) + 32, bytes(head))).sessions[0].head is None
    head[48:52] = struct.pack("<I", 999_999)
    head[62:] = struct.pack("<H", crc16(bytes(head[:62])))
    assert damaged((address(0) + 32, bytes(head))).sessions[0].head.client == 999_999


def test_a_cut_in_the_writing_of_a_record_is_a_note():
    pen = bytearray(WHOLE)
    pen[2 * 256 + 128 + 15] = 0x57  # a slot of the counters: the state byte is written first
    found = decode(bytes(pen))
    assert found.problems == []
    assert [note.what for note in found.notes] == ["record counters is recovered"]


def test_events_unreadable_in_a_row_are_one_line():
    found = damaged((0x1000, b"\x01" * 48))
    assert [(problem.what, problem.at, problem.lost) for problem in found.problems] == [
        ("event entries 0 to 2 are unreadable", 0x1000, "3 events")]


def test_runs():
    assert runs([]) == []
    assert runs([3]) == [(3, 3)]
    assert runs([1, 2, 4, 7, 8, 9]) == [(1, 2), (4, 4), (7, 9)]
