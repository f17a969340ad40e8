"""The zone and indication tables against an independent transcription of the published figures (mm, Hz)."""

import re

import pytest
from published import BUILD_UM, GRID_UM, INDICATIONS, ZONES

from sim.space import shim

depth = shim("depth")
ROW_CHARS = 20  # a list row of the panel: 21 columns, one of them the margin


def test_zones_are_the_published_ones_in_their_order():
    assert [row.key for row in depth.ZONES] == list(ZONES)  # the order is the number in the journal


@pytest.mark.parametrize("key", ZONES)
def test_zone_figures(key):
    row = depth.ZONES[depth.zone_number(key)]
    label, *lengths_mm = ZONES[key][:5]
    assert row.label == label
    lengths_um = [row.min_um, row.default_um, row.cap_um, row.supervised_cap_um]
    assert lengths_um == [round(mm * 1000) for mm in lengths_mm]
    assert (row.rate_min_mhz, row.rate_max_mhz) == tuple(hz * 1000 for hz in ZONES[key][5:])


def test_indications_are_the_published_ones_in_their_order():
    found = {row.key: (row.label, row.low_um, row.high_um) for row in depth.INDICATIONS}
    assert list(found) == list(INDICATIONS)
    assert found == {
        key: (label, round(low * 1000), round(high * 1000)) for key, (label, low, high) in INDICATIONS.items()}


def test_only_the_eyelid_is_prohibited():
    assert [row.key for i, row in enumerate(depth.ZONES) if depth.prohibited(i)] == ["eyelid"]


def test_numbers_by_key_and_a_clear_error():
    assert depth.zone_number("cheek") == 6
    assert depth.indication_number("hair_loss") == 6
    with pytest.raises(ValueError, match=re.escape(f"unknown zone 'knee': one of {', '.join(ZONES)}")):
        depth.zone_number("knee")
    with pytest.raises(ValueError, match=re.escape(f"unknown indication '': one of {', '.join(INDICATIONS)}")):
        depth.indication_number("")


def test_labels_fit_the_panel():
    for row in depth.ZONES + depth.INDICATIONS:
        assert 0 < len(row.label) <= ROW_CHARS
        assert all(" " <= character <= "~" for character in row.label)


def test_the_limits_by_name():
    assert depth.LIMIT_NAMES == ("zone", "indication", "cartridge", "calibration", "build", "clinic")
    assert depth.LIMIT_LABELS == ("Zone cap", "Indication", "Cartridge", "Calibrated", "Pen maximum", "Clinic")


def test_the_build_ceiling_and_the_grids():
    assert depth.BUILD_CEILING_UM == BUILD_UM
    assert depth.DEPTH_STEP_UM == GRID_UM
    assert depth.RATE_STEP_MHZ == 1000
    assert max(row.supervised_cap_um for row in depth.ZONES) <= depth.BUILD_CEILING_UM
