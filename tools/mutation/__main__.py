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
from .survivors import Key
from .targets import TESTS, mutants, same

LEAST_PERCENT = 95
console = Console(highlight=False)


def main() -> int:
    options = _options()
    chosen = {module: [m for m in mutants(module) if options.where in ("", m.where)] for module in options.only}
    made = [mutant for each in chosen.values() for mutant in each]
    if not made:
        console.print(f"no mutants: nothing is called '{options.where}' in {', '.join(options.only)}")
        return 2
    listed = {key: reason for key, reason in survivors.load(options.survivors).items()
              if key[0] in options.only and options.where in ("", key[1])}  # fmt: skip
    began = time.perf_counter()
    outcomes: list[Outcome] = []
    for module, of_module in chosen.items():
        tests = tuple(options.tests or TESTS[module])
        try:
            (unbroken,) = _run(tests, [Job(module, module, source(module))], 1, {})
        except RuntimeError as error:
            console.print(str(error), style="red", markup=False, soft_wrap=True)
            return 2
        if unbroken.verdict != PASSED:
            problem = f"{module}: its tests do not pass on the source as it is: {unbroken.verdict}, {unbroken.by}"
            console.print(problem, style="red", markup=False, soft_wrap=True)
            return 2
        most_cpu_s = round(2 + 3 * unbroken.cpu_s)
        jobs = [Job(mutant, module, mutant.text, most_cpu_s) for mutant in of_module]
        outcomes += _run(tests, jobs, options.jobs, listed)
    wall_s = time.perf_counter() - began
    survived = [outcome.job.name for outcome in outcomes if outcome.verdict == PASSED]
    figures = _figures(outcomes, wall_s)
    problems = survivors.judge(listed, made, survived)
    problems += [f"pytest failed on {o.job.name.key}: {o.by}" for o in outcomes if o.verdict == BROKEN]
    if not options.where:
        problems += [
            f"{module}: {row['percent']} % of the mutants killed, at least {LEAST_PERCENT} are asked for"
            for module, row in figures["modules"].items() if row["percent"] < LEAST_PERCENT]
    _print(figures)
    console.print(f"left out, because the constant keeps its value: {sum(len(same(name)) for name in options.only)}")
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


def _run(tests: tuple[str, ...], jobs: list[Job], workers: int, listed: dict[Key, str]) -> list[Outcome]:
    """Shows each survivor as it comes: a run that is stopped has said what it knows."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    outcomes: list[Outcome] = []
    with Progress(*columns, console=console, disable=not console.is_terminal or len(jobs) == 1) as progress:
        bar = progress.add_task(f"mutants of {jobs[0].module}", total=len(jobs))

        def hear(outcome: Outcome) -> None:
            outcomes.append(outcome)
            progress.advance(bar)
            if outcome.verdict == PASSED and isinstance(outcome.job.name, Mutant):
                _show(outcome.job.name, listed.get(outcome.job.name.key))

        run(tests, jobs, workers, hear)
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
