"""The archive: sessions leave the FRAM whole, chained, and never silently; a lost archive is noticed."""

import errno
import weakref

import pytest
from archive_bench import READER, ArchiveBench, ready
from storage_bench import SERIAL

import archive
import blocks
import entry
import store
from penimage import decode
from penimage.merge import read_pen
from sim.files import ImageFlash, LittleFiles

HALF_AN_HOUR_AT_30_HZ = 54_000


def strokes_of(session):
    return [(s.sequence, s.zone_id, s.commanded_um, s.achieved_um, s.period_us, s.flags) for s in session.strokes]


def test_a_finished_session_moves_and_the_fram_is_free_again():
    bench = ready()
    bench.session(300)
    before = strokes_of(decode(bench.chip.image).sessions[0])
    room = bench.journal.room_strokes()
    bench.work()
    assert decode(bench.chip.image).sessions == []
    assert bench.journal.room_strokes() > room
    assert [strokes_of(session) for session in bench.sessions] == [before]
    assert bench.events("archived") == [(0, 1)]
    assert bench.events("released") == [(0, 1)]


def test_entries_are_numbered_and_chained_and_the_fram_knows_the_newest():
    bench = ready()
    for strokes in (1, 96, 97, 500):
        bench.session(strokes)
    bench.work()
    found = bench.entries
    assert [(e.number, e.session) for e in found] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert bench.problems == []
    known = decode(bench.chip.image).records["archive"].values
    assert (known["entries"], known["oldest"], known["digest"]) == (4, 1, found[-1].digest.hex())
    assert bench.restart() == archive.WHOLE


def test_an_open_session_stays_and_the_ones_before_it_move():
    bench = ready()
    bench.session(10)
    bench.begin()
    bench.journal.stroke(500, 500, 40_000, 0, 3)
    bench.work()
    assert [e.session for e in bench.entries] == [1]
    assert [session.number for session in decode(bench.chip.image).sessions] == [2]
    assert bench.journal.stroke(500, 501, 40_000, 0, 3) == 2


def test_half_an_hour_at_the_fastest_rate_fits_into_either_memory():
    bench = ready()
    bench.session(HALF_AN_HOUR_AT_30_HZ)
    bench.work()
    (session,) = bench.sessions
    assert len(session.strokes) == HALF_AN_HOUR_AT_30_HZ
    assert session.problems == []
    assert bench.archive.used_blocks * 2 < archive.BUDGET_BLOCKS  # two of them, and one more in the FRAM


def test_nothing_that_was_not_exported_is_erased():
    bench = ready(budget_blocks=12)
    for _ in range(6):
        bench.session(20)
    bench.work()
    assert [e.session for e in bench.entries] == [1, 2, 3, 4]
    assert [s.number for s in decode(bench.chip.image).sessions] == [5, 6]
    assert bench.archive.full
    assert bench.archive.used_percent() == 100
    assert bench.work() == 0, "a full archive is not looked at again and again"
    assert bench.restart() == archive.WHOLE
    bench.work()
    assert len(bench.sessions) == 6


def test_what_was_exported_makes_room_oldest_first_and_leaves_a_record():
    bench = ready(budget_blocks=12)
    for _ in range(6):
        bench.session(20)
    bench.work()
    bench.archive.mark_exported(3, 600)
    bench.work()
    assert [e.session for e in bench.entries] == [3, 4, 5, 6]
    assert bench.events("erased") == [(0, 1), (0, 2)]
    assert bench.problems == []
    assert bench.archive.unexported() == 3
    assert bench.restart() == archive.WHOLE
    assert bench.archive.unexported() == 3, "the export is forgotten"


@pytest.mark.parametrize("entry_number", [0, 3, -1])
def test_an_export_of_what_is_not_there_is_refused(entry_number):
    bench = ready()
    bench.session(5)
    bench.session(5)
    bench.work()
    with pytest.raises(ValueError, match="not in the archive"):
        bench.archive.mark_exported(entry_number, 600)


def test_used_percent_counts_the_fuller_memory():
    bench = ready(budget_blocks=30)
    assert bench.archive.used_percent() == 0
    bench.session(30_000)
    assert bench.archive.used_percent() == bench.journal.used_percent() > 50
    other = ready(budget_blocks=30)
    for _ in range(8):
        other.session(3)
    other.work()
    assert other.archive.used_percent() == 80
    other.archive.mark_exported(4, 600)
    assert other.archive.used_percent() == 40


# ---- a start ----


def test_a_new_pen_makes_its_archive():
    bench = ArchiveBench()
    assert bench.mount() == archive.NEW
    assert bench.restart() == archive.WHOLE
    assert bench.events("archive") == [(archive.NEW, 0)]


def with_sessions(count=3):
    bench = ready()
    for _ in range(count):
        bench.session(20)
    bench.work()
    return bench


def remove(bench, *names):
    files = LittleFiles(bench.flash)
    for name in names:
        files.remove(f"/log/{name}")


def test_a_formatted_flash_is_no_new_pen():
    """MicroPython's `_boot.py` formats what it cannot mount: the FRAM remembers that there was an archive."""
    bench = with_sessions()
    digest = bench.entries[-1].digest
    bench.flash.image[:] = b"\xff" * len(bench.flash.image)
    assert bench.restart() == archive.LOST
    bench.session(7)
    assert bench.work() == 0, "nothing is moved before the user knows"
    assert bench.restart() == archive.LOST
    bench.archive.begin_anew()
    bench.work()
    (found,) = bench.entries
    assert (found.number, found.previous) == (4, digest), "the gap does not show"
    assert bench.events("archive")[-2:] == [(archive.LOST, 3), (archive.NEW, 3)]
    (note,) = read_pen(bench.chip.image, bytes(bench.flash.image), READER).notes
    assert "up to entry 3, was lost" in note.what
    assert bench.restart() == archive.WHOLE


@pytest.mark.parametrize("gone", ["00000001.ses", "00000002.ses", "00000003.ses", "id"])
def test_a_missing_file_is_noticed(gone):
    bench = with_sessions()
    remove(bench, gone)
    assert bench.restart() == archive.LOST


def test_an_older_copy_of_the_flash_is_noticed():
    bench = with_sessions(2)
    old = bytes(bench.flash.image)
    bench.session(9)
    bench.work()
    bench.flash.image[:] = old
    assert bench.restart() == archive.LOST


def test_a_newest_entry_with_other_content_is_noticed():
    bench = with_sessions()
    with LittleFiles(bench.flash).open("/log/00000003.ses", "wb") as file:
        file.write(b"x" * 640)
    assert bench.restart() == archive.LOST


def test_the_flash_of_another_pen_is_refused_and_what_is_in_it_is_kept():
    theirs = with_sessions()
    bench = ArchiveBench()
    bench.chip.load(bench.chip.image)
    store.provision(bench.fram, b"PEN-OTHER")
    bench.flash.image[:] = theirs.flash.image
    assert bench.restart() == archive.LOST
    bench.session(4)
    bench.archive.begin_anew()
    bench.work()
    assert [e.session for e in bench.entries] == [1]
    names = sorted(row[0] for row in bench.files.ilistdir("/log.1"))
    assert names == ["00000001.ses", "00000002.ses", "00000003.ses", "id"]


def test_what_a_lost_archive_still_held_is_read_beside_the_new_one():
    bench = with_sessions(4)
    remove(bench, "00000002.ses")
    assert bench.restart() == archive.LOST
    bench.archive.begin_anew()
    bench.session(5)
    bench.work()
    image = read_pen(bench.chip.image, bytes(bench.flash.image), READER)
    assert [(session.number, len(session.strokes)) for session in image.sessions] == [(1, 20), (3, 20), (4, 20), (5, 5)]
    assert [(problem.what, problem.lost, problem.file) for problem in image.problems] == [
        ("entry 2 is missing", "session 2", "/log.1/00000002.ses")]
    assert [note.what for note in image.notes] == [
        "the archive before this one, up to entry 4, was lost",
        "an archive that the pen set aside: 3 sessions found only here"]


def test_a_pen_provisioned_anew_takes_its_archive_over():
    bench = with_sessions()
    digest = bench.entries[-1].digest
    store.provision(bench.fram, SERIAL)
    assert bench.restart() == archive.TAKEN_OVER
    bench.session(5)
    bench.work()
    assert [e.number for e in bench.entries] == [1, 2, 3, 4]
    assert bench.entries[-1].previous == digest
    assert bench.problems == []


def test_a_record_of_a_newer_firmware_stops_the_archive_and_is_left_alone(monkeypatch):
    bench = with_sessions()
    monkeypatch.setattr(store, "SCHEMAS", bytes([1] * 8 + [9]))
    bench.store.write(store.ARCHIVE, b"something of the future")
    monkeypatch.undo()
    before = bench.chip.image
    assert bench.restart() == archive.UNREADABLE
    assert bench.work() == 0
    assert bench.chip.image[0x600:0x700] == before[0x600:0x700]


# ---- a flash that fails ----


class WornFlash(ImageFlash):
    """Keeps nothing that is programmed while `worn`."""

    worn = False

    def prog(self, cfg, block, offset, data):
        return -5 if self.worn else super().prog(cfg, block, offset, data)


def test_a_session_stays_in_the_fram_when_the_flash_does_not_take_it():
    bench = ready()
    bench.session(600)
    worn = WornFlash(bytes(bench.flash.image))
    bench.flash = worn
    bench.restart()
    worn.worn = True
    bench.work()
    assert bench.archive.failure
    assert bench.events("archive")[-1] == (archive.FAILED, bench.archive.failure)
    assert [session.number for session in decode(bench.chip.image).sessions] == [1]
    worn.worn = False
    assert bench.work() == 0, "a failing flash is not tried again and again"
    bench.archive.retry()
    bench.work()
    assert [e.session for e in bench.entries] == [1]
    assert bench.problems == []


def test_the_archive_has_one_file_open_and_none_besides_in_memory(monkeypatch):
    """On a chip a file is 1.1 kB of a heap that has hardly two such pieces: what is closed has to be let go as well."""
    bench = ready()
    bench.session(600)
    opened = []
    plain = bench.files.open

    def watched(path, mode):
        assert [ref for ref in opened if ref() is not None] == []
        file = plain(path, mode)
        opened.append(weakref.ref(file))
        return file

    monkeypatch.setattr(bench.files, "open", watched)
    bench.work()
    assert len(opened) == 2 and [e.session for e in bench.entries] == [1]


@pytest.mark.parametrize("nth", [1, 2])
def test_a_session_stays_in_the_fram_when_the_heap_has_no_room_for_its_file(monkeypatch, nth):
    bench = ready()
    bench.session(600)
    plain, left = bench.files.open, [nth]

    def full(path, mode):
        left[0] -= 1
        if left[0] == 0:
            raise MemoryError
        return plain(path, mode)

    monkeypatch.setattr(bench.files, "open", full)
    bench.work()
    assert bench.events("archive")[-1] == (archive.FAILED, bench.archive.failure) == (archive.FAILED, errno.ENOMEM)
    assert [session.number for session in decode(bench.chip.image).sessions] == [1]
    bench.archive.retry()
    bench.work()
    assert [e.session for e in bench.entries] == [1]
    assert bench.problems == []


def test_a_session_is_not_released_when_the_two_copies_differ(monkeypatch):
    """A byte read wrongly from the FRAM while it was copied: the copy is held against a second reading."""
    bench = ready()
    bench.session(50)
    read = bench.fram.read_into

    def noisy(addr, buf):
        read(addr, buf)
        if addr == blocks.address(0) and len(buf) == 512:
            buf[200] ^= 4

    monkeypatch.setattr(bench.fram, "read_into", noisy)
    bench.work()
    monkeypatch.undo()
    assert bench.archive.failure == entry.IO_ERROR
    assert bench.entries == []
    assert [session.number for session in decode(bench.chip.image).sessions] == [1]
