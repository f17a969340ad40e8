"""A screen, its driver and the simulated display on a bus that counts, and the picture it ought to show.

Invariant: `Picture` says what each cell should look like from the whole history of drawing at once, with no
increments; it shares nothing with the firmware but the typeface.
"""

import numpy as np

from drivers.ssd1306 import Ssd1306
from screen import Screen
from sim import eyes
from sim.parts.ssd1306 import Ssd1306 as Part

EIO, TIMED_OUT = 5, 110
TEXT, DRAWING, LOWER = "text", "drawing", "lower row of a large character"


class Bus:
    """MicroPython's I2C with one chip on it; keeps the length of every transaction, address included.

    `held`: SDA is low until somebody frees it. `losing`: so many transactions more are not acknowledged.
    """

    def __init__(self, part):
        self.part = part
        self.lengths = []
        self.held = False
        self.losing = 0
        self.freed = 0

    def writeto(self, address, buf):
        self.lengths.append(1 + len(buf))
        if self.held:
            raise OSError(TIMED_OUT)
        if self.losing:
            self.losing -= 1
            raise OSError(EIO)
        acknowledged = address == self.part.address and self.part.write(bytes(buf), 0)
        if not acknowledged:
            raise OSError(EIO)
        return len(buf)

    def readfrom_into(self, address, buf):
        if self.held or address != self.part.address or not self.part.start(0):
            raise OSError(EIO)
        buf[:] = self.part.read(len(buf), 0)

    def free(self):
        self.held = False
        self.freed += 1
        return True


class Rig:
    """`settled`: start with the empty screen already on the display."""

    def __init__(self, settled=True):
        self.part = Part()
        self.bus = Bus(self.part)
        self.driver = Ssd1306(self.bus)
        self.screen = Screen(self.driver)
        if settled:
            self.settle()

    def settle(self):
        """Flush until nothing is left; what the bus carried, as lengths of transactions."""
        before = len(self.bus.lengths)
        for _ in range(200):
            if not self.screen.flush_step(8):
                assert self.part.protocol_errors == []
                return self.bus.lengths[before:]
        raise AssertionError("the screen never finished flushing")

    def pixels(self):
        self.settle()
        return self.part.pixels()

    def lines(self):
        return eyes.read_lines(self.pixels())


class Picture:
    """What the glass should show: for each cell its plain image, whether it is highlighted, and its kind."""

    def __init__(self):
        self.cells = {(row, col): (eyes.cell(" "), False, TEXT) for row in range(8) for col in range(21)}

    def text(self, row, col, string, inverted=False):
        for i, char in enumerate(string):
            self.cells[row, col + i] = (eyes.cell(char), inverted, TEXT)

    def rule(self, row, col, cells, y):
        image = np.zeros((8, 6), np.uint8)
        image[y] = 1
        for i in range(cells):
            self.cells[row, col + i] = (image, False, TEXT)

    def bar(self, row, col, cells, value, maximum):
        image = np.zeros((8, 6 * cells), np.uint8)
        wide = 6 * cells - 1
        image[1, 1 : wide - 1] = image[7, 1 : wide - 1] = 1
        image[2:7, 0] = image[2:7, wide - 1] = 1
        image[3:6, 2 : 2 + (wide - 4) * min(value, maximum) // maximum] = 1
        for i in range(cells):
            self.cells[row, col + i] = (image[:, 6 * i : 6 * i + 6], False, DRAWING)

    def big(self, row, col, string, scale):
        for char in string:
            image = eyes.large(char, scale)
            wide = image.shape[1] // 6
            for i in range(scale):
                for k in range(wide):
                    piece = image[8 * i : 8 * i + 8, 6 * k : 6 * k + 6]
                    self.cells[row + i, col + k] = (piece, False, LOWER if i else DRAWING)
            col += wide

    def pixels(self):
        out = np.zeros((64, 128), np.uint8)
        for (row, col), (plain, inverted, kind) in self.cells.items():
            image = 1 - plain if inverted else plain.copy()
            border = row > 0 and self.cells[row - 1, col][1] and not inverted and kind != LOWER
            if border:
                image[0] = 1
            y, x = 8 * row, 1 + 6 * col
            out[y : y + 8, x : x + 6] = image
            # The glass goes on for a pixel left of the first cell and right of the last one; so does what
            # runs through a cell's gap, but a drawing has no gap.
            edge = image[:, 5] if kind == TEXT else np.array([border] + [0] * 7)
            if col in (0, 20):
                out[y : y + 8, 0 if col == 0 else 127] = edge
        return out
