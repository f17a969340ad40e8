"""One wrong reading, or a burst of them, never leaves the needles out, never moves them out, never ends a sound pen.

Each test aims at a moment by what the motor is doing, and says that it was met.
"""

from functools import cache

import pytest
from motion_rig import MS, PenRig, carriage, depth, faults, motor, safety, treatment

from sim.false_levels import HIGH, LOW

DEPTH_UM = 1000
STROKE = 10
SNAP_UM, PAST_EDGE_UM = 45, 150


def session(rate_hz=12):
    rig = PenRig()
    rig.open_session("cheek", "wrinkles")
    rig.set(DEPTH_UM, rate_hz)
    return rig


def lie(rig, level, ms):
    """The home line is false for so long, from now on."""
    rig.world.false.pin("home", level)
    rig.world.after(int(ms * MS), lambda: rig.world.false.pin_ends("home"))


def at_turn(rig, before_ms, ms, strokes=(STROKE,)):
    """In these strokes the line says from `before_ms` before the look at the turn on that the needles never left."""

    def on_stroke(index, start_ns, _end_ns):
        if index in strokes:
            turn_ns = start_ns + (rig.pen.motor._run[motor._OUT_US] + motor.TURN_LATE_US) * 1000
            rig.world.at(turn_ns - int(before_ms * MS), lambda: lie(rig, HIGH, ms))

    rig.world.on_stroke.append(on_stroke)


def at_rest(rig, level, ms):
    def on_stroke(index, start_ns, _end_ns):
        if index == STROKE:
            rest_ns = start_ns + (rig.pen.motor._run[motor._STROKE_US] + motor.TURN_LATE_US) * 1000
            rig.world.at(rest_ns - MS, lambda: lie(rig, level, ms))

    rig.world.on_stroke.append(on_stroke)


def doubts(rig):
    """Strokes in which a look was taken back, counted from 1."""
    words = rig.pen.motor._run[motor._DOUBT:motor._DOUBT + motor.DOUBTS]
    return [number + 1 for number in words if number >= 0]


# -- strokes --------------------------------------------------------------------------------------------


@pytest.mark.hazard("H18")
@pytest.mark.parametrize(("before_ms", "ms"), [(0.1, 0.25), (0.3, 0.7), (0.5, 1), (2, 5), (10, 25)])
def test_a_burst_at_the_turn_ends_no_run(before_ms, ms):
    rig = session()
    at_turn(rig, before_ms, ms)
    assert rig.strokes_until_fault(STROKE + 5) == STROKE + 5
    assert not rig.fault()
    assert doubts(rig) == [STROKE], "no look was hit"


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("ms", [1.3, 3, 25])
def test_a_burst_at_rest_ends_no_run(ms):
    rig = session(8)
    at_rest(rig, LOW, ms)
    assert rig.strokes_until_fault(STROKE + 5) == STROKE + 5
    assert not rig.fault()
    assert doubts(rig) == [STROKE], "no look was hit"


@pytest.mark.hazard("H18")
def test_a_line_that_lies_in_stroke_after_stroke_is_found():
    """Three turns in a row that no look saw; and looks that have to be taken back in four strokes of 32."""
    rig = session()
    at_turn(rig, 1, 4, range(STROKE, STROKE + 9))
    assert rig.strokes_until_fault(20) == STROKE + motor.STUCK_STROKES - 1
    assert rig.fault() == "home_sensor"
    rig = session()
    at_turn(rig, 0.1, 0.25, range(3, 60, 4))
    assert rig.strokes_until_fault(40) == 3 + 4 * (motor.DOUBTS - 1)
    assert rig.fault() == "home_sensor"


# -- homing ---------------------------------------------------------------------------------------------


@cache
def homing_ms(start_um):
    rig = PenRig(plant={"start_um": start_um})
    assert rig.run_while(lambda: rig.state() != "homing", 2000)
    began_us = rig.now_us
    assert rig.home()
    return (rig.now_us - began_us) // 1000


def bound_um(rig, stood_um):
    return max(stood_um + SNAP_UM, rig.world.plant.params.home_edge_um + PAST_EDGE_UM)


@pytest.mark.hazard("H01", "H18")
@pytest.mark.parametrize("level", [HIGH, LOW])
@pytest.mark.parametrize("start_um", [-400, 1000, 2500])
@pytest.mark.parametrize("part", [0.01, 0.06, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9])
def test_a_burst_while_homing_costs_a_second_at_most(level, start_um, part):
    rig = PenRig(plant={"start_um": start_um})
    assert rig.run_while(lambda: rig.state() != "homing", 2000)
    rig.run_ms(int(part * homing_ms(start_um)))
    assert rig.state() == "homing"
    lie(rig, level, 25)
    assert rig.home(6000), rig.fault()
    assert rig.furthest_um <= bound_um(rig, start_um)
    assert abs(rig.home_error_um) <= 8


@pytest.mark.hazard("H01", "H18")
@pytest.mark.parametrize("doing", ["HOME_BUMP", "HOME_PROBE", "HOME_FINE", "HOME_EDGE", "HOME_PARK"])
@pytest.mark.parametrize("level", [HIGH, LOW])
def test_a_line_that_is_stuck_from_any_part_of_homing_on_is_found_within_the_bound(doing, level):
    rig = PenRig(plant={"start_um": 700})
    assert rig.run_while(lambda: rig.pen.motor.doing != getattr(carriage, doing), 4000)
    rig.world.false.pin("home", level)
    rig.home(8000)
    rig.run_ms(9500)
    # from the way to the resting place on, a line that says in says what is so: the first stroke finds it
    assert rig.fault() == ("" if (doing, level) == ("HOME_PARK", HIGH) else "home_sensor")
    assert rig.furthest_um <= bound_um(rig, 700)
    assert rig.world.settle().tip_um < 0


@pytest.mark.hazard("H18")
def test_a_jam_that_lets_go_while_homing_condemns_no_sensor():
    rig = PenRig(plant={"start_um": 1500})
    assert rig.run_while(lambda: rig.world.settle().tip_um > 800, 4000)
    rig.world.plant.jam = True
    rig.world.after(250 * MS, lambda: setattr(rig.world.settle(), "jam", False))
    assert rig.home(6000), rig.fault()


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_cartridge_taken_out_between_two_motions_of_homing_has_its_name(nth):
    rig = PenRig()
    for _ in range(nth):
        assert rig.run_while(lambda: rig.pen.motor.doing == carriage.SETTLE, 4000)
        assert rig.run_while(lambda: rig.pen.motor.doing != carriage.SETTLE, 4000)
    rig.world.pull_cartridge()
    rig.home(6000)
    assert rig.fault() == "cartridge_pulled"


# -- retract --------------------------------------------------------------------------------------------


def stopped_out(rig):
    """A loop that blinks for 1 ms in mid-stroke: the drive is off, the needles stand out."""
    rig.in_stroke(STROKE, 0.55, lambda: rig.world.false.pin("interlock", LOW))
    rig.in_stroke(STROKE, 0.57, lambda: rig.world.false.pin_ends("interlock"))
    rig.strokes_until_fault(STROKE + 2)
    assert rig.fault() in ("drive_dropped", "cartridge_pulled")


def ended_in(rig):
    plant = rig.world.settle()
    return plant.tip_um <= 0 and not plant.motor_current_a


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("ms", [0.5, 1.5, 5, 25])
@pytest.mark.parametrize("above_um", [100, 500])
def test_a_false_look_in_a_retract_does_not_end_it(ms, above_um):
    rig = session()
    rig.in_stroke(5, 0.5, lambda: setattr(rig.world.settle(), "jam", True))
    rig.strokes_until_fault(8)
    rig.world.settle().jam = False
    assert rig.run_while(lambda: not (rig.pen.motor.retracting() and rig.world.settle().tip_um > above_um), 2000)
    lie(rig, HIGH, ms)
    rig.run_ms(2000)
    assert ended_in(rig)
    assert rig.pen.motor.retracted
    assert rig.pen.follow.needles() == rig.space.module("follow").NEEDLES_IN


@pytest.mark.hazard("H05")
def test_a_loop_that_blinks_does_not_leave_the_needles_out():
    rig = session()
    stopped_out(rig)
    follow = rig.space.module("follow")
    rig.run_ms(2000)
    assert ended_in(rig) and rig.pen.follow.needles() == follow.NEEDLES_IN


@pytest.mark.hazard("H05")
def test_needles_that_are_held_are_pulled_three_times_within_eight_seconds_and_then_said_to_be_out():
    rig = session()
    follow = rig.space.module("follow")
    pulls = []
    start = rig.pen.motor.start_retract

    def counted(code, now_us):
        pulls.append(rig.world.now_ns)
        return start(code, now_us)

    rig.in_stroke(5, 0.4, lambda: setattr(rig.world.settle(), "jam", True))
    rig.strokes_until_fault(8)
    rig.run_while(lambda: rig.pen.safety.state != safety.FAULT, 3000)
    rig.pen.motor.start_retract = counted
    began_ns = rig.world.now_ns
    told = set()
    while rig.world.now_ns - began_ns < 12e9:
        rig.run_ms(20)
        told.add(rig.pen.follow.needles())
        if len(pulls) == 3 and not rig.pen.motor.retracting():
            break
    assert len(pulls) == 3 and rig.world.now_ns - began_ns <= 8e9
    assert told == {follow.RETRYING, follow.NEEDLES_OUT}
    rig.run_ms(3000)
    assert len(pulls) == 3 and rig.pen.follow.needles() == follow.NEEDLES_OUT
    rig.world.settle().jam = False
    assert rig.pen.clear_fault() and rig.home()  # the remedy brings them in


@pytest.mark.hazard("H05")
def test_a_drive_that_failed_leaves_the_needles_where_they_are():
    rig = session()
    stopped_out(rig)
    rig.pen.safety.trip(faults.DRIVER_SHORT)
    rig.run_ms(2000)
    assert rig.world.settle().tip_um > 0 and not rig.world.plant.motor_current_a
    assert rig.pen.follow.needles() == rig.space.module("follow").NEEDLES_OUT


# -- where a motion ends --------------------------------------------------------------------------------


@pytest.mark.parametrize("late_ms", [0, 5, 12, 30])
def test_parking_ends_when_the_gate_has_given_its_steps_whatever_the_clock_says(late_ms):
    rig = PenRig()
    assert rig.home()
    needles = rig.pen.motor
    before_um = rig.world.settle().tip_um
    needles._rest_steps -= 160
    needles.park(rig.now_us - late_ms * 1000)
    assert needles.doing == carriage.HOME_PARK
    assert rig.run_while(lambda: needles.doing != carriage.IDLE, 1000)
    rig.run_ms(50)
    assert not rig.fault()
    assert before_um - rig.world.settle().tip_um == pytest.approx(200, abs=20)  # cut short it was 60 less
    assert needles._at_steps == needles._gate.position() - needles._edge_steps


@pytest.mark.parametrize("state", ["park", "retract"])
def test_a_carriage_that_still_moves_has_not_ended_its_motion(state):
    rig = PenRig()
    assert rig.home()
    rig.run_ms(500)
    needles = rig.pen.motor
    if state == "park":
        needles._rest_steps -= 160
        needles.park(rig.now_us)
    else:
        needles.start_retract(faults.NONE, rig.now_us)
    moving = [True]

    def drift():
        rig.pen.encoder.offset -= 1  # as if somebody pushed it
        if moving[0]:
            rig.world.after(MS // 2, drift)

    drift()
    assert rig.run_while(lambda: needles.doing != carriage.SETTLE, 2000)
    rig.run_ms(60)
    assert needles.doing == carriage.SETTLE
    moving[0] = False
    rig.run_ms(20)
    assert needles.doing == carriage.IDLE


# -- the cartridge --------------------------------------------------------------------------------------


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("doing", ["HOME_BUMP", "HOME_PROBE", "HOME_FINE", "HOME_EDGE", "HOME_PARK"])
@pytest.mark.parametrize("edge_um", [-160, -60])
@pytest.mark.parametrize("offset_um", [-200, 0, 200])
def test_a_retract_goes_on_until_the_tips_of_this_cartridge_are_inside(offset_um, edge_um, doing):
    """The carriage is inside the home edge where the longest tips stand 140 um out."""
    rig = PenRig(cartridge={"offset_um": offset_um}, plant={"home_edge_um": edge_um})
    assert rig.home()
    rig.run_ms(1500)
    rig.pen.safety.trip(faults.TRIGGER_CONTACTS)
    rig.run_ms(500)
    assert rig.pen.clear_fault()
    assert rig.run_while(lambda: rig.pen.motor.doing != getattr(carriage, doing), 4000)
    rig.run_ms(15)
    rig.pen.safety.trip(faults.TRIGGER_CONTACTS)  # it has nothing to do with where the needles are
    rig.run_ms(1500)
    assert ended_in(rig)
    assert rig.pen.motor.retracted and rig.pen.follow.needles() == rig.space.module("follow").NEEDLES_IN


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("offset_um", [-200, 0, 200])
@pytest.mark.parametrize("inside_um", [5, 90])
@pytest.mark.parametrize("open_ms", [1, 1000])
def test_long_needles_just_inside_the_edge_are_brought_in_where_the_drive_went_off(open_ms, inside_um, offset_um):
    """A loop that opens on the way back of a stroke: the home line sees a carriage whose tips stand out."""
    rig = PenRig(cartridge={"offset_um": offset_um})
    rig.open_session("cheek", "wrinkles")
    rig.set(DEPTH_UM, 12)
    world = rig.world

    def blink():
        edge_um = world.plant.params.home_edge_um  # of these tips
        if world.settle().tip_um > edge_um - inside_um:
            world.after(MS // 20, blink)
            return
        world.false.pin("interlock", LOW)
        world.after(open_ms * MS, lambda: world.false.pin_ends("interlock"))

    rig.in_stroke(STROKE, 0.6, blink)
    rig.strokes_until_fault(STROKE + 2)
    assert rig.fault() in ("drive_dropped", "cartridge_pulled")
    rig.run_ms(open_ms + 2000)
    assert ended_in(rig)


@pytest.mark.hazard("H05")
def test_a_refused_cartridge_stands_inside_whatever_its_length():
    rig = PenRig(cartridge={"used": True, "offset_um": 200})
    assert rig.home()
    rig.run_ms(1500)
    assert rig.pen.session.reason and not rig.fault()
    assert rig.world.settle().tip_um < 0


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("offset_um, edge_um, allowed", [(0, -100, True), (200, -100, True), (200, -30, False)])
def test_a_session_less_deep_than_homing_may_reach_is_refused(offset_um, edge_um, allowed):
    """Product absorption has 0.3 mm; homing may reach 0.15 mm past the edge and the cartridge's own length."""
    rig = PenRig(cartridge={"offset_um": offset_um}, plant={"home_edge_um": edge_um})
    deed = rig.pen.treatment
    assert rig.home(), rig.fault()
    assert rig.run_while(lambda: deed.stage != treatment.ZONE, 3000)
    assert rig.pen.motor.homing_reach_um() == pytest.approx(edge_um + 150 + offset_um, abs=10)
    assert deed.choose_zone(depth.zone_number("cheek")) == treatment.ACCEPTED
    answer = deed.choose_indication(depth.indication_number("absorption"))
    assert answer == (treatment.ACCEPTED if allowed else treatment.REFUSED_REACH)


# -- the encoder ----------------------------------------------------------------------------------------


def disturb_encoder(rig, channel, how, ms):
    """One channel is false for so long, from now on."""
    if how is None:
        rig.world.false.pin_noise(channel, 0.5)
    else:
        rig.world.false.pin(channel, how)
    rig.world.after(int(ms * MS), lambda: rig.world.false.pin_ends(channel))


def serviceable(rig):
    """What the pen says needs no service: the user clears it, and the pen homes."""
    if rig.fault():
        assert not rig.pen.safety.service_fault(), rig.fault()
        rig.run_ms(2000)
        assert rig.world.settle().tip_um < 0
        assert rig.pen.clear_fault()
    return rig.home(6000)


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("part", [0.0, 0.1, 0.45, 0.55, 0.9, 0.98])
@pytest.mark.parametrize(("channel", "how"), [("encoder_a", HIGH), ("encoder_b", LOW), ("encoder_a", None)])
@pytest.mark.parametrize("ms", [0.001, 1, 25])
def test_a_disturbed_encoder_in_a_stroke_asks_for_no_service(part, channel, how, ms):
    rig = session()
    rig.in_stroke(5, part, lambda: disturb_encoder(rig, channel, how, ms))
    rig.strokes_until_fault(8)
    found = rig.fault()
    assert serviceable(rig)
    assert abs(rig.home_error_um) <= (8 if found else motor.SLIP_UM)  # the depth goes by steps
    rig.read_page()
    assert rig.strokes_until_fault(3) == 3 and not rig.fault()


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("part", [0.05, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("how", [HIGH, LOW, None])
def test_a_disturbed_encoder_while_homing_asks_for_no_service(part, how):
    rig = PenRig(plant={"start_um": 700})
    assert rig.run_while(lambda: rig.state() != "homing", 2000)
    rig.run_ms(int(part * homing_ms(700)))
    disturb_encoder(rig, "encoder_a", how, 25)
    rig.home(6000)
    assert serviceable(rig)
    assert rig.furthest_um <= bound_um(rig, 700)
    assert abs(rig.home_error_um) <= 8


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("times", [2, 3])
def test_an_encoder_that_is_contradicted_again_and_again_is_at_fault(times):
    """A wire that breaks in every fifth stroke and is sound again while the pen homes."""
    rig = session()
    for _ in range(times):
        first = len(rig.strokes)
        rig.world.on_stroke.append(
            lambda index, start_ns, end_ns, at=first + 5: index == at and rig.world.at(
                (start_ns + 9 * end_ns) // 10, lambda: disturb_encoder(rig, "encoder_a", LOW, 25)))
        rig.strokes_until_fault(8)
        if rig.fault() == "encoder":
            break
        assert serviceable(rig)
        rig.read_page()
    assert rig.fault() == "encoder"
    assert rig.pen.safety.service_fault() == faults.ENCODER


# -- what keeps the needles out for a while ----------------------------------------------------------------


def shut_down(rig, how, on):
    """The driver, or its supply, gives the motor no torque to go by."""
    if how == "hot":
        rig.world.driver.temperature_c = 160.0 if on else 30.0
    elif how == "pump":
        rig.world.driver.undervoltage = on
    else:
        plant = rig.world.settle()
        plant.boost_mv = 9300 if on else plant.params.boost_mv
        plant.torque_factor = 0.0 if on else 1.0


@pytest.mark.hazard("H05", "H12")
@pytest.mark.parametrize("after_s", [2, 10, 60])
@pytest.mark.parametrize(("how", "code"), [("hot", "driver_hot"), ("pump", "driver_supply"), ("rail", "rail_low")])
def test_needles_come_in_by_themselves_once_what_held_them_out_has_passed(how, code, after_s):
    rig = session()
    follow = rig.space.module("follow")
    rig.in_stroke(5, 0.45, lambda: shut_down(rig, how, True))
    rig.world.on_stroke.append(lambda index, _start, end: index == 5 and how == "hot" and keep_hot(rig, after_s))
    rig.strokes_until_fault(8)
    rig.run_ms(after_s * 1000)
    assert rig.fault() in (code, "jam", "slip")
    assert rig.world.settle().tip_um > 0, "nothing was left out"
    if after_s >= 10:
        assert rig.pen.follow.needles() == follow.NEEDLES_OUT
    shut_down(rig, how, False)
    rig.run_ms(2500)
    assert ended_in(rig)
    assert rig.pen.follow.needles() == follow.NEEDLES_IN


def keep_hot(rig, seconds):
    """The driver does not cool by itself for so long."""
    until_ns = rig.world.now_ns + seconds * 1000 * MS

    def heat():
        if rig.world.driver.temperature_c > 100 and rig.world.now_ns < until_ns:
            rig.world.driver.temperature_c = 160.0
            rig.world.after(200 * MS, heat)

    rig.world.after(200 * MS, heat)
