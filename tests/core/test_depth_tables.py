"""The zone and indication tables against an independent transcription of the published figures (mm, Hz)."""

import pytest

from sim.space import shim

depth = shim("depth")

# key: least, start, cap, cap under supervision (mm), slowest and fastest rate (Hz)
ZONES_MM = {
    "eyelid": (0.00, 0.00, 0.00, 0.00, 0, 0),  # prohibited
    "periorbital": (0.10, 0.25, 0.50, 0.50, 10, 20),
    "nose": (0.10, 0.25, 0.75, 0.75, 10, 20),
    "perioral": (0.10, 0.50, 0.75, 0.75, 10, 20),
    "forehead": (0.20, 0.50, 1.00, 1.00, 10, 25),
    "chin": (0.20, 0.75, 1.50, 1.50, 10, 30),
    "cheek": (0.20, 1.00, 1.50, 2.00, 10, 30),
    "neck": (0.20, 0.50, 1.00, 1.00, 10, 25),
    "decollete": (0.20, 0.50, 1.00, 1.00, 10, 25),
    "hands": (0.20, 0.50, 1.00, 1.00, 10, 20),
    "scalp": (0.20, 0.60, 1.50, 1.50, 10, 25),
    "arm_back": (0.20, 1.00, 2.00, 2.00, 10, 20),
    "body": (0.20, 1.50, 2.50, 2.50, 8, 16),
}
INDICATIONS_MM = {
    "absorption": (0.2, 0.3),
    "fine_lines": (0.25, 0.75),
    "wrinkles": (0.5, 1.5),
    "pigmentation": (0.25, 0.5),
    "acne_scars": (1.0, 2.0),
    "stretch_marks": (1.5, 2.0),
    "hair_loss": (0.5, 1.5),
}
ROW_CHARS = 20  # a list row of the panel: 21 columns, one of them the margin


def test_zones_are_the_published_ones_in_their_order():
    assert [row.key for row in depth.ZONES] == list(ZONES_MM)  # the order is the number in the journal


@pytest.mark.parametrize("key", ZONES_MM)
def test_zone_figures(key):
    row = depth.ZONES[depth.zone_number(key)]
    lengths_um = (row.min_um, row.default_um, row.cap_um, row.supervised_cap_um)
    assert lengths_um == tuple(round(mm * 1000) for mm in ZONES_MM[key][:4])
    assert (row.rate_min_mhz, row.rate_max_mhz) == tuple(hz * 1000 for hz in ZONES_MM[key][4:])


def test_indications_are_the_published_ones_in_their_order():
    found = {row.key: (row.low_um, row.high_um) for row in depth.INDICATIONS}
    assert list(found) == list(INDICATIONS_MM)
    assert found == {key: tuple(round(mm * 1000) for mm in band) for key, band in INDICATIONS_MM.items()}


def test_only_the_eyelid_is_prohibited():
    assert [row.key for i, row in enumerate(depth.ZONES) if depth.prohibited(i)] == ["eyelid"]


def test_numbers_by_key_and_a_clear_error():
    assert depth.zone_number("cheek") == 6
    assert depth.indication_number("hair_loss") == 6
    with pytest.raises(ValueError, match="unknown zone 'knee': one of eyelid"):
        depth.zone_number("knee")
    with pytest.raises(ValueError, match="unknown indication"):
        depth.indication_number("")


def test_labels_fit_the_panel():
    for row in depth.ZONES + depth.INDICATIONS:
        assert 0 < len(row.label) <= ROW_CHARS
        assert all(" " <= character <= "~" for character in row.label)
    assert len(depth.LIMIT_LABELS) == len(depth.LIMIT_NAMES) == 5


def test_the_build_ceiling():
    assert depth.BUILD_CEILING_UM == 2500
    assert max(row.supervised_cap_um for row in depth.ZONES) <= depth.BUILD_CEILING_UM
