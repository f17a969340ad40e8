"""One chip that has started, for all tests of a process: each scenario runs on a copy of it, in a forked child."""

import os
import pickle
import traceback
from typing import NamedTuple

import pytest

from sim.build import make_world
from sim.run import Simulation
from sim.scenario import load

STARTED_IN = "zone_nose"  # a pen with the reference's motion limits and an archive, as nearly all scenarios have


class Outcome(NamedTuple):
    result: dict
    journal: list


class StartedChip:
    """`run(scenario)` gives what it comes to on the silicon tier."""

    def __init__(self):
        from sim.silicon.tier import started
        from sim.silicon.world import ChipWorld

        self.chip = started(make_world(load(STARTED_IN), ChipWorld))

    def forked(self, work):
        """What `work(chip)` returns, worked out in a child: this process's chip stays as it is."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                try:
                    answer = pickle.dumps((True, work(self.chip)))
                except BaseException:
                    answer = pickle.dumps((False, traceback.format_exc()))
                with os.fdopen(writing, "wb") as pipe:
                    pipe.write(answer)
            finally:
                os._exit(0)  # whatever happens: the child must not go on as a second test run
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        assert said, "the child died without an answer"
        good, answer = pickle.loads(said)
        assert good, answer
        return answer

    def run(self, scenario):
        return Outcome(*self.forked(lambda chip: outcome(simulated(chip, scenario).run())))

    def run_from_power_on(self, scenario):
        """On a chip of its own, which mounts the scenario's own flash."""
        return Outcome(*self.forked(lambda _: outcome(Simulation(scenario, "silicon").run())))


def outcome(run):
    """What goes of a run from one process to another: plain values, as there are several modules `conftest`."""
    return run.result, run.journal


def simulated(chip, scenario):
    """A simulation on a chip that has started."""
    simulation = Simulation(scenario, "silicon")
    simulation.world.plug(chip)
    return simulation


@pytest.fixture(scope="session")
def started_chip(uf2):
    return StartedChip()
