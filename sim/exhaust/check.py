"""One whole check: all three machines to closure, the bounds, the ways out, and what to say about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sim.exhaust import ways
from sim.exhaust.evidence import TEXTS as EVIDENCE_TEXTS
from sim.exhaust.evidence import Counters
from sim.exhaust.explorer import LEGAL, SAME, Explorer
from sim.exhaust.invariants import RULES
from sim.exhaust.paths import PathFile, call_text, core_path, session_path
from sim.exhaust.replay import timed
from sim.exhaust.session import TEXTS as SESSION_TEXTS
from sim.exhaust.session import Sessions
from sim.exhaust.subject import Firmware

TEXTS = {
    **{rule.name: rule.text for rule in RULES},
    LEGAL: "no call that the pen makes is an event that cannot be",
    SAME: "faults that are taken as one class behave alike",
    **ways.TEXTS, **SESSION_TEXTS, **EVIDENCE_TEXTS}  # fmt: skip

Progress = Callable[[str, int, int], None]  # what, done, known so far


class Finding(NamedTuple):
    """A broken rule with its shortest path; `path` is None if no real times lead along it."""

    rule: str
    text: str
    calls: list[str]
    path: PathFile | None


class Result(NamedTuple):
    """What a check found. `cells` are counts of the table's cells, `forced` those that no call reaches."""

    states: int
    transitions: int
    session_states: int
    session_transitions: int
    evidence_states: int
    evidence_transitions: int
    checks: dict[str, int]
    cells: dict[str, int]
    forced: list[tuple[str, str]]
    rounds_released: int
    rounds_faulted: int
    seconds: float
    findings: list[Finding]

    def table(self) -> dict[str, Any]:
        """For `--json` and the benchmark; without paths."""
        row = self._asdict()
        row["findings"] = [{"rule": item.rule, "text": item.text, "calls": item.calls} for item in self.findings]
        return row | {"rules": len(self.checks), "rules_checked": sum(self.checks.values())}


def check(firmware: Firmware, progress: Progress = lambda what, done, known: None) -> Result:
    """Explore everything and judge it."""
    began = time.process_time()
    explorer = Explorer(firmware)
    explorer.run(lambda done, known: progress("Safety core", done, known))
    bounds = ways.Bounds(explorer)
    bounds.measure(lambda done, known: progress("Way to rest", done, known))
    ways.find_ways(explorer)
    sessions = Sessions(firmware)
    sessions.run(lambda done, known: progress("Treatment", done, known))
    counters = Counters(firmware)
    counters.run(lambda done, known: progress("Evidence", done, known))
    findings = [_finding(explorer, rule) for rule in explorer.violations]
    for found in sessions.violations.values():
        calls = [call_text(call) for call in found.path]
        findings.append(Finding(found.rule, found.text, calls, session_path(found.rule, found.text, found.path)))
    for found in counters.violations.values():
        looks = [f"{gap_ms} ms later  {'shown' if shown else 'not shown'}" for gap_ms, shown in found.path]
        calls = [f"row {found.row}", *looks]
        findings.append(Finding(found.rule, EVIDENCE_TEXTS[found.rule], calls, None))
    return Result(
        len(explorer.keys), explorer.transitions, len(sessions.keys), sessions.transitions,
        counters.states, counters.transitions,
        {name: explorer.checks[name] + sessions.checks[name] + counters.checks[name] for name in TEXTS},
        _cells(explorer), _forced(explorer),
        bounds.released, bounds.faulted, round(time.process_time() - began, 1), findings)


def _finding(explorer: Explorer, rule: str) -> Finding:
    """The first violation for which there are real times; else the first."""
    for violation in explorer.violations[rule]:
        steps = None if rule == SAME else timed(explorer, violation)
        if steps:
            path = core_path(explorer, rule, violation.text, steps)
            return Finding(rule, violation.text, [f"{step.at_ms} ms  {step.says}" for step in path.steps], path)
    violation = explorer.violations[rule][0]
    return Finding(rule, violation.text, [explorer.moves.text(edge.move) for edge in explorer.way_of(violation)], None)


def _cells(explorer: Explorer) -> dict[str, int]:
    safety = explorer.firmware.safety
    every = len(safety.STATE_NAMES) * len(safety.EVENT_NAMES)
    return {
        "all": every, "exercised": len(explorer.called | explorer.forced), "by_calls": len(explorer.called),
        "by_calls_the_pen_makes": len(explorer.legal)}  # fmt: skip


def _forced(explorer: Explorer) -> list[tuple[str, str]]:
    """Cells that only forcing reaches, as state and event."""
    safety = explorer.firmware.safety
    return [(safety.STATE_NAMES[state], safety.EVENT_NAMES[event])
            for state, event in sorted(explorer.forced - explorer.called)]  # fmt: skip
