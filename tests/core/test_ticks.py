"""Differences of wrapping ticks: right up to half the range, and never a number the chip has to allocate."""

from hypothesis import given
from hypothesis import strategies as st
from small_int import Small

from sim.space import shim

ticks = shim("ticks")
WRAP = 1 << 30
ANY = st.integers(0, WRAP - 1) | st.integers(0, 20) | st.integers(WRAP - 20, WRAP - 1)
DELTA = st.integers(-WRAP // 2, WRAP // 2 - 1)


@given(ANY, DELTA)
def test_add_and_diff_undo_each_other_anywhere(start, delta):
    later = ticks.add(start, delta)
    assert 0 <= later < WRAP
    assert later == (start + delta) % WRAP
    assert ticks.diff(later, start) == delta


@given(ANY, ANY)
def test_a_difference_changes_its_sign_with_the_order(a, b):
    there, back = ticks.diff(a, b), ticks.diff(b, a)
    assert -WRAP // 2 <= there < WRAP // 2
    assert there == -back or there == back == -WRAP // 2


@given(ANY, ANY, DELTA)
def test_no_intermediate_value_is_allocated(a, b, delta):
    """The unix VM has 63-bit small integers and cannot show it; the loop calls these while needles move."""
    ticks.diff(Small(a), Small(b))
    ticks.add(Small(a), Small(delta))
