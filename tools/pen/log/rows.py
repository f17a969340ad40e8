"""Sessions and strokes as rows: one set of columns for tables, CSV, JSON and Parquet.

Invariant: a value that is not known is None, never zero.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from penimage import Head, Image, Session, Stroke, names
from penimage.model import END_NAMES, FLAG_NAMES, FLAG_PARTIAL, FLAG_SLIP

SESSION_COLUMNS = (
    "session_id", "pen_serial", "session", "started_at", "boot", "uptime_ms", "duration_ms", "zone", "indication",
    "supervised", "client", "operator", "cartridge_rom", "firmware", "calibration_id", "strokes", "strokes_read",
    "strokes_lost", "slips", "worst_error_um", "ended", "fault", "faults", "intact",
)  # fmt: skip
STROKE_COLUMNS = (
    "session_id", "session", "stroke", "zone", "commanded_um", "achieved_um", "period_us", *FLAG_NAMES,
    "exact",
)  # fmt: skip

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
POWER_LOST = next(number for number, name in END_NAMES.items() if name == "power_lost")


def started_at(head: Head | None) -> datetime | None:
    """When the session began, UTC; None when the clock was not set or the head is unreadable."""
    return EPOCH + timedelta(seconds=head.wall_s) if head and head.wall_s else None


def session_id(pen_serial: str, session: Session) -> str:
    """The same for the same session in every image and export; another if the pen was provisioned anew."""
    head = session.head
    told = f"/{head.boot}/{head.uptime_ms}/{head.cartridge_rom.hex()}/{head.wall_s}" if head else ""
    return hashlib.sha256(f"{pen_serial}/{session.number}{told}".encode()).hexdigest()[:16]


def session_row(image: Image, session: Session) -> dict[str, Any]:
    """One row; docs/records.md says what each column is."""
    head, tail = session.head, session.tail
    return {
        "session_id": session_id(image.pen_serial, session),
        "pen_serial": image.pen_serial or None,
        "session": session.number,
        "started_at": started_at(head),
        "boot": head.boot if head else None,
        "uptime_ms": head.uptime_ms if head else None,
        "duration_ms": _duration_ms(session),
        "zone": names.zone(head.zone_id) if head else None,
        "indication": names.indication(head.indication_id) if head else None,
        "supervised": head.supervised if head else None,
        "client": head.client or None if head else None,
        "operator": head.operator or None if head else None,
        "cartridge_rom": head.cartridge_rom.hex() if head else None,
        "firmware": names.firmware(head.firmware_version) if head else None,
        "calibration_id": head.calibration_id if head else None,
        "strokes": tail.strokes - tail.partials if tail else None,
        "strokes_read": len(session.strokes),
        "strokes_lost": session.lost_strokes,
        "slips": tail.slips if tail else sum(stroke.flags & FLAG_SLIP for stroke in session.strokes),
        "worst_error_um": tail.worst_error_um if tail else _worst_um(session.strokes),
        "ended": tail.reason_name if tail else None,
        "fault": names.fault(tail.fault_code) if tail else None,
        "faults": tail.faults if tail else None,
        "intact": not session.problems,
    }


def stroke_row(identity: str, session: Session, stroke: Stroke) -> dict[str, Any]:
    """One row; docs/records.md says what each column is."""
    flags = {name: bool(stroke.flags >> bit & 1) for bit, name in enumerate(FLAG_NAMES)}
    return {
        "session_id": identity,
        "session": session.number,
        "stroke": stroke.sequence,
        "zone": names.zone(stroke.zone_id),
        "commanded_um": stroke.commanded_um,
        "achieved_um": stroke.achieved_um,
        "period_us": stroke.period_us,
        **flags,
        "exact": stroke.exact,
    }


def stroke_rows(image: Image, session: Session) -> Iterator[dict[str, Any]]:
    """Every stroke of a session that could be read."""
    identity = session_id(image.pen_serial, session)
    return (stroke_row(identity, session, stroke) for stroke in session.strokes)


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row with times as ISO 8601 text, for JSON and CSV."""
    return {
        name: value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _duration_ms(session: Session) -> int | None:
    """From head to tail by the uptime; None after a power cut, whose moment nobody knows."""
    head, tail = session.head, session.tail
    if not head or not tail or tail.reason == POWER_LOST or tail.boot != head.boot:
        return None
    return max(0, tail.uptime_ms - head.uptime_ms)


def _worst_um(strokes: list[Stroke]) -> int | None:
    errors = [stroke.achieved_um - stroke.commanded_um for stroke in strokes if not stroke.flags & FLAG_PARTIAL]
    return max(errors, key=abs, default=None)
