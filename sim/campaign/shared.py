"""Cases that share their beginning: a pen's session runs once, and forks at each moment at which something goes wrong.

Up to its fault a case is the base session to the bit, so the copy that goes on with the fault comes to the very outcome
that `run_case` comes to; it only needs the time from the fault on. Invariants: every case has an outcome; a copy that
comes to no end is left, and its case run alone.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import warnings
from collections.abc import Sequence
from typing import Any

from sim.build import schedule
from sim.campaign.cases import Case
from sim.campaign.pens import simulate
from sim.campaign.rules import Watch
from sim.campaign.verdict import Outcome, Trial, base_of, mishaps_of, onset_of, run_case, to_the_end
from sim.link import SimulatorBroken

PATIENCE_S = 120  # a copy needs a second; one that waits for a lock of another thread would wait for ever


def run_cases_together(cases: Sequence[Case]) -> list[Outcome]:
    """The outcomes of these cases, in their order."""
    if not hasattr(os, "fork"):
        return [run_case(case) for case in cases]
    groups: dict[tuple[int, bool], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.pen, to_the_end(case)), []).append(case)
    found: dict[Case, Outcome] = {}
    for (number, pages), group in groups.items():
        found |= _Session(number, pages, group).run()
    return [found[case] if case in found else run_case(case) for case in cases]


class _Session:
    """One base session and the copies of this process that leave it."""

    def __init__(self, number: int, pages: bool, cases: Sequence[Case]):
        self._simulation = simulate(base_of(number, pages))
        self._watch = Watch(self._simulation)
        self._found: dict[Case, Outcome] = {}
        self._trial: Trial | None = None  # in a copy: its case
        self._pipe = -1
        self._last_step_ns = 0
        world = self._simulation.world
        world.recorder.keep_detail = False
        by_time: dict[int, list[Case]] = {}
        for case in cases:
            by_time.setdefault(onset_of(case), []).append(case)
        for onset_ns, due in by_time.items():
            world.at(onset_ns, lambda due=due: self._leave(due))
        world.at(max(by_time) + 1, self._over)
        steps = world.steps

        def watched(times_ns, outward):
            if len(times_ns):
                self._last_step_ns = int(times_ns[-1])
            steps(times_ns, outward)

        world.steps = watched

    def run(self) -> dict[Case, Outcome]:
        """Run up to the last fault; the outcomes that came back. In a copy it does not return."""
        try:
            run = self._simulation.run()
        except (Exception, SimulatorBroken) as error:
            if self._trial is None:
                return self._found  # what is missing is run alone, and says what is wrong
            self._answer(self._trial.broken(error))
        if self._trial is not None:
            self._answer(self._trial.verdict(run))
        return self._found

    def _over(self) -> None:
        if self._trial is None:
            self._simulation.world.dead = "end"

    def _leave(self, due: Sequence[Case]) -> None:
        """A copy of this process for each case that begins now, one after the other."""
        for case in due:
            if self._trial is not None:
                return  # a copy, on its own way
            self._fork(case)

    def _fork(self, case: Case) -> None:
        back, forth = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other threads stay behind; the copy needs none
            pid = os.fork()
        if pid:
            os.close(forth)
            outcome = await_answer(pid, back)
            if outcome is not None:
                self._found[case] = outcome
            return
        gc.disable()  # a collection would touch, and so copy, every page for nothing
        os.close(back)
        self._pipe = forth
        for mishap in mishaps_of(case):
            schedule(self._simulation.world, mishap)
        self._trial = Trial(case, self._simulation, self._last_step_ns, self._watch)

    def _answer(self, outcome: Outcome) -> None:
        try:
            with os.fdopen(self._pipe, "wb") as pipe:
                pickle.dump(outcome, pipe)
        finally:
            os._exit(0)


def await_answer(pid: int, pipe: int) -> Any:
    """What a copy sends, None if it comes to nothing."""
    parts = []
    with os.fdopen(pipe, "rb", buffering=0) as stream:
        while True:
            if not select.select([stream], [], [], PATIENCE_S)[0]:
                os.kill(pid, signal.SIGKILL)
                break
            part = stream.read(1 << 16)
            if not part:
                break
            parts.append(part)
    os.waitpid(pid, 0)
    try:
        return pickle.loads(b"".join(parts))
    except (EOFError, pickle.UnpicklingError):
        return None
