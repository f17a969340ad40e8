"""What a session's head and tail say beside the strokes: the client's number, the faults that came up."""

import frozen
import pytest
from storage_bench import Bench, PowerCut, provisioned

import events
import journal
import records
import store
from penimage import decode

SLIP_FAULT, JAM, HOT = 30, 34, 50


def only_session(bench):
    (session,) = decode(bench.chip.image).sessions
    assert session.problems == []
    return session


def fault(bench, code):
    assert bench.journal.event(events.FAULT, 0, code, 5)


@pytest.mark.parametrize("tag", [0, 1, 4711, journal.CLIENT_TAG_MAX])
def test_the_client_tag_is_on_record(tag):
    bench = provisioned()
    bench.begin(client_tag=tag)
    bench.journal.end_session(journal.USER, 0, 9)
    assert only_session(bench).head.client == tag


@pytest.mark.parametrize("supervised", [False, True])
def test_the_head_says_whether_a_supervisor_unlocked(supervised):
    bench = provisioned()
    bench.begin(supervised=supervised)
    assert only_session(bench).head.supervised is supervised


@pytest.mark.parametrize("tag", [-1, journal.CLIENT_TAG_MAX + 1])
def test_another_tag_is_refused_and_no_session_begins(tag):
    bench = provisioned()
    with pytest.raises(ValueError, match="client tag"):
        bench.begin(client_tag=tag)
    assert decode(bench.chip.image).sessions == []


@pytest.mark.parametrize(
    ("codes", "count", "named"),
    [
        ((), 0, ()),
        ((JAM,), 1, (JAM,)),
        ((JAM, HOT, SLIP_FAULT), 3, (JAM, HOT, SLIP_FAULT)),
        ((JAM, HOT, SLIP_FAULT, HOT), 4, (JAM, HOT, SLIP_FAULT)),
        ((JAM,) * 300, 255, (JAM,) * 3),
    ],
)
def test_the_tail_tells_the_faults_of_its_session_only(codes, count, named):
    bench = provisioned()
    fault(bench, HOT)
    bench.begin()
    for code in codes:
        fault(bench, code)
    bench.journal.end_session(journal.USER, 0, 9)
    fault(bench, HOT)
    tail = only_session(bench).tail
    assert (tail.faults, tail.fault_codes) == (count, named)


@pytest.mark.parametrize("codes", [(), (JAM,), (JAM, HOT, SLIP_FAULT, HOT)])
def test_after_a_power_cut_the_faults_come_from_the_events(codes):
    bench = provisioned()
    fault(bench, HOT)
    bench.begin()
    bench.journal.stroke(500, 500, 40_000, 0, 3)
    for code in codes:
        fault(bench, code)
    bench.start()
    assert bench.mount() == journal.RECOVERED_OPEN_SESSION
    tail = only_session(bench).tail
    assert (tail.faults, tail.fault_codes) == (len(codes), codes[:3])


def test_a_session_cut_before_its_start_was_an_event_has_no_faults_of_the_one_before():
    bench = provisioned()
    bench.begin()
    fault(bench, JAM)
    bench.journal.end_session(journal.USER, 0, 9)
    base = bench.chip.image
    cut = 0
    while True:
        bench = Bench(base)
        bench.mount()
        bench.chip.cut_after(cut)
        try:
            bench.begin()
            break
        except PowerCut:
            pass
        bench.start()
        bench.mount()
        assert [s.tail.faults for s in decode(bench.chip.image).sessions[1:]] in ([], [0])
        cut += 1
    assert cut > 600


@pytest.mark.parametrize("name", frozen.NAMES)
@pytest.mark.parametrize("record", [records.Counters, records.Settings, records.LastFault, records.Motion])
def test_a_cut_at_any_byte_while_an_old_record_is_written_anew_leaves_the_old_or_the_new(name, record):
    """The upgrade of a schema is a write like any other: into the other slot, with the new schema's number."""
    base = frozen.image(name)
    old = record()
    status = old.load(Bench(base).store)
    if status not in (store.OK, store.RECOVERED):
        pytest.skip("never written in this image")
    cut = 0
    while True:
        bench = Bench(base)
        fresh = record()
        fresh.load(bench.store)
        bench.chip.cut_after(cut)
        try:
            fresh.save(bench.store)
        except PowerCut:
            bench.start()
            found = record()
            assert found.load(bench.store) in (store.OK, store.RECOVERED), f"after {cut} bytes"
            assert vars(found) == vars(old)
            cut += 1
            continue
        bench.start()
        assert bench.store.read(_id(record), bytearray(1008)) in (store.OK, store.RECOVERED)
        assert bench.store.schema == store.SCHEMAS[_id(record)]
        break
    assert cut > 40


def _id(record):
    return {
        records.Counters: store.COUNTERS, records.Settings: store.SETTINGS, records.LastFault: store.LAST_FAULT,
        records.Motion: store.MOTION}[record]
