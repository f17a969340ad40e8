"""Writes the record of a new cartridge. A pen only reads them: this is for who makes cartridges, and never loaded."""

import cartridge
from drivers import ds2431


def encode(
    rom: bytes,
    needles: int,
    rated_um: int,
    offset_um: int,
    expiry_days: int,
    lot: str,
    kind: int = cartridge.KIND_NEEDLE,
    gauge: int = 32,
) -> bytes:
    """The 32-byte record for the chip with this 8-byte ROM number; ValueError when a value cannot be stored.

    `rated_um` 100..5000, `offset_um` -200..200 (tips past nominal are positive), `expiry_days` 1..65535 since
    2000-01-01 and the last day of use, `lot` at most 8 ASCII characters; the rest 0..255.
    """
    _within("rated depth", rated_um, cartridge.RATED_MIN_UM, cartridge.RATED_MAX_UM)
    _within("zero offset", offset_um, -cartridge.OFFSET_LIMIT_UM, cartridge.OFFSET_LIMIT_UM)
    _within("expiry", expiry_days, 1, 65535)
    for name, value in (("needle count", needles), ("kind", kind), ("gauge", gauge)):
        _within(name, value, 0, 255)
    label = lot.encode()
    if len(label) > 8 or len(label) != len(lot):
        raise ValueError("lot must be at most 8 ASCII characters")
    if len(rom) != 8:
        raise ValueError("ROM number must be 8 bytes")
    record = bytearray(cartridge.RECORD_SIZE)
    record[0:6] = bytes((0x50, 0x43, cartridge.VERSION, kind, gauge, needles))
    _put_u16(record, 6, rated_um)
    _put_u16(record, 8, offset_um & 0xFFFF)
    _put_u16(record, 10, expiry_days)
    record[12:20] = label + b" " * (8 - len(label))
    _put_u16(record, 28, ds2431.crc16(record, cartridge.BODY_BYTES, 0xFFFF))
    _put_u16(record, 30, cartridge.binding_crc(rom, record))
    return bytes(record)


def _put_u16(buf: bytearray, at: int, value: int):
    buf[at] = value & 0xFF
    buf[at + 1] = value >> 8


def _within(name: str, value: int, low: int, high: int):
    if not low <= value <= high:
        raise ValueError(f"{name} must be {low}..{high}, not {value}")
