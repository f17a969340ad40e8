"""The figures of reading records outside the pen, as plain dicts, and beside each the best public one there is.

Nothing here prints. FIGURES names the functions in the order of the table; PUBLIC has one line for each of them.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from pen.log.dataset import export_dataset
from pen.log.files import export_csv, export_jsonl
from penimage.merge import read_pen
from sim.space import ROOT
from tools.bench.fuzz import FLASH_IMAGES, FRAM_IMAGES, fuzz_flash, fuzz_fram
from tools.fleet import Pen, fleet

sys.path[:0] = [str(ROOT / "tests" / "log")]
from archive_maker import disk, entries_of, identity  # noqa: E402

RUNS = 5
PENS = 1_000
STROKES = 18_000  # ten minutes at 30 Hz; three such sessions fill the journal


def export_rate() -> dict[str, Any]:
    """Strokes a second of the processor, from the raw image and from what was read of it, for each format.

    Median of RUNS; all that works does so in this process, so that its time says the same on a busy machine.
    """
    (_, raw), = fleet(1, sessions=3, strokes=STROKES, seed=3)
    image = read_pen(raw, None)
    strokes = sum(len(session.strokes) for session in image.sessions)

    def rate(job: Callable[[Path], Any]) -> int:
        seconds = []
        for _ in range(RUNS):
            with tempfile.TemporaryDirectory() as place:
                began = time.process_time()
                job(Path(place))
                seconds.append(time.process_time() - began)
        return round(strokes / statistics.median(seconds))

    return {
        "strokes": strokes, "read_per_s": rate(lambda _: read_pen(raw, None)),
        "parquet_per_s": rate(lambda place: export_dataset(image, place)),
        "csv_per_s": rate(lambda place: export_csv(image, place)),
        "jsonl_per_s": rate(lambda place: export_jsonl(image, place / "all.jsonl")),
        "image_to_parquet_per_s": rate(lambda place: export_dataset(read_pen(raw, None), place))}


def fleet_query() -> dict[str, Any]:
    """The query of docs/records.md over a data set of PENS pens, read in place by DuckDB; median of RUNS."""
    documented = re.search(r"```sql\n(.*?)```", (ROOT / "docs/records.md").read_text(encoding="utf-8"), flags=re.S)
    if documented is None:
        raise RuntimeError("docs/records.md has no query")
    with tempfile.TemporaryDirectory() as place, duckdb.connect() as database:
        strokes = sum(
            export_dataset(read_pen(raw, None), Path(place)).strokes for _, raw in fleet(PENS, sessions=2, strokes=60))
        seconds = []
        for _ in range(RUNS):
            began = time.perf_counter()
            database.execute(documented[1].replace("out/fleet", place)).fetchall()
            seconds.append(time.perf_counter() - began)
        files = len(list(Path(place, "strokes").rglob("*.parquet")))
    return {"pens": PENS, "files": files, "strokes": strokes, "query_s": round(statistics.median(seconds), 2)}


def fuzzed() -> dict[str, Any]:
    """Damaged images read without a crash, of the FRAM and of the flash."""
    return {"fram": fuzz_fram(FRAM_IMAGES), "flash": fuzz_flash(*archived(), FLASH_IMAGES)}


def archived() -> tuple[bytes, bytes]:
    """(FRAM image, filesystem) of a pen with eight sessions in its archive only, and four more in the FRAM."""
    (serial, raw), = fleet(1, sessions=12, strokes=400, seed=4)
    files, _ = entries_of(raw, set(range(1, 9)))
    pen = Pen.of(raw)
    for _ in range(8):
        pen.journal.release_oldest(1)
    return bytes(pen.memory.data), disk(files | {"id": identity(serial)})


FIGURES: dict[str, Callable[[], dict[str, Any]]] = {
    "export_rate": export_rate, "fleet_query": fleet_query, "fuzzed": fuzzed}

PUBLIC: dict[str, tuple[str, str]] = {
    "export_rate": ("none found: no pen on the market exports strokes", "-"),
    "fleet_query": ("none found", "-"),
    "fuzzed": ("none found for a reader of a device's journal", "-"),
}
