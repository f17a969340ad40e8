"""What a run leaves for other programs: strokes.csv, one row a stroke, result.json, images of the pen's memories.

Invariants: a value that does not exist is an empty cell, never zero; the same run gives the same bytes.
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from sim.record import Run, StrokeTruth

COLUMNS: tuple[str, ...] = (
    "sequence", "time_s", "zone", "commanded_um", "achieved_um", "true_um", "error_um",
    "period_us", "rate_hz", "peak_force_n", "punctured", "flags",
)  # fmt: skip


def write_strokes(run: Run, path: Path | str) -> Path:
    """Write strokes.csv (UTF-8, RFC 4180 quoting, header line) and return its path.

    achieved_um is what the journal says (encoder), true_um what the plant did, error_um is achieved less
    commanded. A stroke missing from the journal has no sequence; a record without a stroke has no time.
    """
    path = Path(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(COLUMNS), lineterminator="\n")
        writer.writeheader()
        for record, stroke in run.pairs():
            writer.writerow({**_of_truth(stroke), **_of_journal(record)})
    return path


def write_result(run: Run, path: Path | str) -> Path:
    """Write result.json, the object `--json` prints, and return its path."""
    path = Path(path)
    path.write_text(result_text(run) + "\n", encoding="utf-8")
    return path


def write_image(run: Run, path: Path | str) -> Path:
    """Write the image of the pen's memory that is named as the file is, byte for byte, and return its path."""
    path = Path(path)
    path.write_bytes(run.images[path.name])
    return path


def result_text(run: Run) -> str:
    """Return the result as indented JSON; numpy numbers become plain, NaN raises ValueError (not JSON)."""
    return json.dumps(run.result, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)


def _of_truth(stroke: StrokeTruth | None) -> dict[str, Any]:
    if stroke is None:
        return {}
    return {
        "time_s": f"{stroke.t_start_us / 1e6:.6f}",
        "commanded_um": stroke.commanded_um,
        "true_um": f"{stroke.max_tip_um:.1f}",
        "peak_force_n": f"{stroke.peak_force_n:.3f}",
        "punctured": int(stroke.pierced),
    }


def _of_journal(record: dict[str, Any] | None) -> dict[str, Any]:
    if record is None:
        return {}
    period_us = record["period_us"]
    return {
        "sequence": record["sequence"],
        "zone": record["zone"],
        "commanded_um": record["commanded_um"],
        "achieved_um": record["achieved_um"],
        "error_um": record["achieved_um"] - record["commanded_um"],
        "period_us": period_us,
        "rate_hz": f"{1e6 / period_us:.3f}" if period_us else "",
        "flags": " ".join(record["flags"]),
    }


def _plain(value: Any) -> Any:
    """Turn numpy scalars and arrays into what JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no place in result.json")
