"""The shim of MicroPython's `onewire`: its calls reach a chip through `_link`; `scan` finds every chip."""

import importlib
import sys
import types

import pytest

from sim.parts import ds2431 as part

PIN = 22
BIT_NS = 70_000


class Pin:
    OPEN_DRAIN = 2
    PULL_UP = 1
    number = PIN

    def __init__(self):
        self.modes = []

    def init(self, mode, pull):
        self.modes.append((mode, pull))


class Wire:
    """Plays the host's end of `_link` for several chips on one wire (wired and)."""

    def __init__(self, ops, chips):
        self.ops, self.chips = ops, chips
        self.t_ns = 0

    def bit(self, bit):
        self.t_ns += BIT_NS
        level = bit
        for chip in self.chips:
            level &= chip.read_bit(self.t_ns) if bit else (chip.write_bit(0, self.t_ns) or 0)
        return level

    def call(self, op, a=0, b=0, c=0):
        assert a == PIN
        if op == self.ops.OW_RESET:
            self.t_ns += 10**6
            answers = [chip.reset(self.t_ns) for chip in self.chips]
            return int(any(answers))
        if op == self.ops.OW_READ_BIT:
            return self.bit(1)
        if op == self.ops.OW_WRITE_BIT:
            self.bit(b)
            return 0
        if op == self.ops.OW_WRITE_BYTE:
            for i in range(8):
                self.bit(b >> i & 1)
            return 0
        assert op == self.ops.OW_READ_BYTE
        return sum(self.bit(1) << i for i in range(8))


@pytest.fixture
def onewire(monkeypatch):
    """The shim with `_link` played here, and no trace of it left afterwards."""
    link = types.ModuleType("_link")
    monkeypatch.setitem(sys.modules, "_link", link)
    monkeypatch.delitem(sys.modules, "onewire", raising=False)
    module = importlib.import_module("onewire")
    yield module
    sys.modules.pop("onewire", None)


def on(onewire, *chips):
    wire = Wire(onewire._ow_ops, list(chips))
    onewire._link.call = wire.call
    return onewire.OneWire(Pin())


def chips(*serials):
    return [part.Ds2431(part.rom_id(serial)) for serial in serials]


def test_the_pin_becomes_open_drain(onewire):
    bus = on(onewire)
    assert bus.pin.modes == [(Pin.OPEN_DRAIN, Pin.PULL_UP)]


def test_reset_with_and_without_a_chip(onewire):
    assert on(onewire, *chips(1)).reset() is True
    empty = on(onewire)
    assert empty.reset() is False
    with pytest.raises(onewire.OneWireError):
        empty.reset(True)


def test_bytes_bits_and_selection(onewire):
    chip = chips(7)[0]
    bus = on(onewire, chip)
    bus.reset()
    bus.writebyte(0x33)
    rom = bytearray(8)
    bus.readinto(rom)
    assert rom == chip.rom and bus.crc8(rom) == 0 and bus.crc8(rom[:7]) == rom[7]
    bus.select_rom(rom)
    for i in range(8):
        bus.writebit(0xF0 >> i & 1)
    bus.write(b"\x80\x00")
    assert bus.readbit() == 0 and bus.readbyte() == 0


@pytest.mark.parametrize("serials", [(), (5,), (1, 2), (0, (1 << 48) - 1, 0x55, 0xAA), tuple(range(9))])
def test_scan_finds_every_chip(onewire, serials):
    every = chips(*serials)
    found = [bytes(rom) for rom in on(onewire, *every).scan()]
    assert sorted(found) == sorted(chip.rom for chip in every)


def test_op_numbers_stay_in_their_range(onewire):
    ops = onewire._ow_ops
    names = [name for name in dir(ops) if name.startswith("OW_")]
    assert sorted(getattr(ops, name) for name in names) == list(range(100, 100 + len(names)))


def test_shim_has_the_constants_of_the_original(onewire):
    assert (onewire.OneWire.SEARCH_ROM, onewire.OneWire.MATCH_ROM, onewire.OneWire.SKIP_ROM) == (
        0xF0, 0x55, 0xCC,
    )  # fmt: skip
