"""Random lives of a pen against a model of a few dictionaries and lists, with reboots and cuts anywhere."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from storage_bench import PowerCut, provisioned

import blocks
import journal
import store
from penimage import decode

NOTE = 9
RECORDS = (store.CALIBRATION, store.SETTINGS, store.LAST_FAULT, store.CARTRIDGES)


class PenLife(RuleBasedStateMachine):
    """`records`, `notes`, `sessions`: what must be on the chip. A cut may add the one thing in flight."""

    @initialize()
    def unpack(self):
        self.bench = provisioned()
        self.records = {}
        self.notes = []
        self.sessions = []  # [number, strokes, end reason or None]
        self.released = 0
        self.open = False
        self.cut = None

    # ---- what the firmware does ----

    @rule(record=st.sampled_from(RECORDS), payload=st.binary(min_size=1, max_size=96))
    def write_record(self, record, payload):
        if self._powered(lambda: self.bench.store.write(record, payload)):
            self.records[record] = payload
        else:
            found = self._record(record)
            assert found in (self.records.get(record), payload)
            self.records[record] = found

    @rule(b=st.integers(-(2**30) + 1, 2**30 - 1))
    def note(self, b):
        if self._powered(lambda: self.bench.journal.event(NOTE, 0, b, 1)) or (
            self._notes()[-1:] == [b] and len(self._notes()) > len(self.notes)
        ):
            self.notes.append(b)

    @precondition(lambda self: not self.open)
    @rule()
    def begin(self):
        number = len(self.sessions) + 1
        if self._powered(lambda: self.bench.begin()):
            self.sessions.append([number, [], None])
            self.open = True
        elif self._image().sessions and self._image().sessions[-1].number == number:
            self.sessions.append([number, [], journal.POWER_LOST])

    @precondition(lambda self: self.open)
    @rule(
        count=st.integers(1, 130), depth_um=st.sampled_from([300, 301, 2500]), error_um=st.integers(-200, 200),
        period_us=st.sampled_from([33_333, 34_000, 90_000]), flags=st.integers(0, 15), zone=st.integers(0, 12),
    )  # fmt: skip
    def strokes(self, count, depth_um, error_um, period_us, flags, zone):
        strokes = self.sessions[-1][1]
        for _ in range(count):
            row = (len(strokes) + 1, zone, depth_um, depth_um + error_um, period_us, flags)
            if self._powered(
                lambda: self.bench.journal.stroke(depth_um, depth_um + error_um, period_us, flags, zone)
            ):
                strokes.append(row)
                continue
            if len(self._image().sessions[-1].strokes) > len(strokes):
                strokes.append(row)
            return

    @precondition(lambda self: self.open)
    @rule(reason=st.sampled_from([journal.USER, journal.TIME_LIMIT, journal.FAULTED]))
    def end(self, reason):
        done = self._powered(lambda: self.bench.journal.end_session(reason, 3, 5))
        self.open = False
        if done:
            self.sessions[-1][2] = reason
        else:
            found = self._image().sessions[-1].tail.reason
            assert found in (reason, journal.POWER_LOST)
            self.sessions[-1][2] = found

    @precondition(lambda self: not self.open)
    @rule()
    def release(self):
        expected = self.released + 1 if self.released < len(self.sessions) else -1
        answer = []
        if self._powered(lambda: answer.append(self.bench.journal.release_oldest(1)) or True):
            assert answer == [expected]
            self.released += expected > 0
        elif expected > 0 and not any(s.number == expected for s in self._image().sessions):
            self.released += 1

    # ---- what the world does ----

    @rule(bytes_left=st.integers(0, 1500))
    def cut_soon(self, bytes_left):
        self.bench.chip.cut_after(bytes_left)

    @rule()
    def reboot(self):
        self._restart()

    def teardown(self):
        if hasattr(self, "bench"):
            self._restart()
            self._compare()

    # ---- against the model ----

    def _powered(self, call):
        """False when the power went away in the call; the pen has then been started again."""
        try:
            assert call() is None or True
        except PowerCut:
            self._restart()
            return False
        return True

    def _restart(self):
        self.bench.start()
        status = self.bench.mount()
        assert status in (journal.OK, journal.EMPTY, journal.RECOVERED_OPEN_SESSION)
        if self.open and self.sessions[-1][2] is None:
            self.sessions[-1][2] = journal.POWER_LOST
            assert status == journal.RECOVERED_OPEN_SESSION or self._image().sessions[-1].tail.reason < 4
        self.open = False

    def _image(self):
        return decode(self.bench.chip.image)

    def _record(self, record):
        buf = bytearray(store.capacity(record))
        status = self.bench.store.read(record, buf)
        return bytes(buf[: self.bench.store.length]) if status in (store.OK, store.RECOVERED) else None

    def _notes(self):
        return [event.b for event in self._image().events if event.kind == NOTE]

    def _compare(self):
        image = self._image()
        assert [problem for problem in image.problems if not problem.what.startswith("record")] == []
        assert {record: self._record(record) for record in RECORDS} == {
            r: self.records.get(r) for r in RECORDS
        }
        assert self._notes() == self.notes
        live = self.sessions[self.released :]
        assert [session.number for session in image.sessions] == [number for number, _, _ in live]
        for session, (_, strokes, reason) in zip(image.sessions, live, strict=True):
            assert [(s.sequence, s.zone_id, s.commanded_um, s.flags) for s in session.strokes] == [
                (n, zone, depth, flags) for n, zone, depth, _, _, flags in strokes
            ]
            assert all(
                0 <= found.achieved_um - row[3] < 32 and abs(found.period_us - row[4]) <= 8
                for found, row in zip(session.strokes, strokes, strict=True)
            )
            assert session.tail.reason == reason
        used = sum(len(session.blocks) for session in image.sessions)
        assert self.bench.journal.room_strokes() == (blocks.BLOCK_COUNT - used) * 120 - 24
        partial = 4  # a stroke that was cut short is no finished one
        total = sum(not row[5] & partial for _, strokes, _ in self.sessions for row in strokes)
        counters = image.records["counters"].values or {"sessions": 0, "strokes": 0}
        assert (counters["sessions"], counters["strokes"]) == (len(self.sessions), total)


PenLife.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPenLife = PenLife.TestCase
