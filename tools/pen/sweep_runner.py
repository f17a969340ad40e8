"""Runs the sweep of the home line on this machine's cores, and adds it up."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pen.processes import on_processes
from sim.campaign.sweep import Lie, passages, run_share


@dataclass
class Swept:
    """All lies and what they add up to."""

    lies: list[Lie]
    wall_s: float
    workers: int
    every_ms: int
    whole: bool = True

    @property
    def failures(self) -> list[Lie]:
        return [lie for lie in self.lies if lie.violations]

    def broken(self, rule: str) -> int:
        return sum(any(text.startswith(f"{rule}:") for text in lie.violations) for lie in self.lies)

    @property
    def figures(self) -> dict[str, Any]:
        """Totals, as the JSON has them."""
        return {
            "runs": len(self.lies), "every_ms": self.every_ms, "tip_past_the_bound": self.broken("depth"),
            "needles_left_out": self.broken("rest"), "sent_to_service": self.broken("service"),
            "violations": len(self.failures),
            "worst_over_um": max((lie.over_um for lie in self.lies), default=None), "wall_s": round(self.wall_s, 1),
            "workers": self.workers,
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row for each passage."""
        found = []
        for passage in passages():
            lies = [lie for lie in self.lies if lie.passage == passage.name]
            if lies:
                part = Swept(lies, 0, 0, self.every_ms)
                kinds = Counter(text.partition(":")[0] for lie in lies for text in lie.violations)
                found.append({
                    "passage": passage.name, "runs": len(lies), "violations": len(part.failures),
                    "kinds": dict(kinds), "worst_over_um": part.figures["worst_over_um"]})
        return found

    def write_json(self, path: Path) -> None:
        content = {"figures": self.figures, "passages": self.rows(), "lies": [lie.as_dict() for lie in self.lies]}
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def run_sweep(
    workers: int, every_ms: int, firmware: Path, names: tuple[str, ...] = (), told: Callable[[Lie], None] | None = None,
    anything: bool = False,
) -> Swept:
    """Every lie, on so many processes; a process that dies leaves `whole` false."""
    began = time.perf_counter()
    lies: list[Lie] = []

    def heard(lie: Lie) -> None:
        lies.append(lie)
        if told is not None:
            told(lie)

    whole = on_processes(
        workers, lambda i, put: run_share(every_ms, (i, workers), firmware, names, put, anything), heard)
    order = {passage.name: i for i, passage in enumerate(passages())}
    lies.sort(key=lambda lie: (order[lie.passage], lie.ms, lie.what))
    return Swept(lies, time.perf_counter() - began, workers, every_ms, whole)
