"""Calibration: what is valid, what it converts to, and that no intermediate leaves 31 bits."""

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import calibration
from calibration import RECORD_BYTES, Calibration

SMALL_INT = 2**30


class Small(int):
    """An int that refuses to leave MicroPython's small-int range."""

    def _made(self, value):
        assert -SMALL_INT <= value < SMALL_INT, f"{value} would be allocated"
        return Small(value)

    def __add__(self, other):
        return self._made(int(self) + int(other))

    def __sub__(self, other):
        return self._made(int(self) - int(other))

    def __mul__(self, other):
        return self._made(int(self) * int(other))

    def __floordiv__(self, other):
        return self._made(int(self) // int(other))

    def __neg__(self):
        return self._made(-int(self))

    def __radd__(self, other):
        return self._made(int(other) + int(self))

    def __rsub__(self, other):
        return self._made(int(other) - int(self))

    __rmul__ = __mul__


def nominal(**changed):
    cal = Calibration()
    values = {
        "offset_um": -100, "scale_ppm": 0, "backlash_um": 12, "travel_um": 2600, "date_days": 9500,
        "due_days": 9865, "calibration_id": 7, "gauge_id": b"DG-0815", "technician": b"MK",
    }  # fmt: skip
    for name, value in (values | changed).items():
        setattr(cal, name, value)
    return cal


offsets = st.integers(calibration.OFFSET_MIN_UM, calibration.OFFSET_MAX_UM)
scales = st.integers(-calibration.SCALE_MAX_PPM, calibration.SCALE_MAX_PPM)
tags = st.lists(st.integers(0x20, 0x7E), min_size=1, max_size=8).map(bytes)
spans = st.integers(-calibration.SPAN_MAX, calibration.SPAN_MAX)


@st.composite
def calibrations(draw):
    date = draw(st.integers(0, 0xFFFF))
    return nominal(
        offset_um=draw(offsets), scale_ppm=draw(scales), backlash_um=draw(st.integers(0, 60)),
        travel_um=draw(st.integers(1, 2600)), date_days=date,
        due_days=draw(st.just(0) | st.integers(date, 0xFFFF)), calibration_id=draw(st.integers(1, 0xFFFF)),
        gauge_id=draw(tags), technician=draw(tags),
    )  # fmt: skip


@given(calibrations())
def test_encode_and_decode_are_inverse(cal):
    buf = bytearray(112)
    cal.encode(buf)
    back = Calibration()
    assert back.decode(buf, RECORD_BYTES) == calibration.VALID
    assert vars(back) == vars(cal)


@pytest.mark.hazard("H14")
@pytest.mark.parametrize(
    ("field", "good", "bad", "reason"),
    [
        ("offset_um", (-400, 200), (-401, 201), calibration.BAD_OFFSET),
        ("scale_ppm", (-30000, 30000), (-30001, 30001), calibration.BAD_SCALE),
        ("backlash_um", (0, 60), (-1, 61), calibration.BAD_BACKLASH),
        ("travel_um", (1, 2600), (0, 2601), calibration.BAD_TRAVEL),
        ("due_days", (0, 9500, 0xFFFF), (9499, 0x10000, -1), calibration.BAD_DATES),
        ("date_days", (0, 9865), (9866, -1), calibration.BAD_DATES),
        ("gauge_id", (b"G", b"12345678"), (b"", b"123456789", b"a\x80", b"\t"), calibration.BAD_GAUGE),
        ("technician", (b"T", b"12345678"), (b"", b"123456789", b"\x7f"), calibration.BAD_TECHNICIAN),
        ("calibration_id", (1, 0xFFFF), (0, 0x10000), calibration.BAD_ID),
    ],
)
def test_each_limit_and_its_reason(field, good, bad, reason):
    for value in good:
        assert nominal(**{field: value}).validate() == calibration.VALID
    for value in bad:
        cal = nominal(**{field: value})
        assert cal.validate() == reason
        with pytest.raises(ValueError, match=calibration.REASONS[reason]):
            cal.encode(bytearray(64))


def test_every_reason_has_its_words():
    named = [value for name, value in vars(calibration).items() if name.startswith("BAD_")]
    assert sorted(named) == list(range(1, len(calibration.REASONS)))


@pytest.mark.hazard("H13")
@given(st.binary(min_size=RECORD_BYTES, max_size=RECORD_BYTES), st.integers(0, 60))
def test_decode_never_yields_an_invalid_record(noise, length):
    cal = nominal()
    before = dict(vars(cal))
    if cal.decode(noise, length) == calibration.VALID:
        assert cal.validate() == calibration.VALID
    else:
        assert vars(cal) == before


def test_other_schema_and_length_are_named():
    buf = bytearray(RECORD_BYTES)
    nominal().encode(buf)
    assert Calibration().decode(buf, RECORD_BYTES - 1) == calibration.BAD_LENGTH
    buf[0] = 2
    assert Calibration().decode(buf, RECORD_BYTES) == calibration.BAD_SCHEMA


def exact_um(cal, steps):
    return cal.offset_um + Fraction(5, 4) * steps * Fraction(1_000_000 + cal.scale_ppm, 1_000_000)


@given(offsets, scales, spans)
def test_steps_are_the_deepest_that_do_not_exceed_the_request(offset_um, scale_ppm, distance_um):
    cal = nominal(offset_um=offset_um, scale_ppm=scale_ppm)
    extension_um = offset_um + distance_um
    steps = cal.steps_for(extension_um)
    assert exact_um(cal, steps) <= extension_um < exact_um(cal, steps + 1)
    assert extension_um - 1.3 < cal.extension_at_steps(steps) <= extension_um


@given(offsets, scales, spans)
def test_measurements_round_deeper_by_less_than_one_um(offset_um, scale_ppm, position):
    cal = nominal(offset_um=offset_um, scale_ppm=scale_ppm)
    assert cal.extension_at_steps(position) == ceil(exact_um(cal, position))
    exact = offset_um + Fraction(1000, 1024) * position * Fraction(1_000_000 + scale_ppm, 1_000_000)
    assert cal.extension_at_counts(position) == ceil(exact)


@given(offsets, scales, spans)
def test_steps_to_um_and_back_is_the_identity(offset_um, scale_ppm, steps):
    # One step is more than one um, so the um above the exact position leads back to the same step.
    cal = nominal(offset_um=offset_um, scale_ppm=scale_ppm)
    assert cal.steps_for(cal.extension_at_steps(steps)) == steps


@given(offsets, scales, spans)
def test_no_intermediate_leaves_31_bits(offset_um, scale_ppm, span):
    cal = nominal(offset_um=Small(offset_um), scale_ppm=Small(scale_ppm))
    cal.steps_for(Small(offset_um + span))
    cal.extension_at_steps(Small(span))
    cal.extension_at_counts(Small(span))


def test_nominal_figures():
    cal = nominal()
    assert cal.steps_for(-100) == 0
    assert cal.steps_for(900) == 800
    assert cal.extension_at_counts(1024) == 900
    assert floor(exact_um(cal, 2160)) == 2600


@pytest.mark.hazard("H14")
def test_overdue():
    cal = nominal(due_days=100, date_days=50)
    assert [cal.overdue(day) for day in (0, 99, 100, 101)] == [False, False, False, True]
    assert not nominal(due_days=0).overdue(9999)
