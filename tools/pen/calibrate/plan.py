"""At which reaches a pen is gauged: two to learn about where it is, then both ways over all that strokes may use."""

from __future__ import annotations

from itertools import pairwise

from pen.calibrate.fit import Point

FIRST_UM = (600, 1200)  # past the guide plane on every pen, and allowed on every one
PLACES = 8  # each way
CHECKS = 4
SHALLOW_UM = 120  # the shallowest reading aimed at: a gauge touches the tip there
BEYOND_UM = 100  # the pen goes so far past a place that it comes to from outside
GRID_UM = 10
WARM_UM = 1500
WARM_UPS = 2


def outward(first: list[Point], furthest_um: int) -> list[int]:
    """The places going out but for the deepest: how deep that may be, readings near it will tell."""
    level_um = sum(point.reading_um - point.reach_um for point in first) / len(first)
    low = max(GRID_UM * 10, _grid(SHALLOW_UM - level_um))
    return _spread(low, furthest_um, PLACES)[:-1]


def inward(shallowest_um: int, furthest_um: int) -> list[int]:
    """The places coming back, from the deepest on; `shallowest_um` is where those going out begin."""
    return _spread(shallowest_um, furthest_um - BEYOND_UM, PLACES)[::-1]


def checks(fitted: list[Point]) -> list[tuple[int, bool]]:
    """Places between those of the fit, spread over them, both ways."""
    found = []
    for down in (False, True):
        reaches = sorted({point.reach_um for point in fitted if point.down == down})
        middles = [_grid((a + b) / 2) for a, b in pairwise(reaches)]
        every = {point.reach_um for point in fitted}
        clear = [middle for middle in middles if min(abs(middle - reach) for reach in every) >= 2 * GRID_UM]
        count = CHECKS // 2
        found += [(clear[(2 * i + 1) * len(clear) // (2 * count)], down) for i in range(count)]
    return found


def _spread(low: int, high: int, count: int) -> list[int]:
    """`high` is on the grid already."""
    return [_grid(low + (high - low) * i / (count - 1)) for i in range(count - 1)] + [high]


def _grid(um: float) -> int:
    return round(um / GRID_UM) * GRID_UM
