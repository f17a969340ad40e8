"""What of the record memory may leave the pen: all of it, but the technician's key and the supervisor's code as zeros.

The CRC of a record with a secret is that of what is shown, so that a reader finds the rest of it sound; a record that
was damaged stays so. The place of a secret is withheld whatever state its slot is in.
"""

from crc import CRC16_SEED, crc16
from layout import HALF_SLOT_BYTES
from micropython import const
from store import HEADER_BYTES, KEY, SETTINGS, slot_address

_KEY_AT = const(0)  # in the payload
_KEY_END = const(32)
_CODE_AT = const(6)  # the salt, then the hash
_CODE_END = const(30)
_AT_CRC = const(12)


def read_into(fram, addr: int, buf):
    """Like Fram.read_into, with zeros for secrets. At rest only: it allocates. OSError as that of the chip."""
    fram.read_into(addr, buf)
    for slot in (0, 1):
        _withhold(fram, slot_address(SETTINGS, slot), _CODE_AT, _CODE_END, addr, buf)
        _withhold(fram, slot_address(KEY, slot), _KEY_AT, _KEY_END, addr, buf)


def _withhold(fram, at, first, end, addr, buf):
    """Puts what may be seen of the slot at `at` over those bytes of `buf`, read from `addr`, that are of it."""
    low = max(at, addr)
    high = min(at + HALF_SLOT_BYTES, addr + len(buf))
    if low >= high:
        return
    slot = bytearray(HALF_SLOT_BYTES)
    fram.read_into(at, slot)
    length = slot[4] | slot[5] << 8
    whole = length <= HALF_SLOT_BYTES - HEADER_BYTES
    sound = whole and _sum(slot, length) == slot[_AT_CRC] | slot[_AT_CRC + 1] << 8
    for i in range(HEADER_BYTES + first, HEADER_BYTES + end):
        slot[i] = 0
    if sound:
        shown = _sum(slot, length)
        slot[_AT_CRC] = shown & 0xFF
        slot[_AT_CRC + 1] = shown >> 8
    buf[low - addr : high - addr] = slot[low - at : high - at]


def _sum(slot, length):
    return crc16(slot, HEADER_BYTES, length, crc16(slot, 0, _AT_CRC, CRC16_SEED))
