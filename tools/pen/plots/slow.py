"""Rate, peak force, motor temperature, battery and motor rail over the session.

Invariants: a row without data is left out; no axis spans less than its least range: noise stays small.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pen.plots import style
from sim.record import Run

PAUSE_S = 1.0  # a longer time between strokes is a pause, not a rate
READINGS = (
    ("motor_temp_c", "motor, °C", 1.0, 10.0, style.LIMIT),
    ("battery_mv", "battery, V", 1e-3, 0.6, style.INK),
    ("rail_mv", "motor rail, V", 1e-3, 1.0, style.INK),
)  # key, label, factor, least range, colour


def slow_figure(run: Run) -> str:
    """Return the figure as SVG; the run must hold strokes or slow samples."""
    return style.svg("slow", _draw, run)


def _draw(run: Run) -> Figure:
    readings = [reading for reading in READINGS if len(run.slow.get(reading[0], ()))]
    rows = len(readings) + (2 if run.truth else 0)
    figure = style.figure(0.5 + 1.12 * rows)
    free = iter(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])
    if run.truth:
        _rate(next(free), run)
        _force(next(free), run)
    for reading in readings:
        _reading(next(free), run, *reading)
    last = figure.axes[-1]
    last.set_xlim(0, max(float(run.result["sim_s"]), 1e-3))
    last.set_xlabel("time since power-on, s")
    style.round_ticks(last.xaxis, 10)
    figure.align_ylabels()
    return figure


def _rate(axes: Axes, run: Run) -> None:
    starts_s = np.array([stroke.t_start_us for stroke in run.truth]) / 1e6
    gap_s = np.diff(starts_s)
    steady = (gap_s > 0) & (gap_s < PAUSE_S)
    rate_hz = 1 / gap_s[steady]
    _dots(axes, starts_s[1:][steady], rate_hz, style.ENCODER)
    axes.set_ylim(0, max(5.0, float(np.max(rate_hz, initial=0)) * 1.2))
    axes.set_ylabel("rate, Hz")
    style.round_ticks(axes.yaxis, 4)


def _force(axes: Axes, run: Run) -> None:
    starts_s = np.array([stroke.t_start_us for stroke in run.truth]) / 1e6
    force_n = np.array([stroke.peak_force_n for stroke in run.truth])
    pierced = np.array([stroke.pierced for stroke in run.truth], bool)
    _dots(axes, starts_s[pierced], force_n[pierced], style.FORCE, label="pierced")
    if not pierced.all():
        missed = ~pierced
        axes.scatter(
            starts_s[missed],
            force_n[missed],
            s=16,
            marker="x",
            lw=1,
            color=style.LIMIT,
            label="did not pierce",
        )
    axes.set_ylim(0, max(0.5, float(np.max(force_n)) * 1.15))
    axes.set_ylabel("peak force, N")
    style.round_ticks(axes.yaxis, 4)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 0.98),
        ncols=2,
        borderaxespad=0,
        handletextpad=0.2,
        markerscale=1.4,
    )


def _dots(axes: Axes, x: Any, y: Any, colour: str, label: str = "") -> None:
    dense = len(x) > style.DENSE
    axes.scatter(x, y, s=2 if dense else 7, lw=0, color=colour, label=label, rasterized=dense)


def _reading(axes: Axes, run: Run, key: str, label: str, factor: float, least: float, colour: str) -> None:
    values = np.asarray(run.slow[key], float) * factor
    axes.plot(run.slow["t_s"], values, color=colour, lw=1.2)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    spare = max(0.08 * (high - low), (least - (high - low)) / 2)
    axes.set_ylim(low - spare, high + spare)
    axes.set_ylabel(label)
    style.round_ticks(axes.yaxis, 4)
