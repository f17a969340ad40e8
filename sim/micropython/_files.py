"""The chip's filesystem on a MicroPython VM: its own VfsLfs2 over the simulated flash.

Mounts as the frozen `_boot.py` of the RP2040's port does, which formats whatever it cannot mount. No times are kept
with files (`mtime`), because the VM would take them from the host's clock. The CPython tier has `sim/files.py`.
"""

import builtins

import vfs

import _link
import _ops
from micropython import const

SECTOR_BYTES = const(4096)
SECTORS = const(352)

_COUNT = const(4)
_SIZE = const(5)
_ERASE = const(6)


class Flash:
    """`rp2.Flash` as a filesystem sees it."""

    def readblocks(self, block, buf, offset=0):
        _link.recv(_ops.FLASH_READ, block * SECTOR_BYTES + offset, buf)

    def writeblocks(self, block, buf, offset=0):
        _link.send(_ops.FLASH_PROGRAM, block * SECTOR_BYTES + offset, buf)

    def ioctl(self, request, argument):
        if request == _COUNT:
            return SECTORS
        if request == _SIZE:
            return SECTOR_BYTES
        if request == _ERASE:
            _link.call(_ops.FLASH_ERASE, argument)
        return 0


def _mount():
    flash = Flash()
    try:
        return vfs.VfsLfs2(flash, progsize=256, mtime=False)
    except OSError:
        vfs.VfsLfs2.mkfs(flash, progsize=256)
        return vfs.VfsLfs2(flash, progsize=256, mtime=False)


filesystem = _mount()
builtins.open = filesystem.open
