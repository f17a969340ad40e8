"""Twins of single state machines: what each of the five programs keeps in registers and FIFOs.

A twin is chosen by the exact program (`TWINS`); `tests/gate` holds the table against the firmware. Cycles count as in
`pio_steps`. Registers are 32 bits, FIFOs four words deep.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sim.pio_steps import FIFO_WORDS, NEVER, PioError, StepEngine

MASK = 0xFFFFFFFF
DEAD_MAN_CYCLES_A_COUNT = 3
INTERLOCK_CYCLES = 1  # the pad low to EN_N high, without the input synchroniser's two


@dataclass(frozen=True)
class Wiring:
    """Pins of a state machine, None where there is none."""

    in_base: int | None
    jmp_pin: int | None
    out_base: int | None
    set_base: int | None
    side_base: int | None


class Machine:
    """What all have: registers, FIFOs and an on/off switch."""

    def __init__(self, wiring: Wiring):
        self.wiring = wiring
        self.on = False
        self.y = self.osr = self.isr = 0
        self.tx: list[int] = []
        self.rx: list[int] = []
        self._x = 0

    def x(self, cycle: int) -> int:
        return self._x

    def set_x(self, value: int) -> None:
        self._x = value

    def set_y(self, value: int) -> None:
        self.y = value

    def read_y(self) -> int:
        return self.y

    def start(self, cycle: int) -> None:
        self.on = True

    def stop(self, cycle: int) -> None:
        self.on = False

    def restart(self, cycle: int) -> None:
        self.isr = 0

    def put(self, word: int, cycle: int) -> bool:
        """True if there was room."""
        if len(self.tx) == FIFO_WORDS:
            return False
        self.tx.append(word)
        return True

    def pop(self) -> int | None:
        return self.tx.pop(0) if self.tx else None

    def push(self, word: int) -> None:
        if len(self.rx) < FIFO_WORDS:
            self.rx.append(word)

    def tx_level(self, cycle: int) -> int:
        return len(self.tx)

    def rx_level(self) -> int:
        return len(self.rx)

    def get(self, count: int) -> list[int] | None:
        """So many words of the RX FIFO, or None while there are fewer."""
        if len(self.rx) < count:
            return None
        words, self.rx = self.rx[:count], self.rx[count:]
        return words

    def wins_en_n(self) -> bool:
        """It writes EN_N high in every cycle."""
        return False


class Generator(Machine):
    def __init__(self, wiring: Wiring, engine: StepEngine):
        super().__init__(wiring)
        self._engine = engine

    def x(self, cycle: int) -> int:
        return self._engine.generator_x(cycle) & MASK

    def set_x(self, value: int) -> None:
        self._engine.set_generator_x(-1 if value == MASK else value)

    def start(self, cycle: int) -> None:
        super().start(cycle)
        self._engine.start_generator(cycle)

    def stop(self, cycle: int) -> None:
        super().stop(cycle)
        self._engine.stop_generator(cycle)

    def restart(self, cycle: int) -> None:
        super().restart(cycle)
        self._engine.restart_generator(cycle)

    def put(self, word: int, cycle: int) -> bool:
        if self._engine.fifo_level(cycle) == FIFO_WORDS:
            return False
        self._engine.append(np.array([word], np.uint32), cycle)
        return True

    def pop(self) -> int | None:
        return self._engine.pop_waiting()

    def tx_level(self, cycle: int) -> int:
        return self._engine.fifo_level(cycle)


class DepthGate(Machine):
    def __init__(self, wiring: Wiring, engine: StepEngine):
        super().__init__(wiring)
        if wiring.in_base != wiring.set_base:
            raise PioError("the depth gate has to watch the EN_N it drives")
        self._engine = engine

    def x(self, cycle: int) -> int:
        return self._engine.x(cycle) & MASK

    def set_x(self, value: int) -> None:
        self._engine.set_x(-1 if value == MASK else value)

    def start(self, cycle: int) -> None:
        super().start(cycle)
        self._engine.start_gate()

    def stop(self, cycle: int) -> None:
        super().stop(cycle)
        self._engine.stop_gate(cycle)

    def restart(self, cycle: int) -> None:
        super().restart(cycle)
        self._engine.restart_gate()


class DeadMan(Machine):
    """Counts down by itself; `expiry` is the cycle in which EN_N goes high."""

    def __init__(self, wiring: Wiring):
        super().__init__(wiring)
        self.latched = False
        self.expiry = NEVER
        self._next_pull: int | None = None  # None until started after a restart

    def x(self, cycle: int) -> int:
        raise PioError("X of the dead-man is not worked out")

    def start(self, cycle: int) -> None:
        if self.on:
            return
        if self._next_pull is not None:
            raise PioError("the dead-man goes on in the middle of its count: restart it first")
        if not self.tx:
            raise PioError("the dead-man starts without a heartbeat word")
        super().start(cycle)
        self._next_pull = cycle + 1
        words, self.tx = self.tx, []
        for word in words:
            self._take(word, cycle)

    def stop(self, cycle: int) -> None:
        super().stop(cycle)
        self.expiry = NEVER

    def restart(self, cycle: int) -> None:
        super().restart(cycle)
        if self.on:
            raise PioError("restart of a running dead-man")
        self._next_pull = None
        self.latched = False

    def put(self, word: int, cycle: int) -> bool:
        return self._take(word, cycle) if self.on and not self.latched else super().put(word, cycle)

    def _take(self, word: int, cycle: int) -> bool:
        """A word of the FIFO is taken by the next `pull`, if the count does not end before."""
        first = self._next_pull
        assert first is not None
        late = max(0, cycle + 1 - first)
        pull = first + -(-late // DEAD_MAN_CYCLES_A_COUNT) * DEAD_MAN_CYCLES_A_COUNT
        if self.expiry <= pull:
            return super().put(word, cycle)
        self._next_pull = pull + DEAD_MAN_CYCLES_A_COUNT
        self.expiry = pull + DEAD_MAN_CYCLES_A_COUNT * (word + 1)
        return True

    def wins_en_n(self) -> bool:
        return self.on and self.latched


class Interlock(Machine):
    def __init__(self, wiring: Wiring):
        super().__init__(wiring)
        self.latched = False

    def restart(self, cycle: int) -> None:
        super().restart(cycle)
        self.latched = False

    def wins_en_n(self) -> bool:
        return self.on and self.latched


class Decoder(Machine):
    """Counts A and B; its RX FIFO is always full of samples."""

    def __init__(self, wiring: Wiring, count: Callable[[], int]):
        super().__init__(wiring)
        self._count = count
        self._base = 0

    def start(self, cycle: int) -> None:
        if not self.on:
            super().start(cycle)
            self._base = self._count() - self.y

    def stop(self, cycle: int) -> None:
        self.y = self.read_y()
        super().stop(cycle)

    def read_y(self) -> int:
        return (self._count() - self._base) & MASK if self.on else self.y

    def set_y(self, value: int) -> None:
        self.y = value
        self._base = self._count() - value

    def rx_level(self) -> int:
        return FIFO_WORDS if self.on else 0

    def get(self, count: int) -> list[int] | None:
        return [self.read_y()] * count if self.on else None


def digest(words: list[int], execctrl: int, shiftctrl: int) -> str:
    """Names a program: its words before relocation and its two configuration words."""
    text = " ".join(f"{word:x}" for word in (*words, execctrl, shiftctrl))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
