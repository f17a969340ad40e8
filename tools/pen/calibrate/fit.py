"""From a gauge's readings to offset, scale and play, and what to expect of the next reading.

At a reach p (nominal um outward from the home edge) the tip stands at offset + p (1 + scale) when it was come to from
inside, and by the play further out when from outside. Pure; docs/calibration.md derives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

RESIDUAL_UM = 30  # what a reading may differ from the calibration: the pen holds the same
OFFSET_UM = (-460, 230)
SCALE_MAX_PPM = 37_000
BACKLASH_MAX_UM = 60
DOUBT_UM = 60.0  # a reading so far from what is expected is questioned


@dataclass(frozen=True)
class Point:
    """One reading of the gauge: extension of the reference tip, um."""

    reach_um: int
    down: bool
    reading_um: float
    verify: bool = False


@dataclass(frozen=True)
class Values:
    """A calibration's values as the pen keeps them."""

    offset_um: int
    scale_ppm: int
    backlash_um: int

    def expected_um(self, reach_um: int, down: bool) -> float:
        """Where the tip stands by these values."""
        return self.offset_um + reach_um * (1 + self.scale_ppm * 1e-6) + (self.backlash_um if down else 0)

    def residuals(self, points: list[Point]) -> list[float]:
        """Each reading less what these values say, um."""
        return [point.reading_um - self.expected_um(point.reach_um, point.down) for point in points]

    def problem(self) -> str:
        """Why no pen may have these values; empty if one may."""
        if not OFFSET_UM[0] <= self.offset_um <= OFFSET_UM[1]:
            return f"an offset of {self.offset_um} um; plausible are {OFFSET_UM[0]} to {OFFSET_UM[1]} um"
        if abs(self.scale_ppm) > SCALE_MAX_PPM:
            return f"a scale of {self.scale_ppm / 1e4:+.2f} %; up to {SCALE_MAX_PPM / 1e4:.1f} % either way"
        if not 0 <= self.backlash_um <= BACKLASH_MAX_UM:
            return f"a play of {self.backlash_um} um; plausible is up to {BACKLASH_MAX_UM} um"
        return ""


def fit(points: list[Point]) -> Values:
    """Least squares over the points that are not for the check; ValueError if they do not determine the values."""
    used = [point for point in points if not point.verify]
    ways = {point.down for point in used}
    if len({point.reach_um for point in used}) < 2 or len(ways) < 2:
        raise ValueError("readings at two places and both ways are needed")
    matrix = np.array([[1.0, point.reach_um, float(point.down)] for point in used])
    moved = np.array([point.reading_um for point in used])
    (offset, slope, play), *_ = np.linalg.lstsq(matrix, moved, rcond=None)
    if play < 0:  # no nut has less than none: noise, so fitted without
        (offset, slope), *_ = np.linalg.lstsq(matrix[:, :2], moved, rcond=None)
        play = 0.0
    return Values(round(float(offset)), round((float(slope) - 1) * 1e6), round(float(play)))


def expected(points: list[Point], reach_um: int, down: bool) -> tuple[float, float] | None:
    """What a reading at a place ought to be, and how far from it one is doubted; None while nothing is known.

    Robust: the median of the lines through all pairs of one way (Theil and Sen), so that one wrong reading among the
    first ones does not pull the expectation after it.
    """
    same = [point for point in points if point.down == down]
    known = same or points
    if not known:
        return None
    play_um = 0.0 if same else BACKLASH_MAX_UM / 2 * (1 if down else -1)
    slack_um = DOUBT_UM if same else DOUBT_UM + BACKLASH_MAX_UM / 2
    slopes = [(b.reading_um - a.reading_um) / (b.reach_um - a.reach_um)
              for a, b in combinations(known, 2) if abs(b.reach_um - a.reach_um) >= 200]  # fmt: skip
    limit = SCALE_MAX_PPM * 1e-6
    if len(slopes) < 2:  # one pair may be one wrong reading
        slope = 1.0
        nearest = min(abs(point.reach_um - reach_um) for point in known)
        slack_um += nearest * limit
    else:
        slope = float(np.clip(np.median(slopes), 1 - limit, 1 + limit))
    level = float(np.median([point.reading_um - slope * point.reach_um for point in known]))
    return level + slope * reach_um + play_um, slack_um
