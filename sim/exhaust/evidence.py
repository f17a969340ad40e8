"""The counter of `inputs`, driven through every sequence of readings that can make a difference, row by row.

The safety core is checked with the counter's promise in its place: a condition that shows may be sure or not yet. Here
the promise itself is checked, on the real counter and with real times, for the figures of every row of the table: a
reading comes 1 to GAP_MS + 1 ms after the one before and shows the condition or not, until no new state is found. A
state is how many readings alike there were and how long ago the first of them came, both no further than they matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from sim.exhaust.subject import Firmware

GAP_MS = 20  # of docs/hardware.md, not read from the firmware
START_MS = 1000

TEXTS = {
    "evidence.readings": "a condition is sure only after as many readings in a row as its row asks for",
    "evidence.time": "a condition is sure only when the first and the last reading are as far apart as its row asks",
    "evidence.gap": "a gap above 20 ms between two readings starts the count anew",
    "evidence.found": "what lasts is sure with the first reading that makes it so, and stays so",
    "evidence.quiet": "a counter whose count is 0 may be left alone: it then holds nothing",
}

Reading = tuple[int, bool]  # ms since the one before, whether the condition shows


class _Seen(NamedTuple):
    """What the checker remembers for itself: readings alike, and since when, no further than it matters."""

    readings: int = 0
    ms: int = 0


class EvidenceViolation(NamedTuple):
    rule: str
    row: str
    path: list[Reading]


class Counters:
    """One exploration of every row. `run` does it."""

    def __init__(self, firmware: Firmware):
        self._inputs = firmware.inputs
        self.states = 0
        self.transitions = 0
        self.checks: Counter[str] = Counter()
        self.violations: dict[str, EvidenceViolation] = {}

    def rows(self) -> dict[str, tuple[int, int]]:
        """Readings and ms of each row that asks for readings."""
        figures = vars(self._inputs)
        names = [name.removesuffix("_READINGS") for name in figures if name.endswith("_READINGS")]
        return {name.lower(): (figures[name + "_READINGS"], figures[name + "_MS"]) for name in names}

    def run(self, progress: Callable[[int, int], None] | None = None) -> None:
        rows = self.rows()
        for at, (row, (needed, ms)) in enumerate(rows.items()):
            if progress is not None:
                progress(at, len(rows))
            self._explore(row, needed, ms)

    def _explore(self, row: str, needed: int, ms: int) -> None:
        counter = self._inputs.Evidence(needed, ms)
        fresh = dict(vars(counter))
        known: dict[Any, list[Reading]] = {(self._kept(counter, ms, START_MS), _Seen()): []}
        edge = [(fresh, _Seen(), START_MS, next(iter(known)))]
        for held, seen, now_ms, came in edge:
            self.states += 1
            for gap_ms in range(1, GAP_MS + 2):
                for shown in (False, True):
                    self.transitions += 1
                    vars(counter).update(held)
                    at_ms = now_ms + gap_ms
                    quiet = counter.count == 0
                    sure = counter.enough(shown, at_ms)
                    after = _seen_after(seen, gap_ms, shown, needed, ms)
                    path = [*known[came], (gap_ms, shown)]
                    self._judge(row, path, sure, after, quiet, seen, needed, ms, gap_ms)
                    key = (self._kept(counter, ms, at_ms), after)
                    if key not in known:
                        known[key] = path
                        edge.append((dict(vars(counter)), after, at_ms, key))

    def _kept(self, counter: Any, ms: int, now_ms: int) -> tuple[int, int, int]:
        """The counter's state: what lies longer ago than it matters is as long ago as it matters."""
        if counter.count == 0:
            return 0, 0, 0
        return counter.count, min(ms, now_ms - counter._first_ms), min(GAP_MS + 1, now_ms - counter._last_ms)

    def _judge(self, row, path, sure, seen, quiet, before, needed, ms, gap_ms) -> None:
        enough = seen.readings >= needed and seen.ms >= ms
        over_gap = gap_ms > GAP_MS and before.readings > 0 and needed > 1
        for rule, holds in (
                ("evidence.readings", not sure or seen.readings >= needed),
                ("evidence.time", not sure or seen.ms >= ms),
                ("evidence.gap", not (sure and over_gap)),
                ("evidence.found", sure is enough),
                ("evidence.quiet", not quiet or before.readings == 0)):
            self.checks[rule] += 1
            if not holds and rule not in self.violations:
                self.violations[rule] = EvidenceViolation(rule, row, path)


def _seen_after(seen: _Seen, gap_ms: int, shown: bool, needed: int, ms: int) -> _Seen:
    if not shown:
        return _Seen()
    if seen.readings == 0 or gap_ms > GAP_MS:
        return _Seen(1, 0)
    return _Seen(min(needed, seen.readings + 1), min(ms, seen.ms + gap_ms))
