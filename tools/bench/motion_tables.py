"""Figures of motion that need no pen: the profile's speed, the edges, the gate under hostile tables, its latency.

The gate runs on its twins where many tables count, and on the PIO block of an emulated RP2040 where cycles count.
"""

from __future__ import annotations

import sys
from math import sqrt
from typing import Any

import numpy as np

from sim.exhaust import gate as gate_check
from sim.pio_steps import FIFO_WORDS, GATE_CYCLES, StepEngine
from sim.space import ROOT, shim

sys.path[:0] = [str(ROOT / "tests" / "gate"), str(ROOT / "tests" / "motion")]
from gate_bench import Pins, emulated_bench, twin_bench  # noqa: E402
from ideal_stroke import CYCLES_PER_S, STEP_UM, IdealStroke, words_of  # noqa: E402

motor = shim("motor")
gate = shim("gate")
profile = shim("profile")
LIMITS = shim("records").Motion()  # the reference pen's

EXTENSIONS_UM = (250, 500, 1000, 1500, 2500)
BODY = shim("depth").zone_number("body")  # the zone that may have every depth
REST_UM = 220  # where the needles park, inside the guide plane, on the nominal pen
SPEED_UM_S = LIMITS.speed_um_s
ACCEL_UM_S2 = LIMITS.accel_mm_s2 * 1000
JERK_UM_S3 = LIMITS.jerk_mm_s3 * 1000
COAST_UM_S2 = LIMITS.coast_mm_s2 * 1000


def planned(plan: Any = profile.planned, word: Any = gate.step_word, coast_um_s2: int = COAST_UM_S2) -> Any:
    """The firmware's planner with the reference pen's limits."""
    limits = SPEED_UM_S, ACCEL_UM_S2, JERK_UM_S3, coast_um_s2
    gears = plan(*limits, word)
    gears.brake = profile.brake_of(*limits)  # for the ideal motion
    return gears


def optimum_s(travel_um: float, brake_um_s2: float) -> float:
    """Least time from rest to rest at the limits of speed, acceleration and braking, without one of jerk."""
    rise, fall = ACCEL_UM_S2, brake_um_s2
    peak = min(SPEED_UM_S, sqrt(2 * travel_um * rise * fall / (rise + fall)))
    return travel_um / peak + peak / (2 * rise) + peak / (2 * fall)


def _stroke_s(plan: Any, travel_um: float) -> float:
    travel = round(travel_um / STEP_UM)
    return 1e-6 * (plan.out_us(travel) + plan.in_us(travel))


def stroke_rates() -> dict[str, dict[str, float]]:
    """Strokes a second by extension, and as a fraction of the optimum at the limits in force, the coast limit included.

    Beside it the same planner braking outward at the acceleration limit: the difference is the price of stopping short
    of the depth when the drive is lost.
    """
    safe, unsafe = planned(), planned(coast_um_s2=ACCEL_UM_S2)
    rates = {}
    for extension_um in EXTENSIONS_UM:
        travel_um = extension_um + REST_UM
        best_s = optimum_s(travel_um, COAST_UM_S2) + optimum_s(travel_um, ACCEL_UM_S2)
        rates[f"{extension_um / 1000:g} mm"] = {
            "strokes_per_s": round(1 / _stroke_s(safe, travel_um), 2),
            "fraction_of_optimum": round(best_s / _stroke_s(safe, travel_um), 4),
            "without_coast_limit_per_s": round(1 / _stroke_s(unsafe, travel_um), 2)}
    return rates


def table_bytes() -> dict[str, int]:
    """RAM of all motion tables, in bytes."""
    plan = planned()
    return {"motion_table_bytes": plan.table_bytes(), "gears_out": len(plan.out_gears), "gears_in": len(plan.in_gears)}


# -- edges --------------------------------------------------------------------------------------------


class _Strokes:
    """The firmware's Motor on the twins' bench, told that it is homed, one stroke at a time."""

    def __init__(self):
        self.bench = twin_bench()
        space = self.bench.space
        self.motor_module = space.module("motor")
        self.carriage_module = space.module("carriage")
        module = self.bench.gate_module
        self.gate = module.Gate(Pins)
        self.profile = planned(space.module("profile").planned, module.step_word)
        calibration = space.module("calibration").Calibration()
        calibration.offset_um = -100
        readings = space.module("safety").Readings()
        self.permit = space.module("safety").Permit()
        self.motor = self.motor_module.Motor(
            self.gate, self.bench.encoder_module.Encoder(Pins), self.profile, calibration, readings,
            lambda: None, lambda depth_um, achieved_um, flags, zone: None, lambda code: None)
        self.motor.calibrated()

    def travel_steps(self, depth_um: int) -> int:
        return self.motor.steps_for(depth_um) - self.motor.steps_for(self.carriage_module.REFERENCE_REST_UM)

    def edges(self, depth_um: int) -> tuple[np.ndarray, np.ndarray]:
        """Cycles and directions of one stroke's rising edges."""
        self.motor.homed = True
        before = len(self.bench.edges())
        self.permit.issue(BODY, depth_um, 2500, 0)
        if not self.motor.start_stroke(self.permit, 0, 0):
            raise RuntimeError(f"no stroke of {depth_um} um")
        while self.gate.busy():
            self.gate.beat()
            self.bench.wait(CYCLES_PER_S // 1000)
        self.motor.abandon()
        edges = np.array(self.bench.edges()[before:])
        return edges[:, 0], edges[:, 1]


def _depths_of_every_gear(strokes: _Strokes) -> dict[tuple[int, int], list[int]]:
    """For each pair of gears, out and in, the shallowest and the deepest extension that takes it, and one between."""
    plan = strokes.profile
    by_gear: dict[tuple[int, int], list[int]] = {}
    for depth_um in range(100, 2501, 5):
        travel = strokes.travel_steps(depth_um)
        out, back = plan.out_gear(travel), plan.in_gear(travel)
        if out is not None and back is not None:
            by_gear.setdefault((plan.out_gears.index(out), plan.in_gears.index(back)), []).append(depth_um)
    return {gears: [found[0], found[len(found) // 2], found[-1]] for gears, found in by_gear.items()}


def edge_accuracy() -> dict[str, float]:
    """Edges of whole strokes of every gear, out and back, through the Motor and the Gate on the twins.

    `worst_table_cycles` against the words, `worst_ideal_microsteps` the largest distance at any PIO cycle between the
    staircase of microsteps and the ideal motion (half a microstep is the least possible).
    """
    strokes = _Strokes()
    worst_cycles, worst_steps, count, runs = 0, 0.0, 0, 0
    for depths in _depths_of_every_gear(strokes).values():
        for depth_um in depths:
            travel = strokes.travel_steps(depth_um)
            at, outward = strokes.edges(depth_um)
            if len(at) != 2 * travel or outward.sum() != travel:
                raise RuntimeError(f"{len(at)} edges for a stroke of {travel} microsteps")
            gaps = (words_of(strokes.profile, travel) >> 1) + gate.MIN_PERIOD_CYCLES
            worst_cycles = max(worst_cycles, int(np.abs(np.diff(at) - gaps[1:]).max()))
            begun = at[0] - gaps[0]
            worst_steps = max(worst_steps, IdealStroke(strokes.profile, travel).worst_distance(at - begun, outward))
            count += len(at)
            runs += 1
    return {"edges": count, "strokes": runs, "gears_out": len(strokes.profile.out_gears),
            "gears_in": len(strokes.profile.in_gears), "worst_table_cycles": worst_cycles,
            "worst_ideal_microsteps": round(worst_steps, 6)}


def gate_orders() -> dict[str, dict[str, int]]:
    """The gate's programs in every order, as `pen check --gate` goes through them: how much, and what broke."""
    results = gate_check.whole(gate_check.Programs(), lambda what, done, of: None)
    return {what: {"cases": result.cases, result.unit: result.passed, "violations": result.violations}
            for what, result in results.items()}


# -- hostile tables -----------------------------------------------------------------------------------


class _Hostile:
    """Two programs armed anew for each table; counts what got past the ceiling."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.steps: list[np.ndarray] = []
        self.engine = StepEngine(lambda cycles, outward: self.steps.append(outward), self._drop)
        self.cycle = 0

    def _drop(self, cycle: int) -> None:
        raise AssertionError("nothing is dropped: EN_N falls only after the last step")

    def arm(self, ceiling: int) -> None:
        """What Gate.arm does to the two programs."""
        engine = self.engine
        self.cycle += 100
        engine.stop_generator(self.cycle)
        engine.stop_gate(self.cycle)
        while engine.pop_waiting() is not None:
            pass
        engine.restart_generator(self.cycle)
        engine.restart_gate()
        engine.drop_request()
        engine.set_drive(False, self.cycle)
        engine.set_x(ceiling)
        engine.start_gate()
        engine.start_generator(self.cycle)
        engine.set_drive(True, self.cycle)
        self.steps.clear()

    def words(self) -> np.ndarray:
        """A table that leans outward: runs of either direction, any period, of 1 to 120 words."""
        random = self.random
        count = int(random.integers(1, 121))
        outward = random.random(count) < random.choice((0.5, 0.7, 0.9, 1.0))
        if random.random() < 0.3:
            outward = np.sort(outward)[::-1]  # all the way out first
        counts = random.integers(0, 1 << int(random.integers(1, 30)), count)
        return (counts << 1 | outward).astype(np.uint32)

    def play(self, words: np.ndarray) -> None:
        """Hand the table over and let it run out, a refusal ending the drive as the gate does."""
        engine = self.engine
        engine.append(words, self.cycle)
        trip = engine.next_trip()
        tripped = trip < 1 << 60
        self.cycle += int((words >> 1).sum()) + (len(words) + FIFO_WORDS) * (gate.MIN_PERIOD_CYCLES + GATE_CYCLES)
        if tripped:
            engine.tell_trip()
            engine.set_drive(False, trip)


def hostile_tables(n: int = 100_000, seed: int = 1) -> dict[str, int]:
    """Random tables against random ceilings, each armed anew; counts steps past the ceiling.

    `short_of_ceiling` counts tables that were refused without having had their whole ceiling: both are to be 0.
    """
    hostile = _Hostile(seed)
    past = short = refused = steps = 0
    for _ in range(n):
        ceiling = int(hostile.random.integers(0, 60))
        hostile.arm(ceiling)
        words = hostile.words()
        hostile.play(words)
        asked = np.cumsum(np.where(words & 1, 1, -1))
        given = np.cumsum(np.where(np.concatenate(hostile.steps), 1, -1)) if hostile.steps else np.zeros(0, int)
        highest = max(0, int(given.max(initial=0)))
        past += max(0, highest - ceiling)
        steps += len(given)
        if asked.max() > ceiling:
            refused += 1
            # the first refusal ends it: exactly the words before it became steps, and all of the ceiling was used
            short += highest != ceiling or len(given) != int(np.argmax(asked > ceiling))
        elif len(given) != len(words):
            short += 1
    return {"tables": n, "tables_over_their_ceiling": refused, "steps": steps,
            "steps_past_ceiling": past, "short_of_ceiling": short}


# -- latency ------------------------------------------------------------------------------------------


def gate_latency() -> dict[str, float]:
    """Cycles of 8 ns on the emulated block, with the two cycles by which silicon's synchroniser delays a pad."""
    return {"interlock_pad_to_en_n_cycles": _interlock_cycles(), **_dead_man_cycles()}


def _armed(bench: Any) -> Any:
    guard = bench.gate_module.Gate(Pins)
    if not guard.arm(100):
        raise RuntimeError("the gate does not arm")
    return guard


def _interlock_cycles() -> int:
    """The worst of sixteen moments."""
    worst = 0
    for moment in range(16):
        bench = emulated_bench(2)
        _armed(bench)
        bench.wait(moment)
        opened = bench.open_interlock()
        bench.wait(20)
        went_high, level = bench.recorder.en_n_changes[-1]
        if level != 1:
            raise RuntimeError("the loop opened and the drive stayed on")
        worst = max(worst, went_high - opened)
    return worst


def _dead_man_cycles() -> dict[str, float]:
    """From the moment the count has run out to EN_N, and the whole time from a heartbeat word."""
    bench = emulated_bench(2)
    word = 3000
    heartbeat_cycles = 3 * (bench.gate_module._HEARTBEAT + 1)
    bench.gate_module._HEARTBEAT = word
    guard = _armed(bench)
    guard.beat()
    counter = bench.host.mcu.pio[0].machines[2]
    ran_out = None
    while bench.recorder.en_n_changes[-1][1] == 0:
        bench.wait(1)
        if ran_out is None and counter.x == 0xFFFFFFFF:
            ran_out = bench.cycle
    return {"dead_man_expiry_to_en_n_cycles": bench.recorder.en_n_changes[-1][0] - ran_out,
            "dead_man_heartbeat_to_en_n_cycles": heartbeat_cycles,
            "dead_man_heartbeat_to_en_n_ms": heartbeat_cycles / 125_000}
