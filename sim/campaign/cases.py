"""A case: a pen, one fault or two, and when; and the short id that brings it back.

An id reads `PEN-FAULT@MOMENT`, with `+FAULT@MOMENT` for the second of a pair: `07-encoder_dead@113`. Invariants: the
list of cases is the same on every machine; every fault meets every moment, on a pen that changes with both.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from sim.campaign.moments import MOMENTS
from sim.campaign.pens import PENS
from sim.campaign.table import FAULTS

PAIRS = 5000
SLICE_OF = 61  # a prime: the fixed slice takes one moment in so many, another for each fault
_ID = re.compile(r"(\d\d)-([a-z0-9_]+)@(\d{3})(?:\+([a-z0-9_]+)@(\d{3}))?")


class CaseError(ValueError):
    """An id that names no case; the message says what is wrong with it."""


@dataclass(frozen=True, order=True)
class Case:
    """`faults` are one or two (name in FAULTS, number in MOMENTS), in order of time."""

    pen: int
    faults: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        return f"{self.pen:02d}-" + "+".join(f"{name}@{moment:03d}" for name, moment in self.faults)

    @property
    def phase(self) -> str:
        """Where in a stroke or a session the first fault begins."""
        return MOMENTS[self.faults[0][1]][0]


def parse(text: str) -> Case:
    """The case of an id. CaseError if there is none."""
    found = _ID.fullmatch(text.strip())
    if not found:
        raise CaseError(f"'{text}' is no case: an id looks like 07-encoder_dead@113")
    pen, *rest = found.groups()
    faults = tuple((rest[i], int(rest[i + 1])) for i in range(0, 4, 2) if rest[i] is not None)
    if int(pen) >= PENS:
        raise CaseError(f"'{text}': there is no pen {pen}, they are numbered 00 to {PENS - 1:02d}")
    for name, moment in faults:
        if name not in FAULTS:
            raise CaseError(f"'{text}': unknown fault '{name}', known: {', '.join(FAULTS)}")
        if moment >= len(MOMENTS):
            raise CaseError(f"'{text}': there is no moment {moment}, they are numbered 000 to {len(MOMENTS) - 1}")
    return Case(int(pen), faults)


def singles() -> list[Case]:
    """Every fault at every moment."""
    return [
        Case((5 * number + moment) % PENS, ((name, moment),))
        for number, name in enumerate(FAULTS) for moment in range(len(MOMENTS))]


def pairs(count: int = PAIRS) -> list[Case]:
    """Sampled pairs of different faults, the second in the same phase or a later one."""
    rng = random.Random(20261121)
    names = list(FAULTS)
    found: list[Case] = []
    for _ in range(count):
        first, second = rng.sample(names, 2)
        when, then = sorted((rng.randrange(len(MOMENTS)), rng.randrange(len(MOMENTS))))
        found.append(Case(rng.randrange(PENS), ((first, when), (second, then))))
    return found


def whole() -> list[Case]:
    """Singles first, pen by pen, so that a worker works out few base sessions; then the pairs."""
    return sorted(singles()) + sorted(pairs())


def fixed_slice() -> list[Case]:
    """The part that `make test` runs: three or four moments of each fault, together in every phase, and some pairs."""
    return [
        case for number, case in enumerate(singles())
        if case.faults[0][1] % SLICE_OF == (number // len(MOMENTS)) * 7 % SLICE_OF
    ] + pairs(40)
