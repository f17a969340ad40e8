"""Power cut after every single byte of a session's bus traffic, and again during the recovery from it.

What a call had reported as recorded must be there afterwards; at most the one thing in flight may be there too,
whole; nothing else may appear, and both readers (firmware and host) agree.
"""

import pytest
from storage_bench import Bench, PowerCut, provisioned

import journal
from penimage import decode

NOTE = 9


class Script:
    """A small session that touches every kind of write; keeps what was promised and what was in flight."""

    def __init__(self, bench):
        self.bench = bench
        counters = decode(bench.chip.image).records["counters"].values or {"sessions": 0, "strokes": 0}
        self.lives_before = (counters["sessions"], counters["strokes"])
        self.events = []
        self.strokes = []
        self.began = False
        self.ended = False
        self.pending = None

    def run(self):
        log = self.bench.journal
        self._do(("event", 1), lambda: log.event(NOTE, 1, 1, 1), self.events, 1)
        self.pending = ("begin",)
        assert self.bench.begin() > 0
        self.began = True
        for i in range(5):
            depth_um, zone = (500, 3) if i < 3 else (750, 4)
            period_us = 40_000 if i < 4 else 60_000
            stroke = (i + 1, zone, depth_um, depth_um + 7 * i - 5, period_us)
            self._stroke(stroke)
            if i == 2:
                self._do(("event", 2), lambda: log.event(NOTE, 2, 2, 2), self.events, 2)
        self._end()

    def _do(self, pending, call, promised, entry):
        self.pending = pending
        assert call()
        promised.append(entry)
        self.pending = None

    def _stroke(self, stroke):
        number, zone, depth_um, achieved_um, period_us = stroke
        self.pending = ("stroke", stroke)
        assert self.bench.journal.stroke(depth_um, achieved_um, period_us, 0, zone) == number
        self.strokes.append(stroke)
        self.pending = None

    def _end(self):
        self.pending = ("end",)
        assert self.bench.journal.end_session(journal.USER, 0, 77)
        self.ended = True
        self.pending = None


class NewBlockScript(Script):
    """Only the stroke that opens a new block, and the ones around it."""

    def prepare(self):
        self.bench.begin()
        self.began = True
        for number in range(1, 94):
            self._stroke((number, 3, 500, 501, 40_000))

    def run(self):
        for number in range(94, 98):
            self._stroke((number, 3 + (number > 95), 500, 499, 40_000))


class ReleaseScript(Script):
    """Ending one session, releasing it, and reusing nothing yet."""

    def prepare(self):
        self.bench.begin()
        self.began = True
        self._stroke((1, 3, 500, 501, 40_000))
        self._end()

    def run(self):
        assert self.bench.journal.release_oldest(5) == 1


def rows(session):
    return [(s.sequence, s.zone_id, s.commanded_um, s.achieved_um, s.period_us) for s in session.strokes]


def check(script, image, status):
    """The promises of a script that was cut, against the chip after the next start."""
    assert image.problems == []
    notes = [event.b for event in image.events if event.kind == NOTE]
    pending = script.pending or ("",)
    assert notes[: len(script.events)] == script.events
    assert notes[len(script.events) :] in ([], [pending[1]] if pending[0] == "event" else [])
    if not image.sessions:
        assert not script.began
        return
    (session,) = image.sessions
    found = rows(session)
    assert found[: len(script.strokes)] == script.strokes
    assert found[len(script.strokes) :] in ([], [pending[1]] if pending[0] == "stroke" else [])
    assert session.head is not None
    assert session.tail is not None
    reason = session.tail.reason
    assert reason == journal.USER if script.ended else reason in (journal.USER, journal.POWER_LOST)
    assert reason == journal.POWER_LOST or script.ended or pending == ("end",)
    assert (status == journal.RECOVERED_OPEN_SESSION) == (reason == journal.POWER_LOST)
    assert session.tail.strokes == len(found)
    counters = image.records["counters"].values
    sessions, strokes = script.lives_before
    assert (counters["sessions"], counters["strokes"]) == (sessions + 1, strokes + len(found))


def prepared(kind, worn):
    script = kind(provisioned(worn))
    if hasattr(script, "prepare"):
        script.prepare()
    return script


def cut_run(kind, cut, worn=False):
    """A script cut after `cut` bytes; None when it ran to its end."""
    script = prepared(kind, worn)
    script.bench.chip.cut_after(cut)
    try:
        script.run()
    except PowerCut:
        return script
    return None


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("kind", [Script, NewBlockScript])
@pytest.mark.parametrize(("worn", "step"), [(True, 1), (False, 7)], ids=["worn", "new"])
def test_cut_at_every_byte(kind, worn, step):
    """Every byte on a chip full of old data; every seventh on a new one, where less can go wrong."""
    cut = 0
    while (script := cut_run(kind, cut, worn)) is not None:
        bench = script.bench
        bench.start()
        status = bench.mount()
        check(script, decode(bench.chip.image), status)
        if cut % 8 == 0:
            bench.start()
            assert bench.mount() in (journal.OK, journal.EMPTY), f"second start after a cut at byte {cut}"
        cut += step
    assert cut > 600


def test_cut_at_every_byte_of_a_release():
    cut = 0
    while (script := cut_run(ReleaseScript, cut)) is not None:
        bench = script.bench
        bench.start()
        assert bench.mount() == journal.OK
        image = decode(bench.chip.image)
        assert [problem for problem in image.problems if "journal" not in problem.what] == []
        released = image.records["journal"].values is not None
        assert [session.number for session in image.sessions] == ([] if released else [1])
        assert any(event.name == "released" for event in image.events) or not released
        assert bench.begin() == 2
        cut += 1
    assert cut > 50


def cut_in(what, nth):
    """A script cut in the `nth` (0..) byte of the first call that was under way as `what`."""
    cut = 0
    while cut_run(Script, cut).pending != what:
        cut += 8
    return cut_run(Script, cut + nth)


FIRST_STROKE = ("stroke", (1, 3, 500, 495, 40_000))


@pytest.mark.hazard("H16")
@pytest.mark.parametrize(("what", "nth"), [(FIRST_STROKE, 5), (("event", 2), 9), (("end",), 20)])
def test_cut_at_every_byte_of_the_recovery(what, nth):
    script = cut_in(what, nth)
    base = script.bench.chip.image
    whole = Bench(base)
    assert whole.mount() == journal.RECOVERED_OPEN_SESSION
    total = whole.bus.clocked
    writing = total - 1000  # before that the start only reads
    for cut in [*range(0, writing, 997), *range(writing, total)]:
        bench = Bench(base)
        bench.chip.cut_after(cut)
        with pytest.raises(PowerCut):
            bench.mount()
        bench.start()
        assert bench.mount() in (journal.OK, journal.RECOVERED_OPEN_SESSION)
        check(script, decode(bench.chip.image), journal.RECOVERED_OPEN_SESSION)


@pytest.mark.parametrize("nth", [8, 10, 13, 16])
def test_a_torn_word_is_not_mistaken_for_a_stroke_when_sessions_go_on(nth):
    bench = cut_in(FIRST_STROKE, nth).bench
    for _ in range(3):
        bench.start()
        bench.mount()
        bench.begin()
        bench.journal.stroke(300, 300, 50_000, 0, 1)
    bench.journal.end_session(journal.USER, 0, 1)
    image = decode(bench.chip.image)
    assert image.problems == []
    assert [len(session.strokes) for session in image.sessions[1:]] == [1, 1, 1]
