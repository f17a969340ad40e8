"""The archive in the flash: read whole, every change to it shows, and what damage leaves is found."""

import random
import struct

import pytest
from archive_maker import disk, entries_of, entry, identity

from penimage.flash import FILESYSTEM_AT, FLASH_BYTES
from penimage.littlefs import Reader
from penimage.merge import DifferentPens, read_pen
from sim.space import shim
from tools.fleet import Pen

store = shim("store")
SERIAL = "PEN-00042"
STROKES = (40, 300, 7, 95)


def run_sessions(pen, counts):
    for count in counts:
        pen.journal.begin_session(b"\x2dROMROM\x01", b"ANNA", 16, 7, 6, 2, 1000, 850_000_000)
        for i in range(count):
            pen.journal.stroke(500 + i // 50 * 50, 500 + i % 60, 40_000, 0, 6)
        pen.journal.end_session(1, 0, 9000)


def with_record(fram, **values):
    """The image with record 8 as the firmware's own store writes it."""
    pen = Pen.provisioned("X")
    pen.memory.data[:] = fram
    payload = struct.pack("<IIII32s", *(values[name] for name in ("entries", "oldest", "exported", "blocks", "digest")))
    store.Store(pen.memory).write(store.ARCHIVE, payload)
    return bytes(pen.memory.data)


@pytest.fixture(scope="module")
def reader():
    with Reader() as one:
        yield one


class Case:
    """A pen with four sessions, the first three of them in the archive too."""

    def __init__(self):
        pen = Pen.provisioned(SERIAL)
        run_sessions(pen, STROKES)
        self.plain = bytes(pen.memory.data)
        self.files, self.digest = entries_of(self.plain, {1, 2, 3})
        self.files["id"] = identity(SERIAL)
        record = {"entries": 3, "oldest": 1, "exported": 0, "blocks": 5, "digest": self.digest}
        self.fram = with_record(self.plain, **record)
        for _ in range(3):
            pen.journal.release_oldest(1)
        self.released = with_record(bytes(pen.memory.data), **record)


CASE = Case()


def changed(name, change):
    files = dict(CASE.files)
    files[name] = change(files[name])
    return disk(files)


def whats(image):
    return [problem.what for problem in image.problems]


def test_sessions_of_both_memories_come_once_each(reader):
    for fram in (CASE.fram, CASE.released):
        image = read_pen(fram, disk(CASE.files), reader)
        assert (image.problems, image.notes) == ([], [])
        assert [len(session.strokes) for session in image.sessions] == list(STROKES)
    whole = bytes(FILESYSTEM_AT) + disk(CASE.files)
    assert len(whole) == FLASH_BYTES
    assert len(read_pen(CASE.released, whole, reader).sessions) == 4


def test_an_archived_session_is_the_one_that_was_in_the_fram(reader):
    before, after = read_pen(CASE.plain, None), read_pen(CASE.released, disk(CASE.files), reader)
    assert [(s.head, s.tail, s.strokes) for s in before.sessions] == [
        (s.head, s.tail, s.strokes) for s in after.sessions]  # fmt: skip


def test_the_flash_alone_is_enough(reader):
    image = read_pen(None, disk(CASE.files), reader)
    assert image.pen_serial == SERIAL
    assert [session.number for session in image.sessions] == [1, 2, 3]
    assert image.problems == []


def test_without_the_flash_it_is_said_that_an_archive_was_not_read():
    image = read_pen(CASE.released, None)
    assert [session.number for session in image.sessions] == [4]
    assert "3 sessions are in the archive" in image.notes[0].what


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_missing_entry_shows(reader, number):
    files = {name: data for name, data in CASE.files.items() if name != f"{number:08d}.ses"}
    image = read_pen(CASE.released, disk(files), reader)
    assert f"entry {number} is missing" in whats(image)
    assert image.problems[0].lost_strokes is None
    assert [session.number for session in image.sessions] == [n for n in (1, 2, 3, 4) if n != number]
    kept_in_fram = read_pen(CASE.fram, disk(files), reader)
    assert len(kept_in_fram.sessions) == 4


def test_missing_entries_name_their_sessions_and_a_cut_off_end_needs_the_fram(reader):
    files = {name: data for name, data in CASE.files.items() if name in ("id", "00000001.ses", "00000003.ses")}
    assert read_pen(None, disk(files), reader).problems[0].lost == "session 2"
    files = {name: data for name, data in CASE.files.items() if name in ("id", "00000001.ses")}
    assert read_pen(None, disk(files), reader).problems == []
    assert whats(read_pen(CASE.released, disk(files), reader)) == ["entries 2 to 3 are missing"]


@pytest.mark.parametrize("at", [60, 96 + 200, -1])
def test_a_changed_byte_shows_and_costs_no_more_than_its_word(reader, at):
    def change(data):
        raw = bytearray(data)
        raw[at] ^= 1
        return bytes(raw)

    image = read_pen(CASE.released, changed("00000002.ses", change), reader)
    assert image.problems
    assert {problem.file for problem in image.problems} == {"/log/00000002.ses"}
    found = {session.number: len(session.strokes) for session in image.sessions}
    assert found.pop(2, 299) >= 299
    assert found == {1: 40, 3: 7, 4: 95}


def test_a_forged_entry_with_sums_of_its_own_does_not_fit_the_chain(reader):
    forged = entry(2, 2, 1, CASE.files["00000002.ses"][96:-32], bytes(32), SERIAL)
    image = read_pen(CASE.released, disk(CASE.files | {"00000002.ses": forged}), reader)
    assert whats(image) == [
        "does not follow entry 1: one of the two was replaced", "does not follow entry 2: one of the two was replaced"]


def test_another_entry_written_last_shows_against_the_fram(reader):
    blocks = CASE.files["00000003.ses"][96:-32]
    other = entry(3, 3, 4, blocks[:-1] + b"\1", CASE.files["00000002.ses"][-32:], SERIAL)
    image = read_pen(CASE.released, disk(CASE.files | {"00000003.ses": other}), reader)
    assert "is not the entry that the pen wrote last" in whats(image)


def test_an_entry_of_another_pen_is_not_taken_for_this_ones(reader):
    other = entry(2, 2, 1, CASE.files["00000002.ses"][96:-32], CASE.files["00000001.ses"][-32:], "PEN-00043")
    image = read_pen(CASE.released, disk(CASE.files | {"00000002.ses": other}), reader)
    assert "is an entry of pen PEN-00043" in whats(image)
    assert [session.number for session in image.sessions] == [1, 3, 4]


def test_swapped_entries_show(reader):
    files = dict(CASE.files)
    files["00000001.ses"], files["00000002.ses"] = files["00000002.ses"], files["00000001.ses"]
    image = read_pen(CASE.released, disk(files), reader)
    assert whats(image) == ["entries 1, 2 are not in files of their names"]
    assert [len(session.strokes) for session in image.sessions] == list(STROKES)


def test_leftovers_of_a_cut_are_notes(reader):
    extra = entry(4, 4, 5, CASE.plain[0x5000 + 5 * 512 : 0x5000 + 6 * 512], CASE.digest, SERIAL)
    image = read_pen(CASE.fram, disk(CASE.files | {"00000004.ses": extra, "new": b"half"}), reader)
    assert image.problems == []
    assert [note.what for note in image.notes] == ["is not in the record yet"]
    record = {"entries": 3, "oldest": 2, "exported": 1, "blocks": 5, "digest": CASE.digest}
    erased = read_pen(with_record(CASE.released, **record), disk(CASE.files), reader)
    assert erased.problems == []
    assert [note.file for note in erased.notes] == ["/log/00000001.ses"]
    assert [session.number for session in erased.sessions] == [2, 3, 4]


def test_blocks_that_were_unreadable_when_archived_are_told(reader):
    files = {"id": identity(SERIAL), "00000001.ses": entry(1, 0, 0, bytes(1024), bytes(32), SERIAL, kind=2)}
    image = read_pen(None, disk(files), reader)
    assert whats(image) == ["2 blocks were unreadable when they were archived"]
    assert image.problems[0].lost == "at most 240 strokes"


@pytest.mark.parametrize("named", [b"littlefs", b"00000001.ses"])
def test_a_filesystem_whose_directory_is_gone_still_gives_its_entries(reader, named):
    image = bytearray(disk(CASE.files))
    directory = [at for at in range(0, len(image), 4096) if named in image[at : at + 4096]]
    assert directory
    for at in directory:
        image[at : at + 4096] = bytes(4096)
    found = read_pen(CASE.released, bytes(image), reader)
    assert [len(session.strokes) for session in found.sessions] == list(STROKES)
    assert found.problems
    assert all(problem.lost_strokes == 0 for problem in found.problems)


def test_a_flash_image_cut_short_is_read_as_far_as_it_goes_and_said(reader):
    filesystem = disk(CASE.files)
    end = 1 + max(at for at in range(0, len(filesystem), 4096) if filesystem[at : at + 4096].strip(b"\xff")) // 4096
    for image in (filesystem[: end * 4096], bytes(FILESYSTEM_AT) + filesystem[: end * 4096]):
        found = read_pen(CASE.released, image, reader)
        assert [len(session.strokes) for session in found.sessions] == list(STROKES)
        assert whats(found) == [f"image of the flash has {len(image)} bytes, not 1441792 or 2097152"]


def test_images_of_two_pens_are_not_mixed(reader):
    with pytest.raises(DifferentPens, match=r"PEN-00042.*PEN-00043"):
        read_pen(CASE.fram, disk({"id": identity("PEN-00043")}), reader)


@pytest.mark.parametrize("status", [{}, {"entries": 2**32 - 1, "oldest": 0}, {"entries": 0, "oldest": 2**32 - 1}])
def test_no_number_in_the_record_decides_how_long_it_takes(reader, status):
    record = {"entries": 3, "oldest": 1, "exported": 0, "blocks": 5, "digest": CASE.digest} | status
    read_pen(with_record(CASE.plain, **record), disk(CASE.files), reader)


def test_a_flash_never_used_is_no_damage(reader):
    for flash in (b"\xff" * FLASH_BYTES, disk({})):
        image = read_pen(CASE.plain, flash, reader)
        assert image.problems == []
        assert len(image.sessions) == 4


FUZZED = 300


def test_fuzzed_flash_never_stops_the_reader(reader):
    """Flips, noise, moved and wiped blocks, mostly in the metadata; whatever else is left is read."""
    clean = disk(CASE.files)
    used = [block for block in range(352) if clean[block * 4096 : block * 4096 + 64].strip(b"\xff")]
    sessions = 0
    for seed in range(FUZZED):
        chance = random.Random(seed)
        image = bytearray(clean)
        for _ in range(chance.choice((1, 4, 20))):
            at = chance.choice(used[: chance.choice((2, 4, len(used)))]) * 4096
            kind = chance.randrange(4)
            if kind == 0:
                image[at + chance.randrange(256)] ^= 1 << chance.randrange(8)
            elif kind == 1:
                image[at : at + 32] = chance.randbytes(32)
            elif kind == 2:
                other = chance.choice(used) * 4096
                image[at : at + 4096] = image[other : other + 4096]
            else:
                image[at : at + 4096] = b"\xff" * 4096
        sessions += len(read_pen(CASE.released, bytes(image), reader).sessions)
    assert sessions > FUZZED  # session 4 is in the FRAM in any case
