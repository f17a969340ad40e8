"""`pen status` and `pen selftest`: how a pen is, and whether its own test finds anything wrong with it."""

from __future__ import annotations

import datetime
from typing import Any

import typer
from rich.table import Table

from pen.answers import (
    ACCESS,
    CALIBRATION,
    CARTRIDGE,
    DATE,
    FAULT,
    SESSION,
    SLOT,
    STATE,
    TIME,
    UPTIME,
    NotNow,
    Row,
    ask,
    day,
    fault_catalog,
    plain,
)
from pen.connect import FAILED, AsJson, Port, err, out, pen_at, print_json
from pen.link import PenLink

SELFTEST_S = 60.0
PARTS = {  # of a status: the command that asks for it, and the names of its answer
    "uptime": ("SYST:UPT?", UPTIME), "state": ("STAT?", STATE), "fault": ("FAUL?", FAULT),
    "session": ("SESS?", SESSION), "cartridge": ("CART?", CARTRIDGE), "access": ("SEC:STAT?", ACCESS),
    "calibration": ("CAL:DATA?", CALIBRATION), "slot": ("FIRM:SLOT?", SLOT),
    "date": ("SYST:DATE?", DATE), "time": ("SYST:TIME?", TIME),
}
MEASURED = {
    "extension_um": "MEAS:EXT?", "rate_hz": "MEAS:RATE?", "rail_v": "MEAS:RAIL?", "battery_v": "MEAS:BATT?",
    "temperature_c": "MEAS:TEMP?",
}


def status(port: Port = None, as_json: AsJson = False) -> None:
    """Tell state, fault, session, cartridge, measurements, clock, calibration, firmware slot and access of a pen."""
    with pen_at(port) as link:
        found = gather(link)
    if as_json:
        print_json({name: plain(value) for name, value in found.items()})
    else:
        out.print(_page(found))


def gather(link: PenLink) -> dict[str, Any]:
    """All that a status holds; a NotNow where the pen gives no answer."""
    found: dict[str, Any] = {"serial": link.serial, "firmware": link.firmware}
    for name, (command, names) in PARTS.items():
        found[name] = ask(link, command, names)
    for name, command in MEASURED.items():
        answer = ask(link, command, (name,))
        found[name] = answer if isinstance(answer, NotNow) else answer[name]
    return found


def _page(found: dict[str, Any]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", min_width=11)
    grid.add_column()
    grid.add_row("Pen", f"{found['serial']}, firmware {found['firmware']}")
    for label, words in (
        ("Up", _told(found["uptime"], up_words)), ("State", _told(found["state"], _state)),
        ("Fault", _told(found["fault"], fault_words)), ("Session", _told(found["session"], session_words)),
        ("Cartridge", _told(found["cartridge"], _cartridge)), ("Tips", _with_unit(found["extension_um"], "um")),
        ("Battery", _with_unit(found["battery_v"], "V")), ("Rail", _with_unit(found["rail_v"], "V")),
        ("Motor", _with_unit(found["temperature_c"], "°C")), ("Clock", _clock(found["date"], found["time"])),
        ("Calibration", _told(found["calibration"], lambda row: _calibration(row, found["date"]))),
        ("Slot", _told(found["slot"], _slot)), ("Access", _told(found["access"], _access)),
    ):
        grid.add_row(label, words)
    return grid


def _told(value: Row | NotNow, words) -> str:
    if isinstance(value, NotNow):
        return value.reason if value.known else "not told by this firmware"
    return words(value)


def _with_unit(value: float | NotNow, unit: str) -> str:
    return str(value) if isinstance(value, NotNow) else f"{value} {unit}"


def up_words(row: Row) -> str:
    """How long it is on, and which of its starts this is."""
    seconds = row["uptime_ms"] // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}, start {row['starts']}"


def _state(row: Row) -> str:
    return f"{row['state'].replace('_', ' ')}, {row['stage'].replace('_', ' ')}"


def fault_words(row: Row) -> str:
    """A fault as number, key, cause and action; "none" for number 0."""
    return f"{row['number']} {row['key']}: {row['cause']}. {row['action']}." if row["number"] else "none"


def session_words(row: Row | None) -> str:
    """A session in a line, "none" without one."""
    if not row or not row["number"]:
        return "none"
    left = f"{row['left_s'] // 60}:{row['left_s'] % 60:02} left"
    treated = f"{row['zone']}, {row['indication']}, {row['depth_um']} um at {row['rate_hz']:g} Hz"
    return f"{row['number']}: {treated}, {row['strokes']} strokes, {left}"


def _cartridge(row: Row) -> str:
    if not row["seated"]:
        return "none"
    if not row["needles"]:
        return str(row["found"])
    used = ", used" if row["used"] else ""
    return f"{row['found']}, {row['needles']} needles, rated {row['rated_um']} um, lot {row['lot']}{used}"


def _clock(date: Row | NotNow, time: Row | NotNow) -> str:
    if isinstance(date, NotNow) or isinstance(time, NotNow):
        return _told(date if isinstance(date, NotNow) else time, str)
    day = "{year}-{month:02}-{day:02}".format(**date)
    return day + " {hours:02}:{minutes:02}:{seconds:02}".format(**time)


def _calibration(row: Row, today: Row | NotNow) -> str:
    """Number, date, due date and by whom; whether it is overdue as far as the pen knows the date."""
    made, due = day(row["date_days"]), day(row["due_days"])
    words = f"{row['number']} of {made or 'an unknown day'}, "
    if due is None:
        words += "never due"
    elif isinstance(today, NotNow) or datetime.date(**today) <= due:
        words += f"due {due}"
    else:
        words += f"overdue since {due}"
    return f"{words}, by {row['technician']} with {row['gauge']}"


def _slot(row: Row) -> str:
    if not row["slot"]:
        return "none, the firmware is not in slots"
    trial = f"start {row['trial_start']} of its trial" if row["trial_start"] else "confirmed"
    other = f"the other slot has {row['other_version']}" if row["other_version"] else "the other slot is empty"
    back = f"; went back because: {row['went_back']}" if row["went_back"] else ""
    return f"{row['slot']}, {trial}, {other}{back}"


def _access(row: Row) -> str:
    words = "open for a technician" if row["access"] == "open" else "reading only"
    if not row["has_key"]:
        words += ", the pen has no key"
    return words + (f", {row['wrong_answers']} wrong answers" if row["wrong_answers"] else "")


def selftest(port: Port = None, as_json: AsJson = False) -> None:
    """Have the pen test itself, at rest. Exit code 1 if it finds a fault."""
    with pen_at(port) as link, err.status("The pen tests itself"):
        number = link.numbers("*TST?", timeout_s=SELFTEST_S)[0]
        found = next((row for row in fault_catalog(link) if row["number"] == number), None) if number else None
    if as_json:
        print_json({"passed": not number, "number": number, "fault": found})
    elif not number:
        out.print(f"{link.serial} finds nothing wrong with itself.", soft_wrap=True)
    else:
        out.print(fault_words(found) if found else f"fault {number}", markup=False)
    if number:
        raise typer.Exit(FAILED)
