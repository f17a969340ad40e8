"""What the firmware finds under the name `sys`: the chip's USB serial port as its standard streams.

MicroPython's way to print an exception is added by whoever puts this module in place (`_link.py` on a VM,
`sim/space.py` on CPython). As on the chip, a read waits for every byte that it was asked for.
"""

import _link
import _ops


class _Buffer:
    def readinto(self, buf):
        _link.recv(_ops.USB_READ, 0, buf)
        return len(buf)

    def write(self, buf):
        return _link.send(_ops.USB_WRITE, 0, buf)


class _Stream:
    def __init__(self):
        self.buffer = _Buffer()


stdin = _Stream()
stdout = _Stream()
