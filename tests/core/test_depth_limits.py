"""The five-way minimum: dense around every boundary, for every zone and indication, with its reasons."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.space import shim

depth = shim("depth")
zones = range(len(depth.ZONES))
indications = range(len(depth.INDICATIONS))
BOUNDARIES_UM = (0, 100, 200, 300, 500, 750, 1000, 1500, 2000, 2500)
AROUND_UM = sorted({edge + off for edge in BOUNDARIES_UM for off in (-1, 0, 1)} | {49, 50, 51, 3000, 5000})
ANY_INT = st.integers() | st.integers(-10, 2600)  # also far past 31 bits


def chosen(zone, indication, cartridge_um=5000, travel_um=5000, supervised=False):
    limits = depth.Limits()
    limits.choose(zone, indication, cartridge_um, travel_um, supervised)
    return limits


def five(zone, indication, cartridge_um, travel_um, supervised):
    """The five limits, worked out apart from the firmware."""
    row = depth.ZONES[zone]
    cap_um = 2000 if supervised is True and row.key == "cheek" else row.cap_um
    return [cap_um, depth.INDICATIONS[indication].high_um, max(cartridge_um, 0), max(travel_um, 0), 2500]


def check(zone, indication, cartridge_um, travel_um, supervised):
    limits = depth.Limits()
    got_um = limits.choose(zone, indication, cartridge_um, travel_um, supervised)
    expected = five(zone, indication, cartridge_um, travel_um, supervised)
    least_um = min(expected)
    assert limits.values_um == expected
    assert got_um == limits.max_um == (least_um if least_um >= depth.ZONES[zone].min_um else 0)
    assert limits.bound == sum(1 << i for i in range(5) if expected[i] == least_um)
    assert limits.reason() == expected.index(least_um)
    assert 0 <= got_um <= min(depth.ZONES[zone].supervised_cap_um, 2500)


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("zone", zones)
def test_minimum_of_five_around_every_boundary(zone):
    for indication, cartridge_um, travel_um, supervised in product(indications, AROUND_UM, AROUND_UM, (False, True)):
        check(zone, indication, cartridge_um, travel_um, supervised)


@pytest.mark.hazard("H01")
@given(st.sampled_from(zones), st.sampled_from(indications), ANY_INT, ANY_INT, st.booleans())
def test_minimum_of_five_for_any_integers(zone, indication, cartridge_um, travel_um, supervised):
    check(zone, indication, cartridge_um, travel_um, supervised)


@pytest.mark.hazard("H01", "H15")
@given(st.sampled_from(indications), ANY_INT, ANY_INT, st.booleans())
def test_the_prohibited_zone_is_always_zero(indication, cartridge_um, travel_um, supervised):
    limits = chosen(0, indication, cartridge_um, travel_um, supervised)
    assert limits.max_um == 0
    assert all(limits.clamp(wanted_um) == 0 for wanted_um in (-5000, -1, 0, 1, 50, 5000))
    assert limits.default_um(0, indication) == 0


@pytest.mark.parametrize(
    "name, zone, indication, cartridge_um, travel_um, max_um",
    [
        ("zone", "periorbital", "wrinkles", 2500, 2500, 500),
        ("indication", "chin", "absorption", 2500, 2500, 300),
        ("cartridge", "body", "acne_scars", 1200, 2500, 1200),
        ("calibration", "body", "acne_scars", 2500, 1300, 1300),
    ],
)
def test_each_limit_can_be_the_reason(name, zone, indication, cartridge_um, travel_um, max_um):
    limits = chosen(depth.zone_number(zone), depth.indication_number(indication), cartridge_um, travel_um)
    assert (limits.max_um, depth.LIMIT_NAMES[limits.reason()]) == (max_um, name)


def test_the_build_is_the_reason_when_no_other_limit_is():
    limits = chosen(1, 0)
    limits.bound = 1 << depth.LIMIT_NAMES.index("build")  # no table of today is looser than the build
    assert depth.LIMIT_NAMES[limits.reason()] == "build"


def test_limits_that_bind_together_are_all_named():
    limits = chosen(depth.zone_number("cheek"), depth.indication_number("wrinkles"), 1500, 1500)
    assert limits.bound == 0b01111


@pytest.mark.parametrize("truthy", [1, "yes", 2, [0], None, 0, "", False])
def test_only_a_true_true_unlocks(truthy):
    cheek, scars = depth.zone_number("cheek"), depth.indication_number("acne_scars")
    assert chosen(cheek, scars, supervised=truthy).max_um == 1500
    assert chosen(cheek, scars, supervised=True).max_um == 2000


@pytest.mark.hazard("H15")
def test_supervision_changes_only_the_cheek():
    changed = {
        depth.ZONES[zone].key
        for zone, indication in product(zones, indications)
        if chosen(zone, indication, supervised=True).max_um != chosen(zone, indication).max_um
    }
    assert changed == {"cheek"}


@pytest.mark.hazard("H01")
@given(
    st.sampled_from(zones), st.sampled_from(indications), st.integers(0, 2600), st.integers(0, 2600), st.booleans(),
    ANY_INT,
)  # fmt: skip
def test_clamp_is_on_the_grid_and_never_above(zone, indication, cartridge_um, travel_um, supervised, wanted_um):
    limits = chosen(zone, indication, cartridge_um, travel_um, supervised)
    got_um = limits.clamp(wanted_um)
    assert got_um % 50 == 0
    assert 0 <= got_um <= limits.max_um
    assert got_um >= limits.min_um or limits.max_um == 0
    if limits.min_um <= wanted_um <= limits.max_um:
        assert wanted_um - 50 < got_um <= wanted_um  # rounded to the shallower side


@pytest.mark.hazard("H15")
@given(
    st.sampled_from(zones), st.sampled_from(indications), st.integers(0, 2600), st.integers(0, 2600), st.booleans(),
)  # fmt: skip
def test_the_start_depth_is_allowed_and_the_shallower_default(zone, indication, cartridge_um, travel_um, supervised):
    limits = chosen(zone, indication, cartridge_um, travel_um, supervised)
    start_um = limits.default_um(zone, indication)
    assert start_um <= min(limits.max_um, depth.ZONES[zone].default_um, depth.INDICATIONS[indication].low_um)
    assert start_um >= limits.min_um or limits.max_um == 0


@pytest.mark.parametrize("number", [-1, -13, 13, 99, 1 << 40])
def test_a_number_outside_the_tables_is_an_error(number):
    """A negative number must not count from the end: the last zone is the deepest."""
    with pytest.raises(ValueError, match="no zone"):
        chosen(number, 0)
    with pytest.raises(ValueError, match="no indication"):
        chosen(1, number)
    with pytest.raises(ValueError, match="no zone"):
        depth.prohibited(number)
    with pytest.raises(ValueError, match="no zone"):
        depth.clamp_rate(number, 10000, 50000)


STROKE_US = st.integers(1, 1_000_000)  # a second is eight times the slowest stroke


@given(st.sampled_from(zones), ANY_INT, STROKE_US)
def test_rate_is_inside_the_zone_and_the_stroke_time(zone, wanted_mhz, stroke_us):
    row = depth.ZONES[zone]
    rate_mhz = depth.clamp_rate(zone, wanted_mhz, stroke_us)
    assert rate_mhz * stroke_us <= 1_000_000_000
    assert rate_mhz <= row.rate_max_mhz
    fastest_mhz = 1_000_000_000 // stroke_us
    assert rate_mhz >= min(row.rate_min_mhz, fastest_mhz)
    if row.rate_min_mhz <= wanted_mhz <= min(row.rate_max_mhz, fastest_mhz):
        assert rate_mhz == wanted_mhz
