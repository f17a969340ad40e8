"""Shipped scenarios on the emulated chip: what they expect holds there too, and they come to what the other tiers do.

Tolerances: the chip's own Python takes time, so a pass of so many milliseconds begins and ends elsewhere in the grid of
strokes: two strokes more or less. Achieved depth and the furthest extension within 10 um: the same plant, but steps and
looks at other instants of a tremor of 20 um.
"""

import tomllib

import pytest

from sim.run import Simulation
from sim.scenario import LIBRARY, load, parse

pytestmark = pytest.mark.silicon(minutes=True)

LONGEST_S = 30  # simulated; a longer scenario takes many minutes on the emulated chip
STROKES_APART = 2
DEPTH_APART_UM = 10
# names no fault, and no depth of the stroke that lost them: when and how many, slip or jam, is a matter of the tremor
LOST_STEPS = {"battery_sagging"}
LET_GO = {"home_stuck_at_boot"}  # the drive goes off on the way: where the carriage snaps to is a matter of the moment
OTHER_LIVES = {"power_cut_mid_stroke", "cpu_hang_mid_stroke", "service_fault_remembered", "supervisor_no_code",
               "supervisor_wrong_code"}  # a second start takes longer than the scenario waits: `with_patience`


def names():
    found = sorted(path.stem for path in LIBRARY.glob("*.toml"))
    return [name for name in found if name not in OTHER_LIVES]


def other_flash(scenario):
    """A chip that has started has mounted its filesystem: what has files of its own starts one of its own."""
    return scenario.pen.earlier or scenario.pen.archive != "made"


def faults_of(run, name):
    codes = [fault["code"] for fault in run.result["faults"]]
    return ["lost steps" if name in LOST_STEPS and code in ("slip", "jam") else code for code in codes]


def depths(run, name):
    return [row["achieved_um"] for row in run.journal if not (name in LOST_STEPS and row["flags"])]


def mean(values):
    return sum(values) / len(values) if values else 0


@pytest.mark.parametrize("name", names())
def test_a_scenario_comes_to_the_same_on_the_chip(name, started_chip):
    ours = Simulation(load(name)).run()
    if ours.result["sim_s"] > LONGEST_S:
        pytest.skip(f"{ours.result['sim_s']:.0f} s")
    start = started_chip.run_from_power_on if other_flash(load(name)) else started_chip.run
    theirs = start(load(name))
    missed = [row for row in theirs.result["expectations"] if not row["held"]]
    assert not missed
    assert theirs.result["ended"] == ours.result["ended"]
    assert faults_of(theirs, name) == faults_of(ours, name)
    assert abs(theirs.result["strokes"] - ours.result["strokes"]) <= STROKES_APART
    assert abs(mean(depths(theirs, name)) - mean(depths(ours, name))) <= DEPTH_APART_UM
    if name in LET_GO:  # its own expectation says how far out is too far
        return
    furthest_um = [max(run.result["max_extension_um"], 0) for run in (ours, theirs)]  # behind the nose is behind it
    assert abs(furthest_um[1] - furthest_um[0]) <= DEPTH_APART_UM


SECOND_START_MS = 12_000  # loader, imports, self-test and the page of the fault: what a chip takes, and some


def with_patience(name):
    """The scenario with hands that wait for a second start, but not with the trigger held: it would be stuck."""
    tables = tomllib.loads((LIBRARY / f"{name}.toml").read_text(encoding="utf-8"))
    held = False
    for hand in tables["hands"]:
        if hand["do"] in ("hold_trigger", "release_trigger"):
            held = hand["do"] == "hold_trigger"
        elif hand["do"] == "wait" and not held:
            hand["ms"] += SECOND_START_MS
        elif hand["do"] == "look_for":
            hand["within_ms"] = SECOND_START_MS
    return parse(tables, name, name)


@pytest.mark.parametrize("name", sorted(OTHER_LIVES))
def test_a_second_start_comes_to_what_the_scenario_expects(name, started_chip):
    """A watchdog's reset or a power cut with the needles out, among others. The second start retracts them, names the
    fault, closes the session, moves it to the archive and, once the user has cleared the fault, is ready again."""
    found = started_chip.run(with_patience(name))
    assert [row for row in found.result["expectations"] if not row["held"]] == []
    assert found.result["needles_retracted"]
