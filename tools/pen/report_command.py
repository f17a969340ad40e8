"""`pen report`: one session on one page, from images of a pen's memories or from a live pen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pen.connect import FAILED, WRONG_USE, fail, out
from pen.log import view
from pen.log.app import Flash, Fram, Keep, Port, read_from
from penimage import Image, Session

Number = Annotated[int | None, typer.Argument(metavar="SESSION", help="Its number; without it, the newest.")]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page here; it prints on one sheet.")]
Csv = Annotated[Path | None, typer.Option(metavar="DIR", help="Write sessions.csv and strokes.csv of it here.")]


def report(
    session: Number = None, fram: Fram = None, flash: Flash = None, port: Port = None, keep: Keep = None,
    html: Html = None, csv: Csv = None,
) -> None:  # fmt: skip
    """Report one session: on the screen, as a page to file with aftercare, as CSV."""
    image = read_from(fram, flash, port, keep, FAILED)
    found = _session(image, session)
    written: list[Path] = []
    try:
        if html is not None:
            from pen.report_session import render

            html.parent.mkdir(parents=True, exist_ok=True)
            html.write_text(render(image, found), encoding="utf-8")
            written.append(html)
        if csv is not None:
            from pen.log.files import export_csv

            written += export_csv(replace(image, sessions=[found]), csv)
    except OSError as error:
        raise fail(f"cannot write {error.filename}: {error.strerror}", WRONG_USE) from None
    if not written:
        from pen.report_session import aftercare

        view.show(out, view.session_page(image, found), "")
        for title, text in aftercare():
            view.show(out, f"[bold]{title}[/]  {text}")
    for path in written:
        out.print(f"Written: {path}", soft_wrap=True)


def _session(image: Image, number: int | None) -> Session:
    numbers = [session.number for session in image.sessions]
    for session in image.sessions:
        if session.number == (max(numbers) if number is None else number):
            return session
    unread = next((f"; {note.what}: name its image with --flash" for note in image.notes
                   if "archive in the flash" in note.what), "")  # fmt: skip
    if not numbers:
        raise fail(f"this pen has no session on record{unread}")
    there = f"there are {min(numbers)} to {max(numbers)}" if len(numbers) > 1 else f"there is only {numbers[0]}"
    raise fail(f"no session {number} on record, {there}{unread}", WRONG_USE)
