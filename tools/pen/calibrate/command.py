"""`pen calibrate`: gauges a pen by its technician, and leaves a certificate. Exit codes: 0 the pen keeps the new
calibration, 1 it does not, 2 wrong use."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from pen.calibrate import certificate
from pen.calibrate.gauge import FileGauge, Gauge, GaugeError, IndicatorGauge, SimGauge
from pen.calibrate.screen import TerminalScreen, residual_plot, values_table
from pen.calibrate.wizard import Record, Wizard, Work, await_rest, read_record
from pen.connect import WRONG_USE, AsJson, Key, Port, as_technician, fail, out, pen_at, print_json
from pen.link import PenLink
from pen.wires import LinkError

TAG_CHARS = 8
SIM_TAGS = ("SIM-GAGE", "SIM")
SCENARIO = "sim:gauge_tip"

Readings = Annotated[Path | None, typer.Option(metavar="FILE", help="Readings, one a line in the order of the points.")]
GaugePort = Annotated[str | None, typer.Option("--gauge", metavar="PORT", help="A digital indicator's serial port.")]
GaugeId = Annotated[str, typer.Option(help="The gauge's name on the record, up to 8 characters.")]
Technician = Annotated[str, typer.Option(help="The technician's, up to 8 characters.")]
DueDays = Annotated[int, typer.Option(min=1, max=1100, help="Days until it is due again.")]
OutDir = Annotated[Path, typer.Option("--out", help="Where certificate, readings and JSON are written.")]
Typed = Annotated[bool, typer.Option("--typed", help="With sim: type the readings all the same.")]
Noise = Annotated[float, typer.Option(min=0, max=50, help="With sim: the gauge's noise, um.")]


def calibrate(
    port: Port = None, key: Key = None, gauge_id: GaugeId = "", technician: Technician = "", due_days: DueDays = 365,
    readings: Readings = None, gauge: GaugePort = None, typed: Typed = False, noise: Noise = 5.0,
    out_dir: OutDir = Path("out/calibrate"), as_json: AsJson = False,
) -> None:
    """Calibrate a pen against a gauge, with the gauge tip in place of a cartridge."""
    if sum((readings is not None, gauge is not None, typed)) > 1:
        raise fail("the readings come from one place: --readings, --gauge or --typed", WRONG_USE)
    port = SCENARIO if port == "sim:" else port
    with pen_at(port) as link:
        simulated = link.wire.hand is not None
        gauge_id, technician = (given or (default if simulated else "") for given, default in
                                zip((gauge_id, technician), SIM_TAGS, strict=True))  # fmt: skip
        _check_tag("gauge", "--gauge-id", gauge_id)
        _check_tag("technician", "--technician", technician)
        source = _source(link, readings, gauge, typed, noise)
        _check_place(out_dir)
        work = _calibrate(link, key, source, (gauge_id, technician, due_days), as_json)
    try:
        written = certificate.write(work, out_dir)
    except OSError as error:
        what = f"{error.filename} cannot be written: {error.strerror}"
        raise fail(f"the pen has its new calibration, but {what}") from None
    if as_json:
        print_json(certificate.summary(work))
        return
    assert work.after is not None
    out.print(residual_plot(work))
    out.print(values_table(work.after, work.before))
    out.print(f"\n[green]The pen has calibration {work.after.number}.[/] Certificate: {written[0]}")


def _check_tag(what: str, option: str, text: str) -> None:
    if not text:
        raise fail(f"{option} is missing: the record names the {what}", WRONG_USE)
    if len(text) > TAG_CHARS or not text.isascii() or not text.isprintable() or '"' in text:
        raise fail(f"'{text}' does not do: {option} has 1 to {TAG_CHARS} plain characters", WRONG_USE)


def _check_place(directory: Path) -> None:
    """Half an hour of measuring should not end where its certificate cannot be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise fail(f"cannot write to {directory}: {error.strerror}; name another place with --out", WRONG_USE) from None


def _source(link: PenLink, readings: Path | None, port: str | None, typed: bool, noise: float) -> Gauge | None:
    """Where the readings come from; None: they are typed."""
    try:
        if readings is not None:
            return FileGauge(readings)
        if port is not None:
            return IndicatorGauge(port)
    except GaugeError as error:
        raise fail(str(error), WRONG_USE) from None
    pen: Any = getattr(link.wire, "pen", None)
    if pen is None or typed:
        return None
    return SimGauge(lambda: pen.world.settle().tip_um, pen.scenario.seed, noise)


def _calibrate(link: PenLink, key: Path | None, source: Gauge | None, tags: tuple[str, str, int], quiet: bool) -> Work:
    """All but the files. Ends the command with a clear word if the pen keeps its old calibration."""
    before = None
    wizard = None
    try:
        before = read_record(link)
        await_rest(link)
        as_technician(link, key)
        wizard = Wizard(link, source, TerminalScreen(_Silent() if quiet else out, quiet=link.wire.hand is not None))
        wizard.run()
        wizard.store(*tags)
        return wizard.work
    except KeyboardInterrupt:
        if wizard is not None:
            wizard.abort()
        raise fail(f"given up. {_stays(before)}", 1) from None
    except LinkError as error:
        if wizard is not None:
            wizard.abort()
        raise fail(f"{error}. {_stays(before)}") from None


def _stays(before: Record | None) -> str:
    if before is None:
        return "The pen has no calibration, as before"
    return f"Calibration {before.number} of {before.date} stays in force"


class _Silent(type(out)):
    """Prints nothing: with --json the object is all there is."""

    def print(self, *_: Any, **__: Any) -> None:
        pass
