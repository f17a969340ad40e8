"""Both PIO blocks of the emulated chip, exact to the cycle, and run only as often as somebody looks.

Invariants: the blocks advance in step with each other, a cycle at a time: compiled where nobody could tell
(sim/silicon/quiet.py), else by the emulator's own block. Whoever reads or writes a register or looks at pads sees the
blocks as of now, but for a word put into a FIFO that no one looks at for a while. Between these they are looked after
SETTLE_NS after the first one does something that shows, and no sooner than PACE_NS: DMA fills a FIFO that much late,
which the four words in it outlast.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from rp2040py.clock.clock import IClock
from rp2040py.peripherals.pio import RPPIO

from sim.silicon import quiet

CYCLES_A_NS = 0.125
PACE_NS = 10_000  # the fastest step takes 12,500
MOST_NS = 1_000_000  # where nothing is going to happen
SETTLE_NS = 1_000  # what a step makes of DIR, STEP and FIFO happens within 300
_A_CYCLE_FP = 256  # of the emulator's clock, which is that of a divider of 1
_TXF0, _TXF3 = 0x10, 0x1C
_ALL = 0b1111
_ROW = struct.Struct("20q")  # a machine's, in the order of the columns
_MOVED = struct.Struct("8q")  # of it, from DUE on, what running changes
_WAITS = struct.Struct("6q")  # of it, from EXEC_CTRL on, what waiting changes
_PADS_AT = quiet.SEEN * quiet.WIDTH + quiet.PADS
_FLAGS_AT = quiet.SEEN * quiet.WIDTH + quiet.FLAGS


class Block(RPPIO):
    """One block; `group` says when. The emulator's own loop takes it for stopped and leaves it alone.

    The compiled code has a table of its own of the machines. A row is filled from its machine only when something else
    has changed that, else the table goes on from where it is: `_found` cycles after `_began`.
    """

    group: Group | None = None

    def __init__(self, *_: object):
        self._table = np.zeros((quiet.ROWS, quiet.WIDTH), np.int64)
        self._cells = memoryview(self._table).cast("B").cast("q")  # read and written in a tenth of the time
        self._programmed: list[int] = []
        self._changed = _ALL  # machines whose rows are not true, a bit each
        self._held = False, False, False, False
        self._began, self._found = 0, 0

    def reset(self):
        cycle_fp = self.cycle_fp
        super().reset()
        self.cycle_fp = cycle_fp  # the group's time goes on
        self._changed = _ALL

    def read_uint32(self, offset):
        self.group.catch_up()
        self._changed = _ALL
        return super().read_uint32(offset)

    def write_uint32(self, offset, value):
        if _TXF0 <= offset <= _TXF3 and self._takes_unseen(offset - _TXF0 >> 2):
            super().write_uint32(offset, value)
            return
        self.group.catch_up()
        self._changed = _ALL
        super().write_uint32(offset, value)
        self.stopped = True
        self.group.hurry()

    @property
    def running(self) -> bool:
        a, b, c, d = self.machines
        return a.enabled or b.enabled or c.enabled or d.enabled

    def _takes_unseen(self, index: int) -> bool:
        """Whether up to the present and as far as is known nobody looks at this machine's FIFO for what to send."""
        a, b, c, d = self.machines
        held = a.waiting, b.waiting, c.waiting, d.waiting
        return (
            not self._changed and held == self._held and not held[index] and not self.tx_stall >> 24 + index & 1
            and self._began == self.cycle_fp >> 8 and self._began + self._found >= self.group.present
            and self._cells[_PADS_AT] == self.rp2040.gpio_values)

    def ahead(self, most: int) -> int:
        """How many of the next cycles nobody could tell, up to `most`; `go_on` is then for them."""
        if self.pin_values != self.old_pin_values or self.pin_directions != self.old_pin_directions:
            return 0  # the CPU has set a pad: it moves with the next instruction
        cells, at, pads = self._cells, self.cycle_fp >> 8, self.rp2040.gpio_values
        a, b, c, d = self.machines
        held = a.waiting, b.waiting, c.waiting, d.waiting
        if held != self._held:  # a pad ends a wait at once
            self._changed = _ALL
        elif not self._changed and self._began == at and self._found <= most and cells[_PADS_AT] == pads:
            return self._found
        if self._began + self._found != at:
            self._changed = _ALL
        if self._changed and not self._fill():
            return 0
        self._held = held
        cells[_PADS_AT] = pads
        self._began, self._found = at, quiet.run(self._table, at, most)
        return self._found

    def _fill(self) -> bool:
        """Make the table that of the machines as they are; False if it is not for what one of them does."""
        cells, at, changed = self._cells, 0, self._changed
        tx_stall, rx_stall = self.tx_stall, self.rx_stall
        told = (tx_stall or rx_stall) and self.fdebug & tx_stall == tx_stall and self.fdebug & rx_stall == rx_stall
        for m in self.machines:
            if changed & 1 << m.index:
                runs, held = m.enabled, m.waiting
                if not (runs or held):
                    cells[at] = cells[at + quiet.HELD] = cells[at + quiet.WAITED] = 0
                elif m.exec_valid or m.div_fp != _A_CYCLE_FP:
                    self._changed = _ALL
                    return False
                else:
                    _ROW.pack_into(
                        cells, at * 8, runs, m.next_due_fp >> 8, m.pc, m.x, m.y, m.output_shift_reg, m.input_shift_reg,
                        m.output_shift_count, m.input_shift_count, m.exec_ctrl, held, m.wait_type, m.wait_index,
                        m.wait_polarity, m.wait_delay, m.shift_ctrl, m.pin_ctrl, 0, 0, 0)
            if told or cells[at + quiet.STALLED]:
                cells[at + quiet.STALLED] = told and (
                    (quiet.PULL_STALLED if tx_stall >> 24 + m.index & 1 and m.tx_fifo.empty else 0)
                    | (quiet.PUSH_STALLED if rx_stall >> m.index & 1 and m.rx_fifo.full else 0))
            at += quiet.WIDTH
        if self._programmed != self.instructions:
            self._programmed = self.instructions.copy()
            self._table[quiet.PROGRAM] = self.instructions
        cells[_PADS_AT + quiet.VALUES], cells[_PADS_AT + quiet.DIRECTIONS] = self.pin_values, self.pin_directions
        cells[_FLAGS_AT] = self.irq
        cells[_PADS_AT + quiet.INTERRUPTS] = (
            self.irq0_int_enable | self.irq0_int_force | self.irq1_int_enable | self.irq1_int_force)
        self._changed = 0
        return True

    def go_on(self, cycles: int) -> None:
        """Be so many cycles further, as `ahead` found them."""
        cells, at = self._cells, 0
        for m in self.machines:
            waited = cells[at + quiet.WAITED]
            if waited or (cells[at] and not cells[at + quiet.HELD]):
                (due, m.pc, m.x, m.y, m.output_shift_reg, m.input_shift_reg, m.output_shift_count,
                 m.input_shift_count) = _MOVED.unpack_from(cells, (at + quiet.DUE) * 8)
                m.next_due_fp = due << 8
                if waited:
                    cells[at + quiet.WAITED] = 0
                    (m.exec_ctrl, m.waiting, m.wait_type, m.wait_index, m.wait_polarity,
                     m.wait_delay) = _WAITS.unpack_from(cells, (at + quiet.EXEC_CTRL) * 8)
            at += quiet.WIDTH
        a, b, c, d = self.machines
        self._held = a.waiting, b.waiting, c.waiting, d.waiting
        self.irq = cells[_FLAGS_AT]
        self.cycle_fp += cycles << 8
        self.recompute_due()

    def show(self) -> None:
        """One cycle by the emulator's own block."""
        after_fp = self.cycle_fp + _A_CYCLE_FP
        if self._began + self._found == self.cycle_fp >> 8:
            self._found += 1  # what has nothing to do in this cycle stays as it is in the table
            for m in self.machines:
                if m.next_due_fp <= after_fp and m.enabled:
                    self._changed |= 1 << m.index
        else:
            self._changed = _ALL
        self.advance(1)


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
        return self._blocks[0].cycle_fp >> 8 if self._busy else self.present

    @property
    def present(self) -> int:
        """The chip's cycle."""
        return round(self._clock.nanos * CYCLES_A_NS)

    def pace(self) -> None:
        """Look again when the first block, which drives pads, has done something."""
        showing = [block for block in self._blocks[: 1 if self.between else None] if block.running]
        quiet_ns = self._ahead(showing, int(MOST_NS * CYCLES_A_NS)) / CYCLES_A_NS
        self._look_in(max(PACE_NS, quiet_ns + SETTLE_NS))

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
        now = self.present
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
        alone = running[0] if len(running) == 1 else None
        while running and left > 0:
            cycles = alone.ahead(left) if alone else self._ahead(running, left)
            if cycles:
                for block in running:
                    block.go_on(cycles)
                left -= cycles
            if left:
                for block in running:
                    block.show()
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
