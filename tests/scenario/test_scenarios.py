"""Every shipped scenario, on both tiers: what it expects holds, and the tiers agree to the last access.

The tiers share no interpreter, so equal streams of hardware accesses, each at the same microsecond with the
same answer, mean that the firmware did the same thing on both.
"""

import hashlib

import pytest

from sim.run import Simulation
from sim.scenario import LIBRARY, load
from sim.tiers import find_micropython

SCENARIOS = sorted(path.stem for path in LIBRARY.glob("*.toml"))
COMPARED = ("ended", "strokes", "punctures", "faults", "journal_strokes", "max_extension_um", "needles_retracted")


class Tape:
    """Hashes every access that a firmware makes, with its time and its answer."""

    def __init__(self, world):
        self.digest = hashlib.sha256()
        self.count = 0
        for name in ("handle", "handle_send", "handle_recv"):
            setattr(world, name, self._recorded(getattr(world, name)))

    def _recorded(self, handle):
        def record(*arguments):
            answer = handle(*arguments)
            self.digest.update(repr((arguments, answer)).encode())
            self.count += 1
            return answer

        return record


def run(name: str, tier: str):
    simulation = Simulation(load(name), tier)
    tape = Tape(simulation.world)
    return simulation.run().result, tape


def missed(result):
    return [row for row in result["expectations"] if not row["held"]]


@pytest.mark.micropython
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_holds_and_tiers_agree(name, need_micropython):
    ours, ours_tape = run(name, "cpython")
    assert not missed(ours)
    if find_micropython() is None:
        return
    theirs, theirs_tape = run(name, "micropython")
    assert not missed(theirs)
    assert {key: ours[key] for key in COMPARED} == {key: theirs[key] for key in COMPARED}
    assert (ours_tape.count, ours_tape.digest.hexdigest()) == (theirs_tape.count, theirs_tape.digest.hexdigest())


def test_a_run_repeats_itself():
    first, first_tape = run("zone_nose", "cpython")
    again, again_tape = run("zone_nose", "cpython")
    assert first_tape.digest.digest() == again_tape.digest.digest()
    assert {key: first[key] for key in COMPARED} == {key: again[key] for key in COMPARED}


def test_a_broken_expectation_is_reported():
    scenario = load("zone_neck")
    wrong = scenario.model_copy(update={"expect": scenario.expect.model_copy(update={"strokes": 3})})
    result = Simulation(wrong).run().result
    assert [row["what"] for row in missed(result)] == ["strokes"]
