"""A fixed slice of the sweep: every passage, so every start, with every length and level of a false home line."""

import pytest

from sim.campaign.sweep import LENGTHS, LEVELS, Sweep, passages

EVERY_MS = {"power-on": 293, "retract": 211, "brought in": 211, "cleared": 293, "restarted": 293}  # no loop's period
PASSAGES = [pytest.param(passage, id=passage.name) for passage in passages()]


@pytest.mark.hazard("H01", "H16")
@pytest.mark.parametrize("passage", PASSAGES)
def test_no_false_home_line_drives_needles_out_leaves_them_out_or_ends_the_pen(passage):
    lies = Sweep(passage, EVERY_MS[passage.name.partition(",")[0]]).run()
    assert {lie.what for lie in lies} == {f"{level}:{length}" for length in LENGTHS for level in LEVELS}
    assert not {lie.id: lie.violations for lie in lies if lie.violations}, "pen sweep --replay ID shows one"
