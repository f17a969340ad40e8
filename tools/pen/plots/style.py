"""House style of the figures: colours, sizes, and the SVG made fit for use inside HTML.

Invariants: no global matplotlib state is touched; an SVG refers to nothing outside itself and its ids carry
the figure's name; text stays text, so that a figure takes the page's font and can be searched.
"""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Okabe and Ito's palette (limit a little darker): told apart with every common colour blindness.
ENCODER = "#0072B2"
PLANT = "#E69F00"
LIMIT = "#C4400A"
FORCE = "#009E73"
FORCE_TEXT = "#00694d"
SKIN = "#CC79A7"
INK = "#1f2933"
SOFT = "#5c6873"
LINE = "#aab4be"

DENSE = 3000  # more points than this become a picture inside the SVG
DPI = 200
WIDTH_IN = 9.8

RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pen",
    "font.size": 9.5,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6eaed",
    "grid.linewidth": 0.7,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "savefig.transparent": True,
}


def svg(name: str, draw: Callable[..., Figure], *arguments: Any) -> str:
    """Call `draw(*arguments)` in the house style and return its figure as an SVG element named `name`."""
    with matplotlib.rc_context(RC):
        figure = draw(*arguments)
        FigureCanvasSVG(figure)
        out = io.StringIO()
        no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", dpi=DPI, metadata=no_metadata)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    head, body = text.split(">", 1)
    box = re.search(r'viewBox="([^"]*)"', head)
    if box is None:
        raise ValueError(f"figure {name} has no viewBox")
    for mark in ('id="', 'href="#', "url(#"):
        body = body.replace(mark, f"{mark}{name}-")
    body = re.sub(r' xmlns(:xlink)?="[^"]*"', "", body)
    return f'<svg viewBox="{box.group(1)}" role="img">{body}'


def figure(height_in: float) -> Figure:
    """Return an empty figure of the report's width, laid out by itself."""
    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def round_ticks(axis: Any, count: int, integer: bool = False) -> None:
    """Put at most `count` ticks on an axis, at round numbers."""
    axis.set_major_locator(MaxNLocator(count, steps=[1, 2, 5, 10], integer=integer, min_n_ticks=1))


def bare(axes: Axes, label: str) -> None:
    """Turn axes into a strip: no frame, no ticks, the label beside it."""
    axes.set_yticks([])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False)
    axes.set_ylabel(label, rotation=0, ha="right", va="center")
