"""`pen hands`: random hands on a simulated pen, for as many simulated hours as one likes."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from pen.connect import WRONG_USE, err, fail
from pen.sweep_command import firmware_of

Hours = Annotated[float, typer.Option(min=0.001, help="Simulated hours, together.")]
First = Annotated[int, typer.Option("--from", min=0, help="The first seed; the others follow.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Only this seed, and tell what came of it.")]
File = Annotated[Path | None, typer.Option(help="Judge this scenario as the random hands are judged.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes; one for each core if missing.")]
Out = Annotated[Path, typer.Option(help="Directory for the report and the smallest scenario of each violation.")]
Firmware = Annotated[Path | None, typer.Option(help="Run this directory in place of the firmware.")]
Shrink = Annotated[bool, typer.Option(help="Make the scenario of a violation as small as it can be.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures, or the outcome, as one JSON object.")]
SHRUNK = 10  # violations of so many seeds are made smaller


def hands(
    hours: Hours = 20.0, first: First = 0, seed: Seed = None, file: File = None, workers: Workers = None,
    out: Out = Path("out/hands"), firmware: Firmware = None, shrink: Shrink = True, as_json: AsJson = False,
) -> None:
    """Hands that do anything, on a pen to which anything may happen. Exit code 0 only if no rule was violated."""
    sources = firmware_of(firmware)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise fail(f"cannot write to {out}: {error.strerror}", WRONG_USE) from None
    if seed is not None or file is not None:
        bad = _one(seed, file, sources, out, shrink, as_json)
    else:
        bad = _run(hours, first, workers, sources, out, shrink, as_json)
    if bad:
        raise typer.Exit(1)


def _one(seed: int | None, file: Path | None, firmware: Path, out: Path, shrink: bool, as_json: bool) -> bool:
    from sim.campaign.random_hands import run_scenario, scenario_of
    from sim.scenario import ScenarioError, load

    try:
        scenario = load(file) if file is not None else scenario_of(seed or 0)
    except ScenarioError as error:
        raise fail(str(error), WRONG_USE) from None
    outcome = run_scenario(scenario, seed or 0, firmware)
    if as_json:
        print(json.dumps(outcome.as_dict()))
    else:
        say = Console(highlight=False).print
        say(f"{scenario.name}: {outcome.sim_s:.0f} s, {outcome.strokes} strokes, latched "
            f"{', '.join(outcome.latched) or 'nothing'}", markup=False, soft_wrap=True)
        for rule, text in outcome.broken.items():
            say(f"  violated: {rule}: {text}", style="red", markup=False, soft_wrap=True)
        if not outcome.broken:
            say("  every rule held", style="green")
    if shrink:
        _smallest(scenario, outcome, firmware, out, str(seed) if file is None else file.stem)
    return bool(outcome.broken)


def _smallest(scenario: Any, outcome: Any, firmware: Path, out: Path, name: str) -> None:
    """The smallest scenario for each rule that was broken, as a file."""
    from sim.campaign import random_hands
    from sim.campaign.files import toml_of

    for rule in outcome.broken:
        smaller = random_hands.shrink(scenario, rule, firmware)
        text = random_hands.run_scenario(smaller, firmware=firmware).broken.get(rule, "")
        path = out / f"{rule}_{name}.toml"
        path.write_text(toml_of(smaller, f"{rule}: {text}"), encoding="utf-8")
        err.print(f"pen hands --file {path}", markup=False, soft_wrap=True)


def _run(hours: float, first: int, workers: int | None, firmware: Path, out: Path, shrink: bool, as_json: bool) -> bool:
    from pen.processes import cores, on_processes
    from sim.campaign.random_hands import run_seed, scenario_of

    count = workers or cores()
    outcomes: list[Any] = []
    bad: list[Any] = []
    began = time.perf_counter()
    columns = (
        TextColumn("{task.fields[hours]} simulated hours"), TextColumn("{task.description}"), TimeElapsedColumn())

    def work(i: int, put) -> None:
        left_s = hours * 3600 / count
        seed = first + i
        while left_s > 0:
            outcome = run_seed(seed, firmware)
            put(outcome)
            left_s -= max(outcome.sim_s, 1.0)
            seed += count

    with Progress(*columns, console=err, transient=True, disable=as_json or not err.is_terminal) as bar:
        task = bar.add_task("0 violations", total=None, hours="0.0")

        def heard(outcome) -> None:
            outcomes.append(outcome)
            for rule, text in outcome.broken.items():
                err.print(f"seed {outcome.seed}: {rule}: {text}", style="red", markup=False, soft_wrap=True)
            if outcome.broken:
                bad.append(outcome)
            done = sum(one.sim_s for one in outcomes) / 3600
            bar.update(task, description=f"{len(bad)} violations", hours=f"{done:.1f}")

        whole = on_processes(count, work, heard)
    if shrink:
        for outcome in bad[:SHRUNK]:
            _smallest(scenario_of(outcome.seed), outcome, firmware, out, str(outcome.seed))
    figures = {
        "seeds": len(outcomes), "first": first, "hours": round(sum(one.sim_s for one in outcomes) / 3600, 2),
        "strokes": sum(one.strokes for one in outcomes), "violations": len(bad),
        "wall_s": round(time.perf_counter() - began, 1), "workers": count}
    content = {"figures": figures, "violations": [one.as_dict() for one in bad]}
    _write_page(out / "report.html", figures, outcomes, bad, whole)
    (out / "hands.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if as_json:
        print(json.dumps(figures))
    else:
        say = Console(highlight=False).print
        if not whole:
            say("stopped, or a worker died: the rest was not run; --from goes on with later seeds", style="red")
        say(f"{figures['hours']:.1f} simulated hours, {figures['seeds']} seeds, {figures['strokes']} strokes "
            f"in {figures['wall_s']:.0f} s")
        say(f"{len(bad)} violations", style="red" if bad else "green")
        say(f"{out / 'report.html'}", markup=False)
    return bool(bad) or not whole or not outcomes


def _write_page(path: Path, figures: dict[str, Any], outcomes: list[Any], bad: list[Any], whole: bool) -> None:
    """The report: by rule, and by what latched."""
    from pen.tables_page import PageTable, write_page

    rules = Counter(rule for one in bad for rule in one.broken)
    latched = Counter(key for one in outcomes for key in set(one.latched))
    tables = [
        PageTable("Rules that were broken", ["rule", "seeds"], [list(row) for row in rules.most_common()], ["seeds"]),
        PageTable("Faults that latched", ["fault", "seeds"], [list(row) for row in latched.most_common()])]
    tiles = {"simulated hours": figures["hours"], "seeds": figures["seeds"], "strokes": figures["strokes"],
             "seeds that broke a rule": len(bad)}
    failures = [
        (f"pen hands --seed {one.seed}", [f"{rule}: {text}" for rule, text in one.broken.items()]) for one in bad]
    last = max((one.seed for one in outcomes), default=figures["first"])
    about = f"Hands that do anything, on a pen to which anything may happen: seeds {figures['first']} to {last}."
    write_page(
        path, "Random hands", about, tiles, tables, failures, "" if whole else "It was stopped before its end.")
