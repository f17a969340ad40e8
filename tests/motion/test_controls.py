"""What the pen does around its strokes: eject, service, self-test, stalled and interrupted motion."""

import pytest
from motion_rig import MS, PenRig, carriage, faults, safety, treatment

from sim.mishaps import MISHAPS

SESSION = "forehead", "wrinkles"


def eject(rig):
    """What the panel would say about taking the cartridge out."""
    return rig.space.module("pages").EJECT_TEXTS[rig.pen.session.eject()]


def in_session(**tables):
    rig = PenRig(**tables)
    rig.open_session(*SESSION)
    return rig


def events(rig, name):
    from penimage import decode

    return [event for event in decode(rig.world.fram.image).events if event.name == name]


# -- the cartridge's use ---------------------------------------------------------------------------------


@pytest.mark.hazard("H06")
def test_a_cartridge_serves_so_many_strokes_and_no_more():
    """36,000, or the one more that is asked for before the session is looked after again."""
    rig = in_session()
    rig.pen.treatment.strokes = 36_000 - 3
    assert 3 <= rig.strokes_until_fault(40) <= 4
    assert rig.pen.treatment.stage == treatment.SUMMARY
    assert [event.a for event in events(rig, "session_end")] == [rig.space.module("journal").STROKE_LIMIT]
    assert rig.strokes_until_fault(3) == 0
    assert rig.fault() == ""


# -- taking the cartridge out ---------------------------------------------------------------------------


@pytest.mark.hazard("H05")
def test_safe_to_eject_only_after_homing_and_between_runs():
    rig = PenRig()
    seen = set()
    core = rig.pen.safety
    while core.state != safety.READY:
        rig.run_ms(5)
        if core.state != safety.READY:
            seen.add(eject(rig))
    assert seen == {"Do not remove: unsure", "Do not remove: moving"}
    rig.run_ms(100)  # the home line has to be seen for a while
    assert eject(rig) == "Safe to eject"
    rig.open_session(*SESSION)
    rig.press()
    rig.run_while(lambda: core.state != safety.RUNNING, 500)
    for _ in range(60):
        rig.run_ms(7)
        assert eject(rig) == "Do not remove: moving"
    rig.press(False)
    rig.run_while(lambda: core.state != safety.READY, 500)
    rig.run_ms(30)
    assert eject(rig) == "Safe to eject"


LIES = {
    "the home sensor sees nothing": (lambda rig: setattr(rig.world.settle(), "home_fault", "stuck_inactive"), "out"),
    "the encoder says out": (lambda rig: rig.pen.encoder.__setattr__("offset", rig.pen.encoder.offset - 600), "out"),
}


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("why", LIES)
def test_one_witness_against_is_enough(why):
    lie, word = LIES[why]
    rig = PenRig()
    assert rig.home()
    rig.run_ms(50)
    assert eject(rig) == "Safe to eject"
    lie(rig)
    rig.run_ms(50)
    assert eject(rig) == f"Do not remove: {word}"


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("seed", range(4))
def test_a_home_sensor_that_loses_the_parked_needles_is_found_before_the_next_run(seed):
    rig = PenRig(seed=seed)
    assert rig.home()
    rig.run_ms(50)
    rig.world.settle().home_fault = "stuck_inactive"
    rig.run_ms(1500)
    assert rig.fault() == "home_sensor"
    assert not rig.strokes


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("seed", range(4))
def test_a_home_line_that_is_noise_for_good_is_found_in_the_next_strokes(seed):
    """Parked, one reading in 60 ms that sees the needles is enough; in strokes, readings taken back are counted."""
    rig = PenRig(seed=seed)
    rig.open_session(*SESSION)
    rig.world.settle().home_fault = "noisy"
    assert rig.strokes_until_fault(12) < 12
    assert rig.fault() == "home_sensor"


def test_a_disturbance_of_two_looks_condemns_no_home_sensor():
    rig = PenRig()
    assert rig.home()
    rig.run_ms(50)
    for _ in range(10):
        rig.world.settle().home_fault = "stuck_inactive"
        rig.run_ms(35)
        rig.world.settle().home_fault = "none"
        rig.run_ms(40)
    assert not rig.fault()


@pytest.mark.hazard("H05")
@pytest.mark.parametrize(
    "mishap, after",
    [("encoder_fault", "Do not remove: unsure"), ("home_fault", "Do not remove: unsure"),
     ("jam", "Do not remove: out")],
)
def test_after_a_fault_of_a_witness_or_a_jam_the_pen_does_not_say_safe(mishap, after):
    value = {"encoder_fault": "dead", "home_fault": "stuck_active", "jam": True}[mishap]
    rig = in_session()
    rig.in_stroke(3, 0.0 if mishap != "jam" else 0.4, lambda: setattr(rig.world.settle(), mishap, value))
    rig.strokes_until_fault(6)
    rig.run_while(lambda: rig.pen.safety.state != safety.FAULT, 3000)
    rig.run_ms(50)
    assert rig.fault()
    assert eject(rig) == after


@pytest.mark.hazard("H05")
def test_after_a_slip_and_its_retract_both_witnesses_say_home():
    rig = in_session()
    rig.in_stroke(3, 0.3, rig.lose_a_cycle)
    rig.strokes_until_fault(6)
    rig.run_while(lambda: rig.pen.safety.state != safety.FAULT, 3000)
    rig.run_ms(50)
    assert rig.fault() == "slip"
    assert eject(rig) == "Safe to eject"


# -- what has to end ------------------------------------------------------------------------------------


@pytest.mark.hazard("H04")
def test_needles_that_stay_out_are_brought_in():
    """The step generator stops in mid-stroke with the drive on: nothing comes home by itself."""
    rig = in_session()
    rig.set(800)
    stopped = []

    def stop():
        rig.pen.gate._generator.active(0)
        stopped.append(rig.world.now_ns)

    rig.press()
    core, plant = rig.pen.safety, rig.world.settle()
    rig.run_while(lambda: not (rig.pen.motor.doing == carriage.OUT and plant.tip_um > 500), 2000)
    stop()
    assert rig.run_while(lambda: core.fault == faults.NONE, 600)
    tripped_ns = rig.world.now_ns
    # EXTENDED_MS, counted from the first of the loop's looks (4 ms apart) that sees them out
    assert rig.fault() == "extended" and tripped_ns - stopped[0] <= 420e6
    assert rig.run_while(lambda: core.state != safety.FAULT, 1500), "the retract has to end"
    assert rig.world.settle().tip_um < 0
    assert not rig.pen.gate.enabled()


@pytest.mark.hazard("H05")
def test_a_fault_during_homing_goes_outward_no_further():
    rig = PenRig()
    core, needles = rig.pen.safety, rig.pen.motor
    assert rig.run_while(lambda: needles.doing != carriage.HOME_PROBE, 4000)
    rig.run_ms(3)
    outward = len(rig.outward_steps_at)
    core.trip(faults.RAIL_LOW)
    assert core.state == safety.RETRACTING
    assert rig.run_while(lambda: core.state != safety.FAULT, 1500)
    assert len(rig.outward_steps_at) == outward
    assert rig.world.settle().home_active


class Grounded(PenRig):
    """The driver's enable wire is at ground from a moment on: nothing can switch the drive off."""

    def __init__(self, at_ms, **tables):
        self._at_ms = at_ms
        super().__init__(**tables)

    def _hear_steps(self):
        super()._hear_steps()
        self.world.at(self._at_ms * MS, lambda: MISHAPS["enable_grounded"].do(self.world, None))


@pytest.mark.hazard("H05", "H18")
@pytest.mark.parametrize("at_ms", [300, 450, 480, 510])
@pytest.mark.parametrize("start_um", [40, 400, 1500])
def test_a_drive_that_nothing_can_switch_off_brings_the_needles_in(at_ms, start_um):
    rig = Grounded(at_ms, plant={"start_um": start_um})
    rig.run_ms(3000)
    assert rig.fault() == "gate"
    plant = rig.world.settle()
    assert plant.motor_current_a > 0
    assert plant.tip_um < 0


# -- self-test ------------------------------------------------------------------------------------------


@pytest.mark.hazard("H18")
@pytest.mark.parametrize(
    "name, value, fault",
    [("battery_mv", 3999, "battery_sense"), ("battery_mv", 9100, "battery_sense"), ("rail_mv", 14100, "rail_sense"),
     ("rail_mv", 8400, "power_sense"), ("rail_mv", 9700, "rail_low"), ("temp_dc", -9999, "ntc"),
     ("temp_dc", 9999, "ntc"), ("power_ok", 0, "power_fail"), ("drive_on", 1, "gate")],
)
def test_the_self_test_names_each_reading_that_cannot_be(name, value, fault, monkeypatch):
    """The reading is changed where the converters and pads have been read, as a broken divider would."""
    found = self_tested(monkeypatch, lambda readings, look: setattr(readings, name, value))
    assert found == fault


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("at_ms", range(60, 130, 5))
def test_a_drive_that_comes_on_in_the_self_test_is_not_taken_for_a_broken_encoder(at_ms):
    """It draws the needles to where its field stands, and the encoder counts them."""
    rig = Grounded(at_ms, plant={"start_um": 400, "start_phase_um": 30})
    rig.run_ms(300)
    assert rig.fault() == "gate"


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("contacts", [0, 1])
def test_contacts_that_agree_at_boot_are_found(contacts, monkeypatch):
    def agree(readings, _look):
        readings.trigger_no = readings.trigger_nc = contacts

    assert self_tested(monkeypatch, agree) == "trigger_contacts"


@pytest.mark.hazard("H18")
def test_a_home_sensor_that_flickers_at_rest_is_found(monkeypatch):
    def flicker(readings, look):
        readings.home = look & 1

    assert self_tested(monkeypatch, flicker) == "home_sensor"


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("fault", ["stuck_low", "absent"])
def test_a_record_memory_that_dies_anywhere_in_the_self_test_is_named(fault):
    """What it no longer gives looks missing; a technician would be asked for a calibration that is there."""
    rig = PenRig()
    fram, selftest = rig.world.fram, rig.space.module("selftest")
    for name in ("_display", "_supply", "_sensors", "gate"):  # they look at no memory, and take long
        setattr(selftest, name, lambda _pen: faults.NONE)
    select, told, selected = fram.select, set(), 0

    def counted(t_ns):
        nonlocal selected
        selected += 1
        if selected > dies_at:
            fram.fault = fault
        select(t_ns)

    def tested(dying_at):
        nonlocal dies_at, selected
        dies_at, fram.fault, selected = dying_at, "", 0
        return selftest.run(rig.pen)

    fram.select, dies_at = counted, 0
    for _ in range(3):  # a slot that was never written is looked at twice: count when there is none any more
        assert tested(1 << 20) == faults.NONE
    uses = selected
    for dying_at in (*range(0, uses, 40), *range(uses - 12, uses)):  # the calibration is read last
        told.add(tested(dying_at))
    assert uses > 20 and told == {faults.STORAGE}


def self_tested(monkeypatch, change):
    looks = []
    rig = PenRig.__new__(PenRig)
    from sim.space import FirmwareSpace

    module = FirmwareSpace.module

    def patched(space, name):
        found = module(space, name)
        if name == "pen":
            sensors = module(space, "sensors").Sensors
            for method in ("read_pads", "read_analog"):
                sound = getattr(sensors, method)

                def read(self, sound=sound):
                    sound(self)
                    looks.append(1)
                    change(self._readings, len(looks))

                setattr(sensors, method, read)
        return found

    monkeypatch.setattr(FirmwareSpace, "module", patched)
    rig.__init__()
    assert rig.state() in ("blocked", "fault")
    assert not rig.outward_steps_at
    return rig.fault()


@pytest.mark.hazard("H01", "H18")
def test_a_pen_started_without_a_cartridge_tries_its_gate_before_the_first_homing():
    rig = PenRig(cartridge={"seated": False})
    rig.run_ms(300)
    assert not rig.pen.gate_proven
    rig.world.insert_cartridge()
    assert rig.home()
    assert rig.pen.gate_proven


@pytest.mark.hazard("H01", "H18")
def test_a_gate_that_lets_a_step_through_never_homes():
    rig = PenRig(cartridge={"seated": False})
    rig.run_ms(300)
    rig.pen.gate.tripped = lambda: False  # what a gate that does not refuse looks like
    rig.world.insert_cartridge()
    assert not rig.home()
    assert rig.fault() == "gate"


# -- service --------------------------------------------------------------------------------------------


def with_service_fault():
    rig = in_session()
    rig.in_stroke(3, 0.0, lambda: setattr(rig.world.settle(), "encoder_fault", "dead"))
    rig.strokes_until_fault(6)
    rig.run_ms(2000)
    assert rig.fault() == "slip" and rig.pen.clear_fault()
    assert not rig.home(9000) and rig.fault() == "encoder"
    rig.run_ms(2000)
    rig.world.settle().encoder_fault = "none"
    return rig


@pytest.mark.hazard("H18")
def test_service_clears_and_the_pen_homes_again():
    rig = with_service_fault()
    assert not rig.pen.clear_fault()
    assert rig.pen.last_fault.service_code == faults.ENCODER
    assert rig.pen.service_clear()
    assert rig.home()
    assert rig.pen.last_fault.service_code == 0
    assert [(event.a, event.b) for event in events(rig, "cleared")] == [(0, faults.SLIP), (1, faults.ENCODER)]


def test_service_clears_what_stands_behind_a_fault_for_the_user():
    rig = PenRig()
    assert rig.home()
    rig.pen.safety.trip(faults.JAM)
    rig.pen.safety.trip(faults.DRIVER_SHORT)
    rig.run_ms(100)
    assert rig.pen.last_fault.service_code == faults.DRIVER_SHORT
    assert rig.pen.service_clear()
    assert rig.home()


@pytest.mark.parametrize("order", [("DRIVER_SHORT", "TABLES"), ("TABLES", "DRIVER_SHORT")])
def test_service_and_a_restart_are_both_done_where_both_are_asked_for(order):
    rig = PenRig()
    assert rig.home()
    outward = len(rig.outward_steps_at)
    for name in order:
        rig.pen.safety.trip(getattr(faults, name))
    rig.run_ms(100)
    assert rig.pen.last_fault.service_code == faults.DRIVER_SHORT
    assert not rig.pen.service_clear()
    rig.run_ms(100)
    assert rig.fault() == "tables"
    assert not rig.pen.clear_fault() and not rig.pen.service_clear()
    if order[0] == "DRIVER_SHORT":  # service is done, on record too; the restart is left to do
        assert [(event.a, event.b) for event in events(rig, "cleared")] == [(1, faults.DRIVER_SHORT)]
        assert rig.pen.last_fault.service_code == 0
    else:  # the restart comes first, and finds the other on record
        assert rig.pen.last_fault.service_code == faults.DRIVER_SHORT
    assert len(rig.outward_steps_at) == outward


def test_a_later_fault_leaves_the_one_for_service_on_record():
    rig = PenRig(pen={"service_fault": "ntc"})
    rig.run_ms(100)
    assert rig.fault() == "ntc"
    rig.pen.safety.trip(faults.DRIVER_SHORT)
    rig.run_ms(100)
    assert rig.pen.last_fault.service_code == faults.NTC
    assert not rig.outward_steps_at


def test_service_cannot_clear_what_is_still_so():
    rig = PenRig()
    assert rig.home()
    rig.world.settle().motor_temp_c = 199.0  # more than a motor survives: a short of the NTC's wires
    rig.run_ms(600)
    assert rig.fault() == "ntc"
    assert not rig.pen.service_clear()
    rig.run_ms(50)
    assert rig.fault() == "ntc"
    assert rig.pen.last_fault.service_code == faults.NTC, "still there, so still to be remembered"


def test_what_the_self_test_stopped_at_is_cleared_by_a_restart_after_service():
    """Else the pen would go on with tests that were never made."""
    rig = PenRig(pen={"calibration": "missing", "service_fault": "ntc"})
    rig.run_ms(50)
    assert rig.fault() == "calibration_missing"
    rig.pen.calibrated()
    assert rig.pen.last_fault.service_code == faults.NTC
    assert not rig.pen.service_clear()
    rig.run_ms(100)
    assert rig.pen.fault_record.service_done and rig.fault() == "calibration_missing"
    assert rig.pen.last_fault.service_code == 0, "forgotten, and not put on record anew"


# -- glide ----------------------------------------------------------------------------------------------


@pytest.mark.hazard("H04")
@pytest.mark.parametrize("depth_um", [200, 500, 750, 1000, 1500])
def test_the_glide_limit_covers_the_time_that_the_plants_needles_are_out(depth_um):
    """Held against the plant: the time past the guide plane is never longer than what the limit is made from."""
    rig = PenRig()
    rig.open_session("cheek", "acne_scars" if depth_um >= 1000 else "wrinkles")
    rig.set(depth_um)
    out_ns, before_ns = [], [0]

    def look():
        now_ns = rig.world.now_ns
        if rig.world.settle().tip_um > 0:
            out_ns.append(now_ns - before_ns[0])
        before_ns[0] = now_ns
        rig.world.after(20_000, look)

    look()
    rig.strokes_until_fault(1)
    limit_um_s = rig.pen.glide_um_s()
    dragged_um = limit_um_s * sum(out_ns) / 1e9 / len(rig.strokes)
    assert 150 < dragged_um <= 200  # never more; and not so careful that nobody believes it
