"""The screen from drawing calls to lit pixels: text, numbers, large digits, bars, and how little goes out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panel_rig import Picture, Rig

from sim import eyes

PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
CHUNK_ON_WIRE = 24  # address, three commands with their control bytes, the data's control byte, 16 data bytes


@st.composite
def texts(draw):
    row, col = draw(st.integers(0, 7)), draw(st.integers(0, 20))
    return row, col, draw(st.text(PRINTABLE, max_size=21 - col)), draw(st.booleans())


@st.composite
def rules(draw):
    row, col = draw(st.integers(0, 7)), draw(st.integers(0, 20))
    return row, col, draw(st.integers(1, 21 - col)), draw(st.integers(1, 7))


@st.composite
def bars(draw):
    row, col = draw(st.integers(0, 7)), draw(st.integers(0, 19))
    return row, col, draw(st.integers(2, 21 - col)), draw(st.integers(0, 1200)), draw(st.integers(1, 1000))


@st.composite
def large_texts(draw):
    scale = draw(st.sampled_from((2, 3)))
    row, col = draw(st.integers(0, 8 - scale)), draw(st.integers(0, 21 - scale))
    string = draw(st.text(st.sampled_from("0123456789.-+%#AVz "), max_size=(21 - col) // scale))
    return row, col, string, scale


DRAWINGS = st.one_of(
    st.tuples(st.just("text"), texts()),
    st.tuples(st.just("rule"), rules()),
    st.tuples(st.just("bar"), bars()),
    st.tuples(st.just("big"), large_texts()),
)


def draw_both(screen, picture, kind, arguments):
    getattr(screen, {"big": "big_text"}.get(kind, kind))(*arguments)
    getattr(picture, kind)(*arguments)


def chunks_that_differ(before, after):
    different = (before != after).reshape(8, 8, 8, 16).any(axis=(1, 3))
    return int(different.sum())


def differing_lines(rig, texts_by_row):
    expected = [texts_by_row.get(row, "").ljust(21) for row in range(8)]
    return [pair for pair in zip(rig.lines(), expected, strict=True) if pair[0] != pair[1]]


# ---- reading back ----


@given(st.dictionaries(st.integers(0, 7), st.text(PRINTABLE, max_size=21)), st.sets(st.integers(0, 7)))
@settings(max_examples=60, deadline=None)
def test_any_text_reads_back_highlighted_or_not(rows, lit):
    rig = Rig()
    for row, string in rows.items():
        rig.screen.line(row, string, row in lit)
    assert differing_lines(rig, rows) == []
    assert eyes.highlighted_rows(rig.part.pixels()) == sorted(lit & set(rows))


@given(st.lists(DRAWINGS, max_size=25), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_any_order_of_drawing_gives_the_picture_it_should(drawings, steps):
    rig, picture = Rig(), Picture()
    for kind, arguments in drawings:
        draw_both(rig.screen, picture, kind, arguments)
        if steps:
            rig.screen.flush_step(steps)
    np.testing.assert_array_equal(rig.pixels(), picture.pixels())


def test_clear_leaves_nothing():
    rig = Rig()
    rig.screen.line(0, "FAULT", True)
    rig.screen.big_text(2, 0, "1.25", 3)
    rig.screen.bar(6, 0, 21, 1, 2)
    rig.screen.rule(7)
    assert rig.pixels().any()
    rig.screen.clear()
    assert not rig.pixels().any()


def test_a_highlight_has_a_border_on_every_side():
    rig = Rig()
    rig.screen.line(3, "Forehead", True)
    pixels = rig.pixels()
    assert pixels[24].all() and pixels[32].all() and pixels[24:33, 0].all() and pixels[24:33, 127].all()
    assert not pixels[23].any() and not pixels[33].any()


def test_part_of_a_row_can_be_highlighted():
    rig = Rig()
    rig.screen.text(2, 0, "Depth")
    rig.screen.text(2, 8, " 0.50 ", True)
    assert eyes.highlighted(rig.pixels()) == [(2, 8, " 0.50 ")]
    assert rig.lines()[2] == "Depth    0.50".ljust(21)


@pytest.mark.parametrize(
    ("left", "right", "row"),
    [
        ("Zone", "2/13", "Zone " + eyes.RULE * 11 + " 2/13"),
        ("Zone", "", "Zone " + eyes.RULE * 16),
        ("Does this apply", "10/11", "Does this apply 10/11"),
        ("Does this apply", "1/11", "Does this apply  1/11"),
        ("Does this apply", "", "Does this apply " + eyes.RULE * 5),
    ],
)
def test_a_heading_fills_the_top_row(left, right, row):
    rig = Rig()
    rig.screen.line(0, "X" * 21, True)
    rig.screen.heading(left, right)
    assert rig.lines()[0] == row


def test_a_heading_too_long_is_an_error():
    with pytest.raises(ValueError):
        Rig().screen.heading("Does this apply?", "10/11")


# ---- numbers ----


def spelled(value, width, decimals):
    digits = str(abs(value)).rjust(decimals + 1, "0")
    if decimals:
        digits = digits[:-decimals] + "." + digits[-decimals:]
    text = ("-" if value < 0 else "") + digits
    if len(text) <= width:
        return text.rjust(width)
    return "#" * width


@given(st.integers(-(2**30), 2**30 - 1) | st.integers(-2000, 2000), st.integers(1, 12), st.integers(0, 4))
@settings(max_examples=200, deadline=None)
def test_numbers_are_spelled_in_full_or_not_at_all(value, width, decimals):
    if decimals and width < decimals + 2:
        width = decimals + 2
    rig = Rig(settled=False)
    rig.screen.number(4, 3, value, width, decimals)
    assert rig.lines()[4] == (" " * 3 + spelled(value, width, decimals)).ljust(21)


@given(st.integers(-300, 3000), st.sampled_from((2, 3)), st.integers(0, 1), st.integers(0, 2))
@settings(max_examples=60, deadline=None)
def test_a_large_depth_reads_as_it_is(value, scale, row, col):
    rig = Rig(settled=False)
    rig.screen.big_number(row, col, value, 5, 2, scale)
    text = spelled(value, 5, 2)
    assert [big.text for big in eyes.read_big(rig.pixels())] == [text.strip()]
    found = eyes.read_big(rig.part.pixels())[0]
    assert (found.row, found.scale) == (row, scale)
    assert found.col == col + scale * (5 - len(text.strip()))


def test_a_large_number_without_room_shows_no_digit():
    rig = Rig()
    rig.screen.big_number(0, 0, 12345, 4, 2, 3)
    (big,) = eyes.read_big(rig.pixels())
    assert set(big.text) <= {"#", "."}


@pytest.mark.parametrize("depth_um", range(0, 2501, 250))
def test_every_depth_setting_in_large_digits(depth_um):
    rig = Rig()
    rig.screen.line(1, "Forehead", True)
    rig.screen.big_number(2, 0, depth_um // 10, 4, 2, 3)
    rig.screen.text(4, 10, "mm")
    assert eyes.read_big(rig.pixels())[0] == (2, 0, 3, f"{depth_um / 1000:.2f}")


# ---- bad input ----


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.text(8, 0, "x"),
        lambda s: s.text(-1, 0, "x"),
        lambda s: s.text(0, 21, "x"),
        lambda s: s.text(0, -1, "x"),
        lambda s: s.text(0, 1, "x" * 21),
        lambda s: s.line(0, "x" * 22),
        lambda s: s.number(0, 18, 1, 4),
        lambda s: s.number(0, 0, 1, 0),
        lambda s: s.number(0, 0, 1, 3, 2),
        lambda s: s.number(0, 0, 1, 3, -1),
        lambda s: s.big_text(6, 0, "1", 3),
        lambda s: s.big_text(0, 19, "1", 3),
        lambda s: s.big_text(0, 0, "1", 4),
        lambda s: s.big_number(0, 12, 100, 4, 2, 3),
        lambda s: s.rule(0, 0, 21, 0),
        lambda s: s.rule(0, 0, 21, 8),
        lambda s: s.rule(0, 1, 21),
        lambda s: s.bar(0, 0, 1, 0, 1),
        lambda s: s.bar(0, 0, 4, -1, 1),
        lambda s: s.bar(0, 0, 4, 0, 0),
    ],
)
def test_bad_input_is_an_error_and_draws_nothing(call):
    rig = Rig()
    with pytest.raises(ValueError):
        call(rig.screen)
    assert rig.screen.pending() == 0


@pytest.mark.parametrize("string", ["µ", "\n", "\x7f", "a\x1f"])
def test_a_character_without_a_glyph_is_an_error(string):
    rig = Rig()
    with pytest.raises(ValueError, match="no glyph"):
        rig.screen.text(0, 0, string)
    with pytest.raises(ValueError, match="no glyph"):
        rig.screen.big_text(0, 0, string)


# ---- the bus ----


@given(st.lists(DRAWINGS, max_size=8), st.lists(DRAWINGS, max_size=4))
@settings(max_examples=80, deadline=None)
def test_only_chunks_that_look_different_go_out(first, second):
    rig, picture = Rig(), Picture()
    for kind, arguments in first:
        draw_both(rig.screen, picture, kind, arguments)
    before = rig.pixels()
    for kind, arguments in second:
        draw_both(rig.screen, picture, kind, arguments)
    expected = chunks_that_differ(before, picture.pixels())
    assert rig.screen.pending() == expected
    assert rig.settle() == [CHUNK_ON_WIRE] * expected


@given(st.lists(DRAWINGS, min_size=1, max_size=1))
@settings(max_examples=60, deadline=None)
def test_the_same_again_leaves_nothing_to_send(drawings):
    rig = Rig()
    for _ in range(2):
        for kind, arguments in drawings:
            draw_both(rig.screen, Picture(), kind, arguments)
        sent = rig.settle()
    assert sent == []
    assert rig.screen.flush_step(1) is False


def test_a_page_redrawn_from_scratch_sends_only_what_changed():
    rig = Rig()

    def page(depth):
        rig.screen.clear()
        rig.screen.line(0, " Forehead", True)
        rig.screen.big_number(2, 0, depth, 4, 2, 3)

    page(125)
    rig.settle()
    page(125)
    assert rig.settle() == []
    page(126)
    # the last digit, 18 pixels from x = 43, is in chunks 2 and 3 of three pages
    assert len(rig.settle()) <= 6


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_step_sends_no_more_than_it_may(most):
    rig = Rig()
    for row in range(8):
        rig.screen.line(row, "X" * 21)
    left = True
    while left:
        before = len(rig.bus.lengths)
        left = rig.screen.flush_step(most)
        assert len(rig.bus.lengths) - before <= most
    assert rig.lines() == ["X" * 21] * 8


def test_a_step_without_allowance_sends_nothing():
    rig = Rig()
    rig.screen.text(0, 0, "x")
    before = len(rig.bus.lengths)
    assert rig.screen.flush_step(0) is True
    assert len(rig.bus.lengths) == before


def test_a_busy_corner_does_not_starve_the_rest():
    rig = Rig()
    rig.screen.line(7, "Release the trigger")
    for count in range(64):
        rig.screen.big_number(0, 0, count, 4, 2, 3)
        rig.screen.flush_step(1)
    assert eyes.read_lines(rig.part.pixels())[7].strip() == "Release the trigger"


# ---- the display comes and goes ----


def test_noise_of_power_on_is_never_seen():
    rig = Rig(settled=False)
    rig.screen.text(3, 3, "Microneedling")
    left = True
    while left:
        assert not rig.part.pixels().any()
        left = rig.screen.flush_step(1)
    assert eyes.read_lines(rig.part.pixels())[3].strip() == "Microneedling"


def test_an_absent_display_is_no_error_and_little_traffic():
    rig = Rig(settled=False)
    rig.part.fault = "absent"
    for _ in range(640):
        assert rig.screen.flush_step(4) is True
    assert len(rig.bus.lengths) == rig.driver.errors == 10 * 3
    assert not rig.driver.ready


def test_a_display_that_comes_back_gets_everything():
    rig = Rig()
    rig.screen.line(2, "before", True)
    rig.settle()
    rig.part.cut()
    rig.screen.line(5, "meanwhile")
    assert rig.screen.flush_step(1) is True
    rig.part.power_on()
    assert differing_lines(rig, {2: "before", 5: "meanwhile"}) == []


def test_refresh_repairs_a_display_that_lost_its_supply_unnoticed():
    rig = Rig()
    rig.screen.line(2, "still here")
    rig.settle()
    rig.part.cut()
    rig.part.power_on()
    assert not rig.pixels().any()
    rig.screen.refresh()
    assert not rig.part.shows  # its memory holds noise
    assert differing_lines(rig, {2: "still here"}) == []


def test_refresh_repairs_registers_and_memory_of_a_display_that_is_lit_page_by_page():
    rig = Rig()
    rig.screen.line(2, "still here")
    rig.settle()
    rig.part.write(b"\x00\xa7\x81\x00\xd3\x08", 0)  # inverse, dark, rolled
    rig.part._ram[:] ^= 0x10
    for _ in range(8):
        rig.screen.refresh()
        assert rig.part.shows
        sent = rig.settle()
        assert len(sent) == 8 + 1  # a page, and the command that switches it on
    assert differing_lines(rig, {2: "still here"}) == []
    assert rig.part.contrast == 0x9F


def test_a_screen_that_takes_longer_than_the_time_between_refreshes_is_lit_all_the_same():
    rig = Rig(settled=False)
    rig.screen.line(2, "still here")
    for _ in range(4):
        for _ in range(20):
            rig.screen.flush_step(1)
        rig.screen.refresh()
    assert rig.part.shows
    assert differing_lines(rig, {2: "still here"}) == []


def test_refresh_leaves_a_silent_display_to_its_next_turn():
    rig = Rig()
    rig.part.fault = "absent"
    rig.screen.refresh()
    errors = rig.driver.errors
    assert errors and not rig.driver.ready
    rig.screen.refresh()
    assert rig.driver.errors == errors
