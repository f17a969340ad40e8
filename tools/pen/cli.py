"""The `pen` command. Exit codes: 0 done, 1 an expectation did not hold or something failed, 2 wrong use."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pen.calibrate.command import calibrate
from pen.campaign_command import campaign
from pen.connect import WRONG_USE, err, fail
from pen.faults import faults
from pen.hands_command import hands
from pen.limits import limits, zones
from pen.log.app import app as log_app
from pen.ports import ports
from pen.prompt import console
from pen.report_command import report
from pen.sim_command import sim
from pen.status import selftest, status
from pen.sweep_command import sweep
from pen.trace import trace
from pen.watch import watch

PEN, SIMULATED = "A pen", "Simulated pens"

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Work with a microneedling pen, or with a simulated one.")
app.command(rich_help_panel=PEN)(ports)
app.command(rich_help_panel=PEN)(status)
app.command(rich_help_panel=PEN)(zones)
app.command(rich_help_panel=PEN)(limits)
app.command(rich_help_panel=PEN)(faults)
app.command(rich_help_panel=PEN)(selftest)
app.command(rich_help_panel=PEN)(calibrate)
app.command(rich_help_panel=PEN)(watch)
app.command(rich_help_panel=PEN)(trace)
app.command(rich_help_panel=PEN)(console)
app.command(rich_help_panel=PEN)(report)
app.add_typer(log_app, name="log", rich_help_panel=PEN)


def main() -> None:
    """Entry point of the command."""
    app()


@app.callback()
def _group() -> None:
    """Work with a microneedling pen, or with a simulated one."""


@app.command(rich_help_panel=SIMULATED)
def run(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or the name of a shipped one.")],
    tier: Annotated[str, typer.Option(help="Where the firmware runs: cpython, micropython or silicon.")] = "cpython",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    vcd: Annotated[Path | None, typer.Option(help="Write the waveforms here (GTKWave, PulseView).")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the HTML report here.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write report.html, strokes.csv, trace.vcd, result.json, fram.bin and flash.bin (for pen log) here."),
    ] = None,
    firmware: Annotated[
        Path | None, typer.Option(help="Run this directory in place of the firmware, on the cpython tier.")] = None,
) -> None:
    """Run a scenario on the simulated pen. Exit code 0 only if every expectation held."""
    from sim.scenario import ScenarioError, load

    try:
        plan = load(scenario)
    except ScenarioError as error:
        raise fail(str(error), WRONG_USE) from None
    from sim.tiers import TIERS, FirmwareDied

    if tier not in TIERS:
        raise fail(f"unknown tier '{tier}', known: {', '.join(TIERS)}", WRONG_USE)
    if firmware is not None and (tier != "cpython" or not (firmware / "main.py").exists()):
        raise fail(f"{firmware}: --firmware takes a directory like firmware/, on the cpython tier", WRONG_USE)
    try:
        result = _run(plan, tier, firmware, quiet=as_json)
    except (FileNotFoundError, ScenarioError) as error:
        raise fail(str(error), WRONG_USE) from None
    except FirmwareDied as error:
        raise fail(str(error), 1) from None
    written = _write(result, vcd, report, out)
    if as_json:
        from pen.tables import result_text

        print(result_text(result))
    else:
        from pen.summary import print_summary

        print_summary(result, written)
    if not all(row["held"] for row in result.result["expectations"]):
        raise typer.Exit(1)


def _run(plan, tier: str, firmware: Path | None, quiet: bool):
    """Run with a progress bar on the terminal's error stream."""
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TextColumn("{task.fields[sim_s]:7.1f} s simulated"),
               TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
        task = bar.add_task("Preparing the plant", total=None, sim_s=0.0)
        from sim.run import Simulation
        from sim.space import FIRMWARE

        def progress(sim_s: float, page: str) -> None:
            done, steps = simulation.hands.progress()
            bar.update(task, total=steps, completed=done, sim_s=sim_s, description=page[:24] or "Display dark")

        simulation = Simulation(plan, tier, progress, firmware or FIRMWARE)
        return simulation.run()


def _write(result, vcd: Path | None, report: Path | None, out: Path | None) -> list[Path]:
    """Write what was asked for; the paths written."""
    from pen.report import write_report
    from pen.tables import write_image, write_result, write_strokes
    from pen.waveform import write_vcd

    jobs = [(write_vcd, vcd), (write_report, report)]
    if out is not None:
        jobs += [(write_report, out / "report.html"), (write_strokes, out / "strokes.csv"),
                 (write_vcd, out / "trace.vcd"), (write_result, out / "result.json")]
        jobs += [(write_image, out / name) for name in result.images]
    written = []
    for write, path in jobs:
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(result, path)
        except OSError as error:
            raise fail(f"cannot write {path}: {error.strerror}", WRONG_USE) from None
        written.append(path)
    return written


app.command(rich_help_panel=SIMULATED)(campaign)
app.command(rich_help_panel=SIMULATED)(sweep)
app.command(rich_help_panel=SIMULATED)(hands)
app.command(rich_help_panel=SIMULATED)(sim)


@app.command(rich_help_panel=SIMULATED)
def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    replay: Annotated[Path | None, typer.Option(help="Replay a path that an earlier check wrote.")] = None,
    gate: Annotated[bool, typer.Option("--gate", help="Check the gate's programs in place of the core.")] = False,
    out: Annotated[Path, typer.Option(help="Where the path of a broken rule is written.")] = Path("out/check"),
    firmware: Annotated[Path | None, typer.Option(help="Check this directory in place of the firmware.")] = None,
) -> None:
    """Drive the safety core through every state it can reach. Exit code 0 only if every rule holds."""
    from pen.check import CheckError, load, run_check, run_replay
    from sim.exhaust.choices import NoClasses
    from sim.space import FIRMWARE

    if gate:
        from pen.check_gate import run_gate

        if not run_gate(firmware or FIRMWARE, as_json, err):
            raise typer.Exit(1)
        return
    try:
        core = load(firmware or FIRMWARE)
        sources = firmware or FIRMWARE
        holds = run_replay(replay, core, as_json) if replay else run_check(core, sources, out, as_json, err)
    except CheckError as error:
        raise fail(str(error), WRONG_USE) from None
    except NoClasses as error:
        raise fail(f"this core cannot be checked: {error}", 1) from None
    except OSError as error:
        raise fail(f"cannot write {error.filename}: {error.strerror}", WRONG_USE) from None
    if not holds:
        raise typer.Exit(1)


@app.command(rich_help_panel=SIMULATED)
def scenarios() -> None:
    """List the shipped scenarios."""
    from sim.scenario import LIBRARY, load

    table = Table("name", "what it shows", box=None)
    for path in sorted(LIBRARY.glob("*.toml")):
        table.add_row(path.stem, load(path).title)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
