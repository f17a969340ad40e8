"""On a MicroPython VM: a life of the archive with the power cut at every operation, on MicroPython's own VfsLfs2.

What the two memories are told is kept as one list of operations. Each prefix of it is a power cut: its last operation
whole, and torn (half of a sector erased, half of a program, a FRAM write after each of its bytes). From each the
firmware's own code starts, works until it has nothing to do, and what is there then is checked. Cuts during such a
start are made the same way. Arguments: see `main`; prints figures or raises.
"""

import gc
import struct
import sys
from hashlib import sha256

import vfs

import archive
import journal
import records
import store

FRAM_BYTES = 262144
SECTOR = 4096
SECTORS = 40  # small, so that blocks are reused and moved; the rest is MicroPython's geometry
SERIAL = b"PEN-CUT"
STROKE = 6
FLASH_ERASE, FLASH_PROGRAM, FRAM_WRITE = 0, 1, 2


class Memories:
    """The contents of both, and the list of what they were told since `log` was set."""

    def __init__(self, fram, flash):
        self.fram = fram
        self.flash = flash
        self.log = None
        self.errors = 0

    def copy(self):
        return Memories(bytearray(self.fram), bytearray(self.flash))

    def apply(self, op, part=None):
        """Do an operation, or only the first `part` bytes of it."""
        kind, addr, data = op
        if kind == FLASH_ERASE:
            data = b"\xff" * SECTOR
        if part is not None:
            data = data[:part]
        memory = self.fram if kind == FRAM_WRITE else self.flash
        memory[addr : addr + len(data)] = data

    # the FRAM, as the firmware's driver offers it

    def read_into(self, addr, buf):
        buf[:] = memoryview(self.fram)[addr : addr + len(buf)]

    def write(self, addr, buf):
        op = (FRAM_WRITE, addr, bytes(buf))
        if self.log is not None:
            self.log.append(op)
        self.apply(op)

    def matches(self, addr, buf):
        return memoryview(self.fram)[addr : addr + len(buf)] == memoryview(buf)

    def read_twice(self, addr, buf):
        self.read_into(addr, buf)
        return True

    def put(self, addr, buf):
        self.write(addr, buf)
        return True

    def check_id(self):
        return True

    def keep(self, message):
        addr = message[1] << 16 | message[2] << 8 | message[3]
        self.write(addr, message[4:])
        return self.matches(addr, message[4:])

    # the flash, as a block device

    def readblocks(self, block, buf, offset=0):
        at = block * SECTOR + offset
        buf[:] = memoryview(self.flash)[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        op = (FLASH_PROGRAM, block * SECTOR + offset, bytes(buf))
        if self.log is not None:
            self.log.append(op)
        self.apply(op)

    def ioctl(self, request, argument):
        if request == 4:
            return SECTORS
        if request == 5:
            return SECTOR
        if request == 6:
            op = (FLASH_ERASE, argument * SECTOR, None)
            if self.log is not None:
                self.log.append(op)
            self.apply(op)
        return 0


class Life:
    """One boot: mounts as `_boot.py` does, then the firmware's records, as the self-test does."""

    def __init__(self, memories, budget):
        try:
            self.files = vfs.VfsLfs2(memories, progsize=256)
        except OSError:
            vfs.VfsLfs2.mkfs(memories, progsize=256)
            self.files = vfs.VfsLfs2(memories, progsize=256)
        self.store = store.Store(memories)
        self.counters = records.Counters()
        assert self.counters.load(self.store) in (store.OK, store.RECOVERED, store.EMPTY), "counters"
        self.counters.boots += 1
        self.counters.save(self.store)
        self.journal = journal.Journal(memories, self.store)
        self.status = self.journal.mount(self.counters.boots, 0)
        assert self.status != journal.UNPROVISIONED and self.status != journal.DAMAGED, f"journal {self.status}"
        self.archive = archive.Archive(memories, self.store, self.journal, self.files, budget)
        self.found = self.archive.mount(self.counters.boots, 0)

    def work(self):
        for _ in range(3000):
            if not self.archive.step(5, 7):
                assert not self.archive.failure, f"failure {self.archive.failure}"
                return
        raise AssertionError("never done")


class Promises:
    """What had been said to be on record after how many operations."""

    def __init__(self):
        self.rows = []  # (operations, session, strokes, finished)
        self.exports = []  # (operations, entry)

    def at(self, count):
        """{session: (strokes, finished)} and the newest exported entry, promised by the first `count` operations."""
        sessions = {}
        for operations, session, strokes, finished in self.rows:
            if operations <= count:
                sessions[session] = (strokes, finished)
        exported = 0
        for operations, entry in self.exports:
            if operations <= count:
                exported = entry
        return sessions, exported


def tell_life(memories, budget):
    """Sessions, archived, exported, erased again; the promises made on the way."""
    promises = Promises()
    log = memories.log = []
    life = Life(memories, budget)
    for number, strokes in enumerate((3, 120, 40, 9, 300, 2, 30)):
        session = life.journal.begin_session(b"\x2d1234567", b"OP", 1, 2, 3, 4, 5, 6, number)
        for i in range(strokes):
            assert life.journal.stroke(500, 500 + i % 40, 40000 + i, 0, STROKE) == i + 1
            promises.rows.append((len(log), session, i + 1, False))
        assert life.journal.end_session(journal.USER, 0, 9)
        promises.rows.append((len(log), session, strokes, True))
        if number != 1:  # two sessions wait once
            life.work()
        if number in (3, 5):
            life.archive.mark_exported(life.archive.entries, 600)
            promises.exports.append((len(log), life.archive.entries))
    life.work()
    memories.log = None
    return promises, log


def read_entries(files):
    """[(number, session, previous digest, blocks, digest)], each checked against its own digest."""
    found = []
    for row in files.ilistdir("/log"):
        if row[0].endswith(".ses"):
            with files.open("/log/" + row[0], "rb") as file:
                data = file.read()
            assert sha256(data[:-32]).digest() == data[-32:], row[0]
            magic, _, _, _, number, session, _, count = struct.unpack_from("<4sBBHIIII", data, 0)
            assert magic == b"PLOG" and number == int(row[0][:8]) and len(data) == 128 + 512 * count, row[0]
            found.append((number, session, data[48:80], data[96:-32], data[-32:]))
    found.sort()
    return found


def check(life, before, exported):
    """After a start and its work: every promise is kept, and nothing else is claimed."""
    found = read_entries(life.files)
    for i in range(1, len(found)):
        assert found[i][0] == found[i - 1][0] + 1 and found[i][2] == found[i - 1][4], "chain"
    known = bytearray(112)
    assert life.store.read(store.ARCHIVE, known) in (store.OK, store.RECOVERED), "record"
    entries, oldest, exported_now, _, digest = struct.unpack_from("<IIII32s", known, 0)
    assert exported_now >= exported, "an export forgotten"
    if found:
        assert (found[0][0], found[-1][0], found[-1][4]) == (oldest, entries, digest), "newest"
    assert not life.journal.has_finished() or life.archive.full, "left in the FRAM"
    held = {}
    for _, session, _, data, _ in found:
        assert session not in held, "twice"
        held[session] = data
    total = 0
    for session in before:
        strokes, finished = before[session]
        if session not in held:
            assert session < oldest <= exported_now + 1, f"session {session} lost"
            continue
        on_record, = struct.unpack_from("<I", held[session], 96)
        reason = held[session][96 + 8]
        present = count_strokes(held[session])
        assert on_record == present, f"session {session}: tail {on_record}, words {present}"
        assert strokes <= on_record <= strokes + 1, f"session {session}: {on_record} of {strokes}"
        if finished:
            assert on_record == strokes and reason == journal.USER, f"session {session} changed"
        total += on_record
    return total


def count_strokes(data):
    strokes = 0
    for block in range(0, len(data), 512):
        for at in range(block + (128 if data[block + 1] == 1 else 32), block + 512, 4):
            if data[at + 3] & 0xC0 == 0x80:
                strokes += 1
    return strokes


def parts(op):
    """Where an operation can be cut: not begun is the prefix before, then torn, then whole."""
    kind, _, data = op
    if kind == FRAM_WRITE:
        return (list(range(1, len(data))) if len(data) <= 64 else [1, 31, 32, 255]) + [None]
    return [(SECTOR if kind == FLASH_ERASE else len(data)) // 2, None]


def try_cut(memories, before, exported, budget, record=False):
    """Start from what a cut left; the operations of the start and of its work."""
    if record:
        memories.log = []
    boots = boots_of(memories)
    life = Life(memories, budget)
    assert life.found != archive.LOST and life.found != archive.UNREADABLE, f"archive {life.found}"
    life.work()
    log, memories.log = memories.log, None
    check(life, before, exported)
    assert life.counters.boots == boots + 1, "a boot forgotten"
    return log


def boots_of(memories):
    counters = records.Counters()
    counters.load(store.Store(memories))
    return counters.boots


def all_cuts(start, log, promises, budget, share, shares, every):
    """Cut in each of the operations of this share; in each `every`th of them the start is cut everywhere as well."""
    at = start.copy()
    tried = again = 0
    for count, op in enumerate(log):
        if count % shares == share:
            before, exported = promises.at(count)
            deep = count // shares % every == 0
            for part in parts(op):
                cut = at.copy()
                cut.apply(op, part)
                base = cut.copy() if deep and part is not None else None
                try:
                    recovery = try_cut(cut, before, exported, budget, base is not None)
                    tried += 1
                    if base is not None and part == parts(op)[0]:
                        again += cuts_of_the_recovery(base, recovery, before, exported, budget)
                except Exception as error:
                    print("cut at operation", count, op[0], "part", part)
                    raise error
            gc.collect()
        at.apply(op)
    return tried, again


def cuts_of_the_recovery(start, log, before, exported, budget):
    tried = 0
    for op in log:
        for part in parts(op)[:1] + [None]:
            cut = start.copy()
            cut.apply(op, part)
            try_cut(cut, before, exported, budget)
            tried += 1
        start.apply(op)
        gc.collect()
    return tried


def upgrade(memories, budget, rows):
    """The first start of this firmware on a memory that an older one left; `rows`: session:strokes:1 if finished."""
    promises = Promises()
    for row in rows:
        session, strokes, finished = row.split(":")
        promises.rows.append((0, int(session), int(strokes), finished == "1"))
    memories.log = []
    life = Life(memories, budget)
    life.work()
    check(life, promises.at(0)[0], 0)
    log, memories.log = memories.log, None
    return promises, log


def main():
    """new|IMAGE budget share shares every [session:strokes:finished ...]"""
    name = sys.argv[1]
    budget, share, shares, every = [int(word) for word in sys.argv[2:6]]
    memories = Memories(bytearray(FRAM_BYTES), bytearray(b"\xff" * (SECTOR * SECTORS)))
    if name == "new":
        store.provision(memories, SERIAL)
        start = memories.copy()
        promises, log = tell_life(memories, budget)
    else:
        with open(name, "rb") as file:
            file.readinto(memories.fram)
        start = memories.copy()
        promises, log = upgrade(memories, budget, sys.argv[6:])
    tried, again = all_cuts(start, log, promises, budget, share, shares, every)
    print("operations", len(log), "cuts", tried, "again", again)


main()
