"""A practitioner's hands and eyes: they press what a person presses and read only what the display shows.

Each step of a scenario is a generator of waits; the world calls it again when the wait is over. A step that
does not find what it looks for fails the script, which then stops: the pen is left as it is.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from penimage import clear_service_fault
from sim import eyes
from sim.client import Client
from sim.space import shim

if TYPE_CHECKING:
    from sim.scenario import HandStep, Scenario
    from sim.world import World

board = shim("board")
depth = shim("depth")

MS = 1_000_000
LOOK_MS = 60
PRESS_MS = 90
BETWEEN_MS = 150
LONG_MS = 1300
FIRST_MS = 100
PRESSES = {"U": "up", "S": "select", "D": "down"}
BUTTONS = {"select": board.PIN_SELECT, "up": board.PIN_UP, "down": board.PIN_DOWN}
CHANGE_OVER_MS = 4

Waits = Generator[int, None, None]  # milliseconds


def move_trigger(world: World, pressed: bool) -> None:
    """The changeover: one contact opens before the other closes."""
    first, second = board.PIN_TRIGGER_NC, board.PIN_TRIGGER_NO
    if not pressed:
        first, second = second, first
    world.move_contact(first, False)
    world.trigger_moves += 1
    move = world.trigger_moves

    def arrives() -> None:
        if move == world.trigger_moves:  # the finger has not turned back meanwhile
            world.move_contact(second, True)

    world.after(CHANGE_OVER_MS * MS, arrives)
    world.recorder.event("hand", "trigger pressed" if pressed else "trigger released")


def touch_trigger(world: World) -> None:
    """A finger that presses the trigger half way, or lets go half way: both contacts are open."""
    world.trigger_moves += 1
    for pin in (board.PIN_TRIGGER_NC, board.PIN_TRIGGER_NO):
        world.move_contact(pin, False)
    world.recorder.event("hand", "trigger half way")


class GaveUp(Exception):
    """The hands did not find what the scenario made them look for."""


class Hands:
    """Acts out a scenario's steps in a world. `problem` says why the script stopped, if it did."""

    def __init__(self, world: World, scenario: Scenario, fresh_cartridge):
        self._world = world
        self._scenario = scenario
        self._fresh_cartridge = fresh_cartridge
        self._client = Client(world, scenario.seed)
        self._script = self._all_steps()
        self._finished = 0
        self._picture = b""
        self._read: dict = {}
        self.seen: set[str] = set()  # every line that was read
        self.done = False
        self.problem = ""
        world.at(FIRST_MS * MS, self._go_on)

    def _go_on(self) -> None:
        try:
            self._world.after(next(self._script) * MS, self._go_on)
        except StopIteration:
            self.done = True
        except GaveUp as problem:
            self.problem = str(problem)
            self._world.recorder.event("note", f"hands: {problem}")
            self.done = True

    def _all_steps(self) -> Waits:
        for step in self._scenario.hands:
            for _ in range(step.times):
                try:
                    yield from getattr(self, f"_{step.do}")(step)
                except GaveUp as problem:
                    if not self._scenario.go_on:
                        raise
                    self._world.recorder.event("note", f"hands go on: {problem}")
                    yield LOOK_MS
            self._finished += 1

    def progress(self) -> tuple[int, int]:
        """Steps done, and how many there are."""
        return self._finished, len(self._scenario.hands)

    # -- seeing --------------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        lines = self._look(eyes.read_lines)
        self.seen.update(line.strip() for line in lines)
        return lines

    def _look(self, read):
        """Read the display; the same picture is not read twice."""
        pixels = self._world.display.pixels()
        picture = pixels.tobytes()
        if picture != self._picture:
            self._picture = picture
            self._read.clear()
        if read not in self._read:
            self._read[read] = read(pixels)
        return self._read[read]

    def _sees(self, text: str | tuple[str, ...]) -> bool:
        """One of these texts is on the panel."""
        wanted = (text,) if isinstance(text, str) else text
        return any(one in line for line in self.lines() for one in wanted)

    def _steady(self) -> Waits:
        """Look until the picture stands still for two looks: a page under way is not read."""
        before = b""
        while True:
            now = self._world.display.pixels().tobytes()
            if now == before:
                return
            before = now
            yield LOOK_MS

    def _wait_for(self, text: str | tuple[str, ...], within_ms: int = 20_000, gone: bool = False) -> Waits:
        waited = 0
        while self._sees(text) == gone:
            if waited >= within_ms:
                shown = " / ".join(line.strip() for line in self.lines() if line.strip()) or "nothing"
                raise GaveUp(f"'{text}' {'stayed' if gone else 'never came'} on the panel, which shows: {shown}")
            yield LOOK_MS
            waited += LOOK_MS
        yield from self._steady()

    # -- pressing ------------------------------------------------------------------------------------

    def _tap(self, button: str, hold_ms: int = PRESS_MS) -> Waits:
        pin = BUTTONS[button]
        self._world.move_contact(pin, True)
        yield hold_ms
        self._world.move_contact(pin, False)
        yield BETWEEN_MS

    def _presses(self, code: str) -> Waits:
        for press in code:
            yield from self._tap(PRESSES[press])

    # -- the steps of a scenario, by their names ----------------------------------------------------------

    def _wait(self, step: HandStep) -> Waits:
        yield step.ms or 0

    def _look_for(self, step: HandStep) -> Waits:
        yield from self._wait_for(step.text or "", step.within_ms)

    def _press(self, step: HandStep) -> Waits:
        yield from self._tap(step.button or "select", step.ms or PRESS_MS)

    def _snapshot(self, step: HandStep) -> Waits:
        yield 300
        self._world.recorder.screen(step.text or "")

    def _choose(self, step: HandStep) -> Waits:
        yield from self._select(step.text or "")
        yield from self._tap("select")
        if step.expect_refusal:
            yield from self._await_refusal()

    def _select(self, text: str) -> Waits:
        """Move the highlight of a list to the line with this text: down to the end, then up."""
        for button in ("down", "up"):
            last = None
            while True:
                chosen = self._highlighted()
                if text in chosen:
                    return
                if chosen == last:
                    break
                last = chosen
                yield from self._tap(button)
                yield from self._steady()
        raise GaveUp(f"no line with '{text}' in the list on the panel")

    def _highlighted(self) -> str:
        for row, _, text in self._look(eyes.highlighted):
            if 0 < row < 7:
                return text
        return ""

    def _await_refusal(self) -> Waits:
        """A refusal is the bottom row, with an exclamation mark before it."""
        waited = 0
        while not self._refusal():
            if waited >= 2000:
                raise GaveUp("the pen did not say that it refuses")
            yield LOOK_MS
            waited += LOOK_MS
        self._world.recorder.screen(f"refused: {self._refusal()}")

    def _refusal(self) -> str:
        bottom = self.lines()[7]
        return bottom[1:].strip() if bottom.startswith("!") else ""

    def _answer_questions(self, step: HandStep) -> Waits:
        yield from self._wait_for("DOES THIS APPLY", step.within_ms)
        while self._sees("DOES THIS APPLY"):
            yield from self._tap("select")
            yield from self._steady()

    def _open_session(self, step: HandStep) -> Waits:
        """Everything from the zone list to the open session, for the scenario's treatment."""
        wanted = self._scenario.treatment
        yield from self._wait_for("ZONE", step.within_ms)
        yield 400
        yield from self._select(depth.ZONES[depth.zone_number(wanted.zone)].label)
        yield from self._tap("select")
        yield from self._wait_for("INDICATION")
        yield 400
        yield from self._select(depth.INDICATIONS[depth.indication_number(wanted.indication)].label)
        yield from self._tap("select")
        yield from self._answer_questions(step)
        yield from self._steady()
        if self._sees("COURSE"):
            yield from self._wait_for("SEL: go on")
            self._world.recorder.screen("Course")
            yield from self._tap("select")
        yield from self._wait_for("CONFIRM")
        yield 400
        if wanted.supervised:
            yield from self._tap("select", LONG_MS)
            yield from self._wait_for("SUPERVISOR CODE")
            yield from self._presses(self._scenario.pen.supervisor_code)
            yield from self._wait_for("unlocked")
        yield from self._tap("select")
        while not self._sees("Left "):
            yield from self._wait_for(("Left ", "GLIDE SLOWLY"))
            if self._sees("GLIDE SLOWLY"):
                yield 400
                yield from self._tap("select")
                yield from self._steady()
        self._world.recorder.event("session", "session opened")
        yield 400

    def _enter_client(self, step: HandStep) -> Waits:
        """The client's number, from the page that waits for a cartridge or from the list of zones."""
        waited = 0
        while not self._sees("ZONE") and not self._sees("SEL: client"):
            if waited >= step.within_ms:
                raise GaveUp("there was no page from which a client's number can be entered")
            yield LOOK_MS
            waited += LOOK_MS
        yield 400
        yield from self._tap("select", LONG_MS if self._sees("ZONE") else PRESS_MS)
        yield from self._wait_for("CLIENT NUMBER")
        for digit in (step.text or "").zfill(6):
            for _ in range(int(digit)):
                yield from self._tap("up")
            yield from self._tap("select")
        yield from self._wait_for("CLIENT NUMBER", gone=True)

    def _set_depth(self, step: HandStep) -> Waits:
        yield from self._adjust(step, lambda: self._big_number() * 10, step.depth_um or 0)

    def _set_rate(self, step: HandStep) -> Waits:
        yield from self._tap("select")
        yield from self._adjust(step, self._shown_rate_hz, step.rate_hz or 0)
        yield from self._tap("select")

    def _adjust(self, step: HandStep, shown, wanted: int) -> Waits:
        """Press up or down until the number on the panel is the wanted one, or the pen refuses."""
        yield from self._steady()
        while shown() != wanted:
            before = shown()
            yield from self._tap("up" if wanted > before else "down")
            yield from self._steady()
            if self._refusal():
                self._world.recorder.screen(f"refused: {self._refusal()}")
                if step.expect_refusal:
                    return
                raise GaveUp(f"asked for {wanted}, stopped at {before}: {self._refusal()}")
            if shown() == before:
                raise GaveUp(f"asked for {wanted}, the panel stays at {before}")
        if step.expect_refusal:
            raise GaveUp(f"{wanted} was expected to be refused and was not")

    def _big_number(self) -> int:
        """The large number on the panel without its point."""
        for big in self._look(eyes.read_big):
            digits = big.text.strip().replace(".", "")
            if digits.isdigit():
                return int(digits)
        raise GaveUp("no depth on the panel")

    def _shown_rate_hz(self) -> int:
        text = self.lines()[3][13:18].strip()
        try:
            return round(float(text))
        except ValueError:
            raise GaveUp(f"no rate on the panel, but '{text}'") from None

    def _pass(self, step: HandStep) -> Waits:
        """One pass over the zone: nose on, trigger held, released, nose off."""
        move_trigger(self._world, True)
        yield step.ms or 0
        move_trigger(self._world, False)
        yield step.pause_ms

    def _hold_trigger(self, _step: HandStep) -> Waits:
        move_trigger(self._world, True)
        yield 20

    def _release_trigger(self, _step: HandStep) -> Waits:
        move_trigger(self._world, False)
        yield 100

    def _touch_trigger(self, _step: HandStep) -> Waits:
        touch_trigger(self._world)
        yield 20

    def _hold_button(self, step: HandStep) -> Waits:
        self._world.move_contact(BUTTONS[step.button or "select"], True)
        yield 0

    def _release_button(self, step: HandStep) -> Waits:
        self._world.move_contact(BUTTONS[step.button or "select"], False)
        yield 0

    def _end_session(self, step: HandStep) -> Waits:
        yield from self._tap("select", LONG_MS)
        yield from self._wait_for("SESSION ENDED", step.within_ms)
        self._world.recorder.event("session", "session ended")
        yield 500

    def _read_aftercare(self, _step: HandStep) -> Waits:
        yield from self._wait_for("SESSION ENDED")
        yield from self._tap("select")
        yield from self._wait_for("AFTERCARE")
        while self._sees("AFTERCARE"):
            yield 700
            page, _, number = self.lines()[0].partition(" ")
            self._world.recorder.screen(f"{page.capitalize()} {number.strip(eyes.RULE + ' ')}")
            yield from self._tap("select")
            yield 300

    def _insert_cartridge(self, step: HandStep) -> Waits:
        self._world.insert_cartridge(self._fresh_cartridge() if step.fresh else None)
        self._world.recorder.event("hand", "cartridge inserted")
        yield 300

    def _pull_cartridge(self, _step: HandStep) -> Waits:
        self._world.pull_cartridge()
        self._world.recorder.event("hand", "cartridge taken out")
        yield 300

    def _lift(self, _step: HandStep) -> Waits:
        self._world.settle().skin_present = False
        yield 10

    def _apply(self, _step: HandStep) -> Waits:
        self._world.settle().skin_present = True
        yield 10

    def _clear_fault(self, step: HandStep) -> Waits:
        yield from self._wait_for("STOP", step.within_ms)
        yield 300
        yield from self._tap("select")
        yield from self._wait_for("STOP", step.within_ms, gone=True)

    def _enter_code(self, step: HandStep) -> Waits:
        """A supervisor's code on its page, right or wrong."""
        yield from self._wait_for("SUPERVISOR CODE", step.within_ms)
        yield 300
        yield from self._presses(step.text or "")

    def _switch_off(self, _step: HandStep) -> Waits:
        """Until the chip is without its supply."""
        self._world.recorder.event("hand", "switched off")
        self._world.cut_battery()
        while self._world.powered:
            yield 10
        yield 500

    def _switch_on(self, _step: HandStep) -> Waits:
        self._world.restore_battery()
        self._world.recorder.event("hand", "switched on")
        yield 500

    def _service(self, _step: HandStep) -> Waits:
        """A technician, with the pen switched off: the fault for service is taken out of its memory."""
        if self._world.powered:
            raise GaveUp("service works on the memory of a pen that is switched off: 'switch_off' comes first")
        self._world.fram.load(clear_service_fault(self._world.fram.image))
        self._world.recorder.event("hand", "service cleared the fault")
        yield 100

    def _console(self, step: HandStep) -> Waits:
        """A program at the USB port says a line; with `answer` it waits for a line that holds it."""
        self._client.say(step.text or "")
        self._world.recorder.event("hand", f"console: {step.text}")
        waited = 0
        while step.answer is not None and not self._client.heard(step.answer):
            if waited >= step.within_ms:
                said = " / ".join(self._client.lines()) or "nothing"
                raise GaveUp(f"'{step.text}' was not answered with '{step.answer}', but with: {said}")
            yield LOOK_MS
            waited += LOOK_MS

    def _flood_console(self, step: HandStep) -> Waits:
        """The program sends garbage for `ms`, while the steps go on."""
        self._client.flood(step.ms or 0, step.reads)
        self._world.recorder.event("hand", f"console flooded for {step.ms} ms")
        yield 0
