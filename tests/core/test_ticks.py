"""Differences of wrapping ticks: right up to half the range, and never a number the chip has to allocate."""

import operator

from hypothesis import given
from hypothesis import strategies as st

from sim.space import shim

ticks = shim("ticks")
WRAP = 1 << 30
ANY = st.integers(0, WRAP - 1) | st.integers(0, 20) | st.integers(WRAP - 20, WRAP - 1)
DELTA = st.integers(-WRAP // 2, WRAP // 2 - 1)


class Small(int):
    """An integer of MicroPython on a 32-bit chip that needs no heap: 31 bits with sign. All others raise."""

    def __new__(cls, value):
        assert -(1 << 30) <= value < 1 << 30, f"{value} is allocated"
        return super().__new__(cls, value)


def _checked(name):
    work = getattr(operator, name)
    return lambda self, other: Small(work(int(self), int(other)))


def _checked_reversed(name):
    work = getattr(operator, name)
    return lambda self, other: Small(work(int(other), int(self)))


for _name in ("add", "sub", "and_", "xor", "or_"):
    _plain = _name.rstrip("_")
    setattr(Small, f"__{_plain}__", _checked(_name))
    setattr(Small, f"__r{_plain}__", _checked_reversed(_name))


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
