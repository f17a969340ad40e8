"""The frozen images of tests/fixtures, and what has to be found in each."""

import hashlib
import json
import lzma
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
NAMES = sorted(path.name.removesuffix(".fram.xz") for path in FIXTURES.glob("*.fram.xz"))
STROKE_SUMS = ("zone_id", "commanded_um", "achieved_um", "period_us", "flags")


def image(name: str) -> bytes:
    """The whole chip."""
    return lzma.decompress((FIXTURES / f"{name}.fram.xz").read_bytes())


def flash(name: str) -> bytes | None:
    """The filesystem of the flash, where it was frozen too."""
    path = FIXTURES / f"{name}.flash.xz"
    return lzma.decompress(path.read_bytes()) if path.exists() else None


def content(name: str) -> dict:
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def events(found) -> dict:
    """What identifies a list of events."""
    rows = [[e.sequence, e.kind, e.a, e.b, e.boot, e.uptime_ms] for e in found]
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    return {"count": len(rows), "first": rows[:1], "last": rows[-1:], "sha256": digest}


def sums(session) -> list[int]:
    return [sum(getattr(stroke, name) for stroke in session.strokes) for name in STROKE_SUMS]


def fields(found, wanted: dict | None) -> dict | None:
    """The fields of `found` that `wanted` names, bytes as hex; None stays None."""
    if found is None or wanted is None:
        return None
    values = {name: getattr(found, name) for name in wanted}
    return {name: _plain(value) for name, value in values.items()}


def _plain(value):
    """As JSON has it."""
    return value.hex() if isinstance(value, bytes) else list(value) if isinstance(value, tuple) else value
