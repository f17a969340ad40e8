"""Every method in every stage: it does its thing, or it changes nothing and says why."""

from itertools import product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from treatment_rig import (
    ACCEPTED,
    CHEEK,
    QUESTIONS,
    SCARS,
    STAGES,
    brought_to,
    depth,
    shown,
    stage,
    stroke_us,
    treatment,
)

MOVING = treatment.REFUSED_MOVING

# method: the call, the stage it leads to from each stage it works in, and what it says elsewhere
METHODS = {
    "cartridge_accepted": (lambda d: d.cartridge_accepted(2000, 2000), {"NO_CARTRIDGE": "ZONE"}, ValueError),
    "choose_zone": (lambda d: d.choose_zone(CHEEK), {"ZONE": "INDICATION"}, MOVING),
    "choose_indication": (lambda d: d.choose_indication(SCARS), {"INDICATION": "QUESTIONS"}, MOVING),
    "answer_no": (lambda d: d.answer_no(), {"QUESTIONS": "QUESTIONS"}, None),
    "answer_yes": (lambda d: d.answer_yes(), {"QUESTIONS": "ZONE"}, None),
    "back": (
        lambda d: d.back(), {"INDICATION": "ZONE", "QUESTIONS": "INDICATION", "CONFIRM": "ZONE"}, None),
    "supervise": (lambda d: d.supervise(True), {"CONFIRM": "CONFIRM"}, MOVING),
    "confirm": (lambda d: d.confirm(True), {"CONFIRM": "MARKING"}, MOVING),
    "open": (lambda d: d.open(5), {"MARKING": "ACTIVE"}, ValueError),
    "change_depth": (lambda d: d.change_depth(1, False), {"ACTIVE": "ACTIVE"}, MOVING),
    "change_rate": (lambda d: d.change_rate(1, stroke_us(500), False), {"ACTIVE": "ACTIVE"}, MOVING),
    "end": (lambda d: d.end(2, 9), {"ACTIVE": "SUMMARY", "MARKING": "SUMMARY"}, None),
    "summary_read": (lambda d: d.summary_read(), {"SUMMARY": "AFTERCARE"}, None),
    "aftercare_read": (lambda d: d.aftercare_read(), {"AFTERCARE": "NO_CARTRIDGE"}, None),
}  # fmt: skip


@pytest.mark.parametrize("name, at", list(product(METHODS, STAGES)))
def test_each_method_in_each_stage(name, at):
    call, works, otherwise = METHODS[name]
    deed = brought_to(at)
    before = shown(deed)
    if at in works:
        assert call(deed) in (None, ACCEPTED)
        assert deed.stage == stage(works[at])
        assert shown(deed) != before
        return
    if otherwise is ValueError:
        with pytest.raises(ValueError):
            call(deed)
    else:
        assert call(deed) == otherwise
    assert shown(deed) == before


@pytest.mark.parametrize("at", STAGES)
def test_only_one_stage_is_an_open_session(at):
    assert brought_to(at).is_open() == (at == "ACTIVE")


@pytest.mark.hazard("H15")
def test_nothing_changes_while_the_needles_move():
    deed = brought_to("ACTIVE")
    before = shown(deed)
    for direction in (1, -1):
        assert deed.change_depth(direction, True) == MOVING
        assert deed.change_rate(direction, stroke_us(500), True) == MOVING
    assert shown(deed) == before


UM = st.integers(0, 2600) | st.integers(1500, 2600)


class Buttons(RuleBasedStateMachine):
    """A user who presses anything at any time."""

    sessions = 0

    @initialize(cartridge_um=UM, travel_um=UM)
    def insert(self, cartridge_um, travel_um):
        self.deed = treatment.Treatment(QUESTIONS)
        self.deed.cartridge_accepted(cartridge_um, travel_um)
        self.fixed = None

    @rule(zone=st.integers(0, 12), indication=st.integers(0, 6))
    def choose(self, zone, indication):
        self.deed.choose_zone(zone)
        self.deed.choose_indication(indication)

    @rule()
    def say_no(self):
        self.deed.answer_no()

    @rule(name=st.sampled_from(
        ["answer_yes", "back", "can_supervise", "summary_read", "aftercare_read", "stroke_done"]))
    def press(self, name):
        getattr(self.deed, name)()

    @rule(proven=st.sampled_from([True, True, False, None, 1]))
    def unlock(self, proven):
        before = self.deed.supervised
        self.deed.supervise(proven)
        assert self.deed.supervised == before or proven is True

    @rule(noes=st.sampled_from([0, QUESTIONS]), battery_ok=st.booleans(), now_ms=st.integers(0, (1 << 30) - 1))
    def start(self, noes, battery_ok, now_ms):
        for _ in range(noes):
            self.deed.answer_no()
        self.deed.confirm(battery_ok)
        if self.deed.stage == treatment.MARKING:
            self.deed.open(now_ms)
            Buttons.sessions += 1

    @rule(zone=st.integers(1, 12), supervised=st.booleans())
    def straight_to_a_session(self, zone, supervised):
        self.choose(zone, 0)
        for _ in range(QUESTIONS):
            self.deed.answer_no()
        if supervised:
            self.deed.supervise(True)
        self.start(0, True, 0)

    @rule(direction=st.sampled_from([-1, 1]), times=st.integers(1, 50), moving=st.booleans())
    def change_depth(self, direction, times, moving):
        for _ in range(times):
            self.deed.change_depth(direction, moving)

    @rule(direction=st.sampled_from([-1, 1]), times=st.integers(1, 25), moving=st.booleans())
    def change_rate(self, direction, times, moving):
        for _ in range(times):
            self.deed.change_rate(direction, stroke_us(self.deed.depth_um), moving)

    @rule(reason=st.integers(1, 6), often=st.integers(0, 3))
    def end(self, reason, often):
        if often == 3:
            self.deed.end(reason, 0)

    @rule(cartridge_um=UM, travel_um=UM)
    def exchange(self, cartridge_um, travel_um):
        if self.deed.stage == treatment.NO_CARTRIDGE:
            self.deed.cartridge_out()
            self.deed.cartridge_accepted(cartridge_um, travel_um)

    @invariant()
    def an_open_session_keeps_its_zone_and_its_limits(self):
        deed = getattr(self, "deed", None)
        if deed is None or not deed.is_open():
            self.fixed = None
            return
        now = (deed.zone, deed.indication, deed.supervised, deed.limits.max_um, deed.cartridge_um, deed.travel_um)
        assert self.fixed in (None, now)
        self.fixed = now

    @invariant()
    def depth_is_within_the_limits(self):
        deed = getattr(self, "deed", None)
        if deed is None or deed.stage not in (treatment.CONFIRM, treatment.MARKING, treatment.ACTIVE):
            return
        row, band = depth.ZONES[deed.zone], depth.INDICATIONS[deed.indication]
        cap_um = row.supervised_cap_um if deed.supervised else row.cap_um
        assert not depth.prohibited(deed.zone)
        assert row.min_um <= deed.depth_um <= min(cap_um, band.high_um, deed.cartridge_um, deed.travel_um, 2500)
        assert deed.depth_um % depth.DEPTH_STEP_UM == 0

    @invariant()
    def rate_is_within_the_zone(self):
        deed = getattr(self, "deed", None)
        if deed is None or not deed.is_open():
            return
        row = depth.ZONES[deed.zone]
        period_us = deed.settle_rate(stroke_us(deed.depth_um), False)
        assert row.rate_min_mhz <= deed.asked_rate_mhz <= row.rate_max_mhz
        assert deed.rate_mhz <= row.rate_max_mhz
        assert period_us >= stroke_us(deed.depth_um) + treatment.MARGIN_US


@pytest.mark.hazard("H01")
def test_random_presses_keep_the_limits():
    Buttons.sessions = 0
    run_state_machine_as_test(Buttons, settings=settings(max_examples=200, stateful_step_count=50, deadline=None))
    assert Buttons.sessions > 20  # else the test says nothing


@pytest.mark.hazard("H01")
def test_what_homing_may_pass_is_refused_at_the_choice_and_again_at_the_confirmation():
    """Homing brings the tips out to the reach of this pen with this cartridge, whatever the zone allows."""
    deed = brought_to("INDICATION", travel_um=1500)
    deed.reach_um = 1501
    assert deed.choose_indication(SCARS) == treatment.REFUSED_REACH
    assert deed.stage == treatment.INDICATION
    deed.reach_um = 1500
    assert deed.choose_indication(SCARS) == ACCEPTED
    for _ in range(QUESTIONS):
        deed.answer_no()
    deed.reach_um = deed.limits.max_um + 1  # a longer cartridge was read meanwhile
    assert deed.confirm(True) == treatment.REFUSED_REACH
    assert deed.stage == treatment.CONFIRM
    deed.reach_um = deed.limits.max_um
    assert deed.confirm(True) == ACCEPTED
