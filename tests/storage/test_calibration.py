"""Calibration: what is valid, what it converts to, and that no intermediate leaves 31 bits."""

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.space import shim

calibration = shim("calibration")
RECORD_BYTES = 34
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
    cal = calibration.Calibration()
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
    back = calibration.Calibration()
    assert back.decode(buf, RECORD_BYTES) == calibration.VALID
    assert vars(back) == vars(cal)


@pytest.mark.hazard("H14")
@pytest.mark.parametrize(
    ("field", "good", "bad", "reason"),
    [
        ("offset_um", (-460, 230), (-461, 231), calibration.BAD_OFFSET),
        ("scale_ppm", (-37000, 37000), (-37001, 37001), calibration.BAD_SCALE),
        ("backlash_um", (0, 60), (-1, 61), calibration.BAD_BACKLASH),
        ("travel_um", (1, 2600), (0, 2601), calibration.BAD_TRAVEL),
        ("due_days", (0, 9500, 0xFFFF), (9499, 0x10000, -1), calibration.BAD_DATES),
        ("date_days", (0, 9865), (9866, -1), calibration.BAD_DATES),
        ("gauge_id", (b"G", b"12345678", b" ", b"~"), (b"", b"123456789", b"a\x80", b"\x1f"), calibration.BAD_GAUGE),
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


def test_the_last_day_that_a_date_can_have():
    assert nominal(date_days=0xFFFF, due_days=0).validate() == calibration.VALID
    assert nominal(date_days=0xFFFF, due_days=0xFFFF).validate() == calibration.VALID
    assert nominal(date_days=0x10000, due_days=0).validate() == calibration.BAD_DATES


def test_every_reason_has_its_words():
    named = [value for name, value in vars(calibration).items() if name.startswith("BAD_")]
    assert sorted(named) == list(range(1, len(calibration.REASONS)))
    assert calibration.REASONS == (
        "valid", "record has the wrong length", "record of an unknown schema", "offset outside -460..230 um",
        "scale outside -37000..37000 ppm", "backlash outside 0..60 um", "travel outside 1..2600 um",
        "due date before the calibration date", "gauge id is not 1..8 printable ASCII characters",
        "technician is not 1..8 printable ASCII characters", "calibration id outside 1..65535",
    )  # fmt: skip


def test_without_a_record_nothing_is_set_and_nothing_is_valid():
    cal = calibration.Calibration()
    assert vars(cal) == {
        "offset_um": 0, "scale_ppm": 0, "backlash_um": 0, "travel_um": 0, "date_days": 0, "due_days": 0,
        "calibration_id": 0, "gauge_id": b"", "technician": b"", "way_um": 0,
    }  # fmt: skip
    assert cal.validate() == calibration.BAD_TRAVEL


def record(**changed):
    """The bytes of a record, put together by hand: 34 of them, little-endian, tags filled up with zeros."""
    values = {
        "schema": 1, "way": 0, "offset_um": -100, "scale_ppm": -15000, "backlash_um": 12, "travel_um": 2600,
        "date_days": 9500, "due_days": 9865, "calibration_id": 7, "gauge_id": b"DG-0815\0",
        "technician": b"MK" + bytes(6),
    } | changed  # fmt: skip
    parts = []
    for name, value in values.items():
        size = {"schema": 1, "way": 1, "scale_ppm": 4}.get(name, 2)
        parts.append(value if isinstance(value, bytes) else (value % 256**size).to_bytes(size, "little"))
    return b"".join(parts)


def test_the_record_byte_by_byte():
    buf = bytearray(b"\xaa" * 36)
    nominal(scale_ppm=-15000).encode(buf)
    assert bytes(buf) == record() + b"\xaa\xaa"
    assert (calibration.SCHEMA, calibration.RECORD_BYTES) == (1, RECORD_BYTES)


@pytest.mark.parametrize(("way_um", "byte", "read_um"), [
    (0, 0, 0), (5, 0, 0), (6, 1, 6), (803, 133, 798), (1530, 255, 1530), (4000, 255, 1530)])
def test_the_way_from_the_stop_is_kept_in_one_byte_and_never_longer_than_it_is(way_um, byte, read_um):
    buf = bytearray(34)
    nominal(scale_ppm=-15000, way_um=way_um).encode(buf)
    assert bytes(buf) == record(way=byte)
    cal = calibration.Calibration()
    assert cal.decode(buf, 34) == calibration.VALID and cal.way_um == read_um


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"schema": 0}, calibration.BAD_SCHEMA), ({"schema": 2}, calibration.BAD_SCHEMA),
        ({"offset_um": -461}, calibration.BAD_OFFSET), ({"offset_um": 231}, calibration.BAD_OFFSET),
        ({"scale_ppm": 37001}, calibration.BAD_SCALE), ({"backlash_um": 61}, calibration.BAD_BACKLASH),
        ({"travel_um": 0}, calibration.BAD_TRAVEL), ({"travel_um": 2601}, calibration.BAD_TRAVEL),
        ({"due_days": 9499}, calibration.BAD_DATES), ({"gauge_id": bytes(8)}, calibration.BAD_GAUGE),
        ({"technician": b"\nMK" + bytes(5)}, calibration.BAD_TECHNICIAN), ({"calibration_id": 0}, calibration.BAD_ID),
    ],
)  # fmt: skip
def test_a_record_that_may_not_be_used_changes_nothing(changed, reason):
    """Each is whole and has one value outside its range: not one field of it is taken."""
    cal = nominal(offset_um=50, gauge_id=b"other")
    before = dict(vars(cal))
    assert cal.decode(record(**changed), RECORD_BYTES) == reason
    assert vars(cal) == before


@pytest.mark.hazard("H13")
@given(st.binary(min_size=RECORD_BYTES, max_size=RECORD_BYTES), st.integers(0, 60))
def test_decode_never_yields_an_invalid_record(noise, length):
    cal = nominal()
    before = dict(vars(cal))
    if cal.decode(noise, length) == calibration.VALID:
        assert cal.validate() == calibration.VALID
    else:
        assert vars(cal) == before


@pytest.mark.parametrize(("size", "length"), [(34, 33), (34, 35), (35, 35), (33, 34), (0, 34), (34, 0), (34, -1)])
def test_a_record_of_another_length_is_refused(size, length):
    assert calibration.Calibration().decode((record() + b"\0")[:size], length) == calibration.BAD_LENGTH
    assert calibration.Calibration().decode(record() + b"\0", 34) == calibration.VALID


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


@pytest.mark.parametrize("scale_ppm", [-37000, -36999, -1, 0, 1, 8000, 36999, 37000])
def test_every_position_is_exact_to_the_um(scale_ppm):
    """Each microstep and each count of the range: the exact multiples are among them, on both sides of zero."""
    cal = nominal(offset_um=-100, scale_ppm=scale_ppm)
    screw = 1_000_000 + scale_ppm
    for at in range(-calibration.SPAN_MAX, calibration.SPAN_MAX + 1):
        assert cal.extension_at_steps(at) == -100 - (-at * 5 * screw) // 4_000_000
        assert cal.extension_at_counts(at) == -100 - (-at * 1000 * screw) // 1_024_000_000
        assert cal.steps_for(-100 + at) == at * 4_000_000 // (5 * screw)
    assert calibration.SPAN_MAX == 4500


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
    assert not nominal(due_days=100, date_days=50).overdue(0)  # today is not known
    assert nominal(due_days=1, date_days=1).overdue(2)



DUE = [
    # due, calibrated on, today, how it stands
    (0, 9000, 9999, calibration.DUE_LATER), (0, 9000, 0, calibration.DUE_LATER),
    (9400, 9000, 0, calibration.DUE_UNKNOWN), (9400, 9000, 8999, calibration.DUE_UNKNOWN),
    (9400, 9000, 9000, calibration.DUE_LATER), (9400, 9000, 9385, calibration.DUE_LATER),
    (9400, 9000, 9386, calibration.DUE_SOON), (9400, 9000, 9400, calibration.DUE_SOON),
    (9400, 9000, 9401, calibration.DUE_PAST), (9400, 9000, 0xFFFF, calibration.DUE_PAST),
    (9400, 9400, 9400, calibration.DUE_SOON), (9400, 0, 1, calibration.DUE_LATER),
    (100, 0, 0, calibration.DUE_UNKNOWN), (100, 0, 1, calibration.DUE_LATER),
]  # fmt: skip


@pytest.mark.hazard("H14")
@pytest.mark.parametrize("due_days, date_days, today_days, stands", DUE)
def test_how_the_due_date_stands(due_days, date_days, today_days, stands):
    found = calibration.Calibration()
    found.due_days, found.date_days = due_days, date_days
    assert found.due(today_days) == stands
    assert (stands == calibration.DUE_PAST) == (found.overdue(today_days) and today_days >= date_days)


@pytest.mark.hazard("H14")
@pytest.mark.parametrize("due_days, date_days, today_days, stands", DUE)
def test_a_day_that_is_only_a_bound_is_past_or_not_known(due_days, date_days, today_days, stands):
    """It is that day at least: later than the due date is later, and all else may be."""
    found = calibration.Calibration()
    found.due_days, found.date_days = due_days, date_days
    kept = stands in (calibration.DUE_PAST, calibration.DUE_UNKNOWN) or due_days == 0
    assert found.due(today_days, False) == (stands if kept else calibration.DUE_UNKNOWN)
