"""Which sitting of a course this is: from the archive and the FRAM. tests/log holds it against the host's reader."""

import datetime

import pytest
from archive_bench import CHEEK, ready

import courses
import journal

ANNA, BERT = 4711, 12
FOREHEAD = 5
TODAY = 9821  # 2026-11-21


def sit(bench, day, client=ANNA, zone=CHEEK, strokes=3, hour=10):
    """A session on a day since 2000; 0 for a clock that was never set."""
    bench.begin(client_tag=client, zone_id=zone, wall_s=day * 86_400 + hour * 3600 if day else 0)
    for _ in range(strokes):
        bench.journal.stroke(500, 500, 40_000, 0, zone)
    bench.journal.end_session(journal.USER, 0, 9)


def look(bench, today=TODAY, client=ANNA, zone=CHEEK):
    course = courses.Courses(bench.journal, bench.archive)
    course.client = client
    course.begin(zone, today)
    while course.step():
        assert not course.ready
    assert course.ready
    return course


@pytest.mark.parametrize("archived", [0, 1, 3])
def test_sittings_are_counted_wherever_they_lie(archived):
    bench = ready()
    for number, ago in enumerate((130, 85, 43)):
        sit(bench, TODAY - ago)
        if number < archived:
            bench.work()
    found = look(bench)
    assert (found.sitting, found.earlier, found.gap_days, found.too_soon()) == (4, 3, 43, False)


@pytest.mark.parametrize(("ago", "too_soon"), [(1, True), (27, True), (28, False), (29, False), (400, False)])
def test_under_four_weeks_is_too_soon(ago, too_soon):
    bench = ready()
    sit(bench, TODAY - ago)
    found = look(bench)
    assert (found.gap_days, found.too_soon()) == (ago, too_soon)


def test_the_first_sitting_has_none_before_it():
    bench = ready()
    found = look(bench)
    assert (found.sitting, found.earlier, found.gap_days, found.too_soon()) == (1, 0, -1, False)


def test_other_clients_other_zones_and_sessions_without_strokes_do_not_count():
    bench = ready()
    sit(bench, TODAY - 30, client=BERT)
    sit(bench, TODAY - 20, zone=FOREHEAD)
    sit(bench, TODAY - 10, strokes=0)
    sit(bench, TODAY - 5, client=0)
    assert look(bench).sitting == 1
    assert look(bench, client=BERT).sitting == 2


def test_a_second_cartridge_on_the_same_day_is_the_same_sitting():
    bench = ready()
    sit(bench, TODAY - 50)
    sit(bench, TODAY, hour=9)
    sit(bench, TODAY, hour=10)
    found = look(bench)
    assert (found.sitting, found.earlier, found.gap_days) == (2, 1, 50)


def test_without_a_clock_it_cannot_know():
    bench = ready()
    sit(bench, TODAY - 50)
    sit(bench, TODAY - 5)
    found = look(bench, today=0)
    assert (found.sitting, found.earlier, found.gap_days, found.too_soon()) == (0, 2, -1, False)


def test_after_a_sitting_without_a_date_the_gap_is_unknown():
    bench = ready()
    sit(bench, TODAY - 50)
    sit(bench, 0)
    found = look(bench)
    assert (found.sitting, found.gap_days) == (3, -1)


def test_a_date_in_the_future_says_nothing_of_the_gap():
    bench = ready()
    sit(bench, TODAY + 3)
    assert look(bench).gap_days == -1


def test_an_erased_entry_is_no_longer_known():
    bench = ready(budget_blocks=6)
    for ago in (90, 60, 30):
        sit(bench, TODAY - ago)
        bench.work()
        bench.archive.mark_exported(bench.archive.entries, 600)
    assert look(bench).earlier == 2


def test_the_day_of_the_tests_is_the_day_they_say():
    assert datetime.date(2000, 1, 1) + datetime.timedelta(TODAY) == datetime.date(2026, 11, 21)
