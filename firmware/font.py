"""The pen's own typeface: 5x7 glyphs for printable ASCII, made for a 6x8 cell.

A glyph is five columns, left to right; bit 1 is its top row, bit 7 its bottom one, and bit 0 is never set:
the gap between lines is on top. Every glyph differs from every other, also when one of them is inverted:
what stands on the screen can be read back exactly.
"""

from micropython import const

FIRST = const(32)
LAST = const(126)
COLUMNS = const(5)

GLYPHS = (
    b"\x00\x00\x00\x00\x00"  # space
    b"\x00\x00\xbe\x00\x00"  # !
    b"\x00\x06\x00\x06\x00"  # "
    b"\x28\xfe\x28\xfe\x28"  # #
    b"\x48\x54\xfe\x54\x24"  # $
    b"\x46\x26\x10\xc8\xc4"  # %
    b"\x6c\x92\xaa\x44\xa0"  # &
    b"\x00\x00\x06\x00\x00"  # '
    b"\x00\x38\x44\x82\x00"  # (
    b"\x00\x82\x44\x38\x00"  # )
    b"\x54\x38\x7c\x38\x54"  # *
    b"\x10\x10\x7c\x10\x10"  # +
    b"\x00\xe0\x60\x00\x00"  # ,
    b"\x10\x10\x10\x10\x10"  # -
    b"\x00\xc0\xc0\x00\x00"  # .
    b"\x40\x20\x10\x08\x04"  # /
    b"\x7c\xa2\x92\x8a\x7c"  # 0
    b"\x00\x84\xfe\x80\x00"  # 1
    b"\xc4\xa2\x92\x92\x8c"  # 2
    b"\x44\x82\x92\x92\x6c"  # 3
    b"\x30\x28\x24\xfe\x20"  # 4
    b"\x4e\x8a\x8a\x8a\x72"  # 5
    b"\x78\x94\x92\x92\x60"  # 6
    b"\x02\x02\xf2\x0a\x06"  # 7
    b"\x6c\x92\x92\x92\x6c"  # 8
    b"\x0c\x92\x92\x52\x3c"  # 9
    b"\x00\x6c\x6c\x00\x00"  # :
    b"\x00\xec\x6c\x00\x00"  # ;
    b"\x10\x28\x44\x82\x00"  # <
    b"\x28\x28\x28\x28\x28"  # =
    b"\x00\x82\x44\x28\x10"  # >
    b"\x04\x02\xa2\x12\x0c"  # ?
    b"\x7c\x82\xba\xaa\x3c"  # @
    b"\xfc\x12\x12\x12\xfc"  # A
    b"\xfe\x92\x92\x92\x6c"  # B
    b"\x7c\x82\x82\x82\x44"  # C
    b"\xfe\x82\x82\x82\x7c"  # D
    b"\xfe\x92\x92\x92\x82"  # E
    b"\xfe\x12\x12\x12\x02"  # F
    b"\x7c\x82\x92\x92\xf4"  # G
    b"\xfe\x10\x10\x10\xfe"  # H
    b"\x00\x82\xfe\x82\x00"  # I
    b"\x40\x80\x82\x7e\x02"  # J
    b"\xfe\x10\x28\x44\x82"  # K
    b"\xfe\x80\x80\x80\x80"  # L
    b"\xfe\x04\x18\x04\xfe"  # M
    b"\xfe\x0c\x10\x60\xfe"  # N
    b"\x7c\x82\x82\x82\x7c"  # O
    b"\xfe\x12\x12\x12\x0c"  # P
    b"\x7c\x82\xa2\x42\xbc"  # Q
    b"\xfe\x12\x32\x52\x8c"  # R
    b"\x8c\x92\x92\x92\x62"  # S
    b"\x02\x02\xfe\x02\x02"  # T
    b"\x7e\x80\x80\x80\x7e"  # U
    b"\x1e\x60\x80\x60\x1e"  # V
    b"\xfe\x40\x30\x40\xfe"  # W
    b"\xc6\x28\x10\x28\xc6"  # X
    b"\x06\x08\xf0\x08\x06"  # Y
    b"\xc2\xa2\x92\x8a\x86"  # Z
    b"\x00\xfe\x82\x82\x00"  # [
    b"\x04\x08\x10\x20\x40"  # backslash
    b"\x00\x82\x82\xfe\x00"  # ]
    b"\x08\x04\x02\x04\x08"  # ^
    b"\x80\x80\x80\x80\x80"  # _
    b"\x00\x02\x04\x00\x00"  # `
    b"\x40\xa8\xa8\xa8\xf0"  # a
    b"\xfe\x88\x88\x88\x70"  # b
    b"\x70\x88\x88\x88\x00"  # c
    b"\x70\x88\x88\x88\xfe"  # d
    b"\x70\xa8\xa8\xa8\x30"  # e
    b"\x08\xfc\x0a\x0a\x00"  # f
    b"\x10\xa8\xa8\xa8\x78"  # g
    b"\xfe\x08\x08\x08\xf0"  # h
    b"\x00\x88\xfa\x80\x00"  # i
    b"\x40\x80\x88\x7a\x00"  # j
    b"\xfe\x20\x50\x88\x00"  # k
    b"\x00\x7e\x80\x80\x00"  # l
    b"\xf8\x08\xf0\x08\xf0"  # m
    b"\xf8\x08\x08\x08\xf0"  # n
    b"\x70\x88\x88\x88\x70"  # o
    b"\xf8\x48\x48\x48\x30"  # p
    b"\x30\x48\x48\x48\xf8"  # q
    b"\xf8\x10\x08\x08\x10"  # r
    b"\x90\xa8\xa8\xa8\x48"  # s
    b"\x08\x7e\x88\x88\x40"  # t
    b"\x78\x80\x80\x80\xf8"  # u
    b"\x38\x40\x80\x40\x38"  # v
    b"\x78\x80\x60\x80\x78"  # w
    b"\x88\x50\x20\x50\x88"  # x
    b"\x18\xa0\xa0\xa0\x78"  # y
    b"\x88\xc8\xa8\x98\x88"  # z
    b"\x10\x10\x6c\x82\x82"  # {
    b"\x00\x00\xfe\x00\x00"  # |
    b"\x82\x82\x6c\x10\x10"  # }
    b"\x10\x08\x10\x20\x10"  # ~
)

_ZERO = const(48)
_LETTER_O = const(79)


def _column(code, column) -> int:
    """A column of a glyph, dark outside it. A large zero has the shape of O: no letters stand beside it."""
    if column < 0 or column >= COLUMNS:
        return 0
    return GLYPHS[((_LETTER_O if code == _ZERO else code) - FIRST) * COLUMNS + column]


def stretched(code, scale, band, x) -> int:
    """Pixel column `x` of a character 2 or 3 times as large (`scale`), as far as its `band`-th row of cells.

    Where two dots touch by a corner only, both corners between them are filled, so that slopes run smoothly.
    """
    here = _column(code, x // scale)
    beside = 0
    if x % scale == 0:
        beside = _column(code, x // scale - 1)
    elif x % scale == scale - 1:
        beside = _column(code, x // scale + 1)
    upper = ~here & beside & here << 1 & ~(beside << 1)
    lower = ~here & beside & here >> 1 & ~(beside >> 1)
    column = 0
    for y in range(8):
        if here >> y & 1:
            column |= ((1 << scale) - 1) << scale * y
        if upper >> y & 1:
            column |= 1 << scale * y
        if lower >> y & 1:
            column |= 1 << scale * y + scale - 1
    return column >> 8 * band & 0xFF


def _digits(scale):
    columns = bytearray(10 * 6 * scale * scale)  # at once: a list that grows would want 8 kB in one piece
    at = 0
    for digit in range(10):
        for band in range(scale):
            for x in range(6 * scale):
                columns[at] = stretched(_ZERO + digit, scale, band, x)
                at += 1
    return bytes(columns)


# The digits ready made, scale * scale cells of six columns each, row by row of cells
DIGITS_TWICE = _digits(2)
DIGITS_THRICE = _digits(3)
