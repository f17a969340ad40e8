"""A record memory whose bus is disturbed: one wrong bit anywhere, and silence of any length, cost no record."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_bench import provisioned

import journal
import store
from drivers.fram import TRIES
from penimage import decode
from sim.parts.fram import MISO, MOSI
from store import EMPTY, OK


def a_life(bench):
    """Every kind of write and read once: events, a session with strokes of two depths, records, a start."""
    bench.begin()
    for i in range(6):
        assert bench.journal.stroke(500 + 100 * (i // 3), 498, 40_000, 0, 6) == i + 1
    assert bench.journal.event(9, 1, 2, 3)
    assert bench.journal.end_session(journal.USER, 0, 9)
    bench.start()
    bench.mount()


def told(bench):
    image = decode(bench.chip.image)
    events = [(e.kind, e.a, e.b) for e in image.events]
    strokes = [(s.commanded_um, s.achieved_um, s.period_us) for session in image.sessions for s in session.strokes]
    return events, strokes, [session.tail.strokes for session in image.sessions], image.problems


def bytes_of_a_life():
    """How many bytes it clocks, and what is told of it."""
    bench = provisioned()
    bench.chip.clocked = 0
    a_life(bench)
    return bench.chip.clocked, told(bench)


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("seed", range(3))
def test_one_wrong_bit_that_is_read_costs_nothing(seed):
    count, right = bytes_of_a_life()
    draw = random.Random(seed)
    for at in draw.sample(range(count), 40):
        bench = provisioned()
        bench.chip.flip(MISO, at, 1 << draw.randrange(8))
        a_life(bench)
        assert bench.chip.flipped == 1
        assert told(bench) == right, f"byte {at}"


def test_one_wrong_bit_of_data_that_is_written_costs_nothing():
    """Of every record, tail, word and event: what lies in zeros that were cleared for it included."""
    count, right = bytes_of_a_life()
    draw = random.Random(7)
    for at in draw.sample(range(count), 60):
        bench = provisioned()
        transfer = bench.chip.transfer
        hit = []

        def disturbed(tx, t_ns, bench=bench, transfer=transfer, at=at, hit=hit):
            data = bench.chip._command == 2 and bench.chip._count > 3 and len(tx) < 512
            if data and not hit and bench.chip.clocked >= at:
                hit.append(at)
                wrong = bytearray(tx)
                wrong[draw.randrange(len(wrong))] ^= 1 << draw.randrange(8)
                tx = bytes(wrong)
            return transfer(tx, t_ns)

        bench.chip.transfer = disturbed
        a_life(bench)
        assert told(bench) == right, f"byte {at}"


def test_a_lost_opcode_is_told_again():
    """WREN, WRITE or READ with one wrong bit is another command or none; nothing is kept by it, or all of it."""
    for at in (0, 1, 9, 17):
        for mask in (0x01, 0x04, 0x10, 0x80):
            bench = provisioned()
            bench.begin()
            assert bench.journal.stroke(500, 498, 40_000, 0, 6) == 1
            bench.chip.flip(MOSI, at, mask)
            assert bench.journal.stroke(500, 498, 40_000, 0, 6) == 2
            assert bench.chip.flipped or at == 17
            assert len(decode(bench.chip.image).sessions[0].strokes) == 2


@given(st.integers(0, 3), st.integers(1, 255))
@settings(max_examples=30)
def test_identity_is_asked_for_again(at, mask):
    bench = provisioned()
    bench.chip.flip(MISO, 1 + at, mask)
    assert bench.fram.check_id() and bench.fram.errors == 1
    bench.chip.fault = "stuck_low"
    assert not bench.fram.check_id() and bench.fram.errors == 1 + TRIES


def test_what_is_held_low_for_one_reading_is_no_empty_record():
    bench = provisioned()
    bench.store.write(store.COUNTERS, bytes(range(16)))
    buf = bytearray(64)
    select, left = bench.chip.select, [1]

    def once(t_ns):
        bench.chip.fault = "stuck_low" if left[0] > 0 else ""
        left[0] -= 1
        select(t_ns)

    bench.chip.select = once
    assert bench.store.read(store.COUNTERS, buf) == OK and bytes(buf[:16]) == bytes(range(16))
    left[0] = 0
    assert bench.store.read(store.CLINIC, buf) == EMPTY


@pytest.mark.parametrize("fault", ["stuck_low", "stuck_high", "noisy"])
def test_a_start_takes_nothing_live_for_free(fault):
    """A burst in any part of the start's reading: the newest session and the newest event are still found."""
    bench = provisioned()
    bench.begin()
    for _ in range(150):
        bench.journal.stroke(500, 498, 40_000, 0, 6)
    bench.journal.event(9, 7, 7, 7)
    image = bench.chip.image
    for first in range(0, 1000, 41):
        bench.chip.load(image)
        bench.start()
        select, seen = bench.chip.select, [0]

        def burst(t_ns, chip=bench.chip, select=select, seen=seen, first=first):
            chip.fault = fault if first <= seen[0] < first + 9 else ""
            seen[0] += 1
            select(t_ns)

        bench.chip.select = burst
        try:
            mounted = bench.mount() != journal.UNPROVISIONED
        except OSError:
            mounted = False
        bench.chip.select = select
        bench.chip.fault = ""
        if not mounted:  # it says so, and the self-test asks again
            bench.mount()
        found = decode(bench.chip.image)
        assert len(found.sessions[0].strokes) == 150 and found.sessions[0].tail.strokes == 150, first
        assert [e.name for e in found.events][-2:] == ["note", "session_end"], first
        assert found.problems == [], first


def test_the_driver_frames_as_the_data_sheet_asks():
    bench = provisioned()
    bench.chip.ignored.clear()
    a_life(bench)
    assert bench.chip.ignored == []
