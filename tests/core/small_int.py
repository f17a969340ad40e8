"""Integers that raise when MicroPython on a 32-bit chip would have to allocate them."""

import operator


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
