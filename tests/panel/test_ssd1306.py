"""The simulated display controller against its datasheet, byte by byte, and the driver's use of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panel_rig import Bus

from drivers.ssd1306 import Ssd1306 as Driver
from sim.parts.ssd1306 import Ssd1306

UPRIGHT = (0xA1, 0xC8)


def commands(part, *sent):
    assert part.write(bytes((0x00, *sent)), 0)


def data(part, *sent):
    assert part.write(bytes((0x40, *sent)), 0)


@pytest.fixture
def part():
    """Lit, upright, and every pixel dark."""
    part = Ssd1306()
    commands(part, 0x8D, 0x14, *UPRIGHT, 0x20, 0x00, 0x21, 0, 127, 0x22, 0, 7)
    data(part, *bytes(1024))
    commands(part, 0xAF)
    return part


def lit(part):
    return sorted((int(y), int(x)) for y, x in np.argwhere(part.pixels()))


# ---- where a byte goes ----


def test_bit_0_is_the_top_row_of_a_page(part):
    commands(part, 0x20, 0x02, 0xB3, 0x05, 0x11)
    data(part, 0x81)
    assert lit(part) == [(24, 21), (31, 21)]


def test_page_addressing_stays_on_its_page(part):
    commands(part, 0x20, 0x02, 0xB2, 0x0E, 0x17)
    data(part, 1, 1, 1)
    assert lit(part) == [(16, 126), (16, 126 + 1)]  # the third went back to the start column, over the first


def test_horizontal_addressing_fills_a_window_row_by_row(part):
    commands(part, 0x20, 0x00, 0x21, 10, 11, 0x22, 2, 3)
    data(part, 1, 2, 4, 8, 16)
    assert lit(part) == [(17, 11), (20, 10), (26, 10), (27, 11)]  # the fifth overwrote the first


def test_vertical_addressing_fills_a_window_column_by_column(part):
    commands(part, 0x20, 0x01, 0x21, 10, 11, 0x22, 2, 3)
    data(part, 1, 2, 4, 8)
    assert lit(part) == [(16, 10), (18, 11), (25, 10), (27, 11)]


def test_a_command_may_come_in_pieces_and_between_control_bytes(part):
    commands(part, 0x20)
    commands(part, 0x02)
    assert part.write(bytes((0x80, 0xB1, 0x80, 0x03, 0x80, 0x10, 0xC0, 0x01, 0x40, 0x02)), 0)
    assert lit(part) == [(8, 3), (9, 4)]
    assert part.protocol_errors == []


# ---- what the glass shows ----


def draw_corner(part):
    commands(part, 0x20, 0x02, 0xB0, 0x00, 0x10)
    data(part, 0x03)


@pytest.mark.parametrize(
    ("remap", "place"),
    [
        ((0xA1, 0xC8), [(0, 0), (1, 0)]),
        ((0xA0, 0xC8), [(0, 127), (1, 127)]),
        ((0xA1, 0xC0), [(62, 0), (63, 0)]),
        ((0xA0, 0xC0), [(62, 127), (63, 127)]),
    ],
)
def test_remap_mirrors(part, remap, place):
    commands(part, *remap)
    draw_corner(part)
    assert lit(part) == place


def test_segment_remap_leaves_stored_columns_where_they_are(part):
    draw_corner(part)
    commands(part, 0xA0)
    assert lit(part) == [(0, 0), (1, 0)]


def test_start_line_and_offset_roll_the_picture(part):
    draw_corner(part)
    commands(part, 0x41)
    assert lit(part) == [(0, 0), (63, 0)]
    commands(part, 0x40, 0xD3, 8)
    assert part.pixels().sum() == 2 and lit(part) != [(0, 0), (1, 0)]


def test_fewer_rows_leave_the_rest_dark(part):
    commands(part, 0xA5, 0xA8, 31)
    assert part.pixels().sum() == 32 * 128


def test_inverse_and_all_lit(part):
    draw_corner(part)
    commands(part, 0xA7)
    assert part.pixels().sum() == 64 * 128 - 2
    commands(part, 0xA6, 0xA5)
    assert part.pixels().all()
    commands(part, 0xA4)
    assert lit(part) == [(0, 0), (1, 0)]


def test_off_is_dark_and_keeps_the_picture(part):
    draw_corner(part)
    commands(part, 0xAE)
    assert lit(part) == []
    assert part.read(1, 0) == b"\x40"
    commands(part, 0xAF)
    assert lit(part) == [(0, 0), (1, 0)]
    assert part.read(2, 0) == b"\x00\x00"


def test_without_the_charge_pump_nothing_is_lit():
    part = Ssd1306()
    commands(part, 0xA5, 0xAF)
    assert lit(part) == []


def test_the_charge_pump_starts_when_the_display_is_switched_on():
    part = Ssd1306()
    commands(part, 0xA5, 0xAF)
    commands(part, 0x8D, 0x14)
    assert lit(part) == []
    commands(part, 0xAF)
    assert part.shows and part.protocol_errors == []


def test_contrast_is_kept(part):
    commands(part, 0x81, 0x30)
    assert part.contrast == 0x30


def test_power_on_brings_noise_and_reset_values(part):
    part.cut()
    assert part.write(b"\x00\xaf", 0) is False
    assert lit(part) == []
    part.power_on()
    assert lit(part) == [] and part.contrast == 0x7F
    commands(part, 0x8D, 0x14, 0xAF)
    assert 1000 < part.pixels().sum() < 7000


# ---- what is wrong is told ----


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\xe4",  # no such command
        b"\x00\x2f",  # scrolling is not modelled
        b"\x01\xaf",  # control byte with low bits
        b"\x80",  # a control byte announcing nothing
        b"\x00\x20\x03",  # no such addressing mode
        b"\x00\xa8\x05",  # fewer than 16 rows
        b"\x00\x21\x20\x10",  # first column after the last
        b"\x00\x22\x05\x02",
        b"\x00\xda\x02",  # COM pins this glass has not
        b"\x00\x8d\x10",  # charge pump switched under a lit panel
        b"\x00\xb1",  # a page address while addressing horizontally
        b"\x80\x81\x40\x10",  # data where an argument is due
    ],
)
def test_misuse_is_recorded(part, sent):
    assert part.write(sent, 0)
    assert len(part.protocol_errors) == 1


def test_faults_are_named():
    part = Ssd1306()
    with pytest.raises(ValueError, match="unknown SSD1306 fault"):
        part.fault = "tired"
    with pytest.raises(ValueError):
        Ssd1306(0x3B)


# ---- the driver ----


def test_the_driver_sets_up_without_a_protocol_error_and_stays_dark():
    part = Ssd1306()
    driver = Driver(Bus(part))
    assert driver.begin() and driver.ready and not driver.lit
    assert not part.shows
    assert driver.light() and driver.lit
    assert part.shows and part.protocol_errors == []


@given(st.integers(0, 7), st.integers(0, 112), st.binary(min_size=16, max_size=16))
@settings(max_examples=60, deadline=None)
def test_a_window_lands_where_it_should(page, column, content):
    part = Ssd1306()
    driver = Driver(Bus(part))
    driver.begin()
    driver.light()
    before = part.pixels()
    assert driver.write(page, column, content)
    expected = before.copy()
    bits = np.frombuffer(content, np.uint8)
    for y in range(8):
        expected[8 * page + y, column : column + 16] = bits >> y & 1
    np.testing.assert_array_equal(part.pixels(), expected)
    assert part.data_bytes == 16 and part.protocol_errors == []


@pytest.mark.parametrize(
    ("page", "column", "size"), [(8, 0, 16), (-1, 0, 16), (0, 113, 16), (0, -1, 16), (0, 0, 15)]
)
def test_a_window_off_the_page_is_an_error(page, column, size):
    driver = Driver(Bus(Ssd1306()))
    driver.begin()
    with pytest.raises(ValueError, match="window"):
        driver.write(page, column, bytes(size))


def test_silence_is_reported_and_ends_the_traffic():
    part = Ssd1306()
    bus = Bus(part)
    driver = Driver(bus)
    driver.begin()
    part.fault = "absent"
    assert driver.write(0, 0, bytes(16)) is False
    assert not driver.ready and driver.errors == 3
    assert driver.write(0, 0, bytes(16)) is False and driver.light() is False
    assert len(bus.lengths) == 1 + 3
    part.fault = ""
    assert driver.begin() and driver.write(0, 0, bytes(16))


def test_a_transfer_that_is_not_acknowledged_is_sent_again_and_one_on_a_held_bus_is_not():
    part = Ssd1306()
    bus = Bus(part)
    driver = Driver(bus)
    driver.begin()
    bus.losing = 2
    assert driver.write(0, 0, bytes(16)) and driver.ready and driver.errors == 2
    bus.losing = 3
    assert not driver.write(0, 0, bytes(16)) and not driver.ready
    sent = len(bus.lengths)
    bus.held = True
    assert not driver.begin() and len(bus.lengths) == sent + 1


def test_a_held_bus_is_freed_where_that_may_be_done():
    part = Ssd1306()
    bus = Bus(part)
    bus.held = True
    assert not Driver(bus).begin()
    assert not Driver(bus, free=lambda: False).begin()
    assert Driver(bus, free=bus.free).begin() and bus.freed == 1


def test_a_panel_that_is_set_up_again_stays_lit_unless_it_is_to_be_dark():
    part = Ssd1306()
    driver = Driver(Bus(part))
    driver.begin()
    driver.light()
    assert not driver.is_off()
    assert driver.begin(False) and part.shows
    assert driver.begin() and not part.shows and driver.is_off()
    part.fault = "absent"
    assert not driver.is_off()


def test_the_other_address():
    part = Ssd1306(0x3D)
    assert Driver(Bus(part), 0x3D).begin()
    assert not Driver(Bus(part)).begin()
    with pytest.raises(ValueError, match="address"):
        Driver(Bus(part), 0x3E)
