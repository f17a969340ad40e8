"""Reads a raw image of the pen's FRAM: records, events, and sessions with every stroke.

Invariants: `decode` never raises on any bytes; what it yields passed its checks, what did not is a problem in
words; a stroke whose reference values are in doubt is left out, never guessed.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

from penimage.blocks import runs
from penimage.model import (
    ARCHIVE_KEYS,
    CALIBRATION_KEYS,
    CLINIC_LIMITS_UM,
    CLINIC_ZONES,
    COAST_MM_S2,
    COUNTER_KEYS,
    EVENT_BASE,
    EVENT_BYTES,
    EVENT_COUNT,
    FRAM_BYTES,
    KEY_BYTES,
    LAST_FAULT_KEYS,
    LAYOUT,
    MOTION_KEYS,
    RECORD_NAMES,
    RING_ROMS,
    SETTING_KEYS,
    SLOT_COMPLETE,
    SLOT_HEADER,
    SLOT_WRITING,
    WAY_KEY,
    WAY_UNIT_UM,
    Event,
    Image,
    Problem,
    Record,
    crc8,
    crc16,
    schema_of,
    slot_span,
    text,
)
from penimage.sessions import read_sessions


def decode(image: bytes) -> Image:
    """Everything intact in `image`, a copy of the whole chip; a wrong size is a problem, never an error."""
    found = Image()
    data = bytes(image[:FRAM_BYTES])
    if len(image) != FRAM_BYTES:
        missing = max(0, FRAM_BYTES - len(image))
        lost = f"the last {missing} bytes" if missing else "nothing"
        what = f"image has {len(image)} bytes, the chip {FRAM_BYTES}"
        found.problems.append(Problem(what, min(len(image), FRAM_BYTES), lost, None if missing else 0))
        data = data.ljust(FRAM_BYTES, b"\0")
    for record_id, name in enumerate(RECORD_NAMES):
        found.records[name] = _read_record(data, record_id, found)
    superblock = found.records["superblock"].values
    if superblock is not None and superblock["layout"] != LAYOUT:
        what = f"layout {superblock['layout']} is not known here"
        found.problems.append(Problem(what, slot_span(0, 0)[0], "everything but the records", None))
        return found
    found.pen_serial = superblock["pen_serial"] if superblock else ""
    _read_events(data, found)
    read_sessions(data, found)
    for session in found.sessions:
        found.problems += session.problems
    return found


def _read_slot(data: bytes, record_id: int, slot: int) -> tuple[str, int, int, bytes]:
    """(blank | unfinished | bad | valid, sequence, schema, payload)."""
    addr, size = slot_span(record_id, slot)
    header = data[addr : addr + SLOT_HEADER]
    magic, owner, schema, length, sequence, _, crc, _, state = struct.unpack("<2sBBHHIHBB", header)
    if state == SLOT_WRITING:
        return "unfinished", 0, 0, b""
    if header in (bytes(SLOT_HEADER), b"\xff" * SLOT_HEADER):
        return "blank", 0, 0, b""
    payload = data[addr + SLOT_HEADER : addr + SLOT_HEADER + length]
    framed = state == SLOT_COMPLETE and magic == b"PR" and owner == record_id and length <= size - SLOT_HEADER
    if not framed or crc16(payload, crc16(header[:12])) != crc:
        return "bad", 0, 0, b""
    return "valid", sequence, schema, payload


def _read_record(data: bytes, record_id: int, found: Image) -> Record:
    slots = [_read_slot(data, record_id, slot) for slot in (0, 1)]
    states = [slot[0] for slot in slots]
    record = _newest(RECORD_NAMES[record_id], slots)
    what = f"record {RECORD_NAMES[record_id]} is {record.status}"
    if record.status == "recovered" and "bad" not in states:
        lost = "nothing: power was cut while it was written, the value before stands"
        found.notes.append(Problem(what, slot_span(record_id, states.index("unfinished"))[0], lost))
    elif record.status not in ("ok", "empty"):
        lost = "its newest value, perhaps" if record.status == "recovered" else "its values"
        bad = states.index("bad") if "bad" in states else 0
        found.problems.append(Problem(what, slot_span(record_id, bad)[0], lost))
    return record


def _newest(name: str, slots: list[tuple[str, int, int, bytes]]) -> Record:
    """The record that two slots make, by the rules of the format."""
    states = [slot[0] for slot in slots]
    valid = [slot for slot in slots if slot[0] == "valid"]
    if not valid:
        return Record("corrupt" if "bad" in states else "empty")
    if len(valid) == 2 and 0 < (valid[1][1] - valid[0][1]) % 65536 < 32768:
        valid.reverse()
    _, _, schema, payload = valid[0]
    if schema > schema_of(name):
        return Record("newer", None, schema)
    values = _read_payload(name, payload, schema)
    if values is None:
        return Record("corrupt", None, schema)
    return Record("recovered" if "bad" in states or "unfinished" in states else "ok", values, schema)


def _read_payload(name: str, payload: bytes, schema: int) -> dict[str, Any] | None:
    """The fields of a record, None when its size or content is not what its schema says."""
    try:
        return _OLDER_PAYLOADS.get((name, schema), _PAYLOADS[name])(payload)
    except (struct.error, ValueError):
        return None


def _superblock(payload: bytes) -> dict[str, Any]:
    layout, serial = struct.unpack("<H12s", payload)
    return {"layout": layout, "pen_serial": text(serial)}


def _calibration(payload: bytes) -> dict[str, Any]:
    schema, way, *values = struct.unpack("<BBhiHHHHH8s8s", payload)
    if schema != schema_of("calibration"):
        raise ValueError("schema")
    found = dict(zip(CALIBRATION_KEYS, [*values[:7], text(values[7]), text(values[8])], strict=True))
    return found | ({WAY_KEY: way * WAY_UNIT_UM} if way else {})


def _counters(payload: bytes) -> dict[str, Any]:
    return dict(zip(COUNTER_KEYS, struct.unpack("<IIII", payload), strict=True))


def _settings(payload: bytes) -> dict[str, Any]:
    """Of the supervisor's code only whether there is one."""
    operator = payload[30:].rstrip(b"\0")
    if len(payload) != 38 or not all(0x20 < char < 0x7F for char in operator):
        raise ValueError("operator")
    return _settings_2(payload[:30]) | {"operator": text(operator)}


def _settings_2(payload: bytes) -> dict[str, Any]:
    *values, code_set, _, _ = struct.unpack("<HHBB8s16s", payload)
    if code_set > 1:
        raise ValueError("code flag")
    return dict(zip(SETTING_KEYS, values, strict=True)) | {"supervisor_code": bool(code_set), "operator": ""}


def _settings_1(payload: bytes) -> dict[str, Any]:
    values = dict(zip(SETTING_KEYS, struct.unpack("<HHBx", payload), strict=True))
    return values | {"supervisor_code": False, "operator": ""}


def _last_fault(payload: bytes) -> dict[str, Any]:
    return dict(zip(LAST_FAULT_KEYS, struct.unpack("<HHIHH", payload), strict=True))


def _last_fault_1(payload: bytes) -> dict[str, Any]:
    return dict(zip(LAST_FAULT_KEYS, (*struct.unpack("<HHI", payload), 0, 0), strict=True))


def _journal(payload: bytes) -> dict[str, Any]:
    return dict(zip(("released_blocks", "last_session"), struct.unpack("<II", payload), strict=True))


def _cartridges(payload: bytes) -> dict[str, Any]:
    after, count, roms = struct.unpack(f"<HH{RING_ROMS * 8}s", payload)
    if after >= RING_ROMS or count > RING_ROMS:
        raise ValueError("ring")
    first = after - count
    order = [(first + i) % RING_ROMS for i in range(count)]
    return {"roms": [roms[8 * i : 8 * i + 8].hex() for i in order]}


def _motion(payload: bytes) -> dict[str, Any]:
    return dict(zip(MOTION_KEYS, struct.unpack("<IIII", payload), strict=True))


def _motion_1(payload: bytes) -> dict[str, Any]:
    speed_um_s, accel_mm_s2, jerk_mm_s3 = struct.unpack("<III", payload)
    values = speed_um_s, accel_mm_s2, jerk_mm_s3, min(COAST_MM_S2, accel_mm_s2)
    return dict(zip(MOTION_KEYS, values, strict=True))


def _archive(payload: bytes) -> dict[str, Any]:
    *numbers, digest = struct.unpack("<IIII32s", payload)
    return dict(zip(ARCHIVE_KEYS, [*numbers, digest.hex()], strict=True))


def _key(payload: bytes) -> dict[str, Any]:
    """Of the key only that there is one; 32 zeros are one that the pen did not show."""
    if len(payload) != KEY_BYTES:
        raise ValueError("key")
    return {"set": True}


def _clinic(payload: bytes) -> dict[str, Any]:
    limits_um = struct.unpack(f"<{CLINIC_ZONES}H", payload)
    if any(limit_um not in CLINIC_LIMITS_UM for limit_um in limits_um):
        raise ValueError("clinic")
    return {"limits_um": list(limits_um)}


def _dates(payload: bytes) -> dict[str, Any]:
    return dict(zip(("boot", "days", "calibration_id"), struct.unpack("<HHH", payload), strict=True))


_PAYLOADS = {
    "superblock": _superblock, "calibration": _calibration, "counters": _counters, "settings": _settings,
    "last_fault": _last_fault, "journal": _journal, "cartridges": _cartridges,
    "motion": _motion, "archive": _archive, "key": _key, "clinic": _clinic, "dates": _dates,
}  # fmt: skip
_OLDER_PAYLOADS = {
    ("settings", 1): _settings_1, ("settings", 2): _settings_2, ("last_fault", 1): _last_fault_1,
    ("motion", 1): _motion_1,
}  # fmt: skip


# ---- events ----


def _read_events(data: bytes, found: Image) -> None:
    unreadable = []
    for index in range(EVENT_COUNT):
        addr = EVENT_BASE + index * EVENT_BYTES
        entry = data[addr : addr + EVENT_BYTES]
        if entry == bytes(EVENT_BYTES):
            continue
        event = _read_event(entry, index)
        if event is not None:
            found.events.append(event)
        else:
            unreadable.append(index)
    found.events = _unwrap(found.events)
    found.events.sort(key=lambda event: event.sequence)
    writing = (found.events[-1].sequence + 1) % EVENT_COUNT if found.events else 0
    # The entry after the newest may have been cut while it was written: it was never on record.
    for first, last in runs([index for index in unreadable if index != writing]):
        what = f"event entry {first} is" if first == last else f"event entries {first} to {last} are"
        events = f"{last + 1 - first} event{'s' * (first != last)}"
        found.problems.append(Problem(f"{what} unreadable", EVENT_BASE + first * EVENT_BYTES, events))


def _unwrap(events: list[Event]) -> list[Event]:
    """Laps wrap at 65536: entries half of that apart and more are across the wrap, the low ones newer."""
    half = 0x8000 * EVENT_COUNT
    newest = max((event.sequence for event in events), default=0)
    if not any(newest - event.sequence >= half for event in events):
        return events
    return [replace(e, sequence=e.sequence + 2 * half) if e.sequence < half else e for e in events]


def _read_event(entry: bytes, index: int) -> Event | None:
    lap_low, kind, a, crc, boot, uptime_ms, b, lap_high, check = struct.unpack("<BBBBHIiBB", entry)
    checked = entry[:3] + bytes((index & 0xFF,)) + entry[4:]
    if lap_low ^ check != 0xFF or kind == 0 or crc8(checked, index >> 8) != crc:
        return None
    return Event((lap_high << 8 | lap_low) * EVENT_COUNT + index, boot, uptime_ms, kind, a, b)
