"""Breadth first through every state of the core, under every move, until nothing new is found.

Each call with each way its looks can turn out is one transition, and is judged by every rule that applies. The
first path found to a violation is a shortest one. A self-check goes along: for the first state of each kind, a
fault is exchanged for each other one of its class, and every call must lead to the same states.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sim.exhaust.choices import Chooser
from sim.exhaust.invariants import RULES, SETS, rules_for
from sim.exhaust.moves import Moves, helps, may_restart
from sim.exhaust.subject import LATCHES, Firmware, Key, Move, Probe

FORCED_RULES = tuple(rule for rule in RULES if rule.name in ("state.impossible", "permit.void", "state.table"))
MOST_KEPT = 200  # violations of one rule; the first may have no real times
LEGAL = "state.legal"
SAME = "checker.same_class"


class Edge(NamedTuple):
    """One call with its choices, from a state by its number."""

    source: int
    move: Move
    script: tuple[int, ...]


class Violation(NamedTuple):
    rule: str
    text: str
    edge: Edge
    to_state: bool = False  # what is wrong is the state that the path leads to, not its last call


class Explorer:
    """One exploration. `run` does it; the counts and the first violations of each rule stay."""

    def __init__(self, firmware: Firmware, codes: tuple[int, ...] | None = None):
        self.firmware = firmware
        self.moves = Moves(firmware, codes)
        self.chooser = Chooser()
        self.probe = Probe(firmware, self.chooser)
        self.keys: list[Key] = [self.probe.start]
        self.number: dict[Key, int] = {self.probe.start: 0}
        self.came: list[Edge | None] = [None]
        self.transitions = 0
        self.checks: Counter[str] = Counter()
        self.called: set[tuple[int, int]] = set()  # cells of the table that calls reach
        self.legal: set[tuple[int, int]] = set()  # those along calls the pen makes
        self.forced: set[tuple[int, int]] = set()
        self.helping: list[set[int]] = []  # states that each state leads to by what helps
        self.violations: dict[str, list[Violation]] = {}
        self._judged: dict[int, int] = {}  # how often each set of rules was held against a call

    def run(
        self, progress: Callable[[int, int], None] | None = None, until: Callable[[Explorer], bool] | None = None,
    ) -> None:  # fmt: skip
        """Explore until closure, or until `until` says that it is enough."""
        kinds = set()
        at = 0
        while at < len(self.keys):
            key = self.keys[at]
            self._expand(at, key)
            for name in LATCHES:
                kind = name, self.probe.value(key, "state"), self.probe.value(key, name)
                if kind not in kinds:
                    kinds.add(kind)
                    self._compare(at, key, name)
            at += 1
            if progress is not None and at % 64 == 0:
                progress(at, len(self.keys))
            if until is not None and until(self):
                return
        for rules in SETS:
            for rule in rules:
                self.checks[rule.name] += self._judged.get(id(rules), 0)

    def runs(self, key: Key, move: Move) -> Iterator[Any]:
        """Every outcome of one move from a state, as the call that the probe then stands after."""
        probe = self.probe
        for _ in self.chooser.runs():
            probe.load(key)
            yield probe.do(move)

    def _expand(self, at: int, key: Key) -> None:
        probe = self.probe
        state, fault = probe.value(key, "state"), probe.value(key, "fault")
        helping: set[int] = set()
        if may_restart(self.firmware, state, fault):
            helping.add(0)
        for move in self.moves.all(probe.value(key, "max_um")):
            legal = self.moves.legal(move, state, fault)
            useful = helps(self.firmware, self.moves, move, state, fault)
            for call in self.runs(key, move):
                self.transitions += 1
                self._judge(at, call)
                if call.cells:
                    self.called.update(call.cells)
                if legal:
                    self._judge_legal(at, call)
                after = self._number_of(probe.key(), at, move)
                if useful and after != at and probe.inputs.healthy():
                    helping.add(after)
        self.helping.append(helping)
        self._force(at, key)

    def helped(self, key: Key) -> Iterator[Key]:
        """The states that what helps leads to from this one, which need not have been found."""
        probe = self.probe
        state, fault = probe.value(key, "state"), probe.value(key, "fault")
        if may_restart(self.firmware, state, fault):
            yield probe.start
        for move in self.moves.all(probe.value(key, "max_um")):
            if helps(self.firmware, self.moves, move, state, fault):
                for _ in self.runs(key, move):
                    if probe.inputs.healthy():
                        yield probe.key()

    def _number_of(self, key: Key, at: int, move: Move) -> int:
        number = self.number.get(key)
        if number is None:
            number = self.number[key] = len(self.keys)
            self.keys.append(key)
            self.came.append(Edge(at, move, self.chooser.script()))
        return number

    def _judge(self, at: int, call: Any) -> None:
        rules = rules_for(call, self.firmware.faults.GRANTED)
        self._judged[id(rules)] = self._judged.get(id(rules), 0) + 1
        probe = self.probe
        for rule in rules:
            if not rule.holds(call, probe):
                self.violated(rule.name, rule.text, Edge(at, call.move, self.chooser.script()))

    def _judge_legal(self, at: int, call: Any) -> None:
        safety = self.firmware.safety
        for state, event in call.cells:
            self.checks[LEGAL] += 1
            self.legal.add((state, event))
            if safety.TRANSITIONS[state][event] == safety._BAD:
                text = "no call that the pen makes is an event that cannot be"
                self.violated(LEGAL, text, Edge(at, call.move, self.chooser.script()))

    def _force(self, at: int, key: Key) -> None:
        """The events that only the core sends itself, sent from outside."""
        for move in self.moves.forced:
            for call in self.runs(key, move):
                self.transitions += 1
                self.forced.update(call.cells)
                for rule in FORCED_RULES:
                    self.checks[rule.name] += 1
                    if not rule.holds(call, self.probe):
                        self.violated(rule.name, rule.text, Edge(at, move, self.chooser.script()))

    def _compare(self, at: int, key: Key, name: str) -> None:
        """Exchange the latched fault, or one behind it, for each other one of its class."""
        probe = self.probe
        moves = self.moves.all(probe.value(key, "max_um"))
        others = [code for code, kept in probe.classes.items() if kept == probe.value(key, name) and code != kept]
        expected = self._outcomes(key, moves) if others else []
        for code in others:
            self.checks[SAME] += 1
            if self._outcomes(probe.with_value(key, name, code), moves) != expected:
                text = f"{self.moves.names['trip'][code]} behaves like the other faults of its class"
                self.violated(SAME, text, Edge(at, Move("trip", code), ()))

    def _outcomes(self, key: Key, moves: tuple[Move, ...]) -> list[tuple[Any, Key]]:
        probe = self.probe
        return [(call.answer, probe.key()) for move in moves for call in self.runs(key, move)]

    def violated(self, rule: str, text: str, edge: Edge, to_state: bool = False) -> None:
        found = self.violations.setdefault(rule, [])
        if len(found) < MOST_KEPT:
            found.append(Violation(rule, text, edge, to_state))

    def path(self, edge: Edge) -> list[Edge]:
        """The calls from power-on to this one, as short as can be."""
        edges = [edge]
        while edges[-1].source:
            came = self.came[edges[-1].source]
            assert came is not None
            edges.append(came)
        return edges[::-1]

    def way_of(self, violation: Violation) -> list[Edge]:
        """The calls from power-on to what a violation complains of."""
        if not violation.to_state or violation.edge.move.what == "trip":
            return self.path(violation.edge)
        came = self.came[violation.edge.source]
        return [] if came is None else self.path(came)
