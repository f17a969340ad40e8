"""Sessions and strokes as a Parquet data set, partitioned by pen and date in the manner of Hive.

Invariants: exporting the same image again changes no file; a session is in the data set once, in the fullest copy
that was ever exported, so a damaged or emptied pen takes nothing away; a file is whole or not there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pen.log.rows import session_id, session_row
from penimage import Image, Session, names
from penimage.model import FLAG_NAMES

TABLES = ("strokes", "sessions")  # strokes first: a session that is listed has its strokes
PART = "part-0.parquet"
# DuckDB reads NULL, pandas and Arrow the word; Hive's own name for NULL leaves these two without a type where no clock
# was ever set, and they read nothing.
UNKNOWN = "null"
FORMAT = {b"pen.dataset": b"1"}


def _field(name: str, kind: pa.DataType, unit: str, meaning: str, null: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=null, metadata={"unit": unit, "meaning": meaning})


SESSIONS = pa.schema([
    _field("session_id", pa.string(), "", "the same for the same session in every export"),
    _field("pen_serial", pa.string(), "", "as on the pen", null=True),
    _field("session", pa.int64(), "", "number of the session on its pen, from 1"),
    _field("started_at", pa.timestamp("ms", "UTC"), "", "null: the pen's clock was not set", null=True),
    _field("boot", pa.int32(), "", "how often the pen had started, modulo 65536", null=True),
    _field("uptime_ms", pa.int64(), "ms", "since that start", null=True),
    _field("duration_ms", pa.int64(), "ms", "null: still open, or power was lost", null=True),
    _field("zone", pa.string(), "", "key of the zone", null=True),
    _field("indication", pa.string(), "", "key of the indication", null=True),
    _field("supervised", pa.bool_(), "", "a supervisor unlocked the zone's higher cap, null: not known", null=True),
    _field("client", pa.int32(), "", "the practice's number for the client, null: none", null=True),
    _field("operator", pa.string(), "", "the operator's tag, null: none", null=True),
    _field("cartridge_rom", pa.string(), "hex", "serial number of the cartridge's memory", null=True),
    _field("firmware", pa.string(), "", "version", null=True),
    _field("calibration_id", pa.int32(), "", "which calibration was in force", null=True),
    _field("strokes", pa.int32(), "", "finished ones, by the pen's own count, null: no end on record", null=True),
    _field("strokes_read", pa.int32(), "", "in the strokes table"),
    _field("strokes_lost", pa.int32(), "", "made and unreadable, null: cannot be told", null=True),
    _field("slips", pa.int32(), "", "strokes in which the motor lost steps"),
    _field("worst_error_um", pa.int32(), "um", "achieved less commanded, of largest size", null=True),
    _field("ended", pa.string(), "", "how, null: no end on record", null=True),
    _field("fault", pa.string(), "", "key of the fault that ended it, null: none", null=True),
    _field("faults", pa.int32(), "", "faults latched during the session", null=True),
    _field("intact", pa.bool_(), "", "nothing of it is damaged"),
], metadata=FORMAT)  # fmt: skip

STROKES = pa.schema([
    _field("session_id", pa.string(), "", "its session"),
    _field("session", pa.int64(), "", "number of the session on its pen"),
    _field("stroke", pa.int32(), "", "number in the session, from 1"),
    _field("zone", pa.string(), "", "key of the zone"),
    _field("commanded_um", pa.int32(), "um", "extension asked for"),
    _field("achieved_um", pa.int32(), "um", "extension by the encoder"),
    _field("period_us", pa.int32(), "us", "from this stroke's start to the next one's, kept to 8 us"),
    _field("slip", pa.bool_(), "", "the motor lost steps"),
    _field("fault", pa.bool_(), "", "a fault was raised during it"),
    _field("partial", pa.bool_(), "", "a stop cut it short"),
    _field("clipped", pa.bool_(), "", "a limit made it shallower than asked"),
    _field("exact", pa.bool_(), "", "false: achieved_um is rounded deeper, by less than 32 um"),
], metadata=FORMAT)  # fmt: skip

SCHEMAS = {"sessions": SESSIONS, "strokes": STROKES}


class DatasetError(Exception):
    """The data set cannot be added to; the message is one line for a person."""


@dataclass
class Outcome:
    """`sessions` and `strokes` exported; `kept`: sessions of which the data set has a fuller copy already."""

    sessions: int = 0
    strokes: int = 0
    kept: int = 0
    written: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class _Held:
    """A session as the data set has it."""

    identity: str
    number: int
    headless: bool
    worth: tuple[bool, int]
    partition: Path


def export_dataset(image: Image, root: Path, progress: Callable[[int], None] = lambda done: None) -> Outcome:
    """Adds the sessions of one pen to the data set in directory `root`, and makes it if need be.

    `progress` is called with the number of sessions done. DatasetError, OSError.
    """
    outcome = Outcome()
    pen = f"pen={quote(image.pen_serial, safe='') or UNKNOWN}"
    held = _held(root, pen)
    by_number: dict[int, list[_Held]] = {}
    for one in held.values():
        by_number.setdefault(one.number, []).append(one)
    fresh: dict[Path, list[Session]] = {}
    stale: dict[Path, set[str]] = {}
    for session in image.sessions:
        row = session_row(image, session)
        others = [held[row["session_id"]]] if row["session_id"] in held else []
        if session.head is None:
            others = by_number.get(session.number, [])  # whichever of them it is
        if any(one.worth > _worth(row) or (session.head is None and not one.headless) for one in others):
            outcome.kept += 1
            continue
        fresh.setdefault(_partition(pen, row), []).append(session)
        for one in [*others, *(one for one in by_number.get(session.number, []) if one.headless)]:
            stale.setdefault(one.partition, set()).add(one.identity)
    for partition in sorted({*fresh, *stale}):
        sessions = fresh.get(partition, [])
        for table in TABLES:
            rows = arrow_table(table, image, sessions)
            _put(root / table / partition / PART, SCHEMAS[table], rows, stale.get(partition, set()), outcome)
        outcome.sessions += len(sessions)
        outcome.strokes += sum(len(session.strokes) for session in sessions)
        progress(outcome.sessions + outcome.kept)
    return outcome


def _worth(row: dict[str, Any]) -> tuple[bool, int]:
    return row["ended"] is not None, row["strokes_read"]


def _partition(pen: str, row: dict[str, Any]) -> Path:
    date = row["started_at"].date().isoformat() if row["started_at"] else UNKNOWN
    return Path(pen, f"date={date}")


def _held(root: Path, pen: str) -> dict[str, _Held]:
    """The sessions of this pen that are in the data set, by identity."""
    found = {}
    for path in sorted((root / "sessions" / pen).glob(f"date=*/{PART}")):
        for row in _read(path, SESSIONS).to_pylist():
            partition = path.parent.relative_to(root / "sessions")
            found[row["session_id"]] = _Held(
                row["session_id"], row["session"], row["boot"] is None, _worth(row), partition)
    return found


def arrow_table(table: str, image: Image, sessions: list[Session]) -> pa.Table:
    """Rows of "sessions" or "strokes" for some sessions of a pen."""
    if table == "sessions":
        return pa.Table.from_pylist([session_row(image, session) for session in sessions], SESSIONS)
    strokes = [(session, stroke) for session in sessions for stroke in session.strokes]
    identities = {session.number: session_id(image.pen_serial, session) for session in sessions}
    columns: list[list[Any]] = [  # in one go each: a dict for every stroke takes four times as long
        [identities[session.number] for session, _ in strokes], [session.number for session, _ in strokes],
        [stroke.sequence for _, stroke in strokes], [names.zone(stroke.zone_id) for _, stroke in strokes],
        [stroke.commanded_um for _, stroke in strokes], [stroke.achieved_um for _, stroke in strokes],
        [stroke.period_us for _, stroke in strokes],
        *([bool(stroke.flags >> bit & 1) for _, stroke in strokes] for bit in range(len(FLAG_NAMES))),
        [stroke.exact for _, stroke in strokes],
    ]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, STROKES, strict=True)], schema=STROKES)


def _put(path: Path, schema: pa.Schema, rows: pa.Table, stale: set[str], outcome: Outcome) -> None:
    """Puts rows into a file in place of those of the same sessions and of the stale ones."""
    before = _read(path, schema) if path.exists() else None
    table = rows
    if before is not None:
        gone = pa.array(sorted(stale.union(rows["session_id"].unique().to_pylist())), pa.string())
        table = pa.concat_tables([before.filter(pc.invert(pc.is_in(before["session_id"], gone))), rows])
    keys = [(name, "ascending") for name in ("session", "session_id", "stroke") if name in schema.names]
    table = table.sort_by(keys).replace_schema_metadata(schema.metadata)
    if before is not None and table.equals(before):
        return
    if not len(table) and before is not None and "stroke" not in schema.names:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    pq.write_table(table, half, compression="zstd")
    os.replace(half, path)
    outcome.written.append(path)


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"cannot read {path}, which is in the data set: {error}") from None
    if not table.schema.equals(schema):
        raise DatasetError(f"{path} has other columns than this version writes; export into a new directory")
    return table
