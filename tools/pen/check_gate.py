"""What `pen check --gate` prints; the checking itself is `sim.exhaust.gate`."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sim.exhaust import gate

out_console = Console(highlight=False)


def run_gate(directory: Path, as_json: bool, err: Console) -> bool:
    """Check the gate of a firmware directory and print what was gone through. True if nothing broke."""
    columns = (TextColumn("{task.description:<28}"), BarColumn(),
               TextColumn("{task.completed} of {task.total} cases"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=as_json or not err.is_terminal) as bar:
        tasks = {}

        def progress(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what)
            bar.update(tasks[what], completed=done, total=of)

        results = gate.whole(gate.Programs(directory), progress)
    if as_json:
        print(json.dumps({what: result.table() for what, result in results.items()}, indent=1))
    else:
        _print(results)
    return not any(result.violations for result in results.values())


def _print(results: dict[str, gate.Result]) -> None:
    table = Table("what is free", "cases", "gone through", "transitions", "violations", "s of CPU",
                  title="The gate's programs in every order", title_justify="left")  # fmt: skip
    for what, result in results.items():
        table.add_row(what, str(result.cases), f"{result.passed:,} {result.unit}", f"{result.steps:,}",
                      f"{result.violations:,}", f"{result.seconds:g}")  # fmt: skip
    out_console.print(table)
    shortest = next(iter(results.values())).cycles
    out_console.print("shortest times in cycles of 8 ns: " + ", ".join(
        f"{name} {cycles}" for name, cycles in shortest.items() if name != "edge_after_en_n_high"))
    for what, result in results.items():
        for text, times in result.broken.items():
            if times:
                out_console.print(f"[red]broken[/red] ({what}) {times:,} times: {text}")
