"""What the panel shows in service mode: drawn with MicroPython alone, because no slot may be sound.

Lies outside the slots, beside `slots`. Pins and address are those of board.py, held equal by a test.
"""


from machine import I2C, Pin
from micropython import const
from neopixel import NeoPixel

PIN_SDA = const(20)
PIN_SCL = const(21)
PIN_LED = const(25)
ADDRESS = const(0x3C)
COLUMNS = const(16)  # of MicroPython's own letters
LAMP = (20, 0, 24)  # violet: nothing else of the pen is

# as in drivers/ssd1306.py, but horizontal addressing, which takes a whole frame at once
_SETUP = bytes((
    0x00, 0xAE, 0xD5, 0x80, 0xA8, 0x3F, 0xD3, 0x00, 0x40, 0x8D, 0x14, 0x20, 0x00, 0x21, 0, 127, 0x22, 0, 7, 0xA1,
    0xC8, 0xDA, 0x12, 0x81, 0x9F, 0xD9, 0xF1, 0xDB, 0x20, 0xA4, 0xA6, 0x2E))  # fmt: skip
_LIGHT = b"\x00\xaf"
_ROW_BYTES = const(128)


def lines(why: str, notes) -> list:
    """The page's eight lines. `notes`: what is wrong with the slots."""
    page = ["SERVICE MODE", "drive off", why]
    for note in notes:
        page += _wrap(note)
    page = page[:6]
    page += [""] * (6 - len(page))
    return page + ["USB: flash.sh", "or switch off/on"]


def _wrap(text):
    rows = []
    while text:
        rows.append(text[:COLUMNS])
        text = text[COLUMNS:]
    return rows


def show(why: str, notes):
    """Draw the page and light the lamp. OSError without a display; the lamp shows first."""
    import framebuf  # MicroPython's own, with its letters

    lamp = NeoPixel(Pin(PIN_LED), 1)
    lamp[0] = LAMP
    lamp.write()
    data = bytearray(_ROW_BYTES * 8)
    frame = framebuf.FrameBuffer(data, 128, 64, framebuf.MONO_VLSB)
    for row, text in enumerate(lines(why, notes)):
        frame.text(text, 0, row * 8, 1)
    i2c = I2C(0, scl=Pin(PIN_SCL), sda=Pin(PIN_SDA), freq=400000, timeout=20000)  # of a transfer; one takes 3 ms
    i2c.writeto(ADDRESS, _SETUP)
    chunk = bytearray(1 + _ROW_BYTES)
    chunk[0] = 0x40
    for row in range(8):
        chunk[1:] = data[row * _ROW_BYTES : (row + 1) * _ROW_BYTES]
        i2c.writeto(ADDRESS, chunk)
    i2c.writeto(ADDRESS, _LIGHT)
