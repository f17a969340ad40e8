"""The chip's buses with the simulator's parts on them, each byte in the time that its clock takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rp2040py.peripherals.reset import RESET, RESET_I2C0
from rp2040py.peripherals.uart import RPUART, UARTDR, UARTTXINTR

from sim.silicon.onewire import OneWireLine
from sim.space import shim

if TYPE_CHECKING:
    from sim.silicon.chip import Chip
    from sim.silicon.world import ChipWorld

board = shim("board")

TX_FIFO, TX_LOW = 32, 4  # PL011: its depth, and the level at which the interrupt that MicroPython chose is raised
TXFE, TXFF, BUSY = 1 << 7, 1 << 5, 1 << 3
BIT_ONE_NS = 550  # WS2812: a longer high is a one
LED_RESET_NS = 50_000
TONE_SLICE = board.PIN_BUZZER >> 1 & 7
ADDRESS_BITS = 9  # seven, read or write, acknowledge; and so many for a byte
I2C_TX_EMPTY = 1 << 4  # of IC_RAW_INTR_STAT


class Bus:
    """Something on the chip's board; its parts are those of the world that the chip is in now."""

    def __init__(self, chip: Chip):
        self._chip = chip

    @property
    def _world(self) -> ChipWorld:
        return self._chip.world


class SpiFram(Bus):
    """The FRAM on SPI0."""

    def __init__(self, chip: Chip):
        super().__init__(chip)
        self._spi = chip.mcu.spi[0]
        self._answer = 0
        self._done = chip.mcu.clock.create_alarm(lambda: self._spi.complete_transmit(self._answer))
        self._spi.on_transmit = self._byte
        chip.watch_pad(board.PIN_FRAM_CS, 1, self._select)

    def _select(self, level: int) -> None:
        fram = self._world.fram
        (fram.deselect if level else fram.select)(self._world.chip_ns)

    def _byte(self, value: int) -> None:
        self._answer = self._world.fram.transfer(bytes((value,)), self._world.chip_ns)[0]
        self._done.schedule(8e9 / self._spi.clock_frequency)


class I2cParts(Bus):
    """Display and clock on I2C0: what is written reaches a part when its transaction ends, or the next START comes.

    While a part holds SDA low there is no START; the edges of SCL as a plain output free it.
    """

    def __init__(self, chip: Chip):
        super().__init__(chip)
        self._i2c = i2c = chip.mcu.i2c[0]
        self._got = bytearray()
        self._part: Any = None
        self._then: Any = None
        self._alarm = chip.mcu.clock.create_alarm(lambda: self._then())
        i2c.on_start = self._start
        i2c.on_connect = self._connect
        i2c.on_write_byte = self._write
        i2c.on_read_byte = self._read
        i2c.on_stop = self._stop
        chip.watch_pad(board.PIN_SCL, 1, self._scl)
        resets = chip.mcu.resets
        write = resets.write_uint32

        def reset(offset: int, value: int) -> None:  # the emulator's own does nothing to a single block
            write(offset, value)
            if offset == RESET and value & RESET_I2C0:
                self._alarm.cancel()
                self._got.clear()
                i2c.reset()

        resets.write_uint32 = reset

    def _after(self, clocks: int, then: Any) -> None:
        self._then = then
        period = self._i2c.scl_high_period + self._i2c.scl_low_period
        self._alarm.schedule(clocks * period * 1e9 / self._chip.mcu.clk_sys)

    def _scl(self, level: int) -> None:
        if level and not self._world.i2c.sda:
            self._world.i2c.clock()
            self._world.show_pads()

    def _start(self, _repeated: bool) -> None:
        self._deliver()
        if self._world.i2c.sda:
            self._after(1, self._i2c.complete_start)

    def _connect(self, address: int, _mode: Any) -> None:
        self._part = part = self._world.i2c.at(address, self._world.chip_ns)
        self._after(ADDRESS_BITS, lambda: self._connected(part is not None))

    def _connected(self, acknowledged: bool) -> None:
        self._i2c.complete_connect(acknowledged)
        if not acknowledged:  # the abort empties the FIFO; the emulator does not say so, and a driver waits for it
            self._i2c._set_interrupts(I2C_TX_EMPTY)

    def _write(self, value: int) -> None:
        self._got.append(value)
        self._after(ADDRESS_BITS, lambda: self._i2c.complete_write(True))

    def _read(self, _ack: bool) -> None:
        value = self._part.next_byte(self._world.chip_ns)
        self._after(ADDRESS_BITS, lambda: self._i2c.complete_read(value))

    def _deliver(self) -> None:
        if self._got and self._part is not None:
            self._part.write(bytes(self._got), self._world.chip_ns)
        self._got.clear()

    def _stop(self) -> None:
        self._deliver()
        self._i2c.complete_stop()


class DriverUart(RPUART):
    """UART1 with a FIFO that empties at its baud rate, on one wire with the driver: what is sent comes back."""

    def on_the_wire(self, chip: Chip) -> None:
        self._chip = chip
        self._queue: list[int] = []
        self._sent = self.rp2040.clock.create_alarm(self._byte_gone)

    def check_interrupts(self) -> None:
        self.rp2040.set_interrupt(self.irq, bool(self._interrupt_status & self._interrupt_mask))

    @property
    def flags(self) -> int:
        flags = super().flags & ~TXFE | (BUSY if self._queue else TXFE)
        return flags | (TXFF if len(self._queue) >= TX_FIFO else 0)

    def _byte_ns(self) -> float:
        return 10e9 / self.baud_rate if self.baud_divider else 0.0

    def write_uint32(self, offset: int, value: int) -> None:
        if offset != UARTDR:
            super().write_uint32(offset, value)
            return
        self._queue.append(value & 0xFF)
        if len(self._queue) > TX_LOW:
            self._interrupt_status &= ~UARTTXINTR
        if len(self._queue) == 1:
            self._sent.schedule(self._byte_ns())
        self.check_interrupts()

    def _byte_gone(self) -> None:
        value = self._queue.pop(0)
        if self._queue:
            self._sent.schedule(self._byte_ns())
        if len(self._queue) <= TX_LOW:
            self._interrupt_status |= UARTTXINTR
            self.check_interrupts()
        world = self._chip.world
        heard = world.uart_line.carry(value)
        for byte in heard:
            self.feed_byte(byte)
        began_ns = world.chip_ns - int(self._byte_ns())
        for t_ns, answer in world.driver.receive(heard, began_ns) if heard else ():
            arrives = b"".join(world.uart_line.carry(byte) for byte in answer)
            world.at(t_ns, lambda arrives=arrives: [self.feed_byte(byte) for byte in arrives])

    def reset(self) -> None:
        super().reset()
        self._queue.clear()
        self._sent.cancel()


class Led(Bus):
    """The WS2812, from the edges of its wire."""

    def __init__(self, chip: Chip):
        super().__init__(chip)
        self._bits = self._count = 0
        self._edge_ns = 0
        chip.watch_pad(board.PIN_LED, 0, self._edge)

    def _edge(self, level: int) -> None:
        now_ns = self._world.chip_ns
        passed_ns, self._edge_ns = now_ns - self._edge_ns, now_ns
        if level:
            if passed_ns > LED_RESET_NS:
                self._bits = self._count = 0
            return
        self._bits = self._bits << 1 & 0xFFFFFF | (passed_ns > BIT_ONE_NS)
        self._count += 1
        if self._count == 24:
            self._world.led = self._bits
            self._count = 0


class Buses(Bus):
    """All of them, on one chip."""

    def __init__(self, chip: Chip):
        super().__init__(chip)
        self.fram = SpiFram(chip)
        self.i2c = I2cParts(chip)
        self.led = Led(chip)
        uart = chip.mcu.uart[1]
        uart.__class__ = DriverUart
        uart.on_the_wire(chip)
        self._one_wire(chip)
        self._analog(chip)
        self._buzzer(chip)

    def _one_wire(self, chip: Chip) -> None:
        pad = chip.mcu.gpio[board.PIN_ONEWIRE]
        self.line = OneWireLine(
            lambda: self._world.cartridge, lambda ns, call: self._world.at(self._world.chip_ns + ns, call),
            lambda level: pad.set_input_value(bool(level)), lambda: self._world.disturbed(1))
        pad.add_listener(lambda new, _old: self.line.drive(0 if int(new) == 0 else 1, self._world.chip_ns))
        pad.set_input_value(True)

    def _analog(self, chip: Chip) -> None:
        adc = chip.mcu.adc
        convert = adc.on_adc_read

        def sample(channel: int) -> None:
            self._chip.pio.catch_up()
            adc.channel_values[channel] = self._world.adc_counts(channel)
            convert(channel)

        adc.on_adc_read = sample

    def _buzzer(self, chip: Chip) -> None:
        """The tone follows from the registers; the slice itself stands still, so that no edges are worked out."""
        pwm = chip.mcu.pwm
        tone = pwm.channels[TONE_SLICE]
        tone.update_enable = lambda: None
        write = pwm.write_uint32

        def written(offset: int, value: int) -> None:
            write(offset, value)
            hz, high = 0, tone.cc & 0xFFFF
            if tone.csr & 1 and high:
                hz = round(chip.mcu.clk_sys / ((tone.div / 16 or 1) * (tone.top + 1)))
            self._world.tone(hz)

        pwm.write_uint32 = written

    def reset(self) -> None:
        """The chip was reset: nobody pulls the cartridge's wire, and no tone sounds."""
        self.line.drive(1, self._world.chip_ns)
        self._world.tone(0)
