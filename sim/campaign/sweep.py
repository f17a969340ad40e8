"""The home line, false at every millisecond of every motion that goes by it.

Each passage is one motion: homing at power-on, a retract after a fault, the way in once a torn loop is closed again,
the homing after that fault was cleared; each from several places where the needles stand, and from a stroke. It is run
once, and at each of its milliseconds the process forks for each kind of lie, so that a run costs what follows the lie
and no more. Whatever the line says, the tips stay within their bound, and the needles are in at the end; a line that
lied once ends no pen.

The same is done with everything else that can go wrong (`transients`), some of it at each moment: what there is in all
meets each motion many times.
"""

from __future__ import annotations

import gc
import os
import pickle
import random
import warnings
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from sim.build import schedule
from sim.campaign.rules import RETRY_NS, Watch
from sim.campaign.shared import await_answer
from sim.hands import BUTTONS
from sim.link import SimulatorBroken
from sim.mishaps import MISHAPS
from sim.run import Simulation
from sim.scenario import CartridgeTable, HandStep, Mishap, PenTable, Scenario
from sim.space import FIRMWARE, shim

fault_table, safety = shim("faults"), shim("safety")

MS = 1_000_000
STARTS = {"inside": -110.0, "1 mm out": 1000.0, "2.5 mm out": 2500.0}
FIRST_LIVES: dict[str, tuple[Literal["valid", "old"], float]] = {  # calibration, and where the inner stop lies
    "stop near": ("valid", -800.0), "stop far": ("valid", -1000.0),
    "no way on record, stop near": ("old", -850.0), "no way on record, stop far": ("old", -920.0)}
LENGTHS: dict[str, dict[str, Any]] = {"one look": {"looks": 1}, "25 ms": {"for_ms": 25.0}, "for ever": {}}
LEVELS = {"active": "pin_high", "inactive": "pin_low"}
EVER = "for ever"
MORE_LENGTHS: dict[str, dict[str, Any]] = {
    "1 us": {"for_ms": 0.001}, "one look": {"looks": 1}, "3 ms": {"for_ms": 3.0}, "25 ms": {"for_ms": 25.0},
    "300 ms": {"for_ms": 300.0}, EVER: {}}
TRANSIENT = ("", "1 us", "one look", "3 ms", "25 ms")  # a sound pen outlives these without service
ONCE = ("interlock_bounces", "driver_reset", "slip", "cpu_hang", "cartridge_pulled")  # happen, and are over
VALUES = {"motor_weak": 0.2, "battery_mv": 5800, "boost_mv": 8500, "friction_mnm": 2.0, "backlash_um": 25,
          "driver_lies": 0x204}
LASTING = (  # for so long as it is told
    "power_cut", "jam", "encoder_dead", "enable_torn", "enable_grounded", "step_torn", "dir_torn", "driver_silent",
    "driver_babbling", "driver_short", "fram_dead", "fram_noisy", "fram_deaf", "display_dead", "onewire_noisy",
    "interlock_torn", *VALUES)
NO_TRANSIENT = ("cpu_hang", "driver_short")  # however short: a chip that hangs, a driver that has shut down
WHOLE_CHAINS = ("step_torn", "dir_torn")  # what is planned of a motion is lost with the wire: never short
KINDS_AT_ONCE = 6
ANY_EVERY_MS = 10
INTO_MS = 15  # a fault that stops a homing comes so far into it
BROUGHT_IN_MS = 5000  # from power-on: SELECT clears nothing while the needles are on their way in
SETTLED_NS = 300 * MS
PRESS_NS = 90 * MS
LOOK_NS = 20 * MS
CLEARINGS = 3
STILL_MS = 300  # in a fault: nothing moves any more
LONGEST_NS = 30_000 * MS
LONGEST_TIPS = CartridgeTable(offset_um=200)  # tips that are out where those of others are in


@dataclass(frozen=True)
class Passage:
    """One motion: which entry of which state begins it, and how the pen gets there.

    It ends with the next state; what is done in the state `fault`, when nothing has moved for a while.
    """

    name: str
    state: str
    nth: int
    scenario: Scenario


@dataclass(frozen=True)
class What:
    """What is done to the pen, and for how long ("" where that has no meaning)."""

    name: str
    length: str
    table: dict[str, Any] = field(hash=False, compare=False)

    def __str__(self) -> str:
        return f"{self.name}:{self.length}" if self.length else self.name


def home_lies() -> list[What]:
    """The home line, either way, for a reading, 25 ms, for ever."""
    return [
        What(level, length, {"what": what, "pin": "home", **LENGTHS[length]})
        for length in LENGTHS for level, what in LEVELS.items()]


@cache
def transients() -> tuple[What, ...]:
    """Everything that can go wrong, at every length that it can have."""
    found = []
    for name in ("pin_high", "pin_low", "pin_noise", "adc_reads"):
        kind = MISHAPS[name]
        for pin in kind.pins:
            for length, given in MORE_LENGTHS.items():
                if "looks" in given and pin not in kind.looks:
                    continue
                for value in {"pin_noise": (0.3,), "adc_reads": (0, 4095)}.get(name, (None,)):
                    level = f" {value:g}" if name == "adc_reads" else ""
                    table = {"what": name, "pin": pin, **given} | ({} if value is None else {"value": value})
                    found.append(What(f"{pin} {name}{level}", length, table))
    for name in LASTING:
        given = {"value": VALUES[name]} if name in VALUES else {}
        found += [
            What(name, length, {"what": name, **given, **MORE_LENGTHS[length]})
            for length in MORE_LENGTHS
            if length != "one look" and not (name in WHOLE_CHAINS and length in TRANSIENT)]
    found += [What(name, "", {"what": name}) for name in ONCE]
    return tuple(found)


def _known(text: str) -> What:
    """What this says. ValueError if it is nothing."""
    for what in (*home_lies(), *transients()):
        if str(what) == text:
            return what
    raise ValueError(f"'{text}' is nothing that can be done: {', '.join(sorted({w.name for w in transients()}))}")


@dataclass
class Lie:
    """What came of one lie. over_um: how far a homing went past its bound, negative within it."""

    passage: str
    ms: int
    what: str
    over_um: float = 0.0
    tip_um: float = 0.0
    ended: str = ""
    latched: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Brings it back."""
        return f"{self.passage}@{self.ms}:{self.what}"

    def as_dict(self) -> dict[str, object]:
        return {"id": self.id, **asdict(self)}


def _scenario(name: str, start_um: float, faults: list[Mishap], hands: list[HandStep]) -> Scenario:
    return Scenario(
        name=name.replace(" ", "_").replace(",", ""), title=f"The home line lies: {name}",
        plant={"start_um": start_um}, cartridge=LONGEST_TIPS, faults=faults,
        hands=[*hands, HandStep(do="wait", ms=60_000)], limit_s=300)


def _first_life(name: str, calibration: Literal["valid", "old"], stop_um: float) -> Scenario:
    """Power-on of a pen whose inner stop lies there, with its calibration as it came."""
    whole = _scenario(name, STARTS["inside"], [], [])
    return whole.model_copy(update={
        "plant": whole.plant | {"inner_stop_um": stop_um}, "pen": PenTable(calibration=calibration)})


def passages() -> list[Passage]:
    """All of them, in the order of the report."""
    found = []
    for start, um in STARTS.items():
        found.append(Passage(f"power-on, {start}", "homing", 1, _scenario(f"power-on {start}", um, [], [])))
    for life, (calibration, stop_um) in FIRST_LIVES.items():
        name = f"power-on, {life}"
        found.append(Passage(name, "homing", 1, _first_life(name, calibration, stop_um)))
    for start, um in STARTS.items():
        both = Mishap(what="pin_low", pin="trigger_no", when="homing", after_ms=INTO_MS, for_ms=400)
        found.append(Passage(
            f"retract, {start}", "retracting", 1, _scenario(f"retract {start}", um, [both], [])))
    loop = Mishap(what="interlock_torn", when="homing", after_ms=INTO_MS, for_ms=1)
    for start, um in STARTS.items():
        found.append(Passage(f"brought in, {start}", "fault", 1, _scenario(f"brought in {start}", um, [loop], [])))
    clear = HandStep(do="clear_fault")
    for start, um in STARTS.items():
        hands = [HandStep(do="wait", ms=BROUGHT_IN_MS), clear]
        found.append(Passage(f"cleared, {start}", "homing", 2, _scenario(f"cleared {start}", um, [loop], hands)))
    off_and_on = [HandStep(do="wait", ms=520), HandStep(do="switch_off"), HandStep(do="switch_on")]
    for start, um in list(STARTS.items())[1:]:
        found.append(Passage(
            f"restarted, {start}", "homing", 2, _scenario(f"restarted {start}", um, [], off_and_on)))
    session = [HandStep(do="open_session"), HandStep(do="pass", ms=1500)]
    jam = Mishap(what="jam", stroke=5, part=0.5, for_ms=150)
    loop = Mishap(what="interlock_torn", stroke=5, part=0.6, for_ms=1)
    for name, state, nth, fault, hands in (
        ("retract", "retracting", 1, jam, session), ("brought in", "fault", 1, loop, session),
        ("cleared", "homing", 2, loop, [*session, clear]),
    ):
        found.append(Passage(
            f"{name}, from a stroke", state, nth, _scenario(f"{name} from a stroke", STARTS["inside"], [fault], hands)))
    return found


def scenario_of(lie: Lie) -> Scenario:
    """The lie as a scenario of its own; the bound and the clearing of faults are the sweep's alone."""
    passage = next(one for one in passages() if one.name == lie.passage)
    aimed = Mishap(when=passage.state, nth=passage.nth, after_ms=lie.ms, **_known(lie.what).table)
    return passage.scenario.model_copy(update={"faults": [*passage.scenario.faults, aimed]})


def parse(text: str) -> Lie:
    """The lie of an id. ValueError if there is none."""
    place, _, rest = text.partition("@")
    ms, _, what = rest.partition(":")
    if place not in {passage.name for passage in passages()} or not ms.isdecimal():
        raise ValueError(f"'{text}' is no lie: an id looks like 'power-on, inside@120:active:25 ms'")
    return Lie(place, int(ms), str(_known(what)))


class Sweep:
    """One passage and the copies of this process that leave it, each with one lie."""

    def __init__(
        self, passage: Passage, every_ms: int = 1, share: tuple[int, int] = (0, 1), firmware: Path = FIRMWARE,
        told: Callable[[Lie], None] | None = None, anything: bool = False, known: Collection[str] = (),
    ):
        """`share`: (0, 2) and (1, 2) are the halves of one passage; `told` hears of each lie as it is judged.

        `anything`: whatever can go wrong, some of it at each moment, in place of the home line alone. Lies whose ids
        are `known` are left out.
        """
        self._ids = known
        self._kinds = list(transients()) if anything else home_lies()
        self._at_once = KINDS_AT_ONCE if anything else len(self._kinds)
        if anything:
            random.Random(passage.name).shuffle(self._kinds)
        self._passage = passage
        self._every_ms = every_ms
        self._share = share
        self._told = told
        self._found: list[Lie] = []
        self._lie: Lie | None = None  # in a copy: its lie
        self._pipe = -1
        self._still_ms = 0
        self._simulation = Simulation(passage.scenario, firmware=firmware)
        self._simulation.world.recorder.keep_detail = False
        self._watch = Watch(self._simulation)
        world = self._simulation.world
        self._state = safety.STATE_NAMES.index(passage.state)
        world.moments.hear(passage.state, passage.nth, lambda: self._tick(0))

    def run(self) -> list[Lie]:
        """Run the passage; what came of its lies. In a copy it does not return."""
        try:
            self._simulation.run()
        except (Exception, SimulatorBroken) as error:
            if self._lie is None:
                raise
            self._lie.violations.append(f"simulator: it failed with {type(error).__name__}: {error}")
            self._answer()
        if self._lie is not None:
            self._answer()
        return self._found

    def only(self, lie: Lie) -> Lie:
        """Run one lie in this process."""
        self._simulation.world.moments.hear(
            self._passage.state, self._passage.nth,
            lambda: self._simulation.world.after(lie.ms * MS, lambda: self._lies(lie)))
        self._every_ms = 0
        self._simulation.run()
        return lie

    def _tick(self, ms: int) -> None:
        """A millisecond of the passage: a copy for each kind of lie."""
        world = self._simulation.world
        if self._lie is not None or not self._every_ms:
            return
        still = ms > 0 and not world.settle().motor_current_a
        self._still_ms = self._still_ms + self._every_ms if still else 0
        over = self._passage.state == "fault" and self._still_ms > STILL_MS
        if world.moments.state != self._state or over:
            world.dead = "end"
            return
        if (ms // self._every_ms) % self._share[1] == self._share[0]:
            first = ms // self._every_ms * self._at_once
            for i in range(first, first + self._at_once):
                lie = Lie(self._passage.name, ms, str(self._kinds[i % len(self._kinds)]))
                if lie.id not in self._ids:
                    self._fork(lie)
                if self._lie is not None:
                    return
        world.after(self._every_ms * MS, lambda: self._tick(ms + self._every_ms))

    def _fork(self, lie: Lie) -> None:
        back, forth = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid:
            os.close(forth)
            answer = await_answer(pid, back)
            if answer is None:
                answer = lie
                lie.violations.append("no result: its process died")
            self._found.append(answer)
            if self._told is not None:
                self._told(answer)
            return
        gc.disable()
        os.close(back)
        self._pipe = forth
        self._lies(lie)

    def _lies(self, lie: Lie) -> None:
        world = self._simulation.world
        self._lie = lie
        what = _known(lie.what)
        schedule(world, Mishap(at_ms=world.now_ns / MS, **what.table))
        _Clearing(self._simulation, self._watch, what, lambda: self._over(lie, what))

    def _over(self, lie: Lie, what: What) -> None:
        watch, world = self._watch, self._simulation.world
        home = what.table.get("pin") == "home"
        watch.lasting = what.length == EVER and not home  # the line alone keeps no needles out
        watch.ends()
        lie.over_um = round(watch.homing_over_um, 1)
        lie.tip_um = round(world.plant.tip_um, 1)
        lie.latched = [fault_table.key(code) for code in watch.faults]
        lie.ended = safety.STATE_NAMES[world.moments.state or 0]
        lie.violations += [f"{rule}: {text}" for rule, text in watch.broken.items()]
        service = watch.needs_service()
        if service and what.length in TRANSIENT and what.name not in NO_TRANSIENT:
            lie.violations.append(f"service: a sound pen is sent to service by {', '.join(service)}")
        if self._pipe >= 0:
            self._answer()
        world.dead = "end"

    def _answer(self) -> None:
        try:
            with os.fdopen(self._pipe, "wb") as pipe:
                pickle.dump(self._lie, pipe)
        finally:
            os._exit(0)


class _Clearing:
    """A user who waits until the pen rests and then presses SELECT, a few times at most."""

    def __init__(self, simulation: Simulation, watch: Watch, what: What, over: Callable[[], None]):
        self._world = simulation.world
        self._watch = watch
        self._over = over
        self._left = CLEARINGS
        self._until_ns = self._world.now_ns + LONGEST_NS
        self._lie_ns = self._world.now_ns + round(what.table.get("for_ms", 0) * MS)
        self._off_ns: int | None = None
        self._resting_ns: int | None = None
        self._look()

    def _look(self) -> None:
        world = self._world
        state = safety.STATE_NAMES[world.moments.state or 0]
        resting = state in ("ready", "fault", "blocked") and not world.settle().motor_current_a
        if not resting:
            self._resting_ns = None
        elif self._resting_ns is None:
            self._resting_ns = world.now_ns
        if world.powered:
            self._off_ns = None
        elif self._off_ns is None:
            self._off_ns = world.now_ns
        off = self._off_ns is not None and world.now_ns - self._off_ns > RETRY_NS // 9
        if world.now_ns >= self._until_ns or off:
            self._over()
            return
        if self._resting_ns is not None and world.now_ns - max(self._resting_ns, self._lie_ns) >= SETTLED_NS:
            waited_ns = world.now_ns - self._resting_ns
            left_out = self._watch.out and waited_ns > RETRY_NS
            if state == "ready" or left_out or (not self._left and not self._watch.out):
                self._over()
                return
            if self._left and not self._watch.out:
                self._left -= 1
                self._resting_ns = None
                world.move_contact(BUTTONS["select"], True)
                world.after(PRESS_NS, lambda: world.move_contact(BUTTONS["select"], False))
                world.after(5 * PRESS_NS, self._look)
                return
        world.after(LOOK_NS, self._look)


def run_share(
    every_ms: int, share: tuple[int, int], firmware: Path, names: tuple[str, ...] = (),
    told: Callable[[Lie], None] | None = None, anything: bool = False, known: Collection[str] = (),
) -> list[Lie]:
    """This share of all passages, or of those named, but for `known` ids; `told` hears of each lie as it is judged."""
    found: list[Lie] = []
    for passage in passages():
        if not names or passage.name in names:
            found += Sweep(passage, every_ms, share, firmware, told, anything, known).run()
    return found
