"""The typeface: complete, inside its cell, and no two glyphs alike, inverted or not."""

from itertools import combinations

import pytest

import font
from sim import eyes

CODES = range(font.FIRST, font.LAST + 1)


def glyph(code):
    at = (code - font.FIRST) * font.COLUMNS
    return font.GLYPHS[at : at + font.COLUMNS]


def test_every_printable_character_has_a_glyph():
    assert (font.FIRST, font.LAST) == (32, 126)
    assert len(font.GLYPHS) == len(CODES) * font.COLUMNS


def test_no_glyph_reaches_into_the_gap_on_top():
    assert all(column & 1 == 0 for column in font.GLYPHS)


def test_only_the_space_is_empty():
    assert [chr(code) for code in CODES if not any(glyph(code))] == [" "]


def test_glyphs_differ_also_when_inverted():
    plain = [glyph(code) for code in CODES]
    inverted = [bytes(column ^ 0xFF for column in columns) for columns in plain]
    assert len(set(plain + inverted)) == 2 * len(plain)


def test_letters_and_digits_differ_by_more_than_a_speck():
    # One dot of 0.17 mm is little at reading distance, and a dead one must not make another letter.
    images = {chr(code): eyes.cell(chr(code)) for code in CODES if chr(code).isalnum()}
    near = [(a, b) for a, b in combinations(images, 2) if int((images[a] != images[b]).sum()) < 2]
    assert near == []


@pytest.mark.parametrize("scale", [2, 3])
def test_large_digits_differ(scale):
    images = {eyes.large(char, scale).tobytes() for char in "0123456789-.#+%"}
    assert len(images) == 15
