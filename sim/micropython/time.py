"""The simulator's `time`: the chip's clock, which runs on simulated time. Ticks wrap at 2^30 as on the chip."""

import _link
import _ops

_PERIOD = 1 << 30
_MASK = _PERIOD - 1
_HALF = _PERIOD >> 1


def ticks_us():
    return _link.ticks_us() & _MASK


def ticks_ms():
    return (_link.ticks_us() // 1000) & _MASK


def ticks_add(ticks, delta):
    return (ticks + delta) & _MASK


def ticks_diff(end, start):
    return ((end - start + _HALF) & _MASK) - _HALF


def sleep_us(us):
    if us > 0:
        _link.call(_ops.SLEEP, us)


def sleep_ms(ms):
    sleep_us(ms * 1000)
