"""What the MicroPython VM is started with: the files that the chip runs after a reset, in its order."""

import _mounted  # noqa: F401
import boot  # noqa: F401
import main

main.main()
