"""The cartridge's wire by its edges: what a bit-banged master makes of it is what the part's slots say.

The master here keeps the times of MicroPython's `onewire` for the RP2040 (extmod/modonewire.c): reset 480 us low and a
look 70 us after, a one or a read 6 us low and a look 9 us later, a zero 60 us low.
"""

import pytest

from sim.parts.ds2431 import PROGRAM_NS, Ds2431, build_cartridge_memory, rom_id
from sim.silicon.onewire import EARLY, LATE, OneWireLine

US = 1000
SKIP_ROM, READ_ROM, READ_MEMORY, SEARCH_ROM = 0xCC, 0x33, 0xF0, 0xF0
WRITE_SCRATCHPAD, COPY_SCRATCHPAD = 0x0F, 0x55
ROM = rom_id(0x123456)


class Wire:
    """Time, a line, and a master that pulls it as the C code does."""

    def __init__(self, part, disturbed=lambda: 0, presence=LATE):
        self.now_ns = 0
        self.level = 1
        self._due = []
        self.part = part
        self.line = OneWireLine(lambda: self.part, self._later, self._show, disturbed, presence)

    def _later(self, ns, call):
        self._due.append((self.now_ns + ns, call))

    def _show(self, level):
        self.level = level

    def wait(self, us):
        end = self.now_ns + us * US
        while due := [entry for entry in self._due if entry[0] <= end]:
            first = min(due, key=lambda entry: entry[0])
            self._due.remove(first)
            self.now_ns = first[0]
            first[1]()
        self.now_ns = end

    def low(self):
        self.line.drive(0, self.now_ns)

    def high(self):
        self.line.drive(1, self.now_ns)

    def reset(self, low_us=480):
        self.low()
        self.wait(low_us)
        self.high()
        self.wait(70)
        present = not self.level
        self.wait(410)
        return present

    def read_bit(self):
        self.low()
        self.wait(6)
        self.high()
        self.wait(9)
        bit = self.level
        self.wait(55)
        return bit

    def write_bit(self, bit):
        self.low()
        self.wait(6 if bit else 60)
        self.high()
        self.wait(64 if bit else 10)

    def write(self, *values):
        for value in values:
            for i in range(8):
                self.write_bit(value >> i & 1)

    def read(self, count):
        return bytes(sum(self.read_bit() << i for i in range(8)) for _ in range(count))


@pytest.fixture
def wire():
    return Wire(Ds2431(ROM, build_cartridge_memory(ROM)))


def test_a_reset_pulse_is_answered_and_the_line_let_go(wire):
    assert wire.reset()
    assert wire.level == 1


def test_a_pulse_too_short_for_a_reset_is_not_answered(wire):
    assert not wire.reset(low_us=400)


def test_a_delay_that_a_whole_microsecond_cuts_short_is_no_reset(wire):
    """A wait of 480 ticks of the chip's timer that begins late in a tick is over after 479 and a bit."""
    assert not wire.reset(low_us=479)


def test_a_line_that_is_low_before_makes_the_reset_whole(wire):
    wire.low()
    wire.wait(10)
    assert wire.reset(low_us=479)


@pytest.mark.parametrize("presence", [EARLY, LATE])
def test_presence_is_seen_70_us_after_whether_it_comes_early_or_late(presence):
    wire = Wire(Ds2431(ROM, build_cartridge_memory(ROM)), presence=presence)
    assert wire.reset()
    wire.write(READ_ROM)
    assert wire.read(8) == ROM


@pytest.mark.parametrize("low_us, high_us", [
    (20, 50),  # neither a one nor a zero
    (59, 11),
    (121, 10),
    (300, 10),
    (60, 4),  # no time to recover
    (6, 50),  # the next slot too soon
])
def test_a_slot_with_other_times_than_the_datasheets_is_none(wire, low_us, high_us):
    """What the part takes it for is open: it answers nothing until the next reset."""
    wire.reset()
    wire.low()
    wire.wait(low_us)
    wire.high()
    wire.wait(high_us)
    wire.write(READ_ROM)
    assert wire.read(8) == b"\xff" * 8
    assert wire.reset()
    wire.write(READ_ROM)
    assert wire.read(8) == ROM


def test_a_read_slot_too_short_to_be_one_loses_the_part(wire):
    wire.reset()
    wire.write(READ_ROM)
    wire.low()
    wire.wait(4)
    wire.high()
    wire.wait(66)
    wire.read(8)
    assert wire.read(1) == b"\xff"
    assert wire.reset()
    wire.write(READ_ROM)
    assert wire.read(8) == ROM


def test_an_empty_seat_does_not_answer(wire):
    wire.part.remove(0)
    assert not wire.reset()
    assert wire.read(1) == b"\xff"


def test_the_rom_number_comes_bit_by_bit(wire):
    wire.reset()
    wire.write(READ_ROM)
    assert wire.read(8) == ROM


def test_memory_is_read_and_written():
    wire = Wire(Ds2431(ROM))
    row = bytes(range(0x10, 0x18))
    wire.reset()
    wire.write(SKIP_ROM, WRITE_SCRATCHPAD, 0x60, 0x00, *row)
    wire.read(2)
    wire.reset()
    wire.write(SKIP_ROM, COPY_SCRATCHPAD, 0x60, 0x00, 0x07)
    wire.wait(PROGRAM_NS // US + 1000)
    assert wire.read(1) == b"\xaa"
    wire.reset()
    wire.write(SKIP_ROM, READ_MEMORY, 0x60, 0x00)
    assert wire.read(8) == row


def test_a_search_step_gives_bit_and_complement_then_takes_the_choice(wire):
    wire.reset()
    wire.write(SEARCH_ROM)
    number = int.from_bytes(ROM, "little")
    for i in range(64):
        bit = number >> i & 1
        assert (wire.read_bit(), wire.read_bit()) == (bit, 1 - bit)
        wire.write_bit(bit)


def test_a_reset_ends_whatever_was_under_way(wire):
    wire.reset()
    wire.write(READ_ROM)
    wire.read(3)
    assert wire.reset()
    wire.write(READ_ROM)
    assert wire.read(8) == ROM


def test_a_disturbed_bit_arrives_inverted():
    wrong = iter([0] * 8 + [1] + [0] * 100)  # the eight of the command are right, the first that is read is not
    wire = Wire(Ds2431(ROM, build_cartridge_memory(ROM)), lambda: next(wrong))
    wire.reset()
    wire.write(READ_ROM)
    assert wire.read(8) == bytes([ROM[0] ^ 1]) + ROM[1:]
