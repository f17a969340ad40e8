"""Attributes of the plant that are one slot of its state arrays, checked on the way in.

Invariants: a plant keeps floats in `_s` and integers in `_n`; every write ends its rest, so that it is felt.
"""

import numpy as np

from sim import plant_kernel as k
from sim.plant_params import check_range


def number(index: int, name: str, low: float, high: float, doc: str) -> property:
    """A settable figure of the state; the plant leaves its rest to feel the change."""

    def get(self) -> float:
        return float(self._s[index])

    def put(self, value: float) -> None:
        self._s[index] = check_range(name, value, low, high)
        self._n[k.STILL] = 0

    return property(get, put, doc=f"{doc} {low:g} to {high:g}; ValueError outside.")


def flag(index: int, name: str, doc: str) -> property:
    def get(self) -> bool:
        return bool(self._n[index])

    def put(self, value: bool) -> None:
        self._n[index] = truth(name, value)
        self._n[k.STILL] = 0

    return property(get, put, doc=doc)


def truth(name: str, value: bool) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {value!r}, must be True or False")
    return bool(value)


def reading(index: int, doc: str) -> property:
    return property(lambda self: float(self._s[index]), doc=doc)


def count(index: int, doc: str) -> property:
    return property(lambda self: int(self._n[index]), doc=doc)
