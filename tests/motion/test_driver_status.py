"""What the driver's status says has to last before it counts: one wrong answer, or 25 ms of them, ends no run."""

import pytest
from motion_rig import MS, PenRig, carriage

from sim.parts import tmc2209

SAYS = {
    "short": 0x04, "short and error": 0x204, "error": 0x200, "hot": 0x02, "hot and error": 0x202, "pump low": 0x400,
    "reset": 0x100, "open": 0x40,
}
NAMES = {
    "short": "driver_short", "short and error": "driver_short", "error": "driver_short", "hot": "driver_hot",
    "hot and error": "driver_hot", "pump low": "driver_supply", "reset": "driver_reset",
}
STROKE = 5


def lie(rig, says, ms):
    """The status is false for so long, from now on, and asked for at once; without a time, in the next answer."""
    driver = rig.world.driver
    driver.false_status = SAYS[says]
    rig.world.false.pin("diag", 1)

    def ends():
        driver.false_status = 0
        rig.world.false.pin_ends("diag")

    if ms:
        rig.world.after(ms * MS, ends)
        return
    answer = driver.read_register

    def read(register):
        said = answer(register)
        if register == tmc2209.GSTAT:
            driver.read_register = answer
            ends()
        return said

    driver.read_register = read


def at_rest(rig):
    assert rig.home()
    rig.run_ms(200)


def homing(rig):
    assert rig.run_while(lambda: rig.pen.motor.doing != carriage.HOME_PROBE, 4000)


def run(rig):
    rig.open_session("cheek", "wrinkles")
    rig.set(1000, 12)


@pytest.mark.hazard("H12", "H18")
@pytest.mark.parametrize("ms", [None, 25])
@pytest.mark.parametrize("says", SAYS)
@pytest.mark.parametrize("while_", [at_rest, homing])
def test_a_false_status_is_no_fault(while_, says, ms):
    rig = PenRig()
    while_(rig)
    lie(rig, says, ms)
    rig.run_ms(100)
    assert not rig.world.driver.false_status, "no status was asked for"
    if while_ is homing:
        assert rig.home()
    rig.run_ms(900)
    assert not rig.fault()


@pytest.mark.hazard("H12", "H18")
@pytest.mark.parametrize("ms", [None, 25])
@pytest.mark.parametrize("says", SAYS)
def test_a_false_status_ends_no_run(says, ms):
    rig = PenRig()
    run(rig)
    rig.in_stroke(STROKE, 0.3, lambda: lie(rig, says, ms))
    assert rig.strokes_until_fault(STROKE + 4) == STROKE + 4
    assert not rig.world.driver.false_status, "no status was asked for"
    assert not rig.fault()


@pytest.mark.hazard("H05", "H12")
@pytest.mark.parametrize("ms", [None, 25])
@pytest.mark.parametrize("says", NAMES)
def test_a_false_status_in_a_retract_keeps_no_needles_out(says, ms):
    rig = PenRig()
    run(rig)
    rig.in_stroke(STROKE, 0.5, lambda: setattr(rig.world.settle(), "jam", True))
    rig.strokes_until_fault(STROKE + 4)
    rig.world.settle().jam = False
    assert rig.run_while(lambda: not rig.pen.motor.retracting(), 2000)
    lie(rig, says, ms)
    rig.run_ms(2500)
    assert not rig.world.driver.false_status, "no status was asked for"
    assert rig.world.settle().tip_um < 0 and not rig.pen.safety.service_fault()


@pytest.mark.hazard("H12")
@pytest.mark.parametrize("says", NAMES)
def test_a_status_that_goes_on_saying_so_is_believed_at_once(says):
    rig = PenRig()
    run(rig)
    rig.in_stroke(STROKE, 0.3, lambda: lie(rig, says, 400))
    assert rig.strokes_until_fault(STROKE + 8) <= STROKE + 1
    assert rig.fault() == NAMES[says]
    rig.run_ms(2500)
    assert rig.world.settle().tip_um < 0 or NAMES[says] == "driver_short"
