"""`pen faults`: the fault that a pen has latched, with its cause and what to do, or all that it can have."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from pen.answers import FAULT, fault_catalog, need
from pen.connect import AsJson, Port, out, pen_at, print_json
from pen.status import fault_words

All = Annotated[bool, typer.Option("--all", help="List every fault that the pen's firmware knows.")]


def faults(port: Port = None, every: All = False, as_json: AsJson = False) -> None:
    """Tell the fault that is latched, or list all that a pen can have."""
    with pen_at(port) as link:
        latched = need(link, "FAUL?", FAULT)
        rows = fault_catalog(link) if every else []
    if as_json:
        print_json(rows if every else latched if latched["number"] else None)
    elif every:
        table = Table("", "fault", "cause", "what to do", box=None)
        for row in rows:
            style = "bold red" if row["number"] == latched["number"] else ""
            table.add_row(str(row["number"]), row["key"], row["cause"], row["action"], style=style)
        out.print(table)
    else:
        out.print(fault_words(latched) if latched["number"] else f"{link.serial} has no fault.", markup=False)
