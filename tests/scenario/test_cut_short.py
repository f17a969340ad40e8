"""Each stroke that pierced is on record, finished or partial, whatever stopped it; each once, and counted alike."""

import pytest

from penimage.merge import read_pen
from sim.run import Simulation
from sim.scenario import parse

HANDS = [{"do": "open_session"}, {"do": "set_depth", "depth_um": 1000}, {"do": "pass", "ms": 1000},
         {"do": "wait", "ms": 2500}]


def run(what, part, value=None):
    simulation = Simulation(parse({
        "title": "cut", "treatment": {"zone": "cheek", "indication": "wrinkles"}, "hands": HANDS,
        "faults": [{"what": what, "stroke": 5, "part": part, "value": value}]}, "cut", "cut"))
    done = simulation.run()
    session = read_pen(done.images["fram.bin"], done.images["flash.bin"]).sessions[0]
    return done, session


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("what", ["cartridge_pulled", "driver_short", "enable_torn", "jam"])
@pytest.mark.parametrize("part", [0.3, 0.5, 0.7])
def test_a_stroke_that_a_stop_cut_short_is_partial(what, part):
    done, session = run(what, part)
    assert [stroke.sequence for stroke in session.strokes] == [1, 2, 3, 4, 5]
    last = session.strokes[-1]
    assert "partial" in last.flag_names and "fault" in last.flag_names
    assert last.achieved_um >= done.truth[-1].max_tip_um - 60, "never shown much shallower than it was"
    assert session.finished == 4 and done.result["partial_strokes"] == 1
    assert session.punctures == done.result["punctures"] == 60
    if session.tail:
        assert (session.tail.strokes, session.tail.partials) == (5, 1)
    assert session.problems == []


def test_a_stroke_that_was_stopped_before_it_pierced_is_none():
    _, session = run("cartridge_pulled", 0.01)
    assert session.finished == len(session.strokes) == 4


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("part", [0.05, 0.4, 0.6, 0.85, 0.99])
@pytest.mark.parametrize("what, value", [("cpu_hang", None), *(("task_hung", task) for task in (0, 1, 2, 4, 6))])
def test_a_stroke_is_on_record_though_the_loop_hangs(what, value, part):
    """As finished where it was: no reset leaves one half way, because none begins while a task stalls."""
    done, session = run(what, part, value)
    assert [fault["code"] for fault in done.result["faults"]][-1] == "watchdog"
    assert done.result["journal_strokes"] == done.result["strokes"] >= 5
    partial = [stroke.sequence for stroke in session.strokes if "partial" in stroke.flag_names]
    pierced = sum(stroke.pierced for stroke in done.truth)
    assert partial == [] or (value == 0 and partial == [pierced]), "without the loop's looks nothing feeds the dead-man"
    assert session.punctures == done.result["punctures"] == 12 * pierced
    assert session.problems == []
