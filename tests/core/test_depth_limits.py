"""The six-way minimum: dense around every boundary, for every zone and indication, with its reasons."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from published import (
    CHEEK_UNLOCKED_UM,
    GRID_UM,
    INDICATION_KEYS,
    MOST_UM,
    ZONE_KEYS,
    cap_um,
    five_um,
    least_um,
    most_um,
    start_um,
)

from sim.space import shim

depth = shim("depth")
zones = range(len(ZONE_KEYS))
indications = range(len(INDICATION_KEYS))
BOUNDARIES_UM = (0, 100, 200, 300, 500, 750, 1000, 1500, 2000, 2500)
AROUND_UM = sorted({edge + off for edge in BOUNDARIES_UM for off in (-1, 0, 1)} | {49, 50, 51, 3000, 5000})
HUGE = (1 << 30, 1 << 31, 1 << 64, 10**30)  # past the chip's small integers
ANY_INT = st.integers() | st.integers(-10, 2600)


def chosen(zone, indication, cartridge_um=5000, travel_um=5000, supervised=False, clinic_um=2500):
    limits = depth.Limits()
    limits.choose(zone, indication, cartridge_um, travel_um, supervised, clinic_um)
    return limits


def check(limits, zone, indication, cartridge_um, travel_um, supervised, clinic_um=2500):
    """One choice, on limits that may have served another choice before."""
    got_um = limits.choose(zone, indication, cartridge_um, travel_um, supervised, clinic_um)
    expected = [*five_um(zone, indication, cartridge_um, travel_um, supervised), max(clinic_um, 0)]
    most = min(most_um(zone, indication, cartridge_um, travel_um, supervised), max(clinic_um, 0))
    assert limits.values_um == expected
    assert got_um == limits.max_um == (most if most >= least_um(zone) else 0)
    assert limits.min_um == least_um(zone)
    assert limits.bound == sum(1 << i for i in range(6) if expected[i] == min(expected))
    assert limits.reason() == expected.index(min(expected))
    assert 0 <= got_um <= min(cap_um(zone, True), 2500)


def test_before_a_choice_nothing_is_allowed():
    limits = depth.Limits()
    assert (limits.values_um, limits.max_um, limits.min_um, limits.bound) == ([0, 0, 0, 0, 0, 0], 0, 0, 0)
    assert depth.LIMIT_NAMES[limits.reason()] == "build"
    assert all(limits.clamp(wanted_um) == 0 for wanted_um in (-1, 0, 1, 49, 50, 2500, 10**30))


@pytest.mark.parametrize("zone", zones)
def test_the_deepest_of_every_zone_and_indication_is_the_published_one(zone):
    """With a cartridge and a calibration that leave more than any zone, and at, one under and one over each figure."""
    key = ZONE_KEYS[zone]
    for supervised in (False, True):
        row = CHEEK_UNLOCKED_UM if supervised and key == "cheek" else MOST_UM[key]
        for indication, most in enumerate(row):
            assert chosen(zone, indication, 2600, 2600, supervised).max_um == most
            for one_um in (most - 1, most, most + 1, *HUGE):
                left_um = min(most, one_um) if min(most, one_um) >= least_um(zone) else 0
                assert chosen(zone, indication, one_um, 2600, supervised).max_um == left_um
                assert chosen(zone, indication, 2600, one_um, supervised).max_um == left_um
            for one_um in (-1, -most, *(-huge for huge in HUGE)):
                assert chosen(zone, indication, one_um, 2600, supervised).max_um == 0
                assert chosen(zone, indication, 2600, one_um, supervised).max_um == 0


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("zone", zones)
def test_minimum_of_five_around_every_boundary(zone):
    limits = depth.Limits()
    for indication, cartridge_um, travel_um, supervised in product(indications, AROUND_UM, AROUND_UM, (False, True)):
        check(limits, zone, indication, cartridge_um, travel_um, supervised)


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("zone", zones)
def test_the_clinic_only_tightens_around_every_boundary(zone):
    limits = depth.Limits()
    for indication, clinic_um, supervised in product(indications, (*AROUND_UM, -1, -2500), (False, True)):
        check(limits, zone, indication, 2500, 2500, supervised, clinic_um)
        check(limits, zone, indication, 1200, 700, supervised, clinic_um)


@pytest.mark.hazard("H01")
@given(st.sampled_from(zones), st.sampled_from(indications), ANY_INT, ANY_INT, st.booleans(), ANY_INT)
def test_minimum_of_five_for_any_integers(zone, indication, cartridge_um, travel_um, supervised, clinic_um):
    check(depth.Limits(), zone, indication, cartridge_um, travel_um, supervised, clinic_um)


@pytest.mark.hazard("H01", "H15")
@given(st.sampled_from(indications), ANY_INT, ANY_INT, st.booleans())
def test_the_prohibited_zone_is_always_zero(indication, cartridge_um, travel_um, supervised):
    limits = chosen(0, indication, cartridge_um, travel_um, supervised)
    assert limits.max_um == 0
    assert all(limits.clamp(wanted_um) == 0 for wanted_um in (-5000, -1, 0, 1, 50, 5000))
    assert limits.default_um(0, indication) == 0


@pytest.mark.parametrize(
    "name, zone, indication, cartridge_um, travel_um, clinic_um, max_um",
    [
        ("zone", "periorbital", "wrinkles", 2500, 2500, 2500, 500),
        ("indication", "chin", "absorption", 2500, 2500, 2500, 300),
        ("cartridge", "body", "acne_scars", 1200, 2500, 2500, 1200),
        ("calibration", "body", "acne_scars", 2500, 1300, 2500, 1300),
        ("clinic", "body", "acne_scars", 2500, 2500, 1100, 1100),
        ("clinic", "body", "acne_scars", 2500, 2500, 0, 0),
    ],
)
def test_each_limit_can_be_the_reason(name, zone, indication, cartridge_um, travel_um, clinic_um, max_um):
    zone, indication = depth.zone_number(zone), depth.indication_number(indication)
    limits = chosen(zone, indication, cartridge_um, travel_um, False, clinic_um)
    assert (limits.max_um, depth.LIMIT_NAMES[limits.reason()]) == (max_um, name)


@pytest.mark.parametrize(
    "cap_um, deep_um, cartridge_um, bound",
    [(9000, 9000, 9000, 0b10000), (2500, 9000, 9000, 0b10001), (9000, 2500, 2500, 0b10110),
     (2501, 2501, 2501, 0b10000)],
)  # fmt: skip
def test_the_build_binds_where_a_table_would_allow_more(monkeypatch, cap_um, deep_um, cartridge_um, bound):
    """No table of today is looser than the build: these are."""
    monkeypatch.setattr(depth, "ZONES", (depth.Zone("any", "Any", 200, 200, cap_um, cap_um, 10000, 20000),))
    monkeypatch.setattr(depth, "INDICATIONS", (depth.Indication("any", "Any", 200, deep_um),))
    limits = chosen(0, 0, cartridge_um, 9000, False, 9000)
    assert (limits.max_um, limits.bound) == (2500, bound)
    assert limits.reason() == (bound & -bound).bit_length() - 1


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


@pytest.mark.parametrize("supervised", [False, True])
@pytest.mark.parametrize("zone", zones)
def test_clamp_at_each_end_of_what_is_allowed(zone, supervised):
    """Every maximum, also one off the grid, and around it and the zone's least every um."""
    for most_of_cartridge_um in (*BOUNDARIES_UM, 199, 201, 275, 1249, 1251, 2499):
        limits = chosen(zone, 4, most_of_cartridge_um, 2600, supervised)
        most = most_um(zone, 4, most_of_cartridge_um, 2600, supervised)
        top_um, least = most // GRID_UM * GRID_UM, min(least_um(zone), most)
        for edge_um in (0, least, top_um, most):
            for wanted_um in (*range(edge_um - 52, edge_um + 53), *HUGE, *(-huge for huge in HUGE)):
                shallower_um = wanted_um // GRID_UM * GRID_UM
                expected_um = top_um if shallower_um > top_um else least if shallower_um < least else shallower_um
                assert limits.clamp(wanted_um) == expected_um


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
    most = most_um(zone, indication, cartridge_um, travel_um, supervised) // GRID_UM * GRID_UM
    wanted_um = start_um(zone, indication)
    got_um = limits.default_um(zone, indication)
    assert got_um == min(most, max(least_um(zone), wanted_um // GRID_UM * GRID_UM)) <= wanted_um


@pytest.mark.parametrize("number", [-1, -13, 13, 99, 1 << 40])
def test_a_number_outside_the_tables_is_an_error(number):
    """A negative number must not count from the end: the last zone is the deepest."""
    limits = chosen(1, 0)
    no_zone = pytest.raises(ValueError, match=f"^no zone number {number}$")
    no_indication = pytest.raises(ValueError, match=f"^no indication number {number}$")
    for ask in (
        lambda: chosen(number, 0), lambda: depth.zone(number), lambda: depth.prohibited(number),
        lambda: depth.clamp_rate(number, 10000, 50000), lambda: limits.default_um(number, 0),
    ):  # fmt: skip
        with no_zone:
            ask()
    for ask in (lambda: chosen(1, number), lambda: depth.indication(number), lambda: limits.default_um(1, number)):
        with no_indication:
            ask()


@pytest.mark.parametrize("value", [True, 1500.0, None, "1500"], ids=repr)
def test_what_is_no_whole_number_is_named(value):
    limits, said = depth.Limits(), f"is a whole number of um or mHz, not {re.escape(repr(value))}$"
    with pytest.raises(ValueError, match=f"^a rated depth {said}"):
        limits.choose(1, 0, value, 2500, False, 2500)
    with pytest.raises(ValueError, match=f"^a calibrated travel {said}"):
        limits.choose(1, 0, 2500, value, False, 2500)
    with pytest.raises(ValueError, match=f"^a clinic's limit {said}"):
        limits.choose(1, 0, 2500, 2500, False, value)
    with pytest.raises(ValueError, match=f"^a depth {said}"):
        limits.clamp(value)
    with pytest.raises(ValueError, match=f"^a rate {said}"):
        depth.clamp_rate(1, value, 50000)


def test_a_row_by_its_number():
    assert [depth.zone(number) for number in zones] == list(depth.ZONES)
    assert [depth.indication(number) for number in indications] == list(depth.INDICATIONS)


STROKE_US = st.integers(1, 1_000_000)  # a second is eight times the slowest stroke


@pytest.mark.parametrize(
    "key, wanted_mhz, stroke_us, rate_mhz",
    [
        ("cheek", 9999, 1000, 10000), ("cheek", 10000, 1000, 10000), ("cheek", 10001, 1000, 10001),
        ("cheek", 29999, 1000, 29999), ("cheek", 30000, 1000, 30000), ("cheek", 30001, 1000, 30000),
        ("cheek", -1, 1, 10000), ("cheek", 10**30, 1, 30000), ("body", 0, 1, 8000), ("body", 10**30, 1, 16000),
        ("cheek", 30000, 50000, 20000), ("cheek", 30000, 50001, 19999), ("cheek", 30000, 49999, 20000),
        ("cheek", 30000, 52579, 19018),  # 1 000 000 001 is a multiple of it
        ("cheek", 20000, 100000, 10000), ("cheek", 20000, 100001, 9999), ("cheek", 1, 1000000, 1000),
        ("eyelid", 20000, 1000, 0),
    ],
)  # fmt: skip
def test_rates_at_each_end(key, wanted_mhz, stroke_us, rate_mhz):
    assert depth.clamp_rate(depth.zone_number(key), wanted_mhz, stroke_us) == rate_mhz


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
