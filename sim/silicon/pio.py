"""Both PIO blocks of the emulated chip, exact to the cycle, and run only as often as somebody looks.

Invariants: the blocks advance in step with each other, a cycle at a time: compiled where nobody could tell
(sim/silicon/quiet.py), else by the emulator's own block. Whoever reads or writes a register or looks at pads sees the
blocks as of now. Between these they are looked after when the first one is about to do something that shows, and no
sooner than PACE_NS: DMA fills a FIFO that much late, which the four words in it outlast.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rp2040py.clock.clock import IClock
from rp2040py.peripherals.pio import RPPIO

from sim.silicon import quiet

CYCLES_A_NS = 0.125
PACE_NS = 10_000  # the fastest step takes 12,500
MOST_NS = 1_000_000  # where nothing is going to happen
_A_CYCLE_FP = 256  # of the emulator's clock, which is that of a divider of 1


class Block(RPPIO):
    """One block; `group` says when. The emulator's own loop takes it for stopped and leaves it alone."""

    group: Group | None = None

    def __init__(self, *_: object):
        shape = quiet.MACHINES, quiet.COLUMNS
        self.rows = np.zeros(shape, np.int64)
        self.program, self.seen = np.zeros(32, np.int64), np.zeros(3, np.int64)
        self.room = tuple(np.zeros(shape, np.int64) for _ in range(3))

    def reset(self):
        cycle_fp = self.cycle_fp
        super().reset()
        self.cycle_fp = cycle_fp  # the group's time goes on

    def read_uint32(self, offset):
        self.group.catch_up()
        return super().read_uint32(offset)

    def write_uint32(self, offset, value):
        self.group.catch_up()
        super().write_uint32(offset, value)
        self.stopped = True
        self.group.hurry()

    @property
    def running(self) -> bool:
        return any(machine.enabled for machine in self.machines)

    def ahead(self, most: int) -> int:
        """How many of the next cycles nobody could tell, up to `most`; `go_on` is then for them."""
        rows, block_at = self.rows, self.cycle_fp
        if self.pin_values != self.old_pin_values or self.pin_directions != self.old_pin_directions:
            return 0  # the CPU has set a pad: it moves with the next instruction
        told = self.fdebug & self.tx_stall == self.tx_stall and self.fdebug & self.rx_stall == self.rx_stall
        for m, row in zip(self.machines, rows, strict=True):
            row[quiet.RUNS] = m.enabled and not m.waiting
            if not row[quiet.RUNS]:
                continue
            if m.exec_valid or m.div_fp != _A_CYCLE_FP:
                return 0
            pulls = told and self.tx_stall >> 24 + m.index & 1 and m.tx_fifo.empty
            pushes = told and self.rx_stall >> m.index & 1 and m.rx_fifo.full
            row[:] = (
                1, m.next_due_fp - block_at >> 8, m.pc, m.x, m.y, m.output_shift_reg, m.input_shift_reg,
                m.output_shift_count, m.input_shift_count, m.exec_ctrl, m.shift_ctrl, m.pin_ctrl,
                (quiet.PULL_STALLED if pulls else 0) | (quiet.PUSH_STALLED if pushes else 0), 0)
        self.program[:] = self.instructions
        self.seen[:] = self.rp2040.gpio_values, self.pin_values, self.pin_directions
        return quiet.run(rows, self.program, self.seen, most, *self.room)

    def go_on(self, cycles: int) -> None:
        """Be so many cycles further, as `ahead` found them."""
        for m, row in zip(self.machines, self.rows.tolist(), strict=True):
            if row[quiet.RUNS]:
                (_, due, m.pc, m.x, m.y, m.output_shift_reg, m.input_shift_reg, m.output_shift_count,
                 m.input_shift_count, *_) = row
                m.next_due_fp = self.cycle_fp + (due << 8)
        self.cycle_fp += cycles << 8
        self.recompute_due()


Edges = list[tuple[int, Callable[[], None]]]


class Group:
    """The blocks of one chip, and their clock.

    `between`, if given, is called when the first block is up to date and the second is not: there the board sees what
    the first did to its pads, and says which pads of the second moved meanwhile, each at a cycle.
    """

    between: Callable[[], Edges] | None = None

    def __init__(self, blocks: tuple[Block, ...], clock: IClock):
        self._blocks = blocks
        self._clock = clock
        self._at = 0
        self._due_ns = 0.0
        self._busy = False
        self._alarm = clock.create_alarm(self._due)
        for block in blocks:
            block.group = self
        self.pace()

    @property
    def edge_cycle(self) -> int:
        """The cycle of what happens to a pad now: the first block's, which the second only follows, or the CPU's."""
        return self._blocks[0].cycle_fp >> 8 if self._busy else round(self._clock.nanos * CYCLES_A_NS)

    def pace(self) -> None:
        """Look again when the first block, which drives pads, is about to do something."""
        showing = [block for block in self._blocks[: 1 if self.between else None] if block.running]
        quiet_ns = self._ahead(showing, int(MOST_NS * CYCLES_A_NS)) / CYCLES_A_NS
        self._look_in(max(PACE_NS, quiet_ns))

    def hurry(self) -> None:
        """A register was written: what was known of the time to come is not true any more."""
        if self._due_ns > self._clock.nanos + PACE_NS:
            self._look_in(PACE_NS)

    def _look_in(self, ns: float) -> None:
        self._due_ns = self._clock.nanos + ns
        self._alarm.cancel()
        self._alarm.schedule(ns)

    def _due(self) -> None:
        self.catch_up()
        self.pace()

    def catch_up(self) -> None:
        """Bring the blocks to the present."""
        now = round(self._clock.nanos * CYCLES_A_NS)
        left, self._at = now - self._at, max(now, self._at)
        if left <= 0 or self._busy:  # busy: a pad that moved was looked at
            return
        self._busy = True
        try:
            if self.between is None:
                self._run_all(self._blocks, left)
            else:
                self._run_all(self._blocks[:1], left)
                self._run_between(self._blocks[1:], now - left, left, self.between())
        finally:
            self._busy = False

    def _run_between(self, blocks: tuple[Block, ...], at: int, left: int, edges: Edges) -> None:
        end = at + left
        for cycle, move in edges:
            if cycle > at:
                self._run_all(blocks, cycle - at)
                at = cycle
            move()
        self._run_all(blocks, end - at)

    def _run_all(self, blocks: tuple[Block, ...], left: int) -> None:
        running = [block for block in blocks if block.running]
        for block in blocks:
            if block not in running:
                block.cycle_fp += left << 8
        while running and left > 0:
            cycles = self._ahead(running, left)
            if cycles:
                for block in running:
                    block.go_on(cycles)
                left -= cycles
            if left:
                for block in running:
                    block.advance(1)
                left -= 1

    def _ahead(self, blocks: list[Block], most: int) -> int:
        """How many cycles nobody could tell in any of the blocks, all of which are prepared for just as many."""
        found = [most]
        for block in blocks:
            found.append(block.ahead(found[-1]))
        for block, cycles in zip(blocks, found[1:], strict=True):
            if 0 < found[-1] < cycles:
                block.ahead(found[-1])
        return found[-1]
