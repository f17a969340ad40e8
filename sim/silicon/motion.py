"""What the step generator will do, read from memory the moment the DMA is started; and damage to those words.

Invariants: a chain is what the control channel would load from where it stands, up to the block that ends it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.space import shim

if TYPE_CHECKING:
    from sim.silicon.chip import Chip

gate, gears_file = shim("gate"), shim("gears_file")

RAM = 0x2000_0000
BLOCK_BYTES = 16
MOST_BLOCKS = 256
INCR_READ = 1 << 4
CYCLE_NS = 8
DMA_BASE = 0x5000_0000


class Piece(NamedTuple):
    """Words of one control block: from which word of RAM on, how many, or one word so many times."""

    at: int
    count: int
    repeated: bool


class Chain:
    """Control blocks from an address of RAM on."""

    def __init__(self, ram: np.ndarray, address: int):
        self._ram = ram
        self.pieces: list[Piece] = []
        for block in range(MOST_BLOCKS):
            at = (address - RAM + block * BLOCK_BYTES) // 4
            source, target, count, control = (int(word) for word in ram[at : at + 4])
            if control == 0 or target != gate._PIO0_TXF0:
                break
            self.pieces.append(Piece((source - RAM) // 4, count, not control & INCR_READ))

    def words(self) -> np.ndarray:
        """Every word in the order that it is sent."""
        parts = [
            np.repeat(self._ram[piece.at], piece.count) if piece.repeated
            else self._ram[piece.at : piece.at + piece.count] for piece in self.pieces]
        return np.concatenate(parts) if parts else np.zeros(0, np.uint32)

    def all_outward(self) -> None:
        """The mishap `rogue_table`: every word of a table says outward."""
        for piece in self.pieces:
            if not piece.repeated:
                self._ram[piece.at : piece.at + piece.count] |= 1

    def hit(self, gears_files: list[bytes]) -> None:
        """The mishap `memory_hit`: a bit of the largest table flips, wherever in memory it lies if this chain has none.

        `gears_files`: what the pen's flash has of step tables, one of which the firmware has read.
        """
        tables = [piece for piece in self.pieces if not piece.repeated] or self._kept(gears_files)
        if tables:
            largest = max(tables, key=lambda piece: piece.count)
            self._ram[largest.at + largest.count // 2] ^= 1 << 12

    def _kept(self, gears_files: list[bytes]) -> list[Piece]:
        ram = self._ram.tobytes()
        tails = [gears_file.stored(data, struct.unpack_from("<4I", data, 8)).tail for data in gears_files]
        found = [(ram.find(bytes(tail)), len(tail)) for tail in tails]
        return [Piece(at // 4, count, False) for at, count in found if at >= 0]


class ChainWatch:
    """Tells `begins(chain)` of every chain that the CPU starts."""

    def __init__(self, chip: Chip, begins: Callable[[Chain], None]):
        self._begins = begins
        self._ram = np.frombuffer(chip.mcu.sram, np.uint32)
        self._next = -1
        for channel in chip.mcu.dma.channels:
            channel.start = self._watched(channel, channel.start)

    def _watched(self, channel, start):
        def started() -> None:
            if channel._write_addr >> 12 == DMA_BASE >> 12 and channel._ctrl & 1 and not channel.active:
                address = channel._read_addr
                if address != self._next:
                    self._begins(Chain(self._ram, address))
                self._next = address + BLOCK_BYTES
            start()

        return started


def planned(chain: Chain, now_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """When each step of a chain that starts now will be asked for, and whether it goes outward."""
    words = chain.words().astype(np.int64)
    cycles = np.cumsum((words >> 1) + gate._OVERHEAD_CYCLES)
    return now_ns + cycles * CYCLE_NS, (words & 1).astype(np.int8)
