"""Extension of every stroke against its limit, the error below, and how often each error occurs.

Invariants: what the journal does not hold is a gap, never a zero; encoder and plant keep their colours.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pen.plots import style
from sim.record import Run

LEAST_ERROR_UM = 12  # half height of the error axis, so that quantisation does not fill it


def depth_figure(run: Run) -> str:
    """Return the figure as SVG; the run must hold at least one stroke or record."""
    return style.svg("depth", _draw, run)


def _draw(run: Run) -> Figure:
    pairs = list(run.pairs())
    number = np.arange(1, len(pairs) + 1)
    commanded = _column(
        pairs, lambda record, stroke: record["commanded_um"] if record else stroke.commanded_um
    )
    plant = _column(pairs, lambda _, stroke: stroke.max_tip_um if stroke else None)
    encoder = _column(pairs, lambda record, _: record["achieved_um"] if record else None)
    limit = _column(pairs, lambda _, stroke: stroke.limit_um if stroke else None)
    figure = style.figure(5.6)
    grid = figure.add_gridspec(2, 2, width_ratios=(5, 1), height_ratios=(1.25, 1))
    error = figure.add_subplot(grid[1, 0])
    top = figure.add_subplot(grid[0, 0], sharex=error)
    side = figure.add_subplot(grid[1, 1], sharey=error)
    _extension(top, number, limit, commanded, plant, encoder)
    _label_stretches(top, limit, [record["zone"] if record else None for record, _ in pairs])
    handles, labels = top.get_legend_handles_labels()
    corner = figure.add_subplot(grid[0, 1])
    corner.set_axis_off()
    scale = 3.0 if len(pairs) > style.DENSE else 1.5
    corner.legend(handles, labels, loc="upper left", borderaxespad=0, markerscale=scale, handlelength=1.6)
    errors = [(plant - commanded, style.PLANT, "D"), (encoder - commanded, style.ENCODER, "o")]
    half = _scale_errors(error, side, [values for values, _, _ in errors], run.session.get("error_fault_um"))
    for values, colour, marker in errors:
        _dots(error, number, values, colour, marker)
        _bars(side, values, half, colour)
    margin = 0.5 + 0.01 * len(pairs)
    error.set_xlim(1 - margin, len(pairs) + margin)
    error.set_xlabel("stroke")
    style.round_ticks(error.xaxis, 10, integer=True)
    figure.align_ylabels([top, error])
    return figure


def _column(pairs: list[tuple[Any, Any]], take: Callable[[Any, Any], float | None]) -> np.ndarray:
    """Return one value a stroke, NaN for None."""
    values = [take(record, stroke) for record, stroke in pairs]
    return np.array([np.nan if value is None else value for value in values], float)


def _extension(axes: Axes, number: np.ndarray, limit: Any, commanded: Any, plant: Any, encoder: Any) -> None:
    _staircase(axes, number, limit, color=style.LIMIT, lw=1.7, label="limit in force")
    _staircase(axes, number, commanded, color=style.INK, lw=1.0, ls=(0, (4, 2)), label="commanded")
    _dots(axes, number, plant, style.PLANT, "D", "plant (true)")
    _dots(axes, number, encoder, style.ENCODER, "o", "encoder (journal)")
    highest = np.nanmax(np.concatenate([limit, plant, encoder, commanded]))
    axes.set_ylim(0, max(float(highest), 1.0) * 1.16)
    axes.set_ylabel("extension, µm")
    axes.tick_params(labelbottom=False)
    style.round_ticks(axes.yaxis, 6)


def _staircase(axes: Axes, number: np.ndarray, values: np.ndarray, **look: Any) -> None:
    """Draw one value a stroke as steps half way between strokes, with corners only where it changes."""
    change = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    edges = np.append(number[change] - 0.5, number[-1] + 0.5)
    axes.step(edges, np.append(values[change], values[-1]), where="post", **look)


def _label_stretches(axes: Axes, limit: np.ndarray, zones: list[str | None]) -> None:
    """Write zone and limit on the limit's line, at the start of every stretch wide enough for it."""
    keys = [(zone, value) for zone, value in zip(zones, limit.tolist(), strict=True)]
    starts = [i for i in range(len(keys)) if i == 0 or keys[i] != keys[i - 1]]
    for start, until in zip(starts, [*starts[1:], len(keys)], strict=True):
        zone, value = keys[start]
        text = f"{zone}: {value:.0f} µm" if zone else f"{value:.0f} µm"
        if np.isfinite(value) and (until - start) / len(keys) > 0.0095 * len(text):
            axes.annotate(
                text, (start + 0.5, value), (3, 4), textcoords="offset points", va="bottom",
                color=style.LIMIT, fontsize=9, in_layout=False,
            )  # fmt: skip


def _dots(axes: Axes, number: Any, values: np.ndarray, colour: str, marker: str, label: str = "") -> None:
    dense = len(values) > style.DENSE
    size = {"o": 7, "D": 11}[marker] * (0.25 if dense else 1)
    axes.scatter(number, values, s=size, marker=marker, color=colour, lw=0, label=label, rasterized=dense)


def _scale_errors(axes: Axes, side: Axes, errors: list[np.ndarray], fault_um: float | None) -> float:
    """Set both error axes symmetric, tint what would be a fault, and return the half height in um."""
    finite = np.concatenate(errors)
    half = max(LEAST_ERROR_UM, 1.15 * float(np.max(np.abs(finite[np.isfinite(finite)]), initial=0)))
    if fault_um:
        half = max(half, 1.35 * fault_um)
        for one in (axes, side):
            one.axhspan(fault_um, half, color=style.LIMIT, alpha=0.07, lw=0)
            one.axhspan(-half, -fault_um, color=style.LIMIT, alpha=0.07, lw=0)
        axes.annotate(
            f"fault beyond {fault_um:.0f} µm", (0, fault_um), (3, 3), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="bottom", color=style.LIMIT, fontsize=9,
        )  # fmt: skip
    axes.axhline(0, color=style.LINE, lw=0.9)
    axes.set_ylim(-half, half)
    axes.set_ylabel("achieved − commanded, µm")
    style.round_ticks(axes.yaxis, 7)
    side.tick_params(labelleft=False)
    side.set_xlabel("strokes")
    style.round_ticks(side.xaxis, 3, integer=True)
    return half


def _bars(side: Axes, values: np.ndarray, half: float, colour: str) -> None:
    count, edges = np.histogram(values[np.isfinite(values)], bins=np.linspace(-half, half, 61))
    side.stairs(count, edges, orientation="horizontal", fill=True, color=colour, alpha=0.35, lw=0)
    side.stairs(count, edges, orientation="horizontal", color=colour, lw=1.0)
