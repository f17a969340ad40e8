"""Cases: every fault at every moment, by ids that bring them back."""

from collections import defaultdict

import pytest

from pen.campaign_summary import PAIRS_ROW, add_up
from sim.campaign.cases import CaseError, fixed_slice, pairs, parse, singles, whole
from sim.campaign.moments import MOMENTS, PHASES, SESSION_PHASES, STROKE_PHASES
from sim.campaign.pens import PENS
from sim.campaign.table import FAULTS
from sim.campaign.verdict import Outcome


def test_every_fault_meets_at_least_200_moments_in_every_phase_on_several_pens():
    met, pens = defaultdict(list), defaultdict(set)
    for case in singles():
        (name, moment), = case.faults
        met[name].append(moment)
        pens[name].add(case.pen)
    assert set(met) == set(FAULTS)
    for name, moments in met.items():
        assert len(moments) == len(set(moments)) >= 200
        assert {MOMENTS[moment][0] for moment in moments} == set(PHASES) == set(STROKE_PHASES) | set(SESSION_PHASES)
        assert len(pens[name]) == PENS


def test_an_id_brings_its_case_back_and_no_two_are_alike():
    cases = whole()
    assert [parse(str(case)) for case in cases] == cases
    assert len({str(case) for case in cases}) == len(cases)


def test_pairs_are_of_two_faults_and_the_same_every_time():
    assert pairs() == pairs()
    assert len(pairs()) >= 1000
    assert all(case.faults[0][0] != case.faults[1][0] for case in pairs())


def test_the_fixed_slice_has_every_fault_and_every_phase():
    cases = fixed_slice()
    assert {name for case in cases for name, _ in case.faults} == set(FAULTS)
    assert {case.phase for case in cases} == set(PHASES)


@pytest.mark.parametrize(("text", "word"), [
    ("", "an id looks like"), ("encoder_dead@113", "an id looks like"), ("07-encoder_dead@1", "an id looks like"),
    ("99-jam@113", "there is no pen 99"), ("07-encoder_ded@113", "unknown fault 'encoder_ded'"),
    ("07-jam@999", "there is no moment 999"), ("07-jam@113+no@114", "unknown fault 'no'"),
])
def test_a_wrong_id_says_what_is_wrong(text, word):
    with pytest.raises(CaseError, match=word):
        parse(text)


def outcome(case: str, **more) -> Outcome:
    first = parse(case)
    return Outcome(case, "+".join(name for name, _ in first.faults), first.phase, first.pen, 1.0, **more)


def test_outcomes_add_up_by_fault_and_phase():
    found = add_up([
        outcome("00-jam@000", needed=True, named="jam", over_um=3.0, stopped_ms=5.0),
        outcome("01-jam@001", needed=True, over_um=12.0, violations=["depth: too far"]),
        outcome("02-jam@200", named="jam", over_um=-700.0, stopped_ms=9.0),
        outcome("02-jam@200+slip@205", over_um=1.0),
    ], wall_s=30, workers=2)
    jam, both = found.rows
    assert (jam.fault, jam.runs, jam.violations, jam.needed, jam.named_of_needed) == ("jam", 3, 1, 2, 1)
    assert (jam.worst_over_um, jam.worst_stopped_ms, jam.worst_detected_ms) == (12.0, 9.0, None)
    assert [jam.cells[phase].look for phase in ("rest", "aftercare", "turn")] == ["bad", "named", "none"]
    assert (both.fault, both.runs) == (PAIRS_ROW, 1)
    figures = found.figures
    assert (figures["runs"], figures["pair_runs"], figures["violations"], figures["runs_per_minute"]) == (4, 1, 1, 8)
    assert figures["single_faults_named_percent"] == 50.0
