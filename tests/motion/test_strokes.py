"""Strokes of a whole simulated pen: depth, rate, what a request beyond the stroke's own speed gets."""

import pytest
from motion_rig import PenRig, carriage, depth

DEPTH_UM = 10  # the figure asked for; play of the nut 2 um, a microstep 1.25 um, ringing and friction 3 um
RATE = 0.005


def session(zone="cheek", indication="wrinkles", depth_um=1000, rate_hz=15, supervised=False, **tables):
    rig = PenRig(**tables)
    rig.open_session(zone, indication, supervised)
    rig.set(depth_um, rate_hz)
    return rig


def deepest_um(zone):
    """The deepest that any indication allows in the zone, and that indication."""
    best = max(depth.INDICATIONS, key=lambda row: min(zone.supervised_cap_um, row.high_um))
    return min(zone.supervised_cap_um, best.high_um), best.key


# -- depth --------------------------------------------------------------------------------------------


@pytest.mark.hazard("H02")
@pytest.mark.parametrize("zone", depth.ZONES[1:], ids=lambda zone: zone.key)
def test_every_zone_reaches_its_depth(zone):
    deep_um, indication = deepest_um(zone)
    rig = session(zone.key, indication, deep_um, None, deep_um > zone.cap_um)
    assert rig.strokes_until_fault(20) == 20 and not rig.fault()
    for stroke, row in zip(rig.strokes, rig.journal(), strict=True):
        assert stroke.max_tip_um == pytest.approx(deep_um, abs=DEPTH_UM)
        assert row.commanded_um == deep_um
        # what is recorded is rounded to the deeper side, and the encoder sees the nut ahead of the tip by the play
        assert -2 <= row.achieved_um - stroke.max_tip_um <= DEPTH_UM


PENS = [
    {"home_edge_um": -400}, {"home_edge_um": 200}, {"lead_scale_ppm": 15000}, {"lead_scale_ppm": -15000},
    {"backlash_um": 0}, {"backlash_um": 12}, {"home_edge_um": 150, "lead_scale_ppm": -8000, "backlash_um": 8},
    {"spring_preload_n": 1.5, "spring_rate_n_mm": 0.2}, {"friction_mnm": 1.5}, {"needle_pierce_n": 0.3},
]


@pytest.mark.parametrize("plant", PENS, ids=str)
@pytest.mark.parametrize("depth_um", [500, 1500])
def test_a_calibrated_pen_reaches_its_depth(plant, depth_um):
    rig = session(depth_um=depth_um, rate_hz=12, plant=plant)
    assert rig.strokes_until_fault(10) == 10 and not rig.fault()
    play_um = plant.get("backlash_um", 4) / 2
    for stroke in rig.strokes:
        assert stroke.max_tip_um == pytest.approx(depth_um, abs=DEPTH_UM + max(0.0, play_um - 2))
    assert rig.world.settle().tip_um <= plant.get("home_edge_um", -100)


def test_a_change_of_depth_counts_from_the_next_run():
    rig = session(depth_um=500)
    for depth_um in (500, 1200, 600, 1500):
        rig.set(depth_um)
        before = len(rig.strokes)
        rig.strokes_until_fault(3)
        assert [stroke.max_tip_um for stroke in rig.strokes[before:]] == pytest.approx([depth_um] * 3, abs=DEPTH_UM)


@pytest.mark.parametrize(
    ("home_edge_um", "offset_um"),
    [(-100, -200), (-100, -60), (-100, 150), (-100, 200), (-400, 200), (200, -60), (200, 0), (50, 150)])
def test_a_cartridge_of_another_length_goes_as_deep_and_rests_inside(home_edge_um, offset_um):
    rig = session(depth_um=800, cartridge={"offset_um": offset_um}, plant={"home_edge_um": home_edge_um})
    at_rest_um = rig.world.settle().tip_um
    # 120 um inside the guide plane, the detent takes up to 10 um of it, play and overrun 6 um
    assert at_rest_um <= -100
    assert rig.strokes_until_fault(12) == 12 and not rig.fault()
    assert [stroke.max_tip_um for stroke in rig.strokes] == pytest.approx([800] * 12, abs=DEPTH_UM)
    # the rotor may fall into the next detent, 20 um on, when the drive goes off
    assert rig.world.settle().tip_um == pytest.approx(at_rest_um, abs=25)


def test_a_longer_cartridge_brings_the_carriage_further_in():
    """Fitted onto a pen at home: it is brought in before anything else, and not one step goes outward for it."""
    rig = PenRig(cartridge={"offset_um": 0})
    assert rig.home()
    rig.run_ms(300)
    rig.world.pull_cartridge()
    rig.run_ms(200)
    rig.outward_steps_at.clear()
    rest_um = rig.world.settle().tip_um
    rig.pen.motor.use_cartridge(200)
    rig.world.insert_cartridge()
    rig.run_ms(20)
    rig.pen.motor.park(rig.now_us)
    rig.run_ms(200)
    assert rig.world.settle().tip_um == pytest.approx(rest_um - 100, abs=25)
    assert not rig.outward_steps_at
    assert rig.pen.motor.homed and not rig.fault()
    rig.pen.motor.use_cartridge(-100)
    rig.pen.motor.park(rig.now_us)
    rig.run_ms(200)
    assert rig.world.settle().tip_um == pytest.approx(rest_um - 100, abs=25)


# -- rate ---------------------------------------------------------------------------------------------


def measured_hz(rig, strokes):
    starts = [stroke.start_ns for stroke in rig.strokes]
    return strokes * 1e9 / (starts[strokes] - starts[0])


@pytest.mark.parametrize(
    ("zone", "indication", "depth_um", "rate_hz"),
    [("cheek", "wrinkles", 500, 25), ("cheek", "wrinkles", 1000, 15), ("neck", "fine_lines", 250, 25),
     ("body", "acne_scars", 2000, 8), ("scalp", "hair_loss", 1500, 16)])
def test_the_rate_is_held_over_a_hundred_strokes(zone, indication, depth_um, rate_hz):
    rig = session(zone, indication, depth_um, rate_hz)
    assert rig.strokes_until_fault(101) == 101
    assert measured_hz(rig, 100) == pytest.approx(rate_hz, rel=RATE)
    periods = [row.period_us for row in rig.journal()]
    # one stroke may start late by a pass of the loop, and the next one makes up for it
    assert all(abs(period - 1e6 / rate_hz) < 3000 for period in periods)


@pytest.mark.parametrize("depth_um", [1000, 1500])
def test_a_rate_beyond_the_stroke_is_clamped(depth_um):
    rig = session("cheek", "wrinkles", 500, 24)
    rig.set(depth_um)
    deed, needles = rig.pen.treatment, rig.pen.motor
    assert deed.asked_rate_mhz == 24000
    assert rig.strokes_until_fault(101) >= 101
    most_hz = 1e6 / needles.stroke_us(depth_um)
    assert deed.rate_mhz / 1000 < most_hz < 24
    assert measured_hz(rig, 100) == pytest.approx(deed.rate_mhz / 1000, rel=RATE)


def test_a_rate_beyond_the_stroke_cannot_be_dialled():
    rig = session(depth_um=1500, rate_hz=30)
    deed, needles = rig.pen.treatment, rig.pen.motor
    assert deed.asked_rate_mhz < 1e9 / needles.stroke_us(1500) < 30000


def test_a_slow_pen_is_as_deep_and_only_slower():
    rig = session(depth_um=1000, rate_hz=30, pen={"speed_um_s": 40_000, "accel_mm_s2": 8_000})
    rig.strokes_until_fault(30)
    assert not rig.fault()
    assert [stroke.max_tip_um for stroke in rig.strokes[:30]] == pytest.approx([1000] * 30, abs=DEPTH_UM)
    assert measured_hz(rig, 29) == pytest.approx(rig.pen.treatment.rate_mhz / 1000, rel=RATE)
    assert measured_hz(rig, 29) < 16


# -- the gate over a pen ------------------------------------------------------------------------------


def rest_steps(rig):
    return rig.pen.calibration.steps_for(carriage.REFERENCE_REST_UM)


def test_steps_add_up_and_the_ceiling_is_the_depth_of_the_run():
    rig = session(depth_um=500)
    rig.press()
    rig.run_while(lambda: rig.pen.motor.strokes() < 3 or rig.pen.motor.doing != carriage.IDLE, 2000)
    assert rig.pen.gate.remaining_steps() == rig.pen.motor.steps_for(500) - rest_steps(rig)
    rig.press(False)
    rig.run_ms(300)
    assert not rig.pen.gate.enabled()


@pytest.mark.hazard("H01")
def test_a_step_past_the_zones_limit_is_refused_and_the_needles_come_in():
    """Steps that nobody planned: the same chain runs twice as far as the permit had it."""
    rig = session(depth_um=1450, rate_hz=10)
    rig.in_stroke(3, 0.0, lambda: setattr(rig.world, "rogue_tables", True))
    rig.strokes_until_fault(6)
    rig.run_ms(2000)
    assert rig.fault() == "ceiling"
    assert rig.state() == "fault"
    plant = rig.world.settle()
    assert plant.tip_um <= 0 and not plant.motor_current_a
    # refused at the turn of the run's own depth, where there is no speed left to coast with
    assert rig.field_way_um <= 1450 + 220 + 4  # from the resting place, and the play
    assert rig.furthest_um <= 1450 + DEPTH_UM
