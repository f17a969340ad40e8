"""Runs the sweep of the home line on this machine's cores, and adds it up."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pen.processes import on_processes
from pen.tables_page import PageTable, write_page
from sim.campaign.sweep import LENGTHS, MORE_LENGTHS, Lie, passages, run_share

RULES = ("depth", "rest", "service", "claim", "flash", "dark")
SHORT = {"depth": "past the bound", "rest": "left out", "service": "sent to service"}

@dataclass
class Swept:
    """All lies and what they add up to."""

    lies: list[Lie]
    wall_s: float
    workers: int
    every_ms: int
    whole: bool = True
    names: tuple[str, ...] = ()  # of the passages that were asked for; all of them if empty

    @property
    def unmet(self) -> list[str]:
        """Passages that were asked for and never came about: nothing was shown of them."""
        met = {lie.passage for lie in self.lies}
        return [one.name for one in passages() if (not self.names or one.name in self.names) and one.name not in met]

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

    def tables(self) -> list[PageTable]:
        """What came of it by passage, by what was done and by how long, and by both."""
        columns = [SHORT.get(rule, rule) for rule in (*RULES, "other")]
        by_passage = PageTable("By passage", ["passage", "runs", *columns, "furthest over its bound, um"], bad=columns)
        for row in self.rows():
            kinds = row["kinds"]
            other = sum(count for rule, count in kinds.items() if rule not in RULES)
            counts = [kinds.get(rule, 0) for rule in RULES] + [other]
            by_passage.rows.append([row["passage"], row["runs"], *counts, row["worst_over_um"]])
        by_passage.rows += [[name, 0, *[0] * len(columns), None] for name in self.unmet]
        done = {tuple(lie.what.partition(":")[::2]) for lie in self.lies}
        order = list(MORE_LENGTHS)
        kinds = sorted(done, key=lambda kind: (kind[0], order.index(kind[1]) if kind[1] in order else -1))
        found = [by_passage]
        by_kind = PageTable("By what was done, and for how long", ["what", "for", "runs", *columns], bad=columns)
        for what, length in kinds:
            lies = [lie for lie in self.lies if lie.what == (f"{what}:{length}" if length else what)]
            rules = Counter(text.partition(":")[0] for lie in lies for text in lie.violations)
            other = sum(count for rule, count in rules.items() if rule not in RULES)
            by_kind.rows.append([what, length, len(lies), *(rules.get(rule, 0) for rule in RULES), other])
        found.append(by_kind)
        if len(kinds) <= 2 * len(LENGTHS):
            found.append(self._matrix(kinds))
        return found

    def _matrix(self, kinds: list[tuple[str, ...]]) -> PageTable:
        names = [f"{what}:{length}" for what, length in kinds]
        table = PageTable("Runs that violated a rule, of runs", ["passage", *names])
        for row in self.rows():
            cells = []
            for name in names:
                lies = [lie for lie in self.lies if lie.passage == row["passage"] and lie.what == name]
                cells.append(f"{sum(bool(lie.violations) for lie in lies)} of {len(lies)}")
            table.rows.append([row["passage"], *cells])
        return table

    def write_page(self, path: Path) -> None:
        """The report."""
        figures = self.figures
        tiles = {
            "runs": figures["runs"], "violations": figures["violations"],
            "tip past the bound": figures["tip_past_the_bound"], "needles left out": figures["needles_left_out"],
            "sent to service": figures["sent_to_service"],
            "furthest over a homing's bound, um": figures["worst_over_um"]}
        undone = [] if self.whole else ["It was stopped before its end."]
        undone += [f"Never met: {', '.join(self.unmet)}."] if self.unmet else []
        about = (
            f"Something goes wrong every {self.every_ms} ms of each motion, in a copy of the run. After it a user "
            "waits until the pen rests and presses SELECT, three times at most.")
        failures = [(f"pen sweep --replay '{lie.id}'", lie.violations) for lie in self.failures]
        write_page(path, "The sweep", about, tiles, self.tables(), failures, " ".join(undone))

    def write_json(self, path: Path) -> None:
        content = {"figures": self.figures, "passages": self.rows(), "lies": [lie.as_dict() for lie in self.lies]}
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def run_sweep(
    workers: int, every_ms: int, firmware: Path, names: tuple[str, ...] = (), told: Callable[[Lie], None] | None = None,
    anything: bool = False, known: Sequence[Lie] = (),
) -> Swept:
    """Every lie but the `known` ones, which are taken over; `whole` is false if a process died or was stopped."""
    began = time.perf_counter()
    lies: list[Lie] = list(known)
    ids = frozenset(lie.id for lie in known)

    def heard(lie: Lie) -> None:
        lies.append(lie)
        if told is not None:
            told(lie)

    whole = on_processes(
        workers, lambda i, put: run_share(every_ms, (i, workers), firmware, names, put, anything, ids), heard)
    order = {passage.name: i for i, passage in enumerate(passages())}
    lies.sort(key=lambda lie: (order[lie.passage], lie.ms, lie.what))
    return Swept(lies, time.perf_counter() - began, workers, every_ms, whole, names)
