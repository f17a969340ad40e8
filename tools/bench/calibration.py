"""Depth error before and after a guided calibration, over random simulated pens.

Two ways, and the figures say which. *Modelled* pens: the whole of `pen calibrate` (its places, its questions, its fit)
against the pen's own rules for readings and values (`gauging`, `calibration`), with the tip's place worked out from the
pen's geometry, to the microstep, with the home edge found to 2 um. *Whole* pens: the same over the console of a
simulated pen, with the whole firmware, motor and gauge. The error is that of the plant's truth at the microstep where
the pen stops for a depth, at every 50 um that it may use.
"""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass
from typing import Any

from pen.calibrate.fit import Point
from pen.calibrate.gauge import NOISE_UM, SimGauge
from pen.calibrate.wizard import Record, Wizard, Work, await_rest
from pen.link import PenLink, Refused
from sim.plant import PlantParams
from sim.space import shim

calibration, gauging = shim("calibration"), shim("gauging")

PENS, WHOLE = 1000, 10
OFFSET_UM, SCALE_PPM, PLAY_UM = 300.0, 30_000.0, 30.0  # how pens differ, the first two either way
NOMINAL_EDGE_UM = -100
LIMIT_UM = 30
EDGE_FOUND_UM = 2.0  # a homing's own error, either way
SHALLOWEST_UM, STEP_UM = 100, 50
SCENARIO = """title = "A pen to be calibrated"
seed = {pen.seed}
[cartridge]
kind = "gauge_tip"
[pen]
calibration = "missing"
clock = 2026-11-21
[plant]
home_edge_um = {pen.edge_um}
lead_scale_ppm = {pen.scale_ppm}
backlash_um = {pen.play_um}
"""


@dataclass(frozen=True)
class RandomPen:
    """One pen of the specification's spread."""

    edge_um: float
    scale_ppm: float
    play_um: float
    seed: int

    @classmethod
    def number(cls, index: int) -> RandomPen:
        """Pen 0.. of the run: always the same ones; the first eight are the corners."""
        dice = random.Random(7000 + index)
        corner = [1.0 if index >> bit & 1 else -1.0 for bit in range(3)] if index < 8 else None
        edge, scale, play = corner or [dice.uniform(-1, 1) for _ in range(3)]
        return cls(NOMINAL_EDGE_UM + edge * OFFSET_UM, scale * SCALE_PPM, (play + 1) / 2 * PLAY_UM, 7000 + index)

    def tip_um(self, steps: float, down: bool = False) -> float:
        """Where the tip stands so many microsteps outward of the home edge."""
        return self.edge_um - (0 if down else self.play_um) + steps * 1.25 * (1 + self.scale_ppm * 1e-6)


def worst_error_um(pen: RandomPen, offset_um: int, scale_ppm: int, travel_um: int) -> float:
    """The largest error of a depth that such a calibration allows."""
    found = calibration.Calibration()
    found.offset_um, found.scale_ppm = offset_um, scale_ppm
    depths = range(SHALLOWEST_UM, min(travel_um, 2500) + 1, STEP_UM)
    return max(abs(pen.tip_um(found.steps_for(depth_um)) - depth_um) for depth_um in depths)


class _Hand:
    def __init__(self, wire: _Wire):
        self._wire = wire

    def hold_trigger(self, held: bool) -> None:
        self._wire.hold(held)


class _Wire:
    """No time passes on it: the modelled tip is there at once."""

    def __init__(self, pen: RandomPen, longer_um: int):
        self.name = "modelled"
        self.hand = _Hand(self)
        self.plan = gauging.Gauging()
        self._pen = pen
        self.longer_um = longer_um
        self._dice = random.Random(pen.seed + 1)
        self.tip_um = 0.0

    def now_s(self) -> float:
        return 0.0

    def pause(self, seconds: float) -> None:
        """Nothing to wait for."""

    def hold(self, held: bool) -> None:
        if not held:
            return
        steps = self.plan.reach_um * 800 // 1000
        found_at = self._dice.uniform(-EDGE_FOUND_UM, EDGE_FOUND_UM)
        self.tip_um = self._pen.tip_um(steps, self.plan.down) + self.longer_um + found_at
        self.plan.stood = True


class ModelLink:
    """Answers the commands of a calibration out of the pen's own rules. `longer_um`: of its gauge tip."""

    serial, firmware = "MODEL", "0"

    def __init__(self, pen: RandomPen, longer_um: int = 0):
        self.wire = _Wire(pen, longer_um)
        self.stored: tuple[int, ...] = ()

    def write(self, command: str, timeout_s: float = 0) -> None:
        plan = self.wire.plan
        header, _, rest = command.partition(" ")
        fields = rest.split(",")
        reason = b""
        if header == "CAL:BEG":
            plan.begin(self.wire.longer_um)
        elif header == "CAL:MOVE":
            reason = gauging.REASONS[plan.plan(int(fields[0]), fields[1] == "DOWN")]
        elif header == "CAL:READ":
            reason = gauging.REASONS[plan.take(int(fields[0]), fields[1] == "VERIFY")]
        elif header == "CAL:STOR":
            values = tuple(int(field) for field in fields[:3])
            reason = gauging.REASONS[plan.judge(*values)]
            self.stored = () if reason else (*values, plan.travel_um)
        if reason:
            raise Refused(-200, f"Execution error;{reason.decode()}", command)

    def query(self, command: str) -> str:
        return "25.0"

    def fields(self, command: str) -> list[str]:
        plan = self.wire.plan
        if command == "STAT?":
            return ["ready", "no_cartridge", "0"]
        if command == "CAL:TIP?":
            return [str(self.wire.longer_um), "11000", "MODEL"]
        if command == "CAL:POS?":
            return ["STANDS" if plan.stood else "HOLD", str(plan.reach_um), "UP", "0", str(plan.furthest_um)]
        if not self.stored:
            raise Refused(-200, "Execution error;the pen is not calibrated", command)
        return [*map(str, self.stored), "9800", "10165", "1", "MODEL", "MODEL"]


class Quiet:
    """A screen on which nobody looks."""

    def step(self, text: str) -> None: ...

    def hold(self, number: int, count: int, reach_um: int, down: bool) -> None: ...

    def let_go(self) -> None: ...

    def read(self, expected_um: float | None) -> str:
        raise AssertionError("a gauge reads by itself")

    def agree(self, question: str) -> str:
        raise AssertionError("a gauge is not asked")

    def say(self, text: str) -> None: ...

    def taken(self, point: Point, count: int) -> None: ...


def calibrate(link: Any, tip_um: Any, seed: int) -> tuple[Work, Record]:
    """One whole guided calibration with a gauge of NOISE_UM. LinkError where it is refused."""
    wizard = Wizard(link, SimGauge(tip_um, seed), Quiet())
    wizard.run()
    return wizard.work, wizard.store("BENCH", "BENCH", 365)


def modelled(pen: RandomPen) -> Record:
    """The calibration of a modelled pen."""
    link = ModelLink(pen)
    return calibrate(link, lambda: link.wire.tip_um, pen.seed)[1]


def whole(pen: RandomPen) -> Record:
    """The calibration of a whole simulated pen, over its console."""
    from pen.connect import as_technician
    from pen.simwire import SimWire

    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(SCENARIO.format(pen=pen))
        file.flush()
        with PenLink(SimWire(f"sim:{file.name}")) as link:
            await_rest(link)
            as_technician(link, None)
            world = link.wire.pen.world  # type: ignore[attr-defined]
            return calibrate(link, lambda: world.settle().tip_um, pen.seed)[1]


def depth_error(pens: int = PENS, wholes: int = WHOLE) -> dict[str, Any]:
    """The figures. `before`: with the reference pen's values; `after`: with what the calibration found."""
    nominal = (round(PlantParams().home_edge_um - PlantParams().backlash_um), 0, 2600)
    before, after, least_travel = [], [], 9999
    for index in range(pens):
        pen = RandomPen.number(index)
        record = modelled(pen)
        before.append(worst_error_um(pen, *nominal))
        after.append(worst_error_um(pen, record.values.offset_um, record.values.scale_ppm, record.travel_um))
        least_travel = min(least_travel, record.travel_um)
    figures: dict[str, Any] = {
        "calibration_pens": pens, "calibration_worst_error_um_before": round(max(before)),
        "calibration_worst_error_um_after": round(max(after), 1),
        "calibration_median_error_um_after": round(sorted(after)[len(after) // 2], 1),
        "calibration_pens_within_30_um": sum(error <= LIMIT_UM for error in after),
        "calibration_least_travel_um": least_travel, "calibration_gauge_noise_um": NOISE_UM}  # fmt: skip
    found = []
    for index in range(wholes):
        pen = RandomPen.number(index)
        record = whole(pen)
        found.append(worst_error_um(pen, record.values.offset_um, record.values.scale_ppm, record.travel_um))
    figures["calibration_whole_pens"] = wholes
    figures["calibration_whole_worst_error_um_after"] = round(max(found, default=0.0), 1)
    return figures


FIGURES = {"calibration": depth_error}
