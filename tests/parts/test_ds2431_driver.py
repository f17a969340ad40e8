"""The DS2431 driver against the simulated chip: identity, reading, a checked write, and each error."""

import pytest
from crcs import onewire_crc8, onewire_crc16
from hypothesis import given
from hypothesis import strategies as st
from wires import OneWireBus

from drivers import ds2431 as driver
from sim.parts import ds2431 as part

ROM = part.rom_id(0xFEED)
OTHER = part.rom_id(0xBEEF)
ROW = bytes(range(0x40, 0x48))


@pytest.fixture
def bus():
    return OneWireBus(part.Ds2431(ROM))


@pytest.fixture
def eeprom(bus):
    return driver.Ds2431(bus)


def write(eeprom, bus, address, row):
    for code in (eeprom.write_row(address, row), eeprom.verify_row(address, row), eeprom.copy_start(address)):
        if code != driver.OK:
            return code
    bus.now_ns += driver.PROGRAM_US * 1000
    return eeprom.copy_finish()


@given(st.binary(max_size=20), st.integers(0, 0xFFFF))
def test_crcs_agree_with_division(data, start):
    assert driver.crc8(data, len(data)) == onewire_crc8(data)
    assert driver.crc16(data, len(data), start) == onewire_crc16(data, start)


def test_read_rom(eeprom, bus):
    rom = bytearray(8)
    assert eeprom.read_rom(rom) == driver.OK and rom == ROM
    assert eeprom.read_begin(0x80, selected=True) == driver.OK
    rest = bytearray(8)
    eeprom.read_next(rest)
    assert rest == bytes(8)


def test_every_zero_is_low_before_micropythons_own_slot(eeprom, bus):
    """Its slot lasts 60 us less the part of a microsecond that had begun; the chip may want all 60 of tW0L."""
    lows = []
    writebit = bus.writebit

    def told(bit):
        lows.append((bit, bus._low_ns > 0))
        bus._low_ns = 0
        writebit(bit)

    bus.writebit = told
    eeprom.read_rom(bytearray(8))
    assert write(eeprom, bus, 0x48, ROW) == driver.OK
    assert {low for bit, low in lows if not bit} == {True}
    assert {bit for bit, low in lows if not low} == {1}


def test_read_rom_errors(eeprom, bus):
    rom = bytearray(8)
    bus.short = True
    assert eeprom.read_rom(rom) == driver.WRONG_FAMILY  # all zeros have a good CRC
    bus.short = False
    bus.chip.rom = ROM[:7] + bytes([ROM[7] ^ 1])
    assert eeprom.read_rom(rom) == driver.BAD_CRC
    body = b"\x28" + ROM[1:7]
    bus.chip.rom = body + bytes([onewire_crc8(body)])
    assert eeprom.read_rom(rom) == driver.WRONG_FAMILY
    bus.chip.present = False
    assert eeprom.read_rom(rom) == driver.ABSENT


def test_chip_gone_after_its_presence_is_a_bad_crc(eeprom, bus):
    rom = bytearray(8)
    bus.at_slot = lambda number: bus.chip.remove(bus.now_ns) if number == 3 else None
    assert eeprom.read_rom(rom) == driver.BAD_CRC


def test_write_then_read(eeprom, bus):
    assert write(eeprom, bus, 0x48, ROW) == driver.OK
    buf = bytearray(10)
    assert eeprom.read_memory(0x47, buf) == driver.OK
    assert buf == b"\xff" + ROW + b"\xff"


def test_reading_may_rest_between_pieces(eeprom, bus):
    bus.chip.memory[:32] = bytes(range(32))
    piece, whole = bytearray(5), b""
    assert eeprom.read_begin(3) == driver.OK
    for _ in range(5):
        eeprom.read_next(piece)
        whole += bytes(piece)
        bus.now_ns += 50_000_000
    assert whole == bytes(range(3, 28))


def test_copy_too_early_is_told(eeprom, bus):
    eeprom.write_row(0, ROW)
    eeprom.copy_start(0)
    bus.now_ns += 5_000_000
    assert eeprom.copy_finish() == driver.NOT_COPIED


def test_programming_time_is_long_enough():
    assert driver.PROGRAM_US * 1000 > part.PROGRAM_NS


def test_protected_row_is_a_mismatch(eeprom, bus):
    bus.chip.memory[0x82] = part.WRITE_PROTECT
    assert write(eeprom, bus, 0x40, ROW) == driver.MISMATCH
    bus.chip.memory[0x81] = part.EPROM_MODE
    bus.chip.memory[0x20:0x28] = bytes(8)
    assert write(eeprom, bus, 0x20, ROW) == driver.MISMATCH


def test_copy_protected_row_is_not_copied(eeprom, bus):
    bus.chip.memory[0x84] = part.WRITE_PROTECT
    row = bytes(bus.chip.memory[0x80:0x88])
    assert write(eeprom, bus, 0x80, row) == driver.NOT_COPIED


@pytest.mark.parametrize("at", range(8 * 13))
def test_scratchpad_write_with_one_wrong_bit_is_told(eeprom, bus, at):
    """Whichever bit of the command, address, row or answer flips, the row is not taken as sent."""
    slots = [0]
    writebit, readbit = bus.writebit, bus.readbit

    def flipped(bit):
        slots[0] += 1
        return bit ^ (slots[0] - 1 == at + 8)  # the selection byte is not under test

    bus.writebit = lambda bit: writebit(flipped(bit))
    bus.readbit = lambda: flipped(readbit())
    assert eeprom.write_row(0x48, ROW) == driver.BAD_CRC


def test_verify_tells_what_is_wrong(eeprom, bus):
    eeprom.write_row(0x48, ROW)
    assert eeprom.verify_row(0x40, ROW) == driver.MISMATCH
    assert eeprom.verify_row(0x48, bytes(8)) == driver.MISMATCH
    assert eeprom.verify_row(0x48, ROW) == driver.OK
    readbit = bus.readbit
    count = [0]

    def flipped():
        count[0] += 1
        return readbit() ^ (count[0] == 40)

    bus.readbit = flipped
    assert eeprom.verify_row(0x48, ROW) == driver.BAD_CRC
    bus.readbit = readbit
    bus.chip.cut(bus.now_ns)
    assert eeprom.verify_row(0x48, ROW) == driver.MISMATCH  # PF says the scratchpad lost its power


def test_bound_driver_ignores_other_chips(eeprom, bus):
    assert eeprom.bind(OTHER) == driver.OK  # somebody is there
    assert write(eeprom, bus, 0x48, ROW) == driver.BAD_CRC  # but not the one
    assert eeprom.bind(ROM) == driver.OK
    assert write(eeprom, bus, 0x48, ROW) == driver.OK
    bus.chip.cut(bus.now_ns)
    assert eeprom.write_row(0x48, bytes(8)) == driver.BAD_CRC  # power lost since it was bound
    eeprom.unbind()
    assert eeprom.write_row(0x48, bytes(8)) == driver.OK


def test_absence_is_told_by_every_call(eeprom, bus):
    bus.chip.present = False
    buf = bytearray(8)
    calls = (
        eeprom.read_rom(buf), eeprom.read_begin(0), eeprom.read_memory(0, buf), eeprom.write_row(0, ROW),
        eeprom.verify_row(0, ROW), eeprom.copy_start(0), eeprom.bind(ROM),
    )  # fmt: skip
    assert set(calls) == {driver.ABSENT}


def test_no_call_holds_the_bus_long(eeprom, bus):
    """15 bytes and a reset: 9.4 ms in slots; a reader's piece of 8 bytes 4.5 ms."""
    eeprom.bind(ROM)
    for call in (
        lambda: eeprom.bind(ROM),
        lambda: eeprom.write_row(0x48, ROW),
        lambda: eeprom.verify_row(0x48, ROW),
        lambda: eeprom.copy_start(0x48),
    ):
        before = bus.now_ns
        call()
        assert bus.now_ns - before < 10_000_000


def test_misuse_is_refused(eeprom):
    with pytest.raises(ValueError, match=r"0\.\.143"):
        eeprom.read_memory(0x8F, bytearray(2))
    with pytest.raises(ValueError, match=r"0\.\.143"):
        eeprom.read_begin(-1)
    with pytest.raises(ValueError, match="8 bytes"):
        eeprom.write_row(0x41, ROW)
    with pytest.raises(ValueError, match="8 bytes"):
        eeprom.write_row(0x40, ROW[:7])
    with pytest.raises(ValueError, match=r"0\.\.143"):
        eeprom.write_row(0x90, ROW)
