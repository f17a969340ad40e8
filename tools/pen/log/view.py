"""The screens of `pen log`, for a terminal of 80 columns.

Invariants: what is not known is a dash; texts out of an image are printed as they are, never as markup; a word, not
only a colour, says what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from pen.log.courses import ADVISED, Course, Sitting
from pen.log.rows import session_row
from penimage import Image, Problem, Session, Stroke, names
from penimage.model import FLAG_NAMES, total_lost

WIDTH = 80
MOST_PROBLEMS = 40


def show(console: Console, *parts: Any) -> None:
    """Print parts, at most 80 columns wide."""
    for part in parts:
        console.print(part, width=min(WIDTH, console.width))


def heading(image: Image) -> Text:
    strokes = sum(session.finished for session in image.sessions)
    pen = image.pen_serial or "of unknown serial number"
    return Text.assemble(
        ("Pen " + pen, "bold"), f": {_count(len(image.sessions), 'session')}, {_count(strokes, 'stroke')} on record")


def session_list(image: Image) -> Table:
    table = _table("no>", "started, UTC", "zone", "client>", "strokes>", "error µm>", "slips>", "ended", gap=1)
    for session in image.sessions:
        row = session_row(image, session)
        table.add_row(
            str(session.number), when(row), _text(row["zone"]), _text(row["client"]), _number(session.finished),
            _signed(row["worst_error_um"]), _number(row["slips"]), Text(row["ended"] or "open"),
            style="red" if session.problems else "")
    return table


def damaged_list(image: Image) -> Text:
    """Which sessions are not whole; empty when all are."""
    numbers = [str(session.number) for session in image.sessions if session.problems]
    if not numbers:
        return Text("")
    told = f"Damaged, what is intact is listed: {_count(len(numbers), 'session')} ({', '.join(numbers)})"
    return Text(told, style="red")


def when(row: dict[str, Any]) -> Text:
    """The date, or what is known instead where the clock was not set."""
    if row["started_at"]:
        return Text(row["started_at"].strftime("%Y-%m-%d %H:%M"))
    if row["boot"] is None:
        return Text("–")
    return Text(f"start {row['boot']} {_clock(row['uptime_ms'])}")


def session_page(image: Image, session: Session) -> Group:
    """Everything about one session but its single strokes."""
    row = session_row(image, session)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    unset = "" if row["started_at"] or row["boot"] is None else ", by uptime: the clock was not set"
    by_power = " (found at the next start)" if row["ended"] == "power_lost" else ""
    for name, value in (
        ("pen", row["pen_serial"]),
        ("started", when(row).plain + (" UTC" if row["started_at"] else unset)),
        ("lasted", _clock(row["duration_ms"]) if row["duration_ms"] is not None else None),
        ("zone", row["zone"]), ("indication", row["indication"]),
        ("supervised", _yes(row["supervised"])), ("client", row["client"]),
        ("operator", row["operator"]), ("cartridge", row["cartridge_rom"]), ("firmware", row["firmware"]),
        ("calibration", row["calibration_id"]),
        ("strokes", _strokes(session, row)),
        ("worst error", f"{_signed(row['worst_error_um'])} µm, {_count(row['slips'], 'slip')}"),
        ("ended", (row["ended"] or "open: no end on record") + by_power),
        ("faults", _faults(session, row)),
    ):  # fmt: skip
        grid.add_row(name, Text("–" if value is None else str(value)))
    parts = [grid, Text(""), stretches(session)]
    if session.problems:
        parts += [Text(""), problem_table(session.problems)]
    return Group(*parts)


def _strokes(session: Session, row: dict[str, Any]) -> str:
    """Finished ones; how many more were cut short, and how many could not be read."""
    partial = len(session.strokes) - session.finished
    cut = f", {partial:,} cut short" if partial else ""
    if row["strokes_lost"] == 0:
        return f"{session.finished:,}{cut}"
    lost = "an unknown number" if row["strokes_lost"] is None else f"{row['strokes_lost']:,}"
    return f"{session.finished:,} read{cut}, {lost} lost"


def _faults(session: Session, row: dict[str, Any]) -> str | None:
    if session.tail is None:
        return None
    codes = session.tail.fault_codes or ((session.tail.fault_code,) if session.tail.fault_code else ())
    named = ", ".join(filter(None, map(names.fault, codes))) or "none"
    more = max(0, (row["faults"] or 0) - len(codes))
    return named + (f" and {more} more" if more else "")


def stretches(session: Session) -> Table:
    """Strokes of the same zone and depth in a row, a line for each stretch."""
    table = _table("strokes>", "zone", "depth, µm>", "achieved, µm>", "rate, Hz>", "marked")
    for (zone_id, commanded_um), some in groupby(session.strokes, key=lambda s: (s.zone_id, s.commanded_um)):
        strokes = list(some)
        achieved = [stroke.achieved_um for stroke in strokes]
        mean_us = sum(stroke.period_us for stroke in strokes) / len(strokes)
        table.add_row(
            f"{strokes[0].sequence}–{strokes[-1].sequence}", names.zone(zone_id), str(commanded_um),
            f"{min(achieved)} to {max(achieved)}", f"{1e6 / mean_us:.1f}" if mean_us else "–", _marks(strokes))
    return table


def _marks(strokes: list[Stroke]) -> str:
    counts = {name: sum(stroke.flags >> bit & 1 for stroke in strokes) for bit, name in enumerate(FLAG_NAMES)}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def stroke_list(session: Session) -> Iterator[Text]:
    """Every stroke, a line each, under a line of names."""
    yield Text("stroke  zone         depth, µm  achieved  error  period, µs  marked", style="bold")
    for stroke in session.strokes:
        error = f"{stroke.achieved_um - stroke.commanded_um:+d}" + ("" if stroke.exact else "~")
        yield Text(
            f"{stroke.sequence:>6}  {names.zone(stroke.zone_id):<11}  {stroke.commanded_um:>9}  "
            f"{stroke.achieved_um:>8}  {error:>5}  {stroke.period_us:>10}  {' '.join(stroke.flag_names)}".rstrip())


def verdict(image: Image) -> Text:
    if not image.problems:
        return Text("✓ nothing is damaged", style="bold green")
    lost = total_lost(image.problems)
    told = "an unknown number of strokes is lost" if lost is None else f"{_count(lost, 'stroke')} lost"
    return Text(f"✗ {_count(len(image.problems), 'place')} damaged, {told}", style="bold red")


def checked(image: Image) -> Text:
    """What verify looked at."""
    if image.archive_entries is None:
        chain = "no flash image given, its archive was not looked at"
    else:
        chain = f"{_count(image.archive_entries, 'entry', 'entries')} of the archive, the chain through them"
    fram = "no FRAM image"
    if image.records:
        fram = f"{_count(len(image.records), 'record')}, {_count(len(image.events), 'event')}"
    return Text(f"Checked: {fram}, {_count(len(image.sessions), 'session')}; {chain}", style="dim")


def problem_table(problems: list[Problem]) -> Table:
    table = _table("where", "what", "lost")
    for problem in problems[:MOST_PROBLEMS]:
        table.add_row(where(problem), Text(str(problem)), Text(problem.lost))
    if len(problems) > MOST_PROBLEMS:
        table.add_row("", f"and {len(problems) - MOST_PROBLEMS} more; --json has them all", "")
    return table


def where(problem: Problem) -> Text:
    if problem.file is None:
        return Text("–" if problem.at is None else f"FRAM 0x{problem.at:05x}")
    return Text(problem.file if problem.at is None else f"{problem.file} byte {problem.at}")


def course_list(courses: list[Course]) -> Table:
    table = _table("client>", "zone", "sitting>", "date, UTC", "since the last", "sessions", "strokes>")
    for course in courses:
        for sitting in course.sittings:
            first = sitting.number == 1
            sessions = ", ".join(map(str, sitting.sessions))
            table.add_row(
                str(course.client) if first else "", course.zone if first else "", str(sitting.number),
                f"{sitting.started_at:%Y-%m-%d}" if sitting.started_at else "clock not set",
                _gap(sitting), sessions, f"{sitting.strokes:,}", end_section=sitting is course.sittings[-1])
    return table


def course_note() -> Text:
    return Text(f"Advised between sittings: {ADVISED}; under 4 weeks is marked. Only what this pen did.", style="dim")


def _gap(sitting: Sitting) -> Text:
    if sitting.number == 1:
        return Text("–")
    if sitting.gap_days is None:
        return Text("unknown", style="yellow")
    weeks, days = divmod(sitting.gap_days, 7)
    told = _count(weeks, "week") + (f" {days} d" if days else "")
    return Text(f"{told}: too soon" if sitting.too_soon else told, style="red" if sitting.too_soon else "")


def _table(*columns: str, gap: int = 2) -> Table:
    """A plain table; a name that ends in > is aligned to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for name in columns:
        right = name.endswith(">")
        table.add_column(name.rstrip(">"), justify="right" if right else "left", overflow="fold")
    return table


def _yes(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _text(value: Any) -> Text:
    return Text("–" if value is None else str(value))


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _signed(value: int | None) -> str:
    return "–" if value is None else f"{value:+d}"


def _clock(ms: int) -> str:
    seconds = ms // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
