"""DMA as the gate uses it: control blocks in memory that feed words to a state machine.

Invariants: contents of memory count as they are when the transfer starts; a use of the controller that is not worked
out here raises. A transfer's progress follows from what the state machine has taken from its FIFO.
"""

from collections.abc import Callable

import numpy as np

from sim.pio_steps import PioError, StepEngine

CHANNELS = 12
READ_ADDR, WRITE_ADDR, TRANS_COUNT, CTRL = range(4)
DMA_BASE, CHANNEL_STRIDE = 0x50000000, 0x40
PIO0_TXF0 = 0x50200010
DREQ_PIO0_TX0 = 0
UNPACED = 0x3F
BLOCK_BYTES = 16
START_CYCLES = 20  # from the trigger to the first word in the FIFO: a guess, no figure of the chip


def _field(ctrl: int, shift: int, width: int) -> int:
    return ctrl >> shift & (1 << width) - 1


class _Chain:
    """A run of control blocks under way: where each block's words end, counted in words ever sent."""

    def __init__(self, first: int, counts: list[int], start_address: int):
        self.first = first
        self.ends = np.cumsum(counts) + first
        self.start_address = start_address

    def blocks_read(self, taken: int) -> int:
        """Control blocks loaded, the ending one included, when `taken` words have left."""
        return 1 + int(np.searchsorted(self.ends, taken, "right"))


class DmaHost:
    """Twelve channels, of which one may chain another into the step generator."""

    def __init__(self, engine: Callable[[], StepEngine], start_cycles: int = START_CYCLES):
        self._engine = engine
        self._start_cycles = start_cycles
        self._registers = [[0, 0, 0, 0] for _ in range(CHANNELS)]
        self._memory: dict[int, np.ndarray] = {}
        self._chain: _Chain | None = None
        self._control = self._data = -1

    def tell(self, address: int, data: bytes) -> None:
        """What memory holds from an address on."""
        self._memory[address] = np.frombuffer(data, "<u4")

    def words(self, address: int, count: int) -> np.ndarray:
        for base, held in self._memory.items():
            first = (address - base) // 4
            if first >= 0 and first + count <= len(held) and address % 4 == 0:
                return held[first : first + count]
        raise PioError(f"DMA reads {count} words at {address:#x}, where no buffer of the firmware lies")

    def set(self, channel: int, register: int, value: int) -> None:
        self._registers[channel][register] = value

    def get(self, channel: int, register: int, cycle: int) -> int:
        value = self._registers[channel][register]
        if self._chain is None or channel not in (self._control, self._data):
            return value
        blocks = self._chain.blocks_read(self._engine().taken_in(cycle))
        if channel == self._control and register == READ_ADDR:
            return self._chain.start_address + BLOCK_BYTES * blocks
        if channel == self._data:
            raise PioError("registers of a DMA channel that a control channel loads")
        return value

    def start(self, channel: int, cycle: int) -> int:
        """Trigger a channel; it has to be a control channel as `gate.Chain` makes them. Answers whether it is busy."""
        read, write, count, ctrl = self._registers[channel]
        data, offset = divmod(write - DMA_BASE, CHANNEL_STRIDE)
        if not 0 <= data < CHANNELS or offset or data == channel:
            raise PioError("a DMA transfer that does not load another channel")
        if count != 4 or _field(ctrl, 6, 5) != (1 << 4 | 4) or _field(ctrl, 0, 6) != 0x39:
            raise PioError(f"a control channel with CTRL {ctrl:#x} and {count} words a block")
        if _field(ctrl, 15, 6) != UNPACED or _field(ctrl, 11, 4) != channel:
            raise PioError("a control channel that is paced or chains to another")
        if self.busy(data, cycle):
            raise PioError("a control channel started while the chain before is under way")
        self._control, self._data = channel, data
        pieces = self._pieces(read)
        self._chain = _Chain(self._engine().received, [len(piece) for piece in pieces], read)
        self._engine().append(np.concatenate(pieces), cycle + self._start_cycles)
        return self.busy(channel, cycle)

    def _pieces(self, address: int) -> list[np.ndarray]:
        """The words of every block up to the ending one."""
        pieces = []
        while True:
            read, write, count, ctrl = (int(word) for word in self.words(address, 4))
            if ctrl == 0:
                break
            pieces.append(self._piece(read, write, count, ctrl))
            address += BLOCK_BYTES
        if not pieces:
            raise PioError("a chain without blocks")
        return pieces

    def _piece(self, read: int, write: int, count: int, ctrl: int) -> np.ndarray:
        if write != PIO0_TXF0 or _field(ctrl, 15, 6) != DREQ_PIO0_TX0:
            raise PioError(f"a block that writes to {write:#x}, not paced by the step generator's FIFO")
        if not ctrl & 1 or _field(ctrl, 2, 2) != 2 or _field(ctrl, 5, 6) or _field(ctrl, 22, 2):
            raise PioError(f"a block with CTRL {ctrl:#x}: not plain words to one address")
        if _field(ctrl, 11, 4) != self._control or not count:
            raise PioError("a block that does not go on to the next one")
        if _field(ctrl, 4, 1):
            return self.words(read, count)
        return np.full(count, self.words(read, 1)[0], np.uint32)

    def busy(self, channel: int, cycle: int) -> int:
        """1 while a channel has transfers outstanding; a control channel's own take no time here."""
        if self._chain is None or channel != self._data:
            return 0
        return int(self._engine().taken_in(cycle) < self._chain.ends[-1])

    def abort(self, channel: int, cycle: int) -> int:
        """Stop a channel. A chain ends with either of its two; words in the FIFO stay there."""
        if self._chain is not None and channel in (self._control, self._data):
            read = self.get(self._control, READ_ADDR, cycle)
            self._engine().withdraw(self._engine().taken_in(cycle), cycle)
            self._chain = None
            self._registers[self._control][READ_ADDR] = read
        return 0
