"""One path of calls with real times and readings, on the core as it is: nothing lazy, nothing put back.

`Pen` is the core with real readings and real timers, and the rules listening. `timed` finds times for a path of
the explorer: when the threshold of a timer has to be reached, it lets that much time pass, after one more pass
that starts the timer if need be. A path for which there are no such times is one that only the abstraction of
time allows.
"""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

from sim.exhaust.choices import HEALTHY, HELD, UNSEEN
from sim.exhaust.explorer import LEGAL, Edge, Explorer, Violation
from sim.exhaust.invariants import rules_for
from sim.exhaust.moves import Moves
from sim.exhaust.subject import FLAGS, MOST_MS, Call, Firmware, Held, Key, Move, Probe, Subject

START_MS = 1000
MOST_WEIGHED_MS = 60  # no counter of the core asks for more


class Step(NamedTuple):
    """One call at a time, with what every input is."""

    at_ms: int
    move: Move
    inputs: dict[str, int]


class _Known:
    """Inputs that are what they are."""

    def __init__(self) -> None:
        self.values: dict[str, int] = dict(HEALTHY)

    def range(self, name: str) -> tuple[int, int]:
        return self.values[name], self.values[name]


class Pen(Subject):
    """The real core with real time. `step` makes one call."""

    def __init__(self, firmware: Firmware, probe: Probe):
        super().__init__(firmware)
        self._probe = probe
        self._inputs = _Known()
        self.call.inputs = self._inputs
        self.readings = firmware.safety.Readings()
        self.now_ms = START_MS
        core = firmware.safety.Safety(self.call.states.append, self.call.latched.append)
        self._timers = listen_to_timers(self.call, core, firmware.safety)
        self.listen(core)

    def age_ms(self, name: str) -> int:
        """How long a timer has run by now; 0 if it does not."""
        timer = self._timers[name]
        if isinstance(timer, self.firmware.safety.Evidence):
            return self.firmware.ticks.diff(self.now_ms, timer._first_ms) if timer.count else 0
        return self.firmware.ticks.diff(self.now_ms, timer._since_ms) if timer._on else 0

    def step(self, step: Step) -> Call:
        """Make the call."""
        self.now_ms = step.at_ms
        self._inputs.values = dict(step.inputs)
        for name, value in step.inputs.items():
            if name in FLAGS:
                setattr(self.core, name, value == 1)
            else:
                setattr(self.readings, name, value)
        return self.do(step.move)

    def violated(self, moves: Moves) -> list[str]:
        """The rules that the last call broke."""
        call, safety = self.call, self.firmware.safety
        broken = [rule.name for rule in rules_for(call, self.firmware.faults.GRANTED) if not rule.holds(call, self)]
        impossible = any(safety.TRANSITIONS[state][event] == safety._BAD for state, event in call.cells)
        if impossible and moves.legal(call.move, call.state, call.fault):
            broken.append(LEGAL)
        return broken

    def key(self) -> Key:
        """The state as the explorer keeps it."""
        return self._probe.kept(self.core, self.watch)


def listen_to_timers(call: Call, core: Any, safety: Any) -> dict[str, Any]:
    """Have a call take down what the core's own timers and counters of readings say; both by name."""
    timers = {name: value for name, value in vars(core).items() if isinstance(value, safety.Timer | safety.Evidence)}
    for name, timer in timers.items():
        if isinstance(timer, safety.Timer):
            _listen_to(call, name, timer)
        else:
            _listen_to_counter(call, name, timer)
    return timers


def _listen_to_counter(call: Call, name: str, counter: Any) -> None:
    real = counter.enough

    def enough(condition, now_ms):
        sure = real(condition, now_ms)
        ms = counter._ms
        call.looks[name] = None if not condition else Held(ms, MOST_MS) if sure else Held(0, ms - 1)
        return sure

    counter.enough = enough


def _listen_to(call: Call, name: str, timer: Any) -> None:
    real = timer.held_ms

    def held_ms(condition, now_ms):
        held_ms = real(condition, now_ms)
        call.looks[name] = Held(held_ms, held_ms) if timer._on else None
        return held_ms

    timer.held_ms = held_ms


class _Leaf(NamedTuple):
    """One call of a path as the explorer made it."""

    move: Move
    inputs: dict[str, int]
    needs_ms: dict[str, int]  # how long each timer has to have run
    after: Key


def timed(explorer: Explorer, violation: Violation) -> list[Step] | None:
    """Times and readings under which the real core breaks the rule by this path; None if there are none."""
    edges = explorer.way_of(violation)
    for worst, unseen in product((False, True), UNSEEN):  # of the last call, the harmless first
        leaves = [_leaf(explorer, edge, HEALTHY, False) for edge in edges[:-1]]
        leaves += [_leaf(explorer, edge, unseen, worst) for edge in edges[-1:]]
        steps = _search(explorer, violation, leaves, [])
        if steps is not None:
            return steps
    return None


class First:
    """Waits for the first violation of a rule to which real times lead; `explorer.run(until=First(rule))`."""

    def __init__(self, rule: str):
        self._rule = rule
        self._tried = 0
        self.steps: list[Step] | None = None

    def __call__(self, explorer: Explorer) -> bool:
        found = explorer.violations.get(self._rule, [])
        while self.steps is None and self._tried < len(found):
            self.steps = timed(explorer, found[self._tried])
            self._tried += 1
        return self.steps is not None


def _leaf(explorer: Explorer, edge: Edge, unseen: dict[str, int], worst: bool) -> _Leaf:
    probe = explorer.probe
    explorer.chooser.again(edge.script)
    probe.load(explorer.keys[edge.source])
    call = probe.do(edge.move)
    needs_ms = {}
    for name, held in call.looks.items():
        if held is not None:
            needs_ms[name] = held.hi if worst and held.hi < MOST_MS else held.lo
    return _Leaf(edge.move, probe.inputs.values(unseen, worst), needs_ms, probe.key())


def _search(explorer: Explorer, violation: Violation, leaves: list[_Leaf], steps: list[Step]) -> list[Step] | None:
    """Depth first over the times of each call in turn."""
    if not leaves:
        return steps
    leaf, *rest = leaves
    for candidate in _candidates(explorer, leaf, steps):
        pen, broken = _play(explorer, steps + candidate)
        if rest or violation.to_state:
            good = pen.key() == leaf.after
        else:
            good = violation.rule in broken
        found = _search(explorer, violation, rest, steps + candidate) if good else None
        if found is not None:
            return found
    return None


def _candidates(explorer: Explorer, leaf: _Leaf, steps: list[Step]) -> list[list[Step]]:
    """When the call could be made: a pass is also tried at each threshold, and after one that starts the timers."""
    pen, _ = _play(explorer, steps)
    now_ms = pen.now_ms
    if leaf.move.what == "spend":
        return [[Step(now_ms + (explorer.firmware.safety.PERMIT_MS if leaf.move.a else 0), leaf.move, leaf.inputs)]]
    if leaf.move.what != "update":
        return [[Step(now_ms, leaf.move, leaf.inputs)]]
    waits_ms = {1}
    for name, needed_ms in leaf.needs_ms.items():
        waits_ms.add(max(1, needed_ms - pen.age_ms(name)))
    found = [_passes(now_ms, wait_ms, leaf, leaf.inputs) for wait_ms in sorted(waits_ms)]
    for trigger in ({}, HELD):  # what a pass before may have seen, for the timers to start
        before = leaf.inputs | trigger
        first = Step(now_ms + 1, leaf.move, before)
        found += [[first, *_passes(now_ms + 1, wait_ms, leaf, before)] for wait_ms in sorted(waits_ms)]
    return found


def _passes(now_ms: int, wait_ms: int, leaf: _Leaf, before: dict[str, int]) -> list[Step]:
    """The call after so long; where readings count, others before it with no gap between them."""
    last = Step(now_ms + wait_ms, leaf.move, leaf.inputs)
    if wait_ms > MOST_WEIGHED_MS:
        return [last]
    pass_ms = max(1, min(10, wait_ms // 5))
    return [*(Step(now_ms + ms, leaf.move, before) for ms in range(pass_ms, wait_ms, pass_ms)), last]


def _play(explorer: Explorer, steps: list[Step]) -> tuple[Pen, list[str]]:
    """A fresh core through these steps; the rules that the last one broke."""
    pen = Pen(explorer.firmware, explorer.probe)
    broken: list[str] = []
    for step in steps:
        pen.step(step)
        broken = pen.violated(explorer.moves)
    return pen, broken


def unusual(inputs: dict[str, int]) -> dict[str, int]:
    """What differs from a healthy pen at rest, for a reader."""
    return {name: value for name, value in inputs.items() if value != HEALTHY[name]}
