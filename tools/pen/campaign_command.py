"""`pen campaign`: runs the campaign, or replays one case of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pen.connect import WRONG_USE, err, fail
from pen.sweep_command import firmware_of

Replay = Annotated[str | None, typer.Option(metavar="ID", help="Run this one case and tell what came of it.")]
Report = Annotated[Path | None, typer.Option(help="With --replay: the run's own HTML report.")]
Out = Annotated[Path, typer.Option(help="Directory for report.html and campaign.json.")]
Scheduler = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Use the Dask cluster of this scheduler.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes here; one for each core if missing.")]
Faults = Annotated[list[str] | None, typer.Option(help="Only this fault; may be given again.")]
Every = Annotated[int, typer.Option(min=1, help="Only every so many-th case.")]
Firmware = Annotated[Path | None, typer.Option(help="Run this directory in place of the firmware.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run that was stopped in --out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures, or the case, as one JSON object.")]


def campaign(
    replay: Replay = None, report: Report = None, out: Out = Path("out/campaign"), scheduler: Scheduler = None,
    workers: Workers = None, fault: Faults = None, every: Every = 1, firmware: Firmware = None,
    resume: Resume = False, as_json: AsJson = False,
) -> None:
    """Faults at every moment of a session. Exit code 0 only if it ran to its end and no rule was violated."""
    from sim.campaign.cases import CaseError
    from sim.campaign.pens import use_firmware

    sources = firmware_of(firmware)
    use_firmware(sources)
    try:
        bad = _replay(replay, report, as_json) if replay else _run(
            out, scheduler, workers, fault, every, sources, resume, as_json)
    except CaseError as error:
        raise _fail(str(error)) from None
    if bad:
        raise typer.Exit(1)


def _fail(message: str) -> typer.Exit:
    return fail(message, WRONG_USE)


def _replay(text: str, report: Path | None, as_json: bool) -> bool:
    """One case, here in this process; True if it violated a rule."""
    from sim.campaign.cases import parse
    from sim.campaign.pens import simulate
    from sim.campaign.verdict import judge, scenario_of

    case = parse(text)
    outcome, run = judge(case, simulate(scenario_of(case)), keep_detail=report is not None)
    if as_json:
        print(json.dumps(outcome.as_dict()))
    else:
        _tell(outcome)
    if report is not None and run is not None:
        from pen.report import write_report

        try:
            report.parent.mkdir(parents=True, exist_ok=True)
            write_report(run, report)
        except OSError as error:
            raise _fail(f"cannot write {report}: {error.strerror}") from None
    return bool(outcome.violations)


def _tell(outcome) -> None:
    say = Console(highlight=False).print
    say(f"{outcome.case}: {outcome.fault} at {outcome.at_ms:.3f} ms, while {outcome.phase}", markup=False)
    say(f"  ended {outcome.ended}, latched {', '.join(outcome.latched) or 'nothing'}"
        f"{f', named {outcome.named}' if outcome.named else ''}", markup=False)
    say(f"  furthest tip {outcome.over_um:+.1f} um from the effective maximum; {outcome.recorded} strokes on record "
        f"of {outcome.strokes}", markup=False)
    for name, ms in (("named", outcome.detected_ms), ("stopped", outcome.stopped_ms)):
        if ms is not None:
            say(f"  {name} after {ms:.1f} ms")
    if outcome.printed:
        say(f"  the firmware's last words: {outcome.printed}", markup=False)
    for violation in outcome.violations:
        say(f"  violated: {violation}", style="red", markup=False)
    if not outcome.violations:
        say("  every rule held", style="green")


def _chosen(faults: Sequence[str] | None, every: int):
    """The cases to run; CaseError for a fault that is not in the table."""
    from sim.campaign.cases import CaseError, whole
    from sim.campaign.table import FAULTS

    for name in faults or ():
        if name not in FAULTS:
            raise CaseError(f"unknown fault '{name}', known: {', '.join(FAULTS)}")
    cases = [case for case in whole() if not faults or (len(case.faults) == 1 and case.faults[0][0] in faults)]
    return cases[::every]


def _run(
    out: Path, scheduler: str | None, workers: int | None, faults, every: int, firmware: Path, resume: bool,
    as_json: bool,
) -> bool:
    from pen.kept import Kept, OtherSources
    from sim.campaign.verdict import Outcome

    cases = _chosen(faults, every)
    try:
        out.mkdir(parents=True, exist_ok=True)
        kept = Kept(out / "campaign.jsonl", f"campaign {every} {sorted(faults or ())}", firmware, resume)
    except OSError as error:
        raise _fail(f"cannot write to {out}: {error.strerror}") from None
    except OtherSources as error:
        raise _fail(str(error)) from None
    known = {outcome.case: outcome for outcome in (Outcome(**one) for one in kept.found)}
    left = [case for case in cases if str(case) not in known]
    try:
        from pen.campaign_runner import ClusterError, cluster_at, cores, local_cluster, run_cases
    except ImportError as error:
        raise _fail(f"the campaign needs Dask ({error.name} is missing): pip install 'microneedling-pen[campaign]'"
                    ) from None
    from pen.campaign_report import write_report
    from pen.campaign_summary import add_up, write_json

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("runs"),
               TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=as_json or not err.is_terminal) as bar:
        task = bar.add_task("Starting workers", total=len(cases), completed=len(known))
        bad = sum(bool(outcome.violations) for outcome in known.values())

        def told(outcome) -> None:
            nonlocal bad
            known[outcome.case] = outcome
            kept.add(outcome.as_dict())
            bad += bool(outcome.violations)
            for violation in outcome.violations:  # at once: a run that is stopped has said what it found
                err.print(f"{outcome.case}: {violation}", style="red", markup=False, soft_wrap=True)
            bar.update(task, advance=1, description=f"{bad} violations")

        try:
            with cluster_at(scheduler) if scheduler else local_cluster(workers or cores()) as client:
                count = len(client.scheduler_info(n_workers=-1)["workers"])
                bar.update(task, description=f"{bad} violations")
                began = time.perf_counter()
                with suppress(KeyboardInterrupt):  # what is done is reported all the same
                    run_cases(client, left, told, firmware=firmware)
                wall_s = time.perf_counter() - began
        except ClusterError as error:
            raise _fail(str(error)) from None
    kept.close()
    outcomes = [known[str(case)] for case in cases if str(case) in known]
    if not outcomes:
        raise _fail("stopped before any run was done")
    found = add_up(outcomes, wall_s, count)
    if len(outcomes) < len(cases):
        err.print(f"stopped after {len(outcomes)} of {len(cases)} runs; --resume goes on", style="red")
    try:
        write_report(found, out / "report.html")
        write_json(found, out / "campaign.json")
    except OSError as error:
        raise _fail(f"cannot write to {out}: {error.strerror}") from None
    if as_json:
        print(json.dumps(found.figures))
    else:
        _figures(found, out)
    return bool(found.failures) or len(outcomes) < len(cases)


def _figures(found, out: Path) -> None:
    """The totals, and the first failures with the line that replays each."""
    say = Console(highlight=False).print
    figures = found.figures
    say(f"{figures['runs']} runs ({figures['single_runs']} of one fault, {figures['pair_runs']} of two), "
        f"{figures['runs_per_minute']} a minute on {figures['workers']} workers")
    if figures["single_faults_named_percent"] is not None:
        say(f"named: {figures['single_faults_named_percent']:g} % of {figures['single_faults_to_be_named']} single "
            "faults that had to be")
    say(f"furthest tip: {figures['worst_over_um']:+.1f} um from the effective maximum")
    shown = found.failures[:20]
    for failure in shown:
        say(f"pen campaign --replay {failure.case}", style="red", markup=False)
        for violation in failure.violations:
            say(f"    {violation}", markup=False, soft_wrap=True)
    if len(found.failures) > len(shown):
        say(f"... and {len(found.failures) - len(shown)} more")
    say(f"{len(found.failures)} violations", style="red" if found.failures else "green")
    say(f"{out / 'report.html'}", markup=False)
