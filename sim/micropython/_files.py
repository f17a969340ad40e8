"""The chip's filesystem on a MicroPython VM: its own VfsLfs2 over the simulated flash.

Mounts as the frozen `_boot.py` of the RP2040's port does, which formats whatever it cannot mount. No times are kept
with files (`mtime`), because the VM would take them from the host's clock. The CPython tier has `sim/files.py`.
"""

import builtins

import vfs as _vm

from _flash import Flash


class Vfs:
    """Stands in for the module `vfs`, whose root is the VM's own files. `root`: the filesystem that is mounted."""

    def __init__(self):
        self.VfsLfs2 = _vm.VfsLfs2
        flash = Flash()
        try:
            self.root = _vm.VfsLfs2(flash, progsize=256, mtime=False)
        except OSError:
            _vm.VfsLfs2.mkfs(flash, progsize=256)
            self.root = _vm.VfsLfs2(flash, progsize=256, mtime=False)

    def mount(self, filesystem, _path):
        self.root = filesystem

    def umount(self, _path):
        self.root = None


vfs = Vfs()
builtins.open = lambda path, mode="r": vfs.root.open(path, mode)
