"""The hands of somebody at a keyboard, on a simulated pen that lives: one typed line is one act."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable

from sim import eyes
from sim.hands import BUTTONS, PRESS_MS, move_trigger
from sim.live import LivePen
from sim.mishaps import MISHAPS
from sim.world import MS

ACTS = {
    "hold WHAT": "select, up, down or trigger is held from now on",
    "release WHAT": "and let go",
    "press BUTTON [MS]": "select, up or down, for 90 ms unless told",
    "cartridge WHAT": "pull it, seat it again, fit a fresh one, or the gauge tip",
    "skin WHAT": "lift takes the nose off the skin, apply puts it on",
    "usb WHAT": "pull or plug the cable",
    "power WHAT": "off or on: the battery loses contact, has it again",
    "reset": "the chip's reset",
    "break NAME [PIN] [VALUE]": "a mishap of docs/simulator.md begins",
    "mend NAME [PIN]": "it ends, if it can",
    "panel": "what the display shows",
    "status": "time, tips and strokes; how long an emulated CPU slept",
    "help": "these lines",
    "quit": "the end",
}
HELP = "\n".join(f"{act:<20} {about}" for act, about in ACTS.items())
OTHER_LETTERS = "lit, not in the firmware's letters"  # the loader's page in service mode has MicroPython's
LONGEST_PRESS_MS = 60_000


class ControlError(ValueError):
    """A line that is no act; the message says what would be one."""


class Controls:
    """Acts on a live pen. `do` takes a line and gives what is to be said about it."""

    def __init__(self, pen: LivePen):
        self._pen = pen
        self._acts: dict[str, Callable[..., str]] = {
            "hold": self._hold, "release": self._release, "press": self._press, "cartridge": self._cartridge,
            "skin": self._skin, "usb": self._usb, "power": self._power, "reset": self._reset, "break": self._break,
            "mend": self._mend, "panel": self._panel, "status": self._status, "help": lambda: HELP, "quit": self._quit,
        }

    def do(self, line: str) -> str:
        """Carry out one line; call it from within the pen's pace. ControlError for a line that means nothing."""
        words = line.lower().split()
        if not words:
            return ""
        act = self._acts.get(words[0])
        if act is None:
            raise ControlError(f"'{words[0]}' is no act; there are: {', '.join(self._acts)}")
        try:
            inspect.signature(act).bind(*words[1:])
        except TypeError:
            raise ControlError(f"'{line.strip()}' is not complete, or too much: 'help' tells how it goes") from None
        return act(*words[1:])

    def _hold(self, what: str) -> str:
        self._move(what, True)
        return f"{what} held"

    def _release(self, what: str) -> str:
        self._move(what, False)
        return f"{what} let go"

    def _move(self, what: str, held: bool) -> None:
        if what == "trigger":
            move_trigger(self._pen.world, held)
        else:
            self._pen.world.move_contact(BUTTONS[_one_of(what, (*BUTTONS, "trigger"))], held)

    def _press(self, button: str, ms: str = str(PRESS_MS)) -> str:
        pin = BUTTONS[_one_of(button, BUTTONS)]
        if not ms.isdecimal() or not 1 <= int(ms) <= LONGEST_PRESS_MS:
            raise ControlError(f"a press lasts 1 to {LONGEST_PRESS_MS} ms, not '{ms}'")
        world = self._pen.world
        world.move_contact(pin, True)
        world.after(int(ms) * MS, lambda: world.move_contact(pin, False))
        return f"{button} pressed"

    def _cartridge(self, what: str) -> str:
        world = self._pen.world
        if _one_of(what, ("pull", "seat", "fresh", "gauge")) == "pull":
            if not world.seated:
                raise ControlError("there is no cartridge in it")
            world.pull_cartridge()
            return "cartridge out"
        if world.seated:
            raise ControlError("a cartridge is in it: 'cartridge pull' first")
        if what == "gauge":
            world.insert_cartridge(self._pen.gauge_tip())
            world.settle().skin_present = False  # in the technician's stand
            return "gauge tip in, off the skin"
        world.insert_cartridge(self._pen.fresh_cartridge() if what == "fresh" else None)
        return "a new cartridge in" if what == "fresh" else "cartridge in"

    def _skin(self, what: str) -> str:
        self._pen.world.settle().skin_present = _one_of(what, ("lift", "apply")) == "apply"
        return "on the skin" if what == "apply" else "off the skin"

    def _usb(self, what: str) -> str:
        self._pen.plugged = _one_of(what, ("pull", "plug")) == "plug"
        return "cable in" if self._pen.plugged else "cable out"

    def _power(self, what: str) -> str:
        if _one_of(what, ("off", "on")) == "off":
            self._pen.world.cut_battery()
            return "battery out"
        self._pen.world.restore_battery()
        return "battery in"

    def _reset(self) -> str:
        self._pen.world.dead = "reset"
        return "reset"

    def _break(self, name: str, *figures: str) -> str:
        kind = MISHAPS[_one_of(name, MISHAPS)]
        pin = _pin_of(name, figures[:1])
        value, *more = figures[bool(kind.pins) :] or (None,)
        if kind.cpython_only and self._pen.tier != "cpython":
            raise ControlError(f"'{name}' reaches into the firmware's memory: the cpython tier only")
        if more or bool(kind.value) != (value is not None):
            raise ControlError(f"'{name}' takes {kind.value or 'no value'}")
        try:
            kind.begin(self._pen.world, None if value is None else float(value), pin)
        except ValueError as error:
            raise ControlError(f"'{name}' cannot be done: {error}") from None
        return kind.about

    def _mend(self, name: str, *pin: str) -> str:
        kind = MISHAPS[_one_of(name, MISHAPS)]
        if kind.undo is None:
            raise ControlError(f"'{name}' cannot be mended")
        kind.end(self._pen.world, None, _pin_of(name, pin))
        return f"over: {kind.about}"

    def _panel(self) -> str:
        pixels = self._pen.world.display.pixels()
        shown = "\n".join(line.rstrip() for line in eyes.read_lines(pixels)).strip("\n")
        if shown.count(eyes.UNKNOWN) * 2 > len(shown.replace(" ", "")):
            return OTHER_LETTERS
        return shown or "dark"

    def _status(self) -> str:
        pen, world = self._pen, self._pen.world
        plant = world.settle()
        return (
            f"{world.now_ns / 1e9:.1f} s, start {pen.lives}, {'on' if world.powered else 'off'}, "
            f"cartridge {'in' if world.seated else 'out'}, USB {'in' if pen.plugged else 'out'}, "
            f"tips at {plant.tip_um:.0f} um, {len(world.recorder.truth)} strokes"
            + (f", {world.slept_ns / 1e9:.1f} s asleep" if world.slept_ns is not None else ""))

    def _quit(self) -> str:
        self._pen.stop()
        return ""


def _pin_of(name: str, words: tuple[str, ...]) -> str | None:
    """The pin that a mishap at a pin needs."""
    pins = MISHAPS[name].pins
    return _one_of(words[0] if words else "nothing", pins) if pins else None


def _one_of(word: str, known: Iterable[str]) -> str:
    if word not in known:
        raise ControlError(f"'{word}' is not one of: {', '.join(known)}")
    return word
