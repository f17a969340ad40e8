"""Figures of the sweep and of the random hands: a fixed part of each, as counts. The whole of them takes hours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pen.sweep_runner import run_sweep
from sim.campaign.random_hands import run_seed
from sim.space import FIRMWARE

EVERY_MS = 401
SEEDS = 12


def sweep() -> dict[str, Any]:
    """The home line false at some moments of every motion: runs, and how many broke which rule."""
    found = run_sweep(1, EVERY_MS, FIRMWARE)
    names = ("runs", "tip_past_the_bound", "needles_left_out", "sent_to_service", "violations")
    return {"passages_never_met": len(found.unmet), **{name: found.figures[name] for name in names}}


def hands() -> dict[str, Any]:
    """The first seeds of the random hands: simulated minutes, strokes, and seeds that broke a rule."""
    outcomes = [run_seed(seed) for seed in range(SEEDS)]
    return {
        "seeds": SEEDS, "simulated_min": round(sum(one.sim_s for one in outcomes) / 60, 1),
        "strokes": sum(one.strokes for one in outcomes), "violations": sum(bool(one.broken) for one in outcomes)}


FIGURES: dict[str, Callable[[], dict[str, Any]]] = {"sweep_slice": sweep, "hands_slice": hands}
