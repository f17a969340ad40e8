"""The simulated MB85RS2MTA against its datasheet: latch, addressing, identity, sleep, protection, power."""

import pytest

from sim.parts import fram
from sim.parts.fram import SIZE, WAKE_NS, Fram


def talk(chip, *tx, t_ns=0):
    """One selection: the bytes given, then what came back."""
    chip.select(t_ns)
    rx = chip.transfer(bytes(tx), t_ns)
    chip.deselect(t_ns)
    return rx


def write(chip, addr, data):
    talk(chip, fram.WREN)
    talk(chip, fram.WRITE, addr >> 16 & 0xFF, addr >> 8 & 0xFF, addr & 0xFF, *data)


def read(chip, addr, count):
    return talk(chip, fram.READ, addr >> 16 & 0xFF, addr >> 8 & 0xFF, addr & 0xFF, *bytes(count))[4:]


def test_identity_repeats():
    assert talk(Fram(), fram.RDID, *bytes(6))[1:] == bytes.fromhex("047f4803047f")


def test_write_needs_the_latch_and_the_latch_falls_after_each_write():
    chip = Fram()
    talk(chip, fram.WRITE, 0, 0, 5, 1)
    assert read(chip, 5, 1) == b"\0"
    write(chip, 5, b"\x11")
    talk(chip, fram.WRITE, 0, 0, 5, 0x22)
    assert read(chip, 5, 1) == b"\x11"
    talk(chip, fram.WREN)
    assert talk(chip, fram.RDSR, 0)[1] & fram.WEL
    talk(chip, fram.WRDI)
    assert not talk(chip, fram.RDSR, 0)[1] & fram.WEL


def test_latch_survives_a_read():
    chip = Fram()
    talk(chip, fram.WREN)
    read(chip, 0, 4)
    assert talk(chip, fram.RDSR, 0)[1] & fram.WEL


def test_address_rolls_over_and_upper_bits_are_ignored():
    chip = Fram()
    seen = []
    chip.on_write = lambda addr, length: seen.append((addr, length))
    write(chip, SIZE - 2, b"abcd")
    assert seen == [(SIZE - 2, 2), (0, 2)]
    assert read(chip, SIZE - 2, 4) == b"abcd"
    assert read(chip, SIZE * 5 + SIZE - 2, 4) == b"abcd"


def test_fast_read_has_a_dummy_byte():
    chip = Fram()
    write(chip, 0x12345, b"xyz")
    assert talk(chip, fram.FSTRD, 1, 0x23, 0x45, 0, 0, 0, 0)[5:] == b"xyz"


@pytest.mark.parametrize(
    ("bits", "first"), [(0, SIZE), (fram.BP0, 0x30000), (fram.BP1, 0x20000), (fram.BP0 | fram.BP1, 0)]
)
def test_block_protection(bits, first):
    chip = Fram()
    talk(chip, fram.WREN)
    talk(chip, fram.WRSR, bits)
    for addr in {0, max(first - 1, 0), min(first, SIZE - 1), SIZE - 1}:
        write(chip, addr, b"\x77")
        assert (read(chip, addr, 1) == b"\x77") == (addr < first)


def test_status_needs_the_latch_and_is_locked_by_wpen_with_wp_low():
    chip = Fram()
    talk(chip, fram.WRSR, 0x0C)
    assert talk(chip, fram.RDSR, 0)[1] == 0
    talk(chip, fram.WREN)
    talk(chip, fram.WRSR, 0x80 | 0x70)
    assert talk(chip, fram.RDSR, 0)[1] == 0xF0
    chip.wp_high = False
    talk(chip, fram.WREN)
    talk(chip, fram.WRSR, 0)
    assert talk(chip, fram.RDSR, 0)[1] & 0xF0 == 0xF0


def test_sleep_ignores_commands_until_it_woke():
    chip = Fram()
    write(chip, 0, b"\x5a")
    talk(chip, fram.SLEEP)
    assert talk(chip, fram.RDID, 0, 0, t_ns=10_000) == b"\xff\xff\xff"
    assert talk(chip, fram.READ, 0, 0, 0, 0, t_ns=10_000 + WAKE_NS)[4] == 0x5A


def test_cut_keeps_exactly_the_bytes_clocked_in():
    for kept in range(9):
        chip = Fram()
        talk(chip, fram.WREN)
        chip.cut_after(4 + kept)
        talk(chip, fram.WRITE, 0, 1, 0, *b"ABCDEFGH")
        write(chip, 0x200, b"lost without power" if kept < 8 else b"")
        chip.power_on()
        assert read(chip, 0x100, 8) == b"ABCDEFGH"[:kept].ljust(8, b"\0")
        assert read(chip, 0x200, 4) == bytes(4)


def test_power_on_clears_the_latch():
    chip = Fram()
    talk(chip, fram.WREN)
    chip.cut()
    chip.power_on()
    assert not talk(chip, fram.RDSR, 0)[1] & fram.WEL


@pytest.mark.parametrize(("fault", "level"), [("stuck_low", 0), ("stuck_high", 0xFF), ("absent", 0xFF)])
def test_faults_show_on_miso(fault, level):
    chip = Fram()
    chip.fault = fault
    write(chip, 0, b"\x12")
    assert set(talk(chip, fram.RDID, *bytes(4))) == {level}
    chip.fault = ""
    assert read(chip, 0, 1) == (b"\0" if fault == "absent" else b"\x12")


def test_bad_use_is_refused(tmp_path):
    chip = Fram()
    for misuse in (
        lambda: chip.load(bytes(3)),
        lambda: setattr(chip, "fault", "broken"),
        lambda: chip.cut_after(-1),
        lambda: chip.corrupt(SIZE, 1),
        lambda: chip.corrupt(0, 0),
    ):
        with pytest.raises(ValueError):
            misuse()
    write(chip, 9, b"kept")
    chip.save_file(tmp_path / "image.bin")
    other = Fram()
    other.load_file(tmp_path / "image.bin")
    assert other.image == chip.image


@pytest.mark.parametrize("pieces", [1, 3, 16])
def test_a_write_is_told_once_when_it_ends_however_its_bytes_come(pieces):
    part, told = Fram(), []
    part.power_on()
    part.on_write = lambda addr, length: told.append((addr, length))
    part.select(0)
    part.transfer(b"\x06", 0)
    part.deselect(0)
    message = b"\x02\x00\x12\x34" + bytes(range(12))
    part.select(0)
    for at in range(0, 16, pieces):
        part.transfer(message[at : at + pieces], 0)
        assert told == []
    part.deselect(0)
    assert told == [(0x1234, 12)]
    part.select(0)
    part.deselect(0)
    assert told == [(0x1234, 12)]
