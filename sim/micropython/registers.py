"""The simulator's `registers`: what firmware/registers.py does with the chip's registers, an access at a time.

The accesses are those of MicroPython's classes and take their time, which is longer than the chip needs for these.
"""

from array import array

import _link
import _memory
import _ops
import _rp2_ops as ops
from micropython import const

PADS = const(0)
LEFT = const(1)
COUNT = const(2)

CHANNEL = const(0)
FIRST = const(1)
END = const(2)
BEFORE = const(3)

MARK_STROKE = const(1)
MARK_WHAT = const(2)
MARK_WORD = const(0x15A00000)

_SCRATCH1 = const(0x40058010)
_SIO_GPIO_IN = const(0xD0000004)
_ISR_FROM_X = const(0xA0C1)
_PUSH = const(0x8000)
_GATE, _DEAD_MAN, _ENCODER = const(1), const(2), const(4)

_WREN = b"\x06"
_WRITE, _READ = const(0x02), const(0x03)
_SPI = const(0)
_FRAM_CS = const(17)
_KEPT_BYTES = const(4)

_word = array("i", [0])
_samples = array("i", [0] * 5)
_head = bytearray(4)
_back = bytearray(_KEPT_BYTES)
_word_bytes, _samples_bytes = _memory.bytes_of(_word), _memory.bytes_of(_samples)


def look(found, at):
    found[at + PADS] = _link.call(_ops.MEM32_GET, _SIO_GPIO_IN)
    left = _left()
    if left < 0:
        left = _left()
        while left < -1:
            left = _left()
    found[at + LEFT] = left
    _sample(found, at)


def glance(found):
    found[PADS] = _link.call(_ops.MEM32_GET, _SIO_GPIO_IN)
    _sample(found, 0)


def _sample(found, at):
    while not _link.recv(ops.SM_GET_INTO, _ENCODER, _samples_bytes):
        pass
    found[at + COUNT] = _samples[4]


def _left():
    _link.call(ops.SM_EXEC, _GATE, _ISR_FROM_X)
    _link.call(ops.SM_EXEC, _GATE, _PUSH)
    while not _link.recv(ops.SM_GET_INTO, _GATE, _word_bytes):
        pass
    return _word[0]


def beat(word):
    if not _link.call(ops.SM_TX_FIFO, _DEAD_MAN):
        _link.call(ops.SM_PUT, _DEAD_MAN, word)


def mark(session, number, depth_um, zone):
    _link.call(_ops.MEM32_SET, _SCRATCH1, (session & 0x3FFF) << 16 | number)
    _link.call(_ops.MEM32_SET, _SCRATCH1 + 4, MARK_WORD | zone << 12 | depth_um)


def start(order):
    channel = order[CHANNEL]
    if _link.call(ops.DMA_GET, channel, ops.DMA_READ_ADDR) != order[BEFORE]:
        return 0
    order[BEFORE] = order[END]
    _link.call(ops.DMA_SET, channel, ops.DMA_READ_ADDR, order[FIRST])
    _memory.tell_chain(_link, ops.DMA_MEMORY, order[FIRST])
    _link.call(ops.DMA_START, channel)
    return 1


def keep(message):
    message[0] = _WRITE
    _select(0)
    _link.send(_ops.SPI_WRITE, _SPI, _WREN)
    _select(1)
    _select(0)
    _link.send(_ops.SPI_WRITE, _SPI, message)
    _select(1)
    for i in range(1, 4):
        _head[i] = message[i]
    _head[0] = _READ
    _select(0)
    _link.send(_ops.SPI_WRITE, _SPI, _head)
    _link.recv(_ops.SPI_READ, _SPI, _back)
    _select(1)
    for i in range(_KEPT_BYTES):
        if _back[i] != message[4 + i]:
            return 0
    return 1


def _select(level):
    _link.post(_ops.PIN_SET, _FRAM_CS, level)
