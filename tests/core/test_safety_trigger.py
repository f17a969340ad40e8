"""The trigger: bounce is no fault, disagreement is; a press counts only after a release; runs end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safety_rig import CHEEK, MAX_UM, STARTS_MS, WRAP, Rig, faults, inputs, safety

PRESSED, RELEASED = (1, 0), (0, 1)
AGREEING = [(0, 0), (1, 1)]


@pytest.mark.hazard("H07")
@pytest.mark.parametrize("start_ms", STARTS_MS)
@pytest.mark.parametrize("contacts", AGREEING)
@pytest.mark.parametrize("state", [safety.BOOT, safety.UNHOMED, safety.HOMING, safety.READY, safety.RUNNING])
def test_contacts_that_agree_for_40_ms_trip(start_ms, contacts, state):
    rig = Rig(start_ms).enter(state).trigger(*contacts)
    rig.step(inputs.CONTACTS_MS)  # the first look starts the count
    assert rig.core.fault == faults.NONE
    rig.step()
    assert rig.core.fault == faults.TRIGGER_CONTACTS
    assert inputs.CONTACTS_MS == 40


@given(
    st.integers(0, WRAP - 1) | st.integers(WRAP - 300, WRAP - 1),
    st.lists(st.tuples(st.sampled_from(AGREEING), st.integers(1, 39), st.sampled_from([PRESSED, RELEASED]))),
)
def test_shorter_bounce_never_trips(start_ms, bounces):
    rig = Rig(start_ms).ready()
    for agreeing, ms, settled in bounces:
        rig.trigger(*agreeing).step(ms)
        rig.trigger(*settled).step()
    assert rig.core.fault == faults.NONE


@pytest.mark.hazard("H08")
@pytest.mark.parametrize("start_ms", STARTS_MS)
def test_held_at_boot_is_no_press_until_released(start_ms):
    rig = Rig(start_ms).trigger(*PRESSED).step(50)
    core = rig.core
    core.event(safety.TESTED)
    core.event(safety.HOME)
    core.event(safety.HOMED)
    core.calibrated = core.cartridge_ok = True
    core.open_session(CHEEK, MAX_UM)
    for _ in range(300):
        assert rig.step(10, 10).ask() == faults.REFUSED_RELEASE_FIRST
    assert core.held_at_rest()
    assert rig.release().press().ask() == faults.GRANTED
    assert not core.held_at_rest()


@pytest.mark.parametrize("start_ms", STARTS_MS)
def test_a_release_counts_after_8_ms_without_a_break(start_ms):
    assert inputs.RELEASE_MS == 8
    rig = Rig(start_ms).trigger(*PRESSED).step(50)
    for _ in range(20):  # a bouncing finger: never 8 ms open
        rig.trigger(*RELEASED).step(8).trigger(*PRESSED).step(3)
    assert rig.core.held_at_rest()
    rig.trigger(*RELEASED).step(9)
    assert not rig.core.pressed
    rig.press()
    assert rig.core.pressed and not rig.core.held_at_rest()


def test_both_contacts_open_is_no_release():
    """A broken wire of the normally closed contact must not count as letting go."""
    rig = Rig().trigger(*PRESSED).step(50)
    rig.trigger(0, 0).step(30).press()
    assert rig.core.held_at_rest()


@pytest.mark.hazard("H07")
@pytest.mark.parametrize("start_ms", STARTS_MS)
def test_letting_go_refuses_at_once_and_ends_the_run_within_the_debounce(start_ms):
    rig = Rig(start_ms).running().trigger(*RELEASED)
    assert rig.ask() == faults.REFUSED_TRIGGER
    rig.step(inputs.RELEASE_MS + 1)
    assert rig.core.state == safety.STOPPING


@pytest.mark.hazard("H07")
@pytest.mark.parametrize("start_ms", STARTS_MS)
def test_a_run_lasts_30_s_and_the_next_one_needs_a_release(start_ms):
    rig = Rig(start_ms).ready().press()
    assert rig.ask() == faults.GRANTED
    rig.step(safety.LONGEST_RUN_MS)
    assert safety.LONGEST_RUN_MS == 30000
    assert rig.core.state == safety.RUNNING
    rig.step()
    assert rig.core.state == safety.STOPPING
    rig.core.event(safety.PARKED)
    for _ in range(50):
        assert rig.step(10, 10).ask() == faults.REFUSED_RUN_TOO_LONG
    assert rig.core.fault == faults.NONE
    assert rig.release().press().ask() == faults.GRANTED


def test_short_runs_do_not_add_up():
    rig = Rig().ready()
    for _ in range(10):
        assert rig.press().ask() == faults.GRANTED
        rig.step(9000, 10).release()
        assert rig.core.state == safety.STOPPING
        rig.core.event(safety.PARKED)


def test_a_condition_that_holds_for_weeks_keeps_its_age():
    """Differences of ticks are right for 2^29 ms (6 days) only; a pen may lie switched on for longer."""
    timer, now_ms = safety.Timer(), WRAP - 50
    timer.held_ms(True, now_ms)
    for day in range(1, 40):
        now_ms = (now_ms + 86_400_000) % WRAP
        assert timer.held_ms(True, now_ms) >= min(day, 3) * 86_400_000
    assert timer.held_ms(False, now_ms) == 0
    assert timer.held_ms(True, now_ms) == 0


def test_both_contacts_closed_is_no_press_and_ends_a_run():
    rig = Rig().release().trigger(1, 1).step(30)
    assert not rig.core.pressed
    rig = Rig().running().trigger(1, 1)
    rig.step(inputs.RELEASE_MS)
    assert rig.core.state == safety.RUNNING
    rig.step()
    assert rig.core.state == safety.STOPPING and rig.core.fault == faults.NONE


def test_an_age_stands_still_after_three_days():
    timer, now_ms, ages = safety.Timer(), 5, []
    for _ in range(5):
        ages.append(timer.held_ms(True, now_ms))
        now_ms += 89_478_485
    assert ages == [0, 89_478_485, 178_956_970, 268_435_455, 268_435_456]
