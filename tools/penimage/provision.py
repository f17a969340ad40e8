"""Makes the FRAM image of a freshly provisioned pen, for the simulator and for the bench."""

from __future__ import annotations

import hashlib
import os
import struct
from typing import Any

from penimage.model import (
    ARCHIVE_KEYS,
    CALIBRATION_KEYS,
    CLINIC_LIMITS_UM,
    CLINIC_ZONES,
    CODE_HASH_BYTES,
    CODE_PRESSES,
    CODE_SALT_BYTES,
    COUNTER_KEYS,
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
    WAY_KEY,
    WAY_UNIT_UM,
    crc16,
    schema_of,
    slot_span,
)


def provision_image(
    serial: str,
    calibration: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    counters: dict[str, Any] | None = None,
    used_cartridges: list[bytes] | tuple[bytes, ...] = (),
    motion: dict[str, Any] | None = None,
    supervisor_code: str = "",
    code_salt: bytes | None = None,
    service_fault: int = 0,
    archive: dict[str, Any] | None = None,
    key: bytes = b"",
    clinic_um: list[int] | tuple[int, ...] = (),
    operator: str = "",
) -> bytes:
    """The FRAM of a pen as provisioned: superblock and the given records, everything else never written.

    `calibration`: all of CALIBRATION_KEYS, tags as text up to 8 ASCII characters, and WAY_KEY or not; values are stored
    unchecked, so that a bad calibration can be made on purpose. `settings`: all of SETTING_KEYS.
    `motion`: all of MOTION_KEYS. `counters`: all of COUNTER_KEYS. `used_cartridges`: 8-byte ROM ids, oldest
    first, the last 120 count. `supervisor_code`: eight of U, S and D, "" for none; of it only a hash is stored, with
    `code_salt` or fresh random bytes. `service_fault`: number of a fault that service has yet to clear.
    `archive`: all of ARCHIVE_KEYS, the digest as hex. `key`: the 32 bytes that pen and technician share, empty for a
    pen without; no message names it. `clinic_um`: the clinic's limit for each of the 13 zones, 0 or 100..2500 um.
    `operator`: tag of up to 8 characters, part of the settings.
    ValueError for what cannot be stored.
    """
    image = bytearray(FRAM_BYTES)
    if not serial or not all(0x20 < ord(char) < 0x7F for char in serial) or len(serial) > 12:
        raise ValueError("a serial is 1..12 printable ASCII characters without spaces")
    try:
        _write_record(image, "superblock", struct.pack("<H12s", LAYOUT, serial.encode("ascii")))
        if calibration is not None:
            way = calibration.get(WAY_KEY, 0) // WAY_UNIT_UM
            values = _ordered({k: v for k, v in calibration.items() if k != WAY_KEY}, CALIBRATION_KEYS)
            tags = [_tag(value) for value in values[7:]]
            payload = struct.pack("<BBhiHHHHH8s8s", schema_of("calibration"), way, *values[:7], *tags)
            _write_record(image, "calibration", payload)
        if counters is not None:
            _write_record(image, "counters", struct.pack("<IIII", *_ordered(counters, COUNTER_KEYS)))
        if settings is not None:
            _write_record(image, "settings", _settings(settings, supervisor_code, code_salt, operator))
        elif supervisor_code or operator:
            raise ValueError("a supervisor's code and an operator are part of the settings: give them too")
        if service_fault:
            _write_record(image, "last_fault", struct.pack("<HHIHH", service_fault, 0, 0, service_fault, 0))
        if motion is not None:
            _write_record(image, "motion", struct.pack("<IIII", *_ordered(motion, MOTION_KEYS)))
        if archive is not None:
            *numbers, digest = _ordered(archive, ARCHIVE_KEYS)
            _write_record(image, "archive", struct.pack("<IIII32s", *numbers, bytes.fromhex(digest)))
        if key:
            _write_record(image, "key", _checked_key(key))
        if clinic_um:
            _write_record(image, "clinic", _clinic(clinic_um))
    except struct.error as error:
        raise ValueError(f"a value does not fit its field: {error}") from error
    if used_cartridges:
        _write_record(image, "cartridges", _ring(used_cartridges))
    return bytes(image)


def clear_service_fault(image: bytes) -> bytes:
    """A copy of a pen's memory without the fault that only service clears; the rest as it was.

    ValueError when the record of the last fault cannot be read.
    """
    from penimage.fram import decode

    record = decode(image).records["last_fault"]
    if record.status == "empty":
        return bytes(image)
    if record.values is None:
        raise ValueError(f"the record of the last fault is {record.status}: it cannot be cleared")
    values = {**record.values, "service_code": 0, "service_boot": 0}
    cleared = bytearray(image)
    _erase_record(cleared, "last_fault")
    _write_record(cleared, "last_fault", struct.pack("<HHIHH", *_ordered(values, LAST_FAULT_KEYS)))
    return bytes(cleared)


def _settings(settings: dict[str, Any], code: str, salt: bytes | None, operator: str) -> bytes:
    """The record of the settings; of the code a part of the hash of salt and presses."""
    values = _ordered(settings, SETTING_KEYS)
    tag = _tag(operator)
    if not all(0x20 < char < 0x7F for char in tag):
        raise ValueError(f"an operator's tag is printable ASCII without spaces, not {operator!r}")
    if not code:
        return struct.pack("<HHBB24x8s", *values, 0, tag)
    if len(code) != CODE_PRESSES or set(code) - set("USD"):
        raise ValueError(f"a supervisor's code is {CODE_PRESSES} of U, S and D, not {code!r}")
    salt = os.urandom(CODE_SALT_BYTES) if salt is None else salt
    if len(salt) != CODE_SALT_BYTES:
        raise ValueError(f"a salt has {CODE_SALT_BYTES} bytes, got {len(salt)}")
    kept = hashlib.sha256(salt + code.encode("ascii")).digest()[:CODE_HASH_BYTES]
    return struct.pack("<HHBB8s16s8s", *values, 1, salt, kept, tag)


def _checked_key(key: bytes) -> bytes:
    if len(key) != KEY_BYTES or not any(key):
        raise ValueError(f"a key has {KEY_BYTES} bytes, not all of them zero; got {len(key)} bytes")
    return key


def _clinic(limits_um: list[int] | tuple[int, ...]) -> bytes:
    if len(limits_um) != CLINIC_ZONES or any(limit_um not in CLINIC_LIMITS_UM for limit_um in limits_um):
        raise ValueError(f"a clinic's limits are {CLINIC_ZONES} times 0 or 100..2500 um, not {list(limits_um)}")
    return struct.pack(f"<{CLINIC_ZONES}H", *limits_um)


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
    header = struct.pack("<2sBBHHI", b"PR", record_id, schema_of(name), len(payload), 0, 0)
    header += struct.pack("<HBB", crc16(payload, crc16(header)), 0, SLOT_COMPLETE)
    image[addr : addr + SLOT_HEADER + len(payload)] = header + payload


def _erase_record(image: bytearray, name: str) -> None:
    for slot in (0, 1):
        addr, size = slot_span(RECORD_NAMES.index(name), slot)
        image[addr : addr + size] = bytes(size)
