"""The steps of a stroke as edges of the chip's STEP pad: each at the cycle that the words in memory say."""


import numpy as np
import pytest

from sim.run import Simulation
from sim.scenario import load

pytestmark = pytest.mark.silicon(minutes=True)

CYCLE_NS = 8
PARK_STEPS = 100  # at the end of a homing, from the edge to rest; its other motions end before their tables do
LOOK_CYCLES = 2  # what a look at the generator may delay the last step by (gate.Gate.busy)


def gaps(chip):
    """Of every motion of a session that was made whole: the cycles between its steps as planned in memory, and as they
    were; and how many strokes are on record."""
    simulation = Simulation(load("zone_nose"), "silicon")
    world = simulation.world
    world.plug(chip)
    planned, made = {}, {}
    plan, tell = world.motion_planned, world.recorder.steps_made

    def planning(times_ns, outward):
        plan(times_ns, outward)
        planned[world.recorder.motions] = times_ns

    def telling(motion, times_ns, outward):
        if motion == world.recorder.motions:
            made[motion] = times_ns
        tell(motion, times_ns, outward)

    world.motion_planned, world.recorder.steps_made = planning, telling
    run = simulation.run()
    return [
        (np.diff(planned[motion]) // CYCLE_NS, np.diff(got) // CYCLE_NS) for motion, got in made.items()
        if len(planned[motion]) == len(got)], len(run.journal)


def test_every_step_comes_at_its_cycle(started_chip):
    motions, strokes = started_chip.forked(gaps)
    assert sum(len(want) > PARK_STEPS for want, _ in motions) == strokes > 50
    for want, got in motions:
        assert (want[:-1] == got[:-1]).all()
        assert 0 <= got[-1] - want[-1] <= LOOK_CYCLES
