"""The report of a run: one HTML file that opens offline and prints well.

Invariants: no request leaves the file (styles, figures and pictures are inline); every text of the run is
escaped; depth in tissue is only ever a labelled estimate; the same run gives the same bytes.
"""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.image import imsave

from pen.plots.depth import depth_figure
from pen.plots.session import session_figure
from pen.plots.slow import slow_figure
from pen.plots.stroke import LEGEND, stroke_figure
from sim.record import Run, ScreenShot, StrokeDetail

MOST_DETAILS = 12  # figures of single strokes in one report
NEAR_US = 50_000  # an event this close to a stroke belongs to it
MOST_SCREENS = 48
MOST_EVENTS = 2000
LIT = (226, 240, 250)  # colours of the panel's picture
DARK = (16, 22, 30)


def write_report(run: Run, path: Path | str) -> Path:
    """Write the report (UTF-8) and return its path."""
    path = Path(path)
    path.write_text(render(run), encoding="utf-8")
    return path


def render(run: Run) -> str:
    """Return the report as HTML text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(um=_um, seconds=_seconds, plain=_plain)
    return environment.get_template("report.html.j2").render(
        run=run,
        result=run.result,
        session=run.session,
        verdict=verdict(run),
        headline=_headline(run),
        worst_um=worst_error_um(run),
        tissue=tissue_estimate(run),
        pictures=_pictures(run),
        strokes=_stroke_figures(run),
        legend=LEGEND,
        strokes_left_out=max(0, len(drawable(run)) - MOST_DETAILS),
        screens=_screens(run.screens),
        events=sorted(run.events, key=lambda event: event.t_us)[:MOST_EVENTS],
        events_left_out=max(0, len(run.events) - MOST_EVENTS),
    )


def verdict(run: Run) -> dict[str, Any]:
    """Return held and total expectations and a sentence; `ok` is None when the scenario expects nothing."""
    checks = run.result["expectations"]
    held = sum(bool(check["held"]) for check in checks)
    if not checks:
        return {"ok": None, "held": 0, "total": 0, "text": "The scenario states no expectation"}
    if held == len(checks):
        text = f"All {held} expectations held" if held > 1 else "The expectation held"
        return {"ok": True, "held": held, "total": held, "text": text}
    missed = len(checks) - held
    text = f"{missed} of {len(checks)} expectations did not hold"
    return {"ok": False, "held": held, "total": len(checks), "text": text}


def worst_error_um(run: Run) -> float | None:
    """Return the largest |achieved - commanded| in the journal, in um; None without strokes."""
    return max((abs(record["achieved_um"] - record["commanded_um"]) for record in run.journal), default=None)


def tissue_estimate(run: Run) -> dict[str, float] | None:
    """Estimate depth in tissue of pierced strokes, in um: max(0, extension - stand-off - residual dimple).

    From the model's parameters, never a measurement; None when a parameter or a pierced stroke is missing.
    """
    try:
        lost_um = float(run.skin["stand_off_um"]) + float(run.skin["residual_dimple_um"])
    except (KeyError, TypeError):
        return None
    tips = np.array([stroke.max_tip_um for stroke in run.truth if stroke.pierced])
    if not len(tips):
        return None
    depth = np.maximum(0, tips - lost_um)
    return {
        "median_um": float(np.median(depth)),
        "most_um": float(np.max(depth)),
        "stand_off_um": float(run.skin["stand_off_um"]),
        "residual_um": float(run.skin["residual_dimple_um"]),
    }


def drawable(run: Run) -> list[StrokeDetail]:
    """Return the strokes with enough samples for a line, in order of time; other motions only if there are none."""
    details = [detail for detail in run.details if len(detail.t_us) > 1]
    details = [detail for detail in details if detail.index >= 0] or details
    return sorted(details, key=lambda detail: int(detail.t_us[0]))


def chosen_details(run: Run) -> list[StrokeDetail]:
    """Return at most MOST_DETAILS of them in order of time, those near a fault or injection first served."""
    special_us = np.array([event.t_us for event in run.events if event.kind in ("fault", "injected")])

    def ordinary(detail: StrokeDetail) -> bool:
        after = special_us > detail.t_us[0] - NEAR_US
        return not np.any(after & (special_us < detail.t_us[-1] + NEAR_US))

    details = drawable(run)
    order = sorted(range(len(details)), key=lambda i: (ordinary(details[i]), i))
    return [details[i] for i in sorted(order[:MOST_DETAILS])]


def _headline(run: Run) -> list[dict[str, Any]]:
    """Return the few figures on top: label, value, unit, note, and whether they are bad."""
    result = run.result
    over_um, worst_um, faults = result["over_limit_um"], worst_error_um(run), result["faults"]
    over = over_um > 0
    extension = f"{_um(over_um)} over the limit" if over else f"allowed {_um(result['max_allowed_um'])}"
    retracted = result["needles_retracted"]
    end = "retracted at the end" if retracted else "not retracted at the end"
    made, partial = result["strokes"], result.get("partial_strokes", 0)
    cut = f"{partial:,} more cut short, " if partial else ""
    return [
        _figure("strokes", f"{made - partial:,}", "", f"{cut}{result['punctures']:,} punctures"),
        _figure("greatest extension", _whole(result["max_extension_um"]), "µm", extension, over),
        _figure("worst error", _whole(worst_um), "µm" if worst_um is not None else "", "by encoder"),
        _figure("journal", f"{result['journal_strokes']:,}", "", f"of {made:,} strokes on record"),
        _figure("faults", str(len(faults)), "", faults[0]["code"] if faults else "none raised", bool(faults)),
        _figure("needles", "in" if retracted else "out", "", end, not retracted),
    ]


def _figure(label: str, value: str, unit: str, note: str, attention: bool = False) -> dict[str, Any]:
    return {"label": label, "value": value, "unit": unit, "note": note, "attention": attention}


def _pictures(run: Run) -> dict[str, Markup | None]:
    """Draw what there is data for. The SVG is our own output with escaped text: safe to mark so."""
    slow = bool(run.truth) or any(len(values) for values in run.slow.values())
    return {
        "session": Markup(session_figure(run)),
        "depth": Markup(depth_figure(run)) if run.truth or run.journal else None,
        "slow": Markup(slow_figure(run)) if slow else None,
    }


def _stroke_figures(run: Run) -> list[dict[str, Any]]:
    limits = {stroke.index: stroke.limit_um for stroke in run.truth}
    fallback = run.result["max_allowed_um"]
    return [
        {
            "detail": detail,
            "svg": Markup(stroke_figure(detail, limits.get(detail.index, fallback), f"stroke{number}")),
            "facts": _stroke_facts(detail),
        }
        for number, detail in enumerate(chosen_details(run))
    ]


def _stroke_facts(detail: StrokeDetail) -> str:
    lag_um = float(np.max(np.abs(detail.tip_um - detail.command_um)))
    return (
        f"at {detail.t_us[0] / 1e6:.3f} s; turn at {_um(float(np.max(detail.tip_um)))}, peak force "
        f"{float(np.max(detail.force_n)):.2f} N, tips at most {_um(lag_um)} from command, "
        f"rail down to {float(np.min(detail.rail_mv)) / 1000:.2f} V"
    )


def _screens(screens: list[ScreenShot]) -> list[dict[str, Any]]:
    """Return the pictures, leaving out one that equals the picture before it under the same label."""
    shown: list[dict[str, Any]] = []
    for screen in screens:
        png = _png(screen)
        if shown and shown[-1]["png"] == png and shown[-1]["label"] == screen.label:
            continue
        shown.append({"png": png, "label": screen.label, "t_us": screen.t_us})
    return shown[:MOST_SCREENS]


def _png(screen: ScreenShot) -> str:
    """Return the panel's picture as base64 PNG, one dot a pixel, light on dark as on the glass."""
    lit = np.asarray(screen.pixels)[..., None] > 0
    out = io.BytesIO()
    picture = np.where(lit, np.array(LIT, np.uint8), np.array(DARK, np.uint8))
    imsave(out, picture, format="png", metadata={"Software": "pen"})
    return base64.b64encode(out.getvalue()).decode("ascii")


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _um(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} µm"


def _seconds(t_us: float) -> str:
    return f"{t_us / 1e6:,.3f}"


def _plain(value: Any) -> str:
    """Write a value of an expectation the way a reader says it."""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if value is None:
        return "–"
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(one) for one in value) or "none"
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    return str(value)
