"""What a calibration leaves: a certificate that prints on one page, the readings as CSV, everything as JSON."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from pen.calibrate.fit import BACKLASH_MAX_UM, OFFSET_UM, RESIDUAL_UM, SCALE_MAX_PPM, Point
from pen.calibrate.wizard import Work
from pen.plots import style

COLUMNS = ("place", "use", "way", "reach_um", "reading_um", "expected_um", "residual_um")
WAYS = {False: ("going out", ">"), True: ("coming back", "<")}


def write(work: Work, folder: Path) -> list[Path]:
    """Write the three files; their paths. OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "certificate.html", folder / "readings.csv", folder / "calibration.json"]
    paths[0].write_text(render(work), encoding="utf-8")
    with paths[1].open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows(work))
    paths[2].write_text(json.dumps(summary(work), indent=2) + "\n", encoding="utf-8")
    return paths


def rows(work: Work) -> list[dict[str, Any]]:
    """Every reading with what the values say of it."""
    assert work.values is not None
    found = []
    for place, point in enumerate(work.points, 1):
        expected = work.values.expected_um(point.reach_um, point.down)
        found.append({
            "place": place, "use": "check" if point.verify else "fit", "way": WAYS[point.down][0],
            "reach_um": point.reach_um, "reading_um": point.reading_um, "expected_um": round(expected, 1),
            "residual_um": round(point.reading_um - expected, 1)})  # fmt: skip
    return found


def summary(work: Work) -> dict[str, Any]:
    """The calibration as one object."""
    def record(found):
        return None if found is None else {
            **asdict(found.values), "travel_um": found.travel_um, "date": found.date and found.date.isoformat(),
            "due": found.due and found.due.isoformat(), "number": found.number, "gauge": found.gauge,
            "technician": found.technician}  # fmt: skip

    return {
        "pen": work.serial, "firmware": work.firmware, "calibration": record(work.after), "before": record(work.before),
        "worst_fit_um": round(worst_um(work, False), 1), "worst_check_um": round(worst_um(work, True), 1),
        "limit_um": RESIDUAL_UM, "motor_c": work.temperature_c, "readings_questioned": work.questions,
        "readings": rows(work)}  # fmt: skip


def worst_um(work: Work, verify: bool) -> float:
    """The largest residual of the fit's readings or of the check's, either way."""
    return max(abs(residual) for residual in work.residuals(verify))


def render(work: Work) -> str:
    """The certificate as HTML, all inline."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True)  # fmt: skip
    return environment.get_template("certificate.html.j2").render(
        work=work, after=work.after, before=work.before, rows=rows(work), figure=style.svg("residuals", _draw, work),
        worst_fit=worst_um(work, False), worst_check=worst_um(work, True), limit=RESIDUAL_UM, offsets=OFFSET_UM,
        scale_max=SCALE_MAX_PPM, play_max=BACKLASH_MAX_UM,
        spread=float(np.sqrt(np.mean(np.square(work.residuals(False) + work.residuals(True))))))


def _draw(work: Work) -> Figure:
    """Residuals over the extension, with the limit."""
    assert work.values is not None
    figure = style.figure(2.5)
    axes = figure.add_subplot()
    axes.axhspan(-RESIDUAL_UM, RESIDUAL_UM, color="#eef3f6", zorder=0)
    axes.axhline(0, color=style.SOFT, linewidth=0.8)

    def put(points: list[Point], marker: str, colour: str, label: str) -> None:
        at = [point.reading_um / 1000 for point in points]
        axes.plot(at, work.values.residuals(points), marker, color=colour, markersize=5, label=label)  # type: ignore

    for down, (name, marker) in WAYS.items():
        fitted = [point for point in work.points if point.down == down and not point.verify]
        put(fitted, marker, style.ENCODER if down else style.INK, name)
    put([point for point in work.points if point.verify], "D", style.LIMIT, "check")
    axes.set_ylim(-1.3 * RESIDUAL_UM, 1.3 * RESIDUAL_UM)
    axes.set_xlabel("gauge, mm")
    axes.set_ylabel("gauge less calibration, um")
    axes.legend(loc="upper right", ncols=3, frameon=False)
    return figure
