"""What a single call cannot show: that the pen always comes to rest soon, and that a user always gets on.

**The bound.** From every state in which the needles may move, rounds are played: one pass with the trigger's
contacts released and everything else as bad as it may be, then the motor's answer to the state (homed, parked,
retracted). A round that passes while the release is debounced counts too; a pass in motion comes every 4 ms, so
two of them are as long as the 8 ms can last. The largest number of rounds until the drive is off or parked is
the bound. The same is counted from every state after every fault.

**Ways out.** Backwards from *ready*, over what the pen does by itself and what its panel tells the user to do
(release, refit, charge, let cool, clear, call service for a service fault, restart where the panel says so):
every state must be met. The same backwards from a permit given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sim.exhaust.explorer import Edge, Explorer
from sim.exhaust.subject import DEBOUNCE_MS, Key, Move

PASS_MS = 4  # the loop's pass while the needles move
MOST_ROUNDS = 12  # far more than any: a walk that gets here has no bound

RELEASED, FAULTED, OUT, ON = "stop.released", "stop.faulted", "way.ready", "way.stroke"
TEXTS = {
    RELEASED: "with the trigger released the needles are home or the drive is off after a bounded number of rounds",
    FAULTED: "after any fault the drive is off after a bounded number of rounds",
    OUT: "from every state a user gets to ready",
    ON: "from every state a user gets to a permit for a stroke",
}


class Bounds:
    """Plays the rounds. `released` and `faulted` are the largest numbers found."""

    def __init__(self, explorer: Explorer):
        self._explorer = explorer
        self._probe = explorer.probe
        safety = explorer.firmware.safety
        self._answers = explorer.moves.answers()
        self._active = {safety.RUNNING, safety.HOMING, safety.STOPPING, safety.RETRACTING, safety.GAUGING}
        self._forced_from = -(-DEBOUNCE_MS // PASS_MS)
        self._known: dict[tuple[Key, int, bool], int] = {}
        self.released = 0
        self.faulted = 0

    def measure(self, progress: Callable[[int, int], None]) -> None:
        """Both bounds, over every state found."""
        explorer, probe = self._explorer, self._probe
        for at, key in enumerate(explorer.keys):
            if at % 64 == 0:
                progress(at, len(explorer.keys))
            if probe.value(key, "state") in self._active:
                explorer.checks[RELEASED] += 1
                rounds = self.rounds(key, True)
                self.released = max(self.released, rounds)
                if rounds >= MOST_ROUNDS:
                    explorer.violated(RELEASED, TEXTS[RELEASED], Edge(at, Move("update"), ()), to_state=True)
            for move in explorer.moves.trips:
                explorer.checks[FAULTED] += 1
                probe.load(key)
                probe.do(move)
                rounds = self.rounds(probe.key(), False)
                self.faulted = max(self.faulted, rounds)
                if rounds >= MOST_ROUNDS:
                    explorer.violated(FAULTED, TEXTS[FAULTED], Edge(at, move, ()), to_state=True)

    def rounds(self, key: Key, released: bool, played: int = 0) -> int:
        """The most rounds that this state can take from here, or MOST_ROUNDS if no end is seen."""
        if self._probe.value(key, "state") not in self._active:
            return 0
        if played >= MOST_ROUNDS:
            return MOST_ROUNDS
        place = (key, played, released)
        if place not in self._known:
            rounds = [self.rounds(after, released, played + 1) for after in self._round(key, released, played)]
            self._known[place] = min(MOST_ROUNDS, 1 + max(rounds))
        return self._known[place]

    def _round(self, key: Key, released: bool, played: int) -> set[Key]:
        """Where one pass and the motor's answer can lead; a debounce that had its time is over."""
        probe, found = self._probe, set()
        probe.inputs.preset = {"trigger_no": 0, "trigger_nc": 1} if released else {}
        for call in self._explorer.runs(key, Move("update")):
            bouncing = not call.reached("_open_for", DEBOUNCE_MS)
            if not (released and bouncing and played >= self._forced_from):
                found.add(probe.key())
        probe.inputs.preset = {}
        return {self._answered(after) for after in found or {key}}  # none: a core that never ends the debounce

    def _answered(self, key: Key) -> Key:
        move = self._answers.get(self._probe.value(key, "state"))
        if move is None:
            return key
        self._probe.load(key)
        self._probe.do(move)
        return self._probe.key()


def find_ways(explorer: Explorer) -> None:
    """Both ways on, from every state found."""
    probe, safety = explorer.probe, explorer.firmware.safety
    none = explorer.firmware.faults.NONE
    ready = [at for at, key in enumerate(explorer.keys)
             if probe.value(key, "state") == safety.READY and probe.value(key, "fault") == none]  # fmt: skip
    stroke = [at for at, key in enumerate(explorer.keys) if probe.permit_open(key)]
    for rule, goal in ((OUT, ready), (ON, stroke)):
        met = _backwards(explorer.helping, goal)
        for at in range(len(explorer.keys)):
            explorer.checks[rule] += 1
            if not met[at]:
                explorer.violated(rule, TEXTS[rule], Edge(at, Move("update"), ()), to_state=True)


def holds_in(explorer: Explorer, rule: str, key: Key) -> bool:
    """Whether one of these rules holds in a state, worked out from there alone."""
    probe, safety, faults = explorer.probe, explorer.firmware.safety, explorer.firmware.faults
    if rule == RELEASED:
        return Bounds(explorer).rounds(key, True) < MOST_ROUNDS
    if rule == FAULTED:
        return Bounds(explorer).rounds(key, False) < MOST_ROUNDS
    met, edge = {key}, [key]
    while edge:
        at = edge.pop()
        ready = probe.value(at, "state") == safety.READY and probe.value(at, "fault") == faults.NONE
        if probe.permit_open(at) if rule == ON else ready:
            return True
        fresh = set(explorer.helped(at)) - met
        met |= fresh
        edge += fresh
    return False


def _backwards(helping: list[set[int]], goal: Iterable[int]) -> list[bool]:
    """Which states lead to the goal."""
    into: list[list[int]] = [[] for _ in helping]
    for at, targets in enumerate(helping):
        for target in targets:
            into[target].append(at)
    met = [False] * len(helping)
    edge = list(goal)
    for at in edge:
        met[at] = True
    while edge:
        for at in into[edge.pop()]:
            if not met[at]:
                met[at] = True
                edge.append(at)
    return met


