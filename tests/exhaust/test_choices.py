"""Inputs that are decided when they are looked at: every way once, boundaries exact, no class where there is none."""

import pytest
from broken import Broken

from sim.exhaust.choices import HEALTHY, Chooser, Figure, Inputs, NoClasses
from sim.exhaust.explorer import Explorer


def outcomes(look):
    chooser = Chooser()
    return [look(chooser) for _ in chooser.runs()]


def test_each_way_through_a_tree_of_choices_is_taken_once():
    def look(chooser):
        first = chooser.pick(2)
        return (first, chooser.pick(3)) if first else (first,)

    assert outcomes(look) == [(0,), (1, 0), (1, 1), (1, 2)]


def test_a_script_makes_the_same_run_again():
    chooser = Chooser()
    scripts = []
    for _ in chooser.runs():
        scripts.append((chooser.pick(2), chooser.pick(2), chooser.script()))
    for first, second, script in scripts:
        chooser.again(script)
        assert (chooser.pick(2), chooser.pick(2)) == (first, second)


@pytest.mark.parametrize("compare, parts", [
    (lambda figure: figure >= 4, [(0, 3), (4, 9)]),
    (lambda figure: figure > 4, [(0, 4), (5, 9)]),
    (lambda figure: figure < 4, [(0, 3), (4, 9)]),
    (lambda figure: figure <= 4, [(0, 4), (5, 9)]),
    (lambda figure: figure == 4, [(0, 3), (4, 4), (5, 9)]),
    (lambda figure: bool(figure), [(0, 0), (1, 9)]),
    (lambda figure: 2 <= figure <= 4, [(0, 1), (2, 4), (5, 9)]),
    (lambda figure: figure >= 0, [(0, 9)]),
    (lambda figure: figure > 9, [(0, 9)]),
])  # fmt: skip
def test_a_comparison_cuts_a_range_at_its_boundary(compare, parts):
    def look(chooser):
        figure = Figure(chooser, 0, 9)
        said = compare(figure)
        # the answer is the one that every value left would give
        assert {bool(compare(value)) for value in range(figure.lo, figure.hi + 1)} == {bool(said)}
        return figure.lo, figure.hi

    assert sorted(outcomes(look)) == parts


def test_what_was_seen_stays_and_what_was_not_is_open():
    chooser = Chooser()
    inputs = Inputs(chooser)
    for _ in chooser.runs():
        inputs.seen.clear()
        assert inputs.range("interlock") == (0, 1)
        seen = inputs.bit("interlock")
        assert inputs.bit("interlock") == seen and inputs.range("interlock") == (seen, seen)
        assert inputs.values(HEALTHY)["interlock"] == seen
        assert inputs.values(HEALTHY)["temp_dc"] == HEALTHY["temp_dc"]


@pytest.mark.parametrize("becomes", ["temp_dc + 1 >= STOP_DC", "temp_dc % 10 == 3"])
def test_a_core_that_calculates_with_a_reading_is_refused(becomes):
    broken = Broken("calculates", "", "temp_dc >= STOP_DC", becomes)
    with pytest.raises(NoClasses, match="comparisons"):
        Explorer(broken.firmware()).run()


def test_a_core_that_keeps_what_the_checker_cannot_keep_is_refused():
    broken = Broken("keeps", "", "        self._refusing = faults.GRANTED  #", "        self._refusing = []  #")
    with pytest.raises(NoClasses, match="_refusing"):
        Explorer(broken.firmware())
