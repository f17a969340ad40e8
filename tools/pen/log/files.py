"""Exports that need no library: CSV, two files in a directory, and JSON Lines.

Invariants: the same records give the same bytes; a file is written whole and then put in its place.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from pen.log.rows import SESSION_COLUMNS, STROKE_COLUMNS, plain, session_row, stroke_rows
from penimage import Image

Progress = Callable[[int], None]


def export_csv(image: Image, directory: Path, progress: Progress = lambda done: None) -> list[Path]:
    """Writes sessions.csv and strokes.csv (UTF-8, RFC 4180 quoting, header line); the paths. OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / "sessions.csv", directory / "strokes.csv"]
    with _replacing(paths[0]) as sessions, _replacing(paths[1]) as strokes:
        session_writer, stroke_writer = _writer(sessions, SESSION_COLUMNS), _writer(strokes, STROKE_COLUMNS)
        for done, session in enumerate(image.sessions, 1):
            session_writer.writerow(_cells(session_row(image, session)))
            for row in stroke_rows(image, session):
                stroke_writer.writerow(_cells(row))
            progress(done)
    return paths


def _writer(file: TextIO, columns: tuple[str, ...]) -> csv.DictWriter:
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    return writer


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    """What is not known is an empty cell; true and false are 1 and 0."""
    flags = {name: int(value) for name, value in row.items() if isinstance(value, bool)}
    return plain(row) | flags


def export_jsonl(image: Image, target: Path | TextIO, progress: Progress = lambda done: None) -> list[Path]:
    """Writes one object a line: `record` is "session" or "stroke"; a session comes before its strokes. OSError."""
    if not isinstance(target, Path):
        _write_lines(image, target, progress)
        return []
    target.parent.mkdir(parents=True, exist_ok=True)
    with _replacing(target) as file:
        _write_lines(image, file, progress)
    return [target]


def _write_lines(image: Image, file: TextIO, progress: Progress) -> None:
    for done, session in enumerate(image.sessions, 1):
        line = {"record": "session", **plain(session_row(image, session))}
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        for row in stroke_rows(image, session):
            file.write(json.dumps({"record": "stroke", **row}, ensure_ascii=False) + "\n")
        progress(done)


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A file beside `path` that takes its place at the end, or nothing if anything fails."""
    half = path.with_name(path.name + ".half")
    try:
        with half.open("w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(half, path)
    except OSError as error:  # nobody asked for the half
        if os.fspath(error.filename or half) != str(half):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        half.unlink(missing_ok=True)
