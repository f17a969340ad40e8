"""The filesystem in flash as one object: what the archive is given on the pen. Tests give it another.

The one guard of flash: nothing that writes begins while the EN_N pad reads low, whoever holds it there. The CPU stands
still while flash is written, and could not take the drive away.
"""

import os
from os import ilistdir  # noqa: F401

from board import PIN_EN_N, SIO_GPIO_IN
from machine import mem32
from micropython import const

BUSY = const(16)  # errno EBUSY
_open = open


def _drive_off():
    if not mem32[SIO_GPIO_IN] >> PIN_EN_N & 1:
        raise OSError(BUSY)


def open(path, mode):
    """Open a file; OSError for writing while the drive is on, as from the others here."""
    if mode != "rb":
        _drive_off()
    return _open(path, mode)


def mkdir(path):
    _drive_off()
    os.mkdir(path)


def remove(path):
    _drive_off()
    os.remove(path)


def rename(old, new):
    _drive_off()
    os.rename(old, new)
