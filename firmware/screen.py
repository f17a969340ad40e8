"""What the panel shows: 21x8 cells of text, large digits, lines and bars, drawn into a frame.

Invariants: drawing never touches the bus; a cell is drawn only when its content changes. Nothing here
allocates after construction when given ready strings. A place off the screen or a character without a glyph
is a ValueError.

A cell is 6x8 pixels, the first column of cells at x = 1; glyphs leave the cell's top row and last column
dark. A highlighted cell is inverted and lights the top row of the cell below it, so that its text has a
border on every side (but on the screen's last row, which has nothing below).
"""

# A buffer is what viper's pointers take.
# pyright: reportArgumentType=false

import micropython
from font import COLUMNS as GLYPH_COLUMNS
from font import DIGITS_THRICE, DIGITS_TWICE, FIRST, GLYPHS, LAST, stretched
from frame import Frame
from micropython import const

COLS = const(21)
ROWS = const(8)
_WIDTH = const(128)

# What a cell holds: the code of a character, with _INVERTED or not, or one of these
_DRAWING = const(0)
_PART = const(1)  # ..9: a piece of a large character, which `_large` names; three to a row of cells
_LOWER = const(4)  # ..9: pieces that need the top row of their cell themselves
_LOWER_LAST = const(9)
_RULE = const(16)  # plus 1..7: a horizontal line in that row of the cell
_INVERTED = const(0x80)
_TRIPLE = const(0x80)

_BLANK = const(32)
_MINUS = const(45)
_POINT = const(46)
_ZERO = const(48)
_HASH = const(35)

# Indexing a string makes a one-character string, which costs nothing only if MicroPython knows it already.
for _code in range(FIRST, LAST + 1):
    chr(_code)

# The chunks that the cells of each column reach into, a bit a chunk
_CHUNKS_OF = bytes([1 << ((1 + 6 * col) >> 4) | 1 << ((6 + 6 * col) >> 4) for col in range(COLS)])


class Screen(Frame):
    """Draw with text, line, heading, number, big_text, big_number, rule, bar, clear; send with `flush_step`.

    Rows are 0..7 from the top, columns 0..20 from the left. `display` is what `Frame` takes.
    """

    def __init__(self, display):
        super().__init__(display)
        self._cells = bytearray([_BLANK] * (COLS * ROWS))
        self._large = bytearray(COLS * ROWS)
        self._number = bytearray(COLS)  # characters of the number being written

    # ---- text ----

    def clear(self):
        """Blank every cell."""
        for row in range(ROWS):
            for col in range(COLS):
                self._cell(row, col, _BLANK)

    def text(self, row: int, col: int, string: str, invert: bool = False):
        """Write `string` from a cell on; the rest of the row stays. `invert` highlights it."""
        size = len(string)
        _check(row, col, 1, size)
        look = _INVERTED if invert else 0
        for i in range(size):
            self._cell(row, col + i, _code_of(string[i]) | look)

    def line(self, row: int, string: str, invert: bool = False):
        """Write a whole row: `string` from the left, blanks after it. `invert` highlights all of it."""
        self.text(row, 0, string, invert)
        look = _BLANK | _INVERTED if invert else _BLANK
        for col in range(len(string), COLS):
            self._cell(row, col, look)

    def heading(self, left: str, right: str = ""):
        """Write the top row as a title: `left`, a line through what is free, `right`."""
        used = len(left) + 1
        until = COLS - len(right)
        _check(0, 0, 1, used + len(right))
        self.text(0, 0, left)
        self._cell(0, used - 1, _BLANK)
        self.text(0, until, right)
        if right and until > used:
            until -= 1
            self._cell(0, until, _BLANK)
        for col in range(used, until):
            self._cell(0, col, _RULE + 4)

    def number(self, row: int, col: int, value: int, width: int, decimals: int = 0, invert: bool = False):
        """Write an integer right-aligned in `width` cells, a point before its last `decimals` digits.

        number(0, 0, 125, 5, 2) shows " 1.25". A value with no room shows "#" in every cell: a number is never
        cut. `value` is within 30 bits and sign.
        """
        _check(row, col, 1, width)
        self._spell(value, width, decimals)
        look = _INVERTED if invert else 0
        for i in range(width):
            self._cell(row, col + i, self._number[i] | look)

    # ---- large digits ----

    def big_text(self, row: int, col: int, string: str, scale: int = 2):
        """Write characters 2 or 3 times as large, `scale` x `scale` cells each; a point is one cell wide."""
        size = len(string)
        wide = 0
        for i in range(size):
            wide += 1 if _code_of(string[i]) == _POINT else scale
        _check_scale(scale)
        _check(row, col, scale, wide)
        for i in range(size):
            col += self._big(row, col, _code_of(string[i]), scale)

    def big_number(self, row: int, col: int, value: int, width: int, decimals: int = 0, scale: int = 2):
        """Like `number` in large digits; `width` counts characters, the point among them."""
        _check_scale(scale)
        _check(row, col, scale, width * scale - (scale - 1 if decimals else 0))
        self._spell(value, width, decimals)
        for i in range(width):
            # "#" in the place of the point keeps the point's width: what stands to the right never moves.
            narrow = decimals and i == width - 1 - decimals
            col += self._big(row, col, _POINT if narrow else self._number[i], scale)

    # ---- lines and bars ----

    def rule(self, row: int, col: int = 0, cells: int = COLS, y: int = 4):
        """Draw a horizontal line through `cells` cells, in their pixel row `y` (1..7)."""
        _check(row, col, 1, cells)
        if y < 1 or y > 7:
            raise ValueError(f"rule at pixel row {y}")
        for i in range(cells):
            self._cell(row, col + i, _RULE + y)

    def bar(self, row: int, col: int, cells: int, value: int, maximum: int):
        """Draw a frame of `cells` (2 or more) cells, filled to value / maximum; more than full is full.

        0 <= value, 1 <= maximum, and 126 * maximum within 30 bits.
        """
        _check(row, col, 1, cells)
        if cells < 2 or value < 0 or maximum < 1:
            raise ValueError(f"bar of {cells} cells, {value} of {maximum}")
        last = 6 * cells - 2  # the gap after the last cell stays dark, as it does after text
        full = last - 3
        filled = full * min(value, maximum) // maximum
        for i in range(cells):
            self._claim(row, col + i, _DRAWING, 0)
            edge = self._edge_of(row, col + i)
            at = row * _WIDTH + 6 * (col + i) + 1
            for n in range(6):
                x = 6 * i + n
                byte = 0x82
                if x > last:
                    byte = 0
                elif x == 0 or x == last:
                    byte = 0x7C
                elif 2 <= x < 2 + filled:
                    byte = 0xBA
                self._frame[at + n] = byte | edge
            self._touched(row, col + i, edge)

    # ---- inside ----

    def _cell(self, row, col, look):
        """Draw a character or a rule, unless the cell shows it already."""
        if self._cells[row * COLS + col] != look:
            self._claim(row, col, look, 0)
            look |= 0xFF00 if look & _INVERTED else self._edge_of(row, col) << 8
            look = _paint(self._frame, row, col, look)
            self._touched(row, col, look)

    def _claim(self, row, col, look, large):
        """Note what a cell will hold, and light or drop its highlight's edge in the cell below."""
        cell = row * COLS + col
        if (self._cells[cell] ^ look) & _INVERTED:
            self._edge_below(cell, look & _INVERTED)
        self._cells[cell] = look
        self._large[cell] = large

    def _edge_below(self, cell, lit):
        """This cell is highlighted now, or no longer."""
        cell += COLS
        if cell < COLS * ROWS:
            look = self._cells[cell]
            if not look & _INVERTED and not _LOWER <= look <= _LOWER_LAST:
                self._draw_edge(cell // COLS, cell % COLS, lit)

    def _edge_of(self, row, col) -> int:
        """The bit of a cell's top row when a highlight above reaches into it."""
        return 1 if row > 0 and self._cells[(row - 1) * COLS + col] & _INVERTED else 0

    def _draw_edge(self, row, col, lit):
        frame = self._frame
        at = row * _WIDTH + 6 * col + 1
        for i in range(at, at + 6):
            frame[i] = frame[i] | 1 if lit else frame[i] & 0xFE
        self._touched(row, col, frame[at + GLYPH_COLUMNS])

    def _touched(self, row, col, margin):
        """Mark a drawn cell for sending; the screen's first and last pixel column go with the cell beside."""
        self._dirty[row] |= _CHUNKS_OF[col]
        if col == 0:
            self._frame[row * _WIDTH] = margin
        elif col == COLS - 1:
            self._frame[row * _WIDTH + _WIDTH - 1] = margin

    def _big(self, row, col, code, scale) -> int:
        """Draw one large character; how many cells wide it is."""
        wide = 1 if code == _POINT else scale
        large = code | _TRIPLE if scale == 3 else code
        for band in range(scale):
            for k in range(wide):
                look = _PART + band * 3 + k
                cell = (row + band) * COLS + col + k
                if self._cells[cell] != look or self._large[cell] != large:
                    self._claim(row + band, col + k, look, large)
                    self._piece(row + band, col + k, band, k, code, scale)
        return wide

    def _piece(self, row, col, band, k, code, scale):
        """Draw one cell of a large character."""
        frame = self._frame
        at = row * _WIDTH + 6 * col + 1
        digit = code - _ZERO
        edge = 0 if band else self._edge_of(row, col)
        if 0 <= digit <= 9:
            table = DIGITS_TWICE if scale == 2 else DIGITS_THRICE
            first = ((digit * scale + band) * scale + k) * 6
            for n in range(6):
                frame[at + n] = table[first + n] | edge
        elif code == _POINT:
            dot = 0 if band < scale - 1 else (0xE0 if scale == 2 else 0xF0)  # 3 or 4 pixels, on the baseline
            for n in range(6):
                frame[at + n] = dot if n <= scale and dot else edge
        else:
            for n in range(6):
                frame[at + n] = stretched(code, scale, band, 6 * k + n) | edge
        self._touched(row, col, edge)

    def _spell(self, value, width, decimals):
        """Put the characters of a number into `_number`, right-aligned."""
        if decimals < 0 or width < (decimals + 2 if decimals else 1):
            raise ValueError(f"{decimals} decimals in {width} characters")
        digits = self._number
        rest = -value if value < 0 else value
        at = width - 1
        least = width - 1 - (decimals + 1 if decimals else 0)  # the last place that always has a digit
        while at >= 0:
            if decimals and at == width - 1 - decimals:
                digits[at] = _POINT
            elif rest or at >= least:
                digits[at] = _ZERO + rest % 10
                rest //= 10
            else:
                digits[at] = _BLANK
                if value < 0:
                    digits[at] = _MINUS
                    value = 0
            at -= 1
        if rest or value < 0:
            for i in range(width):
                digits[i] = _HASH


@micropython.viper
def _paint(frame: ptr8, row: int, col: int, look: int) -> int:
    """Set the columns of a cell from its character or rule, and from bits 8..15 what they are flipped by; the last.

    In machine code, like all that a whole page does for each of its cells: a function of bytecode with more than
    eleven words of state has them from the heap, and finding a place there takes a chip up to a millisecond.
    """
    glyphs = ptr8(GLYPHS)
    columns = int(GLYPH_COLUMNS)
    at = row * _WIDTH + 6 * col + 1
    code = look & 0x7F
    flip = look >> 8
    if code < _BLANK:
        flip |= 1 << code - _RULE
        for i in range(columns):
            frame[at + i] = flip
    else:
        glyph = (code - _BLANK) * columns
        for i in range(columns):
            frame[at + i] = glyphs[glyph + i] ^ flip
    frame[at + columns] = flip
    return flip


def _check(row, col, rows, cols):
    if row < 0 or row + rows > ROWS or col < 0 or cols < 0 or col + cols > COLS:
        raise ValueError(f"{rows} x {cols} cells at row {row} column {col} leave the screen")


def _check_scale(scale):
    if scale != 2 and scale != 3:
        raise ValueError("large characters are 2 or 3 times as large")


def _code_of(character) -> int:
    code = ord(character)
    if code < FIRST or code > LAST:
        raise ValueError(f"no glyph for character {code}")
    return code
