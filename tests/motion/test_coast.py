"""Drive lost on the way out: the needles stop short of the commanded depth, wherever it happens.

The plan's own words move the plant, and its drive is switched off at many moments of the way out. Judged is the
plant's truth. The pens have the least drag that the specification allows (docs/hardware.md), in air and in skin.
"""

import random
from math import sqrt

import numpy as np
import pytest
from ideal_stroke import STEP_UM, edges_of, words_of
from motion_rig import PenRig

from sim.plant import Plant, PlantParams
from sim.plant_params import COAST_MARGIN
from sim.space import shim

gate, profile, records = shim("gate"), shim("profile"), shim("records")

OVER_UM = 10  # past the command: ringing and detent take up to 5 um of it, whether or not the drive is lost
REST_UM = 120
PHASES = 24
DEPTHS_UM = range(250, 2501, 250)
SETTLE_NS, COAST_NS = 5_000_000, 60_000_000  # 100 mm/s against 5 m/s2 is over in 20 ms
RUN_RMS_A = 27 / 32 * 0.325 / 0.35 / sqrt(2)  # IRUN 26 of the driver's registers
RUN_SCALE = RUN_RMS_A / 0.6
LIMITS = records.Motion()
LEAST_M_S2 = COAST_MARGIN * LIMITS.coast_mm_s2 / 1000


def plan(coast_mm_s2):
    return profile.planned(
        LIMITS.speed_um_s, LIMITS.accel_mm_s2 * 1000, LIMITS.jerk_mm_s3 * 1000, coast_mm_s2 * 1000, gate.step_word)


SAFE, UNSAFE = plan(LIMITS.coast_mm_s2), plan(LIMITS.accel_mm_s2)


def weakest(**params) -> PlantParams | None:
    """The pen with the least friction that the specification allows; None if the plant knows none so smooth."""
    whole = {"spring_preload_n": 0.5, "spring_rate_n_mm": 0.0, "viscous_ns_m": 0.0, **params, "start_um": -REST_UM}
    low, high = 0.2, 2.0
    if PlantParams(**whole, friction_mnm=high).coast_m_s2() < LEAST_M_S2:
        return None
    for _ in range(20):
        middle = (low + high) / 2
        if PlantParams(**whole, friction_mnm=middle).coast_m_s2() < LEAST_M_S2:
            low = middle
        else:
            high = middle
    return PlantParams(**whole, friction_mnm=high)


def pull_in(pen: PlantParams) -> float:
    """What the motor has at 100 mm/s over what the ramp asks of it there; under 1 it would lose steps on any stroke."""
    motor_n = 1571 * pen.holding_torque_mnm * 1e-3 * RUN_SCALE / (1 + 100 / (4 * pen.corner_rev_s))
    return motor_n / (pen.mass_kg * (20 + pen.coast_m_s2()) + 0.1 * pen.viscous_ns_m)


def draw_pens(count):
    """Pens of the least drag, different in everything that makes a carriage swing, with a motor that is up to them."""
    draw, pens = random.Random(3), []
    while len(pens) < count:
        pen = weakest(
            holding_torque_mnm=draw.uniform(18, 25), detent_torque_mnm=draw.uniform(0.5, 3),
            rotor_inertia_kgm2=draw.uniform(1.5e-7, 2.5e-7), moving_mass_g=draw.uniform(2, 15),
            screw_efficiency=draw.uniform(0.4, 0.65), damping_ms=draw.uniform(0.25, 0.8),
            backlash_um=draw.uniform(0, 12), spring_preload_n=draw.uniform(0.5, 1.5),
            spring_rate_n_mm=draw.uniform(0, 0.2), viscous_ns_m=draw.uniform(0, 6))
        if pen is not None and pull_in(pen) >= 1.05:
            pens.append(pen)
    return pens


REFERENCE = weakest()
PENS = [REFERENCE, weakest(detent_torque_mnm=3), weakest(damping_ms=0.25), weakest(holding_torque_mnm=18),
        weakest(backlash_um=0), weakest(backlash_um=12), weakest(rotor_inertia_kgm2=2.2e-7)]
AIR, SKIN = {"skin_present": False}, {"stand_off_um": 0.0}
AIR_THEN_SKIN = {"stand_off_um": 800.0}


def over_um(moves, pen, depth_um, part, skin) -> float:
    """How far past the command the tips get when the drive goes off after `part` of the way out's time."""
    travel = round((depth_um + REST_UM) / STEP_UM)
    at, outward = edges_of(words_of(moves, travel))
    plant = Plant(pen)
    for name, value in skin.items():
        setattr(plant, name, value)
    plant.drive_rms_a = RUN_RMS_A
    plant.set_drive(True)
    plant.advance(SETTLE_NS)
    # the command counts from where the field holds the nut, the tips follow half the play behind
    command_um = plant.command_um + travel * STEP_UM - pen.backlash_um / 2
    start_ns = plant.t_ns + 1
    plant.add_steps(start_ns + 8 * at, outward.astype(np.int8))
    cut_ns = start_ns + round(8 * at[travel - 1] * part)
    plant.advance(cut_ns)
    plant.drop_steps_after(cut_ns)
    plant.set_drive(False)
    plant.advance(cut_ns + COAST_NS)
    return plant.max_tip_um - command_um


def worst_um(moves, pen, depth_um, skin, phases=PHASES) -> float:
    return max(over_um(moves, pen, depth_um, (i + 0.5) / phases, skin) for i in range(phases))


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("skin", [AIR, SKIN, AIR_THEN_SKIN], ids=["air", "skin", "air then skin"])
@pytest.mark.parametrize("depth_um", DEPTHS_UM)
def test_drive_lost_on_the_way_out_never_passes_the_command(depth_um, skin):
    for pen in PENS:
        assert worst_um(SAFE, pen, depth_um, skin) <= OVER_UM, pen


@pytest.mark.parametrize("depth_um", [100, 200, 400, 1000, 1500])
def test_whatever_makes_the_carriage_swing(depth_um):
    for pen in draw_pens(12):
        assert worst_um(SAFE, pen, depth_um, AIR) <= OVER_UM, pen


@pytest.mark.parametrize("depth_um", DEPTHS_UM)
def test_without_the_coast_limit_it_would(depth_um):
    """What these tests are able to see: braked at the acceleration limit the needles coast on."""
    assert worst_um(UNSAFE, REFERENCE, depth_um, AIR) > 200


def test_the_reference_pen_is_within_its_specification_with_the_weakest_spring():
    assert PlantParams(spring_preload_n=0.5, spring_rate_n_mm=0.0).coast_m_s2() >= LEAST_M_S2


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("phase", range(8))
def test_a_firmware_that_hangs_on_a_whole_pen(phase):
    """The dead-man switches off 50 ms after the last heartbeat, in any phase of whatever stroke runs then."""
    rig = PenRig(plant={"spring_preload_n": 0.5, "spring_rate_n_mm": 0.0, "stand_off_um": 800.0})
    rig.open_session("cheek", "wrinkles")
    rig.set(1500, 15)
    rig.press()
    rig.run_while(lambda: len(rig.strokes) < 3, 1000)
    rig.run_ms(7 * phase)
    rig.world.settle().reset_max()
    rig.stall(70)
    rig.run_ms(100)
    assert rig.fault() == "drive_dropped"
    assert rig.world.settle().max_tip_um <= 1500 + OVER_UM
