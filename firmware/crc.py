"""CRC-16/CCITT-FALSE and CRC-8/SMBUS over part of a buffer, without allocating.

Tables are built once at import; a call touches only small integers, so both may run while needles move.
Chaining: the result of one call is the seed of the next.
"""

from array import array

CRC16_SEED = 0xFFFF
CRC8_SEED = 0xFF


def _table16() -> array:
    """256 remainders of the polynomial x^16+x^12+x^5+1 (0x1021), most significant bit first."""
    table = array("H", bytearray(512))
    for value in range(256):
        crc = value << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1
        table[value] = crc
    return table


def _table8() -> bytearray:
    """256 remainders of the polynomial x^8+x^2+x+1 (0x07), most significant bit first."""
    table = bytearray(256)
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = ((crc << 1) ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
        table[value] = crc
    return table


_TABLE16 = _table16()
TABLE8 = _table8()


def crc16(buf, start: int, length: int, seed: int = CRC16_SEED) -> int:
    """CRC-16 (0..65535) of buf[start:start+length]; poly 0x1021, not reflected, no final XOR."""
    table = _TABLE16
    crc = seed
    for i in range(start, start + length):
        crc = ((crc << 8) & 0xFF00) ^ table[(crc >> 8) ^ buf[i]]
    return crc


def crc8(buf, start: int, length: int, seed: int = CRC8_SEED) -> int:
    """CRC-8 (0..255) of buf[start:start+length]; poly 0x07, not reflected, no final XOR."""
    table = TABLE8
    crc = seed
    for i in range(start, start + length):
        crc = table[crc ^ buf[i]]
    return crc
