"""SSD1306, the 128x64 display controller, at the level of its I2C commands (datasheet rev. 1.1).

Invariants: GDDRAM changes only by data bytes; what a person sees is computed from GDDRAM and the registers,
never stored; a command the model does not know is recorded in `protocol_errors` and has no effect. The glass
is mounted as on the common module: SEG127 is its left edge, COM63 its top. Not modelled: continuous
scrolling, brightness, and the 100 ms the panel takes to light.
"""

from __future__ import annotations

import numpy as np

PAGES, COLUMNS, ROWS = 8, 128, 64
FAULTS = ("", "absent")

_GLASS_COM_PINS = 0x12  # section 10.1.18: alternating, left and right not swapped; also the reset value

_HORIZONTAL, _VERTICAL, _PAGE = 0, 1, 2
# Argument bytes of the multi-byte commands (table 9-1); every other one stands alone
_ARGUMENTS = {
    0x20: 1, 0x21: 2, 0x22: 2, 0x81: 1, 0x8D: 1, 0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1,
}  # fmt: skip
_ALONE = frozenset({0x2E, 0xA0, 0xA1, 0xA4, 0xA5, 0xA6, 0xA7, 0xAE, 0xAF, 0xE3})


class Ssd1306:
    """One display at I2C `address`. `seed` decides the noise GDDRAM holds after power-on.

    `fault`: "" works; "absent" acknowledges nothing and shows nothing. `contrast` is 0..255 as last set,
    `data_bytes` counts what was written to GDDRAM.
    """

    def __init__(self, address: int = 0x3C, seed: int = 1306):
        if address not in (0x3C, 0x3D):
            raise ValueError(f"an SSD1306 answers at 0x3C or 0x3D, not 0x{address:02x}")
        self.address = address
        self._seed = seed
        self._fault = ""
        self.protocol_errors: list[str] = []
        self.data_bytes = 0
        self.power_on()

    # ---- power and faults ----

    @property
    def fault(self) -> str:
        return self._fault

    @fault.setter
    def fault(self, kind: str):
        if kind not in FAULTS:
            raise ValueError(f"unknown SSD1306 fault {kind!r}; one of {FAULTS}")
        self._fault = kind

    @property
    def powered(self) -> bool:
        return self._powered

    def power_on(self):
        """Registers to their reset values (table 9-1), noise into GDDRAM: RESET does not clear it."""
        self._powered = True
        self._seed += 1
        self._ram = np.random.default_rng(self._seed).integers(0, 256, (PAGES, COLUMNS), dtype=np.uint8)
        self._command: list[int] = []
        self._mode = _PAGE
        self._page, self._first_page, self._last_page = 0, 0, PAGES - 1
        self._column, self._first_column, self._last_column = 0, 0, COLUMNS - 1
        self._page_mode_column = 0
        self._segments_reversed = self._coms_reversed = False
        self._mux, self._start_line, self._offset = ROWS, 0, 0
        self._on = self._all_lit = self._inverse = self._pump = self._pump_wanted = False
        self.contrast = 0x7F

    def cut(self):
        """Power lost: dark, silent, and the contents gone."""
        self._powered = False

    # ---- bus ----

    def start(self, t_ns: int) -> bool:
        """Its address after a START; True when acknowledged."""
        return self._powered and not self._fault

    def write(self, data: bytes, t_ns: int) -> bool:
        """One transaction after its address byte, at integer nanoseconds; True when acknowledged."""
        if not self.start(t_ns):
            return False
        at = 0
        while at < len(data):
            control = data[at]
            at += 1
            if control & 0x3F:  # section 8.1.5.2: the six low bits are zero
                self._error(f"control byte 0x{control:02x}")
                return True
            end = at + 1 if control & 0x80 else len(data)
            if at >= len(data):
                self._error(f"control byte 0x{control:02x} with nothing after it")
            for byte in data[at:end]:
                if control & 0x40:
                    self._data(byte)
                else:
                    self._command_byte(byte)
            at = end
        return True

    def read(self, n: int, t_ns: int) -> bytes:
        """The status register: bit 6 is set while the display is off (section 10.1.21)."""
        if not self._powered or self._fault:
            return b"\xff" * n
        return bytes((self.next_byte(t_ns),)) * n

    def next_byte(self, _t_ns: int) -> int:
        return 0x00 if self._on else 0x40

    # ---- what is there ----

    @property
    def gddram(self) -> bytes:
        """1024 bytes, page by page, each from SEG0 to SEG127."""
        return self._ram.tobytes()

    @property
    def shows(self) -> bool:
        """Whether the panel is driven: switched on, and supplied by the charge pump."""
        return self._powered and not self._fault and self._on and self._pump

    def pixels(self) -> np.ndarray:
        """64 x 128 of 0 and 1 as somebody sees the glass, row 0 at the top, column 0 at the left."""
        if not self.shows:
            return np.zeros((ROWS, COLUMNS), np.uint8)
        bits = np.unpackbits(self._ram, axis=0, bitorder="little")
        if self._all_lit:
            bits = np.ones_like(bits)
        rows = np.zeros((ROWS, COLUMNS), np.uint8)
        driven = (np.arange(self._mux) + self._start_line) % ROWS
        rows[: self._mux] = bits[driven] ^ int(self._inverse)
        com = np.arange(ROWS)  # sections 10.1.14 and 10.1.15: which row each COM line shows
        if self._coms_reversed:
            com = self._mux - 1 - com
        return np.ascontiguousarray(rows[(com + self._offset) % ROWS][::-1, ::-1])

    # ---- inside ----

    def _error(self, what: str):
        self.protocol_errors.append(what)

    def _data(self, byte: int):
        if self._command:
            self._error(f"data inside command 0x{self._command[0]:02x}")
            self._command = []
        column = COLUMNS - 1 - self._column if self._segments_reversed else self._column
        self._ram[self._page, column] = byte
        self.data_bytes += 1
        self._advance()

    def _advance(self):
        """Section 10.1.3: where the next data byte goes."""
        if self._mode == _PAGE:
            self._column = self._page_mode_column if self._column == COLUMNS - 1 else self._column + 1
        elif self._mode == _HORIZONTAL:
            if self._step_column():
                self._step_page()
        elif self._step_page():
            self._step_column()

    def _step_column(self) -> bool:
        wrapped = self._column == self._last_column
        self._column = self._first_column if wrapped else (self._column + 1) % COLUMNS
        return wrapped

    def _step_page(self) -> bool:
        wrapped = self._page == self._last_page
        self._page = self._first_page if wrapped else (self._page + 1) % PAGES
        return wrapped

    def _command_byte(self, byte: int):
        self._command.append(byte)
        first, arguments = self._command[0], self._command[1:]
        if len(arguments) < _ARGUMENTS.get(first, 0):
            return
        self._command = []
        if first in _ARGUMENTS:
            self._set(first, arguments)
        elif first in _ALONE:
            self._switch(first)
        elif not self._set_inline(first):
            self._error(f"command 0x{first:02x}")

    def _set_inline(self, byte: int) -> bool:
        """Commands that carry their value in themselves; False when it is none of them."""
        if byte < 0x20:
            self._set_page_mode_column(byte)
        elif 0x40 <= byte < 0x80:
            self._start_line = byte & 0x3F
        elif 0xB0 <= byte < 0xB8:
            self._in_page_mode(byte)
            self._page = byte & 7
        elif 0xC0 <= byte < 0xD0:
            self._coms_reversed = bool(byte & 8)
        else:
            return False
        return True

    def _set_page_mode_column(self, byte: int):
        self._in_page_mode(byte)
        if byte < 0x10:
            self._page_mode_column = (self._page_mode_column & 0x70) | byte
        else:
            self._page_mode_column = (byte & 7) << 4 | (self._page_mode_column & 0x0F)
        self._column = self._page_mode_column

    def _in_page_mode(self, byte: int):
        if self._mode != _PAGE:
            self._error(f"command 0x{byte:02x} is for page addressing only")

    def _switch(self, byte: int):
        if byte in (0xA0, 0xA1):
            self._segments_reversed = byte == 0xA1  # section 10.1.8: only for data that follows
        elif byte in (0xA4, 0xA5):
            self._all_lit = byte == 0xA5
        elif byte in (0xA6, 0xA7):
            self._inverse = byte == 0xA7
        elif byte in (0xAE, 0xAF):
            self._on = byte == 0xAF
            if self._on:
                self._pump = self._pump_wanted

    def _set(self, command: int, arguments: list[int]):
        value = arguments[0]
        if command == 0x20:
            if value & 3 == 3:
                self._error("addressing mode 3")
            else:
                self._mode = value & 3
        elif command == 0x21:
            self._set_columns(value & 0x7F, arguments[1] & 0x7F)
        elif command == 0x22:
            self._set_pages(value & 7, arguments[1] & 7)
        elif command == 0x81:
            self.contrast = value
        elif command == 0x8D:
            self._set_pump(value)
        elif command == 0xA8:
            self._set_mux(value & 0x3F)
        elif command == 0xD3:
            self._offset = value & 0x3F
        elif command == 0xDA and value != _GLASS_COM_PINS:
            self._error(f"COM pins 0x{value:02x}: this glass is wired for 0x{_GLASS_COM_PINS:02x}")

    def _set_columns(self, first: int, last: int):
        if first > last:
            self._error(f"columns {first} to {last}")
            return
        self._first_column, self._last_column, self._column = first, last, first

    def _set_pages(self, first: int, last: int):
        if first > last:
            self._error(f"pages {first} to {last}")
            return
        self._first_page, self._last_page, self._page = first, last, first

    def _set_pump(self, value: int):
        """Application note: it starts with the next command that switches the display on."""
        wanted = bool(value & 4)
        if self._on and self._pump and not wanted:
            self._error("charge pump switched off while the display is on")
            self._pump = False
        self._pump_wanted = wanted

    def _set_mux(self, value: int):
        if value < 15:
            self._error(f"multiplex ratio {value + 1}")  # section 10.1.11: 16 to 64
            return
        self._mux = value + 1
