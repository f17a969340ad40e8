"""One stroke close up: extension, limit and skin against time, axial force on the second axis.

Invariants: both axes share their zero line; thinning keeps every extreme; the legend is the page's.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pen.plots import style
from sim.record import StrokeDetail

MOST_POINTS = 700
LEGEND = (
    ("limit in force", style.LIMIT, "line"),
    ("needle tips (true)", style.PLANT, "thick"),
    ("encoder", style.ENCODER, "line"),
    ("commanded", style.INK, "dashed"),
    ("skin surface before contact", style.SKIN, "dashed"),
    ("axial force, right axis", style.FORCE, "area"),
)  # label, colour, look


def stroke_figure(detail: StrokeDetail, limit_um: int | None, name: str) -> str:
    """Return the figure as SVG; `name` must be unique on the page."""
    return style.svg(name, _draw, detail, limit_um)


def _draw(detail: StrokeDetail, limit_um: int | None) -> Figure:
    figure = Figure(figsize=(4.6, 2.9))
    figure.subplots_adjust(left=0.14, right=0.875, bottom=0.155, top=0.975)  # fixed: neighbours line up
    axes = figure.subplots()
    force = axes.twinx()
    axes.set_zorder(force.get_zorder() + 1)
    axes.patch.set_visible(False)
    keep = thinned(len(detail.t_us), [detail.tip_um, detail.encoder_um, detail.force_n], MOST_POINTS)
    t_ms = (np.asarray(detail.t_us, float)[keep] - float(detail.t_us[0])) / 1000
    if limit_um is not None:
        axes.axhline(limit_um, color=style.LIMIT, lw=1.7)
    if detail.skin_um is not None:
        axes.plot(t_ms, detail.skin_um[keep], color=style.SKIN, lw=1.3, ls=(0, (5, 2)))
    axes.plot(t_ms, detail.tip_um[keep], color=style.PLANT, lw=3.0)
    axes.plot(t_ms, detail.encoder_um[keep], color=style.ENCODER, lw=1.2)
    axes.plot(t_ms, detail.command_um[keep], color=style.INK, lw=0.9, ls=(0, (4, 2)))
    force.fill_between(t_ms, 0, detail.force_n[keep], color=style.FORCE, alpha=0.24, lw=0)
    _scale(axes, force, detail, limit_um)
    axes.set_xlim(t_ms[0], t_ms[-1])
    return figure


def thinned(count: int, tracks: list[np.ndarray], most: int) -> np.ndarray:
    """Return rising indices, about `most`, that keep the extremes of every track in each slice."""
    if count <= most:
        return np.arange(count)
    kept = {0, count - 1}
    for part in np.array_split(np.arange(count), max(1, most // (2 * len(tracks)))):
        for track in tracks:
            kept.add(int(part[np.argmin(track[part])]))
            kept.add(int(part[np.argmax(track[part])]))
    return np.array(sorted(kept))


def _scale(axes: Axes, force: Axes, detail: StrokeDetail, limit_um: int | None) -> None:
    """Give both axes the same zero line, the force about half of the height."""
    low = min(float(np.min(detail.tip_um)), 0.0)
    high = max(float(np.max(detail.tip_um)), float(limit_um or 0), 1.0)
    low, high = low - 0.06 * (high - low), high + 0.06 * (high - low)
    force_high = 2.1 * max(float(np.max(detail.force_n)), 0.5)
    force_low = min(force_high * low / high, 1.1 * float(np.min(detail.force_n)))
    axes.set_ylim(high * force_low / force_high, high)
    force.set_ylim(force_low, force_high)
    axes.set_xlabel("time, ms")
    axes.set_ylabel("extension, µm")
    force.set_ylabel("axial force, N", color=style.FORCE_TEXT)
    force.spines["right"].set_visible(True)
    force.grid(False)
    style.round_ticks(axes.yaxis, 7)
    style.round_ticks(force.yaxis, 6)
