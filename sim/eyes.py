"""Reads the panel's display as a person does: from lit pixels alone, never from what the firmware believes.

Invariants: a character is read only when every pixel of its cell agrees; anything else reads as UNKNOWN. The
typeface is the pen's; the places of the cells are stated here again on purpose, so that a drawing error in
the firmware cannot hide in a shared constant.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from sim.space import shim

HEIGHT, WIDTH = 64, 128
ROWS, COLS = 8, 21
CELL_WIDTH, CELL_HEIGHT, LEFT = 6, 8, 1
UNKNOWN = "\x00"
RULE = "─"

_LARGE = "0123456789.-#+%"


def cell(char: str) -> np.ndarray:
    """The 8 x 6 pixels of a printable ASCII character in its cell."""
    font = shim("font")
    if len(char) != 1 or not font.FIRST <= ord(char) <= font.LAST:
        raise ValueError(f"no glyph for {char!r}")
    at = (ord(char) - font.FIRST) * font.COLUMNS
    columns = np.frombuffer(font.GLYPHS[at : at + font.COLUMNS], np.uint8)
    image = np.zeros((CELL_HEIGHT, CELL_WIDTH), np.uint8)
    image[:, : font.COLUMNS] = np.unpackbits(columns[None, :], axis=0, bitorder="little")
    return image


def large(char: str, scale: int) -> np.ndarray:
    """The pixels of a large character; zero has the shape of the letter O, the point is one cell wide."""
    if char == ".":
        image = np.zeros((CELL_HEIGHT * scale, CELL_WIDTH), np.uint8)
        image[-1 - scale :, : 1 + scale] = 1
        return image
    return _rounded(cell("O" if char == "0" else char), scale)


def _body(image: np.ndarray) -> bytes:
    """All of a cell but its top row, into which a highlight above may reach."""
    return np.ascontiguousarray(image[1:]).tobytes()


def _small_cells() -> dict[bytes, tuple[str, bool]]:
    known = {}
    for code in range(32, 127):
        image = cell(chr(code))
        known[_body(image)] = (chr(code), False)
        known[_body(image ^ 1)] = (chr(code), True)
    for y in range(1, CELL_HEIGHT):
        image = np.zeros((CELL_HEIGHT, CELL_WIDTH), np.uint8)
        image[y] = 1
        known[_body(image)] = (RULE, False)
    return known


def _rounded(image: np.ndarray, scale: int) -> np.ndarray:
    """A cell enlarged; where two dots meet by a corner only, the two corners between them are filled."""
    out = image.repeat(scale, axis=0).repeat(scale, axis=1)
    for y in range(CELL_HEIGHT - 1):
        for x in range(CELL_WIDTH - 1):
            (a, b), (c, d) = image[y : y + 2, x : x + 2]
            if a == d and b == c and a != b:
                below, right = scale * (y + 1), scale * (x + 1)
                out[below - 1 : below + 1, right - 1 : right + 1] = 1
    return out


_SMALL = _small_cells()
_BIG = {scale: {_body(large(char, scale)): char for char in _LARGE} for scale in (2, 3)}


class Big(NamedTuple):
    """A run of large characters: the cell of its top left corner, 2 or 3, and what it says."""

    row: int
    col: int
    scale: int
    text: str


class _Seen(NamedTuple):
    char: str
    inverted: bool


def _block(pixels: np.ndarray, row: int, col: int, rows: int = 1, cols: int = 1) -> np.ndarray:
    y, x = row * CELL_HEIGHT, LEFT + col * CELL_WIDTH
    return pixels[y : y + rows * CELL_HEIGHT, x : x + cols * CELL_WIDTH]


def _check(pixels: np.ndarray) -> np.ndarray:
    if pixels.shape != (HEIGHT, WIDTH):
        raise ValueError(f"the display has {HEIGHT} x {WIDTH} pixels, not {pixels.shape}")
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def _read_cell(pixels: np.ndarray, row: int, col: int) -> _Seen:
    block = _block(pixels, row, col)
    char, inverted = _SMALL.get(_body(block), (UNKNOWN, False))
    # The top row is lit by its own highlight or by the border of the one above, and only then.
    if (block[0] != (inverted or _is_inverted(pixels, row - 1, col))).any():
        return _Seen(UNKNOWN, False)
    edge = {0: 0, COLS - 1: WIDTH - 1}.get(col)
    y = row * CELL_HEIGHT
    if edge is not None and (pixels[y : y + CELL_HEIGHT, edge] != block[:, CELL_WIDTH - 1]).any():
        return _Seen(UNKNOWN, False)
    return _Seen(char, inverted)


def _is_inverted(pixels: np.ndarray, row: int, col: int) -> bool:
    return row >= 0 and _SMALL.get(_body(_block(pixels, row, col)), ("", False))[1]


def _top_is_right(pixels: np.ndarray, row: int, col: int, cols: int) -> bool:
    """Whether the top row of plain cells is lit just where a highlight above borders on them."""
    for at in range(col, col + cols):
        if (_block(pixels, row, at)[0] != _is_inverted(pixels, row - 1, at)).any():
            return False
    return True


@lru_cache(maxsize=4096)
def _read_row(picture: bytes, row: int) -> tuple[_Seen, ...]:
    """The cells of the last row of a strip of pixels: that row and, but for row 0, the one above it."""
    strip = np.frombuffer(picture, np.uint8).reshape(-1, WIDTH)
    return tuple(_read_cell(strip, row, col) for col in range(COLS))


def _rows(pixels: np.ndarray) -> list[tuple[_Seen, ...]]:
    pixels = _check(pixels)
    strips = [pixels[:CELL_HEIGHT]]
    strips += [pixels[(row - 1) * CELL_HEIGHT : (row + 1) * CELL_HEIGHT] for row in range(1, ROWS)]
    return [_read_row(strip.tobytes(), min(row, 1)) for row, strip in enumerate(strips)]


def read_lines(pixels: np.ndarray) -> list[str]:
    """Eight strings of 21 characters, highlighted or not; UNKNOWN where there is none, RULE for a line."""
    return ["".join(seen.char for seen in cells) for cells in _rows(pixels)]


def highlighted(pixels: np.ndarray) -> list[tuple[int, int, str]]:
    """Every highlighted run: row, first column, and its text."""
    runs: list[tuple[int, int, str]] = []
    for row, cells in enumerate(_rows(pixels)):
        start, text = 0, ""
        for col, seen in enumerate((*cells, _Seen("", False))):
            if seen.inverted:
                start, text = (start, text + seen.char) if text else (col, seen.char)
            elif text:
                runs.append((row, start, text))
                text = ""
    return runs


def highlighted_rows(pixels: np.ndarray) -> list[int]:
    """Rows in which anything is highlighted, from the top."""
    return sorted({row for row, _, _ in highlighted(pixels)})


def read_big(pixels: np.ndarray) -> list[Big]:
    """Every run of large digits on the screen, the largest first, then from the top left on."""
    pixels = _check(pixels)
    taken = np.zeros((ROWS, COLS), bool)
    found = []
    lit = pixels[:, LEFT : LEFT + COLS * CELL_WIDTH].reshape(ROWS, CELL_HEIGHT, COLS, CELL_WIDTH).any(axis=(1, 3))
    for scale in (3, 2):
        for row in range(ROWS - scale + 1):
            for col in range(COLS - scale + 1):
                if not lit[row : row + scale, col : col + scale].any():
                    continue
                text, cols = _run(pixels, taken, row, col, scale)
                if any(char.isdigit() or char == "#" for char in text):
                    found.append(Big(row, col, scale, text))
                    taken[row : row + scale, col : col + cols] = True
    return found


def _run(pixels: np.ndarray, taken: np.ndarray, row: int, col: int, scale: int) -> tuple[str, int]:
    text, at = "", col
    while True:
        for wide in (scale, 1):
            block = _block(pixels, row, at, scale, wide)
            free = at + wide <= COLS and not taken[row : row + scale, at : at + wide].any()
            char = _BIG[scale].get(_body(block)) if free and _top_is_right(pixels, row, at, wide) else None
            if char is not None and (char == ".") == (wide == 1):
                text, at = text + char, at + wide
                break
        else:
            return text, at - col


def to_png(pixels: np.ndarray, scale: int = 3, border: int = 4) -> bytes:
    """PNG of the glass: `scale` (1..16) image pixels a pixel, `border` dark pixels around it."""
    pixels = _check(pixels)
    if not 1 <= scale <= 16 or border < 0:
        raise ValueError(f"cannot draw at scale {scale} with border {border}")
    lit, gap_lit = np.array((255, 190, 70)), np.array((150, 100, 24))
    dark, glass = np.array((18, 16, 14)), np.array((11, 10, 9))
    padded = np.pad(pixels, border).astype(bool)
    image = np.where(padded[..., None], lit, dark).repeat(scale, axis=0).repeat(scale, axis=1)
    if scale >= 3:
        # the gap between two lit pixels glows, any other is dark
        across = np.zeros_like(padded)
        across[:, :-1] = padded[:, :-1] & padded[:, 1:]
        down = np.zeros_like(padded)
        down[:-1] = padded[:-1] & padded[1:]
        image[:, scale - 1 :: scale] = np.where(across[..., None], gap_lit, glass).repeat(scale, axis=0)
        image[scale - 1 :: scale] = np.where(down[..., None], gap_lit, glass).repeat(scale, axis=1)
        image[scale - 1 :: scale, scale - 1 :: scale] = glass
    out = io.BytesIO()
    Image.fromarray(image.astype(np.uint8)).save(out, "PNG", optimize=True)
    return out.getvalue()
