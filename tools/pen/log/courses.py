"""Courses: the sittings of one client in one zone, with the time between them.

Invariant: a gap is stated only between two sittings whose dates the pen knew; all others say that it is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pen.log.rows import session_row
from penimage import Image

TOO_SOON_DAYS = 28
ADVISED = "6 to 8 weeks"


@dataclass
class Sitting:
    """One visit: every session of the course on the same date, or one session at an unknown time."""

    number: int
    started_at: datetime | None
    gap_days: int | None
    sessions: list[int] = field(default_factory=list)
    strokes: int = 0

    @property
    def too_soon(self) -> bool:
        return self.gap_days is not None and self.gap_days < TOO_SOON_DAYS


@dataclass
class Course:
    """The sittings of `client` in `zone` that this pen has on record, in order."""

    client: int
    zone: str
    sittings: list[Sitting] = field(default_factory=list)


def courses_of(image: Image) -> list[Course]:
    """Every course on this pen, by client and zone; sessions without a client or without strokes belong to none."""
    found: dict[tuple[int, str], Course] = {}
    for session in image.sessions:
        row = session_row(image, session)
        if row["client"] is not None and row["strokes_read"]:
            course = found.setdefault((row["client"], row["zone"]), Course(row["client"], row["zone"]))
            _add(course, row, session.finished)
    return [found[key] for key in sorted(found)]


def _add(course: Course, row: dict[str, Any], finished: int) -> None:
    started_at, last = row["started_at"], course.sittings[-1] if course.sittings else None
    known = started_at is not None and last is not None and last.started_at is not None
    if last is None or not known or last.started_at.date() != started_at.date():
        gap_days = (started_at.date() - last.started_at.date()).days if known else None
        if gap_days is not None and gap_days < 0:
            gap_days = None  # the clock was set back between them: one of the dates is wrong
        last = Sitting(len(course.sittings) + 1, started_at, gap_days)
        course.sittings.append(last)
    last.sessions.append(row["session"])
    last.strokes += finished


def course_row(course: Course) -> dict[str, Any]:
    """The course for JSON."""
    return {
        "client": course.client,
        "zone": course.zone,
        "sittings": [
            {
                "sitting": sitting.number,
                "date": sitting.started_at.date().isoformat() if sitting.started_at else None,
                "gap_days": sitting.gap_days,
                "too_soon": sitting.too_soon if sitting.gap_days is not None else None,
                "sessions": sitting.sessions,
                "strokes": sitting.strokes,
            }
            for sitting in course.sittings
        ],
    }
