"""The table of inputs is complete and printed; what counts as evidence, by every sequence of readings and gaps."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safety_rig import STARTS_MS, WRAP

from sim.space import FIRMWARE, shim

inputs, faults = shim("inputs"), shim("faults")

ROWS = [name.removesuffix("_FOLLOWS") for name in vars(inputs) if name.endswith("_FOLLOWS")]
COLUMNS = ("READINGS", "MS", "TRIES", "WITHIN_MS", "FOLLOWS")
GAP_MS = 20


def column(row, name):
    return getattr(inputs, f"{row}_{name}", None)


def test_every_constant_stands_in_a_row():
    named = {name for name in vars(inputs) if name.isupper() and not name.startswith("_")} - {"GAP_MS"}
    assert named == {f"{row}_{name}" for row in ROWS for name in COLUMNS if column(row, name) is not None}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_asks_for_readings_and_time_or_for_tries(row):
    readings, ms, tries = column(row, "READINGS"), column(row, "MS"), column(row, "TRIES")
    code = column(row, "FOLLOWS")
    assert code == faults.NONE or code in faults.TABLE
    if tries is not None:
        assert tries > 1
        return
    assert column(row, "WITHIN_MS") is None or column(row, "WITHIN_MS") > ms
    if code != faults.NONE:
        assert readings >= 3 and ms >= 3
        if faults.remedy(code) == faults.BY_SERVICE:
            assert ms >= 40, "a transient of 25 ms asks for no service"


SHARED = {"ENCODER": "STILL"}  # the self-test looks at both in one go
BEHIND = ("READINGS", "MS", "TRIES")


def firmware_text():
    return {
        path.stem: path.read_text() for path in sorted(FIRMWARE.rglob("*.py")) if path.stem != "inputs"}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_what_the_firmware_goes_by(row):
    """A row that nothing reads is a promise that nobody keeps."""
    other = SHARED.get(row)
    for name in BEHIND:
        if column(row, name) is None:
            continue
        if other:
            assert column(row, name) == column(other, name)
            continue
        used = re.compile(rf"\b{row}_{name}\b")
        assert [module for module, text in firmware_text().items() if used.search(text)], f"{row}_{name}"


# Constants of evidence that are no row's: what they count are strokes, steps or looks within one move, each explained
# on docs/motion.md or in its module.
THEIR_OWN = {
    "motor": {"TURN_LOOKS", "REST_LOOKS"}, "homing": {"EDGE_LOOKS", "TRIES"}, "selftest": {"LOOKS"},
    "driverwatch": {"ASK_TRIES"}, "pen": {"HOME_LOOKS"}, "slots": {"HOLD_LOOKS", "EN_N_LOOKS"},
}


def test_no_reading_has_its_own_number_of_tries():
    found = {}
    for module, text in firmware_text().items():
        for name in re.findall(r"^(TRIES|\w*(?:_TRIES|ATTEMPTS|READINGS|LOOKS)) = const\(\d", text, re.M):
            found.setdefault(module, set()).add(name)
    assert found == THEIR_OWN


def by_the_rule(readings, ms, looks):
    """What the page says, word by word, about the last of `looks` (time, whether the condition showed)."""
    run = []
    for at_ms, shown in looks:
        if run and at_ms - run[-1] > GAP_MS:
            run = []
        run = [*run, at_ms] if shown else []
    return len(run) >= readings and run[-1] - run[0] >= ms


@pytest.mark.parametrize("readings, ms", [(1, 0), (2, 1), (3, 2), (3, 8), (4, 3), (4, 40)])
def test_every_sequence_of_six_readings_is_judged_as_the_page_says(readings, ms):
    assert inputs.GAP_MS == GAP_MS
    for gaps in product((1, 2, 7, 20, 21), repeat=5):
        times = [sum(gaps[:n]) for n in range(6)]
        for shown in product((False, True), repeat=6):
            looks = list(zip(times, shown, strict=True))
            evidence = inputs.Evidence(readings, ms)
            said = [evidence.enough(condition, at_ms) for at_ms, condition in looks]
            assert said[-1] is by_the_rule(readings, ms, looks), looks


@given(
    st.sampled_from(STARTS_MS), st.integers(1, 6), st.integers(0, 60),
    st.lists(st.tuples(st.integers(1, 25), st.booleans()), min_size=1, max_size=30))
def test_any_sequence_is_judged_as_the_page_says_across_the_wrap(start_ms, readings, ms, steps):
    evidence, now_ms, looks = inputs.Evidence(readings, ms), start_ms, []
    for gap_ms, shown in steps:
        now_ms += gap_ms
        looks.append((now_ms, shown))
        assert evidence.enough(shown, now_ms % WRAP) is by_the_rule(readings, ms, looks)


def test_what_lasts_is_evidence_for_as_long_as_it_lasts():
    """Its first reading is forgotten in time: a difference of ticks is right for six days only."""
    evidence, now_ms = inputs.Evidence(3, 40), WRAP - 50
    for step in range(100):
        now_ms = (now_ms + 20) % WRAP
        assert evidence.enough(True, now_ms) is (step >= 2)
    assert (now_ms - evidence._first_ms) % WRAP == 40


def answers_by_the_rule(readings, ms, looks):
    run = []
    for at_ms, shown in looks:
        run = [*run, at_ms] if shown else []
    return len(run) >= readings and run[-1] - run[0] >= ms


@pytest.mark.parametrize("readings, ms", [(1, 0), (2, 1), (3, 8), (3, 40), (4, 40)])
@pytest.mark.parametrize("start_ms", [0, WRAP - 20])
def test_answers_hold_until_the_next_one_whatever_the_gap(readings, ms, start_ms):
    for gaps in product((1, 7, 21, 500), repeat=4):
        times = [sum(gaps[:n]) for n in range(5)]
        for shown in product((False, True), repeat=5):
            looks = list(zip(times, shown, strict=True))
            evidence = inputs.Answers(readings, ms)
            assert evidence.count == 0
            said = [evidence.enough(condition, (start_ms + at_ms) % WRAP) for at_ms, condition in looks]
            assert said[-1] is answers_by_the_rule(readings, ms, looks), looks
            assert evidence.count <= readings and (evidence.count > 0) is shown[-1]
