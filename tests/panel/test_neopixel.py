"""The LED's module: colours in the order of the wire, sent only by write."""

import pytest

from sim.space import FirmwareSpace

NEOPIXEL = 110


class Wire:
    """The LED's end of the link; any other access is an error."""

    def __init__(self):
        self.sent = []

    def call(self, op, a=0, b=0, c=0):
        assert (op, c) == (NEOPIXEL, 0)
        self.sent.append((a, b))
        return 0


class Pad:
    number = 25


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def led(wire):
    return FirmwareSpace(wire).module("neopixel").NeoPixel(Pad(), 1)


def test_green_goes_first(led, wire):
    led[0] = (0x11, 0x22, 0x33)
    assert wire.sent == []
    led.write()
    assert wire.sent == [(25, 0x221133)]
    assert led[0] == (0x11, 0x22, 0x33)


def test_fill_and_length(led, wire):
    led.fill((255, 0, 0))
    led.write()
    assert len(led) == 1 and wire.sent == [(25, 0x00FF00)]


def test_only_the_one_led_there_is(led):
    with pytest.raises(IndexError):
        led[1] = (0, 0, 0)
    with pytest.raises(IndexError):
        led[-1]
    with pytest.raises(ValueError):
        led[0] = (1, 2)
    make = type(led)
    for arguments in ((Pad(), 2), (Pad(), 0), (Pad(), 1, 4)):
        with pytest.raises(ValueError):
            make(*arguments)


def test_driving_the_bits_of_each_colour(led, wire):
    for shift, color in ((16, 1), (8, 0), (0, 2)):
        for bit in range(8):
            rgb = [0, 0, 0]
            rgb[color] = 1 << bit
            led[0] = rgb
            led.write()
            assert wire.sent[-1] == (25, 1 << shift + bit)
