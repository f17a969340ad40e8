"""A whole pen on the emulated chip: how long it takes to start, what it leaves of the heap, how late its loop is.

`make bench` looks at a quarter of a minute of strokes; `make bench-session` at as many as half an hour without a pause
has, at the rate that a pen begins with.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from sim.run import Simulation
from sim.scenario import Scenario, parse
from sim.silicon.tier import started
from sim.silicon.uf2 import LEFT_OUT, find_uf2
from sim.silicon.world import ChipWorld
from sim.space import shim
from tools.firmware_image import build, installed

PROBE = Path(__file__).with_name("chip_pen.py")
ZONES = shim("depth").ZONES


class Strokes(NamedTuple):
    """What a session is made of. The pen lets a pass last half a minute."""

    zone: str
    indication: str
    depth_um: int
    rate_hz: int
    passes: int
    pass_ms: int


FEW = Strokes("forehead", "wrinkles", 1000, 20, 4, 4000)
# shallow and quick, because the emulation takes its time for each step
HALF_HOUR = Strokes("cheek", "absorption", 200, 30, 30, 20_000)
HALF_HOUR_STROKES = 1800 * next(zone.rate_min_mhz for zone in ZONES if zone.key == HALF_HOUR.zone) // 1000


def session(strokes: Strokes) -> Scenario:
    """The clinic lets it last an hour, so that it does not end before its passes do."""
    hands: list[dict[str, Any]] = [
        {"do": "open_session"}, {"do": "set_depth", "depth_um": strokes.depth_um},
        {"do": "set_rate", "rate_hz": strokes.rate_hz}]
    hands += [{"do": "pass", "ms": strokes.pass_ms}] * strokes.passes
    return parse({
        "title": "strokes", "pen": {"session_limit_s": 3600}, "hands": hands,
        "treatment": {"zone": strokes.zone, "indication": strokes.indication},
        "limit_s": 60.0 + strokes.passes * (strokes.pass_ms / 1000 + 4)}, "strokes", "benchmark")


def life_on_chip(strokes: Strokes = FEW, tell: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Heap in bytes, each time after a collection; times by the chip's own clock. `tell` has each line as it comes."""
    if find_uf2() is None:
        return {"left out": LEFT_OUT}
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), probes=(PROBE,))
        files = installed(Path(folder)) | {"/main.py": (Path(folder) / PROBE.name).read_bytes()}
    simulation = Simulation(session(strokes), "silicon")
    world = simulation.world
    assert isinstance(world, ChipWorld)
    chip = started(world, files)
    tested_s = chip.now_ns / 1e9
    world.plug(chip)
    chip.on_line = tell
    began, began_s = time.perf_counter(), chip.now_ns / 1e9
    result = simulation.run().result
    wall_s = time.perf_counter() - began
    said = [line.split() for line in chip.text.splitlines()]
    rests = [[int(word) for word in words[1:]] for words in said if words[0] == "rest"]
    if not rests or any(not row["held"] for row in result["expectations"]):
        raise RuntimeError(f"the pen on the chip made no strokes; it said:\n{chip.text}\n{result}")
    up, ready = (int(next(words for words in said if words[0] == word)[1]) / 1000 for word in ("up", "ready"))
    stroked = [row for row in rests if row[0]]
    return {
        "power_to_self_test_s": round(tested_s, 1), "power_to_loop_s": up, "power_to_ready_with_a_cartridge_s": ready,
        "heap_free": {" ".join(words[2:]): int(words[1]) for words in said if words[0] == "heap"},
        "heap_free_by_strokes": {row[0]: row[1] for row in stroked}, "largest_lateness_us": rests[-1][2],
        "late_starts": rests[-1][3], "strokes": result["strokes"],
        "emulated_s_per_wall_s": round((chip.now_ns / 1e9 - began_s) / wall_s, 2)}


FIGURES = {"life_on_chip": life_on_chip}


def main() -> None:
    """`make bench-session`."""
    if find_uf2() is None:
        sys.exit(LEFT_OUT)
    print(f"{HALF_HOUR_STROKES} strokes on the emulated chip, about five a second here. At each rest of the needles:")
    print("strokes, bytes free, latest start of a task in us, late starts", flush=True)
    found = life_on_chip(HALF_HOUR, lambda line: print(line, flush=True))
    print(json.dumps(found, indent=2))
    if found["strokes"] != HALF_HOUR_STROKES:
        sys.exit(f"{HALF_HOUR_STROKES} strokes were to be made, it made {found['strokes']}")


if __name__ == "__main__":
    main()
