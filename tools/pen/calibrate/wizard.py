"""The steps of a guided calibration, from the warm-up to the pen's own verdict. What it shows and asks is in `screen`.

The pen keeps its old calibration until it has judged, written and read back the new one; whatever raises here on the
way changes nothing in it.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Protocol

from pen.answers import day
from pen.calibrate import plan
from pen.calibrate.fit import RESIDUAL_UM, Point, Values, expected, fit
from pen.calibrate.gauge import Gauge
from pen.calibrate.readings import NotAReading, doubt, parse
from pen.link import PenLink, Refused
from pen.wires import LinkError

POLL_S = 0.1
SETTLE_S = 4.0
HAND_S = 600.0  # a person has this long to press the trigger
REST_S = 8.0
CALM = 4  # looks in a row
MOVING = ("boot", "unhomed", "homing", "running", "stopping", "retracting", "gauging")
KEEP, AGAIN = "keep", "again"


class GaveUp(LinkError):
    """The calibration cannot go on; the message says why. The pen's old one is in force."""


@dataclass(frozen=True)
class Record:
    """A calibration as the pen has it."""

    values: Values
    travel_um: int
    date: datetime.date | None
    due: datetime.date | None
    number: int
    gauge: str
    technician: str


@dataclass
class Work:
    """Everything about one calibration, for the certificate."""

    serial: str
    firmware: str
    before: Record | None
    points: list[Point] = field(default_factory=list)
    values: Values | None = None
    after: Record | None = None
    temperature_c: float = 0.0
    questions: int = 0

    def residuals(self, verify: bool) -> list[float]:
        assert self.values is not None
        return self.values.residuals([point for point in self.points if point.verify == verify])


class Screen(Protocol):
    """What a calibration shows and asks."""

    def step(self, text: str) -> None: ...

    def hold(self, number: int, count: int, reach_um: int, down: bool) -> None:
        """The trigger has to be held for this point."""

    def let_go(self) -> None: ...

    def read(self, expected_um: float | None) -> str:
        """Ask a person for the reading, or AGAIN to measure the point again."""
        ...

    def agree(self, question: str) -> str:
        """A doubtful reading: KEEP it, AGAIN to measure the point again, or what is typed in its place, or nothing."""
        ...

    def say(self, text: str) -> None: ...

    def taken(self, point: Point, count: int) -> None: ...


class Wizard:
    """One calibration over an open link, by a technician who has proven the key."""

    def __init__(self, link: PenLink, gauge: Gauge | None, screen: Screen):
        """`gauge` None asks the screen."""
        self._link = link
        self._gauge = gauge
        self._screen = screen
        self._longer_um = 0  # what this gauge tip is longer than the reference tip, by its record
        self.work = Work(link.serial, link.firmware, read_record(link))

    # -- the whole ---------------------------------------------------------------------------------------

    def run(self) -> Work:
        """Up to the fitted and verified values; nothing is stored yet. GaveUp, LinkError."""
        self._begin()
        for _ in range(plan.WARM_UPS):
            self._go(plan.WARM_UM, False, 0, 0)
            self._come_home()
        self.work.temperature_c = float(self._link.query("MEAS:TEMP?"))
        for reach in plan.FIRST_UM:
            self._fit_at(reach, False)
        out = plan.outward(self.work.points, self._furthest_um())
        for reach in out:
            self._fit_at(reach, False)
        self._fit_at(self._furthest_um(), False)
        for reach in plan.inward(out[0], self._furthest_um()):
            self._fit_at(reach, True)
        self._fit_at(self._furthest_um(), False)  # with readings near it, that is further than before
        self._fit()
        checks = plan.checks(self.work.points)
        self._screen.step("Check at places the fit has not seen")
        for number, (reach, down) in enumerate(checks, 1):
            self._measure(reach, down, True, number, len(checks))
        self._verify()
        return self.work

    def store(self, gauge: str, technician: str, due_days: int) -> Record:
        """Have the pen judge and keep the values; its record, read back. Refused."""
        values = self.work.values
        assert values is not None
        self._link.write(
            f'CAL:STOR {values.offset_um},{values.scale_ppm},{values.backlash_um},{due_days},"{gauge}","{technician}"',
            timeout_s=10)
        after = self.work.after = read_record(self._link)
        if after is None or after.values != values:
            raise GaveUp("the pen does not tell back what it was given; ask it with 'pen console': CAL:DATA?")
        return after

    def abort(self) -> None:
        """Best effort: tell the pen that it is over. It would notice by itself."""
        try:
            self._link.write("CAL:ABOR")
        except LinkError:
            pass

    # -- parts -------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        began = self._link.wire.now_s()
        while True:
            try:
                self._link.write("CAL:BEG", timeout_s=10)
                break
            except Refused as error:  # a pen just switched on homes, and reads the tip's memory
                if self._link.wire.now_s() - began > SETTLE_S:
                    raise GaveUp(BEGIN_HINTS.get(error.reason, error.reason)) from None
            self._link.wire.pause(POLL_S)
        self._screen.step("Find home, and warm up")
        self._await_ready()
        self._longer_um = int(self._link.fields("CAL:TIP?")[0])

    def _fit_at(self, reach_um: int, down: bool) -> None:
        self._measure(reach_um, down, False, len(self.work.points) + 1, len(plan.FIRST_UM) + 2 * plan.PLACES + 1)

    def _furthest_um(self) -> int:
        return int(self._link.fields("CAL:POS?")[4])

    def _measure(self, reach_um: int, down: bool, verify: bool, number: int, count: int) -> None:
        """One point, as often as it takes until its reading is taken."""
        known = [point for point in self.work.points if not point.verify]
        while True:
            self._go(reach_um, down, number, count)
            what = expected(known, reach_um, down)
            um = self._reading(what)
            self._come_home()
            if um is None:
                continue
            try:
                self._link.write(f"CAL:READ {um + self._longer_um},{'VERIFY' if verify else 'FIT'}")
            except Refused as error:
                self._screen.say(f"The pen does not take {um / 1000:.3f} mm: {error.reason}")
                if self._gauge:
                    raise GaveUp(f"the gauge's reading of {um / 1000:.3f} mm was refused: {error.reason}") from None
                continue
            point = Point(reach_um, down, um, verify)
            self.work.points = [other for other in self.work.points
                                if (other.reach_um, other.down, other.verify) != (reach_um, down, verify)] + [point]
            self._screen.taken(point, len(self.work.points))
            return

    def _reading(self, what: tuple[float, float] | None) -> int | None:
        """A reading of the reference tip in um; None to go to the point once more."""
        shown, slack = (None, 0.0) if what is None else (what[0] + self._longer_um, what[1])
        text = ""
        while True:
            text = text or (self._gauge.read() if self._gauge else self._screen.read(shown))
            if text.strip().lower() == AGAIN:
                return None
            try:
                um: int | None = parse(text)
                question = ""
            except NotAReading as error:
                um, question = None, str(error)
            if shown is not None and any(char.isdigit() for char in text):
                question = doubt(text, um, shown, slack)
            if not question and um is not None:
                return um - self._longer_um
            self.work.questions += 1
            if self._gauge:
                raise GaveUp(f"the gauge reads '{text}': {question}")
            text = ""
            if um is None:
                self._screen.say(question)
                continue
            answer = self._screen.agree(question)
            if answer == KEEP:
                return um - self._longer_um
            if answer == AGAIN:
                return None
            text = answer

    def _fit(self) -> None:
        self.work.values = values = fit(self.work.points)
        if problem := values.problem():
            raise GaveUp(f"the readings give {problem}; is the gauge's zero at the guide plane?")
        self._judge("fitted", False)

    def _verify(self) -> None:
        self._judge("checked", True)

    def _judge(self, what: str, verify: bool) -> None:
        worst = max(self.work.residuals(verify), key=abs)
        if abs(worst) > RESIDUAL_UM:
            raise GaveUp(
                f"one of the {what} points is {worst:+.0f} um from what the fit says; {RESIDUAL_UM} um are allowed. "
                "Is the gauge firm in its stand, the tip clean?")

    # -- the pen and the hand on it ------------------------------------------------------------------------

    def _go(self, reach_um: int, down: bool, number: int, count: int) -> None:
        """Have the tip stand at a point."""
        self._await_ready()
        self._link.write(f"CAL:MOVE {reach_um},{'DOWN' if down else 'UP'}")
        self._screen.hold(number, count, reach_um, down)
        self._trigger(True)
        self._await("STANDS", HAND_S)

    def _come_home(self) -> None:
        self._screen.let_go()
        self._trigger(False)
        self._await_ready()

    def _trigger(self, held: bool) -> None:
        hand = self._link.wire.hand
        if hand is not None:
            hand.hold_trigger(held)

    def _await(self, phase: str, within_s: float) -> None:
        began = self._link.wire.now_s()
        while True:
            found = self._link.fields("CAL:POS?")[0]
            if found == phase:
                return
            if found == "IDLE":
                raise GaveUp(f"the pen ended the calibration: {self._why()}")
            if self._link.wire.now_s() - began > within_s:
                raise GaveUp(f"nothing happened for {within_s:.0f} s; the trigger has to be held")
            self._link.wire.pause(POLL_S)

    def _await_ready(self) -> None:
        began = self._link.wire.now_s()
        while (state := self._link.fields("STAT?")[0]) != "ready":
            if state in ("blocked", "fault", "power_down"):
                raise GaveUp(f"the pen stopped: {self._why()}")
            if self._link.wire.now_s() - began > HAND_S:
                raise GaveUp(f"the pen does not get ready (it is {state}): let go of the trigger")
            self._link.wire.pause(POLL_S)

    def _why(self) -> str:
        state, _, fault = self._link.fields("STAT?")
        if int(fault):
            return f"fault {fault}; 'pen faults' tells what it is"
        return f"it is {state}; was the tip taken out, or the technician's access over?"


BEGIN_HINTS = {
    "No gauge tip seated": "no gauge tip is in the pen: take the cartridge out and put the gauge tip in",
    "Release first": "let go of the trigger first",
    "No session": "a session is open on the pen: end it there first",
    "Not ready": "the pen has a fault that has nothing to do with calibrating; clear it first",
}


def await_rest(link: PenLink) -> None:
    """A pen just switched on tests itself and homes: nothing can be proven to it while it moves."""
    began = link.wire.now_s()
    calm = 0
    while calm < CALM and link.wire.now_s() - began < REST_S:
        calm = 0 if link.fields("STAT?")[0] in MOVING else calm + 1
        link.wire.pause(POLL_S)


def read_record(link: PenLink, command: str = "CAL:DATA?") -> Record | None:
    """The calibration in force, or by another command the one before; None if there is none."""
    try:
        offset, scale, backlash, travel, date, due, number, gauge, technician = link.fields(command)
    except Refused:
        return None
    return Record(
        Values(int(offset), int(scale), int(backlash)), int(travel), day(int(date)), day(int(due)), int(number),
        gauge, technician)
