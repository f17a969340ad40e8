"""What the MicroPython VM is started with: the files that the chip runs after a reset, in its order."""

import sys

import _files

sys.modules["vfs"] = _files.vfs  # the VM's own has the host's files, and the firmware's source, at its root

import boot  # noqa: E402, F401
import main  # noqa: E402

main.main()
