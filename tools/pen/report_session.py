"""One session on one page: what a practice files, with the words for the client afterwards.

Invariants: from the pen's records alone, so no client has a name here, only the number that the practice gave; what is
not on record is a dash, never a guess; every text of an image is escaped.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from pen.log.courses import courses_of
from pen.log.rows import session_row
from pen.plots import style
from penimage import Image, Session, names
from penimage.model import FLAG_PARTIAL
from sim.space import shim

MOST_STRETCHES = 9
ENDED = {
    "user": "ended by the practitioner", "time_limit": "time limit reached", "fault": "stopped by a fault",
    "power_lost": "power lost; found at the next start", "cartridge": "cartridge taken out",
    "journal_full": "record memory full", "stroke_limit": "the cartridge's strokes used up",
    None: "no end on record"}  # fmt: skip


def render(image: Image, session: Session) -> str:
    """The page as HTML, all inline; prints on one sheet."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True)  # fmt: skip
    row = session_row(image, session)
    stretches, left_out = _stretches(session)
    return environment.get_template("report_session.html.j2").render(
        row=row, facts=facts(image, session, row), stretches=stretches, left_out=left_out, faults=_faults(session),
        figure=style.svg("strokes", _draw, session) if session.strokes else "", aftercare=aftercare(),
        notice=" ".join(shim("aftercare").NOTICE), problems=[str(problem) for problem in session.problems])


def facts(image: Image, session: Session, row: dict[str, Any]) -> list[tuple[str, str]]:
    """What is on record about the session as a whole, in the order of the page."""
    partial = len(session.strokes) - session.finished
    lost = row["strokes_lost"]
    cut = f", {partial:,} more cut short" if partial else ""
    more = "" if lost == 0 else f", {'an unknown number' if lost is None else lost} not readable"
    return [
        ("Date", row["started_at"].strftime("%Y-%m-%d %H:%M UTC") if row["started_at"] else _by_uptime(row)),
        ("Lasted", _minutes(row["duration_ms"])),
        ("Client", f"number {row['client']:06}" if row["client"] else "no number was entered"),
        ("Sitting", _sitting(image, session, row)),
        ("Zone", _words(row["zone"]) + (", under a supervisor's unlock" if row["supervised"] else "")),
        ("Indication", _words(row["indication"])),
        ("Operator", row["operator"] or "–"),
        ("Ended", ENDED.get(row["ended"], str(row["ended"]))),
        ("Strokes", f"{session.finished:,}{cut}, {session.punctures:,} punctures{more}"),
        ("Worst error", f"{row['worst_error_um']:+d} um" if row["worst_error_um"] is not None else "–"),
        ("Steps lost", f"{row['slips'] or 0} times"),
        ("Pen", f"{row['pen_serial'] or '–'}, firmware {row['firmware'] or '–'}"),
        ("Calibration", f"number {row['calibration_id']}" if row["calibration_id"] else "–"),
        ("Cartridge", row["cartridge_rom"] or "–"),
    ]


def aftercare() -> list[tuple[str, str]]:
    """What the pen tells the client afterwards, as title and text."""
    return [(title, " ".join(lines)) for title, lines in shim("aftercare").AFTERCARE]


def _by_uptime(row: dict[str, Any]) -> str:
    if row["boot"] is None:
        return "–"
    return f"clock not set; start {row['boot']} of the pen, {_minutes(row['uptime_ms'])} after it"


def _minutes(ms: int | None) -> str:
    return "–" if ms is None else f"{ms // 60_000} min {ms // 1000 % 60} s"


def _words(key: str | None) -> str:
    return "–" if key is None else key.replace("_", " ")


def _sitting(image: Image, session: Session, row: dict[str, Any]) -> str:
    for course in courses_of(image):
        if (course.client, course.zone) != (row["client"], row["zone"]):
            continue
        for sitting in course.sittings:
            if session.number in sitting.sessions:
                gap = f", {sitting.gap_days} days after the last" if sitting.gap_days is not None else ""
                return f"{sitting.number} of this zone on this pen{gap}"
    return "–"


def _stretches(session: Session) -> tuple[list[dict[str, Any]], int]:
    """Strokes of one depth in a row, the longest ones if there are many; how many are left out."""
    found = []
    for depth_um, some in groupby(session.strokes, key=lambda stroke: stroke.commanded_um):
        strokes = list(some)
        whole = [stroke for stroke in strokes if not stroke.flags & FLAG_PARTIAL] or strokes
        achieved = [stroke.achieved_um for stroke in whole]
        periods = [stroke.period_us for stroke in strokes if stroke.period_us]
        found.append({
            "first": strokes[0].sequence, "last": strokes[-1].sequence, "count": len(strokes), "depth_um": depth_um,
            "least_um": min(achieved), "most_um": max(achieved),
            "rate_hz": 1e6 / (sum(periods) / len(periods)) if periods else None})  # fmt: skip
    kept = sorted(sorted(found, key=lambda row: -row["count"])[:MOST_STRETCHES], key=lambda row: row["first"])
    return kept, len(found) - len(kept)


def _faults(session: Session) -> list[str]:
    """Each fault that latched, in the words of the panel."""
    if session.tail is None:
        return []
    table = shim("faults")
    codes = session.tail.fault_codes or ((session.tail.fault_code,) if session.tail.fault_code else ())
    said = [f"{code}: {table.cause(code).replace('|', ' ')}" if code in table.TABLE else str(names.fault(code))
            for code in codes]  # fmt: skip
    more = session.tail.faults - len(codes)
    return said + ([f"and {more} more"] if more > 0 else [])


def _draw(session: Session) -> Figure:
    """Commanded and achieved extension of every stroke."""
    figure = style.figure(2.1)
    axes = figure.add_subplot()
    number = np.array([stroke.sequence for stroke in session.strokes])
    achieved = np.array([stroke.achieved_um for stroke in session.strokes]) / 1000
    axes.step(number, np.array([stroke.commanded_um for stroke in session.strokes]) / 1000, where="mid",
              color=style.LIMIT, linewidth=1.2, label="chosen")  # fmt: skip
    axes.plot(number, achieved, ".", color=style.ENCODER, markersize=2.5, label="reached, by the encoder",
              rasterized=len(number) > style.DENSE)  # fmt: skip
    axes.set_ylim(0, 1.15 * max(achieved.max(), 0.1))
    axes.set_xlabel("stroke")
    style.round_ticks(axes.xaxis, 10, integer=True)
    axes.set_ylabel("extension, mm")
    axes.legend(loc="lower right", ncols=2)
    return figure
