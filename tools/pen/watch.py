"""`pen watch`: what a pen does, live; and the readings of one look at it, which `pen trace` keeps as well."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pen.answers import SESSION, NotNow, Row, ask
from pen.connect import Port, out, pen_at
from pen.link import Garbage, PenLink, Refused, split_fields
from pen.status import session_words

LOOK = "SYST:UPT?;:STAT?;:MEAS:RATE?;:MEAS:RAIL?;:MEAS:BATT?;:MEAS:TEMP?"
EXTENSION = "MEAS:EXT?"
DEEPEST_UM = 2500
BAR = 40

Interval = Annotated[float, typer.Option(min=0.05, max=60, help="Seconds from one look to the next.")]
Count = Annotated[int | None, typer.Option(min=1, help="So many looks, then end.")]
AsLines = Annotated[bool, typer.Option("--json", help="Print each look as one JSON object on a line.")]


@dataclass(frozen=True)
class Look:
    """What the pen says of itself at one moment. `extension_um`, `session` are None without one."""

    uptime_ms: int
    starts: int
    state: str
    stage: str
    fault: int
    rate_hz: float
    rail_v: float
    battery_v: float
    temperature_c: float
    extension_um: int | None
    session: Row | None


def look(link: PenLink) -> Look:
    """Ask once. The answers are of moments some tens of milliseconds apart. LinkError."""
    answers = link.query(LOOK).split(";")
    try:
        uptime_ms, starts = map(int, answers[0].split(","))
        state, stage, fault = split_fields(answers[1])
        rate, rail, battery, temperature = map(float, answers[2:6])
        return Look(
            uptime_ms, starts, state, stage, int(fault), rate, rail, battery, temperature, extension_um(link),
            session(link))
    except (ValueError, IndexError):
        raise Garbage(f"a pen of another kind of firmware: it answers {answers!r}") from None


def extension_um(link: PenLink) -> int | None:
    """Where the tips are, None while the pen does not know."""
    try:
        return int(link.query(EXTENSION))
    except Refused:
        return None


def session(link: PenLink) -> Row | None:
    """The session that is open, None without one."""
    found = ask(link, "SESS?", SESSION)
    return None if isinstance(found, NotNow) or not found["number"] else found


def watch(port: Port = None, interval: Interval = 0.25, count: Count = None, as_json: AsLines = False) -> None:
    """Show state, needles and measurements of a pen as they change. Ctrl-C ends it."""
    with pen_at(port) as link:
        try:
            if as_json:
                _lines(link, interval, count)
            else:
                _screen(link, interval, count)
        except KeyboardInterrupt:
            return


def _lines(link: PenLink, interval_s: float, count: int | None) -> None:
    done = 0
    while True:
        print(json.dumps(asdict(look(link))), flush=True)
        done += 1
        if done == count:
            return
        link.wire.pause(interval_s)


def _screen(link: PenLink, interval_s: float, count: int | None) -> None:
    done = 0
    with Live(console=out, auto_refresh=False) as live:
        while True:
            live.update(picture(link, look(link)), refresh=True)
            done += 1
            if done == count:
                return
            link.wire.pause(interval_s)
            if link.wire.hand is not None:  # simulated in this process: its seconds are over at once
                time.sleep(interval_s)


def picture(link: PenLink, seen: Look) -> Group:
    """One look as a screen of at most 80 columns."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", min_width=9)
    grid.add_column(no_wrap=True)
    grid.add_row("State", Text(seen.state, style="green" if seen.state in ("ready", "running") else ""))
    grid.add_row("Stage", seen.stage.replace("_", " "))
    grid.add_row("Fault", Text(f"{seen.fault}: 'pen faults' tells more", style="red") if seen.fault else "none")
    grid.add_row("Session", session_words(seen.session))
    grid.add_row("Tips", _bar(seen.extension_um))
    grid.add_row("Rate", f"{seen.rate_hz:.1f} strokes a second" if seen.rate_hz else "at rest")
    grid.add_row("Supply", f"battery {seen.battery_v:.2f} V, motor rail {seen.rail_v:.2f} V")
    grid.add_row("Motor", f"{seen.temperature_c:.1f} °C")
    up_s = seen.uptime_ms // 1000
    head = Text(f"{link.serial}, firmware {link.firmware}, start {seen.starts}, ", style="bold")
    return Group(head.append(f"up {up_s // 3600}:{up_s // 60 % 60:02}:{up_s % 60:02}"), grid)


def _bar(extension: int | None) -> str:
    if extension is None:
        return "not known: the pen has not homed"
    filled = round(BAR * min(max(extension, 0), DEEPEST_UM) / DEEPEST_UM)
    return f"{'█' * filled}{'░' * (BAR - filled)} {extension} um"
