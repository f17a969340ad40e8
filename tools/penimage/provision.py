"""Makes the FRAM image of a freshly provisioned pen, for the simulator and for the bench."""

from __future__ import annotations

import struct
from typing import Any

from penimage.model import (
    CALIBRATION_KEYS,
    COUNTER_KEYS,
    FRAM_BYTES,
    LAYOUT,
    MOTION_KEYS,
    RECORD_NAMES,
    RING_ROMS,
    SCHEMA,
    SETTING_KEYS,
    SLOT_COMPLETE,
    SLOT_HEADER,
    crc16,
    slot_span,
)


def provision_image(
    serial: str,
    calibration: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    counters: dict[str, Any] | None = None,
    used_cartridges: list[bytes] | tuple[bytes, ...] = (),
    motion: dict[str, Any] | None = None,
) -> bytes:
    """The FRAM of a pen as provisioned: superblock and the given records, everything else never written.

    `calibration`: all of CALIBRATION_KEYS, tags as text up to 8 ASCII characters; values are stored
    unchecked, so that a bad calibration can be made on purpose. `settings`: all of SETTING_KEYS.
    `motion`: all of MOTION_KEYS. `counters`: all of COUNTER_KEYS. `used_cartridges`: 8-byte ROM ids, oldest
    first, the last 120 count.
    ValueError for what cannot be stored.
    """
    image = bytearray(FRAM_BYTES)
    if not serial or not all(0x20 < ord(char) < 0x7F for char in serial) or len(serial) > 12:
        raise ValueError("a serial is 1..12 printable ASCII characters without spaces")
    try:
        _write_record(image, "superblock", struct.pack("<H12s", LAYOUT, serial.encode("ascii")))
        if calibration is not None:
            values = _ordered(calibration, CALIBRATION_KEYS)
            tags = [_tag(value) for value in values[7:]]
            _write_record(image, "calibration", struct.pack("<BBhiHHHHH8s8s", SCHEMA, 0, *values[:7], *tags))
        if counters is not None:
            _write_record(image, "counters", struct.pack("<IIII", *_ordered(counters, COUNTER_KEYS)))
        if settings is not None:
            _write_record(image, "settings", struct.pack("<HHBx", *_ordered(settings, SETTING_KEYS)))
        if motion is not None:
            _write_record(image, "motion", struct.pack("<III", *_ordered(motion, MOTION_KEYS)))
    except struct.error as error:
        raise ValueError(f"a value does not fit its field: {error}") from error
    if used_cartridges:
        _write_record(image, "cartridges", _ring(used_cartridges))
    return bytes(image)


def _ordered(values: dict[str, Any], keys: tuple[str, ...]) -> list[Any]:
    if set(values) != set(keys):
        raise ValueError(f"expected exactly {', '.join(keys)}; got {', '.join(sorted(values))}")
    return [values[key] for key in keys]


def _tag(text: str) -> bytes:
    raw = text.encode("ascii")
    if len(raw) > 8:
        raise ValueError(f"{text!r} is longer than 8 characters")
    return raw


def _ring(roms: list[bytes] | tuple[bytes, ...]) -> bytes:
    kept = list(roms)[-RING_ROMS:]
    if any(len(rom) != 8 for rom in kept):
        raise ValueError("a ROM id has 8 bytes")
    return struct.pack(f"<HH{RING_ROMS * 8}s", len(kept) % RING_ROMS, len(kept), b"".join(kept))


def _write_record(image: bytearray, name: str, payload: bytes) -> None:
    record_id = RECORD_NAMES.index(name)
    addr, _ = slot_span(record_id, 0)
    header = struct.pack("<2sBBHHI", b"PR", record_id, SCHEMA, len(payload), 0, 0)
    header += struct.pack("<HBB", crc16(payload, crc16(header)), 0, SLOT_COMPLETE)
    image[addr : addr + SLOT_HEADER + len(payload)] = header + payload
