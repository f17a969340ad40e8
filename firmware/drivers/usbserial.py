"""The USB serial port, never waiting for the host.

MicroPython's read blocks until every byte asked for is there, and its write waits up to half a second for room. So both
go byte by byte, each after a poll that says it will not wait: a poll tells that there is room, not how much. About
60 us a byte; nothing allocates.
"""

import select
import sys

import micropython


class UsbSerial:
    """One per pen. From its making on a Ctrl-C from the host is a byte like any other."""

    def __init__(self):
        micropython.kbd_intr(-1)
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._readable = select.poll()
        self._readable.register(sys.stdin, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(sys.stdout, select.POLLOUT)
        self._byte = bytearray(1)

    def read(self) -> int:
        """The next byte from the host, or -1 when none has arrived."""
        for _ in self._readable.ipoll(0):
            self._in.readinto(self._byte)
            return self._byte[0]
        return -1

    def write(self, buf, start: int, stop: int) -> int:
        """Send buf[start:stop] as far as there is room; how many bytes went."""
        at = start
        while at < stop:
            room = False
            for _ in self._writable.ipoll(0):
                room = True
            if not room:
                break
            self._byte[0] = buf[at]
            self._out.write(self._byte)
            at += 1
        return at - start
