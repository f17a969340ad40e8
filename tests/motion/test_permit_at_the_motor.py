"""The motor's own look at a permit: the second one, for a core that grants what it must not.

The permits here are forged: the safety core would not issue most of them.
"""

from dataclasses import dataclass

import pytest
from motion_rig import PenRig, treatment

ZONE = 6


@dataclass
class Forged:
    """A permit that says whatever it was told to."""

    depth_um: int
    ceiling_um: int
    good: bool = True
    zone: int = ZONE
    static: bool = False
    asked: int = 0

    def spend(self, _now_ms: int) -> bool:
        self.asked += 1
        return self.good


@pytest.fixture
def rig():
    rig = PenRig()
    assert rig.home()
    assert rig.run_while(lambda: rig.pen.treatment.stage != treatment.ZONE, 3000), "no cartridge"
    return rig


def starts(rig, permit) -> bool:
    motor = rig.pen.motor
    started = motor.start_stroke(permit, rig.now_us // 1000, rig.now_us)
    rig.run_while(lambda: motor.doing != 0, 500)
    motor.rest()
    return started


def edge_of_a_step(motor, near_um: int) -> int:
    """A depth at which one micrometre more is one microstep more."""
    return next(um for um in range(near_um, near_um + 5) if motor.steps_for(um + 1) == motor.steps_for(um) + 1)


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("near_um", [250, 1000, 2490])
def test_a_stroke_goes_to_its_ceiling_and_not_a_microstep_past_it(rig, near_um):
    depth_um = edge_of_a_step(rig.pen.motor, near_um)
    assert starts(rig, Forged(depth_um, depth_um))
    assert not starts(rig, Forged(depth_um + 1, depth_um))
    assert not starts(rig, Forged(depth_um + 900, depth_um))
    assert starts(rig, Forged(depth_um - 1, depth_um))
    assert rig.furthest_um <= depth_um + 10


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("depth_um", [-2000, -500, -121, -120])
def test_a_depth_that_is_no_way_outward_starts_nothing(rig, depth_um):
    before = len(rig.outward_steps_at)
    assert not starts(rig, Forged(depth_um, 1000))
    assert len(rig.outward_steps_at) == before


@pytest.mark.hazard("H01")
def test_without_a_good_permit_a_home_or_at_rest_nothing_starts(rig):
    motor = rig.pen.motor
    before = len(rig.outward_steps_at)
    bad = Forged(500, 500, good=False)
    assert not starts(rig, bad) and bad.asked == 1
    motor.homed = False
    unasked = Forged(500, 500)
    assert not starts(rig, unasked) and unasked.asked == 0, "it is not spent on a motor that cannot go"
    motor.homed = True
    motor._calibrated = False
    assert not starts(rig, unasked)
    motor._calibrated = True
    assert len(rig.outward_steps_at) == before
    assert motor.start_stroke(unasked, rig.now_us // 1000, rig.now_us)
    assert not motor.start_stroke(Forged(500, 500), rig.now_us // 1000, rig.now_us), "one stroke at a time"
