"""`pen zones` and `pen limits`: how deep a pen goes where, and the clinic's own limits, which only ever tighten."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.progress import track
from rich.table import Table

from pen.answers import LIMIT, Row, need
from pen.connect import WRONG_USE, AsJson, Key, Port, as_technician, err, fail, out, pen_at, print_json, read_key
from pen.link import PenLink

LIFT = "cap"
Zone = Annotated[str | None, typer.Argument(help="A zone, as 'pen zones' names it.")]
Limit = Annotated[
    str | None,
    typer.Argument(metavar="UM", help=f"Its new limit in um; 0 forbids the zone, '{LIFT}' leaves only the cap.")]


def zones(port: Port = None, as_json: AsJson = False) -> None:
    """List the zones with their depths and rates."""
    with pen_at(port) as link:
        rows = read_zones(link, link.fields("ZONE:CAT?"))
    if as_json:
        print_json(rows)
        return
    table = Table("zone", "depth, um", "default", "cap", "supervised", "clinic", "strokes a second", box=None)
    for row in rows:
        if not row["cap_um"]:
            table.add_row(row["zone"], "never", style="dim")
            continue
        reach = min(row["cap_um"], row["clinic_um"])
        table.add_row(
            row["zone"], f"{row['least_um']} to {reach}" if reach else "never", str(row["default_um"]),
            str(row["cap_um"]), str(row["supervised_cap_um"]), clinic_words(row),
            f"{row['rate_min_hz']} to {row['rate_max_hz']}")
    out.print(table)


def limits(
    zone: Zone = None, um: Limit = None, port: Port = None, key: Key = None, as_json: AsJson = False,
) -> None:
    """List the clinic's limits, or set one below the cap (technicians)."""
    if zone is not None and um is None:
        raise fail(f"how deep in '{zone}'? Give um behind it, or no zone to list all", WRONG_USE)
    if um is not None and um != LIFT and not um.isdecimal():
        raise fail(f"a limit is whole um, 0 or '{LIFT}', not '{um}'", WRONG_USE)
    read_key(key)  # a wrong one is wrong use, and said before anything else
    with pen_at(port) as link:
        known = link.fields("ZONE:CAT?")
        if zone is not None and um is not None:
            _set(link, known, zone, um, key)
            known = [zone]
        rows = read_zones(link, known)
    if as_json:
        names = ("zone", "cap_um", "supervised_cap_um", "clinic_um")
        print_json([{name: row[name] for name in names} for row in rows])
        return
    table = Table("zone", "cap, um", "clinic's limit", box=None)
    for row in rows:
        if row["cap_um"]:
            table.add_row(row["zone"], str(row["cap_um"]), clinic_words(row))
    out.print(table)


def _set(link: PenLink, known: list[str], zone: str, um: str, key) -> None:
    if zone not in known:
        near = difflib.get_close_matches(zone, known, n=1)
        meant = f"; did you mean '{near[0]}'?" if near else ": 'pen zones' lists them"
        raise fail(f"no zone '{zone}'{meant}", WRONG_USE)
    row = need(link, f"ZONE:LIM? {zone}", LIMIT)
    least, most = row["least_um"], row["supervised_cap_um"]
    value = most if um == LIFT else int(um)
    if row["cap_um"] and value and not least <= value <= most:  # said before a finger has to hold SELECT for it
        raise fail(f"a limit in '{zone}' is 0, or {least} to {most} um, not {um}", WRONG_USE)
    as_technician(link, key)
    link.write(f"ZONE:LIM {zone},{value}")


def read_zones(link: PenLink, known: Iterable[str]) -> list[Row]:
    """Every zone named, with its depths and rates. Refused, Garbage."""
    known = list(known)
    asked = track(known, "Reading the zones", console=err, transient=True, disable=not err.is_terminal)
    return [{"zone": zone, **need(link, f"ZONE:LIM? {zone}", LIMIT)} for zone in asked]


def clinic_words(row: Row) -> str:
    """The clinic's own limit of a zone, where it binds."""
    if not row["clinic_um"]:
        return "forbidden"
    return "–" if row["clinic_um"] >= row["supervised_cap_um"] else f"{row['clinic_um']} um"
