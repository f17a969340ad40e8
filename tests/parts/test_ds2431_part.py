"""The simulated DS2431 against its datasheet: ROM functions, scratchpad, copy, protection, loss of power."""

import pytest
from crcs import onewire_crc8, onewire_crc16
from hypothesis import given
from hypothesis import strategies as st
from wires import OneWireBus

from sim.parts import ds2431 as part
from sim.parts.ds2431 import Ds2431

ROM = part.rom_id(0x0123_4567_89AB)
ROW = bytes(range(0x11, 0x19))


class Master:
    """Speaks to the chip in whole bytes, as the datasheet's examples do."""

    def __init__(self, chip):
        self.chip = chip
        self.bus = OneWireBus(chip)

    def reset(self):
        self.bus.pin(0)
        return self.bus.reset()

    def select(self, *select):
        assert self.reset()
        self.bus.write(bytes(select))

    def read(self, count):
        buf = bytearray(count)
        self.bus.readinto(buf)
        return bytes(buf)

    def memory(self, address, count):
        self.select(0xCC, 0xF0, address & 0xFF, address >> 8)
        return self.read(count)

    def scratch(self, address, data):
        self.select(0xCC, 0x0F, address & 0xFF, address >> 8)
        self.bus.write(data)

    def copy(self, address, ending=7, wait_ns=part.PROGRAM_NS):
        self.select(0xCC, 0x55, address & 0xFF, address >> 8, ending)
        self.bus.now_ns += wait_ns
        return self.read(1)[0]

    def store(self, address, data):
        self.scratch(address, data)
        return self.copy(address)


@pytest.fixture
def chip():
    return Ds2431(ROM)


@pytest.fixture
def master(chip):
    return Master(chip)


def test_crc_vectors():
    # Application note 27's ROM number, and the catalogue check value of CRC-16/ARC.
    assert part.crc8(bytes.fromhex("021cb801000000")) == 0xA2 == onewire_crc8(bytes.fromhex("021cb801000000"))
    assert part.crc16(b"123456789") == 0xBB3D == onewire_crc16(b"123456789")


@given(st.binary(max_size=20))
def test_crcs_agree_with_division(data):
    assert part.crc8(data) == onewire_crc8(data)
    assert part.crc16(data) == onewire_crc16(data)


def test_rom_number_has_family_and_crc():
    assert ROM[0] == 0x2D and ROM[1:7] == bytes.fromhex("ab8967452301") and ROM[7] == onewire_crc8(ROM[:7])
    with pytest.raises(ValueError, match="registration number"):
        Ds2431(b"\x2d" + bytes(7))
    with pytest.raises(ValueError, match="48 bits"):
        part.rom_id(1 << 48)


def test_presence(chip, master):
    assert master.reset() is True
    chip.present = False
    assert master.reset() is False and master.read(2) == b"\xff\xff"
    chip.present = True
    chip.unreadable = True
    assert master.reset() is False


@pytest.mark.parametrize("low_ns, answered", [(479_999, False), (480_000, True), (500_000, True)])
def test_only_a_whole_reset_pulse_is_answered(chip, low_ns, answered):
    assert chip.reset(0, low_ns) is answered


def test_a_reset_pulse_too_short_ends_what_was_under_way(chip, master):
    master.select(0x33)
    assert master.read(1) == ROM[:1]
    assert master.bus.reset() is False
    assert master.read(7) == b"\xff" * 7


def test_read_rom(master):
    master.select(0x33)
    assert master.read(8) == ROM
    master.bus.write(b"\xf0\x85\x00")  # memory functions may follow
    assert master.read(1) == b"\x00"


def test_match_rom_wants_every_bit(master):
    master.select(0x55, *ROM, 0xF0, 0x80, 0x00)
    assert master.read(8) == bytes(8)
    for bit in range(64):
        other = bytearray(ROM)
        other[bit >> 3] ^= 1 << (bit & 7)
        master.select(0x55, *other, 0xF0, 0x80, 0x00)
        assert master.read(8) == b"\xff" * 8


def test_resume_follows_a_match_until_another_selection_or_power_loss(chip, master):
    def resumed():
        master.select(0xA5, 0xF0, 0x80, 0x00)
        return master.read(1) == b"\x00"

    assert not resumed()
    master.select(0x55, *ROM)
    assert resumed() and resumed()
    chip.cut(master.bus.now_ns)
    assert not resumed()
    master.select(0x55, *ROM)
    master.select(0xCC)
    assert not resumed()


def test_search_finds_the_number(master):
    master.select(0xF0)
    found = 0
    for i in range(64):
        bit, complement = master.bus.readbit(), master.bus.readbit()
        assert bit != complement
        found |= bit << i
        master.bus.writebit(bit)
    assert found.to_bytes(8, "little") == ROM
    master.bus.write(b"\xf0\x80\x00")
    assert master.read(1) == b"\x00"


def test_search_loser_falls_silent(master):
    master.select(0xF0)
    bit = master.bus.readbit()
    master.bus.readbit()
    master.bus.writebit(1 - bit)
    assert master.read(4) == b"\xff" * 4


def test_unknown_commands_are_ignored(master):
    master.select(0x3C, 0xF0, 0x80, 0x00)  # overdrive is not modelled
    assert master.read(1) == b"\xff"
    master.select(0xCC, 0x12, 0x80, 0x00)
    assert master.read(1) == b"\xff"


def test_the_datasheets_example(chip, master):
    """Write 8 bytes to page 1, read the whole memory ("Memory Function Example")."""
    master.scratch(0x20, ROW)
    crc = onewire_crc16(b"\x0f\x20\x00" + ROW) ^ 0xFFFF
    assert master.read(3) == crc.to_bytes(2, "little") + b"\xff"
    master.select(0xCC, 0xAA)
    crc = onewire_crc16(b"\xaa\x20\x00\x07" + ROW) ^ 0xFFFF
    assert master.read(14) == b"\x20\x00\x07" + ROW + crc.to_bytes(2, "little") + b"\xff"
    assert master.copy(0x20) == 0xAA
    assert master.read(1) == b"\xaa"
    assert master.memory(0, 146) == bytes(chip.memory) + b"\xff\xff"
    assert chip.memory[0x20:0x28] == ROW and chip.copies == 1


def test_after_a_copy_aa_is_set(master):
    master.store(0x20, ROW)
    master.select(0xCC, 0xAA)
    assert master.read(3)[2] == 0x87
    master.scratch(0x20, ROW)
    master.select(0xCC, 0xAA)
    assert master.read(3)[2] == 0x07


def test_short_row_sets_pf_and_blocks_the_copy(chip, master):
    master.scratch(0x20, ROW[:5])
    master.select(0xCC, 0xAA)
    assert master.read(3) == b"\x20\x00\x24"  # PF, ending offset 4
    assert master.copy(0x20, ending=0x24) == 0xFF and master.copy(0x20) == 0xFF
    assert chip.copies == 0


def test_copy_wants_the_authorization_and_a_row_start(chip, master):
    master.scratch(0x20, ROW)
    assert master.copy(0x28) == 0xFF and master.copy(0x20, ending=0x06) == 0xFF
    master.scratch(0x23, ROW[:5])
    assert master.copy(0x23) == 0xFF
    master.scratch(0x88, ROW)
    assert master.copy(0x88) == 0xFF
    assert chip.copies == 0


def test_read_from_beyond_gives_ones(master):
    assert master.memory(0x90, 2) == b"\xff\xff"


def test_power_loss_forgets_the_scratchpad(chip, master):
    master.scratch(0x20, ROW)
    chip.cut(master.bus.now_ns)
    master.select(0xCC, 0xAA)
    assert master.read(3)[2] & 0x20
    assert master.copy(0x20) == 0xFF


@pytest.mark.parametrize("page", range(4))
def test_eprom_mode_only_clears_bits(chip, master, page):
    chip.memory[0x80 + page] = 0xAA
    row = page * 32 + 8
    assert master.store(row, b"\xf0" * 8) == 0xAA and chip.memory[row : row + 8] == b"\xf0" * 8
    assert master.store(row, b"\x3c" * 8) == 0xAA and chip.memory[row : row + 8] == b"\x30" * 8
    assert master.store(row, b"\xff" * 8) == 0xAA and chip.memory[row : row + 8] == b"\x30" * 8


@given(
    st.lists(st.tuples(st.binary(min_size=8, max_size=8), st.floats(0, 1)), max_size=5), st.integers(0, 99)
)
def test_nothing_sets_a_bit_in_eprom_mode_without_erase(writes, seed):
    chip = Ds2431(ROM, seed=seed, erase_first=False)
    chip.memory[0x82] = 0xAA
    master = Master(chip)
    for data, share in writes:
        before = int.from_bytes(chip.memory[0x58:0x60], "little")
        master.scratch(0x58, data)
        master.select(0xCC, 0x55, 0x58, 0, 7)
        master.bus.now_ns += int(share * part.PROGRAM_NS)
        chip.cut(master.bus.now_ns)
        assert int.from_bytes(chip.memory[0x58:0x60], "little") & ~before == 0


def test_write_protection_keeps_content_but_allows_refresh(chip, master):
    chip.memory[0x60:0x68] = ROW
    chip.memory[0x83] = 0x55
    assert master.store(0x60, bytes(8)) == 0xAA and chip.memory[0x60:0x68] == ROW
    chip.memory[0x84] = 0x55
    assert master.store(0x60, bytes(8)) == 0xFF
    assert master.store(0x20, ROW) == 0xAA  # open pages stay open
    assert master.store(0x80, bytes(8)) == 0xFF


def test_protection_codes_lock_themselves(chip, master):
    assert master.store(0x80, bytes([0xAA, 0x55, 0x12, 0, 0, 0x99, 0x42, 0x43])) == 0xAA
    assert chip.memory[0x80:0x88] == bytes([0xAA, 0x55, 0x12, 0, 0, 0, 0x42, 0x43])  # 85h is the factory's
    assert master.store(0x80, bytes(8)) == 0xAA
    assert chip.memory[0x80:0x88] == bytes([0xAA, 0x55, 0, 0, 0, 0, 0, 0])
    chip.memory[0x85] = 0xAA
    master.store(0x80, b"\x01" * 8)
    assert chip.memory[0x86:0x88] == bytes(2)


@pytest.mark.parametrize("erase_first", [True, False])
def test_a_torn_row_is_between_old_and_new(erase_first):
    seen = set()
    for permille in range(0, 1000, 50):
        chip = Ds2431(ROM, bytes(8), seed=1, erase_first=erase_first)
        master = Master(chip)
        master.scratch(0, ROW)
        master.select(0xCC, 0x55, 0, 0, 7)
        chip.remove(master.bus.now_ns + permille * part.PROGRAM_NS // 1000)
        row = bytes(chip.memory[:8])
        seen.add(row)
        if not erase_first:
            assert all(byte & ~new == 0 for byte, new in zip(row, ROW, strict=True))
        assert chip.copies == 0
    assert bytes(8) in seen and len(seen) > 10
    assert (b"\xff" * 8 in seen) == erase_first


def test_a_finished_copy_is_not_torn(chip, master):
    master.scratch(0, ROW)
    master.select(0xCC, 0x55, 0, 0, 7)
    chip.remove(master.bus.now_ns + part.PROGRAM_NS)
    assert chip.memory[:8] == ROW


def test_bus_activity_while_programming_tears(chip, master):
    master.scratch(0, ROW)
    assert master.copy(0, wait_ns=part.PROGRAM_NS // 2) == 0xFF
    assert chip.memory[:8] != ROW and chip.copies == 0
    master.select(0xCC, 0xAA)
    assert master.read(3)[2] & 0x20


def test_corrupt_bit_reads_inverted(chip, master):
    chip.corrupt_bit = (0x21, 3)
    assert master.memory(0x20, 3) == bytes([0xFF, 0xF7, 0xFF])
    assert chip.memory[0x21] == 0xFF


def test_whole_byte_calls_are_the_same_slots(chip):
    assert chip.reset(0)
    for i, byte in enumerate((0xCC, 0xF0, 0x80, 0x00)):
        chip.write_byte(byte, (1 + i) * 10**6)
    assert chip.read_byte(10**7) == 0x00
    with pytest.raises(ValueError, match="144"):
        Ds2431(ROM, bytes(145))
