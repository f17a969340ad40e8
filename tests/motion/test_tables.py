"""What a run is made of is looked over before it begins: a damaged table or control block moves nothing."""

import pytest
from motion_rig import PenRig, motor, shim

gate = shim("gate")
DEPTH_UM = 1000


def parked() -> PenRig:
    """A pen in session after a run of three strokes: its tables and its chain are those of the next run too."""
    rig = PenRig()
    rig.open_session("cheek", "wrinkles")
    rig.set(DEPTH_UM, 12)
    assert rig.strokes_until_fault(3) >= 3
    rig.outward_steps_at.clear()
    return rig


def nothing_moves(rig) -> bool:
    strokes = len(rig.strokes)
    rig.strokes_until_fault(3)
    return not rig.outward_steps_at and len(rig.strokes) == strokes and not rig.world.settle().motor_current_a


def tables_of(rig):
    travel = rig.pen.motor.steps_for(DEPTH_UM) - rig.pen.motor._rest_steps
    plan = rig.pen.motor._gears
    out, back = plan.out_gear(travel), plan.in_gear(travel)
    return {"out.up": out.up, "out.cruise": out.cruise, "out.bend": out.bend, "tail": plan.tail,
            "in.up": back.up, "in.cruise": back.cruise, "in.down": back.down}


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("bit", [0, 7, 29])
@pytest.mark.parametrize("name", ["out.up", "out.cruise", "out.bend", "tail", "in.up", "in.cruise", "in.down"])
def test_a_table_damaged_at_rest_is_found_before_the_first_step(name, bit):
    rig = parked()
    words = tables_of(rig)[name]
    words[len(words) - 1] ^= 1 << bit
    assert nothing_moves(rig)
    assert rig.fault() == "tables"
    assert rig.world.settle().tip_um <= 0


def test_damage_in_a_table_that_the_run_does_not_use_is_found_when_it_is_used():
    rig = parked()
    rig.pen.motor._gears.out_gears[0].up[3] ^= 2
    assert rig.strokes_until_fault(2) >= 2 and not rig.fault()


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("block", range(7))
@pytest.mark.parametrize("field", range(4))
def test_a_control_block_damaged_at_rest_is_found(block, field):
    rig = parked()
    rig.pen.motor._chain.blocks[4 * block + field] ^= 4
    assert nothing_moves(rig)
    assert rig.fault() == "tables"


def test_a_chain_that_does_not_come_back_is_found_even_if_its_sum_was_taken_of_it():
    """The check that needs no sum: steps out are steps in, and no more than the ceiling."""
    rig = parked()
    needles = rig.pen.motor
    chain, sums = needles._chain, rig.space.module("binascii")
    assert chain.steps(True) == chain.steps(False) == needles._run[motor._TRAVEL]
    chain.blocks[4 * 1 + 2] += 1  # one more microstep of the cruise outward
    needles._blocks_sum = sums.crc32(chain.blocks)
    assert nothing_moves(rig)
    assert rig.fault() == "tables"


def test_a_permit_deeper_than_its_own_maximum_moves_nothing():
    """Limits only tighten: the motor looks once more at what it was handed."""
    rig = parked()
    permit = rig.pen.safety.permit
    permit.issue(6, DEPTH_UM, DEPTH_UM, 0)
    permit.ceiling_um = DEPTH_UM - 50
    assert not rig.pen.motor.start_stroke(permit, 0, rig.now_us)
    assert not rig.outward_steps_at and not rig.pen.gate.enabled()


def test_the_ceiling_is_the_depth_of_each_run():
    rig = parked()
    for depth_um in (1500, 300, 900):
        rig.set(depth_um)
        rig.press()
        needles = rig.pen.motor
        wanted = needles.strokes() + 2
        rig.run_while(lambda motor=needles, wanted=wanted: motor.strokes() < wanted, 1000)
        rig.run_while(lambda motor=needles: motor.doing != 0, 500)
        assert rig.pen.gate.remaining_steps() == needles.steps_for(depth_um) - needles._rest_steps
        rig.press(False)
        rig.run_ms(300)
        assert not rig.fault()
