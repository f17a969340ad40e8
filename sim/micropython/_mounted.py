"""From here on `import vfs` finds the chip's filesystem; the VM's own has the host's files at its root."""

import sys

import _files

sys.modules["vfs"] = _files.vfs
