"""Where the buffers of the firmware lie in the simulated chip's memory.

Invariants: a buffer keeps its address for good, a word-aligned one that is a small int on the chip as well; its bytes
can be handed to the host without a copy. Only the first look at a buffer allocates. On the MicroPython VM the
built-in `uctypes` would give addresses of 64 bits, so this module takes its name there.
"""

import sys

from micropython import const

BASE = const(0x20000000)  # RP2040 datasheet 2.2: SRAM
_STRIDE = const(0x4000)
_SLOTS = const(256)

_buffers = [None] * _SLOTS
_bytes = [None] * _SLOTS
_state = bytearray(2)  # buffers known
_told = bytearray(_SLOTS)


if not hasattr(memoryview, "cast"):  # MicroPython
    import uctypes

    _uctypes = uctypes
    sys.modules["uctypes"] = sys.modules[__name__]
else:
    _uctypes = None


def _alias(buf):
    if _uctypes is None:
        return memoryview(buf).cast("B")
    return _uctypes.bytearray_at(_uctypes.addressof(buf), len(bytes(buf)))


def _known():
    return _state[0] | _state[1] << 8


def _slot(buf):
    count = _known()
    for i in range(count):
        if _buffers[i] is buf:
            return i
    if count == _SLOTS:
        raise MemoryError("more than 256 buffers given to DMA")
    _buffers[count] = buf
    _bytes[count] = _alias(buf)
    if len(_bytes[count]) > _STRIDE:
        raise MemoryError("a buffer for DMA of more than 16 KiB")
    _state[0] = (count + 1) & 255
    _state[1] = (count + 1) >> 8
    return count


def addressof(buf):
    """The address of a buffer, as `uctypes.addressof` tells it."""
    return BASE + _slot(buf) * _STRIDE


def bytes_of(buf):
    """A view of the buffer's bytes."""
    return _bytes[_slot(buf)]


def tell_anew():
    """From now on the host knows of no buffer's contents."""
    for i in range(_known()):
        _told[i] = 0


def tell(link, op, address):
    """Hand the host the buffer an address lies in, once since `tell_anew`; ValueError outside all buffers.

    An answer other than 0 asks for damage in memory.
    """
    slot = (address - BASE) // _STRIDE
    if not 0 <= slot < _known() or (address - BASE) % _STRIDE >= len(_bytes[slot]):
        raise ValueError("DMA reads where no buffer lies")
    if not _told[slot]:
        _told[slot] = 1
        if link.send(op, BASE + slot * _STRIDE, _bytes[slot]):
            _damage()


def tell_chain(link, op, address):
    """Hand the host the DMA control blocks at an address, and all that they read."""
    tell_anew()
    tell(link, op, address)
    blocks = _buffers[(address - BASE) // _STRIDE]
    at = 0
    while at + 3 < len(blocks) and blocks[at + 3]:
        tell(link, op, blocks[at])
        at += 4


def _damage():
    """A fault of the chip that the host asked for: a bit of the last word of the largest buffer flips, for good."""
    largest = 0
    for i in range(_known()):
        if len(_bytes[i]) > len(_bytes[largest]):
            largest = i
    view = _bytes[largest]
    view[len(view) - 4] ^= 1
