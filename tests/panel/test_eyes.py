"""The reader of the glass: it says what is there, and says so when it cannot tell."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panel_rig import Picture
from PIL import Image

from sim import eyes


def page():
    picture = Picture()
    picture.text(0, 0, "Zone".ljust(21), True)
    picture.text(2, 1, "Upper lip")
    picture.rule(3, 0, 21, 4)
    picture.big(4, 2, "0.75", 3)
    picture.big(4, 13, "20", 2)
    return picture.pixels()


def test_reads_text_rules_highlights_and_large_digits():
    pixels = page()
    lines = eyes.read_lines(pixels)
    assert lines[0] == "Zone".ljust(21)
    assert lines[2] == " Upper lip".ljust(21)
    assert lines[3] == eyes.RULE * 21
    assert eyes.highlighted_rows(pixels) == [0]
    assert eyes.highlighted(pixels) == [(0, 0, "Zone".ljust(21))]
    assert eyes.read_big(pixels) == [(4, 2, 3, "0.75"), (4, 13, 2, "20")]


@given(st.integers(1, 7), st.integers(6, 59))
@settings(max_examples=60, deadline=None)
def test_one_wrong_pixel_in_a_word_is_seen(y, x):
    # y, x inside the cells of "Upper lip", columns 1 to 9
    pixels = page()
    pixels[16 + y, 1 + x] ^= 1
    line = eyes.read_lines(pixels)[2]
    assert line != " Upper lip".ljust(21)
    assert sum(a != b for a, b in zip(line, " Upper lip".ljust(21), strict=True)) == 1


def test_one_wrong_pixel_in_a_large_digit_is_seen():
    for y in range(32, 56):
        pixels = page()
        pixels[y, 40] ^= 1
        assert (4, 2, 3, "0.75") not in eyes.read_big(pixels)


def test_a_missing_border_is_seen():
    pixels = page()
    pixels[8, 30] = 0  # the row below the highlighted title
    assert eyes.UNKNOWN in eyes.read_lines(pixels)[1]


def test_text_on_the_wrong_place_does_not_read():
    pixels = np.roll(page(), 1, axis=1)
    assert "Upper" not in eyes.read_lines(pixels)[2]


def test_a_dark_glass_says_nothing():
    pixels = np.zeros((64, 128), np.uint8)
    assert eyes.read_lines(pixels) == [" " * 21] * 8
    assert eyes.read_big(pixels) == [] and eyes.highlighted(pixels) == []


LARGE = st.text(st.sampled_from("0123456789.-"), max_size=5)


@given(LARGE, st.sampled_from((2, 3)), st.integers(0, 5), st.integers(0, 6))
@settings(max_examples=80, deadline=None)
def test_large_digits_anywhere(text, scale, row, col):
    picture = Picture()
    picture.big(row, col, text, scale)
    found = eyes.read_big(picture.pixels())
    assert [big.text for big in found] == ([text] if any(char.isdigit() for char in text) else [])


def test_png_has_every_pixel_and_the_border():
    pixels = page()
    image = np.asarray(Image.open(io.BytesIO(eyes.to_png(pixels, scale=4, border=2))).convert("L"))
    assert image.shape == ((64 + 4) * 4, (128 + 4) * 4)
    inside = image[8:-8, 8:-8][::4, ::4]
    assert ((inside > 128) == pixels.astype(bool)).all()


def test_bad_arguments():
    with pytest.raises(ValueError, match="64 x 128"):
        eyes.read_lines(np.zeros((128, 64), np.uint8))
    with pytest.raises(ValueError, match="scale"):
        eyes.to_png(np.zeros((64, 128), np.uint8), scale=0)
    with pytest.raises(ValueError, match="no glyph"):
        eyes.cell("µ")
