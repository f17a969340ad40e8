"""The firmware's Gate and Encoder on a bench: a clock, a link that costs a fixed time an access, and a recorder.

The same bench stands on the twins (`sim.pio.PioHost`) or on the emulated PIO block (`gate_emulated.EmulatedHost`), so
that a test can run one course of events on both and compare what came out of the pads.
"""

import numpy as np

from sim.pio import CYCLE_NS, PioHost
from sim.space import FirmwareSpace, shim

ops = shim("_ops")
PIO0_IRQ = 0x50200030


class Pins:
    """The board's pins as the gate and the encoder take them."""

    PIN_STEP = 0
    PIN_DIR = 1
    PIN_EN_N = 2
    PIN_INTERLOCK = 3
    PIN_ENC_A = 10


class Recorder:
    """The world as the PIO sees it: input pads, and what it does to its outputs, in cycles."""

    def __init__(self):
        self.loop_closed = True
        self.counts = 0
        self.trips: list[int] = []
        self.en_n_changes: list[tuple[int, int]] = []
        self._edges: list[tuple[int, int]] = []

    def level(self, pin: int) -> int:
        assert pin == Pins.PIN_INTERLOCK
        return int(self.loop_closed)

    def encoder_count(self) -> int:
        return self.counts

    def steps(self, times_ns: np.ndarray, outward: np.ndarray) -> None:
        assert not len(times_ns) or not self._edges or times_ns[0] // CYCLE_NS > self._edges[-1][0]
        self._edges += zip((times_ns // CYCLE_NS).tolist(), outward.tolist(), strict=True)

    def drop_steps_after(self, t_ns: int) -> None:
        self._edges = [edge for edge in self._edges if edge[0] * CYCLE_NS <= t_ns]

    def en_n(self, level: int, t_ns: int) -> None:
        self.en_n_changes.append((t_ns // CYCLE_NS, level))

    def gate_tripped(self, t_ns: int) -> None:
        self.trips.append(t_ns // CYCLE_NS)

    def edges(self, until_cycle: int) -> list[tuple[int, int]]:
        """Rising edges of STEP with the level of DIR, up to a cycle."""
        return [edge for edge in self._edges if edge[0] <= until_cycle]


class Bench:
    """A gate and its surroundings. `access_cycles` is what every access to the hardware takes."""

    def __init__(self, make_host, access_cycles: int = 60):
        self.recorder = Recorder()
        self.host = make_host(self.recorder)
        self.cycle = 0
        self._access_cycles = access_cycles
        self.space = FirmwareSpace(self)
        self.gate_module = self.space.module("gate")
        self.encoder_module = self.space.module("encoder")
        self.rp2 = self.space.module("rp2")

    @property
    def now_ns(self) -> int:
        return self.cycle * CYCLE_NS

    def wait(self, cycles: int) -> None:
        """Let time pass."""
        self.cycle += cycles
        self.host.advance(self.now_ns)

    def open_interlock(self) -> int:
        """Open the loop now; answer the cycle."""
        self.recorder.loop_closed = False
        self.host.pad_changed(Pins.PIN_INTERLOCK, 0, self.now_ns)
        return self.cycle

    def close_interlock(self) -> None:
        self.recorder.loop_closed = True
        self.host.pad_changed(Pins.PIN_INTERLOCK, 1, self.now_ns)

    def edges(self) -> list[tuple[int, int]]:
        return self.recorder.edges(self.cycle)

    # -- the link the firmware's side talks to

    def call(self, op: int, a: int = 0, b: int = 0, c: int = 0) -> int:
        self.wait(self._access_cycles)
        if op == ops.PIN_GET and a == Pins.PIN_INTERLOCK:
            return self.recorder.level(a)
        if op == ops.PIN_GET:
            level = self.host.output(a, self.now_ns)
            return 0 if level is None else level
        if op == ops.PIN_INIT:
            return 0
        if op == ops.MEM32_GET and a == PIO0_IRQ:
            return self.host.flags(self.now_ns)
        if op == ops.MEM32_GET:
            en_n = self.host.output(Pins.PIN_EN_N, self.now_ns)
            return (0 if en_n is None else en_n) << Pins.PIN_EN_N | self.recorder.level(Pins.PIN_INTERLOCK) << 3
        return self.host.call(op, a, b, c, self.now_ns)

    post = call

    def send(self, op: int, a: int, buf) -> int:
        self.wait(self._access_cycles)
        return self.host.send(op, a, bytes(buf), self.now_ns)

    def recv(self, op: int, a: int, buf) -> int:
        self.wait(self._access_cycles)
        answer, data = self.host.recv(op, a, len(buf), self.now_ns)
        buf[:] = data
        return answer


def twin_bench() -> Bench:
    """On the twins. The emulated DMA moves the first word a cycle after its start, so these do too."""
    return Bench(lambda sink: PioHost(sink, dma_start_cycles=1))


def emulated_bench(sync_cycles: int = 0) -> Bench:
    """On the emulated block, where programs see pads so many cycles late."""
    from gate_emulated import EmulatedHost

    return Bench(lambda sink: EmulatedHost(sink, sync_cycles))
