"""What a pen's answers mean: as dictionaries by the names below, or the pen's reason for having none."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from pen.link import Garbage, PenLink, Refused, split_fields

Row = dict[str, Any]

UPTIME = ("uptime_ms", "starts")
STATE = ("state", "stage", "fault")
FAULT = ("number", "key", "cause", "action")
SESSION = ("number", "zone", "indication", "depth_um", "rate_hz", "strokes", "left_s")
CARTRIDGE = (
    "seated", "found", "rom", "kind", "needles", "rated_um", "offset_um", "expiry_days", "used", "lot")
CALIBRATION = (
    "offset_um", "scale_ppm", "backlash_um", "travel_um", "date_days", "due_days", "number", "gauge", "technician")
SLOT = ("slot", "trial_start", "other_version", "went_back")  # `slot` is empty on a pen without slots
LIMIT = ("least_um", "default_um", "cap_um", "clinic_um", "rate_min_hz", "rate_max_hz", "supervised_cap_um")
ACCESS = ("access", "has_key", "wrong_answers", "wait_s")
DATE = ("year", "month", "day")
TIME = ("hours", "minutes", "seconds")
TEXTS = (  # what looks like a number in these is none
    "rom", "lot", "key", "cause", "action", "gauge", "technician", "slot", "other_version",
    "went_back")
EPOCH = datetime.date(2000, 1, 1)  # the pen counts days from here
NO_SUCH_COMMAND = -113


@dataclass(frozen=True)
class NotNow:
    """The pen gave no answer: why, in its own words. `known`: its firmware has the command at all."""

    reason: str
    known: bool

    def __str__(self) -> str:
        return self.reason


def need(link: PenLink, command: str, names: tuple[str, ...]) -> Row:
    """An answer as a dictionary, numbers as numbers. Refused; Garbage if it has not so many fields."""
    fields = link.fields(command)
    if len(fields) != len(names):
        raise Garbage(f"'{command}' has {len(names)} fields for an answer, not {len(fields)}: other firmware?")
    return _row(names, fields)


def ask(link: PenLink, command: str, names: tuple[str, ...]) -> Row | NotNow:
    """The same, and NotNow in place of a refusal."""
    try:
        return need(link, command, names)
    except Refused as refused:
        return NotNow(refused.reason, refused.number != NO_SUCH_COMMAND)


def fault_catalog(link: PenLink) -> list[Row]:
    """Every fault that the pen's firmware knows. Refused, Garbage."""
    fields = split_fields(link.query("FAUL:CAT?"))
    width = len(FAULT)
    if len(fields) % width:
        raise Garbage(f"'FAUL:CAT?' has {width} fields for each fault, not {len(fields)} in all")
    return [_row(FAULT, fields[at : at + width]) for at in range(0, len(fields), width)]


def day(days: int) -> datetime.date | None:
    """The date of a pen's count of days; None for 0, which is "not known"."""
    return EPOCH + datetime.timedelta(days=days) if days else None


def plain(value: Any) -> Any:
    """For JSON: a reason stands under the key `refused`."""
    return {"refused": value.reason} if isinstance(value, NotNow) else value


def _row(names: tuple[str, ...], fields: list[str]) -> Row:
    return {name: field if name in TEXTS else _value(field) for name, field in zip(names, fields, strict=True)}


def _value(field: str) -> str | int | float:
    for kind in (int, float):
        try:
            return kind(field)
        except ValueError:
            continue
    return field
