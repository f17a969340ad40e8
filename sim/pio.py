"""The host's side of PIO and DMA: fast twins of the pen's five programs, exact to the cycle.

Invariants: a program without a twin is refused, never run approximately; so is whatever the firmware does to a twin
that is not worked out. EN_N, once PIO drives it, is low only by the one instruction the firmware forces on the depth
gate's state machine. `sink` hears of steps ahead of time and is told to drop those that will not happen.
"""

from typing import Protocol

import numpy as np

from sim.pio_dma import START_CYCLES, DmaHost
from sim.pio_force import force
from sim.pio_machines import (
    INTERLOCK_CYCLES,
    DeadMan,
    Decoder,
    DepthGate,
    Generator,
    Interlock,
    Machine,
    Wiring,
    digest,
)
from sim.pio_steps import NEVER, PioError, StepEngine
from sim.space import shim

__all__ = ("CYCLE_NS", "EARLIER", "TWINS", "PioError", "PioHost")

ops = shim("_rp2_ops")
CYCLE_NS = 8
STATE_MACHINES = 8

# programs by digest; tests/gate/test_programs.py says what to write here after a change of a program
TWINS = {
    "step_generator": "a660ffbe666e19d0",
    "depth_gate": "1699b8e4473978dd",
    "dead_man": "49bd464efae5fa11",
    "interlock": "0c9377702fb642dc",
    "quadrature": "7a81eab6ad93fba7",
}
# The gate up to commit 972cfdd: the same steps in the same cycles. What differs is when STEP falls, and that DIR goes
# on to the word after a step that is not made; its twin shows both as the present gate has them.
EARLIER = {"step_generator": "d7f3422365600d7e", "depth_gate": "4f74b6c6fd957ad0"}
_NAMES = {key: name for table in (EARLIER, TWINS) for name, key in table.items()}
_STATE_MACHINES = {
    "step_generator": (0,),
    "depth_gate": (1,),
    "dead_man": (2,),
    "interlock": (3,),
    "quadrature": (4, 5, 6, 7),
}


class Sink(Protocol):
    """What the PIO acts on and looks at. Times are ns since power-on; `outward` is 1 or 0."""

    def level(self, pin: int) -> int: ...
    def encoder_count(self) -> int: ...
    def steps(self, times_ns: np.ndarray, outward: np.ndarray) -> None: ...
    def drop_steps_after(self, t_ns: int) -> None: ...
    def en_n(self, level: int, t_ns: int) -> None: ...
    def gate_tripped(self, t_ns: int) -> None: ...


class PioHost:
    """Both PIO blocks and the DMA controller of one chip."""

    def __init__(self, sink: Sink, dma_start_cycles: int = START_CYCLES):
        """`dma_start_cycles` pass from a chain's start to its first word."""
        self._sink = sink
        self._dma_start_cycles = dma_start_cycles
        self._dispatch = {
            ops.SM_ACTIVE: self._active,
            ops.SM_RESTART: self._restart,
            ops.SM_EXEC: self._forced,
            ops.SM_PUT: lambda sm, word, c, cycle: int(self._machine(sm).put(word, cycle)),
            ops.SM_GET: self._get,
            ops.SM_RX_FIFO: lambda sm, b, c, cycle: self._machine(sm).rx_level(),
            ops.SM_TX_FIFO: lambda sm, b, c, cycle: self._machine(sm).tx_level(cycle),
            ops.DMA_SET: lambda channel, register, value, cycle: self._dma.set(channel, register, value),
            ops.DMA_GET: lambda channel, register, c, cycle: self._dma.get(channel, register, cycle),
            ops.DMA_START: lambda channel, b, c, cycle: self._dma.start(channel, cycle),
            ops.DMA_ABORT: lambda channel, b, c, cycle: self._dma.abort(channel, cycle),
            ops.DMA_BUSY: lambda channel, b, c, cycle: self._dma.busy(channel, cycle),
        }
        self._clear()

    # -- the firmware's accesses ------------------------------------------------------------------------------

    def call(self, op: int, a: int, b: int, c: int, t_ns: int) -> int:
        """An access with an integer answer."""
        self.advance(t_ns)
        return self._dispatch[op](a, b, c, t_ns // CYCLE_NS) or 0

    def send(self, op: int, a: int, data: bytes, t_ns: int) -> int:
        """An access that hands over bytes."""
        self.advance(t_ns)
        if op == ops.SM_INIT:
            self._init(a, [int(word) for word in np.frombuffer(data, "<u4")], t_ns // CYCLE_NS)
        elif op == ops.DMA_MEMORY:
            self._dma.tell(a, data)
        else:
            raise PioError(f"no access {op} that takes bytes")
        return 0

    def recv(self, op: int, a: int, size: int, t_ns: int) -> tuple[int, bytes]:
        """An access that asks for bytes: the answer 1 and the words, or 0 while fewer have arrived."""
        self.advance(t_ns)
        if op != ops.SM_GET_INTO:
            raise PioError(f"no access {op} that gives bytes")
        words = self._machine(a).get(size // 4)
        if words is None:
            return 0, bytes(size)
        return 1, np.array(words, "<u4").tobytes()

    # -- the world's side ---------------------------------------------------------------------------------------

    def pad_changed(self, pin: int, level: int, t_ns: int) -> None:
        """An input pad changed."""
        self.advance(t_ns)
        loop = self._interlock
        if loop is not None and loop.on and pin == loop.wiring.in_base and not level:
            self._open_interlock(loop, -(-t_ns // CYCLE_NS) + INTERLOCK_CYCLES)

    def next_event_ns(self) -> int | None:
        """When something happens without any access; None if nothing is to come."""
        cycle = min(self._engine.next_trip(), NEVER if self._dead_man is None else self._dead_man.expiry)
        return None if cycle == NEVER else cycle * CYCLE_NS

    def advance(self, t_ns: int) -> None:
        """Let happen what is due by `t_ns`."""
        while True:
            due = self.next_event_ns()
            if due is None or due > t_ns:
                return
            cycle = due // CYCLE_NS
            dead_man = self._dead_man
            if dead_man is not None and dead_man.expiry == cycle:
                dead_man.latched = True
                dead_man.expiry = NEVER
            if self._engine.next_trip() == cycle:
                self._engine.tell_trip()
                self._sink.gate_tripped(due)
            self._write_en_n(1, cycle)

    def output(self, pin: int, t_ns: int) -> int | None:
        """Level of a pad as PIO drives it; None if it does not."""
        cycle = t_ns // CYCLE_NS
        if self._en_n_pin is not None and pin == self._en_n_pin:
            if self._en_n_lent:
                return None
            return self._en_n if cycle >= self._en_n_since else 1 - self._en_n
        gate, generator = self._machines[1], self._machines[0]
        if gate is not None and pin == gate.wiring.side_base:
            return self._engine.step_level(cycle)
        if generator is not None and pin == generator.wiring.out_base:
            return self._engine.direction(cycle)
        return None

    def flags(self, t_ns: int) -> int:
        """The first block's flags."""
        self.advance(t_ns)
        return self._engine.flags(t_ns // CYCLE_NS)

    def lend_pad(self, pin: int, level: int, t_ns: int) -> None:
        """`Pin` initialised a pad, which takes it away from PIO until a program is initialised on it again."""
        self.advance(t_ns)
        if self._en_n_pin is None or pin != self._en_n_pin:
            return
        if not level:
            raise PioError("EN_N taken from the programs that guard it, to drive it low")
        self._write_en_n(1, t_ns // CYCLE_NS)
        self._en_n_lent = True

    def reset(self, t_ns: int) -> None:
        """Chip reset: programs, words and levels are gone and the pins released. Steps under way end."""
        self.advance(t_ns)
        self._sink.drop_steps_after(t_ns)
        self._clear()

    def _clear(self) -> None:
        self._machines: list[Machine | None] = [None] * STATE_MACHINES
        self._engine = StepEngine(self._sink_steps, self._sink_drop)
        self._dma = DmaHost(lambda: self._engine, self._dma_start_cycles)
        self._dead_man: DeadMan | None = None
        self._interlock: Interlock | None = None
        self._en_n_pin: int | None = None
        self._en_n = 1
        self._en_n_since = 0
        self._en_n_lent = False  # to SIO: what the programs write no longer reaches the pad

    # -- sinks ------------------------------------------------------------------------------------------------

    def _sink_steps(self, cycles: np.ndarray, outward: np.ndarray) -> None:
        self._sink.steps(cycles * CYCLE_NS, outward.astype(np.int8))

    def _sink_drop(self, cycle: int) -> None:
        self._sink.drop_steps_after(cycle * CYCLE_NS)

    def _write_en_n(self, level: int, cycle: int) -> None:
        if any(machine is not None and machine.wins_en_n() for machine in self._machines[2:4]):
            level = 1
        if level != self._en_n and not self._en_n_lent:
            self._en_n, self._en_n_since = level, cycle
            self._engine.set_drive(level == 0, cycle)
            self._sink.en_n(level, cycle * CYCLE_NS)

    def _open_interlock(self, loop: Interlock, cycle: int) -> None:
        loop.latched = True
        self._write_en_n(1, cycle)

    # -- state machines -----------------------------------------------------------------------------------------

    def _machine(self, sm: int) -> Machine:
        machine = self._machines[sm]
        if machine is None:
            raise PioError(f"state machine {sm} has no program")
        return machine

    def _init(self, sm: int, fields: list[int], cycle: int) -> None:
        words = fields[ops.INIT_PROGRAM :]
        key = digest(words, fields[ops.INIT_EXECCTRL], fields[ops.INIT_SHIFTCTRL])
        name = _NAMES.get(key)
        if name is None:
            raise PioError(f"no twin for the program {key} of {len(words)} words on state machine {sm}")
        if fields[ops.INIT_FREQ]:
            raise PioError("a clock divider")
        if name == "quadrature" and fields[ops.INIT_OFFSET]:
            raise PioError("the decoder's jump table has to lie at address 0")
        if sm not in _STATE_MACHINES[name]:
            raise PioError(f"{name} on state machine {sm}")
        self._machines[sm] = self._twin(name, self._wiring(fields))
        if name in ("depth_gate", "dead_man", "interlock"):
            self._take_en_n(fields, cycle)

    def _wiring(self, fields: list[int]) -> Wiring:
        pins = [
            None if fields[at] == ops.NO_PIN else fields[at]
            for at in (
                ops.INIT_IN_BASE,
                ops.INIT_JMP_PIN,
                ops.INIT_OUT_BASE,
                ops.INIT_SET_BASE,
                ops.INIT_SIDE_BASE,
            )
        ]
        return Wiring(*pins)

    def _twin(self, name: str, wiring: Wiring) -> Machine:
        if name == "step_generator":
            return Generator(wiring, self._engine)
        if name == "depth_gate":
            return DepthGate(wiring, self._engine)
        if name == "dead_man":
            self._dead_man = DeadMan(wiring)
            return self._dead_man
        if name == "interlock":
            self._interlock = Interlock(wiring)
            return self._interlock
        return Decoder(wiring, self._sink.encoder_count)

    def _take_en_n(self, fields: list[int], cycle: int) -> None:
        """Initialising a program drives EN_N to the level the program names."""
        pin, count, level, direction = fields[ops.INIT_SET_BASE : ops.INIT_SET_BASE + 4]
        if pin == ops.NO_PIN or count != 1 or not level or not direction:
            raise PioError("a program that does not begin with EN_N high")
        if self._en_n_pin not in (None, pin):
            raise PioError("two programs with different EN_N pins")
        first = self._en_n_pin is None
        self._en_n_pin = pin
        self._en_n_lent = False
        self._write_en_n(1, cycle)
        if first:
            self._en_n_since = 0
            self._sink.en_n(1, cycle * CYCLE_NS)

    def _active(self, sm: int, value: int, _c: int, cycle: int) -> int:
        machine = self._machine(sm)
        if value == 1:
            self._check_wiring(sm)
            machine.start(cycle)
            if isinstance(machine, Interlock):
                assert machine.wiring.in_base is not None
                if not self._sink.level(machine.wiring.in_base):
                    self._open_interlock(machine, cycle + INTERLOCK_CYCLES)
        elif value == 0:
            machine.stop(cycle)
        return int(machine.on)

    def _check_wiring(self, sm: int) -> None:
        if sm == 1 and self._machine(1).wiring.jmp_pin != self._machine(0).wiring.out_base:
            raise PioError("the depth gate does not look at the step generator's DIR")

    def _restart(self, sm: int, _b: int, _c: int, cycle: int) -> None:
        self._machine(sm).restart(cycle)

    def _get(self, sm: int, _b: int, _c: int, _cycle: int) -> int:
        words = self._machine(sm).get(1)
        return -1 if words is None else words[0]

    def _forced(self, sm: int, instruction: int, _c: int, cycle: int) -> None:
        level = force(self._machine(sm), instruction, cycle, self._engine, self._en_n_pin)
        if level is not None:
            self._write_en_n(level, cycle)
