"""What `pen check` prints and writes; the checking itself is `sim.exhaust`."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sim.exhaust import paths
from sim.exhaust.acted import Acted, act_out, toml
from sim.exhaust.check import Result, check
from sim.exhaust.subject import Firmware
from sim.space import FIRMWARE

out_console = Console(highlight=False)


class CheckError(ValueError):
    """Wrong use; the message says what was expected."""


def load(directory: Path) -> Firmware:
    """The firmware of a directory; CheckError if it is none."""
    if not (directory / "safety.py").exists():
        raise CheckError(f"{directory}: no safety.py in it; --firmware takes a directory like firmware/")
    try:
        return Firmware(directory)
    except Exception as error:  # whatever a changed source raises at import
        raise CheckError(f"{directory}: cannot be loaded: {type(error).__name__}: {error}") from None


def run_check(firmware: Firmware, sources: Path, out: Path, as_json: bool, err: Console) -> bool:
    """Check the firmware of a directory, print, write files for each broken rule. True if all rules hold."""
    columns = (TextColumn("{task.description:<12}"), BarColumn(),
               TextColumn("{task.completed:>6,.0f} of {task.total:,.0f} states found"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=as_json or not err.is_terminal) as bar:
        tasks = {}

        def progress(what: str, done: int, known: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what)
            bar.update(tasks[what], completed=done, total=known)

        result = check(firmware, progress)
    acted = {finding.rule: act_out(finding.path, firmware, sources) for finding in result.findings if finding.path}
    written = _write(result, acted, out)
    if as_json:
        says = {rule: one.says for rule, one in acted.items()}
        print(json.dumps(result.table() | {"files": [str(path) for path in written], "scenarios": says}, indent=1))
    else:
        _print(result, acted, written, sources)
    return not result.findings


def _write(result: Result, acted: dict[str, Acted], out: Path) -> list[Path]:
    """For each finding that has a path a file for --replay, and a scenario if there is one."""
    written = []
    for finding in result.findings:
        if finding.path is None:
            continue
        where = out / f"{finding.rule}.json"
        paths.write(finding.path, where)
        written.append(where)
        table = acted[finding.rule].table
        if table is not None:
            scenario = out / f"{finding.rule}.toml"
            scenario.write_text(toml(table), encoding="utf-8")
            written.append(scenario)
    return written


def _print(result: Result, acted: dict[str, Acted], written: list[Path], sources: Path) -> None:
    cells = result.cells
    table = Table("figure", "value", title="Every reachable state of the safety core", title_justify="left")
    rows = {
        "states of the core": f"{result.states:,}",
        "transitions: each call, with each way its looks can turn out": f"{result.transitions:,}",
        "states and transitions of the treatment": f"{result.session_states:,} and {result.session_transitions:,}",
        "states and transitions of evidence": f"{result.evidence_states:,} and {result.evidence_transitions:,}",
        "rules": f"{len(result.checks)}, held {sum(result.checks.values()):,} times against a transition or a state",
        "cells of the state table": f"{cells['exercised']} of {cells['all']} exercised",
        "  reached by calls in any order": str(cells["by_calls"]),
        "  reached by the calls that the pen makes": str(cells["by_calls_the_pen_makes"]),
        "  only by force": _forced(result),
        "trigger released: home or off within": f"{result.rounds_released} rounds of the loop",
        "any fault: off within": f"{result.rounds_faulted} round of the loop",
        "seconds of CPU": f"{result.seconds:g}"}  # fmt: skip
    for name, value in rows.items():
        table.add_row(name, value)
    out_console.print(table)
    for finding in result.findings:
        out_console.print(f"\n[red]broken: {finding.rule}[/red]  {finding.text}")
        for number, call in enumerate(finding.calls, 1):
            out_console.print(f"  {number:>2}  {call}", markup=False)
        if finding.path is None:
            out_console.print("      no real times lead along this path: it may be the abstraction's alone")
            continue
        one = acted[finding.rule]
        if one.table is None:
            out_console.print(f"      no scenario: {one.says}", markup=False, soft_wrap=True)
        else:
            out_console.print(f"      as a scenario it {one.says}:", markup=False, soft_wrap=True)
            file = _file(written, finding.rule)
            out_console.print(f"      pen run {file}{_with(sources)}", markup=False, soft_wrap=True)
    for path in written:
        out_console.print(f"wrote {path}", markup=False)
    if not result.findings:
        out_console.print("All rules hold in every state.")


def _file(written: list[Path], rule: str) -> Path:
    return next(path for path in written if path.name == f"{rule}.toml")


def _with(sources: Path) -> str:
    return "" if sources == FIRMWARE else f" --firmware {sources}"


def _forced(result: Result) -> str:
    by_event: dict[str, list[str]] = {}
    for state, event in result.forced:
        by_event.setdefault(event, []).append(state)
    return "\n".join(f"{event} in {', '.join(states)}" for event, states in by_event.items()) or "none"


def run_replay(file: Path, firmware: Firmware, as_json: bool) -> bool:
    """Replay a path. True if its rule holds on this firmware."""
    try:
        path = paths.read(file)
        rows = paths.replay(path, firmware)
    except paths.PathError as error:
        raise CheckError(str(error)) from None
    holds = not any(path.rule in row.broken for row in rows)
    if as_json:
        print(json.dumps({"rule": path.rule, "holds": holds, "calls": [row._asdict() for row in rows]}, indent=1))
        return holds
    table = Table("ms", "call", "state after", "breaks", title=f"{path.rule}: {path.text}", title_justify="left")
    for row in rows:
        table.add_row("" if row.at_ms is None else str(row.at_ms), row.says, row.state, ", ".join(row.broken))
    out_console.print(table)
    out_console.print("The rule holds on this path." if holds else "The path breaks the rule.")
    return holds
