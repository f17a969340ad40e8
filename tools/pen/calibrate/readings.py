"""What a technician types for a reading, and what may have gone wrong with it: unit, point or comma, swapped digits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

LEAST_UM, MOST_UM = -500, 3000  # what a pen's gauge can show at all
_TYPED = re.compile(r"([+-]?)(\d*)(?:[.,](\d*))?\s*(mm|um|µm|μm)?", re.IGNORECASE)
UM_FROM = 20  # a whole number without a unit: from here on micrometres, below millimetres


class NotAReading(ValueError):
    """What was typed is no length; the message says what would be."""


def parse(text: str) -> int:
    """A length in um. `1.52`, `1,52 mm`, `1520`, `1520 um`: with a point or comma, or under 20, it is millimetres.

    NotAReading for anything else, and for what no gauge at a pen can show.
    """
    match = _TYPED.fullmatch(text.strip())
    if match is None or not (match[2] or match[3]):
        raise NotAReading(f"'{text.strip()}' is not a length: type 1.52, 1,52 mm or 1520 um")
    sign, whole, part, unit = match.groups()
    millimetres = unit.lower() == "mm" if unit else part is not None or int(whole or 0) < UM_FROM
    value = float(f"{sign}{whole or 0}.{part or 0}")
    um = round(value * 1000) if millimetres else round(value)
    if not LEAST_UM <= um <= MOST_UM:
        raise NotAReading(f"{um / 1000:g} mm is more than a pen has: {LEAST_UM / 1000:g} to {MOST_UM / 1000:g} mm")
    return um


def doubt(text: str, um: int | None, expected_um: float, slack_um: float) -> str:
    """A question about a reading that is not what was expected, with what may have been meant; empty if it is near.

    `um` is None for a text that is no plausible reading.
    """
    if um is not None and abs(um - expected_um) <= slack_um:
        return ""
    about = f"about {expected_um / 1000:.2f} mm is expected here"
    for meant, why in _meant(text):
        if abs(meant - expected_um) <= slack_um:
            return f"{about}: is it {meant / 1000:.3f} mm, {why}?"
    return f"{about}: is the gauge at zero, and does its tip touch?"


def _meant(text: str) -> Iterator[tuple[int, str]]:
    """Readings that a slip of the hand turns into what was typed."""
    typed = text.strip()
    for i in range(len(typed) - 1):
        a, b = typed[i], typed[i + 1]
        if a != b and (a.isdigit() or a in ".,") and (b.isdigit() or b in ".,"):
            why = "with two digits swapped" if a.isdigit() and b.isdigit() else "with the point elsewhere"
            yield from _try(typed[:i] + b + a + typed[i + 2 :], why)
    for i, j in combinations(range(len(typed)), 2):
        if typed[i].isdigit() and typed[j].isdigit() and typed[i] != typed[j]:
            swapped = typed[:i] + typed[j] + typed[i + 1 : j] + typed[i] + typed[j + 1 :]
            yield from _try(swapped, "with two digits swapped")
    for i in range(len(typed)):
        if typed[i].isdigit():
            yield from _try(typed[:i] + typed[i + 1 :], "with a digit too many")
    match = _TYPED.fullmatch(typed)
    if match is not None and (match[2] or match[3]):
        number = float(f"{match[1]}{match[2] or 0}.{match[3] or 0}")
        for factor, why in ((1, "in micrometres"), (1000, "in millimetres"), (100, "with the point elsewhere"),
                            (10_000, "with the point elsewhere"), (10, "with the point elsewhere")):  # fmt: skip
            if LEAST_UM <= number * factor <= MOST_UM:
                yield round(number * factor), why
        if not match[1]:
            yield from _try("-" + typed, "with the sign left out")
        elif match[1] == "-":
            yield from _try(typed[1:], "without the sign")


def _try(text: str, why: str) -> Iterator[tuple[int, str]]:
    try:
        yield parse(text), why
    except NotAReading:
        return
