"""The safety core's table: complete, every state reachable and left again, and only homing leads back."""

from itertools import product

import pytest
from safety_rig import EVENTS, STATES, Rig, faults, safety

STAY, BAD = -1, -2
# What ought to be, written down apart from the firmware; ".": does no harm, "!": cannot be, an internal fault
OUGHT = """
           tested  block      home   homed start   release  parked fault_retract fault_stop retracted clear   gauge
boot       unhomed blocked    !      !     !       .        !      blocked       fault      !         .       !
blocked    !       .          !      !     !       .        .      .             fault      .         unhomed !
unhomed    !       blocked    homing !     !       .        .      fault         fault      .         .       !
homing     !       fault      .      ready !       .        .      retracting    fault      .         .       !
ready      !       blocked    homing .     running .        .      fault         fault      .         .       gauging
running    !       retracting !      !     .       stopping .      retracting    fault      !         .       !
stopping   !       retracting !      !     !       .        ready  retracting    fault      !         .       !
retracting !       .          !      !     !       .        .      .             fault      fault     .       !
fault      !       .          !      !     !       .        .      .             .          .         unhomed !
power_down .       .          .      .     .       .        .      .             .          .         .       .
gauging    !       retracting !      !     !       unhomed  !      retracting    fault      !         .       !
"""
EVENT_WORDS, *ROWS = [line.split() for line in OUGHT.strip().splitlines()]
STATE_WORDS = [row[0] for row in ROWS]
FAULT_EVENTS = (safety.BLOCK, safety.FAULT_RETRACT, safety.FAULT_STOP)
CAN_STROKE = (safety.READY, safety.RUNNING)


def leads_to(target):
    return {(state, event) for state, event in product(STATES, EVENTS) if safety.TRANSITIONS[state][event] == target}


def test_states_and_events_by_name():
    assert list(safety.STATE_NAMES) == STATE_WORDS
    assert list(safety.EVENT_NAMES) == EVENT_WORDS
    assert [getattr(safety, name.upper()) for name in STATE_WORDS] == list(STATES)
    assert [getattr(safety, name.upper()) for name in EVENT_WORDS] == list(EVENTS)


def test_every_state_times_every_event():
    assert len(safety.TRANSITIONS) == len(STATES) == 11
    for row in safety.TRANSITIONS:
        assert len(row) == len(EVENTS) == 12
        assert all(target in (STAY, BAD) or target in STATES for target in row)


def test_the_table_is_the_one_meant():
    """Also where a latched fault hides what a cell says."""
    words = {STAY: ".", BAD: "!"} | dict(enumerate(STATE_WORDS))
    assert [[words[target] for target in row] for row in safety.TRANSITIONS] == [row[1:] for row in ROWS]


@pytest.mark.hazard("H20")
@pytest.mark.parametrize("state, event", list(product(STATES, EVENTS)))
def test_each_cell_does_what_it_says(state, event):
    rig = Rig().enter(state)
    had, told = rig.core.fault, len(rig.states)
    word = ROWS[state][1 + event]
    expected = state if word == "." else STATE_WORDS.index("fault" if word == "!" else word)
    if event == safety.CLEAR and had:
        expected = state  # only `clear`, which looks at the remedy, lets go of a latched fault
    assert rig.core.event(event) == rig.core.state == expected
    assert rig.core.fault == (had or (faults.INTERNAL if word == "!" else faults.NONE))
    assert rig.states[told:] == ([expected] if expected != state else [])


def test_every_state_is_reachable():
    for state in STATES:
        Rig().enter(state)


def test_only_homing_and_a_finished_run_lead_to_ready():
    assert leads_to(safety.READY) == {(safety.HOMING, safety.HOMED), (safety.STOPPING, safety.PARKED)}


def test_only_a_granted_permit_leads_to_running():
    assert leads_to(safety.RUNNING) == {(safety.READY, safety.START)}


def test_after_a_clear_comes_homing():
    assert {safety.TRANSITIONS[state][safety.CLEAR] for state in STATES} == {STAY, safety.UNHOMED}


def test_no_fault_event_leads_where_a_stroke_can_be():
    for state, event in product(STATES, FAULT_EVENTS):
        target = safety.TRANSITIONS[state][event]
        assert (state if target == STAY else target) not in CAN_STROKE
        assert target != BAD


@pytest.mark.hazard("H20")
def test_a_stop_switches_off_from_everywhere():
    assert all(safety.TRANSITIONS[state][safety.FAULT_STOP] in (safety.FAULT, STAY) for state in STATES)
    stays = {state for state in STATES if safety.TRANSITIONS[state][safety.FAULT_STOP] == STAY}
    assert stays == {safety.FAULT, safety.POWER_DOWN}


@pytest.mark.parametrize("state", STATES)
def test_a_user_gets_from_each_state_to_ready(state):
    """By what the pen does by itself and by SELECT; power-down needs a restart."""
    by_itself = {
        safety.BOOT: safety.TESTED, safety.UNHOMED: safety.HOME, safety.HOMING: safety.HOMED,
        safety.RUNNING: safety.RELEASE, safety.STOPPING: safety.PARKED, safety.RETRACTING: safety.RETRACTED,
    }  # fmt: skip
    rig = Rig()
    if state == safety.BLOCKED:
        rig.release().core.trip(faults.WATCHDOG)
    else:
        rig.enter(state)
    if state == safety.POWER_DOWN:
        rig = Rig()
    rig.release()
    for _ in range(10):
        if rig.core.state == safety.READY:
            break
        if rig.core.state in by_itself:
            rig.core.event(by_itself[rig.core.state])
        else:
            assert rig.core.clear(rig.readings)
    assert rig.core.state == safety.READY
    assert rig.core.fault == faults.NONE


@pytest.mark.parametrize("event", EVENTS)
def test_nothing_leads_out_of_power_down(event):
    rig = Rig().enter(safety.POWER_DOWN)
    assert rig.core.event(event) == safety.POWER_DOWN
    assert not rig.core.clear(rig.readings, True)


def test_each_change_of_state_is_told_once():
    rig = Rig().running()
    rig.release()
    rig.core.event(safety.PARKED)
    S = safety  # noqa: N806
    assert rig.states == [S.UNHOMED, S.HOMING, S.READY, S.RUNNING, S.STOPPING, S.READY]
    rig.core.power_gone()
    rig.core.power_gone()
    assert rig.states[6:] == [S.POWER_DOWN]
