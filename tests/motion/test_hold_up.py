"""The supply is cut at the worst moment of the deepest stroke, with every figure of the supply at its worst."""

import pytest

from sim.run import Simulation
from sim.scenario import parse

STROKE = 5
SHARE = 0.8  # a capacitor may have a fifth less than it says
DESIGN_UF, BEFORE_UF = 6800, 3300
WORST = {
    "boost_mv": 11_800.0, "battery_ocv_mv": 7_200.0, "logic_mw": 600.0, "spring_preload_n": 1.5, "needle_pierce_n": 0.2}


def cut(part, holdup_uf):
    simulation = Simulation(parse({
        "title": "cut", "settle_ms": 600, "plant": {**WORST, "holdup_uf": float(holdup_uf)},
        "treatment": {"zone": "body", "indication": "stretch_marks"},
        "hands": [{"do": "open_session"}, {"do": "set_depth", "depth_um": 2000}, {"do": "pass", "ms": 1000}],
        "faults": [{"what": "power_cut", "stroke": STROKE, "part": part}],
    }, "cut", "cut"))
    return simulation.run().result


@pytest.mark.hazard("H05")
@pytest.mark.parametrize("part", [0.02, 0.3, 0.5])
def test_a_stroke_under_way_comes_home_and_is_on_record(part):
    result = cut(part, DESIGN_UF * SHARE)
    assert result["needles_retracted"] and not result["over_limit_um"]
    assert result["journal_strokes"] == result["strokes"] == STROKE
    assert [fault["code"] for fault in result["faults"]] == ["power_fail"]


def test_half_of_that_capacitor_would_leave_needles_out():
    assert not cut(0.02, BEFORE_UF * SHARE)["needles_retracted"]
