"""The session on one time line: events with their text, firmware states, trigger, strokes per second.

Invariants: a text that finds no free place is left out, its marker stays; texts never overlap one another.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from pen.plots import style
from sim.record import Event, Run

KIND_COLOUR = {
    "fault": style.LIMIT,
    "injected": "#8a5a00",
    "cleared": style.FORCE_TEXT,
    "session": style.ENCODER,
    "power": style.INK,
    "note": style.SOFT,
}  # in order of importance; states and hands have strips of their own
BANDS = ("#dbe9f4", "#f8ecd0", "#d9ede5", "#f0e0ec", "#e6e9ec", "#cfdcf5", "#efe6dc", "#dfe8c9", "#e3def2")
BAND_OF_FAULT = "#f6cdbd"
LANES = 7
CHARACTER = 0.0077  # width of a letter as a share of the axes
GAP = 0.009


def session_figure(run: Run) -> str:
    """Return the figure as SVG; a run without strokes says so in place of the strokes."""
    return style.svg("session", _draw, run)


def _draw(run: Run) -> Figure:
    end_s = max(float(run.result["sim_s"]), 1e-3)
    events = sorted(run.events, key=lambda event: event.t_us)
    labelled = [event for event in events if event.kind in KIND_COLOUR]
    lanes_of, lanes = _lanes(labelled, end_s)
    ratios = [0.25 + 0.27 * lanes, 0.42, 0.26, 1.25]
    figure = style.figure(1.0 + sum(ratios))
    marks, states, hand, density = figure.subplots(4, 1, sharex=True, height_ratios=ratios)
    density.set_xlim(-0.004 * end_s, end_s * 1.004)
    density.set_xlabel("time since power-on, s")
    style.round_ticks(density.xaxis, 10)
    _marks(marks, labelled, lanes_of, lanes)
    unnamed = _states(states, events, end_s)
    _hand(hand, events, end_s)
    _density(density, run, end_s)
    for axes in (states, hand, density):
        _lines(axes, labelled)
    if unnamed:
        figure.legend(handles=unnamed, loc="outside lower left", ncols=8, handlelength=1.2, handleheight=1.0)
    return figure


def _short(text: str, most: int = 46) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _span(event: Event, end_s: float) -> tuple[float, float, bool]:
    """Return where the event's text starts and ends (share of the width), and whether it stands left."""
    at = event.t_us / 1e6 / end_s
    width = CHARACTER * len(_short(event.text)) + GAP
    leftward = at + width > 1.0
    return (at - width, at + GAP, True) if leftward else (at - GAP, at + width, False)


def _lanes(events: list[Event], end_s: float) -> tuple[list[int | None], int]:
    """Return each event's lane (None where all are taken; the important come first) and their number."""
    rank = list(KIND_COLOUR)
    order = sorted(range(len(events)), key=lambda i: (rank.index(events[i].kind), events[i].t_us))
    taken: list[list[tuple[float, float]]] = [[] for _ in range(LANES)]
    lanes: list[int | None] = [None] * len(events)
    for i in order:
        start, end, _ = _span(events[i], end_s)
        free = (n for n, lane in enumerate(taken) if all(end < a or start > b for a, b in lane))
        lane = lanes[i] = next(free, None)
        if lane is not None:
            taken[lane].append((start, end))
    return lanes, max((lane + 1 for lane in lanes if lane is not None), default=1)


def _lines(axes: Axes, events: list[Event]) -> None:
    """Draw a line across the axes at every event, behind what the axes show."""
    if not events:
        return
    low, high = axes.get_ylim()
    colours = [KIND_COLOUR[event.kind] for event in events]
    faint = 0.5 if len(events) < 30 else 0.2
    times_s = [event.t_us / 1e6 for event in events]
    axes.vlines(times_s, low, high, colors=colours, lw=0.7, alpha=faint, zorder=1.2)
    axes.set_ylim(low, high)


def _marks(axes: Axes, events: list[Event], lanes_of: list[int | None], lanes: int) -> None:
    end_s = axes.get_xlim()[1] / 1.004
    for event, lane in zip(events, lanes_of, strict=True):
        colour = KIND_COLOUR[event.kind]
        t_s = event.t_us / 1e6
        if lane is None:
            continue
        height = lane + 0.5
        fault = event.kind == "fault"
        axes.plot([t_s, t_s], [-0.3, height], color=colour, lw=0.7, alpha=0.5, zorder=1)
        marker, size, weight = ("D", 5.0, "bold") if fault else ("o", 4.5, "normal")
        axes.plot([t_s], [height], marker=marker, color=colour, ms=size, zorder=4)
        side, shift = ("right", -7) if _span(event, end_s)[2] else ("left", 7)
        axes.annotate(
            _short(event.text), (t_s, height), (shift, 0), textcoords="offset points", va="center", ha=side,
            color=colour, fontsize=9, fontweight=weight, in_layout=False, zorder=3,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip
    left_out = [event for event, lane in zip(events, lanes_of, strict=True) if lane is None]
    colours = [KIND_COLOUR[event.kind] for event in left_out]
    axes.vlines([event.t_us / 1e6 for event in left_out], -0.22, 0.02, colors=colours, lw=0.9)
    axes.set_ylim(-0.3, lanes + 0.1)
    style.bare(axes, "events")


def _states(axes: Axes, events: list[Event], end_s: float) -> list[Patch]:
    """Draw states as bands and return a legend for those too short to carry their name."""
    states = [event for event in events if event.kind == "state"]
    colours: dict[str, str] = {}
    named = set()
    ends = [event.t_us / 1e6 for event in states[1:]] + [end_s] * bool(states)
    for event, until_s in zip(states, ends, strict=True):
        from_s = event.t_us / 1e6
        fresh = BAND_OF_FAULT if "fault" in event.text.lower() else BANDS[len(colours) % len(BANDS)]
        colour = colours.setdefault(event.text, fresh)
        axes.axvspan(from_s, until_s, color=colour, lw=0, zorder=0.5)
        if (until_s - from_s) / end_s > CHARACTER * len(event.text) + GAP:
            named.add(event.text)
            axes.text(
                (from_s + until_s) / 2, 0.5, event.text, ha="center", va="center", fontsize=9,
                in_layout=False, bbox={"facecolor": colour, "edgecolor": "none", "pad": 1},
            )  # fmt: skip
    axes.set_ylim(0, 1)
    style.bare(axes, "state")
    return [
        Patch(color=colour, label=_short(name, 24)) for name, colour in colours.items() if name not in named
    ]


def _hand(axes: Axes, events: list[Event], end_s: float) -> None:
    """Draw the trigger as a bar from a 'hand' event that presses it to the next that releases it."""
    pressed_s = None
    bars = []
    for event in events:
        text = event.text.lower()
        if event.kind != "hand" or "trigger" not in text:
            continue
        if "press" in text and pressed_s is None:
            pressed_s = event.t_us / 1e6
        elif "release" in text and pressed_s is not None:
            bars.append((pressed_s, event.t_us / 1e6 - pressed_s))
            pressed_s = None
    if pressed_s is not None:
        bars.append((pressed_s, end_s - pressed_s))
    axes.broken_barh(bars, (0.22, 0.56), color="#7a8794", lw=0)
    axes.set_ylim(0, 1)
    style.bare(axes, "trigger")


def _density(axes: Axes, run: Run, end_s: float) -> None:
    """Draw strokes per second, in bins of a second, at most 200."""
    bins = int(np.clip(end_s, 8, 200))
    starts = np.array([stroke.t_start_us for stroke in run.truth]) / 1e6
    count, edges = np.histogram(starts, bins=bins, range=(0, end_s))
    axes.stairs(count / np.diff(edges), edges, fill=True, color=style.ENCODER, alpha=0.75, lw=0)
    axes.set_ylabel("strokes per s")
    axes.set_ylim(0, max(1.0, axes.get_ylim()[1]))
    style.round_ticks(axes.yaxis, 4, integer=True)
    if not run.truth:
        axes.text(
            0.5, 0.5, "no strokes were made", transform=axes.transAxes, ha="center", va="center",
            color=style.SOFT, bbox={"facecolor": "white", "edgecolor": "none"},
        )  # fmt: skip
