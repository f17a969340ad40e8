"""Step edges of a jerk-limited move, computed in floats and apart from the firmware's planner.

Invariant: edge k lies where the ideal motion passes k - 1/2 microsteps.
"""

from functools import cache
from math import sqrt

import numpy as np

SPEED_UM_S = 100e3
ACCEL_UM_S2 = 20e6
JERK_UM_S3 = 60e9
MICROSTEP_UM = 1.25
GRID_S = 2e-7


def _distance(speed: float, accel: float, jerk: float) -> float:
    """Travel from rest to `speed`, um."""
    return speed * (accel / jerk + speed / accel) / 2


@cache
def move(travel_um: float, speed: float = SPEED_UM_S, accel: float = ACCEL_UM_S2) -> np.ndarray:
    """Times in ns of the edges of one move from rest to rest, the first motion at 0."""
    steps = round(travel_um / MICROSTEP_UM)
    travel_um = steps * MICROSTEP_UM
    jerk = JERK_UM_S3
    if 2 * _distance(speed, accel, jerk) > travel_um:
        t1 = accel / jerk
        speed = accel * (sqrt(t1 * t1 / 4 + travel_um / accel) - t1 / 2)
    t1 = accel / jerk
    accelerate = speed / accel - t1
    cruise = travel_um / speed - speed / accel - t1
    phases = ((jerk, t1), (0, accelerate), (-jerk, t1), (0, cruise), (-jerk, t1), (0, accelerate), (jerk, t1))
    jerks = np.concatenate([np.full(round(length / GRID_S), value, float) for value, length in phases])
    position = np.cumsum(np.cumsum(np.cumsum(jerks))) * GRID_S**3
    position = np.maximum.accumulate(position)
    position *= travel_um / position[-1]
    seconds = np.interp(
        (np.arange(steps) + 0.5) * MICROSTEP_UM, position, np.arange(1, len(position) + 1) * GRID_S
    )
    return (seconds * 1e9).astype(np.int64)


def drive(plant, travel_um: float, settle_ns: int = 10_000_000, **limits: float) -> None:
    """Move by `travel_um` (positive outward) and wait for `settle_ns` after the last edge."""
    times = move(abs(travel_um), **limits) + plant.t_ns + 1
    plant.add_steps(times, np.full(len(times), travel_um > 0, np.int8))
    plant.advance(int(times[-1]) + settle_ns)
