"""What the panel says of cartridge and carriage is held against where the simulated tips are, all through a scenario.

A page stands for a moment after what it tells has changed: it is drawn again in the next passes and sent in pieces.
"""

from typing import Any

import pytest

from sim.run import Simulation
from sim.scenario import parse

MS = 1_000_000
LOOK_MS = 20
PAGE_LATE_MS = 400  # a whole page on the bus, and the pass before it
LONGEST_TIPS_UM = 200
OUT_UM = 25  # so far out every page has to say so: more than the play of the nut and the snap of the detent

SAFE, INVITED, READY, OUT = "Safe to eject", "Insert a new sterile", "READY", "out"


class Watched:
    """One scenario, its panel read every 20 ms beside the tips' place."""

    def __init__(self, **tables: Any):
        self.simulation = Simulation(parse({"title": "claims", **tables}, "claims", "claims"))
        self.world = self.simulation.world
        self.wrong: list[tuple[float, str, float]] = []
        self.said: set[str] = set()
        self.silent_ms = 0  # no cartridge, the carriage out, and the page does not say so
        self._quiet_ms = 0
        self._false_ms = dict.fromkeys((SAFE, INVITED, READY), 0)
        self.world.at(0, self._look)
        self.result = self.simulation.run().result

    def _look(self) -> None:
        plant = self.world.settle()
        seated = self.world.seated
        text = " ".join(self.simulation.hands.lines())
        # the plant's tips are those of the scenario's cartridge, seated or not
        longest_um = plant.tip_um - self.simulation.scenario.cartridge.offset_um + LONGEST_TIPS_UM
        for claim, tip_um in ((SAFE, plant.tip_um), (READY, plant.tip_um), (INVITED, longest_um)):
            if claim not in text:
                self._false_ms[claim] = 0
                continue
            self.said.add(claim)
            self._false_ms[claim] = self._false_ms[claim] + LOOK_MS if tip_um > 0 else 0
            if self._false_ms[claim] > PAGE_LATE_MS:
                self.wrong.append((self.world.now_ns / 1e9, claim, tip_um))
        if not seated and plant.tip_um > OUT_UM and OUT not in text.lower():
            self._quiet_ms += LOOK_MS
        else:
            self._quiet_ms = 0
        self.silent_ms = max(self.silent_ms, self._quiet_ms)
        self.world.after(LOOK_MS * MS, self._look)


WAIT = {"do": "wait", "ms": 2500}
REFUSED = {
    "used": {"used": True}, "known to this pen": {"known_used": True}, "expired": {"expiry": "2020-01-01"},
    "of nine needles": {"needles": 9}, "unreadable": {"unreadable": True}, "copied": {"copied_from": 77},
}


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("offset_um", [200, 60, -200])
@pytest.mark.parametrize("why", REFUSED)
def test_a_refused_cartridge_is_safe_to_eject_only_with_its_tips_inside(why, offset_um):
    watched = Watched(cartridge={"offset_um": offset_um, **REFUSED[why]}, pen={"clock": "2026-10-01"}, hands=[WAIT])
    assert not watched.wrong
    assert SAFE in watched.said and INVITED not in watched.said
    assert "Refused:" in watched.simulation.hands.seen


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("offset_um", [200, 0, -200])
def test_a_sound_cartridge_may_be_exchanged_for_one_with_any_tips(offset_um):
    """Taken out before a session, when the carriage stands where this cartridge's strokes would begin."""
    watched = Watched(
        cartridge={"offset_um": offset_um},
        hands=[WAIT, {"do": "pull_cartridge"}, WAIT, {"do": "insert_cartridge", "fresh": True}, WAIT])
    assert not watched.wrong
    assert INVITED in watched.said


@pytest.mark.hazard("H05")
def test_a_whole_session_and_its_exchange_claim_nothing_that_is_not_so():
    watched = Watched(
        cartridge={"offset_um": 120},
        hands=[{"do": "open_session"}, {"do": "pass", "ms": 900}, {"do": "end_session"}, {"do": "read_aftercare"},
               {"do": "pull_cartridge"}, WAIT, {"do": "insert_cartridge", "fresh": True}, WAIT])
    assert not watched.wrong
    assert watched.said == {SAFE, INVITED, READY}


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("part", [0.2, 0.3, 0.45, 0.6])
def test_a_carriage_that_stands_out_without_a_cartridge_is_said_on_every_page_and_none_invites_one(part):
    """Pulled in mid-stroke, the fault cleared, every page of the session's end asked for: the carriage stays out.

    The old cartridge, put back, lets the drive bring it in.
    """
    clear = [{"do": "press", "button": "select"}, {"do": "wait", "ms": 1500}]
    watched = Watched(
        hands=[{"do": "open_session"}, {"do": "pass", "ms": 600, "pause_ms": 1500}, *clear, *clear, *clear, *clear],
        faults=[{"what": "cartridge_pulled", "stroke": 4, "part": part}], expect={"needles_retracted": "either"})
    assert watched.world.settle().tip_um > OUT_UM  # so there was something to say
    assert not watched.wrong
    assert INVITED not in watched.said
    assert watched.silent_ms <= PAGE_LATE_MS


@pytest.mark.hazard("H05")
def test_the_old_cartridge_put_back_brings_the_carriage_in():
    clear = [{"do": "press", "button": "select"}, {"do": "wait", "ms": 1500}]
    watched = Watched(
        hands=[{"do": "open_session"}, {"do": "pass", "ms": 600, "pause_ms": 1500}, *clear,
               {"do": "insert_cartridge"}, {"do": "wait", "ms": 4000}],
        faults=[{"what": "cartridge_pulled", "stroke": 4, "part": 0.45}])
    assert watched.world.settle().tip_um <= 0
    assert not watched.wrong


OUT_PAGES = {
    "jam": (None, "SEL: bring needles in"),
    "driver_short": (40, "Service: needles out"),
}


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("what", OUT_PAGES)
def test_the_page_of_a_fault_that_left_the_needles_out_says_what_to_do_with_the_hand(what):
    for_ms, brings_in = OUT_PAGES[what]
    watched = Watched(
        hands=[{"do": "open_session"}, {"do": "pass", "ms": 600, "pause_ms": 1500}, {"do": "wait", "ms": 9000}],
        faults=[{"what": what, "stroke": 4, "part": 0.45} | ({"for_ms": for_ms} if for_ms else {})],
        expect={"needles_retracted": "either"})
    seen = watched.simulation.hands.seen
    assert watched.world.settle().tip_um > OUT_UM
    assert not watched.wrong
    assert "Lift off. Do not pull" in seen and brings_in in seen


@pytest.mark.hazard("H05")
def test_select_brings_the_needles_in_as_the_page_says():
    watched = Watched(
        hands=[{"do": "open_session"}, {"do": "pass", "ms": 600, "pause_ms": 1500},
               {"do": "press", "button": "select"}, {"do": "wait", "ms": 4000}],
        faults=[{"what": "interlock_torn", "stroke": 4, "part": 0.45, "for_ms": 0.02}])
    assert "SEL: bring needles in" in watched.simulation.hands.seen
    assert watched.world.settle().tip_um <= 0
    assert not watched.wrong
