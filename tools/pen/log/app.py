"""`pen log`: list, show, verify, export, courses, release.

Exit codes: 0 done, 1 verify found damage, 2 wrong use, or there is no pen or image to read.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pen.connect import WRONG_USE, Key, as_technician, complain, err, fail, find_pen, out
from pen.link import open_link
from pen.log import view
from pen.log.courses import course_row, courses_of
from pen.log.live import exported, fetch
from pen.log.rows import plain, session_row, stroke_rows
from pen.log.source import LogError, read_images, read_live
from pen.wires import LinkError, WrongPort
from penimage import Image, Problem, Session
from penimage.model import total_lost

DAMAGED = 1

HELP = "Read a pen's records: from a pen at a port, or out of images of its memories."

Fram = Annotated[Path | None, typer.Option(metavar="FILE", help="Image of the FRAM.", show_default=False)]
Flash = Annotated[Path | None, typer.Option(metavar="FILE", help="Image of the flash, or of its filesystem.")]
Port = Annotated[str | None, typer.Option(
    "--port", "-p", metavar="PORT", help="The pen at this port; without an image, the pen in PEN_PORT or at USB.")]
Keep = Annotated[Path | None, typer.Option(
    metavar="DIR", help="Keep the images of a live pen here; only what is new is fetched the next time.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

app = typer.Typer(no_args_is_help=True, help=HELP)


@app.callback(help=HELP)
def _group(
    context: typer.Context, fram: Fram = None, flash: Flash = None, port: Port = None, keep: Keep = None
) -> None:
    context.obj = (fram, flash, port, keep)


def _fail(message: str) -> typer.Exit:
    return fail(message, WRONG_USE)


def _read(context: typer.Context, *behind: Path | str | None) -> Image:
    """The images, or the pen, named before the command or behind it."""
    named = []
    for option, before, after in zip(("--fram", "--flash", "--port", "--keep"), context.obj, behind, strict=True):
        if before and after:
            raise _fail(f"{option} is given twice")
        named.append(after or before)
    return read_from(*named)


def read_from(
    fram: Path | None, flash: Path | None, port: str | None, keep: Path | None, gone: int = WRONG_USE
) -> Image:
    """The pen of these images or at this port; whatever is wrong with them ends the command.

    `gone`: the exit code when the pen is not there, or refuses.
    """
    try:
        if (fram or flash) and (port or keep):
            raise LogError("either images, with --fram and --flash, or a live pen, with --port and --keep")
        return read_images(fram, flash) if fram or flash else _read_live(port, keep)
    except (LogError, WrongPort) as error:
        raise _fail(str(error)) from None
    except LinkError as error:
        raise fail(str(error), gone) from None


def _read_live(port: str | None, keep: Path | None) -> Image:
    port = _port(port)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with open_link(port) as link, Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(f"Pen {link.serial}", total=None)  # what there is in all is asked first
        return read_live(*fetch(link, keep, lambda done, total: bar.update(task, completed=done, total=total)), port)


def _port(port: str | None) -> str:
    """The port named, or that of the one pen there is."""
    try:
        return port or os.environ.get("PEN_PORT") or find_pen()
    except LinkError as error:
        raise type(error)(f"nothing to read: name images by --fram and --flash, or a pen by --port ({error})") from None


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _warn(image: Image) -> None:
    """A line on the error stream about what the output cannot show."""
    for note in image.notes:
        if "archive in the flash" in note.what:
            complain(f"pen: {note.what}; name its image with --flash", "yellow")
    if image.problems:
        told = f"{len(image.problems)} damaged place{'s' * (len(image.problems) > 1)}; pen log verify names them"
        complain(f"pen: {told}", "yellow")


@app.command("list")
def list_sessions(
    context: typer.Context, fram: Fram = None, flash: Flash = None, port: Port = None, keep: Keep = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List the sessions."""
    image = _read(context, fram, flash, port, keep)
    if as_json:
        rows = [plain(session_row(image, session)) for session in image.sessions]
        _print_json({"pen_serial": image.pen_serial or None, "sessions": rows, "problems": len(image.problems)})
        return
    view.show(out, view.heading(image))
    if image.sessions:
        view.show(out, "", view.session_list(image))
    if any(session.problems for session in image.sessions):
        view.show(out, "", view.damaged_list(image))
    _warn(image)


@app.command()
def show(
    context: typer.Context, session: Annotated[int, typer.Argument(help="Number of the session.")],
    fram: Fram = None, flash: Flash = None, port: Port = None, keep: Keep = None,
    strokes: Annotated[bool, typer.Option("--strokes", help="List every stroke.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show one session: who, what, where, how it ended, and its strokes."""
    image = _read(context, fram, flash, port, keep)
    found = _session(image, session)
    if as_json:
        _print_json(
            plain(session_row(image, found))
            | {"problems": [_problem_row(problem) for problem in found.problems],
               "strokes_on_record": list(stroke_rows(image, found))})
        return
    view.show(out, view.session_page(image, found))
    if strokes:
        out.print()
        for line in view.stroke_list(found):
            out.print(line, soft_wrap=True)


def _session(image: Image, number: int) -> Session:
    for session in image.sessions:
        if session.number == number:
            return session
    numbers = [session.number for session in image.sessions]
    there = f"there are {numbers[0]} to {numbers[-1]}" if numbers else "there is none"
    if len(numbers) == 1:
        there = f"there is only {numbers[0]}"
    raise _fail(f"no session {number} on record, {there}")


def _problem_row(problem: Problem) -> dict[str, Any]:
    return {
        "memory": "flash" if problem.file else "fram", "file": problem.file, "address": problem.at,
        "session": problem.session, "what": problem.what, "lost": problem.lost, "lost_strokes": problem.lost_strokes,
    }  # fmt: skip


@app.command()
def verify(
    context: typer.Context, fram: Fram = None, flash: Flash = None, port: Port = None, keep: Keep = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Check every record, every sum and the archive's chain; exit code 1 if anything is damaged."""
    image = _read(context, fram, flash, port, keep)
    if as_json:
        _print_json({
            "pen_serial": image.pen_serial or None, "sessions": len(image.sessions),
            "strokes": sum(len(session.strokes) for session in image.sessions),
            "archive_entries": image.archive_entries, "strokes_lost": total_lost(image.problems),
            "problems": [_problem_row(problem) for problem in image.problems],
            "notes": [_problem_row(note) for note in image.notes],
        })  # fmt: skip
    else:
        view.show(out, view.heading(image), view.checked(image), view.verdict(image))
        if image.problems:
            view.show(out, "", view.problem_table(image.problems))
        if image.notes:
            view.show(out, "", "No damage, but worth knowing:", view.problem_table(image.notes))
    if image.problems:
        raise typer.Exit(DAMAGED)


@app.command()
def export(
    context: typer.Context, fram: Fram = None, flash: Flash = None, port: Port = None, keep: Keep = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write sessions.csv and strokes.csv here.")] = None,
    jsonl: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JSON Lines here, - for standard output.")] = None,
    parquet: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Add to the Parquet data set here, or begin one.")] = None,
) -> None:  # fmt: skip
    """Hand the sessions and strokes on: CSV, JSON Lines, a Parquet data set."""
    if csv is None and jsonl is None and parquet is None:
        raise _fail("nothing to write: name --csv, --jsonl or --parquet")
    image = _read(context, fram, flash, port, keep)
    from pen.log.dataset import DatasetError, export_dataset
    from pen.log.files import export_csv, export_jsonl

    to_stdout = jsonl is not None and str(jsonl) == "-"
    said = []
    try:
        if csv is not None:
            with _bar("CSV", image) as progress:
                export_csv(image, csv, progress)
            said.append(f"{csv}/sessions.csv and strokes.csv")
        if jsonl is not None:
            with _bar("JSON Lines", image, hidden=to_stdout) as progress:
                export_jsonl(image, sys.stdout if to_stdout else jsonl, progress)
            said.append(str(jsonl))
        if parquet is not None:
            with _bar("Parquet", image) as progress:
                outcome = export_dataset(image, parquet, progress)
            kept = f", {outcome.kept} kept as they were, more complete" if outcome.kept else ""
            said.append(f"{parquet}: {len(outcome.written)} files new or changed{kept}")
    except DatasetError as error:
        raise _fail(str(error)) from None
    except BrokenPipeError:
        raise  # whoever reads standard output has enough
    except OSError as error:
        raise _fail(f"cannot write {error.filename or 'the export'}: {error.strerror}") from None
    if not to_stdout:
        view.show(out, view.heading(image))
        for line in said:
            out.print(f"  {line}", markup=False, soft_wrap=True)
    _warn(image)


@contextmanager
def _bar(name: str, image: Image, hidden: bool = False):
    """A progress bar over sessions on the error stream, if that is a terminal."""
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TextColumn("sessions"))
    with Progress(*columns, console=err, transient=True, disable=hidden or not err.is_terminal) as bar:
        task = bar.add_task(name, total=len(image.sessions))
        advance: Callable[[int], None] = lambda done: bar.update(task, completed=done)  # noqa: E731
        yield advance


@app.command()
def courses(
    context: typer.Context, fram: Fram = None, flash: Flash = None, port: Port = None, keep: Keep = None,
    client: Annotated[int | None, typer.Option(help="Only this client.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List the courses: the sittings of each client in each zone, with the time between them."""
    image = _read(context, fram, flash, port, keep)
    found = [course for course in courses_of(image) if client is None or course.client == client]
    if as_json:
        _print_json({"pen_serial": image.pen_serial or None, "courses": [course_row(course) for course in found]})
        return
    if found:
        view.show(out, view.course_list(found), "", view.course_note())
    elif client is not None:
        view.show(out, f"No session of client {client} on this pen.")
    else:
        view.show(out, "No session on this pen carries a client's number.")
    _warn(image)


@app.command()
def release(
    context: typer.Context,
    session: Annotated[int, typer.Argument(help="The newest session that is exported and safe.", min=1)],
    port: Port = None, key: Key = None,
) -> None:  # fmt: skip
    """Let the pen erase its sessions up to this one, oldest first, when it needs their room. For technicians."""
    fram, flash, before, _ = context.obj
    if fram or flash:
        raise _fail("release is for a live pen, with --port; an image is never changed")
    try:
        with open_link(_port(port or before)) as link:
            as_technician(link, key)
            already = exported(link)
            link.write(f"LOG:REL {session}")
            more = exported(link) - already
    except (LogError, LinkError) as error:
        raise _fail(str(error)) from None
    added = f"{more} more than before" if more else "as before"
    out.print(f"Pen {link.serial}: sessions up to {session} may be erased when their room is needed, {added}.")
