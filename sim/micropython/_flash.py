"""The simulator's `rp2.Flash`: the part of the flash that MicroPython keeps its filesystem in."""

import _link
import _ops
from micropython import const

_SECTOR_BYTES = const(4096)
_SECTORS = const(352)

_COUNT = const(4)
_SIZE = const(5)
_ERASE = const(6)


class Flash:
    """A block device as a filesystem sees it."""

    def readblocks(self, block, buf, offset=0):
        _link.recv(_ops.FLASH_READ, block * _SECTOR_BYTES + offset, buf)

    def writeblocks(self, block, buf, offset=0):
        _link.send(_ops.FLASH_PROGRAM, block * _SECTOR_BYTES + offset, buf)

    def ioctl(self, request, argument):
        if request == _COUNT:
            return _SECTORS
        if request == _SIZE:
            return _SECTOR_BYTES
        if request == _ERASE:
            _link.call(_ops.FLASH_ERASE, argument)
        return 0
