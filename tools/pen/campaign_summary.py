"""A campaign in figures: totals, one row for each fault, one cell for each fault in each phase; JSON of it all.

Invariants: every outcome is in exactly one cell; a figure that nothing measured is None, never 0.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.campaign.moments import PHASES
from sim.campaign.table import FAULTS
from sim.campaign.verdict import Outcome

PAIRS_ROW = "two faults"


@dataclass
class Cell:
    """What came of the cases of one fault in one phase."""

    runs: int = 0
    violations: int = 0
    named: int = 0

    @property
    def look(self) -> str:
        """Which of four looks it has in the report."""
        if not self.runs:
            return "none"
        if self.violations:
            return "bad"
        return "named" if self.named == self.runs else "part" if self.named else "calm"


@dataclass
class Row:
    """What came of all cases of one fault."""

    fault: str
    about: str = ""
    runs: int = 0
    violations: int = 0
    needed: int = 0
    named_of_needed: int = 0
    worst_over_um: float | None = None
    worst_detected_ms: float | None = None
    worst_stopped_ms: float | None = None
    names: Counter[str] = field(default_factory=Counter)
    cells: dict[str, Cell] = field(default_factory=lambda: {phase: Cell() for phase in PHASES})

    def add(self, outcome: Outcome) -> None:
        cell = self.cells[outcome.phase]
        bad = bool(outcome.violations)
        for counted in (self, cell):
            counted.runs += 1
            counted.violations += bad
        cell.named += bool(outcome.named)
        self.needed += outcome.needed
        self.named_of_needed += outcome.needed and bool(outcome.named)
        if outcome.named:
            self.names[outcome.named] += 1
        self.worst_over_um = _worse(self.worst_over_um, outcome.over_um)
        self.worst_detected_ms = _worse(self.worst_detected_ms, outcome.detected_ms)
        self.worst_stopped_ms = _worse(self.worst_stopped_ms, outcome.stopped_ms)


def _worse(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)


@dataclass
class Campaign:
    """All outcomes and what they add up to."""

    outcomes: Sequence[Outcome]
    wall_s: float
    workers: int
    rows: list[Row]

    @property
    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.violations]

    @property
    def figures(self) -> dict[str, Any]:
        """Totals, as the JSON has them."""
        singles = [row for row in self.rows if row.fault != PAIRS_ROW]
        needed = sum(row.needed for row in singles)
        runs = len(self.outcomes)
        return {
            "runs": runs, "single_faults": len(singles), "single_runs": sum(row.runs for row in singles),
            "pair_runs": runs - sum(row.runs for row in singles), "violations": len(self.failures),
            "single_faults_to_be_named": needed,
            "single_faults_named_percent": round(
                100 * sum(row.named_of_needed for row in singles) / needed, 2) if needed else None,
            "worst_over_um": max((o.over_um for o in self.outcomes), default=None),
            "worst_stopped_ms": max((o.stopped_ms for o in self.outcomes if o.stopped_ms is not None), default=None),
            "simulated_s": round(sum(o.sim_s for o in self.outcomes)), "wall_s": round(self.wall_s, 1),
            "workers": self.workers, "runs_per_minute": round(60 * runs / self.wall_s) if self.wall_s else None,
        }


def add_up(outcomes: Iterable[Outcome], wall_s: float, workers: int) -> Campaign:
    """Sort outcomes into rows: faults in the order of the table, pairs last."""
    kept = list(outcomes)
    rows = {name: Row(name, fault.why) for name, fault in FAULTS.items()}
    rows[PAIRS_ROW] = Row(PAIRS_ROW, "sampled pairs, by the phase of the first")
    for outcome in kept:
        rows[PAIRS_ROW if "+" in outcome.fault else outcome.fault].add(outcome)
    return Campaign(kept, wall_s, workers, [row for row in rows.values() if row.runs])


def write_json(campaign: Campaign, path: Path) -> None:
    """Figures, a summary by fault and every outcome; one object."""
    content = {
        "figures": campaign.figures,
        "faults": [
            {"fault": row.fault, "runs": row.runs, "violations": row.violations, "to_be_named": row.needed,
             "named": row.named_of_needed, "names": dict(row.names), "worst_over_um": row.worst_over_um,
             "worst_detected_ms": row.worst_detected_ms, "worst_stopped_ms": row.worst_stopped_ms,
             "phases": {phase: {"runs": cell.runs, "violations": cell.violations, "named": cell.named}
                        for phase, cell in row.cells.items() if cell.runs}}
            for row in campaign.rows],
        "cases": [outcome.as_dict() for outcome in campaign.outcomes],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
