"""Differences of MicroPython's wrapping tick counters, for modules that import nothing of the hardware.

Ticks run from 0 to 2^30 - 1 and wrap; a difference is right while the two are less than 2^29 apart
(9 minutes of microseconds, 6 days of milliseconds). No intermediate value leaves the chip's 31-bit small
integers, so nothing here allocates, at the wrap either.
"""

from micropython import const

_PERIOD_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)


def diff(later: int, earlier: int) -> int:
    """Ticks from `earlier` to `later`; negative when `later` lies before."""
    return (((later - earlier) & _PERIOD_MASK) ^ _HALF) - _HALF


def add(ticks: int, delta: int) -> int:
    """The tick `delta` (-2^29 .. 2^29 - 1) after `ticks`."""
    return ((ticks - _HALF + delta) & _PERIOD_MASK) ^ _HALF
