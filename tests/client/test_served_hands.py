"""Every act of the hands on a live pen, and lines that are none."""

import numpy as np
import pytest

from pen.simwire import SimWire
from sim.controls import ACTS, HELP, OTHER_LETTERS, ControlError, Controls
from sim.hands import BUTTONS
from sim.space import shim

board = shim("board")


@pytest.fixture
def wire():
    wire = SimWire("sim:")
    yield wire
    wire.close()


def closed(wire, pin) -> bool:
    return wire.pen.world.contact_closed(pin)


@pytest.mark.parametrize("button", BUTTONS)
def test_buttons_are_held_let_go_and_pressed(wire, button):
    wire.act(f"hold {button}")
    assert closed(wire, BUTTONS[button])
    wire.act(f"release {button}")
    assert not closed(wire, BUTTONS[button])
    wire.act(f"press {button} 500", settle_s=0.1)
    assert closed(wire, BUTTONS[button])
    wire.pause(0.6)
    assert not closed(wire, BUTTONS[button])


def test_the_trigger_moves_both_contacts(wire):
    wire.act("hold trigger")
    assert (closed(wire, board.PIN_TRIGGER_NO), closed(wire, board.PIN_TRIGGER_NC)) == (True, False)
    wire.act("release trigger")
    assert (closed(wire, board.PIN_TRIGGER_NO), closed(wire, board.PIN_TRIGGER_NC)) == (False, True)


def test_cartridges(wire):
    assert "INTERLOCK" in wire.pen.world.recorder.signals()
    first = wire.pen.world.cartridge
    wire.act("cartridge seat")
    assert wire.pen.world.seated and wire.pen.world.cartridge is first
    with pytest.raises(ControlError, match="'cartridge pull' first"):
        wire.act("cartridge fresh")
    wire.act("cartridge pull")
    with pytest.raises(ControlError, match="no cartridge"):
        wire.act("cartridge pull")
    wire.act("cartridge fresh")
    assert wire.pen.world.cartridge.rom != first.rom


def test_a_page_in_other_letters_is_not_dark(wire):
    """As the loader's is in service mode."""
    panel = wire.pen.world.display
    dark = np.zeros_like(panel.pixels())
    lit = dark.copy()
    lit[:8, :5] = True  # a block is no letter
    for pixels, said in ((dark, "dark"), (lit, OTHER_LETTERS)):
        panel.pixels = lambda pixels=pixels: pixels
        assert wire.act("panel") == said


def test_the_gauge_tip_is_known_for_one(wire):
    wire.act("cartridge gauge", settle_s=3)
    assert not wire.pen.world.settle().skin_present
    assert "Gauge tip" in wire.act("panel")


def test_skin_and_mishaps(wire):
    wire.act("skin lift")
    assert not wire.pen.world.settle().skin_present
    wire.act("skin apply")
    assert wire.pen.world.settle().skin_present
    assert wire.act("break jam") == "the needles are blocked where they are"
    assert wire.pen.world.settle().jam
    assert wire.act("mend jam").startswith("over")
    assert not wire.pen.world.settle().jam
    wire.act("break battery_mv 6800")
    assert wire.pen.world.settle().battery_ocv_mv == 6800


def test_panel_and_status_tell_what_is(wire):
    wire.pause(1)
    assert "CARTRIDGE" in wire.act("panel")
    assert "cartridge out, USB in" in wire.act("status")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("jump", "'jump' is no act; there are: hold"),
        ("hold", "not complete"),
        ("hold nose", "not one of: select, up, down, trigger"),
        ("press up 0", "1 to 60000 ms"),
        ("press up soon", "1 to 60000 ms"),
        ("press trigger", "not one of: select, up, down"),
        ("break", "not complete"),
        ("break jam 5", "takes no value"),
        ("break battery_mv", "takes mV"),
        ("break battery_mv low", "cannot be done"),
        ("break legs", "not one of"),
        ("mend driver_reset", "cannot be mended"),
        ("power up", "not one of: off, on"),
        ("usb", "not complete"),
        ("reset now", "too much"),
    ],
)
def test_a_line_that_is_no_act_says_what_would_be(wire, line, says):
    with pytest.raises(ControlError, match=says):
        wire.act(line)


def test_what_only_the_cpython_tier_can_is_refused_on_the_vm(wire):
    wire.pen.tier = "micropython"
    with pytest.raises(ControlError, match="cpython tier only"):
        wire.act("break task_hung 0")


def test_help_names_every_act(wire):
    assert {act.split()[0] for act in ACTS} == set(Controls(wire.pen)._acts)
    assert wire.act("help") == HELP
    assert max(map(len, HELP.splitlines())) <= 80


def test_an_empty_line_is_nothing(wire):
    assert wire.act("  ") == ""
