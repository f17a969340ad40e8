"""The pen's log in FRAM: events, sessions, and every finished stroke before the next one starts.

Invariants: what a call reported as recorded survives any power cut; nothing is overwritten until
`release_oldest` freed it, which is itself an event; a session left open by a cut is closed as POWER_LOST
at the next mount. `stroke` and `event` do not allocate. docs/storage-format.md has every byte.
"""
# A buffer is what viper's pointers take.
# pyright: reportArgumentType=false

import struct
from array import array

import blocks
import events
import micropython
from blocks import AT, BLOCK_WORDS, NEXT_WORD, SEED, SESSION, BlockRing
from crc import TABLE8, crc16
from drivers.fram import TRIES
from layout import BLOCK_BYTES, BLOCK_COUNT
from micropython import const
from records import Counters
from store import EMPTY as RECORD_EMPTY
from store import JOURNAL, RECOVERED, capacity
from store import OK as RECORD_OK

# Stroke flags
SLIP = const(1)  # the motor lost steps
FAULT = const(2)  # a fault was raised during this stroke
PARTIAL = const(4)  # a stop cut it short: it is no finished stroke; left out of the worst error
CLIPPED = const(8)  # a limit made the target shallower than asked
UNMEASURED = const(16)  # nobody measured how far it went: the depth that was commanded stands for it

# Why a session ended. Numbers are in journals: only ever append.
USER = const(1)
TIME_LIMIT = const(2)
FAULTED = const(3)
POWER_LOST = const(4)
CARTRIDGE_END = const(5)
JOURNAL_FULL = const(6)
STROKE_LIMIT = const(7)

# mount()
OK = const(0)
EMPTY = const(1)  # provisioned, nothing recorded yet
RECOVERED_OPEN_SESSION = const(2)
DAMAGED = const(3)  # usable; `damaged` tells how much could not be read
UNPROVISIONED = const(4)  # nothing can be recorded

# Answers below zero of begin_session() and stroke()
NOT_MOUNTED = const(-1)
SESSION_OPEN = const(-2)
NO_SESSION = const(-3)
FULL = const(-4)
NOT_KEPT = const(-5)  # the chip does not return what was written
OUT_OF_RANGE = const(-6)

MIN_ROOM_STROKES = const(9000)  # five minutes at 30 Hz
COMMANDED_MAX_UM = const(4095)
PERIOD_MAX_US = const(1048575)
ROM_BYTES = const(8)
OPERATOR_BYTES = const(8)
CLIENT_TAG_MAX = const(999999)
FAULTS_NAMED = const(3)  # codes that a tail has room for

_HEAD_AT = const(32)
_HEAD_BYTES = const(64)
_TAIL_AT = const(96)
_TAIL_BYTES = const(32)
_PARTIALS_AT = const(19)
_HEAD_LAYOUT = "<12s8s8sHHBBHIIBB2xI"
_TAIL_LAYOUT = "<IHhBBHIHBBHHH"
_FORMAT = const(4)  # of head and tail; 0 was the first, 2 had no flags in the head, 3 no partial strokes
_SUPERVISED = const(1)  # flag of a head
_END = const(0x5A)

# Marks of a word
_COARSE = const(0x10)  # deviation in units of 32 um
_STATE = const(0x40)  # not a stroke: sets what the following strokes are relative to
_EXTENT = const(0x40)
_PERIOD = const(0x60)
_PRESENT = const(0x80)

# What the next stroke's word is relative to, and the session's figures, behind the words that say where it goes
_ZONE = const(3)
_COMMANDED_UM = const(4)
_PERIOD_US = const(5)
_STROKES = const(6)
_WORST_UM = const(7)
_WORDS = const(8)

_REACH_US = const(2032)  # 127 ticks of 16 us: how far from the state's period a word reaches, either way
_NO_PERIOD = const(-4096)  # further than a word reaches from any period
_STROKES_PER_BLOCK = const(120)
_STROKES_FIRST_BLOCK = const(96)


class Journal:
    """`slips`, `partials`, `faults`: of the session open now or closed last, like `strokes_in_session()` and
    `worst_error_um()`.

    `is_open`: a session is. `counters_status`: what the COUNTERS record said when a session was last counted
    (store.OK ...). `keep`: what does `fram.keep` faster, if there is such a thing.
    """

    def __init__(self, fram, store, keep=None):
        self._fram = fram
        self._store = store
        self._state = array("i", [0] * _WORDS)
        # what every stroke needs
        self._bound = (self._state, bytearray(4 + blocks.WORD_BYTES), TABLE8, keep or fram.keep)
        self._ring = BlockRing(fram, self._state)
        self._events = events.EventRing(fram)
        self._key = bytearray(4)
        self._mounted = False
        self.is_open = False
        self._boot = 0
        self._first_block = 0
        self._fault_codes = array("H", [0] * FAULTS_NAMED)
        self.faults = 0
        self.session = 0
        self.slips = 0
        self.partials = 0
        self.damaged = 0
        self.counters_status = RECORD_OK

    def events_lost(self) -> int:
        """Events that were not kept since this was last asked."""
        lost = self._events.lost
        self._events.lost = 0
        return lost

    def event_lost(self, count: int):
        """So many are still to be told."""
        self._events.lost += count

    def strokes_in_session(self) -> int:
        """Strokes on record, partial ones among them: the number of the last one."""
        return self._state[_STROKES]

    def worst_error_um(self) -> int:
        """The signed achieved-minus-commanded of largest size as recorded, without PARTIAL ones."""
        return self._state[_WORST_UM]

    # ---- start ----

    def mount(self, boot: int, uptime_ms: int, under_way=None) -> int:
        """Takes up the log where it was left; OK, EMPTY, RECOVERED_OPEN_SESSION, DAMAGED or UNPROVISIONED.

        `under_way`: the stroke that had begun when the chip was reset, if any is known: (session modulo 16384, number,
        depth_um, zone, flags). It is put on record if it is the next one of the session that is found open.

        `boot`: boot counter, low 16 bits recorded. Takes a few hundred ms on the pen: at boot only.
        OSError: the chip does not keep what is written.
        """
        self._mounted = False
        self._close()
        if not self._store.provisioned():
            return UNPROVISIONED
        self._boot = boot & 0xFFFF
        scratch = bytearray(BLOCK_BYTES)
        had_events = self._events.mount(scratch)
        newest = self._mount_blocks()
        self._mounted = True
        recovered = newest >= 0 and self._settle(newest, scratch, uptime_ms, under_way)
        self.damaged += self._events.damaged
        if recovered:
            return RECOVERED_OPEN_SESSION
        if self.damaged:
            return DAMAGED
        return OK if had_events or newest >= 0 else EMPTY

    def _mount_blocks(self):
        """Restores the live range and the session number; the newest session's first block, -1 if none."""
        ring = self._ring
        payload = bytearray(capacity(JOURNAL))
        status = self._store.read(JOURNAL, payload)
        known = status in (RECORD_OK, RECOVERED)
        released, last_session = struct.unpack_from("<II", payload, 0) if known else (0, 0)
        high, live, low, newest, session = ring.scan(released)
        if status not in (RECORD_OK, RECOVERED, RECORD_EMPTY):
            released = max(low, 0)  # what was released cannot be told: everything found counts as live
        ring.next = max(high + 1, released)
        ring.oldest = max(released, ring.next - BLOCK_COUNT)
        self.damaged = ring.next - ring.oldest - live
        # A damaged header just past the end may belong to a block with strokes: keep it until released.
        while ring.free_blocks() > 0 and ring.inspect(ring.next) == blocks.DAMAGED:
            ring.next += 1
            self.damaged += 1
        counters = Counters()
        counters.load(self._store)
        # a number that was counted is never given again, even when nothing else of its session can be read
        self.session = max(session, last_session, counters.counted_session)
        return newest if newest >= ring.oldest else -1

    def _settle(self, first_block, scratch, uptime_ms, under_way):
        """Closes the newest session if a cut left it open, and counts it; True when it was open."""
        self._first_block = first_block
        self._read_block(first_block, scratch)
        was_open = scratch[_TAIL_AT + _TAIL_BYTES - 1] == 0
        if was_open:
            self._restore_totals(first_block, scratch)
            if under_way is not None and under_way[:2] == (self.session & 0x3FFF, self._state[_STROKES] + 1):
                self._conclude(under_way)
            self._close()
            self._restore_faults()
            self._write_tail(POWER_LOST, 0, uptime_ms)
            self.event(events.SESSION_END, POWER_LOST, self.session, uptime_ms)
        elif _tail_valid(scratch, self.session):
            state = self._state
            state[_STROKES], self.slips, state[_WORST_UM] = struct.unpack_from("<IHh", scratch, _TAIL_AT)
            self.partials = scratch[_TAIL_AT + _PARTIALS_AT]
        else:
            self.damaged += 1
            return False
        self._count_session()
        return was_open

    def _read_block(self, number, buf):
        if not self._fram.read_twice(blocks.address(number), buf):
            raise OSError(f"FRAM gives block {number} not twice alike")

    def _restore_totals(self, first_block, data):
        """Totals of a session without a tail: from the header of its last block and that block's words."""
        ring = self._ring
        last = first_block
        for number in range(first_block + 1, ring.next):
            if ring.inspect(number) == blocks.VALID:
                last = number
        ring.inspect(last)
        fields = ring.header_fields()
        self._state[_STROKES] = fields[6] - 1
        self._state[_WORST_UM] = fields[8]
        self.slips = fields[10]
        self.partials = fields[11]
        self._read_block(last, data)
        seed = blocks.block_seed(data)
        ring.take_up(last, seed)
        self._state[_PERIOD_US] = fields[9]
        first_word = blocks.SESSION_FIRST_WORD if fields[1] == SESSION else blocks.CONTINUED_FIRST_WORD
        self._state[NEXT_WORD] = first_word
        for index in range(first_word, blocks.BLOCK_WORDS):
            at = index * blocks.WORD_BYTES
            mark = data[at + 3]
            if not mark & _PRESENT:
                continue
            self._state[NEXT_WORD] = index + 1
            if mark & _STATE:
                if mark & _PERIOD == _PERIOD:
                    self._state[_PERIOD_US] = data[at] | data[at + 1] << 8 | (mark & 15) << 16
                continue
            self._state[_STROKES] += 1
            if blocks.word_valid(data, at, index, seed, self._key):
                deviation = data[at] - 256 if data[at] & 0x80 else data[at]
                self._tally(deviation * 32 if mark & _COARSE else deviation, mark)

    def _conclude(self, under_way):
        """The stroke that was under way when the chip was reset: the first words behind those that are there."""
        _session, _number, depth_um, zone, flags = under_way
        period_us = self._state[_PERIOD_US] or PERIOD_MAX_US
        self._not_kept()
        self.is_open = True
        answer = self._stroke_and_state(depth_um, 0, period_us, flags, zone)
        self.is_open = False
        if answer == NOT_KEPT:
            raise OSError("FRAM did not keep the stroke that was under way")

    def _restore_faults(self):
        """Faults of a session without a tail, from the events since it began, as far as the ring reaches back."""
        self._forget_faults()
        codes = self._events.faults_of_session()
        for code in codes:
            self._note_fault(code)

    # ---- events ----

    def event(self, kind: int, a: int, b: int, uptime_ms: int) -> bool:
        """True when the event is on record. No allocation. Ranges and ValueError: events.EventRing.append."""
        if not self._mounted or not self._events.append(kind, a, b, self._boot, uptime_ms):
            return False
        if kind == events.FAULT and self.is_open:
            self._note_fault(b)
        return True

    def _forget_faults(self):
        self.faults = 0
        for i in range(FAULTS_NAMED):
            self._fault_codes[i] = 0

    def _note_fault(self, code):
        if self.faults < FAULTS_NAMED:
            self._fault_codes[self.faults] = code & 0xFFFF
        if self.faults < 255:
            self.faults += 1

    # ---- sessions ----

    def begin_session(
        self, rom, operator, firmware_version: int, calibration_id: int, zone_id: int, indication_id: int,
        uptime_ms: int, wall_s: int, client_tag: int = 0, supervised: bool = False,
    ) -> int:  # fmt: skip
        """Opens a session and returns its number (> 0), or a negative answer with nothing on record.

        rom: 8 bytes; operator: up to 8 bytes; firmware_version, calibration_id 0..65535; zone_id,
        indication_id 0..255; uptime_ms, wall_s 0..2**32-1; wall_s counts seconds since 2000-01-01 UTC, 0 when
        the clock is not set. client_tag: 1..999999, a number of the practice's own, never a name; 0 for none.
        supervised: a supervisor unlocked the zone's higher cap. ValueError for a wrong length or tag.
        FULL: less than MIN_ROOM_STROKES left; export and `release_oldest` first.
        """
        if not self._mounted:
            return NOT_MOUNTED
        if self.is_open:
            return SESSION_OPEN
        if len(rom) != ROM_BYTES or len(operator) > OPERATOR_BYTES:
            raise ValueError("a ROM id has 8 bytes, an operator tag at most 8")
        if not 0 <= client_tag <= CLIENT_TAG_MAX:
            raise ValueError(f"a client tag is a number up to {CLIENT_TAG_MAX}, got {client_tag}")
        if self.room_strokes() < MIN_ROOM_STROKES:
            return FULL
        head = bytearray(_HEAD_BYTES)
        struct.pack_into(
            _HEAD_LAYOUT, head, 0, self._store.serial(), bytes(rom), bytes(operator), firmware_version,
            calibration_id, zone_id, indication_id, self._boot, uptime_ms, wall_s, _FORMAT,
            _SUPERVISED if supervised else 0, client_tag,
        )  # fmt: skip
        struct.pack_into("<H", head, _HEAD_BYTES - 2, crc16(head, 0, _HEAD_BYTES - 2))
        if not self._open_first_block(head):
            return NOT_KEPT
        self.is_open = self.event(events.SESSION_START, 0, self.session, uptime_ms)
        if not self.is_open:
            self._close()
            return NOT_KEPT
        return self.session

    def _open_first_block(self, head):
        ring = self._ring
        addr = ring.clear_next()
        kept = self._fram.put(addr + _HEAD_AT, head)
        state = self._state
        state[_ZONE] = state[_COMMANDED_UM] = state[_PERIOD_US] = 0
        if not kept or not ring.open(SESSION, self.session + 1, 1, 0, 0, 0, 0, 0, 0):
            return False
        self._first_block = ring.block
        self.session += 1
        state[_STROKES] = state[_WORST_UM] = self.slips = self.partials = 0
        self._forget_faults()
        return True

    @micropython.viper
    def stroke(self, commanded_um: int, achieved_um: int, period_us: int, flags: int, zone_id: int) -> int:
        """Records one stroke; its number in the session (1..), durable on return. No allocation.

        commanded_um 0..4095; zone_id 0..255; flags: a sum of SLIP, FAULT, PARTIAL, CLIPPED,
        UNMEASURED.
        achieved_um: any; exact within -128..+127 of commanded, beyond that rounded deeper by less than 32 um.
        period_us: from 0, kept to 8 us; 1048575 stands for all longer ones.
        A negative answer means the stroke is not known to be on record: stop.
        """
        words, message, crcs, keep = self._bound
        state = ptr32(words)
        if period_us > PERIOD_MAX_US:
            period_us = PERIOD_MAX_US
        ticks = (period_us - int(state[_PERIOD_US]) + 8) >> 4
        error_um = achieved_um - commanded_um
        index = int(state[int(NEXT_WORD)])
        worst_um = (int(state[_WORST_UM]) & 0xFFFF ^ 0x8000) - 0x8000  # its sign, alike on 32 bits and on 64
        size_um = error_um if error_um >= 0 else 0 - error_um
        if (commanded_um != int(state[_COMMANDED_UM]) or zone_id != int(state[_ZONE]) or ticks < -128 or ticks > 127
                or flags or period_us < 0 or size_um > 127 or index >= int(BLOCK_WORDS)):
            return int(self._stroke_and_state(commanded_um, error_um, period_us, flags, zone_id))
        # all that most strokes need: one word, relative to the state on record
        word = ptr8(message)
        table = ptr8(crcs)
        addr = int(state[int(AT)]) + (index << 2)
        first = error_um & 0xFF
        second = ticks & 0xFF
        word[1] = addr >> 16
        word[2] = addr >> 8 & 0xFF
        word[3] = addr & 0xFF
        word[4] = first
        word[5] = second
        word[6] = table[table[table[table[int(state[int(SEED)]) ^ index] ^ first] ^ second] ^ _PRESENT]
        word[7] = _PRESENT
        if not keep(message) and not self._kept_again():
            return int(self._not_kept())
        state[int(NEXT_WORD)] = index + 1
        if size_um > (worst_um if worst_um >= 0 else 0 - worst_um):
            state[_WORST_UM] = error_um
        number = int(state[_STROKES]) + 1
        state[_STROKES] = number
        return number

    def _stroke_and_state(self, commanded_um, error_um, period_us, flags, zone_id):
        """A stroke whose depth, zone or rate is new, or whose word does not fit the others, or that has no session."""
        if not self.is_open:
            return NO_SESSION
        if not 0 <= commanded_um <= COMMANDED_MAX_UM or not 0 <= zone_id <= 255:
            return OUT_OF_RANGE
        if flags & ~31 or period_us < 0:
            return OUT_OF_RANGE
        if flags & UNMEASURED:
            error_um = 0
        answer = self._set_state(commanded_um, period_us, zone_id)
        if answer < 0:
            return answer
        coarse = 0
        if not -128 <= error_um <= 127:
            error_um = -((-error_um) >> 5)
            error_um = min(127, max(-128, error_um))
            coarse = _COARSE
        ticks = (period_us - self._state[_PERIOD_US] + 8) >> 4
        self._ring.add_word(error_um & 0xFF, ticks & 0xFF, flags | coarse)
        if not self._ring.commit():
            return self._not_kept()
        self._tally(error_um << 5 if coarse else error_um, flags)
        self._state[_STROKES] += 1
        return self._state[_STROKES]

    def _kept_again(self):
        """The word that was not read back as it was written, written and read once more, and again."""
        keep = self._bound[3]
        for _ in range(TRIES):
            self._fram.errors += 1
            if keep(self._bound[1]):
                return True
        return False

    def _not_kept(self):
        """What the chip holds is unknown: write the state words again if there is a next try."""
        self._state[_PERIOD_US] = _NO_PERIOD
        self._state[_COMMANDED_UM] = -1
        return NOT_KEPT

    def _set_state(self, commanded_um, period_us, zone_id):
        """Prepares what must precede the stroke's word: state words, or a new block that holds the state."""
        ring = self._ring
        state = self._state
        moved = zone_id != state[_ZONE] or commanded_um != state[_COMMANDED_UM]
        ticks = (period_us - state[_PERIOD_US] + 8) >> 4
        retimed = not -128 <= ticks <= 127
        if ring.words_left() < 1 + moved + retimed:
            if ring.free_blocks() < 1:
                return FULL
            ring.clear_next()
            if not ring.open(
                blocks.CONTINUED, self.session, state[_STROKES] + 1, zone_id, commanded_um, period_us,
                state[_WORST_UM], self.slips, self.partials,
            ):  # fmt: skip
                return NOT_KEPT
            moved = retimed = False
            state[_PERIOD_US] = period_us
        if moved:
            ring.add_word(zone_id, commanded_um & 0xFF, _EXTENT | commanded_um >> 8)
        if retimed:
            # no further than it must: a stroke that began late makes one period long and the next one short
            near_us = max(0, period_us - _REACH_US) if ticks > 0 else period_us + _REACH_US
            ring.add_word(near_us & 0xFF, (near_us >> 8) & 0xFF, _PERIOD | near_us >> 16)
            state[_PERIOD_US] = near_us
        state[_ZONE] = zone_id
        state[_COMMANDED_UM] = commanded_um
        return 0

    def _tally(self, error_um, flags):
        if flags & SLIP and self.slips < 0xFFFF:
            self.slips += 1
        if flags & PARTIAL:
            self.partials += 1
        elif abs(error_um) > abs(self._state[_WORST_UM]):
            self._state[_WORST_UM] = error_um

    def end_session(self, reason: int, fault_code: int, uptime_ms: int) -> bool:
        """Closes the open session and counts it; True when all of it is on record, False if none was open.

        reason: USER .. STROKE_LIMIT; fault_code 0..65535, 0 = none.
        OSError: the chip does not keep what is written; the session stays open, to be ended once more, or given up.
        """
        if not self.is_open:
            return False
        if not USER <= reason <= STROKE_LIMIT:
            raise ValueError(f"no end reason {reason}")
        self._write_tail(reason, fault_code, uptime_ms)
        self._count_session()
        self._close()
        return self.event(events.SESSION_END, reason, self.session, uptime_ms)

    def give_up(self):
        """The chip keeps nothing: no stroke of this session any more; the next start closes it from what is there."""
        self._close()

    def _close(self):
        """No stroke of this session any more: a block that is full takes none."""
        self.is_open = False
        self._state[NEXT_WORD] = BLOCK_WORDS

    def _write_tail(self, reason, fault_code, uptime_ms):
        tail = bytearray(_TAIL_BYTES)
        struct.pack_into(
            _TAIL_LAYOUT, tail, 0, self._state[_STROKES], self.slips, self._state[_WORST_UM], reason, _FORMAT,
            fault_code, uptime_ms, self._boot, self.faults, min(self.partials, 255), *self._fault_codes,
        )  # fmt: skip
        struct.pack_into("<HBB", tail, 28, _tail_crc(tail, 0, self.session), 0, _END)
        addr = blocks.address(self._first_block) + _TAIL_AT
        if not self._fram.put(addr, tail):
            raise OSError(f"FRAM did not keep the tail of session {self.session}")

    def _count_session(self):
        """Adds the session to the lifetime counters once; leaves a record it cannot read alone."""
        counters = Counters()
        self.counters_status = counters.load(self._store)
        readable = self.counters_status in (RECORD_OK, RECOVERED, RECORD_EMPTY)
        if readable and counters.add_session(self.session, self._state[_STROKES] - self.partials):
            counters.save(self._store)

    # ---- space ----

    def room_strokes(self) -> int:
        """Strokes that still fit; each change of zone, depth or rate costs one of them."""
        room = self._ring.free_blocks() * _STROKES_PER_BLOCK
        if self.is_open:
            return room + self._ring.words_left()
        return max(0, room - (_STROKES_PER_BLOCK - _STROKES_FIRST_BLOCK))

    def used_percent(self) -> int:
        """Share of the blocks that are live, rounded up."""
        used = BLOCK_COUNT - self._ring.free_blocks()
        return (used * 100 + BLOCK_COUNT - 1) // BLOCK_COUNT

    def has_finished(self) -> bool:
        """True when a finished session, or unreadable remains, lie in the FRAM."""
        ring = self._ring
        return self._mounted and ring.oldest < (self._first_block if self.is_open else ring.next)

    def oldest_span(self):
        """(first block number, one past the last, session) of the oldest finished session, or None.

        What an export copies before `release_oldest`; blocks.address(number) is where a block lies.
        The session is 0 when its first block cannot be read.
        """
        ring = self._ring
        end = self._first_block if self.is_open else ring.next
        if not self._mounted or ring.oldest >= end:
            return None
        session = 0
        number = ring.oldest
        while number < end:
            if ring.inspect(number) == blocks.VALID:
                if ring.header_fields()[1] == SESSION and number > ring.oldest:
                    break
                session = session or ring.header_numbers()[1]
            number += 1
        return ring.oldest, number, session

    def next_session(self, after: int, buf) -> int:
        """Fills `buf` (96 bytes) with the head and tail of the next finished session; its first block, -1 if none.

        `after`: the block answered before, -1 to begin.
        """
        ring = self._ring
        end = self._first_block if self.is_open else ring.next
        number = max(after + 1, ring.oldest)
        while self._mounted and number < end:
            if ring.inspect(number) == blocks.VALID and ring.header_fields()[1] == SESSION:
                self._fram.read_into(blocks.address(number) + _HEAD_AT, buf)
                return number
            number += 1
        return -1

    def release_oldest(self, uptime_ms: int) -> int:
        """Lets the oldest finished session be overwritten; its number, 0 for unreadable remains, -1 if none.

        The event comes first: a cut in between leaves a RELEASED event and the session still there.
        OSError: the chip does not keep what is written, and nothing is released.
        """
        span = self.oldest_span()
        if span is None:
            return -1
        if not self.event(events.RELEASED, 0, span[2], uptime_ms):
            raise OSError(f"FRAM did not keep the release of session {span[2]}")
        self._store.write(JOURNAL, struct.pack("<II", span[1], self.session))
        self._ring.oldest = span[1]
        return span[2]


def _tail_crc(data, at, session):
    """CRC-16 of the tail's first 28 bytes, seeded so that it belongs to its session only."""
    return crc16(data, at, 28, (session & 0xFFFF) ^ 0xFFFF)


def _tail_valid(data, session):
    at = _TAIL_AT + 28
    return data[at + 3] == _END and _tail_crc(data, _TAIL_AT, session) == data[at] | data[at + 1] << 8
