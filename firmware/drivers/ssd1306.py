"""SSD1306, the 128x64 display on I2C: set it up, write a window of one page by 16 columns, light it.

Invariants: a window is one I2C transaction that carries its own address, so a lost one never shifts the next;
nothing here allocates after construction; a display that does not acknowledge is reported by False and
`ready`, never by an exception. Sections cited are those of the SSD1306 datasheet rev. 1.1.
"""

from inputs import TRANSFER_TRIES
from micropython import const

PAGES = const(8)
COLUMNS = const(128)
WINDOW = const(16)  # columns a write
ADDRESS = const(0x3C)

# Section 8.1.5.2: a control byte precedes every transfer. Co = 1 announces one byte and another control byte,
# Co = 0 that only bytes of this kind follow.
_COMMANDS = const(0x00)
_ONE_COMMAND = const(0x80)
_DATA = const(0x40)

_INIT = bytearray((
    _COMMANDS,
    0xAE,  # display off until a whole frame is in: GDDRAM holds noise at power-on
    0xD5, 0x80,  # 10.1.16: clock divided by 1, oscillator at its middle: about 105 frames a second
    0xA8, 0x3F,  # 10.1.11: 64 rows
    0xD3, 0x00,  # 10.1.15: no display offset
    0x40,  # 10.1.6: start line 0
    0x8D, 0x14,  # application note, charge pump on: the module has no panel supply of its own
    0x20, 0x02,  # 10.1.3: page addressing
    0xA1, 0xC8,  # 10.1.8, 10.1.14: column 0 is SEG127, row 0 is COM63: upright on this module
    0xDA, 0x12,  # 10.1.18: rows on alternating COM pins
    0x81, 0x9F,  # 10.1.7: contrast
    0xD9, 0xF1,  # 10.1.17: precharge of 15 and 1 clocks, for the charge pump
    0xDB, 0x20,  # 10.1.19: VCOMH at 0.77 VCC
    0xA4, 0xA6,  # 10.1.9, 10.1.10: show what GDDRAM holds, 1 is lit
    0x2E,  # 10.2.3: no scrolling
))  # fmt: skip
_LIGHT = bytes((_COMMANDS, 0xAF))  # 10.1.12

_OFF = const(0xAE)
_NOP = const(0xE3)
_STATUS_OFF = const(0x40)
_TIMED_OUT = const(110)

_HEAD = const(7)


class _Slices:
    def __getitem__(self, key):
        return key


WHOLE = _Slices()[:]  # a slice made once: writing `[:]` makes a new one each time


class Ssd1306:
    """One display. `i2c` has writeto(address, buf) and readfrom_into(address, buf), which raise OSError when nothing
    acknowledges.

    `ready` is true from a successful `begin` until a transfer was not acknowledged three times, or the bus was held.
    `lit` is true once the panel shows what was written. `errors` counts lost transfers.
    """

    def __init__(self, i2c, address: int = ADDRESS, free=None):
        """`address` is 0x3C or 0x3D, by the level of SA0 (section 8.1.5). Nothing is sent yet.

        `free()` has a part that holds the bus let it go, and is false when it may not.
        """
        if address != 0x3C and address != 0x3D:
            raise ValueError("SSD1306 address must be 0x3C or 0x3D")
        self._i2c = i2c
        self._address = address
        self._free = free
        self._status = bytearray(1)
        self._tx = bytearray(_HEAD + WINDOW)
        self._tx[0] = _ONE_COMMAND
        self._tx[2] = _ONE_COMMAND
        self._tx[4] = _ONE_COMMAND
        self._tx[6] = _DATA
        self._tx_data = memoryview(self._tx)[_HEAD:]
        self.ready = False
        self.lit = False
        self.errors = 0

    def begin(self, off: bool = True) -> bool:
        """Set the controller up, panel dark; 26 bytes, 0.6 ms at 400 kHz. False when nothing acknowledges.

        Not `off`: a panel that is lit stays so. One that lost its registers is dark, and stays so until `light`.
        """
        _INIT[1] = _OFF if off else _NOP
        self.lit = False
        self.ready = True
        if self._send(_INIT):
            return True
        if self._free is None or not self._free():
            return False
        self.ready = True
        return self._send(_INIT)

    def write(self, page: int, column: int, data) -> bool:
        """Store WINDOW bytes at `page` (0..7) from `column` (0..112): bit 0 of a byte is the top row.

        24 bytes on the wire with the address, 0.55 ms at 400 kHz. False when they were not acknowledged.
        ValueError when the window is not WINDOW bytes or leaves the page.
        """
        if page < 0 or page >= PAGES or column < 0 or column > COLUMNS - WINDOW or len(data) != WINDOW:
            raise ValueError(f"window of {len(data)} bytes at page {page} column {column}")
        tx = self._tx
        tx[1] = 0xB0 | page  # 10.1.13
        tx[3] = column & 0x0F  # 10.1.1
        tx[5] = 0x10 | column >> 4  # 10.1.2
        self._tx_data[WHOLE] = data
        return self._send(tx)

    def is_off(self) -> bool:
        """The status that it can be asked for says that the panel is dark (section 8.1.5); not while it is silent."""
        try:
            self._i2c.readfrom_into(self._address, self._status)
        except OSError:
            return False
        return self._status[0] & _STATUS_OFF > 0

    def light(self) -> bool:
        """Switch the panel on. False when that was not acknowledged."""
        if self._send(_LIGHT):
            self.lit = True
        return self.lit

    def _send(self, buf) -> bool:
        if not self.ready:
            return False
        for _ in range(TRANSFER_TRIES):  # one that is not acknowledged is over within 30 us
            try:
                self._i2c.writeto(self._address, buf)
                return True
            except OSError as error:
                self.errors += 1
                if error.args[0] == _TIMED_OUT:  # a bus that is held: it took as long as a transfer may
                    break
        self.ready = False
        self.lit = False
        return False
