"""Both PIO blocks of the emulated chip, exact to the cycle, and run only as often as somebody looks.

Invariants: the blocks advance in step with each other, a cycle at a time. Cycles are left out only where two turns of
PERIOD cycles have shown that nothing changes but registers that count down evenly, and none of them gets near zero.
Whoever reads or writes a register or looks at pads sees the blocks as of now. Between these they are looked after when
the first one's next counter gets near zero, and no sooner than PACE_NS: DMA fills a FIFO that much late, which the four
words in it outlast.
"""

from __future__ import annotations

from collections.abc import Callable

from rp2040py.clock.clock import IClock
from rp2040py.peripherals.pio import RPPIO

CYCLES_A_NS = 0.125
PACE_NS = 10_000  # the fastest step takes 12,500
MOST_NS = 1_000_000  # where nothing is going to happen
PERIOD = 24  # a multiple of what the firmware's waiting loops take: 1, 3 and 8 cycles
_NEAR_ZERO = 64
_ALL_ONES = 0xFFFF_FFFF

_Still = tuple[object, ...]
_Counting = tuple[int, ...]


class Block(RPPIO):
    """One block; `group` says when. The emulator's own loop takes it for stopped and leaves it alone."""

    group: Group | None = None

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

    def state(self) -> tuple[_Still, _Counting]:
        """All that a program can tell, in two parts: what must not change, and registers that may count."""
        still: list[object] = [self.irq, self.pin_values, self.pin_directions]
        counting: list[int] = []
        for m in self.machines:
            due = m.next_due_fp - self.cycle_fp if m.enabled and not m.waiting else 0
            still += (m.enabled, m.waiting, m.wait_type, m.wait_index, m.wait_delay, m.pc, m.exec_valid, due,
                      m.input_shift_count, m.output_shift_count, m.tx_fifo.item_count, m.rx_fifo.item_count)
            counting += (m.x, m.y, m.output_shift_reg, m.input_shift_reg)
        return tuple(still), tuple(counting)

    def leave_out(self, turns: int, steps: _Counting) -> None:
        """Be `turns` times PERIOD cycles further, every register less by its step for each turn."""
        passed_fp = turns * PERIOD << 8
        self.cycle_fp += passed_fp
        for m, at in zip(self.machines, range(0, 16, 4), strict=True):
            if m.enabled and not m.waiting:
                m.next_due_fp += passed_fp
            m.x -= turns * steps[at]
            m.y -= turns * steps[at + 1]
            m.output_shift_reg -= turns * steps[at + 2]
            m.input_shift_reg -= turns * steps[at + 3]
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
        self._even_ns = 0  # from then on nothing happens in the first block for so long but counting
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
        self._look_in(min(max(PACE_NS, self._even_ns), MOST_NS))

    def hurry(self) -> None:
        """A register was written: what was known of the time to come is not true any more."""
        self._even_ns = 0
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
                self._even_ns = self._run_all(self._blocks, left)
            else:
                self._even_ns = self._run_all(self._blocks[:1], left)
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

    def _run_all(self, blocks: tuple[Block, ...], left: int) -> int:
        """Run so many cycles; for how many ns from then on nothing but counting is known to happen."""
        running = [block for block in blocks if block.running]
        even = self._run(running, left)
        for block in blocks:
            if block not in running:
                block.cycle_fp += left << 8
        return int(even / CYCLES_A_NS)

    def _run(self, blocks: list[Block], left: int) -> int:
        even = _ALL_ONES if not blocks else 0
        while left >= 4 * PERIOD:
            seen = [[block.state()] for block in blocks]
            for _ in range(2):
                self._turn(blocks, PERIOD)
                for states, block in zip(seen, blocks, strict=True):
                    states.append(block.state())
            left -= 2 * PERIOD
            possible = min((_even_turns(*states) for states in seen), default=_ALL_ONES)
            turns = min(possible, left // PERIOD)
            if turns > 0:
                for block, (_, before, after) in zip(blocks, seen, strict=True):
                    block.leave_out(turns, _steps(before, after))
                left -= turns * PERIOD
            even = (possible - turns) * PERIOD
        self._turn(blocks, left)
        return max(even - left, 0)

    def _turn(self, blocks: list[Block], cycles: int) -> None:
        for _ in range(cycles):
            for block in blocks:
                block.advance(1)


def _steps(before: tuple[_Still, _Counting], after: tuple[_Still, _Counting]) -> _Counting:
    return tuple(old - new for old, new in zip(before[1], after[1], strict=True))


def _even_turns(first, second, third) -> int:
    """How many more turns go like the last two; 0 if they were not alike."""
    steps = _steps(second, third)
    if first[0] != second[0] or second[0] != third[0] or steps != _steps(first, second) or min(steps) < 0:
        return 0
    turns = [(value - _NEAR_ZERO) // step for value, step in zip(third[1], steps, strict=True) if step]
    return max(0, min(turns, default=_ALL_ONES))
