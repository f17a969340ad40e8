"""Runs on the MicroPython VM: strokes put on record over a memory that is an array of bytes.

Prints "JOURNAL strokes, us a stroke, bytes allocated, bytes written". The time is that of the VM on this machine: the
median of several runs, the array's own work included.
"""

import gc
import time
from array import array

from journal import Journal
from layout import FRAM_BYTES
from store import Store, provision

RUNS = 7
STROKES = 1500


class Memory:
    def __init__(self):
        self.data = bytearray(FRAM_BYTES)
        self.view = memoryview(self.data)
        self.written = 0
        self.errors = 0

    def read_into(self, addr, buf):
        buf[:] = self.view[addr : addr + len(buf)]

    def write(self, addr, buf):
        self.written += len(buf)
        data = self.data
        for i in range(len(buf)):
            data[addr + i] = buf[i]

    def matches(self, addr, buf):
        data = self.data
        for i in range(len(buf)):  # noqa: SIM110 - a generator would allocate
            if data[addr + i] != buf[i]:
                return False
        return True

    def read_twice(self, addr, buf):
        self.read_into(addr, buf)
        return True

    def put(self, addr, buf):
        self.write(addr, buf)
        return True

    def check_id(self):
        return True

    def keep(self, message):
        data = self.data
        addr = message[1] << 16 | message[2] << 8 | message[3]
        for i in range(4):
            data[addr + i] = message[4 + i]
        for i in range(4):  # noqa: SIM110 - a generator would allocate
            if data[addr + i] != message[4 + i]:
                return False
        return True


def strokes(journal, count):
    for i in range(count):
        if journal.stroke(500, 500 + i % 30, 66666 + i % 100, 0, 6) < 0:
            raise OSError("a stroke was not recorded")


def main():
    memory = Memory()
    provision(memory, b"VM-1")
    log = Journal(memory, Store(memory))
    log.mount(1, 1)
    log.begin_session(b"12345678", b"", 1, 1, 6, 1, 5, 0)
    strokes(log, 1)
    times = array("i", [0] * RUNS)
    gc.collect()
    gc.disable()
    memory.written = 0
    allocated = gc.mem_alloc()
    for i in range(RUNS):
        began = time.ticks_us()
        strokes(log, STROKES)
        times[i] = time.ticks_diff(time.ticks_us(), began)
    allocated = gc.mem_alloc() - allocated
    print("JOURNAL", RUNS * STROKES, sorted(times)[RUNS // 2] / STROKES, allocated, memory.written)


main()
