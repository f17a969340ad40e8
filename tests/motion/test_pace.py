"""When strokes begin: the rate in force, the grid of a run, and what comes after a stroke that was broken off."""

from itertools import pairwise

import pytest
from motion_rig import MS, PenRig, carriage, faults, pace, safety

HZ = 12


def session():
    rig = PenRig()
    rig.open_session("cheek", "wrinkles")
    rig.set(1000, HZ)
    return rig


def starts_us(rig):
    return [stroke.start_ns // 1000 for stroke in rig.strokes]


def run_for(rig, ms):
    rig.press()
    rig.run_ms(ms)
    rig.press(False)
    rig.run_ms(300)
    assert not rig.fault()


@pytest.mark.hazard("H10")
def test_derating_starts_at_70_degrees():
    rig = session()
    for temp_dc, hz in ((699, HZ), (700, 10), (699, HZ)):  # 10 Hz is the zone's lowest
        rig.pen.readings.temp_dc = temp_dc
        rig.pen.pace.settle_rate()
        assert rig.pen.treatment.rate_mhz == 1000 * hz


@pytest.mark.hazard("H10")
def test_a_motor_that_gets_warm_in_a_run_is_slowed_in_that_run():
    rig = session()
    rig.press()
    rig.run_ms(1000)
    rig.world.settle().motor_temp_c = 72.0
    rig.run_ms(1000)
    rig.press(False)
    rig.run_ms(300)
    gaps_us = [later - start for start, later in pairwise(starts_us(rig))]
    assert abs(gaps_us[5] - 1_000_000 // HZ) < 500
    assert abs(gaps_us[-1] - 100_000) < 500


@pytest.mark.hazard("H10")
def test_a_hot_motor_strokes_for_ten_seconds_and_rests_as_long():
    rig = session()
    plant = rig.world.settle()

    def stay_hot():
        plant.motor_temp_c = 72.0
        rig.world.after(100 * MS, stay_hot)

    stay_hot()
    rig.press()
    rig.run_ms(13_000)
    run_ms = (rig.strokes[-1].start_ns - rig.strokes[0].start_ns) / MS
    assert 9_800 < run_ms < 10_200 and not rig.fault() and not plant.motor_current_a
    count = len(rig.strokes)
    rig.press(False)
    rig.run_ms(200)
    rig.press()  # too early: it is said, and nothing starts later while the trigger stays held
    rig.run_ms(100)
    assert rig.pen.pace.refusal in (faults.REFUSED_REST, faults.REFUSED_RUN_TOO_LONG)
    rig.run_ms(10_000)
    assert len(rig.strokes) == count
    rig.press(False)
    rig.run_ms(200)
    rig.press()
    rig.run_ms(500)
    assert len(rig.strokes) > count and rig.state() == "running"


def test_a_stroke_that_starts_late_does_not_move_those_after_it():
    rig = session()
    rig.world.on_stroke.append(lambda index, start_ns, _end_ns: index == 9 and rig.world.at(
        start_ns + 70 * MS, lambda: rig.stall(40)))  # the next one is due after 83 ms
    run_for(rig, 2000)
    begun, period_us = starts_us(rig), 1_000_000 // HZ
    off_us = [begun[i] - begun[1] - (i - 1) * period_us for i in range(len(begun))]  # the first waits for its gate
    late = off_us.index(max(off_us))
    assert off_us[late] > 20_000
    assert all(abs(off) < 1000 for i, off in enumerate(off_us) if i not in (0, late))


def late_every(rig, every_ms):
    """The loop does nothing for 8 ms, again and again: a look that is due every 4 ms may be 3 ms late."""

    def late():
        rig.stall(8)
        rig.world.after(every_ms * MS, late)

    late()


def test_a_loop_that_is_late_now_and_then_is_no_fault_however_long_the_run():
    rig = session()
    late_every(rig, 700)
    rig.press()
    rig.run_ms(60_000)
    assert not rig.fault() and rig.pen.scheduler.overruns() > 2 * rig.space.module("pen").OVERRUNS_MAX


@pytest.mark.hazard("H11")
def test_a_loop_that_goes_on_being_late_ends_the_run_with_a_fault():
    rig = session()
    late_every(rig, 100)
    rig.press()
    assert rig.run_while(lambda: not rig.fault(), 10_000)
    assert rig.fault() == "overrun"
    rig.run_ms(1000)
    assert rig.pen.motor.retracted


@pytest.mark.hazard("H02")
def test_after_a_stroke_that_is_broken_off_the_way_in_is_looked_after_at_once():
    """The next stroke's time has no part in it: a retract that is looked at late goes on behind the home sensor."""
    rig = session()
    rig.in_stroke(5, 0.0, lambda: setattr(rig.world, "rogue_tables", True))  # the gate takes the drive away
    rig.press()
    motor = rig.pen.motor
    assert rig.run_while(lambda: motor.doing != carriage.RETRACT, 2000)
    seen = [rig.now_us]
    poll = motor._poll_retract
    motor._poll_retract = lambda now_us: (seen.append(now_us), poll(now_us))
    assert rig.run_while(lambda: rig.pen.safety.state == safety.RETRACTING, 2000)
    assert rig.pen.motor.retracted
    assert max(later - now for now, later in pairwise(seen)) < 5 * MS // 1000


def test_the_rate_is_told_only_while_strokes_run():
    rig = session()
    assert rig.pen.pace.rate_mhz() == 0
    rig.press()
    rig.run_ms(1000)
    assert abs(rig.pen.pace.rate_mhz() - 1000 * HZ) < 200
    rig.press(False)
    rig.run_ms(300)
    assert rig.pen.pace.rate_mhz() == 0 and rig.pen.pace._run[pace._PERIOD_US] > 0
