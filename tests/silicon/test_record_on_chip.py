"""Records on the emulated chip, by the bus's registers: a memory that does not keep one stops the pen."""

import pytest

from sim.scenario import parse

pytestmark = pytest.mark.silicon(minutes=True)

STROKE = 10  # of some twenty


@pytest.mark.parametrize("what", ["fram_dead", "fram_deaf", "fram_noisy"])
def test_a_memory_that_does_not_keep_a_stroke_stops_the_pen_at_it(what, started_chip):
    """Which fault it is shows on the panel: it is not on record either."""
    found = started_chip.run(parse({
        "title": what, "treatment": {"zone": "cheek", "indication": "wrinkles"},
        "hands": [{"do": "open_session"}, {"do": "set_depth", "depth_um": 500}, {"do": "set_rate", "rate_hz": 12},
                  {"do": "pass", "ms": 2000}, {"do": "wait", "ms": 2000}],
        "faults": [{"what": what, "stroke": STROKE, "part": 0.0}],
        "expect": {"panel": ["Record memory does"], "strokes": STROKE}}, what, what))
    assert [row for row in found.result["expectations"] if not row["held"]] == []
    assert STROKE - 1 <= len(found.journal) <= STROKE, "what was kept before is there"
