"""Images of every version of the format: reader and firmware of today find in them all that was there."""

import frozen
import pytest
from archive_bench import READER, ArchiveBench

import archive
import journal
import records
import store
from penimage.merge import read_pen

CLASSES = {
    "counters": records.Counters, "settings": records.Settings, "last_fault": records.LastFault,
    "motion": records.Motion, "clinic": records.Clinic, "key": records.Key}  # fmt: skip


def sessions_match(found, wanted, closed=()):
    """Sessions equal what was frozen; those numbered in `closed` have got a tail since."""
    assert [session.number for session in found] == [session["number"] for session in wanted]
    for session, frame in zip(found, wanted, strict=True):
        assert frozen.fields(session.head, frame["head"]) == frame["head"]
        assert (len(session.strokes), frozen.sums(session)) == (frame["strokes"], frame["sum"])
        if session.number not in closed:
            assert frozen.fields(session.tail, frame["tail"]) == frame["tail"]


@pytest.mark.parametrize("name", frozen.NAMES)
def test_reader_finds_what_was_frozen(name):
    found, wanted = read_pen(frozen.image(name), frozen.flash(name), READER), frozen.content(name)
    assert found.pen_serial == wanted["pen_serial"]
    assert [problem.what for problem in found.notes + found.problems] == wanted["problems"]
    assert frozen.events(found.events) == wanted["events"]
    for record, frame in wanted["records"].items():
        known = found.records[record]
        assert (known.status, known.schema) == (frame["status"], frame["schema"]), record
        values = None if known.values is None else {key: known.values[key] for key in frame["values"]}
        assert values == frame["values"], record
    sessions_match(found.sessions, wanted["sessions"])


@pytest.mark.parametrize("name", frozen.NAMES)
def test_firmware_takes_it_up_where_it_was_left(name):
    wanted = frozen.content(name)
    bench = ArchiveBench(frozen.image(name), frozen.flash(name))
    status = bench.journal.mount(bench.boot, 10)
    found_archive = bench.archive.mount(bench.boot, 10)
    assert found_archive == (archive.WHOLE if frozen.flash(name) else archive.NEW)
    open_before = {session["number"] for session in wanted["sessions"] if session["tail"] is None}
    assert (status == journal.RECOVERED_OPEN_SESSION) == bool(open_before)
    assert bench.journal.damaged == 0
    found = read_pen(bench.chip.image, bytes(bench.flash.image), READER)
    sessions_match(found.sessions, wanted["sessions"], closed=open_before)
    assert all(session.tail is not None for session in found.sessions)
    before = wanted["records"]["counters"]["values"]
    lost = sum(session["strokes"] for session in wanted["sessions"] if session["number"] in open_before)
    assert found.records["counters"].values["strokes"] == before["strokes"] + lost
    while bench.journal.room_strokes() < journal.MIN_ROOM_STROKES:
        assert bench.journal.release_oldest(1) > 0
    assert bench.begin() == max([0, *(session["number"] for session in wanted["sessions"])]) + 1


@pytest.mark.parametrize("name", frozen.NAMES)
def test_firmware_reads_every_record(name):
    bench = ArchiveBench(frozen.image(name))
    for record, frame in frozen.content(name)["records"].items():
        if record in CLASSES:
            loaded = CLASSES[record]()
            assert store.STATUS_NAMES[loaded.load(bench.store)] == frame["status"], record
            values = dict(frame["values"] or {})
            if "supervisor_code" in values:
                assert bool(loaded.code_hash) == values.pop("supervisor_code")
            if "set" in values:
                assert bool(loaded.key) == values.pop("set")
            if "operator" in values:
                assert loaded.operator.decode() == values.pop("operator")
            assert frozen.fields(loaded, values) == values, record
    ring = records.CartridgeRing()
    ring.load(bench.store)
    roms = (frozen.content(name)["records"]["cartridges"]["values"] or {"roms": []})["roms"]
    assert ring.count == len(roms)
    assert all(ring.contains(bytes.fromhex(rom)) for rom in roms)
