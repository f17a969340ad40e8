"""Moments: where the plant really is when a fault of a phase begins."""

from itertools import pairwise

import pytest

from sim.campaign.moments import MOMENTS, STROKE_PHASES, OutOfOrder, session
from sim.campaign.pens import PENS, PLANT, pen
from sim.plant_params import COAST_MARGIN, PlantParams
from sim.run import Simulation
from sim.space import shim

SWING = 0.5  # of the fastest: after a short ramp the rotor swings about the speed of its field


def numbers(phase):
    return [number for number, (name, _, _) in enumerate(MOMENTS) if name == phase]


def looks(number):
    """What the plant does at each moment of a pen's session: speed, drive, tip."""
    simulation = Simulation(pen(number))
    plan, world, seen = session(number), simulation.world, {}

    def look(moment):
        plant = world.settle()
        seen[moment] = (plant.velocity_um_s, plant.motor_current_a > 0, plant.tip_um)

    for moment in range(len(MOMENTS)):
        world.at(plan.moment(moment), lambda moment=moment: look(moment))
    simulation.run()
    return plan, seen


@pytest.mark.parametrize("number", [0, 2, 3])
def test_the_plant_does_what_the_phase_is_called(number):
    plan, seen = looks(number)
    assert len(seen) == len(MOMENTS)
    fastest = max(speed for speed, _, _ in seen.values())
    for phase in ("accelerating", "cruise", "braking"):
        assert all(seen[moment][0] > 0 for moment in numbers(phase)[3:]), phase  # at the first step the rotor stands
    assert all(seen[moment][0] > SWING * fastest for moment in numbers("cruise"))
    assert sum(seen[moment][0] < 0 for moment in numbers("in")) >= len(numbers("in")) - 1
    assert all(abs(seen[moment][0]) < 0.5 * fastest for moment in numbers("turn"))
    assert all(not seen[moment][1] for phase in ("boot", "aftercare") for moment in numbers(phase)
               if plan.moment(moment) > 60e6)  # the self-test arms for a moment
    deepest = max(seen[moment][2] for phase in STROKE_PHASES for moment in numbers(phase))
    assert all(seen[moment][2] > deepest - 60 for moment in numbers("turn"))


def test_moments_of_a_phase_are_spread_over_it():
    plan = session(0)
    for phase in ("boot", "choosing", "aftercare", "first stroke"):
        start, end = plan.phases[phase]
        parts = [(plan.moment(number) - start) / (end - start) for number in numbers(phase)]
        assert parts == sorted(parts)
        assert parts[0] >= 0 and parts[-1] <= 1
        assert max(b - a for a, b in pairwise(parts)) < 2.0 / len(parts)
    strokes = {plan.moment(number) // 20_000_000 for phase in STROKE_PHASES for number in numbers(phase)}
    assert len(strokes) > 5, "all in one stroke"


@pytest.mark.parametrize("number", range(PENS))
def test_every_pen_is_in_order_without_a_fault(number):
    assert len(session(number).strokes) >= 5


@pytest.mark.parametrize("worst", [0, 1])
def test_every_pen_that_can_be_drawn_brakes_by_itself_as_its_specification_asks(worst):
    """Each figure at the end of its range that drags least: the drag of docs/hardware.md still holds."""
    ends = {name: (low, high) for name, low, high, _ in PLANT}
    least = {"friction_mnm": 0, "spring_preload_n": 0, "screw_efficiency": 1, "moving_mass_g": 1}
    figures = {name: ends[name][end] for name, end in least.items()}
    figures["moving_mass_g"] = ends["moving_mass_g"][worst]
    limit_m_s2 = shim("records").COAST_MM_S2 / 1000
    assert PlantParams(**figures).coast_m_s2() >= COAST_MARGIN * limit_m_s2


def test_a_pen_out_of_order_is_no_base_for_anything(monkeypatch):
    weak = pen(1).model_copy(update={"plant": {"holding_torque_mnm": 6.0}})
    monkeypatch.setattr("sim.campaign.moments.pen", lambda number: weak)
    with pytest.raises(OutOfOrder, match="not in order without any fault"):
        session.__wrapped__(1)
