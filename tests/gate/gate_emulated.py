"""The PIO blocks of an emulated RP2040 (rp2040py) behind the same accesses as `sim.pio.PioHost`, cycle by cycle.

No CPU and no firmware image: the assembled programs are written to instruction memory, the firmware's buffers to
SRAM, and the accesses become writes to registers of PIO and DMA. Differences from silicon: an interrupt flag is seen
by a waiting program one cycle earlier, a forced instruction takes no cycle of its own, DMA moves words in no time.
"""

import numpy as np
from gate_bench import Pins
from rp2040py.rp2040 import RP2040

from sim.pio import CYCLE_NS, ops

# register offsets, RP2040 datasheet 3.7
CTRL, FLEVEL, TXF0, RXF0, IRQ, INSTR_MEM0, SM0_CLKDIV = 0x000, 0x00C, 0x010, 0x020, 0x030, 0x048, 0x0C8
SM_STRIDE, EXECCTRL, SHIFTCTRL, ADDR, INSTR, PINCTRL = 0x18, 0x04, 0x08, 0x0C, 0x10, 0x14
FUNCTION_PIO = 6
PAD_INPUT_ENABLE = 0x56  # reset value of a pad, RP2040 datasheet 2.19.6.3
DMA_CTRL_QUIETLY, DMA_TRIGGER, DMA_ABORT, DMA_BUSY = 0x10, 0x430, 0x444, 1 << 24  # datasheet 2.5.7
SRAM = 0x20000000
SET_PINS, SET_PINDIRS = 0xE000, 0xE080


class EmulatedHost:
    """Both PIO blocks; `sink` is told of edges as they happen."""

    def __init__(self, sink, sync_cycles: int = 0):
        """`sync_cycles`: how much later than its pad a program sees a level; two on silicon."""
        self.sink = sink
        self._sync_cycles = sync_cycles
        self._late: list[tuple[int, int, bool]] = []
        self.mcu = RP2040()
        self.mcu.simulator = self  # so that enabling a block does not run it at once
        self.cycle = 0
        self.dma_on = False
        self._initial_pc = [0] * 8
        self._pinctrl = [0] * 8
        self.step_falls: list[int] = []
        self.dir_changes: list[int] = []
        self._dir = 0
        for pin in self.mcu.gpio:
            pin.pad_value = PAD_INPUT_ENABLE
        for pin in (Pins.PIN_STEP, Pins.PIN_DIR, Pins.PIN_EN_N):
            self._loop_back(pin)
        self.mcu.gpio[Pins.PIN_INTERLOCK].set_input_value(True)

    def _loop_back(self, pin: int) -> None:
        def changed(new, _old) -> None:
            level = int(new)
            if level > 1:
                return
            self._see(pin, bool(level))
            self._pad_moved(pin, level)

        self.mcu.gpio[pin].add_listener(changed)

    def _see(self, pin: int, level: bool) -> None:
        """Let the programs see a pad's level, now or past the synchroniser."""
        if self._sync_cycles:
            self._late.append((self.cycle + self._sync_cycles, pin, level))
        else:
            self.mcu.gpio[pin].set_input_value(level)

    def _pad_moved(self, pin: int, level: int) -> None:
        if pin == Pins.PIN_DIR:
            self._dir = level
            self.dir_changes.append(self.cycle)
        elif pin == Pins.PIN_EN_N:
            self.sink.en_n(level, self.cycle * CYCLE_NS)
        elif level:
            edge = np.array([self.cycle * CYCLE_NS])
            self.sink.steps(edge, np.array([self._dir]))
        else:
            self.step_falls.append(self.cycle)

    # -- time

    def advance(self, t_ns: int) -> None:
        blocks, clock = self.mcu.pio, self.mcu.clock
        while self.cycle < t_ns // CYCLE_NS:
            while self._late and self._late[0][0] <= self.cycle:
                _, pin, level = self._late.pop(0)
                self.mcu.gpio[pin].set_input_value(level)
            self.cycle += 1
            blocks[0].advance(1)
            blocks[1].advance(1)
            if self.dma_on:
                clock.tick(CYCLE_NS)

    def pad_changed(self, pin: int, level: int, t_ns: int) -> None:
        self.advance(t_ns)
        self._see(pin, bool(level))

    def output(self, pin: int, _t_ns: int) -> int:
        return int(self.mcu.gpio[pin].value) & 1

    def flags(self, t_ns: int) -> int:
        self.advance(t_ns)
        return self.mcu.pio[0].read_uint32(IRQ)

    # -- accesses

    def _level(self, sm: int, receive: bool) -> int:
        return self.mcu.pio[sm // 4].read_uint32(FLEVEL) >> (8 * (sm % 4) + (4 if receive else 0)) & 15

    def _write(self, sm: int, register: int, value: int) -> None:
        block = self.mcu.pio[sm // 4]
        block.write_uint32(SM0_CLKDIV + SM_STRIDE * (sm % 4) + register, value)
        block.check_changed_pins()

    def call(self, op: int, a: int, b: int, c: int, t_ns: int) -> int:
        self.advance(t_ns)
        if op == ops.SM_ACTIVE:
            return self._active(a, b)
        if op == ops.SM_RESTART:
            block = self.mcu.pio[a // 4]
            block.write_uint32(CTRL, block.read_uint32(CTRL) | 1 << (4 + a % 4))
            self._write(a, INSTR, self._initial_pc[a])
            return 0
        if op == ops.SM_EXEC:
            self._write(a, INSTR, b)
            return 0
        if op == ops.SM_PUT:
            if self._level(a, False) == 4:
                return 0
            self.mcu.pio[a // 4].write_uint32(TXF0 + 4 * (a % 4), b)
            return 1
        if op == ops.SM_GET:
            return self.mcu.pio[a // 4].read_uint32(RXF0 + 4 * (a % 4)) if self._level(a, True) else -1
        if op in (ops.SM_RX_FIFO, ops.SM_TX_FIFO):
            return self._level(a, op == ops.SM_RX_FIFO)
        return self._dma_call(op, a, b, c)

    def _dma_call(self, op: int, channel: int, register: int, value: int) -> int:
        dma, base = self.mcu.dma, 0x40 * channel
        if op == ops.DMA_GET:
            return dma.read_uint32(base + 4 * register)
        if op == ops.DMA_BUSY:
            return int(bool(dma.read_uint32(base + 4 * ops.DMA_CTRL) & DMA_BUSY))
        if op == ops.DMA_SET:
            offset = DMA_CTRL_QUIETLY if register == ops.DMA_CTRL else 4 * register
            dma.write_uint32(base + offset, value)
            return 0
        assert op in (ops.DMA_START, ops.DMA_ABORT)
        dma.write_uint32(DMA_TRIGGER if op == ops.DMA_START else DMA_ABORT, 1 << channel)
        self.dma_on = True
        return 0

    def _active(self, sm: int, value: int) -> int:
        block = self.mcu.pio[sm // 4]
        bits, bit = block.read_uint32(CTRL), 1 << sm % 4
        if value < 2:
            bits = bits | bit if value else bits & ~bit
            block.write_uint32(CTRL, bits)
        return int(bool(bits & bit))

    def send(self, op: int, a: int, data: bytes, t_ns: int) -> int:
        self.advance(t_ns)
        if op == ops.SM_INIT:
            self._init(a, np.frombuffer(data, "<u4").tolist())
        else:
            assert op == ops.DMA_MEMORY
            at = a - SRAM
            assert at + len(data) <= len(self.mcu.sram), "more buffers than the emulated memory holds"
            self.mcu.sram[at : at + len(data)] = data
        return 0

    def recv(self, op: int, a: int, size: int, t_ns: int) -> tuple[int, bytes]:
        assert op == ops.SM_GET_INTO
        words = []
        self.advance(t_ns)
        while len(words) < size // 4:
            if not self._level(a, True):
                assert len(words) >= 4, "a get that waits for a word the program will not push"
                self.advance((self.cycle + 1) * CYCLE_NS)
                continue
            words.append(self.mcu.pio[a // 4].read_uint32(RXF0 + 4 * (a % 4)))
        return 1, np.array(words, "<u4").tobytes()

    def _init(self, sm: int, fields: list[int]) -> None:
        offset = fields[ops.INIT_OFFSET]
        block = self.mcu.pio[sm // 4]
        for i, word in enumerate(fields[ops.INIT_PROGRAM :]):
            relocated = word + offset if word >> 13 == 0 else word
            block.write_uint32(INSTR_MEM0 + 4 * (offset + i), relocated)
        self._initial_pc[sm] = offset
        jmp_pin = fields[ops.INIT_JMP_PIN] & 31
        execctrl = fields[ops.INIT_EXECCTRL] + (offset << 12) + (offset << 7) | jmp_pin << 24
        self._write(sm, EXECCTRL, execctrl)
        self._write(sm, SHIFTCTRL, fields[ops.INIT_SHIFTCTRL])
        for base in (ops.INIT_OUT_BASE, ops.INIT_SET_BASE, ops.INIT_SIDE_BASE):
            self._init_pins(sm, *fields[base : base + 4])
        side_count = fields[ops.INIT_SIDE_BASE + 1] + (fields[ops.INIT_EXECCTRL] >> 30 & 1)
        pinctrl = side_count << 29 | fields[ops.INIT_SET_BASE + 1] << 26 | fields[ops.INIT_OUT_BASE + 1] << 20
        for shift, field in ((15, ops.INIT_IN_BASE), (10, ops.INIT_SIDE_BASE), (5, ops.INIT_SET_BASE)):
            pinctrl |= (fields[field] & 31) << shift
        self._write(sm, PINCTRL, pinctrl | fields[ops.INIT_OUT_BASE] & 31)
        self._write(sm, INSTR, offset)

    def _init_pins(self, sm: int, base: int, count: int, levels: int, directions: int) -> None:
        if base == ops.NO_PIN:
            return
        self._write(sm, PINCTRL, count << 26 | base << 5)
        self._write(sm, INSTR, SET_PINS | levels)
        self._write(sm, INSTR, SET_PINDIRS | directions)
        for pin in range(base, base + count):
            self.mcu.gpio[pin].ctrl = FUNCTION_PIO + sm // 4
            self.mcu.gpio[pin].check_for_updates()
