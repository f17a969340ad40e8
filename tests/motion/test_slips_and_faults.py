"""Whatever goes wrong with the motion is found in the stroke in which it happens, and the needles end inside.

Slips are real ones: the motor without torque until a period is lost, or the rotor one electrical cycle behind at once.
"""

import pytest
from motion_rig import PenRig, motor, pace

from sim.mishaps import MISHAPS
from sim.parts import tmc2209

DEPTH_UM = 1000
STROKE = 5  # the one in which it happens


def session(**tables):
    rig = PenRig(**tables)
    rig.open_session("cheek", "wrinkles")
    rig.set(DEPTH_UM, 12)
    return rig


def marked(rig):
    """Numbers of the strokes that the journal has marked as slipped."""
    return [i for i, row in enumerate(rig.journal(), 1) if "slip" in row.flag_names]


def slipped(rig):
    """Numbers of the strokes in which the plant lost a period."""
    return [i for i, stroke in enumerate(rig.strokes, 1) if stroke.slips]


def needles_in(rig):
    rig.run_ms(9500)  # as long as pulls may be made that no two witnesses end
    plant = rig.world.settle()
    return plant.tip_um <= 0 and not plant.motor_current_a


# -- slips --------------------------------------------------------------------------------------------


@pytest.mark.hazard("H02")
@pytest.mark.parametrize("part", [0.02, 0.1, 0.2, 0.3, 0.4, 0.47, 0.5, 0.53, 0.6, 0.7, 0.8, 0.9, 0.98])
@pytest.mark.parametrize("way", ["lose_a_cycle", "lose_torque_until_slip"])
def test_a_slip_is_found_in_its_stroke(part, way):
    rig = session()
    rig.in_stroke(STROKE, part, getattr(rig, way))
    count = rig.strokes_until_fault(9)
    if not slipped(rig):
        # without torque around the end of a stroke the motor may lose nothing, or lose it only after the stroke
        assert way == "lose_torque_until_slip" and part > 0.9
        assert count == (STROKE + 1 if rig.fault() else 9)
        return
    assert slipped(rig) == marked(rig) == [STROKE]
    assert count == STROKE
    assert rig.fault() in ("slip", "jam")
    assert needles_in(rig)


def test_a_stroke_that_is_well_is_not_marked():
    rig = session()
    assert rig.strokes_until_fault(60) == 60
    assert not rig.fault() and not marked(rig) and not slipped(rig)
    assert all(row.flag_names == [] for row in rig.journal())


@pytest.mark.hazard("H02")
def test_many_small_errors_are_a_slip_too():
    """40 um off is let pass once; over sixteen strokes it is a fault."""
    rig = session()
    needles = rig.pen.motor
    for number in range(STROKE, STROKE + 20):
        # the encoder has lost 40 counts: every stroke reads so much too little
        rig.in_stroke(number, 0.0, lambda first=number == STROKE: first and shift(rig, 40))
    rig.strokes_until_fault(40)
    assert rig.fault() == "slip"
    assert STROKE + 8 <= needles.strokes() <= STROKE + motor.SLIP_WINDOW


def shift(rig, counts):
    """As if the encoder had lost counts: its zero moves, also the one that the run under way goes by."""
    rig.pen.encoder.offset += counts
    rig.pen.motor._run[motor._ZERO] += counts


# -- one witness failing ------------------------------------------------------------------------------


WITNESSES = [
    ("encoder_fault", "dead", {"slip"}),
    ("encoder_fault", "a_stuck", {"slip"}),
    ("home_fault", "stuck_active", {"home_sensor"}),
    ("home_fault", "stuck_inactive", {"home_sensor"}),
]


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("part", [0.0, 0.1, 0.25, 0.45, 0.5, 0.55, 0.75, 0.9, 1.0])
@pytest.mark.parametrize(("what", "how", "codes"), WITNESSES)
def test_a_witness_that_fails_is_found_within_three_strokes(what, how, codes, part):
    rig = session()
    rig.in_stroke(STROKE, part, lambda: setattr(rig.world.settle(), what, how))
    count = rig.strokes_until_fault(9)
    assert rig.fault() in codes
    # a turn that no look saw is let pass twice, as steps and encoder agree
    assert STROKE <= count <= STROKE + (3 if how == "stuck_active" else 1)
    assert needles_in(rig)
    if what == "encoder_fault":  # one stroke may have been a disturbed wire; homing looks at it again
        assert rig.pen.clear_fault()
        assert not rig.home(9000) and rig.fault() == "encoder"


def test_steps_that_are_not_given_back_are_found():
    """The third witness: the gate's count does not come out even, encoder and home sensor are content."""
    rig = session()
    plant = rig.world.settle()
    gate = rig.pen.gate

    def forget_a_cycle():
        # 64 microsteps outward that only the counting end of the gate hears of
        rig.world.pio._engine._x -= 64

    rig.in_stroke(STROKE, 0.2, forget_a_cycle)
    count = rig.strokes_until_fault(9)
    assert rig.fault() in ("internal", "slip") and count == STROKE
    assert not gate.enabled() and plant.tip_um <= 0


# -- blocked, and after a trip ------------------------------------------------------------------------


@pytest.mark.hazard("H02")
@pytest.mark.parametrize("part", [0.05, 0.25, 0.5, 0.75])
def test_a_jam_is_found_in_its_stroke(part):
    rig = session()
    rig.in_stroke(STROKE, part, lambda: setattr(rig.world.settle(), "jam", True))
    count = rig.strokes_until_fault(9)
    assert count == STROKE and rig.fault() in ("jam", "slip")
    assert marked(rig) == [STROKE]
    rig.run_ms(9500)
    assert not rig.world.settle().motor_current_a


def test_a_jam_that_gives_way_during_the_retract_lets_the_needles_in():
    rig = session()
    plant = rig.world.settle()
    rig.in_stroke(STROKE, 0.4, lambda: setattr(plant, "jam", True))
    rig.world.on_stroke.append(
        lambda index, _start_ns, end_ns: index == STROKE and rig.world.at(
            end_ns + 20_000_000, lambda: setattr(plant, "jam", False)))
    rig.strokes_until_fault(9)
    assert needles_in(rig)


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("how", ["interlock", "dead_man", "ceiling"])
def test_after_a_trip_only_a_retract_is_possible(how):
    rig = session()
    world = rig.world
    if how == "interlock":
        rig.in_stroke(STROKE, 0.3, world.pull_cartridge)
    elif how == "dead_man":
        rig.in_stroke(STROKE, 0.3, lambda: rig.stall(60))  # longer than the dead-man waits
    else:
        rig.in_stroke(STROKE, 0.0, lambda: setattr(world, "rogue_tables", True))
    rig.strokes_until_fault(9)
    tripped_ns = world.now_ns
    rig.outward_steps_at.clear()
    rig.run_ms(1500)
    if how == "interlock":
        assert rig.fault() == "cartridge_pulled" and not world.settle().motor_current_a
        world.insert_cartridge()
        rig.run_ms(1500)
    assert not [t_ns for t_ns in rig.outward_steps_at if t_ns > tripped_ns]
    plant = world.settle()
    assert plant.tip_um <= 0 and not plant.motor_current_a
    assert not rig.pen.motor.homed or rig.fault()
    permit = rig.pen.safety.permit
    permit.issue(6, 500, 1500, 0)
    assert not rig.pen.motor.start_stroke(permit, 0, rig.now_us)


# -- the driver ---------------------------------------------------------------------------------------


DRIVER = [
    ({"silent": True}, "driver_silent"),
    ({"babbling": True}, "driver_silent"),
    ({"bad_crc": True}, "driver_silent"),
    ({"short_a": True}, "driver_short"),
    ({"short_b": True}, "driver_short"),
    ({"temperature_c": 160.0}, "driver_hot"),
    ({"undervoltage": True}, "driver_supply"),
    ("reset", "driver_reset"),
]


@pytest.mark.hazard("H12")
@pytest.mark.parametrize(("what", "code"), DRIVER, ids=lambda value: value if isinstance(value, str) else None)
def test_a_fault_of_the_driver_stops_the_pen_with_its_code(what, code):
    rig = session()
    driver = rig.world.driver

    def fail():
        if what == "reset":
            rig.world.driver_reset()
            return
        for name, value in what.items():
            setattr(driver, name, value)

    rig.in_stroke(STROKE, 0.5, fail)
    rig.strokes_until_fault(25)
    rig.run_ms(1500)
    assert rig.fault() == code
    # asked four times a second, and three times before silence is believed
    assert rig.pen.motor.strokes() <= STROKE + 12


SHUT_DOWN = [  # what switches the bridges off, and the fault that says so
    ({"short_a": True}, "driver_short"), ({"temperature_c": 160.0}, "driver_hot"),
    ({"undervoltage": True}, "driver_supply"),
]


@pytest.mark.hazard("H12")
@pytest.mark.parametrize("diag", [None, 0, 1], ids=["diag", "diag_stuck_low", "diag_stuck_high"])
@pytest.mark.parametrize("part", [0.1, 0.45, 0.7, 0.95])
@pytest.mark.parametrize(("what", "code"), SHUT_DOWN, ids=[code for _, code in SHUT_DOWN])
def test_a_driver_that_shuts_down_gives_no_torque_and_is_what_the_fault_names(what, code, part, diag):
    """The carriage coasts and stands, wherever in the stroke; never past the command, never blamed on a sensor."""
    rig = session()
    world = rig.world
    world.diag_stuck = diag
    seen = []

    def fail():
        for name, value in what.items():
            setattr(world.driver, name, value)
        seen.append((world.driver.power_stage_on, world.settle().motor_current_a))

    rig.in_stroke(STROKE, part, fail)
    rig.strokes_until_fault(STROKE + 6)
    rig.run_ms(1500)
    assert seen == [(False, 0)]
    assert rig.fault() == code
    assert rig.furthest_um < DEPTH_UM + 20
    if part == 0.1:
        assert rig.strokes[-1].max_tip_um < 0.6 * DEPTH_UM  # it did not go on to its depth


def test_a_line_of_the_driver_that_is_stuck_is_no_fault_by_itself():
    for level in (0, 1):
        rig = session()
        rig.world.diag_stuck = level
        assert rig.strokes_until_fault(20) == 20 and not rig.fault()


@pytest.mark.hazard("H12")
@pytest.mark.parametrize("for_ms", [25, 3000])
def test_a_disturbed_wire_to_the_driver_is_asked_again_and_blames_nothing_else(for_ms):
    rig = session()
    line = rig.world.uart_line

    def disturb():
        line.noisy = True
        rig.world.after(for_ms * 1_000_000, lambda: setattr(line, "noisy", False))

    rig.in_stroke(STROKE, 0.5, disturb)
    rig.strokes_until_fault(40)
    assert rig.fault() in ("", None) if for_ms == 25 else rig.fault() in ("", None, "driver_silent")


@pytest.mark.hazard("H12")
def test_a_driver_that_is_off_is_named_also_over_a_disturbed_wire():
    for seed in (1, 2, 3):
        rig = session(seed=seed)
        rig.world.diag_stuck = 0
        rig.world.uart_line.noisy = True

        def fail(rig=rig):
            rig.world.driver.short_a = True

        rig.in_stroke(STROKE, 0.3, fail)
        rig.strokes_until_fault(STROKE + 6)
        rig.run_ms(500)
        assert rig.fault() in ("driver_short", "driver_silent")


def test_a_driver_that_was_hot_and_is_cool_again_strokes_again():
    rig = session()
    rig.in_stroke(STROKE, 0.5, lambda: setattr(rig.world.driver, "temperature_c", 160.0))
    rig.strokes_until_fault(STROKE + 6)
    rig.run_ms(1000)
    assert rig.fault() == "driver_hot"
    assert rig.world.settle().motor_temp_c < 40  # the motor is another body
    assert not rig.pen.clear_fault()
    assert rig.run_while(lambda: not rig.pen.clear_fault(), 60_000)
    assert rig.run_while(lambda: rig.state() != "ready", 10_000)


def open_loads(rig, answers):
    """From stroke STROKE on, let the driver's statuses report an open load as `answers` says, then none."""
    driver = rig.world.driver
    answer, left = driver.read_register, list(answers)

    def read(register):
        driver.open_load_a = False
        if register == tmc2209.DRV_STATUS and driver.power_stage_on and len(rig.strokes) >= STROKE and left:
            driver.open_load_a = left.pop(0)
        return answer(register)

    driver.read_register = read
    return left


YES, NO = True, False


@pytest.mark.parametrize("answers", [(YES,), (YES, YES), (YES, YES, NO, YES, YES), (YES, NO) * 4])
def test_fewer_than_three_open_loads_in_a_row_stop_nothing(answers):
    rig = session()
    left = open_loads(rig, answers)
    assert rig.strokes_until_fault(40) == 40
    assert not left, "every status was asked for while strokes ran"
    assert not rig.fault() and rig.state() == "ready"


@pytest.mark.parametrize("before", [(), (YES, YES, NO)])
def test_three_open_loads_in_a_row_are_a_fault(before):
    rig = session()
    left = open_loads(rig, [*before, YES, YES, YES])
    count = rig.strokes_until_fault(60)
    assert rig.fault() == "driver_open" and not left
    # 12 strokes and four statuses a second
    assert abs(count - STROKE - 3 * (len(before) + 3)) <= 4
    assert not rig.pen.gate.enabled()


def test_open_loads_are_counted_over_the_rest_between_runs():
    """Runs shorter than three statuses do not hide it; what the driver says at rest counts neither way."""
    rig = session()
    rig.strokes_until_fault(STROKE)
    left = open_loads(rig, [YES, YES, YES])
    for _ in range(12):  # each meets one status or none
        if left:
            assert not rig.fault()
            rig.strokes_until_fault(2)
            rig.run_ms(930)
    assert rig.fault() == "driver_open" and not left


def test_the_hold_current_is_reduced_at_rest():
    rig = session()
    rig.strokes_until_fault(3)
    driver = rig.world.driver
    # between runs the drive is off, the screw holds by itself
    assert rig.world.settle().motor_current_a == 0
    driver.enable_n = 0  # what the registers that the firmware wrote make of the current while the drive is on
    assert driver.current_rms_a(True) == pytest.approx(0.554, abs=0.001)  # IRUN 26
    assert driver.current_rms_a(False, 5.0) == pytest.approx(0.226, abs=0.001)  # IHOLD 10


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("part", [0.05, 0.3, 0.6, 0.9, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995])
def test_a_loop_that_opens_has_its_name_however_late_in_the_stroke(part):
    """Near the end the stroke is judged before the loop's own look: it must not blame the firmware for it."""
    rig = session()
    rig.in_stroke(3, part, lambda: MISHAPS["interlock_torn"].do(rig.world, None))
    rig.strokes_until_fault(6)
    rig.run_ms(500)
    assert rig.fault() == "cartridge_pulled"
    assert not rig.pen.gate.enabled()


def session_with(mishap, before_us):
    """A run with a mishap so long before a stroke of it is due."""
    rig = session()
    due = []

    def schedule(index, start_ns, end_ns):
        if index == 3:
            due.append(start_ns + (rig.pen.pace._run[pace._PLANNED_US] - before_us) * 1000)
            rig.world.at(due[0], lambda: MISHAPS[mishap].do(rig.world, None))

    rig.world.on_stroke.append(schedule)
    rig.strokes_until_fault(6)
    rig.run_ms(500)
    assert due
    return rig


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("before_us", [50, 200, 500, 900, 1500, 2500, 3500])
def test_a_loop_that_opens_just_before_a_stroke_has_its_name(before_us):
    """The gate refuses the start before the loop has looked again: what it saw last is older than that."""
    assert session_with("interlock_torn", before_us).fault() == "cartridge_pulled"


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("before_us", [100, 400, 800, 1200, 1600, 2000, 2400, 2800])
def test_a_loop_that_chatters_just_before_a_stroke_is_no_fault_of_the_firmware(before_us):
    assert session_with("interlock_bounces", before_us).fault() in ("cartridge_pulled", "drive_dropped")
