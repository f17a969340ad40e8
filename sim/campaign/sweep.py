"""The home line, false at every millisecond of every motion that goes by it.

Each passage is one motion: homing at power-on, a retract after a fault, the way in once a torn loop is closed again,
the homing after that fault was cleared; each from several places where the needles stand, and from a stroke. It is run
once, and at each of its milliseconds the process forks for each kind of lie, so that a run costs what follows the lie
and no more. Whatever the line says, the tips stay within their bound, and the needles are in at the end; a line that
lied once ends no pen.
"""

from __future__ import annotations

import gc
import os
import pickle
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sim.build import schedule
from sim.campaign.rules import RETRY_NS, Watch
from sim.campaign.shared import await_answer
from sim.hands import BUTTONS
from sim.link import SimulatorBroken
from sim.run import Simulation
from sim.scenario import HandStep, Mishap, Scenario
from sim.space import FIRMWARE, shim

fault_table, safety = shim("faults"), shim("safety")

MS = 1_000_000
STARTS = {"inside": -110.0, "1 mm out": 1000.0, "2.5 mm out": 2500.0}
LENGTHS = {"one look": {"looks": 1}, "25 ms": {"for_ms": 25.0}, "for ever": {}}
LEVELS = {"active": "pin_high", "inactive": "pin_low"}
INTO_MS = 15  # a fault that stops a homing comes so far into it
SETTLED_NS = 300 * MS
PRESS_NS = 90 * MS
LOOK_NS = 20 * MS
CLEARINGS = 3
STILL_MS = 300  # in a fault: nothing moves any more
LONGEST_NS = 45_000 * MS


@dataclass(frozen=True)
class Passage:
    """One motion: which entry of which state begins it, and how the pen gets there.

    It ends with the next state; what is done in the state `fault`, when nothing has moved for a while.
    """

    name: str
    state: str
    nth: int
    scenario: Scenario


@dataclass
class Lie:
    """What came of one lie. over_um: how far a homing went past its bound, negative within it."""

    passage: str
    ms: int
    length: str
    level: str
    over_um: float = 0.0
    tip_um: float = 0.0
    ended: str = ""
    latched: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Brings it back."""
        return f"{self.passage}@{self.ms}:{self.level}:{self.length}"

    def as_dict(self) -> dict[str, object]:
        return {"id": self.id, **asdict(self)}


def _scenario(name: str, start_um: float, faults: list[Mishap], hands: list[HandStep]) -> Scenario:
    return Scenario(
        name=name.replace(" ", "_"), title=f"The home line lies: {name}", plant={"start_um": start_um}, faults=faults,
        hands=[*hands, HandStep(do="wait", ms=60_000)], limit_s=300)


def passages() -> list[Passage]:
    """All of them, in the order of the report."""
    found = []
    for start, um in STARTS.items():
        found.append(Passage(f"power-on, {start}", "homing", 1, _scenario(f"power-on {start}", um, [], [])))
    for start, um in STARTS.items():
        both = Mishap(what="pin_low", pin="trigger_no", when="homing", after_ms=INTO_MS, for_ms=400)
        found.append(Passage(
            f"retract, {start}", "retracting", 1, _scenario(f"retract {start}", um, [both], [])))
    loop = Mishap(what="interlock_torn", when="homing", after_ms=INTO_MS, for_ms=1)
    for start, um in STARTS.items():
        found.append(Passage(f"brought in, {start}", "fault", 1, _scenario(f"brought in {start}", um, [loop], [])))
    clear = HandStep(do="clear_fault")
    for start, um in STARTS.items():
        found.append(Passage(f"cleared, {start}", "homing", 2, _scenario(f"cleared {start}", um, [loop], [clear])))
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


def mishap_of(lie: Lie, at_ns: int) -> Mishap:
    """The lie as a mishap."""
    return Mishap(what=LEVELS[lie.level], pin="home", at_ms=at_ns / MS, **LENGTHS[lie.length])


def scenario_of(lie: Lie) -> Scenario:
    """The lie as a scenario of its own; the bound and the clearing of faults are the sweep's alone."""
    passage = next(one for one in passages() if one.name == lie.passage)
    aimed = Mishap(
        what=LEVELS[lie.level], pin="home", when=passage.state, nth=passage.nth, after_ms=lie.ms, **LENGTHS[lie.length])
    return passage.scenario.model_copy(update={"faults": [*passage.scenario.faults, aimed]})


def parse(text: str) -> Lie:
    """The lie of an id. ValueError if there is none."""
    place, _, rest = text.partition("@")
    ms, _, kind = rest.partition(":")
    level, _, length = kind.partition(":")
    if place not in {passage.name for passage in passages()} or not ms.isdecimal():
        raise ValueError(f"'{text}' is no lie: an id looks like 'power-on, inside@120:active:25 ms'")
    if level not in LEVELS or length not in LENGTHS:
        raise ValueError(f"'{text}': a lie is {' or '.join(LEVELS)}, for {', '.join(LENGTHS)}")
    return Lie(place, int(ms), length, level)


class Sweep:
    """One passage and the copies of this process that leave it, each with one lie."""

    def __init__(
        self, passage: Passage, every_ms: int = 1, share: tuple[int, int] = (0, 1), firmware: Path = FIRMWARE,
        told: Callable[[Lie], None] | None = None,
    ):
        """`share`: (0, 2) and (1, 2) are the halves of one passage; `told` hears of each lie as it is judged."""
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
        self._still_ms = 0 if world.settle().motor_current_a else self._still_ms + self._every_ms
        over = self._passage.state == "fault" and self._still_ms > STILL_MS
        if world.moments.state != self._state or over:
            world.dead = "end"
            return
        if (ms // self._every_ms) % self._share[1] == self._share[0]:
            for length in LENGTHS:
                for level in LEVELS:
                    self._fork(Lie(self._passage.name, ms, length, level))
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
        schedule(world, mishap_of(lie, world.now_ns))
        _Clearing(self._simulation, self._watch, lie, lambda: self._over(lie))

    def _over(self, lie: Lie) -> None:
        watch, world = self._watch, self._simulation.world
        watch.ends(lasting=False)  # the line alone keeps no needles out
        lie.over_um = round(watch.homing_over_um, 1)
        lie.tip_um = round(world.plant.tip_um, 1)
        lie.latched = [fault_table.key(code) for code in watch.faults]
        lie.ended = safety.STATE_NAMES[world.moments.state or 0]
        lie.violations += [f"{rule}: {text}" for rule, text in watch.broken.items()]
        service = watch.needs_service()
        if service and lie.length != "for ever":
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

    def __init__(self, simulation: Simulation, watch: Watch, lie: Lie, over: Callable[[], None]):
        self._world = simulation.world
        self._watch = watch
        self._over = over
        self._left = CLEARINGS
        self._until_ns = self._world.now_ns + LONGEST_NS
        self._lie_ns = self._world.now_ns + (25 * MS if lie.length == "25 ms" else 0)
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
        if world.now_ns >= self._until_ns:
            self._over()
            return
        if self._resting_ns is not None and world.now_ns - max(self._resting_ns, self._lie_ns) >= SETTLED_NS:
            waited_ns = world.now_ns - self._resting_ns
            if state == "ready" or (not self._left and (not self._watch.out or waited_ns > RETRY_NS)):
                self._over()
                return
            if self._left and (not self._watch.out or waited_ns > RETRY_NS):
                self._left -= 1
                self._resting_ns = None
                world.move_contact(BUTTONS["select"], True)
                world.after(PRESS_NS, lambda: world.move_contact(BUTTONS["select"], False))
                world.after(5 * PRESS_NS, self._look)
                return
        world.after(LOOK_NS, self._look)


def run_share(
    every_ms: int, share: tuple[int, int], firmware: Path, names: tuple[str, ...] = (),
    told: Callable[[Lie], None] | None = None,
) -> list[Lie]:
    """This share of all passages, or of those named; `told` hears of each lie as it is judged."""
    found: list[Lie] = []
    for passage in passages():
        if not names or passage.name in names:
            found += Sweep(passage, every_ms, share, firmware, told).run()
    return found
