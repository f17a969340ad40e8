"""The layout of the pen's FRAM as the host sees it: constants, checksums, and what a decoded image holds.

Sums, addresses and field names follow docs/storage-format.md; nothing here is shared with the firmware.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from typing import Any

FRAM_BYTES = 262_144
LAYOUT = 1

SMALL_SLOT_BYTES, HALF_SLOT_BYTES = 128, 64
CARTRIDGE_BASE, CARTRIDGE_SLOT_BYTES = 0x0800, 1024
EVENT_BASE, EVENT_BYTES, EVENT_COUNT = 0x1000, 16, 1024
BLOCK_BASE, BLOCK_BYTES, BLOCK_COUNT = 0x5000, 512, 472

RECORD_NAMES = (
    "superblock", "calibration", "counters", "settings", "last_fault", "journal", "cartridges", "motion", "archive",
    "key", "clinic", "dates",
)  # fmt: skip
# Which pair of small slots a record lies in, where that is not its number; the last three are in second halves.
PLACES = {"archive": 6, "key": 2, "clinic": 4, "dates": 5}
HALVES = ("counters", "last_fault", "journal", "key", "clinic", "dates")
SCHEMAS = {"settings": 3, "last_fault": 2, "motion": 2}  # of the others: 1
SLOT_HEADER, SLOT_COMPLETE, SLOT_WRITING = 16, 0xA5, 0x57

EVENT_NAMES = {
    1: "boot", 2: "state", 3: "fault", 4: "cleared", 5: "session_start", 6: "session_end", 7: "cartridge",
    8: "trigger", 9: "note", 10: "released", 11: "archived", 12: "space", 13: "archive", 14: "erased", 15: "unlock",
    16: "exported", 17: "access", 18: "clinic_limit", 19: "clock_set", 20: "operator", 21: "restarted",
    22: "memory",
    24: "calibration", 25: "slot",
}  # fmt: skip
END_NAMES = {1: "user", 2: "time_limit", 3: "fault", 4: "power_lost", 5: "cartridge", 6: "journal_full",
             7: "stroke_limit"}  # fmt: skip
FLAG_NAMES = ("slip", "fault", "partial", "clipped")
FLAG_SLIP, FLAG_PARTIAL = 1, 4
NEEDLES = 12

BLOCK_MAGIC, END_MARK = 0xB5, 0x5A
KIND_SESSION, KIND_CONTINUED = 1, 2
FIRST_WORD = {KIND_SESSION: 32, KIND_CONTINUED: 8}
BLOCK_WORDS = 128
SESSION_STROKES_MAX = 96 + (BLOCK_COUNT - 1) * 120  # one session in the whole ring
COMMANDED_MAX_UM, PERIOD_MAX_US = 4095, 1_048_575
HEAD_FORMATS = (0, 2, 3, 4)
HEAD_WITH_FLAGS, HEAD_SUPERVISED = 3, 1
CLIENT_MAX = 999_999
HEAD_AT, HEAD_BYTES, TAIL_AT, TAIL_BYTES = 32, 64, 96, 32
MARK_PRESENT, MARK_STATE, MARK_PERIOD, MARK_COARSE = 0x80, 0x40, 0x20, 0x10

CALIBRATION_KEYS = (
    "offset_um", "scale_ppm", "backlash_um", "travel_um", "date_days", "due_days", "calibration_id",
    "gauge_id", "technician",
)  # fmt: skip
WAY_KEY, WAY_UNIT_UM = "way_um", 6  # of a calibration; left out where it is not on record
COUNTER_KEYS = ("strokes", "sessions", "boots", "counted_session")
MOTION_KEYS = ("speed_um_s", "accel_mm_s2", "jerk_mm_s3", "coast_mm_s2")
COAST_MM_S2 = 4000  # of a pen whose motion record is of schema 1
SETTING_KEYS = ("session_limit_s", "depth_limit_um", "buzzer")
ARCHIVE_KEYS = ("entries", "oldest", "exported", "archived_blocks", "digest")
LAST_FAULT_KEYS = ("code", "boot", "uptime_ms", "service_code", "service_boot")
CODE_PRESSES, CODE_HASH_BYTES, CODE_SALT_BYTES = 8, 16, 8
RING_ROMS = 120
KEY_BYTES = 32
CLINIC_ZONES, CLINIC_LIMITS_UM = 13, (0, *range(100, 2501))


def _crc8_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value << 1) ^ (0x107 if value & 0x80 else 0)
        table.append(value)
    return table


_CRC8 = _crc8_table()


def crc8(data: bytes, seed: int = 0xFF) -> int:
    for byte in data:
        seed = _CRC8[seed ^ byte]
    return seed


def crc16(data: bytes, seed: int = 0xFFFF) -> int:
    return binascii.crc_hqx(data, seed)


def text(raw: bytes) -> str:
    """An ASCII field padded with NUL; every byte that is not printable ASCII becomes U+FFFD.

    So a damaged or hostile image puts no control sequence into a terminal, a table or a file name.
    """
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "\ufffd" for byte in raw.rstrip(b"\0"))


def slot_span(record_id: int, slot: int) -> tuple[int, int]:
    """(address, size) of a slot."""
    name = RECORD_NAMES[record_id]
    if name == "cartridges":
        return CARTRIDGE_BASE + slot * CARTRIDGE_SLOT_BYTES, CARTRIDGE_SLOT_BYTES
    address = (2 * PLACES.get(name, record_id) + slot) * SMALL_SLOT_BYTES
    if name not in HALVES:
        return address, SMALL_SLOT_BYTES
    return address + (HALF_SLOT_BYTES if name in PLACES else 0), HALF_SLOT_BYTES


def schema_of(name: str) -> int:
    """The schema that a record is written with."""
    return SCHEMAS.get(name, 1)


@dataclass(frozen=True)
class Problem:
    """Something that could not be read. `at`: its byte address, None where it has no single place; in the FRAM, or in
    `file` of the archive in the flash.

    `lost` says in words what is missing because of it; `lost_strokes` counts the strokes among it, None when the
    image does not tell how many there were. `session`: whose it was, None when it was no session's.
    """

    what: str
    at: int | None = None
    lost: str = "nothing"
    lost_strokes: int | None = 0
    session: int | None = None
    file: str | None = None

    def __str__(self) -> str:
        return self.what if self.session is None else f"session {self.session}: {self.what}"


def total_lost(problems: list[Problem]) -> int | None:
    """Strokes lost to all of them together; None when one of them does not tell."""
    lost = [problem.lost_strokes for problem in problems]
    return None if None in lost else sum(count or 0 for count in lost)


@dataclass(frozen=True)
class Record:
    """status: ok, empty, recovered, corrupt, newer. `values` is None unless ok or recovered."""

    status: str
    values: dict[str, Any] | None = None
    schema: int = 0


@dataclass(frozen=True)
class Event:
    """`sequence` counts from the pen's first event; `uptime_ms` from power-on of boot `boot`."""

    sequence: int
    boot: int
    uptime_ms: int
    kind: int
    a: int
    b: int

    @property
    def name(self) -> str:
        return EVENT_NAMES.get(self.kind, f"kind {self.kind}")


@dataclass(frozen=True, slots=True)
class Stroke:
    """`sequence` 1.. in the session. `exact` False: achieved_um is rounded deeper, by less than 32 um."""

    sequence: int
    zone_id: int
    commanded_um: int
    achieved_um: int
    period_us: int
    flags: int
    exact: bool = True

    @property
    def flag_names(self) -> list[str]:
        return [name for bit, name in enumerate(FLAG_NAMES) if self.flags >> bit & 1]

    def as_record(self) -> dict[str, Any]:
        """The stroke as a row for tables, flags by name."""
        return {
            "sequence": self.sequence, "zone": self.zone_id, "commanded_um": self.commanded_um,
            "achieved_um": self.achieved_um, "period_us": self.period_us, "flags": self.flag_names,
        }  # fmt: skip


@dataclass(frozen=True)
class Head:
    """What was known when the session began. `wall_s`: seconds since 2000-01-01 UTC, 0 = clock not set.

    `client`: the practice's number for the client, 0 = none. `supervised`: a supervisor unlocked the zone's higher
    cap; None in the formats that did not say.
    """

    pen_serial: str
    cartridge_rom: bytes
    operator: str
    firmware_version: int
    calibration_id: int
    zone_id: int
    indication_id: int
    boot: int
    uptime_ms: int
    wall_s: int
    client: int = 0
    supervised: bool | None = None


@dataclass(frozen=True)
class Tail:
    """Totals at the end. After power_lost, `boot` and `uptime_ms` are those of the start that found out.

    `faults` counts the faults latched during the session, `fault_codes` are the first three of them. `strokes` are all
    on record, `partials` of them cut short (255 stands for more).
    """

    strokes: int
    slips: int
    worst_error_um: int
    reason: int
    fault_code: int
    uptime_ms: int
    boot: int
    faults: int = 0
    fault_codes: tuple[int, ...] = ()
    partials: int = 0

    @property
    def reason_name(self) -> str:
        return END_NAMES.get(self.reason, f"reason {self.reason}")


@dataclass
class Session:
    """`tail` None: still open, cut off and no start since, or unreadable (then a problem says so)."""

    number: int
    head: Head | None = None
    tail: Tail | None = None
    strokes: list[Stroke] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def finished(self) -> int:
        """Finished strokes that were read: those that no stop cut short."""
        return sum(not stroke.flags & FLAG_PARTIAL for stroke in self.strokes)

    @property
    def punctures(self) -> int:
        """Of the strokes that were read, finished or partial: each needle of those that stood out past the plane."""
        return NEEDLES * sum(stroke.achieved_um > 0 for stroke in self.strokes)

    @property
    def lost_strokes(self) -> int | None:
        """Strokes of it that were made and cannot be read; None when the image does not tell how many."""
        return total_lost(self.problems)


@dataclass
class Image:
    """`problems` holds those of every session too. `notes`: what is not damage but the trace of a power cut.

    `archive_entries`: how many entries of the archive were read, None when no flash was.
    """

    pen_serial: str = ""
    records: dict[str, Record] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    archive_entries: int | None = None

    @property
    def provisioned(self) -> bool:
        return bool(self.pen_serial)
