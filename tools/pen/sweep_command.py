"""`pen sweep`: the home line, false at every millisecond of every motion that goes by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from pen.connect import WRONG_USE, err, fail

Every = Annotated[
    int | None, typer.Option(min=1, help="Only every so many-th millisecond: 1, with --any 10.", show_default=False)]
Anything = Annotated[bool, typer.Option("--any", help="Whatever can go wrong in place of the home line alone.")]
Only = Annotated[list[str] | None, typer.Option(help="Only this passage; may be given again.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes; one for each core if missing.")]
Out = Annotated[Path, typer.Option(help="Directory for report.html and sweep.json.")]
Firmware = Annotated[Path | None, typer.Option(help="Run this directory in place of the firmware.")]
Replay = Annotated[str | None, typer.Option(metavar="ID", help="Run this one lie and tell what came of it.")]
ToFile = Annotated[Path | None, typer.Option("--scenario", help="With --replay: write it as a scenario for 'pen run'.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run that was stopped in --out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures, or the lie, as one JSON object.")]
SHOWN = 20


def sweep(
    every: Every = None, anything: Anything = False, only: Only = None, workers: Workers = None,
    out: Out = Path("out/sweep"), firmware: Firmware = None, replay: Replay = None, scenario: ToFile = None,
    resume: Resume = False, as_json: AsJson = False,
) -> None:
    """A false home line at every millisecond of homing and retracts. Exit code 0 only if no rule was violated."""
    sources = firmware_of(firmware)
    bad = _replay(replay, sources, scenario, as_json) if replay else _run(
        every, anything, only, workers, out, sources, resume, as_json)
    if bad:
        raise typer.Exit(1)


def firmware_of(directory: Path | None) -> Path:
    """The firmware's directory to run; fails for one that holds none."""
    from sim.space import FIRMWARE

    if directory is not None and not (directory / "main.py").exists():
        raise fail(f"{directory}: --firmware takes a directory like firmware/", WRONG_USE)
    return directory or FIRMWARE


def _replay(text: str, firmware: Path, scenario: Path | None, as_json: bool) -> bool:
    from sim.campaign.files import toml_of
    from sim.campaign.sweep import Sweep, parse, passages, scenario_of

    try:
        lie = parse(text)
    except ValueError as error:
        raise fail(str(error), WRONG_USE) from None
    passage = next(one for one in passages() if one.name == lie.passage)
    Sweep(passage, firmware=firmware).only(lie)
    if scenario is not None:
        try:
            scenario.write_text(toml_of(scenario_of(lie), "; ".join(lie.violations)), encoding="utf-8")
        except OSError as error:
            raise fail(f"cannot write {scenario}: {error.strerror}", WRONG_USE) from None
    if as_json:
        print(json.dumps(lie.as_dict()))
    else:
        say = Console(highlight=False).print
        say(f"{lie.id}: ended {lie.ended} with the tips at {lie.tip_um:g} um, "
            f"latched {', '.join(lie.latched) or 'nothing'}", markup=False, soft_wrap=True)
        for violation in lie.violations:
            say(f"  violated: {violation}", style="red", markup=False, soft_wrap=True)
        if not lie.violations:
            say("  every rule held", style="green")
    return bool(lie.violations)


def _run(
    every: int | None, anything: bool, only, workers, out: Path, firmware: Path, resume: bool, as_json: bool,
) -> bool:
    from pen.kept import Kept, OtherSources
    from pen.processes import cores
    from pen.sweep_runner import run_sweep
    from sim.campaign.sweep import ANY_EVERY_MS, Lie, passages

    known = [passage.name for passage in passages()]
    for name in only or ():
        if name not in known:
            raise fail(f"unknown passage '{name}', known: {'; '.join(known)}", WRONG_USE)
    every_ms = every or (ANY_EVERY_MS if anything else 1)
    try:
        out.mkdir(parents=True, exist_ok=True)
        kept = Kept(out / "sweep.jsonl", f"sweep {every_ms} {anything} {sorted(only or ())}", firmware, resume)
    except OSError as error:
        raise fail(f"cannot write to {out}: {error.strerror}", WRONG_USE) from None
    except OtherSources as error:
        raise fail(str(error), WRONG_USE) from None
    known = [Lie(**{name: value for name, value in one.items() if name != "id"}) for one in kept.found]
    columns = (TextColumn("{task.completed} runs"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=as_json or not err.is_terminal) as bar:
        bad = sum(bool(lie.violations) for lie in known)
        task = bar.add_task(f"{bad} violations", total=None, completed=len(known))

        def told(lie) -> None:
            nonlocal bad
            kept.add(lie.as_dict())
            bad += bool(lie.violations)
            for violation in lie.violations:  # at once: a run that is stopped has said what it found
                err.print(f"{lie.id}: {violation}", style="red", markup=False, soft_wrap=True)
            bar.update(task, advance=1, description=f"{bad} violations")

        found = run_sweep(workers or cores(), every_ms, firmware, tuple(only or ()), told, anything, known)
    kept.close()
    try:
        found.write_page(out / "report.html")
        found.write_json(out / "sweep.json")
    except OSError as error:
        raise fail(f"cannot write to {out}: {error.strerror}", WRONG_USE) from None
    if as_json:
        print(json.dumps(found.figures))
    else:
        _tell(found, out)
    return bool(found.failures) or not found.whole or bool(found.unmet)


def _tell(found, out: Path) -> None:
    say = Console(highlight=False).print
    for row in found.rows():
        kinds = ", ".join(f"{rule} {count}" for rule, count in row["kinds"].items()) or "none"
        say(f"{row['passage']:<24} {row['runs']:>6} runs, violations: {kinds}", markup=False)
    for name in found.unmet:
        say(f"{name:<24} never met: the pen did not come to it", style="red", markup=False)
    for lie in found.failures[:SHOWN]:
        say(f"pen sweep --replay '{lie.id}'", style="red", markup=False)
        for violation in lie.violations:
            say(f"    {violation}", markup=False, soft_wrap=True)
    if len(found.failures) > SHOWN:
        say(f"... and {len(found.failures) - SHOWN} more")
    figures = found.figures
    if not found.whole:
        say("stopped, or a worker died: the rest was not run; --resume goes on", style="red")
    say(f"{figures['runs']} runs in {figures['wall_s']:.0f} s: tip past the bound {figures['tip_past_the_bound']}, "
        f"needles left out {figures['needles_left_out']}, sent to service {figures['sent_to_service']}")
    say(f"{figures['violations']} violations", style="red" if figures["violations"] else "green")
    say(f"{out / 'report.html'}", markup=False)
