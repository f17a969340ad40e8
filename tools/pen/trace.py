"""`pen trace`: a VCD file, of a scenario every net at its nanosecond, of a pen what its console tells, look by look."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.progress import BarColumn, Progress, TextColumn
from vcd import VCDWriter

from pen.connect import WRONG_USE, Port, err, fail, out, pen_at
from pen.link import PenLink
from pen.watch import Look, look
from pen.wires import LinkError

NOTE = "sampled over the console: what lies between two looks is not in here"
SIZES = {
    "extension_um": 32, "rate_mhz": 32, "rail_mv": 32, "battery_mv": 32, "motor_dc": 32, "fault": 8,
    "depth_um": 32, "strokes": 32,
}

To = Annotated[Path, typer.Option("--out", help="The file to write (GTKWave, PulseView).")]
Seconds = Annotated[float, typer.Option(min=0.5, max=3600, help="How long to look at a pen.")]
Interval = Annotated[float, typer.Option(min=0.02, max=10, help="Seconds from one look to the next.")]
Scenario = Annotated[
    str | None, typer.Option(metavar="NAME", help="Run this scenario instead, and keep every net of it.")]


def trace(
    port: Port = None, to: To = Path("trace.vcd"), seconds: Seconds = 10.0, interval: Interval = 0.05,
    scenario: Scenario = None,
) -> None:
    """Write waveforms: of a pen as its console tells them, or with --scenario all nets of a simulated run."""
    if scenario is not None:
        _of_scenario(scenario, to)
        return
    with pen_at(port) as link, _opened(to) as file:
        looks = _of_pen(link, file, seconds, interval)
    out.print(f"{to}: {looks} looks", soft_wrap=True)
    out.print(NOTE.capitalize() + ".", style="dim")


def _opened(to: Path) -> TextIO:
    """The file, made only once there is a pen to look at."""
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        return to.open("w", encoding="ascii", newline="\n")
    except OSError as error:
        raise fail(f"cannot write {to}: {error.strerror}", WRONG_USE) from None


def _of_scenario(name: str, to: Path) -> None:
    from pen.cli import run

    run(name, vcd=to)


def _of_pen(link: PenLink, file: TextIO, seconds: float, interval_s: float) -> int:
    """Look again and again; a pen that vanishes leaves what was seen until then in a whole file. The looks."""
    looks = 0
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f} s"))
    with (
        VCDWriter(file, "1 ms", "", f"{link.serial}: {NOTE}") as vcd,
        Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar,
    ):
        state = vcd.register_var("pen", "state", "string", init="")
        stage = vcd.register_var("pen", "stage", "string", init="")
        values = {name: vcd.register_var("pen", name, "integer", size=size, init=None) for name, size in SIZES.items()}
        task = bar.add_task(f"Looking at {link.serial}", total=seconds)
        began_ms = None
        while True:
            seen = look(link)
            if began_ms is None:
                began_ms, starts = seen.uptime_ms, seen.starts
            elif seen.starts != starts:
                raise LinkError("the pen restarted: its clock began anew, the trace ends there")
            at_ms = seen.uptime_ms - began_ms
            vcd.change(state, at_ms, seen.state)
            vcd.change(stage, at_ms, seen.stage)
            for name, value in _values(seen).items():
                vcd.change(values[name], at_ms, "x" if value is None else value)
            looks += 1
            bar.update(task, completed=at_ms / 1000)
            vcd.flush(at_ms)  # so far nothing more changed, and a file cut off here is whole
            if at_ms >= seconds * 1000:
                return looks
            link.wire.pause(interval_s)


def _values(seen: Look) -> dict[str, int | None]:
    return {
        "extension_um": seen.extension_um, "rate_mhz": round(seen.rate_hz * 1000), "rail_mv": round(seen.rail_v * 1000),
        "battery_mv": round(seen.battery_v * 1000), "motor_dc": round(seen.temperature_c * 10), "fault": seen.fault,
        "depth_um": seen.session["depth_um"] if seen.session else None,
        "strokes": seen.session["strokes"] if seen.session else None,
    }
