"""`make bench`: runs the benchmarks, prints a table, writes the figures as JSON.

Ratios and counts, because machines differ and are noisy; wall times are the median of several runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pen.campaign_runner import local_cluster, run_cases
from sim.campaign.cases import whole
from sim.exhaust.check import check
from sim.exhaust.subject import Firmware
from sim.run import Simulation
from sim.scenario import load
from sim.space import ROOT
from sim.tiers import find_micropython, run_micropython

RUNS = 5
CHEEK = "zone_cheek"
PROBE = Path(__file__).parent / "vm" / "vm_probe.py"  # apart: a VM looks for modules beside its script first


def speed() -> dict[str, float]:
    """Simulated seconds per second of a cheek session on the cpython tier, full physics, nothing left out."""
    Simulation(load(CHEEK)).run()  # compiles the plant's kernel
    by_wall, by_cpu = [], []
    for _ in range(RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        sim_s = Simulation(load(CHEEK)).run().result["sim_s"]
        by_wall.append(sim_s / (time.perf_counter() - wall))
        by_cpu.append(sim_s / (time.process_time() - cpu))
    return {
        "simulated_s_per_wall_s": round(statistics.median(by_wall), 1),
        "simulated_s_per_cpu_s": round(statistics.median(by_cpu), 1)}


def passes() -> dict[str, int]:
    """The scheduler while strokes run, on a MicroPython VM: what a pass allocates, and how late tasks started."""
    said: list[str] = []
    simulation = Simulation(load(CHEEK))
    run_micropython(simulation.world, PROBE, said)
    lines = [line.split()[1:] for line in said[0].splitlines() if line.startswith("PROBE")]
    if not lines:
        raise RuntimeError(f"the probe made no strokes; it printed:\n{said[0]}")
    moving, heavy, grown, overruns, late_us = (int(word) for word in lines[-1])
    return {
        "passes_while_moving": moving, "passes_that_allocated": heavy, "bytes_allocated": grown,
        "overruns": overruns, "worst_late_us": late_us}


def exhaustion() -> dict[str, object]:
    """The checker: states, transitions and rules of the safety core and the treatment, and the CPU seconds it took."""
    result = check(Firmware()).table()
    named = ("states", "transitions", "session_states", "session_transitions", "evidence_states",
             "evidence_transitions", "rules")
    counts = {name: result[name] for name in named}
    cells = f"{result['cells']['exercised']} of {result['cells']['all']}"
    return {"checker": counts, "checker_table_cells": cells, "checker_rules_checked": result["rules_checked"],
            "checker_violations": len(result["findings"]), "checker_cpu_s": result["seconds"]}  # fmt: skip


def campaign() -> dict[str, int]:
    """Runs a minute of a short campaign, on one worker process and on two, once they are warm."""
    cases, rates = whole()[::150], {}
    for workers in (1, 2):
        with local_cluster(workers) as client:
            run_cases(client, cases[: 4 * workers], batch=2)
            began = time.perf_counter()
            run_cases(client, cases, batch=4)
            rates[f"campaign_runs_per_minute_{workers}"] = round(60 * len(cases) / (time.perf_counter() - began))
    return rates


def demo() -> dict[str, float]:
    """Wall seconds of what `make demo` runs after set-up."""
    pen = Path(sys.executable).with_name("pen")
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        subprocess.run([pen, "run", "treatment", "--out", out], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return {"demo_wall_s": round(time.perf_counter() - began, 1)}


def _print(figures: dict[str, object], public: dict[str, tuple[str, str]]) -> None:
    """The figures as a table, each of motion beside the best public one that can be named."""
    table = Table("figure", "value", "best public figure, and where", title="Benchmarks", show_lines=True)
    for name, value in figures.items():
        text, source = public.get(name, ("", ""))
        table.add_row(name, _flat(value), f"{text}\n[dim]{source}[/dim]" if text else "")
    Console().print(table)


def _flat(value: object) -> str:
    """A nested result in lines; long lists of single runs stay in the JSON."""
    if not isinstance(value, dict):
        return str(value)
    lines = []
    for key, item in value.items():
        if (isinstance(item, dict) and len(item) > 5) or item == []:
            continue
        inner = ", ".join(f"{k} {v}" for k, v in item.items()) if isinstance(item, dict) else str(item)
        lines.append(f"{key}: {inner}")
    return "\n".join(lines)


def _measured(name: str, measure: Callable[[], Any]) -> Any:
    """What `measure` found, and a line that tells how far the whole is."""
    began = time.perf_counter()
    found = measure()
    print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    return found


def _write(out: Path, figures: dict[str, object]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"))
    out = parser.parse_args().out
    figures: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"}
    first = {"speed": speed, "passes": passes, "demo": demo, "exhaustion": exhaustion, "campaign": campaign}
    if find_micropython() is None:
        print("micropython tier left out: no VM found (PEN_MICROPYTHON names one)")
        del first["passes"]
    for name, measure in first.items():
        figures |= _measured(name, measure)
        _write(out, figures)
    from tools.bench import (  # bring an emulator in, which would weigh on the figures above
        archive,
        calibration,
        chip_life,
        console,
        flash,
        hands,
        motion,
        reading,
    )

    sets = (
        archive.FIGURES | calibration.FIGURES | console.FIGURES | flash.FIGURES | chip_life.FIGURES | motion.FIGURES
        | reading.FIGURES | hands.FIGURES)
    for name, measure in sets.items():
        figures[name] = _measured(name, measure)
        _write(out, figures)
    _print(figures, motion.PUBLIC | reading.PUBLIC)


if __name__ == "__main__":
    main()
