"""When a fault may begin: moments of a pen's base session, spread over the phases of a stroke and of a session.

The session is run once without a fault and watched; a moment is a phase and how much of it has gone by. Up to the
fault a faulty run is the same run to the bit, so that a time of this one is the same moment of that one.
Invariants: the same pen, firmware and number give the same nanosecond; every phase has moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from sim.campaign.pens import pen, simulate
from sim.run import Simulation
from sim.space import shim

ow = shim("_ow_ops")
MS = 1_000_000

# of a stroke, then of a session, with the number of moments in each
STROKE_PHASES = {
    "rest": 16, "accelerating": 16, "cruise": 16, "braking": 16, "turn": 16, "in": 16, "settling": 16,
}
SESSION_PHASES = {
    "boot": 12, "homing": 14, "choosing": 10, "marking": 8, "first stroke": 12, "running": 12, "between runs": 10,
    "ending": 8, "aftercare": 8,
}
PHASES = {**STROKE_PHASES, **SESSION_PHASES}
MOMENTS = tuple((phase, i, count) for phase, count in PHASES.items() for i in range(count))
SETTLING_NS = 2 * MS  # after the last step: judged, recorded
TURN_NS = MS // 2  # to either side of the turn
GOLDEN = 0.618033988749895  # parts of a phase that are neither regular nor bunched


class OutOfOrder(RuntimeError):
    """A base session that does not run as it should without any fault."""


@dataclass(frozen=True)
class Stroke:
    """One stroke's times in ns: first step, cruise, end of it, last step out, last step in."""

    start: int
    cruise: int
    brake: int
    turn: int
    end: int


@dataclass(frozen=True)
class Session:
    """Landmarks of a base session without a fault, in ns, and what it did."""

    strokes: tuple[Stroke, ...]
    phases: dict[str, tuple[int, int]]  # of the session, by name
    presses: tuple[int, ...]  # of the trigger
    releases: tuple[int, ...]
    end: int

    def moment(self, number: int) -> int:
        """The time of a moment, 0 .. len(MOMENTS) - 1."""
        phase, i, count = MOMENTS[number]
        part = (i + (i * GOLDEN + 0.37) % 1.0) / count
        if phase in SESSION_PHASES:
            start, end = self.phases[phase]
        else:
            inner = self.strokes[1:-1]  # one that has a stroke before and after it
            start, end = _within(phase, inner[i % len(inner)], self.strokes)
        return start + int((end - start) * part)


def _within(phase: str, stroke: Stroke, strokes: tuple[Stroke, ...]) -> tuple[int, int]:
    """A phase of a stroke, from and to."""
    if phase == "rest":
        before = strokes[strokes.index(stroke) - 1]
        return max(before.end + SETTLING_NS, stroke.start - 50 * MS), stroke.start
    if phase == "settling":
        return stroke.end, stroke.end + SETTLING_NS
    if phase == "turn":
        return stroke.turn - TURN_NS, stroke.turn + TURN_NS
    ends = {
        "accelerating": (stroke.start, stroke.cruise), "cruise": (stroke.cruise, stroke.brake),
        "braking": (stroke.brake, stroke.turn), "in": (stroke.turn, stroke.end),
    }
    return ends[phase]


@cache
def session(number: int) -> Session:
    """The base session of pen `number`; OutOfOrder if it does not run through without a fault."""
    watch = _Watch(simulate(pen(number)))
    return watch.run()


class _Watch:
    """Runs a base session and takes down its landmarks."""

    def __init__(self, simulation: Simulation):
        self._simulation = simulation
        self._strokes: list[Stroke] = []
        self._wire: list[int] = []
        world = simulation.world
        world.recorder.keep_detail = False
        steps, handle = world.steps, world.handle

        def watched_steps(times_ns, outward):
            count = len(self._strokes)
            hears = len(times_ns) and np.count_nonzero(outward) > 100 and not outward.all()
            start = world.now_ns
            steps(times_ns, outward)
            if hears and count == len(self._strokes):
                self._strokes.append(_stroke(start, times_ns, outward))

        def watched_handle(op, a, b, c, now_us):
            if op in (ow.OW_WRITE_BIT, ow.OW_WRITE_BYTE):
                self._wire.append(now_us * 1000)
            return handle(op, a, b, c, now_us)

        world.steps, world.handle = watched_steps, watched_handle

    def run(self) -> Session:
        simulation = self._simulation
        run = simulation.run()
        result = run.result
        name = simulation.scenario.name
        missed = [row["what"] for row in result["expectations"] if not row["held"]]
        if missed or result["faults"] or len(self._strokes) < 5:
            raise OutOfOrder(
                f"{name} is not in order without any fault: {len(self._strokes)} strokes, "
                f"missed {missed or 'nothing'}, faults {[fault['code'] for fault in result['faults']] or 'none'}")
        said = {}
        for event in run.events:
            said.setdefault((event.kind, event.text), []).append(event.t_us * 1000)
        homing, ready = said["state", "homing"][0], said["state", "ready"][0]
        opened = said["session", "session opened"][0]
        (ended,) = said["session", "end of session 1 on record: user"]  # the hands look at the panel later
        mark = self._mark_begins(opened)
        presses, releases = said["hand", "trigger pressed"], said["hand", "trigger released"]
        end = simulation.world.now_ns
        phases = {
            "boot": (0, homing), "homing": (homing, ready), "choosing": (ready, mark), "marking": (mark, opened),
            "first stroke": (self._strokes[0].start, self._strokes[0].end),
            "running": (self._strokes[0].end, releases[0]), "between runs": (releases[0], presses[1]),
            "ending": (releases[1], ended), "aftercare": (ended, end - simulation.scenario.settle_ms * MS),
        }
        return Session(tuple(self._strokes), phases, tuple(presses), tuple(releases), end)

    def _mark_begins(self, opened: int) -> int:
        """Where the last burst on the cartridge's wire before the session begins."""
        burst = [t_ns for t_ns in self._wire if t_ns < opened]
        gaps = [i for i in range(1, len(burst)) if burst[i] - burst[i - 1] > 300 * MS]
        return burst[gaps[-1]] if gaps else burst[0]


def _stroke(start: int, times_ns: np.ndarray, outward: np.ndarray) -> Stroke:
    """Where a stroke's phases lie, from its steps: cruise is where the way out is fastest."""
    out = times_ns[: int(np.count_nonzero(outward))]
    gaps = np.diff(out)
    fast = np.flatnonzero(gaps <= gaps.min() * 1.02)
    cruise, brake = int(out[fast[0]]), int(out[fast[-1] + 1])
    return Stroke(start, cruise, brake, int(out[-1]), int(times_ns[-1]))
