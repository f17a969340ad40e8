"""Events, sessions and strokes: what is recorded is what is read back, how much fits, and what refuses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_bench import ROM, SERIAL, Bench, provisioned

import blocks
import events
import journal
import store
from journal import CLIPPED, FAULT, PARTIAL, SLIP, UNMEASURED
from layout import BLOCK_BASE, BLOCK_BYTES, BLOCK_COUNT, EVENT_BASE, EVENT_BYTES, EVENT_COUNT
from penimage import Problem, decode
from records import Counters

COMMANDED_UM, PERIOD_US, ZONE = 1000, 50_000, 6
FULL_SESSION_STROKES = 54_000  # half an hour at 30 Hz


def run_strokes(bench, count, zone_id=ZONE, commanded_um=COMMANDED_UM):
    for _ in range(count):
        number = bench.journal.stroke(commanded_um, commanded_um - 3, PERIOD_US, 0, zone_id)
        assert number > 0
    return bench.journal.strokes_in_session()


def full_session(bench, count=1, reason=journal.USER):
    bench.begin()
    run_strokes(bench, count)
    assert bench.journal.end_session(reason, 0, 9000)


def header_address(number):
    return BLOCK_BASE + number % BLOCK_COUNT * BLOCK_BYTES


# ---- events ----


class TestEvents:
    def test_fields_survive(self):
        bench = provisioned()
        expected = []
        for kind, a, b, uptime_ms in [
            (1, 0, 0, 0),
            (255, 255, 2**30 - 1, 2**30 - 1),
            (3, 7, 1 - 2**30, 1),
            (9, 1, -1, 5),
        ]:
            assert bench.journal.event(kind, a, b, uptime_ms)
            expected.append((kind, a, b, uptime_ms, bench.boot))
        image = decode(bench.chip.image)
        assert [(e.kind, e.a, e.b, e.uptime_ms, e.boot) for e in image.events] == expected
        assert image.problems == []

    @pytest.mark.parametrize(
        ("kind", "a", "b", "uptime_ms"),
        [
            (0, 0, 0, 0),
            (256, 0, 0, 0),
            (1, -1, 0, 0),
            (1, 256, 0, 0),
            (1, 0, 2**30, 0),
            (1, 0, -(2**30), 0),
            (1, 0, 0, -1),
            (1, 0, 0, 2**30),
        ],
    )
    def test_out_of_range_is_refused(self, kind, a, b, uptime_ms):
        with pytest.raises(ValueError, match="range"):
            provisioned().journal.event(kind, a, b, uptime_ms)

    @pytest.mark.parametrize(
        "count", [1, EVENT_COUNT - 1, EVENT_COUNT, EVENT_COUNT + 1, 3 * EVENT_COUNT + 17]
    )
    def test_the_ring_keeps_the_newest_1024_across_boots(self, count):
        bench = provisioned()
        for i in range(count):
            if i % 700 == 699:
                bench.start()
                bench.mount()
            assert bench.journal.event(events.NOTE, i & 0xFF, i, i)
        kept = decode(bench.chip.image)
        assert [event.b for event in kept.events] == list(range(max(0, count - EVENT_COUNT), count))
        assert [event.sequence for event in kept.events] == [event.b for event in kept.events]
        assert kept.problems == []

    def test_laps_wrap_at_65536(self):
        bench = provisioned()
        ring = bench.journal._events
        ring._lap, ring._index = 0xFFFF, EVENT_COUNT - 2
        for i in range(6):
            bench.journal.event(events.NOTE, 0, i, i)
        bench.start()
        bench.mount()
        for i in range(6, 9):
            bench.journal.event(events.NOTE, 0, i, i)
        assert [event.b for event in decode(bench.chip.image).events] == list(range(9))

    def test_an_entry_is_valid_in_its_own_place_only(self):
        bench = provisioned()
        bench.journal.event(events.NOTE, 1, 2, 3)
        image = bytearray(bench.chip.image)
        entry = image[EVENT_BASE : EVENT_BASE + EVENT_BYTES]
        for index in range(1, EVENT_COUNT):
            at = EVENT_BASE + index * EVENT_BYTES
            image[at : at + EVENT_BYTES] = entry
        assert len(decode(bytes(image)).events) <= EVENT_COUNT // 256  # CRC-8: one place in 256 by chance

    def test_a_damaged_entry_is_reported_and_the_rest_stays(self):
        bench = provisioned()
        for i in range(10):
            bench.journal.event(events.NOTE, 0, i, i)
        bench.chip.corrupt(EVENT_BASE + 4 * EVENT_BYTES + 7, 0x40)
        bench.start()
        assert bench.mount() == journal.DAMAGED
        assert bench.journal.damaged == 1
        bench.journal.event(events.NOTE, 0, 10, 10)
        image = decode(bench.chip.image)
        assert [event.b for event in image.events] == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]
        assert len(image.problems) == 1

    def test_a_chip_that_does_not_keep_it_is_told(self):
        bench = provisioned()
        bench.chip.fault = "stuck_low"
        assert not bench.journal.event(events.NOTE, 0, 0, 1)


# ---- mount ----


class TestMount:
    def test_unprovisioned_records_nothing(self):
        bench = Bench()
        before = bench.chip.image
        assert bench.mount() == journal.UNPROVISIONED
        assert not bench.journal.event(events.NOTE, 0, 0, 0)
        assert bench.begin() == journal.NOT_MOUNTED
        assert bench.journal.stroke(COMMANDED_UM, COMMANDED_UM, PERIOD_US, 0, ZONE) == journal.NO_SESSION
        assert bench.journal.oldest_span() is None
        assert bench.chip.image == before

    def test_statuses(self):
        bench = Bench().provision()
        bench.start()
        assert bench.mount() == journal.EMPTY
        bench.journal.event(events.BOOT, 0, 0, 0)
        bench.start()
        assert bench.mount() == journal.OK
        bench.begin()
        run_strokes(bench, 3)
        bench.start()
        assert bench.mount() == journal.RECOVERED_OPEN_SESSION
        assert (bench.journal.strokes_in_session(), bench.journal.is_open) == (3, False)
        bench.start()
        assert bench.mount() == journal.OK

    @pytest.mark.parametrize("strokes", [0, 1, 93, 94, 95, 213, 214, 400])
    def test_recovered_totals_are_those_of_the_strokes(self, strokes):
        bench = provisioned()
        bench.begin()
        for i in range(strokes):
            flags = (SLIP if i % 5 == 0 else 0) | (PARTIAL if i % 7 == 0 else 0)
            assert bench.journal.stroke(COMMANDED_UM, COMMANDED_UM - i % 300, PERIOD_US, flags, ZONE) == i + 1
        live = (bench.journal.strokes_in_session(), bench.journal.slips, bench.journal.worst_error_um())
        bench.start()
        bench.mount(77)
        found = bench.journal
        assert (found.strokes_in_session(), found.slips, found.worst_error_um()) == live
        image = decode(bench.chip.image)
        assert image.problems == []
        tail = image.sessions[0].tail
        assert (tail.strokes, tail.slips, tail.worst_error_um) == live
        assert (tail.reason_name, tail.boot, tail.uptime_ms) == ("power_lost", bench.boot, 77)
        assert image.records["counters"].values["strokes"] == strokes - len(range(0, strokes, 7)), "finished ones"

    def test_an_unreadable_release_record_frees_nothing(self):
        bench = provisioned()
        full_session(bench, 10)
        full_session(bench, 20)
        bench.journal.release_oldest(1)
        bench.chip.corrupt(store.slot_address(store.JOURNAL, 0) + 16, 1)
        bench.start()
        bench.mount()
        assert bench.journal.oldest_span() == (0, 1, 1)  # the released one is back, nothing is lost
        assert [session.number for session in decode(bench.chip.image).sessions] == [1, 2]

    def test_an_older_release_record_loses_nothing_live(self):
        bench = provisioned()
        while bench.journal.room_strokes() > journal.MIN_ROOM_STROKES:
            full_session(bench, 11_000)
        for _ in range(2):
            bench.journal.release_oldest(1)
            full_session(bench, 11_000)
        bench.chip.corrupt(store.slot_address(store.JOURNAL, 1) + 16, 1)  # back to the first release
        bench.start()
        bench.mount()
        assert 0 <= bench.journal.room_strokes() < journal.MIN_ROOM_STROKES
        sessions = decode(bench.chip.image).sessions
        assert [session.number for session in sessions if not session.problems] == [3, 4, 5, 6, 7]

    def test_session_numbers_go_on_after_everything_was_released(self):
        bench = provisioned()
        full_session(bench)
        bench.journal.release_oldest(1)
        bench.start()
        bench.mount()
        assert bench.begin() == 2


# ---- sessions and strokes ----

strokes = st.tuples(
    st.integers(0, journal.COMMANDED_MAX_UM),
    st.integers(-1000, 5200),
    st.integers(0, journal.PERIOD_MAX_US),
    st.integers(0, 15),
    st.integers(0, 255),
)


class TestSessions:
    def test_head_and_tail(self):
        bench = provisioned()
        assert bench.begin(zone_id=4, indication_id=3, wall_s=4_000_000_000, operator=b"OP-12345") == 1
        run_strokes(bench, 5)
        assert bench.journal.end_session(journal.FAULTED, 321, 5000)
        session = decode(bench.chip.image).sessions[0]
        head, tail = session.head, session.tail
        assert (head.pen_serial, head.cartridge_rom, head.operator) == (SERIAL.decode(), ROM, "OP-12345")
        assert (head.firmware_version, head.calibration_id, head.zone_id, head.indication_id) == (
            0x102,
            7,
            4,
            3,
        )
        assert (head.boot, head.uptime_ms, head.wall_s) == (bench.boot, 1000, 4_000_000_000)
        assert (tail.strokes, tail.reason_name, tail.fault_code, tail.uptime_ms) == (5, "fault", 321, 5000)

    @settings(max_examples=60, deadline=None)
    @given(st.lists(strokes, min_size=1, max_size=300))
    def test_every_stroke_reads_back_within_its_resolution(self, given_strokes):
        bench = provisioned()
        bench.begin()
        for number, stroke in enumerate(given_strokes, 1):
            assert bench.journal.stroke(*stroke) == number
        bench.journal.end_session(journal.USER, 0, 9)
        image = decode(bench.chip.image)
        assert image.problems == []
        assert len(image.sessions[0].strokes) == len(given_strokes)
        for found, (commanded, achieved, period, flags, zone) in zip(
            image.sessions[0].strokes, given_strokes, strict=True
        ):
            assert (found.commanded_um, found.flags, found.zone_id) == (commanded, flags, zone)
            assert abs(found.period_us - period) <= 8
            assert found.exact == (-128 <= achieved - commanded <= 127)
            if found.exact:
                assert found.achieved_um == achieved
            elif abs(achieved - commanded) < 4000:
                assert 0 <= found.achieved_um - achieved < 32  # never shallower than it was

    def test_errors_beyond_the_coarse_range_saturate(self):
        bench = provisioned()
        bench.begin()
        bench.journal.stroke(0, 9000, PERIOD_US, 0, 1)
        bench.journal.stroke(4095, -9000, PERIOD_US, 0, 1)
        found = decode(bench.chip.image).sessions[0].strokes
        assert [stroke.achieved_um for stroke in found] == [127 * 32, 4095 - 128 * 32]

    def test_worst_error_leaves_partial_strokes_out(self):
        bench = provisioned()
        bench.begin()
        for achieved, flags in ((990, 0), (0, PARTIAL), (1007, SLIP), (995, CLIPPED | FAULT)):
            bench.journal.stroke(1000, achieved, PERIOD_US, flags, ZONE)
        assert (bench.journal.worst_error_um(), bench.journal.slips) == (-10, 1)

    @pytest.mark.parametrize(
        "stroke",
        [
            (-1, 0, 1, 0, 0),
            (4096, 0, 1, 0, 0),
            (1, 1, -1, 0, 0),
            (1, 1, 1, 32, 0),
            (1, 1, 1, 0, 256),
            (1, 1, 1, 0, -1),
        ],
    )
    def test_what_cannot_be_recorded_is_refused(self, stroke):
        bench = provisioned()
        bench.begin()
        before = bench.chip.image
        assert bench.journal.stroke(*stroke) == journal.OUT_OF_RANGE
        assert bench.chip.image == before

    def test_strokes_that_begin_late_by_turns_cost_a_state_word_or_two(self):
        """One late start makes a period long and the next one short: both are in reach of one reference."""
        bench = provisioned()
        bench.begin()
        periods_us = [50_000, 53_192, 47_821, 51_457, 48_162, 49_506, 50_415, 49_583]
        run_strokes(bench, 1)
        before = bench.journal.room_strokes()
        for period_us in periods_us:
            assert bench.journal.stroke(COMMANDED_UM, COMMANDED_UM, period_us, 0, ZONE) > 0
        assert before - bench.journal.room_strokes() <= len(periods_us) + 2
        found = decode(bench.chip.image).sessions[0].strokes[1:]
        assert all(abs(stroke.period_us - us) <= 8 for stroke, us in zip(found, periods_us, strict=True))

    def test_a_session_that_is_not_on_record_as_begun_takes_no_stroke(self, monkeypatch):
        bench = provisioned()
        monkeypatch.setattr(bench.journal._events, "append", lambda *_: False)
        assert bench.begin() == journal.NOT_KEPT and not bench.journal.is_open
        before = bench.chip.image
        for stroke in ((COMMANDED_UM, COMMANDED_UM, PERIOD_US, 0, ZONE), (0, 0, 0, 0, 0)):
            assert bench.journal.stroke(*stroke) == journal.NO_SESSION
        assert bench.chip.image == before

    def test_a_session_that_has_ended_takes_no_stroke(self):
        bench = provisioned()
        full_session(bench, 3)
        before = bench.chip.image
        assert bench.journal.stroke(COMMANDED_UM, COMMANDED_UM, PERIOD_US, 0, ZONE) == journal.NO_SESSION
        assert bench.chip.image == before

    def test_a_very_long_period_is_kept_as_the_longest(self):
        bench = provisioned()
        bench.begin()
        assert bench.journal.stroke(1000, 1000, 5_000_000, 0, ZONE) == 1
        assert decode(bench.chip.image).sessions[0].strokes[0].period_us == journal.PERIOD_MAX_US

    def test_misuse(self):
        bench = provisioned()
        assert not bench.journal.end_session(journal.USER, 0, 1)
        assert bench.begin() == 1
        assert bench.begin() == journal.SESSION_OPEN
        with pytest.raises(ValueError, match="end reason"):
            bench.journal.end_session(0, 0, 1)
        assert bench.journal.end_session(journal.USER, 0, 1)
        for wrong in ({"rom": b"short"}, {"operator": b"too long!"}):
            with pytest.raises(ValueError, match="8 bytes"):
                bench.begin(**wrong)

    def test_counters_follow_and_count_once(self):
        bench = provisioned()
        full_session(bench, 7)
        full_session(bench, 5)
        for _ in range(2):
            bench.start()
            bench.mount()
        counters = Counters()
        assert counters.load(bench.store) == store.OK
        assert (counters.strokes, counters.sessions) == (12, 2)

    def test_unreadable_counters_are_left_alone(self):
        bench = provisioned()
        full_session(bench)
        for slot in (0, 1):
            bench.chip.corrupt(store.slot_address(store.COUNTERS, slot) + 20, 1)
        full_session(bench)
        assert bench.journal.counters_status == store.CORRUPT

    def test_a_chip_that_stops_keeping_is_told_at_once(self):
        bench = provisioned()
        bench.begin()
        run_strokes(bench, 2)
        bench.chip.fault = "stuck_low"
        assert bench.journal.stroke(500, 500, 40_000, 0, 2) == journal.NOT_KEPT
        bench.chip.fault = ""
        assert bench.journal.stroke(500, 501, 40_000, 0, 2) == 3
        image = decode(bench.chip.image)
        assert [(s.commanded_um, s.achieved_um) for s in image.sessions[0].strokes][-1] == (500, 501)
        bench.chip.fault = "absent"
        with pytest.raises(OSError, match="tail"):
            bench.journal.end_session(journal.USER, 0, 1)
        assert bench.journal.is_open, "it is ended once more when the chip may keep it, or given up"
        bench.chip.fault = ""
        assert bench.journal.end_session(journal.USER, 0, 1)
        assert decode(bench.chip.image).sessions[0].tail.reason == journal.USER

    def test_a_session_is_given_up_where_the_chip_keeps_nothing(self):
        bench = provisioned()
        bench.begin()
        run_strokes(bench, 2)
        bench.chip.fault = "absent"
        bench.journal.give_up()
        assert not bench.journal.is_open
        bench.chip.fault = ""
        bench.start()
        assert bench.mount() == journal.RECOVERED_OPEN_SESSION
        assert bench.journal.strokes_in_session() == 2


# ---- space ----


class TestSpace:
    def test_half_an_hour_at_30_hz_fits(self):
        bench = provisioned()
        bench.begin()
        for i in range(FULL_SESSION_STROKES):
            # a change of zone or depth every ten seconds on top
            assert bench.journal.stroke(500 + i // 300 % 8 * 50, 500, 33_333, 0, 2 + i // 3000 % 3) == i + 1
        assert bench.journal.room_strokes() > 1000
        bench.journal.end_session(journal.TIME_LIMIT, 0, 1)
        image = decode(bench.chip.image)
        assert image.problems == []
        assert len(image.sessions[0].strokes) == FULL_SESSION_STROKES

    def test_room_is_what_really_fits(self):
        bench = provisioned()
        room = bench.journal.room_strokes()
        assert room == (BLOCK_COUNT - 1) * 120 + 96
        bench.begin()
        run_strokes(bench, room - 2)  # the first stroke also wrote its depth and its rate
        assert bench.journal.room_strokes() == 0
        assert bench.journal.stroke(COMMANDED_UM, COMMANDED_UM, PERIOD_US, 0, ZONE) == journal.FULL
        assert bench.journal.used_percent() == 100
        assert bench.journal.end_session(journal.JOURNAL_FULL, 0, 1)
        assert len(decode(bench.chip.image).sessions[0].strokes) == room - 2

    @pytest.mark.hazard("H16")
    def test_a_full_journal_refuses_until_an_explicit_recorded_release(self):
        bench = provisioned()
        for _ in range(5):
            full_session(bench, 11_000)
        assert bench.journal.room_strokes() < journal.MIN_ROOM_STROKES
        before = bench.chip.image
        assert bench.begin() == journal.FULL
        assert bench.chip.image == before
        assert bench.journal.release_oldest(50) == 1
        assert bench.begin() == 6
        run_strokes(bench, 9000)
        bench.journal.end_session(journal.USER, 0, 3)
        image = decode(bench.chip.image)
        assert image.problems == []
        assert [session.number for session in image.sessions] == [2, 3, 4, 5, 6]
        assert [len(session.strokes) for session in image.sessions] == [11_000] * 4 + [9000]
        released = [event for event in image.events if event.kind == events.RELEASED]
        assert [event.b for event in released] == [1]

    def test_release_takes_finished_sessions_in_order_and_never_the_open_one(self):
        bench = provisioned()
        assert bench.journal.release_oldest(1) == -1
        full_session(bench, 300)
        full_session(bench, 1)
        bench.begin()
        run_strokes(bench, 5)
        assert bench.journal.oldest_span() == (0, 3, 1)
        assert [bench.journal.release_oldest(1) for _ in range(3)] == [1, 2, -1]
        run_strokes(bench, 5)
        assert bench.journal.end_session(journal.USER, 0, 2)
        assert len(decode(bench.chip.image).sessions[0].strokes) == 10
        assert bench.journal.release_oldest(1) == 3
        assert bench.journal.used_percent() == 0

    def test_blocks_are_reused_lap_after_lap(self):
        bench = provisioned()
        for number in range(1, 16):
            full_session(bench, 10_000 + number)
            if number % 4 == 0:
                bench.start()
                assert bench.mount() == journal.OK
            if number > 3:
                assert bench.journal.release_oldest(1) == number - 3
        image = decode(bench.chip.image)
        assert image.problems == []
        assert [(s.number, len(s.strokes)) for s in image.sessions] == [(n, 10_000 + n) for n in (13, 14, 15)]


# ---- damage ----


class TestDamage:
    def test_a_damaged_header_at_the_end_is_not_overwritten(self):
        bench = provisioned()
        full_session(bench, 300)
        bench.chip.corrupt(header_address(2) + 9, 1)  # the last of three blocks
        bench.start()
        assert bench.mount() == journal.DAMAGED
        before = bench.chip.image[header_address(2) : header_address(3)]
        full_session(bench, 5)
        assert bench.chip.image[header_address(2) : header_address(3)] == before
        image = decode(bench.chip.image)
        assert [session.number for session in image.sessions] == [1, 2]
        assert any("block 2" in problem.what for problem in image.problems)

    def test_a_damaged_block_in_the_middle_costs_only_its_strokes(self):
        bench = provisioned()
        full_session(bench, 500)
        bench.chip.corrupt(header_address(1), 0x01)
        session = decode(bench.chip.image).sessions[0]
        numbers = [stroke.sequence for stroke in session.strokes]
        assert numbers == [*range(1, 95), *range(215, 501)]

    def test_release_passes_over_damage(self):
        bench = provisioned()
        full_session(bench, 300)
        full_session(bench, 3)
        for number in range(3):
            bench.chip.corrupt(header_address(number) + 5, 1)
        bench.start()
        assert bench.mount() == journal.DAMAGED
        assert bench.journal.oldest_span() == (0, 3, 0)
        assert [bench.journal.release_oldest(1) for _ in range(3)] == [0, 2, -1]

    def test_a_damaged_stroke_is_left_out_and_named(self):
        bench = provisioned()
        full_session(bench, 50)
        bench.chip.corrupt(header_address(0) + 4 * (blocks.SESSION_FIRST_WORD + 2 + 9), 0x08)
        image = decode(bench.chip.image)
        assert [s.sequence for s in image.sessions[0].strokes] == [*range(1, 10), *range(11, 51)]
        assert image.problems == [
            Problem("stroke 10 is unreadable", header_address(0) + 4 * 43, "1 stroke", 1, session=1)]

    def test_after_a_damaged_state_word_nothing_is_guessed(self):
        bench = provisioned()
        bench.begin()
        run_strokes(bench, 10)
        run_strokes(bench, 10, commanded_um=600)
        run_strokes(bench, 200, commanded_um=700)
        bench.journal.end_session(journal.USER, 0, 1)
        bench.chip.corrupt(header_address(0) + 4 * (blocks.SESSION_FIRST_WORD + 2 + 10), 0x04)
        image = decode(bench.chip.image)
        found = image.sessions[0].strokes
        assert [s.commanded_um for s in found if s.sequence <= 10] == [1000] * 10
        assert found[10].sequence == 93  # the next block says its own state
        assert {s.commanded_um for s in found[10:]} == {700}
        assert len(image.problems) == 1

    def test_a_damaged_tail_is_a_problem_and_stays_as_it_is(self):
        bench = provisioned()
        full_session(bench, 4)
        bench.chip.corrupt(header_address(0) + 96, 1)
        bench.start()
        before = bench.chip.image
        assert bench.mount() == journal.DAMAGED
        assert bench.chip.image == before
        session = decode(bench.chip.image).sessions[0]
        assert session.tail is None
        assert len(session.strokes) == 4
        assert [problem.what for problem in session.problems] == ["tail is unreadable"]


class TestUnderWay:
    """The stroke that had begun when the chip was reset, told to the start."""

    def cut(self, strokes):
        bench = provisioned()
        bench.begin()
        run_strokes(bench, strokes)
        bench.start()
        return bench

    @pytest.mark.parametrize("strokes", [0, 1, 94, 95, 96, 214, 215, 216])
    @pytest.mark.parametrize("flags", [FAULT | UNMEASURED, FAULT | UNMEASURED | PARTIAL])
    def test_is_the_next_one_of_the_session_found_open(self, strokes, flags):
        bench = self.cut(strokes)
        under_way = (bench.journal.session or 1, strokes + 1, 700, 9, flags)
        assert bench.journal.mount(bench.boot, 10, under_way) == journal.RECOVERED_OPEN_SESSION
        session = decode(bench.chip.image).sessions[0]
        last = session.strokes[-1]
        assert (last.sequence, last.zone_id, last.commanded_um, last.achieved_um) == (strokes + 1, 9, 700, 700)
        assert not last.exact and ("partial" in last.flag_names) == bool(flags & PARTIAL)
        assert last.period_us in (1048568, 1048575) if not strokes else abs(last.period_us - PERIOD_US) < 2100
        assert (session.tail.strokes, session.tail.partials) == (strokes + 1, int(bool(flags & PARTIAL)))
        assert decode(bench.chip.image).problems == []
        counters = Counters()
        counters.load(bench.store)
        assert counters.strokes == strokes + (0 if flags & PARTIAL else 1)
        assert bench.journal.stroke(500, 500, 40_000, 0, 6) == journal.NO_SESSION

    @pytest.mark.parametrize("session, number", [(1, 5), (1, 7), (2, 6), (0, 6)])
    def test_of_another_session_or_on_record_already_it_is_not_taken(self, session, number):
        bench = self.cut(5)
        bench.journal.mount(bench.boot, 10, (session, number, 700, 9, FAULT))
        assert len(decode(bench.chip.image).sessions[0].strokes) == 5

    def test_partial_strokes_are_counted_over_blocks_and_a_restart(self):
        bench = provisioned()
        bench.begin()
        for i in range(250):
            assert bench.journal.stroke(500, 400, 40_000, PARTIAL if i % 50 == 0 else 0, 6) > 0
        bench.start()
        bench.mount()
        assert bench.journal.partials == 5
        session = decode(bench.chip.image).sessions[0]
        assert (session.tail.strokes, session.tail.partials, session.finished) == (250, 5, 245)
        assert decode(bench.chip.image).problems == []
