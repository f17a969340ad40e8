"""Runs on the MicroPython VM: stroke() and event() with the heap locked, over an in-memory chip.

Prints "ok <strokes> <events>" or dies with MemoryError at the call that allocated. The chip below knows READ,
WRITE and WREN only and allocates nothing itself, so that whatever allocates is the firmware's.
"""

import micropython
from drivers.fram import SIZE, Fram
from journal import PARTIAL, SLIP, Journal
from store import Store, provision


class Chip:
    def __init__(self):
        self.array = bytearray(SIZE)
        self.command = 0
        self.count = 0
        self.addr = 0

    def cs(self, _level):
        self.count = 0

    def write(self, buf):
        for i in range(len(buf)):
            self._clock(buf[i])

    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = self.array[self.addr]
            self.addr = (self.addr + 1) % SIZE

    def _clock(self, byte):
        if self.count == 0:
            self.command = byte
            self.addr = 0
        elif self.count <= 3:
            self.addr = (self.addr << 8) | byte
        elif self.command == 0x02:
            self.array[self.addr] = byte
            self.addr = (self.addr + 1) % SIZE
        self.count += 1


def strokes(journal, count):
    """Every path of stroke(): steady, new depth, new zone, new rate, coarse error, new block."""
    last = 0
    for i in range(count):
        depth_um = 500 + (i >> 4) * 50 % 2000
        error_um = 900 if i % 37 == 0 else i % 7 - 3
        period_us = 33333 + (i >> 6) % 5 * 9000
        flags = SLIP if i % 50 == 0 else (PARTIAL if i % 51 == 0 else 0)
        last = journal.stroke(depth_um, depth_um + error_um, period_us, flags, 2 + (i >> 8) % 3)
        if last < 0:
            return last
    return last


def events(journal, count):
    """More than a lap of the ring."""
    done = 0
    for i in range(count):
        if journal.event(1 + i % 9, i & 0xFF, i * 1000 - 300000, i * 7):
            done += 1
    return done


def main():
    chip = Chip()
    fram = Fram(chip, chip.cs)
    provision(fram, b"VM-1")
    journal = Journal(fram, Store(fram))
    journal.mount(3, 1)
    journal.begin_session(b"12345678", b"OP", 1, 1, 1, 1, 5, 0)
    strokes(journal, 1)
    events(journal, 1)
    micropython.heap_lock()
    try:
        last = strokes(journal, 700)
        done = events(journal, 1100)
    finally:
        micropython.heap_unlock()
    print("ok", last, done)


main()
