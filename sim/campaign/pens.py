"""The pens of a campaign: drawn by number from the ranges that a pen may have and still be in order.

Needles stand anywhere at power-on. Invariants: a number gives the same pen for ever; its session is short, and its
depth is the effective maximum, so that any travel past the command shows as travel past the limit.
"""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from sim.run import Simulation
from sim.scenario import CartridgeTable, Expect, HandStep, PenTable, Scenario, TreatmentTable
from sim.space import FIRMWARE, shim

depth = shim("depth")

_firmware = [FIRMWARE]

PENS = 12
PAST_LIMIT_UM = 10  # how far past the effective maximum a tip may ever be: ringing and the encoder's own error
RUN_MS = 300
PAUSE_MS = 300
TREATMENTS = (  # zone, indication; the clinic's limit is brought down to the zone's default
    ("cheek", "acne_scars"), ("forehead", "wrinkles"), ("body", "stretch_marks"), ("perioral", "fine_lines"),
    ("arm_back", "acne_scars"), ("scalp", "hair_loss"),
)

# name, from, to, digits. Any draw keeps the drag of docs/hardware.md#drag, the least of them only just
PLANT = (
    ("holding_torque_mnm", 19.0, 22.0, 2), ("detent_torque_mnm", 1.5, 2.5, 2), ("corner_rev_s", 28.0, 34.0, 1),
    ("moving_mass_g", 5.0, 8.0, 2), ("screw_efficiency", 0.45, 0.6, 3), ("friction_mnm", 1.0, 1.2, 3),
    ("viscous_ns_m", 2.0, 6.0, 2), ("damping_ms", 0.3, 0.6, 2),
    ("start_um", -850.0, 2500.0, 0), ("start_phase_um", -30.0, 30.0, 1), ("lead_scale_ppm", -5000.0, 5000.0, 0),
    ("home_edge_um", -160.0, -60.0, 0), ("home_hysteresis_um", 2.0, 8.0, 1), ("backlash_um", 1.0, 10.0, 1),
    ("inner_stop_um", -1000.0, -850.0, 0),
    ("spring_preload_n", 0.6, 1.2, 2), ("spring_rate_n_mm", 0.05, 0.2, 3),
    ("stand_off_um", -100.0, 400.0, 0), ("tremor_um", 0.0, 120.0, 0), ("glide_mm_s", 2.0, 15.0, 1),
    ("needle_dimple_n_mm", 0.2, 0.5, 3), ("needle_pierce_n", 0.08, 0.18, 3), ("pierce_drop", 0.4, 0.6, 2),
    ("needle_friction_n", 0.01, 0.04, 3), ("needle_friction_n_mm", 0.02, 0.06, 3),
    ("battery_ocv_mv", 7500.0, 8400.0, 0), ("battery_mohm", 60.0, 250.0, 0), ("boost_mv", 11800.0, 12300.0, 0),
    ("holdup_uf", 5440.0, 8160.0, 0), ("ambient_c", 15.0, 32.0, 1),
)


@cache
def pen(number: int) -> Scenario:
    """The base session of pen `number` (0 and up), with nothing wrong."""
    rng = random.Random(7919 * number + 11)
    zone, indication = TREATMENTS[number % len(TREATMENTS)]
    plant = {name: round(rng.uniform(low, high), digits) for name, low, high, digits in PLANT}
    if number == 0:
        plant = {}  # the reference pen itself
    hands = [
        HandStep(do="open_session"),
        HandStep(do="pass", ms=RUN_MS, times=2, pause_ms=PAUSE_MS),
        HandStep(do="end_session", within_ms=2000),
        HandStep(do="read_aftercare"),
    ]
    return Scenario(
        name=f"campaign_pen_{number:02d}", title=f"Base session of the campaign's pen {number}", seed=1 + number,
        limit_s=40, settle_ms=1500, treatment=TreatmentTable(zone=zone, indication=indication),
        pen=PenTable(serial=f"PEN-C-{number:02d}", depth_limit_um=_default_um(zone, indication)), plant=plant,
        cartridge=CartridgeTable(
            serial=5000 + number, offset_um=0 if number == 0 else rng.randrange(-200, 201, 20),
            rated_um=rng.choice((1500, 2000, 2500))),
        hands=hands, expect=Expect(over_limit_um=None))  # needles may stand out at power-on; the rules judge depth


def simulate(scenario: Scenario) -> Simulation:
    """The scenario on the firmware that the campaign is about."""
    return Simulation(scenario, firmware=_firmware[0])


def use_firmware(directory: Path) -> None:
    """From now on the campaign of this process is about the firmware of this directory."""
    if directory != _firmware[0]:
        _firmware[0] = directory
        from sim.campaign import moments

        moments.session.cache_clear()


def _default_um(zone: str, indication: str) -> int:
    """The depth that a session of this treatment begins with."""
    limits = depth.Limits()
    number = depth.zone_number(zone)
    limits.choose(number, depth.indication_number(indication), 2500, 2500, False, depth.BUILD_CEILING_UM)
    return limits.default_um(number, depth.indication_number(indication))
