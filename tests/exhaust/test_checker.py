"""The checker finds nothing in the firmware, and everything that is broken on purpose, by a path that replays."""

import pytest
from broken import EVIDENCE, ONE_CALL, REFUSALS, TREATMENT, WHOLE, without_refusals

from sim.exhaust import paths
from sim.exhaust.check import TEXTS, check
from sim.exhaust.evidence import Counters
from sim.exhaust.explorer import Explorer
from sim.exhaust.replay import First, timed
from sim.exhaust.session import Sessions
from sim.exhaust.subject import Firmware
from sim.exhaust.ways import Bounds, find_ways

FIRMWARE = Firmware()


def few(firmware):
    """One fault tripped from outside, besides those that the core finds: enough for what is broken, in less time."""
    return (firmware.faults.SLIP,)


def ids(broken):
    return broken.name


def test_every_rule_holds_in_every_state():
    result = check(FIRMWARE)
    assert [(finding.rule, finding.calls) for finding in result.findings] == []
    assert set(result.checks) == set(TEXTS) and all(result.checks.values())
    assert result.cells["exercised"] == result.cells["all"] == 132
    # what no call reaches: a permit begins a run, or a static move, in ready alone; cleared is where a fault is shown
    names = FIRMWARE.safety.STATE_NAMES
    assert set(result.forced) == {(state, event) for state in names if state != "ready"
                                  for event in ("start", "gauge")} | {
        (state, "clear") for state in names if state not in ("blocked", "fault")}
    # two passes of 4 ms debounce the release, one more begins the way home; a fault needs the way home alone
    assert (result.rounds_released, result.rounds_faulted) == (3, 1)
    # far fewer would mean that calls or readings were left out
    assert result.states > 1500 and result.transitions > 400_000
    assert result.session_states > 10_000
    assert result.evidence_states > 1000


@pytest.mark.parametrize("broken", ONE_CALL, ids=ids)
def test_a_broken_core_is_found_by_a_path_that_replays(broken, tmp_path):
    firmware = broken.firmware()
    explorer, first = Explorer(firmware, few(firmware)), First(broken.rule)
    explorer.run(until=first)
    assert first.steps is not None, f"{broken.rule} was not seen; broken: {list(explorer.violations)}"
    replays(explorer, broken.rule, first.steps, tmp_path)


def test_each_refusal_left_out_is_found(tmp_path):
    firmware = without_refusals()
    explorer = Explorer(firmware, few(firmware))
    firsts = [First(rule) for rule in REFUSALS.values()]
    explorer.run(until=lambda now: all([first(now) for first in firsts]))
    for rule, first in zip(REFUSALS.values(), firsts, strict=True):
        assert first.steps is not None, rule
        replays(explorer, rule, first.steps, tmp_path)


@pytest.mark.parametrize("broken", WHOLE, ids=ids)
def test_a_state_without_an_end_or_a_way_out_is_found(broken, tmp_path):
    firmware = broken.firmware()
    explorer = Explorer(firmware, few(firmware))
    explorer.run()
    if broken.rule.startswith("stop."):
        Bounds(explorer).measure(lambda done, known: None)
    else:
        find_ways(explorer)
    steps = timed(explorer, explorer.violations[broken.rule][0])
    assert steps
    replays(explorer, broken.rule, steps, tmp_path)


def replays(explorer, rule, steps, folder):
    """The path is written, read and replayed; it breaks the rule at its end, and only in the broken core."""
    paths.write(paths.core_path(explorer, rule, TEXTS[rule], steps), folder / "path.json")
    path = paths.read(folder / "path.json")
    rows = paths.replay(path, explorer.firmware)
    assert rule in rows[-1].broken
    assert not any(rule in row.broken for row in rows[:-1])
    assert not any(rule in row.broken for row in paths.replay(path, FIRMWARE))


@pytest.mark.parametrize("broken", EVIDENCE, ids=ids)
def test_a_broken_counter_of_readings_is_found(broken):
    counters = Counters(broken.firmware())
    counters.run()
    assert broken.rule in counters.violations


@pytest.mark.parametrize("broken", TREATMENT, ids=ids)
def test_a_broken_treatment_is_found_by_a_path_that_replays(broken, tmp_path):
    firmware = broken.firmware()
    sessions = Sessions(firmware)
    sessions.run(until=broken.rule)
    found = sessions.violations[broken.rule]
    paths.write(paths.session_path(found.rule, found.text, found.path), tmp_path / "path.json")
    path = paths.read(tmp_path / "path.json")
    assert broken.rule in paths.replay(path, firmware)[-1].broken
    assert not any(broken.rule in row.broken for row in paths.replay(path, FIRMWARE))
