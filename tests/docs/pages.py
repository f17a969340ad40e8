"""Reads the documentation's pages: tables by their header, sections by their heading."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def tables(name: str) -> list[list[dict[str, str]]]:
    """Every table of a page as rows by column name."""
    found, block = [], []
    for line in [*read(name).splitlines(), ""]:
        if line.startswith("|"):
            block.append([cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")])
        elif block:
            header, body = block[0], block[2:]
            found.append([dict(zip(header, row, strict=True)) for row in body])
            block = []
    return found


def table(name: str, *columns: str) -> list[dict[str, str]]:
    """The one table of a page that begins with these columns."""
    hits = [rows for rows in tables(name) if rows and tuple(rows[0])[: len(columns)] == columns]
    assert len(hits) == 1, f"{name} has {len(hits)} tables headed {columns}"
    return hits[0]


def section(name: str, title: str) -> str:
    """A page from a heading to the next one."""
    parts = re.split(r"^(#+ .*)$", read(name), flags=re.M)
    for at in range(1, len(parts), 2):
        if parts[at].lstrip("# ").replace("`", "") == title:
            return parts[at + 1]
    raise AssertionError(f"{name} has no section '{title}'")


def rows_in(text: str) -> dict[str, list[str]]:
    """Rows of the first table in a text by their first cell."""
    lines = re.search(r"(^\|.*\n)+", text, flags=re.M)[0].splitlines()
    cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    return {row[0].replace("`", ""): row[1:] for row in cells}
