"""Levels that the chip reads and that are not the board's: spikes, noise, a line held by a fault.

A false level is at the chip's pad: whatever looks at the pad sees it, the CPU, the PIO and its decoder of the encoder;
the part behind the line knows nothing of it. EN_N is the exception: there only what the CPU reads back is false, and
neither the gate nor the driver sees it. A false conversion is a number that the converter gives. Either lasts until it
is ended, or for so many looks of the CPU. Time and chance come from the world, so that a run repeats.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.space import shim

if TYPE_CHECKING:
    from sim.world import World

board = shim("board")

PINS = {
    "home": board.PIN_HOME, "interlock": board.PIN_INTERLOCK, "trigger_no": board.PIN_TRIGGER_NO,
    "trigger_nc": board.PIN_TRIGGER_NC, "select": board.PIN_SELECT, "up": board.PIN_UP, "down": board.PIN_DOWN,
    "diag": board.PIN_DIAG, "power_ok": board.PIN_POWER_OK, "en_n": board.PIN_EN_N, "encoder_a": board.PIN_ENC_A,
    "encoder_b": board.PIN_ENC_B, "index": board.PIN_ENC_Z,
}
CHANNELS = {"battery": board.ADC_BATTERY, "rail": board.ADC_RAIL, "ntc": board.ADC_NTC}
LATCHED = ("interlock", "encoder_a", "encoder_b")  # the PIO looks all the time: a number of looks has no meaning
NOISE_SLOT_NS = 100_000
HIGH, LOW, OTHER = 1, 0, -1  # a level; OTHER is whatever the board does not say
ENCODER = (board.PIN_ENC_A, board.PIN_ENC_B)


class FalseLevels:
    """What is false now. `pins` and `channels` are empty in a healthy pen, and then nobody asks further."""

    def __init__(self, world: World, seed: int):
        self._world = world
        self._chance = random.Random(seed + 0xFA15E)
        self.pins: dict[int, int] = {}  # HIGH, LOW or OTHER by pin
        self.channels: dict[int, int] = {}  # counts by channel
        self._looks: dict[tuple[str, int], int] = {}  # looks left, of those that count them
        self._noise: dict[int, object] = {}  # by pin, whose noise it is
        self._shown_count = 0  # the decoder's, while a channel of the encoder is false
        self._count_ahead = 0  # what it has gained over the truth, for good

    # -- beginning and ending ------------------------------------------------------------------------

    def pin(self, name: str, level: int, looks: int | None = None) -> None:
        """From now on, or for so many looks of the CPU, the pad reads this."""
        pin = PINS[name]
        if looks is not None:
            self._looks["pin", pin] = looks
        self._change(pin, lambda: self.pins.update({pin: level}))

    def pin_noise(self, name: str, share: float) -> None:
        """From now on the pad is wrong in this share of all slots of 0.1 ms."""
        pin = PINS[name]
        token = self._noise[pin] = object()

        def slot() -> None:
            if self._noise.get(pin) is not token:
                return
            wrong = self._chance.random() < share
            if wrong != (pin in self.pins):
                self._change(pin, lambda: self.pins.update({pin: OTHER}) if wrong else self.pins.pop(pin))
            self._world.after(NOISE_SLOT_NS, slot)

        slot()

    def pin_ends(self, name: str) -> None:
        pin = PINS[name]
        self._noise.pop(pin, None)
        self._looks.pop(("pin", pin), None)
        if pin in self.pins:
            self._change(pin, lambda: self.pins.pop(pin))

    def channel(self, name: str, counts: int, looks: int | None = None) -> None:
        """From now on, or for so many conversions, the converter gives this for the channel."""
        self.channels[CHANNELS[name]] = counts
        if looks is not None:
            self._looks["channel", CHANNELS[name]] = looks

    def channel_ends(self, name: str) -> None:
        self.channels.pop(CHANNELS[name], None)
        self._looks.pop(("channel", CHANNELS[name]), None)

    def _change(self, pin: int, act: Callable[[], object]) -> None:
        if pin not in ENCODER:
            act()
            self._world.pad_moved(pin)
            return
        self._shown_count = self.count(self._world.settle().encoder_count)
        act()
        true = self._world.plant.encoder_count
        self._shown_count = _nearest(self._shown_count, self._a_b(true))
        if not self._encoder_false():
            self._count_ahead = self._shown_count - true
        self._world.pad_moved(pin)

    # -- what is seen --------------------------------------------------------------------------------

    def level(self, pin: int, level: int) -> int:
        """What the pad shows of the board's level."""
        false = self.pins.get(pin)
        return level if false is None else 1 - level if false == OTHER else false

    def word(self, word: int) -> int:
        """The same of all pads at once."""
        for pin in self.pins:
            word = word & ~(1 << pin) | self.level(pin, word >> pin & 1) << pin
        return word

    def looked(self, pins: int) -> None:
        """The CPU has read the pads whose bits are set."""
        for pin in [pin for what, pin in self._looks if what == "pin" and pins >> pin & 1]:
            self._one_less("pin", pin, self.pins)

    def conversion(self, channel: int, counts: int) -> int:
        """What the converter gives; it has converted."""
        given = self.channels.get(channel, counts)
        if ("channel", channel) in self._looks:
            self._one_less("channel", channel, self.channels)
        return given

    def _one_less(self, what: str, key: int, of: dict[int, int]) -> None:
        self._looks[what, key] -= 1
        if not self._looks[what, key]:
            del self._looks[what, key]
            of.pop(key, None)

    # -- the encoder's count -------------------------------------------------------------------------

    def count(self, true: int) -> int:
        """The decoder's count: it follows the channels as it sees them, one step at a time.

        With one channel false the other still wobbles, and the count with it; when the channel is right again the count
        goes on from there, whole groups of four away from the truth if the shaft has turned meanwhile.
        """
        if self._encoder_false():
            return _nearest(self._shown_count, self._a_b(true))
        return true + self._count_ahead

    def _encoder_false(self) -> bool:
        return any(pin in self.pins for pin in ENCODER)

    def _a_b(self, true: int) -> int:
        a_b = _gray(true)
        return self.level(ENCODER[0], a_b & 1) | self.level(ENCODER[1], a_b >> 1) << 1


def _gray(count: int) -> int:
    return (count & 3) ^ (count & 3) >> 1


def _nearest(count: int, a_b: int) -> int:
    """Where the decoder's count goes on channels A and B: one step, or none if both changed at once."""
    return next((near for near in (count, count + 1, count - 1) if _gray(near) == a_b), count)
