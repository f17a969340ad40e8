"""What the numbers in a journal stand for: zones, indications, faults, states. docs/hardware.md, docs/faults.md.

A number that is not in a table was given out by a firmware newer than this reader; it is shown as the number.
"""

from __future__ import annotations

ZONES = (
    "eyelid", "periorbital", "nose", "perioral", "forehead", "chin", "cheek", "neck", "decollete", "hands", "scalp",
    "arm_back", "body",
)  # fmt: skip
INDICATIONS = (
    "absorption", "fine_lines", "wrinkles", "pigmentation", "acne_scars", "stretch_marks", "hair_loss",
)  # fmt: skip
FAULTS = {
    10: "trigger_stuck", 11: "trigger_contacts", 20: "cartridge_pulled", 30: "slip", 31: "encoder",
    32: "home_sensor", 33: "homing", 34: "jam", 35: "ceiling", 36: "drive_dropped", 37: "extended",
    40: "power_fail", 41: "battery_low", 42: "rail_low", 43: "battery_sense", 44: "rail_sense",
    45: "power_sense", 50: "motor_hot", 51: "ntc", 60: "driver_silent", 61: "driver_reset", 62: "driver_hot",
    63: "driver_short", 64: "driver_open", 65: "driver_supply", 70: "calibration_missing",
    71: "calibration_corrupt", 72: "storage", 73: "storage_blank", 74: "display", 75: "gate",
    76: "archive_lost", 77: "tables", 80: "watchdog", 81: "exception", 82: "overrun", 83: "internal",
}  # fmt: skip


def zone(number: int) -> str:
    """The zone's key."""
    return ZONES[number] if number < len(ZONES) else f"zone {number}"


def indication(number: int) -> str:
    """The indication's key."""
    return INDICATIONS[number] if number < len(INDICATIONS) else f"indication {number}"


def fault(code: int) -> str | None:
    """The fault's key, None for code 0."""
    return FAULTS.get(code, f"fault {code}") if code else None


def firmware(number: int) -> str:
    """The version as people write it: major, minor, patch in 4, 8 and 4 bits."""
    return f"{number >> 12}.{number >> 4 & 0xFF}.{number & 15}"
