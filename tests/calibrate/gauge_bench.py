"""A made-up pen and its gauge for the pure parts: any offset, scale and play, with or without noise."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sim.space import shim

gauging = shim("gauging")
calibration = shim("calibration")
safety = shim("safety")


@dataclass
class Bench:
    """Where the tip of one pen stands at a reach; `read` adds the gauge's noise."""

    offset_um: float = -150.0
    scale_ppm: float = 8000.0
    play_um: float = 12.0
    noise_um: float = 0.0
    seed: int = 1
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def truth(self, reach_um: float, down: bool = False) -> float:
        return self.offset_um + reach_um * (1 + self.scale_ppm * 1e-6) + (self.play_um if down else 0)

    def read(self, reach_um: float, down: bool = False) -> int:
        return round(self.truth(reach_um, down) + self.random.gauss(0, self.noise_um))


def take(plan, bench: Bench, reach_um: int, down: bool = False, verify: bool = False, off_um: int = 0) -> int:
    """One point as the pen has it: planned, stood, read."""
    answer = plan.plan(reach_um, down)
    if answer != gauging.GOOD:
        return answer
    plan.stood = True
    return plan.take(bench.read(reach_um, down) + off_um, verify)


def gauged(bench: Bench, checks: bool = True):
    """A whole set of readings, as `pen calibrate` takes them."""
    plan = gauging.Gauging()
    plan.begin(0)
    low = 150 if bench.offset_um > 0 else 300
    for reach_um in (600, 1200, low, 900, 1500, 1800, 2100):
        assert take(plan, bench, reach_um) == gauging.GOOD
    top = plan.furthest_um
    assert take(plan, bench, top) == gauging.GOOD
    for i in range(8):
        assert take(plan, bench, low + (top - 100 - low) * i // 7 // 10 * 10, True) == gauging.GOOD
    fitted = [plan.point(i)[0] for i in range(plan.count)]
    clear = [um for um in range(low, top - 100, 10) if min(abs(um - other) for other in fitted) >= 20]
    for i in range(4 if checks else 0):
        assert take(plan, bench, clear[(2 * i + 1) * len(clear) // 8], i % 2 == 1, verify=True) == gauging.GOOD
    return plan
