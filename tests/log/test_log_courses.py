"""Courses: sittings by client, zone and day, and a gap only where both dates are known."""

import pytest
from rich.console import Console

from pen.log import view
from pen.log.courses import courses_of
from penimage import Head, Image, Session, Stroke

DAY_S = 86_400
FIRST_S = 840_000_000


def session(number, client, day, zone_id=6, strokes=1):
    """A session `day` days after the first, or with the clock unset for None."""
    wall_s = 0 if day is None else int(FIRST_S + day * DAY_S)
    head = Head("P", bytes(8), "", 16, 1, zone_id, 2, number, 5000, wall_s, client)
    return Session(number, head=head, strokes=[Stroke(i + 1, zone_id, 500, 500, 40_000, 0) for i in range(strokes)])


def courses(*sessions):
    return courses_of(Image(pen_serial="P", sessions=list(sessions)))


def test_sittings_are_counted_by_client_and_zone():
    found = courses(session(1, 7, 0), session(2, 8, 1), session(3, 7, 42), session(4, 7, 43, zone_id=4))
    assert [(course.client, course.zone, len(course.sittings)) for course in found] == [
        (7, "cheek", 2), (7, "forehead", 1), (8, "cheek", 1)]  # fmt: skip
    assert [sitting.gap_days for sitting in found[0].sittings] == [None, 42]


def test_sessions_of_one_day_are_one_sitting():
    (course,) = courses(session(1, 7, 0, strokes=30), session(2, 7, 0.01, strokes=5), session(3, 7, 50))
    assert [(sitting.sessions, sitting.strokes) for sitting in course.sittings] == [([1, 2], 35), ([3], 1)]


@pytest.mark.parametrize(("days", "too_soon"), [(1, True), (27, True), (28, False), (42, False)])
def test_under_four_weeks_is_too_soon(days, too_soon):
    (course,) = courses(session(1, 7, 0), session(2, 7, days))
    assert course.sittings[1].too_soon is too_soon


def test_an_unset_clock_leaves_both_gaps_beside_it_unknown():
    (course,) = courses(session(1, 7, 0), session(2, 7, None), session(3, 7, 50), session(4, 7, 92))
    assert [sitting.gap_days for sitting in course.sittings] == [None, None, None, 42]
    assert [sitting.too_soon for sitting in course.sittings] == [False, False, False, False]


def test_a_clock_set_back_is_told_as_unknown():
    (course,) = courses(session(1, 7, 50), session(2, 7, 10))
    assert course.sittings[1].gap_days is None


def test_nothing_without_a_client_or_without_strokes_is_a_sitting():
    assert courses(session(1, 0, 0), session(2, 7, 0, strokes=0), Session(3)) == []


def test_the_screen_says_unknown_and_too_soon(capsys):
    found = courses(session(1, 7, 0), session(2, 7, 10), session(3, 7, None))
    console = Console(width=80)
    view.show(console, view.course_list(found))
    lines = capsys.readouterr().out.splitlines()
    assert "2026-08-14" in lines[1]
    assert "1 week 3 d: too soon" in lines[2]
    assert "clock not set" in lines[3] and "unknown" in lines[3]
