"""Figures of motion that need a whole pen: its firmware on the cpython tier, its mechanics in the plant."""

from __future__ import annotations

import sys
from typing import Any

from sim.space import ROOT, shim

sys.path[:0] = [str(ROOT / "tests" / "motion")]
from motion_rig import PenRig  # noqa: E402

depth = shim("depth")

SLIP_PARTS = 48


def _indication_for(zone: Any, depth_um: int) -> str | None:
    """An indication whose limits let the zone go to this depth."""
    for row in depth.INDICATIONS:
        limit_um = min(zone.supervised_cap_um, row.high_um)
        if row.low_um <= limit_um and zone.min_um <= depth_um <= limit_um:
            return row.key
    return None


def _depths(zone: Any) -> list[tuple[str, int]]:
    """The zone's default depth and the deepest that any indication allows in it, each with its indication."""
    deepest = max(min(zone.supervised_cap_um, row.high_um) for row in depth.INDICATIONS)
    found = [(_indication_for(zone, depth_um), depth_um) for depth_um in (zone.default_um, deepest)]
    return [(key, depth_um) for key, depth_um in found if key is not None]


def _session(zone: str, indication: str, depth_um: int, rate_hz: int | None = None, **tables: Any) -> PenRig:
    row = depth.zone(depth.zone_number(zone))
    rig = PenRig(**tables)
    rig.open_session(zone, indication, depth_um > row.cap_um)
    rig.set(depth_um, rate_hz)
    return rig


# -- depth --------------------------------------------------------------------------------------------


def achieved_error(strokes: int = 20) -> dict[str, Any]:
    """Nominal pen, every allowed zone at its default and deepest depth: how far the needles' furthest point in the
    plant is from the command, and how far what the pen recorded is from that truth."""
    worst, told, where, runs = 0.0, 0.0, "", 0
    by_zone = {}
    for zone in depth.ZONES[1:]:
        for indication, depth_um in _depths(zone):
            rig = _session(zone.key, indication, depth_um)
            rig.strokes_until_fault(strokes)
            if rig.fault():
                raise RuntimeError(f"{zone.key} at {depth_um} um: {rig.fault()}")
            off = max((stroke.max_tip_um - depth_um for stroke in rig.strokes), key=abs)
            by_zone[f"{zone.key} {depth_um} um"] = round(off, 1)
            record = zip(rig.strokes, rig.journal(), strict=True)
            told = max(told, max(abs(row.achieved_um - stroke.max_tip_um) for stroke, row in record))
            runs += 1
            if abs(off) > worst:
                worst, where = abs(off), f"{zone.key} {depth_um} um"
    return {"worst_um": round(worst, 1), "at": where, "worst_recorded_against_truth_um": round(told, 1),
            "runs": runs, "strokes": runs * strokes, "by_zone_um": by_zone}


# -- slips --------------------------------------------------------------------------------------------


def _slip(part: float, depth_um: int, cycles: bool) -> PenRig:
    """A session in whose fifth stroke the motor loses an electrical cycle after `part` of the stroke's time."""
    rig = _session("cheek", "acne_scars", depth_um, 12)
    rig.in_stroke(5, part, rig.lose_a_cycle if cycles else rig.lose_torque_until_slip)
    rig.strokes_until_fault(8)
    return rig


def _found_in(rig: PenRig) -> tuple[int, int | None]:
    """The number of the stroke in which the plant lost a period, and of the first one marked in the journal."""
    slipped = next((i for i, stroke in enumerate(rig.strokes, 1) if stroke.slips), 0)
    marked = next((i for i, row in enumerate(rig.journal(), 1) if "slip" in row.flag_names), None)
    return slipped, marked if rig.fault() else None


def slips_found(parts: int = SLIP_PARTS, depths_um: tuple[int, ...] = (1000, 1500)) -> dict[str, Any]:
    """Slips at moments spread over a stroke; found means that very stroke was marked and the pen stopped.

    Two ways: the motor without torque until a period is lost (it may lose more before it catches, and near the ends
    of the stroke none at all), and the field jumped by exactly one period, which slips at every moment.
    """
    injected = found = no_slip = 0
    missed = []
    for depth_um in depths_um:
        for exact in (False, True):
            for i in range(parts):
                part = (i + 0.5) / parts
                rig = _slip(part, depth_um, exact)
                slipped, marked = _found_in(rig)
                if not slipped:
                    no_slip += 1
                    continue
                injected += 1
                if marked == slipped:
                    found += 1
                else:
                    missed.append({"depth_um": depth_um, "part": round(part, 3), "exact": exact,
                                   "slipped": slipped, "marked": marked, "fault": rig.fault()})
    return {"injected": injected, "found_in_the_same_stroke": found, "percent": round(100 * found / injected, 1),
            "torque_losses_without_a_slip": no_slip, "missed": missed}


# -- rate ---------------------------------------------------------------------------------------------


def rate_error(strokes: int = 100) -> dict[str, Any]:
    """The mean rate over 100 strokes, from the starts of motion in the plant, against the rate in force."""
    worst, rows = 0.0, {}
    cases = (("cheek", "wrinkles", 500, 10), ("cheek", "wrinkles", 500, 20), ("cheek", "wrinkles", 500, 30),
             ("cheek", "wrinkles", 1000, 15), ("cheek", "wrinkles", 1000, 30), ("body", "acne_scars", 2000, 8),
             ("body", "acne_scars", 2000, 16), ("periorbital", "absorption", 200, 20))
    for zone, indication, depth_um, rate_hz in cases:
        rig = _session(zone, indication, depth_um, rate_hz)
        rig.strokes_until_fault(strokes + 1)
        in_force_hz = rig.pen.treatment.rate_mhz / 1000
        taken_s = (rig.strokes[strokes].start_ns - rig.strokes[0].start_ns) / 1e9
        error = strokes / taken_s / in_force_hz - 1
        rows[f"{zone} {depth_um} um, asked {rate_hz} Hz"] = {
            "in_force_hz": in_force_hz, "error_percent": round(100 * error, 4)}
        worst = max(worst, abs(error))
    return {"worst_percent": round(100 * worst, 4), "strokes_a_run": strokes, "runs": rows}
