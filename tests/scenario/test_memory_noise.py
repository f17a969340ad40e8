"""A disturbed record memory in use: the stroke waits for it, a fault is kept once it hears, a sound one is none."""

import pytest

from penimage import decode
from sim.run import Simulation
from sim.scenario import parse

STROKES = [
    {"do": "open_session"}, {"do": "set_depth", "depth_um": 1000}, {"do": "set_rate", "rate_hz": 15},
    {"do": "pass", "ms": 1500}, {"do": "wait", "ms": 1500}]
REST = [{"do": "wait", "ms": 8000}]
AGAIN = [{"do": "switch_off"}, {"do": "switch_on"}, {"do": "wait", "ms": 4500}]


def run(hands, *mishaps, **more):
    simulation = Simulation(parse({
        "title": "noise", "treatment": {"zone": "cheek", "indication": "wrinkles"}, "hands": hands,
        "faults": list(mishaps), **more}, "noise", "noise"))
    result = simulation.run().result
    return result, [fault["code"] for fault in result["faults"]], decode(simulation.world.fram.image), simulation


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("what, for_ms", [
    ("fram_noisy", 6), ("fram_deaf", 6), ("fram_low", 2), ("fram_dead", 30), ("fram_noisy", 200), ("fram_deaf", 600)])
@pytest.mark.parametrize("part", [0.1, 0.99])
def test_a_stroke_waits_for_the_memory_and_is_on_record(what, for_ms, part):
    result, codes, image, _ = run(STROKES, {"what": what, "stroke": 6, "part": part, "for_ms": for_ms})
    assert codes == [] and result["ended"] == "ready"
    assert result["journal_strokes"] == result["strokes"] > 10
    assert [e for e in image.events if e.name == "memory"] or for_ms < 6 or part == 0.1
    assert image.problems == []


def test_the_black_box_says_how_many_events_were_lost_and_where_the_pen_is():
    """The memory hears nothing from before the trigger is let go until after: the last states are not on record."""
    result, codes, image, _ = run(
        STROKES[:3] + [{"do": "pass", "ms": 600}, {"do": "wait", "ms": 2000}],
        {"what": "fram_deaf", "stroke": 4, "part": 0.5, "for_ms": 700})
    assert codes == [] and result["ended"] == "ready" and result["journal_strokes"] == result["strokes"]
    lost = [event.a for event in image.events if event.name == "memory"]
    assert 1 <= sum(lost) <= 6


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("at", range(0, 40, 3))
def test_one_wrong_bit_in_use_stops_nothing(at):
    result, codes, image, _ = run(STROKES, {"what": "fram_bit_read", "stroke": 6, "part": 0.9, "value": at})
    assert codes == [] and result["journal_strokes"] == result["strokes"] > 10
    assert image.problems == []


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("what", ["fram_dead", "fram_deaf", "fram_noisy"])
def test_a_memory_that_stays_bad_stops_the_pen(what):
    """Not over the next start, at which it is sound."""
    _, codes, _, simulation = run(
        STROKES + AGAIN, {"what": what, "stroke": 6, "part": 0.5, "for_ms": 6000}, restart_after_ms=500)
    seen = [line for line in simulation.panel_seen if line.startswith("STOP")] + codes
    assert any("72" in str(line) or line == "storage" for line in seen)


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("what", ["fram_deaf", "fram_dead", "fram_noisy"])
@pytest.mark.parametrize("begins_ms, for_ms", [(4990, 30), (5099, 600), (4000, 2500)])
def test_a_fault_for_service_is_on_record_once_the_memory_hears(what, begins_ms, for_ms):
    """It latches while the memory takes nothing; a restart finds it, and the black box has its event."""
    _, codes, image, _ = run(
        REST + AGAIN, {"what": what, "at_ms": begins_ms, "for_ms": for_ms},
        {"what": "ntc_open", "at_ms": 5100, "for_ms": 1000}, restart_after_ms=500)
    assert codes in (["ntc", "power_fail", "ntc"], ["storage", "ntc", "power_fail", "ntc"])
    assert image.records["last_fault"].values["service_code"] == 51


@pytest.mark.parametrize("for_ms", [1, 40, 700])
@pytest.mark.parametrize("at_ms", [5, 60, 120, 200])
def test_a_memory_disturbed_in_the_self_test_is_asked_again(at_ms, for_ms):
    result, codes, _, _ = run(REST, {"what": "fram_noisy", "at_ms": at_ms, "for_ms": for_ms})
    assert codes == [] and result["ended"] == "ready"
