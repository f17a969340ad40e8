"""Freezes a pen's memories as a fixture: `python tests/storage/freeze.py NAME FRAM FLASH`, from the project's root.

FRAM and FLASH are what `pen run --out` leaves. Look at the JSON that it writes by hand: from then on reader and
firmware are held to it. It refuses a name that there is.
"""

import json
import lzma
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT), str(ROOT / "tools"), str(Path(__file__).parent)]

import frozen  # noqa: E402

from penimage.merge import read_pen  # noqa: E402

HEAD = ("pen_serial", "cartridge_rom", "operator", "firmware_version", "calibration_id", "zone_id", "indication_id",
        "boot", "uptime_ms", "wall_s", "client", "supervised")  # fmt: skip
TAIL = ("strokes", "slips", "worst_error_um", "reason", "fault_code", "uptime_ms", "boot", "faults", "fault_codes",
        "partials")


def content(fram: bytes, flash: bytes) -> str:
    """What has to be found in them, a session a line."""
    image = read_pen(fram, flash)
    records = {name: {"status": record.status, "schema": record.schema, "values": record.values}
               for name, record in image.records.items()}
    sessions = [
        {"number": session.number, "head": frozen.fields(session.head, dict.fromkeys(HEAD)),
         "tail": frozen.fields(session.tail, dict.fromkeys(TAIL)), "strokes": len(session.strokes),
         "sum": frozen.sums(session)}
        for session in image.sessions]
    lines = [f' "pen_serial": {json.dumps(image.pen_serial)}', f' "records": {json.dumps(records)}',
             f' "events": {json.dumps(frozen.events(image.events))}',
             f' "problems": {json.dumps([problem.what for problem in image.notes + image.problems])}',
             ' "sessions": [\n  ' + ",\n  ".join(map(json.dumps, sessions)) + "\n ]"]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(name: str, fram: str, flash: str) -> None:
    if name in frozen.NAMES:
        sys.exit(f"{name} is frozen already: images are only ever added")
    memories = {"fram": Path(fram).read_bytes(), "flash": Path(flash).read_bytes()}
    for kind, data in memories.items():
        (frozen.FIXTURES / f"{name}.{kind}.xz").write_bytes(lzma.compress(data, preset=9))
    (frozen.FIXTURES / f"{name}.json").write_text(content(**memories), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
