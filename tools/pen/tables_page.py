"""One HTML page of tables, for runs that have a verdict, some figures, and violations to replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FAILURES_SHOWN = 200


@dataclass
class PageTable:
    """A heading, the columns' names, the rows; `bad` says which columns count what must not be."""

    heading: str
    columns: Sequence[str]
    rows: list[Sequence[Any]] = field(default_factory=list)
    bad: Sequence[str] = ()


def write_page(
    path: Path, title: str, about: str, tiles: dict[str, Any], tables: Sequence[PageTable],
    failures: Sequence[tuple[str, Sequence[str]]], undone: str = "",
) -> None:
    """Write the page. `failures`: the command that brings each back, what it violated; `undone`: what is missing."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True)
    page = environment.get_template("tables_page.html.j2").render(
        title=title, about=about, tiles=tiles, tables=tables, failures=failures[:FAILURES_SHOWN],
        failures_in_all=len(failures), undone=undone)
    path.write_text(page, encoding="utf-8")
