"""A whole pen under a technician's hands: the firmware's own loop, its recalibration called as the console calls it."""

from __future__ import annotations

import random
from typing import Any

from motion_rig import PenRig, safety

from sim.build import make_cartridge
from sim.scenario import parse
from sim.space import shim

recalibration = shim("recalibration")
gauging = shim("gauging")
faults = shim("faults")
HOME_MS = 4000


class GaugedPen(PenRig):
    """A pen with the gauge tip in it, and a technician who has proven the key."""

    def __init__(self, **tables: Any):
        tables.setdefault("pen", {"calibration": "missing"}).setdefault("clock", "2026-11-21")
        super().__init__(**{"cartridge": {"kind": "gauge_tip"}, **tables})
        self.core = self.pen.safety
        self.noise = random.Random(3)
        self.run_ms(300)

    def begin(self) -> bytes:
        self.core.technician = True
        said = self.pen.begin_calibration()
        self.work = self.pen.recalibration
        if not said:
            self.await_ready()
            self.run_ms(50)  # a release is seen
        return said

    def await_ready(self) -> bool:
        return self.run_while(
            lambda: self.core.state != safety.READY and self.core.fault == faults.NONE, HOME_MS
        ) and self.core.state == safety.READY

    def stand(self, reach_um: int, down: bool = False) -> float:
        """Have the tip stand at a place; its true extension."""
        assert self.work.move(reach_um, down) == b""
        self.press()
        standing = self.run_while(
            lambda: self.work.phase() != recalibration.STANDS and self.core.fault == faults.NONE, 3000)
        assert standing and self.fault() == "", self.fault()
        return self.world.settle().tip_um

    def let_go(self) -> bool:
        self.press(False)
        return self.await_ready()

    def point(self, reach_um: int, down: bool = False, verify: bool = False, noise_um: float = 5.0) -> float:
        tip_um = self.stand(reach_um, down)
        assert self.work.reading(round(tip_um + self.noise.gauss(0, noise_um)), verify) == b""
        assert self.let_go(), self.fault()
        return tip_um

    def gauge_it(self) -> None:
        """All the readings that a calibration needs."""
        for reach_um in (600, 1200, 400, 900, 1500, 1800, 2100):
            self.point(reach_um)
        self.point(self.work.readings.furthest_um)
        for reach_um in (400, 700, 1000, 1300, 1600, 1900, 2300):
            self.point(reach_um, True)
        self.point(self.work.readings.furthest_um)
        for reach_um, down in ((500, False), (1700, False), (1100, True)):
            self.point(reach_um, down, verify=True)

    def fit(self) -> tuple[int, int, int]:
        """The values, as `pen calibrate` finds them."""
        from pen.calibrate.fit import Point, fit

        kept = [self.work.readings.point(i) for i in range(self.work.readings.count)]
        found = fit([Point(reach, bool(kind & 1), reading, bool(kind & 2)) for reach, reading, kind in kept])
        return found.offset_um, found.scale_ppm, found.backlash_um

    def fit_needles(self) -> None:
        """The gauge tip out, a fresh cartridge in."""
        self.world.pull_cartridge()
        self.run_ms(300)
        tables = {"title": "needles", "cartridge": {"serial": 777}}
        self.world.settle().skin_present = True
        self.world.insert_cartridge(make_cartridge(parse(tables, "needles", "needles")))

    def record(self) -> dict[str, Any] | None:
        """The calibration that a restart would find, by the host's own reader."""
        from penimage import decode

        return decode(self.world.fram.image).records["calibration"].values
