"""The firmware's checksums against published values and the standard library; the FRAM driver on its bus."""

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage_bench import Bench

from crc import crc8, crc16
from drivers.fram import SIZE

CHECK = b"123456789"


def test_published_check_values():
    # CRC-16/CCITT-FALSE and CRC-8/SMBUS of the customary string (reveng catalogue)
    assert crc16(CHECK, 0, 9) == 0x29B1
    assert crc8(CHECK, 0, 9, 0) == 0xF4


@given(st.binary(max_size=80), st.integers(0, 80), st.integers(0, 0xFFFF))
def test_parts_chain_and_agree_with_the_standard_library(data, cut, seed):
    cut = min(cut, len(data))
    assert crc16(data, 0, len(data), seed) == binascii.crc_hqx(data, seed)
    assert crc16(data, cut, len(data) - cut, crc16(data, 0, cut, seed)) == binascii.crc_hqx(data, seed)
    seed &= 0xFF
    assert crc8(data, cut, len(data) - cut, crc8(data, 0, cut, seed)) == crc8(data, 0, len(data), seed)


@given(st.binary(min_size=1, max_size=30), st.data())
def test_any_burst_of_eight_bits_changes_the_crc8(data, draw):
    position = draw.draw(st.integers(0, len(data) - 1))
    flipped = bytearray(data)
    flipped[position] ^= draw.draw(st.integers(1, 255))
    assert crc8(flipped, 0, len(data)) != crc8(data, 0, len(data))


def test_identity():
    bench = Bench()
    assert bench.fram.check_id()
    for fault in ("stuck_low", "stuck_high", "absent"):
        bench.chip.fault = fault
        assert not bench.fram.check_id()


@given(st.integers(0, SIZE - 1), st.binary(min_size=1, max_size=40))
def test_write_read_compare(addr, data):
    bench = Bench()
    if addr + len(data) > SIZE:
        for call in (bench.fram.write, bench.fram.matches):
            with pytest.raises(ValueError):
                call(addr, data)
        assert bench.chip.image == bytes(SIZE)
        return
    bench.fram.write(addr, data)
    back = bytearray(len(data))
    bench.fram.read_into(addr, back)
    assert back == data
    assert bench.fram.matches(addr, data)
    bench.chip.corrupt(addr + len(data) - 1, 0x10)
    assert not bench.fram.matches(addr, data)


def test_negative_address_is_refused():
    with pytest.raises(ValueError, match="leaves"):
        Bench().fram.read_into(-1, bytearray(4))
