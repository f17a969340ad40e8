"""What the simulator keeps of a stroke is the whole stroke, whatever ended before it."""

import numpy as np
import pytest

from sim.build import make_world
from sim.parts.tmc2209 import IHOLD_IRUN
from sim.scenario import parse

MS = 1_000_000
STEP_NS = 200_000
PULL_NS = 640 * MS
OUT = 200  # microsteps, 0.25 mm
TAIL_NS = 2 * MS


def steps(world, count, outward, from_ns=0):
    return world.now_ns + from_ns + STEP_NS * np.arange(1, count + 1, dtype=np.int64), np.full(count, outward, np.int8)


def stroke(world):
    (out_ns, out), (in_ns, inward) = steps(world, OUT, 1), steps(world, OUT, 0, OUT * STEP_NS)
    world.steps(np.concatenate((out_ns, in_ns)), np.concatenate((out, inward)))
    return int(in_ns[-1])


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99, 1.001, 1.01, 1.024])
def test_a_motion_that_was_cut_short_does_not_cut_the_stroke_that_runs_when_it_would_have_ended(part):
    """A homing is planned for 4 mm and ends at the stop; its planned end comes 0.6 s later."""
    world = make_world(parse({"title": "recorder", "plant": {"start_um": -110}}, "recorder", "recorder"))
    world.driver.registers[IHOLD_IRUN] = 31 << 8
    world.driver.enable_n = 0
    world.plant.set_drive(True)
    pull_ns = np.arange(1, 3201, dtype=np.int64) * (PULL_NS // 3200)
    world.steps(pull_ns, np.zeros(3200, np.int8))
    world.advance(100 * MS)
    world.drop_steps_after(world.now_ns)
    world.advance(PULL_NS + TAIL_NS - round(part * 2 * OUT * STEP_NS))
    begins_ns, tip_um = world.now_ns, world.settle().tip_um
    last_ns = stroke(world)
    world.advance(last_ns + 10 * MS)
    (truth,) = world.recorder.truth
    assert truth.t_start_us == begins_ns // 1000 and truth.t_end_us == (last_ns + TAIL_NS) // 1000
    assert truth.max_tip_um == pytest.approx(tip_um + 250, abs=20)
    strokes = [detail for detail in world.recorder.details if detail.index > 0]
    assert len(strokes) == 1 and strokes[0].t_us[-1] >= last_ns // 1000
