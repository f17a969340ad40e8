"""`make mutation`: mutates the safety modules in memory, runs their tests, and holds the survivors to their list."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from . import survivors
from .mutants import Mutant
from .runner import BROKEN, ENDLESS, PASSED, Job, Outcome, run, source
from .targets import TESTS, mutants

LEAST_PERCENT = 95
console = Console(highlight=False)


def main() -> int:
    options = _options()
    most_cpu_s = {}
    for module in options.only:
        unbroken = _unbroken(module, options.tests)
        if unbroken.verdict != PASSED:
            problem = f"{module}: its tests do not pass on the source as it is: {unbroken.verdict}, {unbroken.by}"
            console.print(problem, style="red", markup=False, soft_wrap=True)
            return 2
        most_cpu_s[module] = round(2 + 3 * unbroken.cpu_s)
    made = [m for module in options.only for m in mutants(module) if not options.where or m.where == options.where]
    if not made:
        console.print(f"no mutants: nothing is called '{options.where}' in {', '.join(options.only)}")
        return 2
    began = time.perf_counter()
    outcomes = _run(made, options, most_cpu_s)
    wall_s = time.perf_counter() - began
    survived = [outcome.job.name for outcome in outcomes if outcome.verdict == PASSED]
    listed = {key: reason for key, reason in survivors.load(options.survivors).items()
              if key[0] in options.only and (not options.where or key[1] == options.where)}  # fmt: skip
    for mutant in survived:
        _show(mutant, listed.get(mutant.key))
    figures = _figures(outcomes, wall_s)
    problems = survivors.judge(listed, made, survived)
    problems += [f"pytest failed on {o.job.name.key}: {o.by}" for o in outcomes if o.verdict == BROKEN]
    for name, row in figures["modules"].items():
        if row["percent"] < LEAST_PERCENT:
            problems.append(f"{name}: {row['percent']} % of its mutants killed, at least {LEAST_PERCENT} are asked for")
    _print(figures)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    for problem in problems:
        console.print(problem, style="red", markup=False, soft_wrap=True)
    return 1 if problems else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(TESTS), default=list(TESTS), help="these modules")
    parser.add_argument("--where", default="", help="only mutants of this function, e.g. Limits.clamp")
    parser.add_argument("--tests", nargs="+", help="run these tests in place of the module's own")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time")
    parser.add_argument("--survivors", type=Path, default=survivors.LISTED, help="the list of equivalent mutants")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args()


def _unbroken(module: str, tests: list[str] | None) -> Outcome:
    """A test that fails on the source as it is would kill every mutant and prove nothing."""
    (outcome,) = run([Job(module, module, source(module), tuple(tests or TESTS[module]))], 1)
    return outcome


def _run(made: list[Mutant], options, most_cpu_s: dict[str, int]) -> list[Outcome]:
    jobs = [Job(mutant, mutant.module, mutant.text, tuple(options.tests or TESTS[mutant.module]),
                most_cpu_s[mutant.module]) for mutant in made]  # fmt: skip
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    outcomes = []
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("mutants", total=len(jobs))
        for outcome in run(jobs, options.jobs):
            outcomes.append(outcome)
            progress.advance(bar)
    return outcomes


def _show(mutant: Mutant, reason: str | None) -> None:
    console.print(f"\nsurvived: {mutant.module}.{mutant.where}, {mutant.operator}", style="yellow", markup=False)
    name = f"firmware/{mutant.module}.py"
    old, new = source(mutant.module).splitlines(), mutant.text.splitlines()
    for line in difflib.unified_diff(old, new, name, name, n=1, lineterm=""):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"equivalent: {reason}" if reason else "NOT LISTED", markup=False, soft_wrap=True)


def _figures(outcomes: list[Outcome], wall_s: float) -> dict:
    return {
        "modules": _scores(outcomes, lambda outcome: outcome.job.module),
        "operators": _scores(outcomes, lambda outcome: outcome.job.name.operator),
        "all": _scores(outcomes, lambda outcome: "all")["all"],
        "wall_s": round(wall_s),
        "cpu_s": round(sum(outcome.cpu_s for outcome in outcomes)),
    }


def _scores(outcomes: list[Outcome], of) -> dict[str, dict[str, float]]:
    """Mutants, killed, of these by running for ever, percent; by name."""
    made, survived, endless = Counter(), Counter(), Counter()
    for outcome in outcomes:
        made[of(outcome)] += 1
        survived[of(outcome)] += outcome.verdict == PASSED
        endless[of(outcome)] += outcome.verdict == ENDLESS
    return {
        name: {
            "mutants": made[name], "killed": made[name] - survived[name], "endless": endless[name],
            "percent": round(100 * (made[name] - survived[name]) / made[name], 1)}
        for name in made
    }


def _print(figures: dict) -> None:
    for title in ("modules", "operators"):
        grid = Table(title, "mutants", "killed", "of these endless", "survived", "killed, %")
        rows = list(figures[title].items()) + ([("all", figures["all"])] if title == "operators" else [])
        for name, row in rows:
            grid.add_row(name, *(str(cell) for cell in (
                row["mutants"], row["killed"], row["endless"], row["mutants"] - row["killed"], row["percent"])))
        console.print(grid)
    console.print(f"{figures['wall_s']} s, {figures['cpu_s']} s of processor time")


if __name__ == "__main__":
    sys.exit(main())
