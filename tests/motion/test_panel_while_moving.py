"""What the panel does while needles move: little enough that no look at them is late, and never a new page.

Counted in calls of the firmware's functions, some 30 us each on the chip: 70 of them are 2 ms, and a look 3 ms too
late counts towards a fault. A whole page takes 1,000.
"""

import sys

import pytest
from motion_rig import PenRig, safety

from sim.eyes import read_lines
from sim.space import shim

pages = shim("pages")
CALLS_MOST = 70


def watched(rig):
    """(calls, page) of each update of the panel while the drive is on, as they come."""
    found = []
    panel = rig.pen.panel
    update = panel.update

    def counted(now_ms):
        if not rig.pen.motor.armed():
            return update(now_ms)
        calls = []
        sys.setprofile(lambda frame, event, _: calls.append(1) if event == "call"
                       and "/firmware/" in frame.f_code.co_filename else None)
        try:
            return update(now_ms)
        finally:
            sys.setprofile(None)
            found.append((len(calls), panel._page))

    panel.update = counted
    return found


@pytest.mark.hazard("H20")
def test_no_update_of_the_panel_makes_a_look_at_the_needles_late():
    """The session's page is the only one on which strokes run."""
    rig = PenRig()
    rig.open_session("cheek", "wrinkles")
    rig.set(1000, 12_000)
    rig.run_ms(200)
    assert rig.pen.panel._page == pages.SESSION
    found = watched(rig)
    rig.press()
    rig.run_ms(2500)
    assert rig.pen.motor.strokes() > 20
    assert {shown for _, shown in found} == {pages.SESSION}
    assert max(calls for calls, _ in found) <= CALLS_MOST
    # three of its numbers change, one an update
    assert rig.pen.treatment.strokes - rig.pen.panel._run._shown[1] <= 3
    rig.press(False)
    rig.run_ms(500)
    assert rig.pen.panel._page == pages.SESSION


def test_a_cartridge_fitted_later_has_the_warning_on_the_display_before_the_needles_move():
    rig = PenRig(cartridge={"seated": False})
    rig.run_ms(1500)
    assert rig.pen.panel._page == pages.INSERT
    shown = []
    start = rig.pen.motor.start_home

    def starts(now_us):
        shown.append(rig.pen.panel._page)
        return start(now_us)

    rig.pen.motor.start_home = starts
    found = watched(rig)
    rig.world.insert_cartridge()
    assert rig.home(3000)
    assert shown == [pages.HOMING] and {page for _, page in found} == {pages.HOMING}
    assert max(calls for calls, _ in found) <= CALLS_MOST


def test_a_fault_is_heard_at_once_and_its_page_comes_when_the_needles_are_in():
    rig = PenRig()
    rig.open_session("cheek", "wrinkles")
    rig.set(1000, 12_000)
    found = watched(rig)
    rig.press()
    rig.run_ms(1000)
    rig.pen.safety.trip(shim("faults").MOTOR_HOT)
    rig.run_ms(60)
    assert rig.pen.panel._tone_on
    rig.run_while(lambda: rig.pen.safety.state != safety.FAULT, 2000)
    assert pages.FAULT not in {page for _, page in found}
    rig.run_ms(200)
    assert rig.pen.panel._page == pages.FAULT


def test_words_that_found_no_room_in_memory_come_when_there_is_some():
    """The number and the way out are there meanwhile; the words are fetched once, whatever else changes on the page."""
    rig = PenRig()
    faults = rig.space.module("faults")
    rig.run_ms(1000)
    borrow, tries = faults.borrow, []

    def room(module):
        tries.append(module)
        if len(tries) <= 2:
            raise MemoryError
        return borrow(module)

    faults.borrow = room
    rig.pen.safety.trip(faults.MOTOR_HOT)
    rig.run_ms(1500)
    lines = read_lines(rig.world.display.pixels())
    assert lines[0].startswith("STOP  code") and lines[1].strip() == ""
    rig.run_ms(6000)
    assert "hot" in " ".join(read_lines(rig.world.display.pixels())[1:6])
    rig.world.pull_cartridge()
    rig.run_ms(1000)
    assert len(tries) == 3


def test_pages_that_find_no_room_in_memory_say_so_and_come_when_there_is_some():
    """Nothing is pressed meanwhile, and no run may begin; the tries are two seconds apart."""
    rig = PenRig()
    panel = rig.space.module("panel")
    borrow, tries = panel.borrow, []

    def room(module):
        tries.append(module)
        if len(tries) <= 2:
            raise MemoryError
        return borrow(module)

    panel.borrow = room
    while not tries:
        rig.run_ms(100)
    rig.run_ms(1000)
    assert "No room in memory" in " ".join(read_lines(rig.world.display.pixels()))
    assert tries == ["pages_choose"] and rig.pen.safety.to_read is True and not rig.pen.panel.page_stands()
    rig.run_ms(6000)
    assert read_lines(rig.world.display.pixels())[0].startswith("ZONE")
    assert tries == ["pages_choose"] * 3
