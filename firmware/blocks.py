"""The ring of 512-byte blocks that hold sessions: which are live, how one is opened, how words are appended.

Invariants: block number n lies at position n % 472 and nowhere else; a block is cleared whole before its
header makes it valid, so nothing stale is ever read in it; the last byte of a header or word is its presence
mark, so one cut short counts as absent; blocks from `oldest` to `next` are live and never overwritten.
Opening a block and appending do not allocate.
"""

import struct

from crc import CRC8_SEED, crc8, crc16
from drivers.fram import TRIES
from layout import BLOCK_BASE, BLOCK_BYTES, BLOCK_COUNT
from micropython import const

HEADER_BYTES = const(32)
WORD_BYTES = const(4)
BLOCK_WORDS = const(128)  # header included
CONTINUED_FIRST_WORD = const(8)
SESSION_FIRST_WORD = const(32)

# Kinds of block
SESSION = const(1)  # the first block of a session: head and tail lie before its words
CONTINUED = const(2)

# What the header of a block number says
FREE = const(0)  # nothing of that number there
VALID = const(1)
DAMAGED = const(2)

_MAGIC = const(0xB5)
_END = const(0x5A)
_AT_CRC = const(28)
_AT_END = const(31)
_LAYOUT = "<BBBBIIIHhIHH"
_PRESENT = const(0x80)

# Where the next word goes, and what its CRC starts from: words of a buffer that the journal brings along
NEXT_WORD = const(0)  # its index in the block, BLOCK_WORDS in a full one
AT = const(1)  # the block's byte address
SEED = const(2)


class BlockRing:
    """`block`: where the next word goes, and in `place` the rest. `oldest`..`next`-1: the live block numbers."""

    def __init__(self, fram, place):
        self._fram = fram
        self._zeros = bytes(BLOCK_BYTES)
        self._header = bytearray(HEADER_BYTES)
        self._words = bytearray(3 * WORD_BYTES)
        whole = memoryview(self._words)
        self._spans = (whole[:4], whole[:8], whole)
        self._key = bytearray(WORD_BYTES)
        self._place = place
        place[NEXT_WORD] = BLOCK_WORDS
        self._count = 0
        self.oldest = 0
        self.next = 0
        self.block = 0

    # ---- finding what is there ----

    def scan(self, released: int):
        """Reads every header: (highest number, how many at or above `released`, the lowest of those,
        the newest block that begins a session, its session); -1 where there is none.

        OSError: the chip does not give the same twice. What is live must not be taken for free on one reading.
        """
        found = self._scan(released)
        for _ in range(TRIES):
            before = found
            found = self._scan(released)
            if found == before:
                return found
            self._fram.errors += 1
        raise OSError("FRAM gives no blocks twice alike")

    def _scan(self, released):
        high = low = newest = session = -1
        live = 0
        for position in range(BLOCK_COUNT):
            if self._load(position) != VALID:
                continue
            number, owner = self.header_numbers()
            high = max(high, number)
            if number >= released:
                live += 1
                low = number if low < 0 else min(low, number)
            if self._header[1] == SESSION and number > newest:
                newest, session = number, owner
        return high, live, low, newest, session

    def inspect(self, number: int) -> int:
        """FREE, VALID or DAMAGED for a block number; VALID leaves its header for `header_fields`."""
        position = number % BLOCK_COUNT
        state = self._load(position)
        if state != VALID:  # once more: one reading may be wrong
            state = self._load(position)
        return FREE if state == VALID and self.header_numbers()[0] != number else state

    def header_numbers(self):
        """(block number, session) of the header last inspected."""
        return struct.unpack_from("<II", self._header, 4)

    def header_fields(self):
        """(magic, kind, zone, 0, number, session, first stroke, commanded, worst, period, slips, partials)."""
        return struct.unpack_from(_LAYOUT, self._header, 0)

    def _load(self, position):
        """State of the header at a position, whatever its number."""
        header = self._header
        self._fram.read_into(BLOCK_BASE + position * BLOCK_BYTES, header)
        if header[0] == 0 or header[_AT_END] == 0:
            return FREE  # erased, or its clearing or its writing was cut: nothing was promised yet
        if header[0] != _MAGIC or header[_AT_END] != _END or header[1] not in (SESSION, CONTINUED):
            return DAMAGED
        if crc16(header, 0, _AT_CRC) != header[_AT_CRC] | header[_AT_CRC + 1] << 8:
            return DAMAGED
        return VALID if self.header_numbers()[0] % BLOCK_COUNT == position else DAMAGED

    # ---- space ----

    def free_blocks(self) -> int:
        return BLOCK_COUNT - (self.next - self.oldest)

    def words_left(self) -> int:
        return BLOCK_WORDS - self._place[NEXT_WORD]

    # ---- writing ----

    def clear_next(self) -> int:
        """Erases the next block and returns its byte address. The caller has checked `free_blocks`."""
        addr = address(self.next)
        self._fram.write(addr, self._zeros)
        return addr

    def open(self, kind, session, first_stroke, zone_id, commanded_um, period_us, worst_um, slips, partials) -> bool:
        """Makes the cleared next block valid and current; False when the chip did not keep the header."""
        header = self._header
        struct.pack_into(
            _LAYOUT, header, 0, _MAGIC, kind, zone_id, 0, self.next, session, first_stroke,
            commanded_um, worst_um, period_us, slips, partials,
        )  # fmt: skip
        crc = crc16(header, 0, _AT_CRC)
        header[_AT_CRC] = crc & 0xFF
        header[_AT_CRC + 1] = crc >> 8
        header[_AT_CRC + 2] = 0
        header[_AT_END] = _END
        addr = address(self.next)
        if not self._fram.put(addr, header):
            return False
        self.block = self.next
        self.next += 1
        place = self._place
        place[AT] = addr
        place[NEXT_WORD] = SESSION_FIRST_WORD if kind == SESSION else CONTINUED_FIRST_WORD
        place[SEED] = block_seed(header)
        self._count = 0
        return True

    def take_up(self, number: int, seed: int):
        """Make a block that is there the current one; whoever does says where its next word goes."""
        self.block = number
        place = self._place
        place[AT] = address(number)
        place[SEED] = seed
        self._count = 0

    def add_word(self, first: int, second: int, mark: int):
        """Prepares one word (two bytes and the mark, 0..127) behind those prepared before; at most three."""
        at = self._count * WORD_BYTES
        words = self._words
        words[at] = first
        words[at + 1] = second
        words[at + 3] = mark | _PRESENT
        key = self._key
        key[0] = self._place[NEXT_WORD] + self._count
        key[1] = first
        key[2] = second
        key[3] = mark | _PRESENT
        words[at + 2] = crc8(key, 0, WORD_BYTES, self._place[SEED])
        self._count += 1

    def commit(self) -> bool:
        """Stores the prepared words at once; False when the chip did not keep them (they may be repeated)."""
        count = self._count
        self._count = 0
        span = self._spans[count - 1]
        place = self._place
        addr = place[AT] + place[NEXT_WORD] * WORD_BYTES
        if not self._fram.put(addr, span):
            return False
        place[NEXT_WORD] += count
        return True


def address(number: int) -> int:
    """Byte address of a block number."""
    return BLOCK_BASE + number % BLOCK_COUNT * BLOCK_BYTES


def block_seed(header) -> int:
    """What the CRC-8 of a block's words starts from: the CRC-8 of its number."""
    return crc8(header, 4, 4, CRC8_SEED)


def word_valid(data, at: int, index: int, seed: int, key) -> bool:
    """True when data[at:at+4] is intact as word `index` of its block. `key`: 4 bytes of scratch."""
    key[0] = index
    key[1] = data[at]
    key[2] = data[at + 1]
    key[3] = data[at + 3]
    return crc8(key, 0, WORD_BYTES, seed) == data[at + 2]
