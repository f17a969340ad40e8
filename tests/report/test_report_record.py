"""The record: what it refuses, and how journal records find their strokes."""

import numpy as np
import pytest
from sample_run import sample_run

from sim.record import Event, ScreenShot, Signal, StrokeDetail


def test_records_take_strokes_in_order():
    run = sample_run(20)
    assert list(run.pairs()) == list(zip(run.journal, run.truth, strict=True))


def test_stroke_in_flight_at_a_power_cut_has_no_record():
    run = sample_run(20)
    del run.journal[-1]
    assert list(run.pairs())[-1] == (None, run.truth[-1])


def test_truth_index_bridges_a_gap_in_the_journal():
    run = sample_run(20)
    for i, record in enumerate(run.journal):
        record["truth_index"] = i
    del run.journal[7]
    pairs = list(run.pairs())
    assert pairs[7] == (None, run.truth[7])
    assert pairs[8] == (run.journal[7], run.truth[8])
    assert len(pairs) == 20


def test_record_without_a_stroke_is_kept():
    run = sample_run(5)
    run.journal.append({**run.journal[-1], "sequence": 9999})
    assert list(run.pairs())[-1] == (run.journal[-1], None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Event(0, "rumour", "x"),
        lambda: ScreenShot(0, "x", np.zeros((128, 64), np.uint8)),
        lambda: Signal(np.array([0, 1]), np.array([1])),
        lambda: Signal(np.array([5, 4]), np.array([1, 0])),
        lambda: StrokeDetail(0, "x", *[np.zeros(3)] * 5, rail_mv=np.zeros(2)),
        lambda: StrokeDetail(0, "x", *[np.zeros(3)] * 6, skin_um=np.zeros(2)),
    ],
)
def test_what_would_draw_a_lie_is_refused(make):
    with pytest.raises(ValueError):
        make()
