"""Run by MicroPython, not by pytest: what the panel does while needles move, with the heap locked."""

from machine_pad import Pad

import micropython
from aftercare import QUESTIONS
from buttons import Buttons
from drivers.ssd1306 import Ssd1306
from neopixel import NeoPixel
from screen import Screen


class Bus:
    def __init__(self):
        self.bytes = 0

    def writeto(self, address, buf):
        self.bytes += len(buf)

    def readfrom_into(self, address, buf):
        buf[0] = 0x40


def flush(screen):
    while screen.flush_step(2):
        pass


def locked(name, work):
    micropython.heap_lock()
    try:
        work()
        said = "ok"
    except MemoryError:
        said = "ALLOCATES"
    micropython.heap_unlock()
    print(name, said)


EVERY_CHARACTER = (
    "Quick brown fox, jump",
    "lazy DOGS over? VWXYZ",
    '!"#$%&()*+-./[\\]^_`{|',
    "}~:;<=>@ABCEFHIJKLMNP",
)


def texts():
    for row in range(4):
        screen.text(row, 0, EVERY_CHARACTER[row], row == 2)
    screen.line(4, "short", True)
    screen.heading("Zone", "2/13")
    for line in QUESTIONS[0][1]:
        screen.line(5, line)


def numbers():
    for value in range(-1000, 1000, 7):
        screen.number(6, 2, value, 6, 2)
    screen.number(6, 2, 1073741823, 12)
    screen.number(6, 2, 12345, 3)


def large():
    for value in range(0, 251, 25):
        screen.big_number(0, 0, value, 4, 2, 3)
        screen.big_number(3, 0, value, 6, 1, 2)
    screen.big_text(5, 0, "-1.5 OK#", 2)


def lines():
    screen.rule(7)
    for value in range(12):
        screen.bar(7, 0, 21, value, 11)


def redraw():
    screen.clear()
    screen.pending()
    flush(screen)
    screen.refresh()
    flush(screen)


def press():
    for now_ms in range(0, 3000, 5):
        panel.feed(0x3FFFFFFF if now_ms < 100 else 0, now_ms)


bus = Bus()
screen = Screen(Ssd1306(bus))
panel = Buttons(15, 23, 24)
led = NeoPixel(Pad(), 1)
led[0] = (1, 2, 3)
flush(screen)
locked("texts", texts)
locked("numbers", numbers)
locked("large", large)
locked("lines", lines)
locked("flush", lambda: flush(screen))
locked("redraw", redraw)
locked("press", press)
locked("led", led.write)
print("bytes", bus.bytes > 64 * 23)
