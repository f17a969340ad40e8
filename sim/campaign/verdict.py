"""Runs one case and holds the plant's truth, the pen's records and its panel against what must be true.

Invariants: nothing here asks the firmware how it feels. Depth and rest come from the plant, strokes and faults from
the record memory, words from the panel's pixels; a violation is one line that says what was and what had to be.
"""

from __future__ import annotations

import io
import sys
import time
from dataclasses import asdict, dataclass, field

from sim.campaign.cases import Case
from sim.campaign.moments import MOMENTS, Session, session
from sim.campaign.pens import pen, simulate
from sim.campaign.rules import RETRY_NS, Watch
from sim.campaign.table import (
    ALWAYS,
    CURRENT_STUCK,
    FAULTS,
    LAST_PRESS,
    LAST_RELEASE,
    LAST_STROKE,
    MARK,
    NEEDLES_STUCK,
    NEVER,
    SESSION_END,
    Fault,
)
from sim.link import SimulatorBroken
from sim.record import Run
from sim.run import Simulation
from sim.scenario import Mishap, Scenario
from sim.space import shim

fault_table = shim("faults")

MS = 1_000_000
LOOK_ON_NS, LOOK_OFF_NS = MS, 5 * MS  # how often the plant is looked at, drive on and off
READ_NS = 100 * MS  # how often the panel is read: a page that a hand was about to leave stands no longer than 150 ms
REST_WITHIN_NS = 3000 * MS + RETRY_NS  # a homing under way at the end takes 3 s; a retract is tried again for 8
TRANSIENT_MS = 25  # so soon over that a sound pen outlives it without service
STARTED_LATE_MS = 5  # a stroke that began so long after a fault had latched was not stopped


@dataclass
class Outcome:
    """What came of a case. `violations` is empty when everything held; times are ms since the first fault began.

    over_um: furthest past the effective maximum, negative inside. detected_ms: from the fault, or the first motion that
    met it, until a right name latched; None if none did or it was in the self-test. stopped_ms: for how long needles
    were out under power from then on; None if the pen did not stop. printed: the firmware's last words, if it had any.
    """

    case: str
    fault: str
    phase: str
    pen: int
    at_ms: float
    over_um: float = 0.0
    ended: str = ""
    latched: list[str] = field(default_factory=list)
    named: str = ""
    needed: bool = False
    detected_ms: float | None = None
    stopped_ms: float | None = None
    printed: str = ""
    strokes: int = 0
    recorded: int = 0
    sim_s: float = 0.0
    wall_s: float = 0.0
    violations: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def to_the_end(case: Case) -> bool:
    """Whether the aftercare's pages are read: they take a third of the time, and nothing moves."""
    return any(MOMENTS[moment][0] == "aftercare" for _, moment in case.faults)


def base_of(number: int, pages: bool) -> Scenario:
    """The session of a pen that its cases share up to their fault, with the aftercare's pages or without."""
    base = pen(number)
    return base.model_copy(update={
        "hands": base.hands if pages else base.hands[:-1], "limit_s": session(number).end / 1e9 + 2.0})


def mishaps_of(case: Case) -> list[Mishap]:
    """What goes wrong, in order of time; base sessions are worked out once a process."""
    plan = session(case.pen)
    return [
        Mishap(what=FAULTS[name].what, at_ms=plan.moment(moment) / MS, for_ms=FAULTS[name].for_ms,
               value=FAULTS[name].value, pin=FAULTS[name].pin, looks=FAULTS[name].looks)
        for name, moment in case.faults]


def scenario_of(case: Case) -> Scenario:
    """The whole scenario of a case."""
    return base_of(case.pen, to_the_end(case)).model_copy(update={
        "name": str(case), "faults": mishaps_of(case),
        "title": " and ".join(f"{name} while {MOMENTS[moment][0]}" for name, moment in case.faults)})


def onset_of(case: Case) -> int:
    """When the first fault of a case begins, ns."""
    plan = session(case.pen)
    return min(plan.moment(moment) for _, moment in case.faults)


def run_case(case: Case) -> Outcome:
    """Run it and judge it."""
    return judge(case, simulate(scenario_of(case)))[0]


def judge(case: Case, simulation: Simulation, keep_detail: bool = False) -> tuple[Outcome, Run | None]:
    """Run a case's simulation to its end; what came of it, and the run for who wants to see it."""
    simulation.world.recorder.keep_detail = keep_detail
    trial = Trial(case, simulation)
    try:
        run = simulation.run()
    except (Exception, SimulatorBroken) as error:
        return trial.broken(error), None
    finally:
        trial.listen(False)
    return trial.verdict(run), run


class Trial:
    """One case from its making, at or before its first fault, to its verdict.

    `last_step_ns`: when the steps end that were under way already. `watch` has looked on since the start, if it has.
    """

    def __init__(self, case: Case, simulation: Simulation, last_step_ns: int = 0, watch: Watch | None = None):
        self._case = case
        self._simulation = simulation
        simulation.rest_within_ns = REST_WITHIN_NS
        self._watch = watch = watch or Watch(simulation)
        rows = [FAULTS[name] for name, _ in case.faults]
        watch.lasting = any(row.for_ms is None and row.looks is None for row in rows)
        watch.excused = _taken_away({name for name, _ in case.faults})
        simulation.moves = lambda: simulation.world.settle().motor_current_a > 0 or watch.may_still_move
        self._began = time.perf_counter()
        self._stderr = sys.stderr
        self._printed = io.StringIO()
        onset_ns = onset_of(case)
        name = "+".join(name for name, _ in case.faults)
        self._outcome = Outcome(str(case), name, case.phase, case.pen, round(onset_ns / MS, 3))
        self._witness = _Witness(simulation, onset_ns, last_step_ns)
        simulation.world.at(onset_ns, self._read_panel)
        self.listen(True)

    def _read_panel(self) -> None:
        self._simulation.hands.lines()
        self._simulation.world.after(READ_NS, self._read_panel)

    def listen(self, on: bool) -> None:
        """Take down what the firmware prints: its exceptions."""
        sys.stderr = self._printed if on else self._stderr

    def broken(self, error: BaseException) -> Outcome:
        """The outcome of a run that the simulator did not bring to its end."""
        self._outcome.violations.append(f"simulator: it failed with {type(error).__name__}: {error}")
        return self._outcome

    def verdict(self, run: Run) -> Outcome:
        """What came of a run that is over."""
        outcome, simulation, result = self._outcome, self._simulation, run.result
        outcome.printed = self._printed.getvalue().strip().rpartition("\n")[2]
        outcome.ended, outcome.sim_s = result["ended"], result["sim_s"]
        outcome.latched = [fault["code"] for fault in result["faults"]]
        outcome.strokes, outcome.recorded = result["strokes"], result["journal_strokes"]
        self._watch.ends()
        outcome.over_um = round(self._watch.over_limit_um, 1)
        outcome.violations += [f"{rule}: {text}" for rule, text in self._watch.broken.items()]
        _judge_service(outcome, self._case, self._watch)
        _judge_name(outcome, self._case, session(self._case.pen), simulation)
        _judge_strokes(outcome, run)
        if outcome.named in outcome.latched:
            at_us = result["faults"][outcome.latched.index(outcome.named)]["at_us"]
            outcome.detected_ms = self._witness.since_met_ms(at_us * 1000)
        if outcome.latched or not simulation.world.powered:
            outcome.stopped_ms = self._witness.stopped_ms()
        outcome.wall_s = round(time.perf_counter() - self._began, 4)
        return outcome


class _Witness:
    """Looks at the plant from the fault on: which motion meets it, and how long needles are out under power."""

    def __init__(self, simulation: Simulation, onset_ns: int, last_step_ns: int = 0):
        self._world = simulation.world
        self._onset_ns = onset_ns
        self._met_ns: int | None = onset_ns if last_step_ns > onset_ns else None
        self._out_ns = 0
        self._world.at(onset_ns, self._look)
        steps = self._world.steps

        def watched(times_ns, outward):
            if self._met_ns is None and len(times_ns) and times_ns[-1] > onset_ns:
                self._met_ns = max(onset_ns, self._world.now_ns)
            steps(times_ns, outward)

        self._world.steps = watched

    def _look(self) -> None:
        world = self._world
        driven = world.settle().motor_current_a > 0
        if driven and world.plant.cartridge_present and world.plant.tip_um > 0:
            self._out_ns += LOOK_ON_NS
        world.after(LOOK_ON_NS if driven else LOOK_OFF_NS, self._look)

    def since_met_ms(self, t_ns: int) -> float | None:
        """From the fault, or from the first motion that met it, if that came before `t_ns`; None in the self-test."""
        since_ns = self._onset_ns
        if self._met_ns is not None and self._met_ns < t_ns:
            since_ns = self._met_ns
        return round((t_ns - since_ns) / MS, 1) if t_ns >= since_ns else None

    def stopped_ms(self) -> float:
        """How long needles were out under power since the fault, in all."""
        return round(self._out_ns / MS, 1)


def _taken_away(names: set[str]) -> bool:
    """The case has taken from the pen what moves the needles, and what takes the current away."""
    return CURRENT_STUCK in names and bool(names & set(NEEDLES_STUCK))


def _judge_service(outcome: Outcome, case: Case, watch: Watch) -> None:
    """One transient sends no sound pen to service."""
    rows = [FAULTS[name] for name, _ in case.faults]
    short = all(row.looks is not None or (row.for_ms or TRANSIENT_MS + 1) <= TRANSIENT_MS for row in rows)
    service = watch.needs_service()
    if short and len(rows) == 1 and service:
        outcome.violations.append(f"service: a sound pen is sent to service by {', '.join(service)}")


def _judge_name(outcome: Outcome, case: Case, plan: Session, simulation: Simulation) -> None:
    """The first name is right, and there is one if there has to be."""
    rows = [FAULTS[name] for name, _ in case.faults]
    names = {name for row in rows for name in row.names}
    # a fault that could not be recorded is named by the panel alone
    first = next(iter([*outcome.latched, *_shown(simulation)]), None)
    if first in names:
        outcome.named = first
    elif first is not None:
        outcome.violations.append(f"name: it was called {first}, right is {' or '.join(sorted(names)) or 'nothing'}")
        return
    if not outcome.named:
        said = [text for row in rows for text in row.said if any(text in line for line in simulation.panel_seen)]
        outcome.named = said[0] if said else ""
    outcome.needed = all(
        _has_to_be_named(row, moment, plan) for row, (_, moment) in zip(rows, case.faults, strict=True))
    if outcome.needed and not outcome.named:
        wanted = [*sorted(names), *(f"'{text}'" for row in rows for text in row.said)]
        outcome.violations.append(f"name: nothing was said, right is {' or '.join(wanted)}")


def _shown(simulation: Simulation) -> list[str]:
    """Faults that the panel showed: their numbers on the page that says STOP."""
    return [fault_table.key(code) for code in fault_table.TABLE
            if any(line.startswith(f"STOP  code {code}") for line in simulation.panel_seen)]


def _has_to_be_named(row: Fault, moment: int, plan: Session) -> bool:
    if row.until == NEVER or MOMENTS[moment][0] in row.quiet:
        return False
    until_ns = {
        ALWAYS: plan.end, LAST_PRESS: plan.presses[-1], LAST_RELEASE: plan.releases[-1],
        LAST_STROKE: plan.strokes[-row.strokes].start, MARK: plan.phases["marking"][0], SESSION_END: plan.releases[-1],
    }[row.until]
    return plan.moment(moment) < until_ns - row.early_ms * MS


def _judge_strokes(outcome: Outcome, run: Run) -> None:
    """At most the stroke in flight is missing from the record; none begins from a latched fault to its clearing."""
    if outcome.recorded < outcome.strokes - 1:
        outcome.violations.append(
            f"journal: {outcome.recorded} strokes on record of {outcome.strokes}; at most the last may be missing")
    if outcome.recorded > outcome.strokes:
        outcome.violations.append(f"journal: {outcome.recorded} strokes on record of only {outcome.strokes}")
    if not run.result["faults"]:
        return
    latched_us = run.result["faults"][0]["at_us"]
    freed = [event.t_us for event in run.events if event.kind in ("cleared", "power") and event.t_us > latched_us]
    until_us = min(freed, default=round(outcome.sim_s * 1e6))
    late = [stroke for stroke in run.truth if latched_us + STARTED_LATE_MS * 1000 < stroke.t_start_us < until_us]
    if late:
        outcome.violations.append(
            f"stop: {len(late)} strokes began after {outcome.latched[0]} had latched")
