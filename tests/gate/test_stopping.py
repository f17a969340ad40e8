"""Stopping two chained DMA channels, word by word: whenever it comes, nothing moves afterwards.

The benches of the gate move a block's four words at once. Here the control channel moves one word a tick and the data
channel, which waits for steps, one in PACE ticks; between two accesses of the firmware GAP ticks go by, and the first
access comes at any of them. As in RP2040 datasheet 2.5 a channel that is switched off keeps its transfer and is busy
with it, an abort ends it, and the end of one that is chained starts the other.
"""

from array import array

import pytest
from gate_bench import Pins, emulated_bench

WORDS = 3  # of each block's table
BLOCKS = 4
PACE = 7  # on the chip a step takes longer than an access, and an access far longer than a block of four words
GAP = 5
TICKS = BLOCKS * (WORDS * PACE + 4)
_CTRL_TRIG = 3
_PIO_IRQ = 0x030  # register of the flags, RP2040 datasheet 3.7


class Pair:
    """A control channel that writes blocks of four words into a data channel, through a ring of four."""

    def __init__(self):
        self.blocks = [[0x20000000, 0x50200010, WORDS, 1]] * BLOCKS + [[0, 0, 0, 0]]
        self.sent = 0
        self.ticks = 0
        self.data = Data(self)
        self.control = Control(self)

    def tick(self):
        self.ticks += 1
        self.control.move()
        if self.ticks % PACE == 0:
            self.data.move()

    def gap(self):
        for _ in range(GAP):
            self.tick()


class Data:
    def __init__(self, pair):
        self._pair = pair
        self._enabled = self._chained = False
        self._left = 0

    def trigger(self, count):
        self._enabled = self._chained = True
        self._left = count

    def move(self):
        if self._left and self._enabled:
            self._pair.sent += 1
            self._left -= 1
            if not self._left and self._chained:
                self._pair.control.trigger()

    @property
    def busy(self):
        return self._left > 0

    @property
    def ctrl(self):
        raise AssertionError("nothing reads it")

    @ctrl.setter
    def ctrl(self, value):
        assert value == "off and out of the chain"
        self._enabled = self._chained = False
        self._pair.gap()

    def active(self, value):
        assert value == 0
        self._left = 0
        self._pair.gap()


class Control:
    def __init__(self, pair):
        self._pair = pair
        self._left = 0
        self._at = 0  # in the ring
        self._read = 0

    def trigger(self):
        self._left = 4

    def move(self):
        if not self._left:
            return
        word = self._pair.blocks[self._read // 4][self._read % 4]
        if self._at == _CTRL_TRIG and word:
            self._pair.data.trigger(WORDS)
        self._read += 1
        self._at = (self._at + 1) % 4
        self._left -= 1

    @property
    def busy(self):
        return self._left > 0

    @property
    def write(self):
        return "start of the ring" if self._at == 0 else "somewhere in it"

    @write.setter
    def write(self, value):
        assert value == "start of the ring"
        self._at = 0
        self._pair.gap()

    def active(self, value):
        assert value == 0
        self._left = 0
        self._pair.gap()


@pytest.fixture
def stopped_after(gate):
    """Stop a running pair so many ticks after its start."""
    def stop(ticks):
        pair = Pair()
        gate._data, gate._control = pair.data, pair.control
        gate._unchained, gate._block_target = "off and out of the chain", "start of the ring"
        pair.control.trigger()
        for _ in range(ticks):
            pair.tick()
        gate._stop_channels()
        return pair

    return stop


def test_the_pair_sends_all_words_if_nobody_stops_it():
    pair = Pair()
    pair.control.trigger()
    for _ in range(TICKS + 40):
        pair.tick()
    assert pair.sent == BLOCKS * WORDS and not pair.control.busy and not pair.data.busy


@pytest.mark.parametrize("ticks", range(TICKS))
def test_stopped_at_any_word_nothing_moves_on_and_the_next_start_is_whole(stopped_after, ticks):
    pair = stopped_after(ticks)
    assert not pair.control.busy and not pair.data.busy
    assert pair.control.write == "start of the ring"
    sent = pair.sent
    for _ in range(2 * TICKS):
        pair.tick()
    assert pair.sent == sent


def test_a_trips_flag_is_gone_after_the_next_arm():
    """Read from the block: an interrupt of the trip before would come again at once."""
    bench = emulated_bench()
    gate = bench.gate_module.Gate(Pins)
    chain = bench.gate_module.Chain(1)
    chain.add(array("I", [bench.gate_module.step_word(60, True)]), 0, 1)
    assert gate.arm(0)
    gate.start(chain)
    bench.wait(400)
    flags = bench.host.mcu.pio[0]
    assert gate.tripped() and flags.read_uint32(_PIO_IRQ) & 1
    assert gate.arm(0)
    assert not flags.read_uint32(_PIO_IRQ) & 1

