"""The firmware's only way to the simulated hardware on a MicroPython VM: two pipes to the host.

File descriptor 3 brings answers, 4 takes requests. Nothing here allocates after import. Requests that
need no answer are gathered and leave with the next one that does. The CPython tier has a module of this
name with the same functions and no pipes (`sim/link.py`).
"""

from array import array

from _costs import BYTE_NS, CALL_US, EXTRA_US, TICKS_US

_WORDS = 6  # op, a, b, c, microseconds spent since the last answer, bytes that follow
_BATCH = 24

_requests = open(4, "wb")
_answers = open(3, "rb")
_out = array("l", [0] * (_WORDS * _BATCH))
_views = [memoryview(_out)[: _WORDS * (i + 1)] for i in range(_BATCH)]
_in = array("l", [0, 0])  # result, now in microseconds
_state = array("l", [0, 0, 0])  # now_us, spent_us, requests waiting
_NOW, _SPENT, _WAITING = 0, 1, 2


def _spend(op, size):
    _state[_SPENT] += CALL_US[op] + (BYTE_NS[op] * size) // 1000 + (EXTRA_US.get(op, 0) if op >= 100 else 0)


def _queue(op, a, b, c, size):
    at = _state[_WAITING] * _WORDS
    _out[at] = op
    _out[at + 1] = a
    _out[at + 2] = b
    _out[at + 3] = c
    _out[at + 4] = _state[_SPENT]
    _out[at + 5] = size
    _state[_NOW] += _state[_SPENT]
    _state[_SPENT] = 0
    _state[_WAITING] += 1


def _flush():
    if _state[_WAITING]:
        _requests.write(_views[_state[_WAITING] - 1])
        _state[_WAITING] = 0


def _answer():
    _answers.readinto(_in)
    _state[_NOW] = _in[1]
    return _in[0]


def ticks_us():
    """Microseconds since the simulation began (not wrapped); reading the clock takes time too."""
    _state[_SPENT] += TICKS_US
    return _state[_NOW] + _state[_SPENT]


def post(op, a=0, b=0, c=0):
    """Do a hardware access whose answer nobody needs."""
    _spend(op, 0)
    _queue(op, a, b, c, 0)
    if _state[_WAITING] == _BATCH - 1:
        _flush()


def call(op, a=0, b=0, c=0):
    """Do a hardware access and return its integer answer."""
    _spend(op, 0)
    _queue(op, a, b, c, 0)
    _flush()
    return _answer()


def send(op, a, buf):
    """Hand bytes to the hardware; return its integer answer."""
    size = len(buf)
    _spend(op, size)
    _queue(op, a, 0, 0, size)
    _flush()
    _requests.write(buf)
    return _answer()


def recv(op, a, buf):
    """Fill `buf` from the hardware; return its integer answer."""
    size = len(buf)
    _spend(op, size)
    _queue(op, a, size, 0, 0)
    _flush()
    result = _answer()
    _answers.readinto(buf)
    return result


_answer()  # the host begins by telling the time


def _stand_in_for_sys():
    """From here on `import sys` finds the chip's streams; everything else of the VM's own stays."""
    import sys

    import _sys

    for name in dir(sys):
        if not hasattr(_sys, name):
            setattr(_sys, name, getattr(sys, name))
    sys.modules["sys"] = _sys


_stand_in_for_sys()
