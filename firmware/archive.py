"""The archive: finished sessions leave the FRAM for files in flash, each naming the digest of the one before.

Invariants: a session is released in the FRAM only when its entry was read back whole; an entry is erased only after
its export; a power cut at any access leaves the old state or the new one. Flash stops the CPU for 45 ms at a time:
`step` does one small piece and is for a pen at rest only. docs/storage-format.md has every byte.
"""

import struct

import blocks
import events
from crc import crc16
from entry import (
    DIGEST_BYTES,
    DIRECTORY,
    HEAD_BYTES,
    IO_ERROR,
    Entry,
    flash_blocks,
    name_of,
    number_of,
    path_of,
)
from layout import BLOCK_BYTES
from micropython import const
from store import ARCHIVE, CORRUPT, EMPTY, OK, RECOVERED, capacity

# What a start found; `a` of the event `archive`, only ever append
WHOLE = const(0)
NEW = const(1)
LOST = const(2)  # not what the FRAM remembers: the user must know; `begin_anew` goes on
TAKEN_OVER = const(3)  # the FRAM knew of no archive, the flash holds one of this pen
FAILED = const(4)  # an entry could not be written; sessions stay in the FRAM; `b` of the event is the error's number
UNREADABLE = const(5)  # record 8 is of a newer firmware: nothing is moved

ID_BYTES = const(32)
BUDGET_BLOCKS = const(144)  # of the filesystem's 352; the rest is for its folder and two slots of up to 95 blocks each
WARN_PERCENT = const(80)

_FORMAT = const(1)
_SESSION_AT = const(12)  # in an entry
_ID_LAYOUT = "<4sB3x12sII"
_RECORD_LAYOUT = "<IIII32s"

# errno
_NOT_THERE = const(2)
_NO_ROOM = const(12)
_EXISTS = const(17)
_NOT_EMPTY = const(39)


class Archive:
    """`entries`, `oldest`, `exported`: numbers of the newest entry, the oldest kept, the newest exported.

    `failure`: number of the error that stopped the last try, 0 if none; `full`: no entry may be erased for the next
    one. `retry` tries again.
    """

    def __init__(self, fram, store, journal, files, budget_blocks: int = BUDGET_BLOCKS):
        self._fram = fram
        self._store = store
        self._journal = journal
        self._files = files
        self._budget_blocks = budget_blocks
        self._entry = None  # being written
        self._proven = None  # written, not yet in the record
        self._now_ms = 0
        self._wall_s = 0
        self._left_over = None  # a file to remove: of a cut, or erased by the rule
        self._anew = False
        self._boot = 0
        self._digest = bytes(DIGEST_BYTES)
        self.entries = 0
        self.oldest = 1
        self.exported = 0
        self.archived_blocks = 0
        self.used_blocks = 0
        self.failure = 0
        self.full = False
        self.status = UNREADABLE

    # ---- start ----

    def mount(self, boot: int, uptime_ms: int) -> int:
        """Holds the flash against the FRAM's memory of it; WHOLE, NEW, LOST, TAKEN_OVER or UNREADABLE. Not moving.

        After the journal's. OSError: the FRAM answered wrong meanwhile, and what looks lost need not be.
        """
        self._boot = boot
        errors = self._fram.errors
        payload = bytearray(capacity(ARCHIVE))
        record = self._store.read(ARCHIVE, payload)
        known = record in (OK, RECOVERED) and self._store.length == struct.calcsize(_RECORD_LAYOUT)
        if not known and record not in (EMPTY, CORRUPT):
            self.status = UNREADABLE
            return UNREADABLE
        if known:
            self.entries, self.oldest, self.exported, self.archived_blocks, self._digest = struct.unpack_from(
                _RECORD_LAYOUT, payload, 0)
        try:
            self.status = self._compare(known, record == EMPTY)
        except OSError as error:
            self.failure = _number_of_error(error)
            self.status = LOST
        if self.status == LOST and self._fram.errors != errors:
            raise OSError("FRAM answers wrong")
        if self.status != WHOLE:
            self._journal.event(events.ARCHIVE, self.status, self.entries, uptime_ms)
        return self.status

    def _compare(self, known, blank):
        ours = self._identify()
        if ours is None:
            if known or not blank:
                return LOST
            self._make(1)
            return NEW
        if not ours:
            return LOST
        low, high, count = self._survey(known)
        if not known:
            self.oldest = low or 1
            self.entries = high
            self._digest = self._digest_of(high) if high else bytes(DIGEST_BYTES)
            self._save()
            return TAKEN_OVER
        if count != self.entries - self.oldest + 1:
            return LOST
        if count and self._digest_of(self.entries) != self._digest:
            return LOST
        return WHOLE

    def _identify(self):
        """True for an archive of this pen, None where there is none, False for any other."""
        try:
            with self._files.open(path_of("id"), "rb") as file:
                data = file.read(ID_BYTES)
        except OSError as error:
            if error.errno != _NOT_THERE:
                raise
            return None
        if len(data) < ID_BYTES or data[:5] != b"PLID\x01":
            return False
        sound = crc16(data, 0, ID_BYTES - 2) == data[ID_BYTES - 2] | data[ID_BYTES - 1] << 8
        return sound and bytes(data[8:20]).rstrip(b"\0") == self._store.serial()

    def _survey(self, known):
        """(lowest, highest number, how many entries there are); what a cut left over is noted for removal."""
        low = high = count = 0
        self.used_blocks = 0
        for row in self._files.ilistdir(DIRECTORY):
            number = number_of(row[0])
            if row[0] == "new":
                self._left_over = row[0]
            elif known and 0 < number and (number < self.oldest or number == self.entries + 1):
                self._left_over = row[0]
            elif number:
                count += 1
                self.used_blocks += flash_blocks(row[3])
                high = max(high, number)
                low = number if not low else min(low, number)
        return low, high, count

    def _digest_of(self, number):
        with self._files.open(path_of(name_of(number)), "rb") as file:
            file.seek(-DIGEST_BYTES, 2)
            return file.read(DIGEST_BYTES)

    def read_head_and_tail(self, number: int, buf) -> bool:
        """Fills `buf` (96 bytes) with the head and tail of an entry's session; False when they cannot be read.

        Their CRC is for the caller to check.
        """
        try:
            with self._files.open(path_of(name_of(number)), "rb") as file:
                file.seek(HEAD_BYTES + blocks.HEADER_BYTES)
                return file.readinto(buf) == len(buf)
        except OSError:
            return False

    def _make(self, first):
        """A new archive whose first entry is `first`; what lies in its place is moved aside, not erased."""
        try:
            self._files.mkdir(DIRECTORY)
        except OSError as error:
            if error.errno != _EXISTS:
                raise
            if self._holds_entries():
                self._move_aside()
                self._files.mkdir(DIRECTORY)
        data = bytearray(ID_BYTES)
        struct.pack_into(_ID_LAYOUT, data, 0, b"PLID", _FORMAT, self._store.serial(), self._boot, first)
        struct.pack_into("<H", data, ID_BYTES - 2, crc16(data, 0, ID_BYTES - 2))
        with self._files.open(path_of("new"), "wb") as file:
            file.write(data)
        self._files.rename(path_of("new"), path_of("id"))
        self.oldest = first
        self.used_blocks = 0
        self._left_over = None
        self._save()

    def _holds_entries(self):
        found = False
        for row in self._files.ilistdir(DIRECTORY):  # to its end, which closes the directory
            found = found or (row[0] != "id" and row[0] != "new")
        return found

    def _move_aside(self):
        for number in range(1, 100):
            try:
                self._files.rename(DIRECTORY, f"{DIRECTORY}.{number}")
                return
            except OSError as error:
                if error.errno != _EXISTS and error.errno != _NOT_EMPTY:
                    raise

    def _save(self):
        self._store.write(ARCHIVE, struct.pack(
            _RECORD_LAYOUT, self.entries, self.oldest, self.exported, self.archived_blocks, self._digest))

    # ---- what others ask and tell ----

    def used_percent(self) -> int:
        """The share in use of the memory that is fuller, rounded up. What is exported may go and does not count."""
        whole = self.entries - self.oldest + 1
        used = self.used_blocks * self.unexported() // whole if whole > 0 else 0
        return max(self._journal.used_percent(), (used * 100 + self._budget_blocks - 1) // self._budget_blocks)

    def unexported(self) -> int:
        """Entries that no export has confirmed yet."""
        return self.entries - max(self.oldest - 1, self.exported)

    def mark_exported(self, entry: int, uptime_ms: int) -> int:
        """An export read back every entry up to `entry`: they may be erased when room is needed.

        How many more than before may be; durable on return. The event comes first: a cut in between leaves it and
        the entries not yet exported. ValueError for an entry that is not there, OSError when the FRAM did not keep it.
        """
        if not self.oldest <= entry <= self.entries:
            raise ValueError(f"entry {entry} is not in the archive ({self.oldest} to {self.entries})")
        before = max(self.exported, self.oldest - 1)
        if entry <= before:
            return 0
        if not self._journal.event(events.EXPORTED, 0, entry, uptime_ms):
            raise OSError(f"FRAM did not keep the export of entry {entry}")
        was = self.exported
        self.exported = entry
        try:
            self._save()
        except OSError:
            self.exported = was
            raise
        self.retry()
        return entry - before

    def release(self, session: int, uptime_ms: int) -> int:
        """`mark_exported` by the number of a session: it and all before it. 0 when that had been done before.

        A session that waits in the FRAM because the archive is full stands for all that is in the archive: it moves
        into the room they leave. ValueError, in words for whoever asked: the archive cannot be read, the session is
        not in it yet, or there is none of that number.
        """
        if self.status == LOST or self.status == UNREADABLE:
            raise ValueError("the archive cannot be read: nothing in it can be released")
        newest = self._journal.session
        if type(session) is not int or not 1 <= session <= newest:
            raise ValueError("no session %r on record: the newest is %d" % (session, newest))
        entry = self._entry_of(session)
        if entry:
            return self.mark_exported(entry, uptime_ms)
        if self._is_older(session):
            return 0
        if self.full:
            return self.mark_exported(self.entries, uptime_ms)
        raise ValueError("session %d is not in the archive yet: leave the pen at rest" % session)

    def _is_older(self, session: int) -> bool:
        """True for a session from before the oldest entry kept. OSError when that cannot be read."""
        number = self.oldest
        while number <= self.entries:
            found = self._session_of(number)
            if found:
                return session < found
            number += 1
        return False

    def _entry_of(self, session: int) -> int:
        """Number of the entry that holds a session, 0 if none does. OSError when an entry cannot be read.

        Sessions rise with the entries; those of kind 2 have none and are passed over. The newest is looked at first:
        it is the usual question, and on a pen provisioned anew, whose sessions began again at 1, the right answer.
        """
        low, high = self.oldest, self.entries
        if low <= high and self._session_of(high) == session:
            return high
        while low <= high:
            middle = (low + high) // 2
            number, found = middle, self._session_of(middle)
            while not found and number > low:
                number -= 1
                found = self._session_of(number)
            if found == session:
                return number
            if found and found > session:
                high = number - 1
            else:
                low = middle + 1
        return 0

    def _session_of(self, number):
        with self._files.open(path_of(name_of(number)), "rb") as file:
            head = file.read(HEAD_BYTES)
        return struct.unpack_from("<I", head, _SESSION_AT)[0] if len(head) == HEAD_BYTES else 0

    def begin_anew(self):
        """The user was told that the archive is lost: the next step begins another, on the chain of the old one."""
        self._anew = self.status == LOST
        self.retry()

    def retry(self):
        """Forget why the last try ended."""
        self.failure = 0
        self.full = False

    # ---- the work, piece by piece ----

    def step(self, uptime_ms: int, wall_s: int) -> bool:
        """Does one piece of what there is to do; False when there is nothing. Only while nothing is armed.

        What a memory does not keep, or takes more of the heap than there is, ends in `failure`.
        """
        if self.failure or self.full or self.status == UNREADABLE or (self.status == LOST and not self._anew):
            return False
        self._now_ms = uptime_ms
        self._wall_s = wall_s
        try:
            return self._piece()
        except OSError as error:
            self._give_up(_number_of_error(error))
        except MemoryError:
            self._give_up(_NO_ROOM)
        return False

    def _piece(self):
        if self._anew:
            return self._start_anew()
        if self._entry is not None:
            return self._move(self._entry)
        if self._proven is not None:
            return self._enter(self._proven)
        return self._next()

    def _give_up(self, number):
        """The entry stays unwritten and the session where it is, with a record of why."""
        self.failure = number
        self._left_over = "new"
        if self._entry is not None:
            self._entry.close()
        self._entry = self._proven = None
        self._journal.event(events.ARCHIVE, FAILED, number, self._now_ms)

    def _start_anew(self):
        self._make(self.entries + 1)
        self._anew = False
        self.status = NEW
        self._journal.event(events.ARCHIVE, NEW, self.entries, self._now_ms)
        return True

    def _next(self):
        if self._left_over:
            self._remove(self._left_over)
            self._left_over = None
            return True
        if not self._journal.has_finished():
            return False
        span = self._journal.oldest_span()
        if span[1] <= self.archived_blocks:
            self._journal.release_oldest(self._now_ms)
            return True
        wanted = flash_blocks(HEAD_BYTES + (span[1] - span[0]) * BLOCK_BYTES + DIGEST_BYTES)
        if self.used_blocks + wanted > self._budget_blocks:
            return self._erase_oldest()
        self._entry = Entry(
            self._fram, self._files, self.entries + 1, span, self._store.serial(), self._boot, self._wall_s,
            self._digest)
        return True

    def _erase_oldest(self):
        """Room for the next entry, if the rule allows it: what was exported, oldest first."""
        if self.oldest > self.exported or self.oldest > self.entries:
            self.full = True
            return False
        name = name_of(self.oldest)
        for row in self._files.ilistdir(DIRECTORY):
            if row[0] == name:
                self.used_blocks -= flash_blocks(row[3])
        self.oldest += 1
        self._save()
        self._journal.event(events.ERASED, 0, self.oldest - 1, self._now_ms)
        self._left_over = name
        return True

    def _move(self, entry):
        """A piece of the entry under way; once it is proven it gets its name."""
        if entry.step():
            return True
        self._files.rename(path_of("new"), path_of(name_of(entry.number)))
        self._proven = entry
        self._entry = None
        return True

    def _enter(self, entry):
        """The entry counts from the record on; then the session may leave the FRAM."""
        self._proven = None
        self.entries = entry.number
        self._digest = entry.digest
        self.archived_blocks = entry.span[1]
        self.used_blocks += entry.flash_blocks
        self._save()
        self._journal.event(events.ARCHIVED, 0, self.entries, self._now_ms)
        return True

    def _remove(self, name):
        try:
            self._files.remove(path_of(name))
        except OSError as error:
            if error.errno != _NOT_THERE:
                raise


def _number_of_error(error):
    """The errno of an OSError; those that the FRAM raises carry words instead."""
    return error.errno if isinstance(error.errno, int) else IO_ERROR
