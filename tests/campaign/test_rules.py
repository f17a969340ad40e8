"""The rules that hold at every moment: each can be broken, and a healthy pen breaks none."""

import pytest

from sim.campaign import rules
from sim.campaign.rules import Watch
from sim.parts.ssd1306 import Ssd1306
from sim.run import Simulation
from sim.scenario import HandStep, Mishap, Scenario
from sim.space import shim

MS = 1_000_000
faults = shim("faults")


def watched(*mishaps, ms=3000, hands=(), start_um=-110.0, before=None):
    """A pen that was switched on, and what was seen of it."""
    scenario = Scenario(
        name="watched", title="watched", plant={"start_um": start_um}, faults=list(mishaps), settle_ms=0,
        hands=[*hands, HandStep(do="wait", ms=ms)])
    simulation = Simulation(scenario)
    watch = Watch(simulation)
    if before is not None:
        before(simulation)
    ends = simulation._end

    def ended():
        if not watch.ended:
            watch.ended = True
            watch.ends()
        ends()

    watch.ended = False
    simulation._end = ended
    simulation.world.at((ms - 1) * MS if not hands else 10**15, lambda: None)
    simulation.run()
    return watch


TORN = Mishap(what="interlock_torn", when="homing", after_ms=15)


@pytest.mark.parametrize("start_um", [-400.0, -110.0, 1000.0])
def test_a_pen_that_homes_breaks_no_rule(start_um):
    assert not watched(start_um=start_um).broken


def test_a_homing_past_its_bound_is_seen_by_the_plants_truth(monkeypatch):
    monkeypatch.setattr(rules, "PAST_EDGE_UM", -300)
    monkeypatch.setattr(rules, "SNAP_UM", -300)
    watch = watched()
    assert "while homing" in watch.broken["depth"] and watch.homing_over_um > 100


def test_needles_left_out_need_a_reason(monkeypatch):
    watch = watched(TORN, start_um=1000.0)
    assert watch.out and watch.faults == [faults.CARTRIDGE_PULLED]
    assert "rest" not in watch.broken, "the table says why"
    row = faults.TABLE[faults.CARTRIDGE_PULLED]
    for where, lasting, right in ((faults.IN, True, False), (faults.RETRIED, True, True),
                                  (faults.RETRIED, False, False)):
        monkeypatch.setitem(faults.TABLE, faults.CARTRIDGE_PULLED, row._replace(needles=where))
        watch.broken.clear()
        watch.lasting = lasting
        watch.ends()
        assert ("rest" not in watch.broken) == right


@pytest.mark.hazard("H05")
def test_a_fault_of_the_self_test_excuses_no_needles_that_are_out():
    stuck = [Mishap(what="ntc_open", at_ms=0), Mishap(what="motor_weak", at_ms=0, value=0)]
    watch = watched(*stuck, ms=12_000, start_um=1000.0)
    assert watch.faults == [faults.NTC] and "1000 um out, after ntc" in watch.broken["rest"]
    watch = watched(Mishap(what="interlock_torn", at_ms=0), ms=12_000, start_um=1000.0)
    assert watch.out and "rest" not in watch.broken, "a drive that cannot come on brings nothing in"


@pytest.mark.parametrize("claim", rules.CLAIMS)
def test_a_claim_of_the_panel_with_the_tips_out_is_seen(claim):
    def before(simulation):
        simulation.hands.lines = lambda: [f"  {claim}"]

    watch = watched(TORN, start_um=1000.0, before=before)
    assert f"'{claim}' with the tips" in watch.broken["claim"]
    assert "claim" not in watched(before=before).broken, "with the tips in it is right"


def test_a_panel_dark_at_rest_is_seen(monkeypatch):
    monkeypatch.setattr(Ssd1306, "shows", property(lambda _: False))
    assert "dark" in watched(ms=13_000).broken
    assert "dark" not in watched(ms=8_000).broken


def test_flash_written_under_a_drive_that_is_on_is_seen():
    def before(simulation):
        simulation.world.after(MS, lambda: setattr(simulation.world, "flash_while_armed", 1))

    assert "flash" in watched(before=before).broken


def test_a_stroke_that_was_cut_need_not_be_on_record_as_finished():
    hands = [HandStep(do="open_session"), HandStep(do="pass", ms=400)]
    whole = watched(hands=hands)
    assert whole.finished_strokes() >= 4 and not whole.broken
    cut = watched(Mishap(what="interlock_torn", stroke=3, part=0.4, for_ms=200), hands=hands)
    assert cut.finished_strokes() == 2
