"""A whole pen on the emulated chip: how long it takes to start, what it leaves of the heap, how late its loop is."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from sim.run import Simulation
from sim.scenario import Scenario, parse
from sim.silicon.tier import started
from sim.silicon.uf2 import LEFT_OUT, find_uf2
from sim.silicon.world import ChipWorld
from tools.firmware_image import build, installed

PROBE = Path(__file__).with_name("chip_pen.py")
RATE_HZ, DEPTH_UM = 20, 1000
PASS_MS, PASSES = 4000, 4


def session(passes: int = PASSES) -> Scenario:
    """A forehead, 1.00 mm deep, in passes of four seconds at 20 Hz."""
    hands = [{"do": "open_session"}, {"do": "set_depth", "depth_um": DEPTH_UM}, {"do": "set_rate", "rate_hz": RATE_HZ}]
    hands += [{"do": "pass", "ms": PASS_MS}] * passes
    return parse({
        "title": "strokes", "treatment": {"zone": "forehead", "indication": "wrinkles"}, "hands": hands,
        "limit_s": 60.0 + passes * (PASS_MS / 1000 + 2)}, "strokes", "benchmark")


def life_on_chip(passes: int = PASSES) -> dict[str, Any]:
    """Heap in bytes, each time after a collection; times by the chip's own clock."""
    if find_uf2() is None:
        return {"left out": LEFT_OUT}
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), probes=(PROBE,))
        files = installed(Path(folder)) | {"/main.py": PROBE.read_bytes()}
    simulation = Simulation(session(passes), "silicon")
    world = simulation.world
    assert isinstance(world, ChipWorld)
    chip = started(world, files)
    tested_s = chip.now_ns / 1e9
    world.plug(chip)
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
