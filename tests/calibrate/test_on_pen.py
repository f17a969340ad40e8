"""A whole pen is gauged: what moves, what ends it, and that nothing but a whole new record replaces the old one."""

import pytest
from pen_rig import GaugedPen, faults, gauging, recalibration, safety

from sim.mishaps import MISHAPS
from sim.world import ChipStopped

PLANT = {"home_edge_um": -310.0, "lead_scale_ppm": -21000.0, "backlash_um": 24.0}
ANGLE_UM = 6  # between where steps put the motor's field and where friction lets the rotor be, and half a microstep

pytestmark = pytest.mark.xdist_group("one_pen")  # its tests go on with one pen, in their order


@pytest.fixture(scope="module")
def gauged():
    """A pen that came without a calibration, gauged at all its places, nothing kept yet."""
    pen = GaugedPen(plant=PLANT)
    assert pen.fault() == "calibration_missing" and pen.record() is None
    assert pen.begin() == b"", "of all faults this one does not stand in the way"
    pen.gauge_it()
    return pen


@pytest.fixture(scope="module")
def kept(gauged):
    """That pen with what was fitted in force."""
    assert gauged.work.keep(*gauged.fit(), 365, b"DG-0815", b"MK") == b""
    return gauged


def test_a_pen_without_a_calibration_gets_one_and_then_reaches_every_depth_within_30_um(kept):
    gauged = kept
    offset_um, scale_ppm, play_um = gauged.fit()
    kept = gauged.record()
    assert (kept["offset_um"], kept["scale_ppm"], kept["backlash_um"]) == (offset_um, scale_ppm, play_um)
    assert (kept["gauge_id"], kept["technician"], kept["calibration_id"]) == ("DG-0815", "MK", 1)
    assert kept["due_days"] - kept["date_days"] == 365 and kept["travel_um"] >= 2450
    plant = gauged.world.plant.params
    way_um = (plant.home_edge_um - plant.inner_stop_um) / (1 + plant.lead_scale_ppm * 1e-6)
    assert way_um - 12 <= kept["way_um"] <= way_um + 3  # rounded down to 6 um; the stop gives way a little
    assert gauged.core.calibrated and not gauged.core.gauging and gauged.fault() == ""
    gauged.fit_needles()
    gauged.run_ms(500)
    gauged.open_session("body", "acne_scars")
    for depth_um in (1500, 2000, 1000):
        gauged.set(depth_um)
        first = len(gauged.strokes)
        gauged.strokes_until_fault(4)
        assert gauged.fault() == ""
        strokes = gauged.strokes[first:]
        assert len(strokes) >= 4
        assert all(abs(stroke.max_tip_um - depth_um) <= 30 for stroke in strokes)


def test_every_place_is_where_the_pen_was_told_and_none_past_it():
    pen = GaugedPen(plant=PLANT)
    pen.begin()
    for reach_um, down in ((600, False), (1500, False), (600, True), (1500, True), (2130, True)):
        true_um = -310 - (0 if down else 24) + reach_um * (1 - 0.021)
        assert pen.stand(reach_um, down) == pytest.approx(true_um, abs=ANGLE_UM)
        assert abs(pen.work.seen_um - reach_um) <= ANGLE_UM
        assert pen.work.reading(round(true_um), False) == b""
        assert pen.let_go()
    assert pen.furthest_um <= -310 + 2230 * 0.979 + ANGLE_UM
    assert pen.world.settle().home_active


def test_the_tip_stands_while_the_trigger_is_held_and_comes_home_when_it_is_let_go():
    pen = GaugedPen()
    pen.begin()
    at_um = pen.stand(1500)
    pen.run_ms(3000)
    assert pen.world.settle().tip_um == pytest.approx(at_um, abs=1) and pen.state() == "gauging"
    pen.press(False)
    pen.run_ms(600)  # 1.6 mm at 6.25 mm/s
    assert pen.world.settle().home_active
    assert pen.await_ready()
    pen.press()
    pen.run_ms(500)
    assert pen.state() == "ready", "one move a target"
    pen.let_go()


def test_letting_go_on_the_way_out_turns_it_round_and_there_is_nothing_to_read():
    pen = GaugedPen()
    pen.begin()
    pen.work.move(2200, False)
    pen.press()
    pen.run_ms(200)
    assert pen.work.phase() == recalibration.MOVING
    out_um = pen.world.settle().tip_um
    pen.press(False)
    pen.run_ms(150)
    assert pen.furthest_um < out_um + 150
    assert pen.work.reading(1500, False) == gauging.REASONS[gauging.NOT_STOOD]
    assert pen.await_ready()


def calibrated(**tables):
    """A pen with a calibration in force, being gauged."""
    pen = GaugedPen(pen={}, **tables)
    pen.before = pen.record()
    assert pen.before["calibration_id"] == 1
    pen.await_ready()
    assert pen.begin() == b""
    return pen


def tip_out(pen):
    pen.world.pull_cartridge()
    pen.run_ms(200)
    assert pen.fault() == "cartridge_pulled"


def technician_leaves(pen):
    pen.core.technician = False
    pen.run_ms(100)
    assert pen.fault() == ""


def give_up(pen):
    assert pen.work.abort() == b""
    pen.run_ms(100)


def motor_slips(pen):
    pen.lose_a_cycle()
    pen.run_ms(400)
    assert pen.fault() in ("slip", "jam")


def power_fails(pen):
    pen.world.cut_battery()
    with pytest.raises(ChipStopped):
        pen.run_ms(5000)


@pytest.mark.hazard("H14")
@pytest.mark.parametrize("what", [tip_out, technician_leaves, give_up, motor_slips, power_fails])
def test_whatever_interrupts_it_leaves_the_old_calibration_in_force(what):
    pen = calibrated()
    pen.point(600)
    pen.stand(1200)
    what(pen)
    assert pen.record() == pen.before
    assert not pen.core.gauging
    if what is not power_fails:
        pen.press(False)
        pen.run_ms(1500)
        assert pen.work.phase() == recalibration.NO_TARGET
        assert pen.work.move(600, False) != b"" and pen.work.reading(500, False) != b""
        assert pen.work.keep(-100, 0, 4, 365, b"G", b"T") != b""
        assert (pen.pen.calibration.offset_um, pen.pen.calibration.calibration_id) == (pen.before["offset_um"], 1)


def test_a_pen_without_a_calibration_is_blocked_again_when_it_is_given_up():
    pen = GaugedPen()
    pen.begin()
    pen.stand(900)
    pen.work.abort()
    pen.run_ms(1500)
    assert (pen.fault(), pen.state()) == ("calibration_missing", "blocked")
    assert pen.world.settle().home_active, "the tip came in all the same"
    assert pen.record() is None


def test_no_session_opens_with_the_gauge_tip():
    pen = calibrated()
    give_up(pen)
    assert pen.pen.treatment.stage == shim_stage(pen) and pen.pen.session.reason_text() == "gauge tip"
    assert not pen.pen.cartridge.begin_mark(), "and it is never marked used"


def shim_stage(pen):
    return pen.space.module("treatment").NO_CARTRIDGE


@pytest.mark.parametrize("values, said", [
    ((-480, 0, 4, 365, b"G", b"T"), gauging.REASONS[gauging.OUT_OF_RANGE]),
    ((-104, 0, 4, 365, b"G", b"T"), gauging.REASONS[gauging.FEW_UP])])
def test_what_is_refused_is_not_kept(values, said):
    pen = calibrated()
    assert pen.work.keep(*values) == said
    assert pen.record() == pen.before and pen.core.gauging


@pytest.mark.hazard("H14")
def test_power_cut_at_any_byte_of_the_new_record_leaves_the_old_one_or_the_whole_new_one(kept):
    """The memory is cut after every number of bytes that the write has, and read as a restart would."""
    pen = kept
    memory = pen.world.fram
    values = pen.pen.calibration
    offset_um = values.offset_um
    new = type(values)()
    new._take(values)
    new.calibration_id = values.calibration_id + 1
    before = bytes(memory.image)
    found = []
    for cut in range(2000):
        memory.load(before)
        memory.cut_after(cut)
        try:
            pen.work._write(new)
            break
        except OSError:
            memory.power_on()
            assert pen.record()["offset_um"] == offset_um
            found.append(pen.record()["calibration_id"])
    assert len(found) > 60 and found[0] == values.calibration_id
    assert found == sorted(found), "the old one up to a byte, the whole new one from there on"
    memory.power_on()
    memory.load(before)


def test_the_record_before_is_kept():
    pen = calibrated()
    pen.gauge_it()
    assert pen.work.keep(*pen.fit(), 365, b"DG-0815", b"MK") == b""
    assert pen.record()["calibration_id"] == 2
    before = pen.space.module("console_calibration").Commands(pen.pen, pen.pen.console)._before()
    assert (before.calibration_id, before.offset_um) == (1, pen.before["offset_um"])


def test_a_static_move_is_granted_by_the_core_alone():
    """The motor does nothing without a permit, or with one for a stroke."""
    pen = calibrated()
    permit = pen.core.permit
    needles = pen.pen.motor
    assert not needles.start_static(permit, 0, 0, 0)
    permit.issue(6, 500, 500, 0)
    assert not needles.start_static(permit, 0, 0, 0)
    permit.issue_static(1000, 1000, 0)
    assert not needles.start_stroke(permit, 0, 0)
    assert not needles.start_static(permit, 1200, 0, 0), "back past where it came from"
    assert not needles.start_static(permit, 0, 30, 0), "the permit is over"
    assert needles.doing == 0 and not pen.pen.gate.enabled()
    assert safety.GAUGE_FAR_UM == 2550 and faults.REFUSED_GAUGING == 15


def starts_with(mishap, before_us=0, starts_us=0):
    """A static move is asked for; so long before it would start, the mishap. The pen, and when a move started."""
    pen = calibrated()
    pen.work.move(1200, False)
    pen.press()
    pressed_ns = pen.world.now_ns
    if mishap:
        pen.world.at(pressed_ns + (starts_us - before_us) * 1000, lambda: MISHAPS[mishap].do(pen.world, None))
    pen.run_while(lambda: pen.work.phase() != recalibration.MOVING and not pen.fault(), 500)
    started_us = (pen.world.now_ns - pressed_ns) // 1000
    pen.run_ms(300)
    return pen, started_us


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("mishap, names", [
    ("interlock_torn", {"cartridge_pulled"}), ("interlock_bounces", {"cartridge_pulled", "drive_dropped"})])
def test_a_loop_that_is_open_when_the_tip_is_to_move_is_no_fault_of_the_firmware(mishap, names):
    """The gate refuses the start before the loop has looked again, or it is closed again by then.

    Seen before the move is asked for, it is no fault at all: nothing moves.
    """
    pen, starts_us = starts_with("")
    assert pen.state() == "gauging" and starts_us > 10_000
    found = [starts_with(mishap, before_us, starts_us)[0].fault() for before_us in range(0, 6000, 250)]
    assert found[0] in names and set(found) <= names | {""}
