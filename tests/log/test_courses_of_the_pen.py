"""The pen and the host's reader count the sittings of a course alike."""

import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from pen.log.courses import courses_of
from penimage.merge import read_pen
from sim.space import ROOT

for place in ("sim/micropython", "firmware", "tests/storage"):  # after `pen`, which the firmware has a module of too
    sys.path.append(str(ROOT / place))

from archive_bench import CHEEK, ready  # noqa: E402

import courses  # noqa: E402
import journal  # noqa: E402

ANNA, BERT = 4711, 12
TODAY = 9821


def sit(bench, day, client, strokes):
    """A session on a day since 2000; 0 for a clock that was never set."""
    bench.begin(client_tag=client, zone_id=CHEEK, wall_s=day * 86_400 + 36_000 if day else 0)
    for _ in range(strokes):
        bench.journal.stroke(500, 500, 40_000, 0, CHEEK)
    bench.journal.end_session(journal.USER, 0, 9)


def earlier(bench, client):
    course = courses.Courses(bench.journal, bench.archive)
    course.client = client
    course.begin(CHEEK, TODAY)
    while course.step():
        pass
    return course.earlier


VISIT = st.tuples(st.sampled_from([0, 3, 30, 30, 60, 61]), st.sampled_from([ANNA, BERT]), st.integers(0, 2))


@settings(max_examples=25)
@given(visits=st.lists(VISIT), archived=st.booleans())
def test_the_pen_and_the_host_count_alike(visits, archived):
    """Days ago; a pen's days only rise, and some sessions have no date."""
    bench = ready()
    dated = sorted((ago for ago, _, _ in visits if ago), reverse=True)
    for ago, client, strokes in visits:
        sit(bench, TODAY - dated.pop(0) if ago else 0, client, strokes)
    if archived:
        bench.work()
    by_client = {c.client: c for c in courses_of(read_pen(bench.chip.image, bytes(bench.flash.image)))}
    for client in (ANNA, BERT):
        course = by_client.get(client)
        assert earlier(bench, client) == (len(course.sittings) if course else 0)
