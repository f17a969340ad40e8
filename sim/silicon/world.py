"""The world around an emulated chip: the same parts and plant, driven by pads and edges instead of calls.

Invariants: time is the chip's. The world is brought up to it whenever the chip's PIO is, that is before the chip reads
a pad or a register of PIO, and at each of the world's own events. Every step is an edge of the STEP pad at its PIO
cycle; what is known ahead from the DMA's chain only tells when a motion begins and is meant to end.
"""

from __future__ import annotations

import contextlib
from functools import partial

import numpy as np

from sim.files import ImageFlash, LittleFiles
from sim.plant_kernel import TICK_NS
from sim.silicon.buses import Buses
from sim.silicon.chip import Chip
from sim.silicon.flash import TimedFlash
from sim.silicon.image import FS_START
from sim.silicon.motion import Chain, ChainWatch, planned
from sim.silicon.pio import Edges
from sim.silicon.usb import ChipUsb
from sim.space import shim
from sim.world import MOTION_TAIL_NS, POWER_ON, ChipStopped, World

board = shim("board")

CYCLE_NS = 8
COUNT_CYCLES = 16  # between two edges of the encoder, at least: the decoder takes up to 11 for a sample
PERIPHERAL_HZ = 48_000_000  # MicroPython clocks SPI and UART from the USB PLL; the emulator takes the system clock
INPUTS = (
    board.PIN_INTERLOCK, board.PIN_HOME, board.PIN_DIAG, board.PIN_POWER_OK, board.PIN_ENC_Z, board.PIN_TRIGGER_NO,
    board.PIN_TRIGGER_NC, board.PIN_SELECT, board.PIN_UP, board.PIN_DOWN, board.PIN_SDA)
TIMED_OUT = 1  # REASON of the watchdog
QUADRATURE = (0, 1, 3, 2)  # A and B, as two bits, by the count's last two


class _Pads:
    """Stands where the other tiers have the twins of the PIO programs."""

    def __init__(self, world: ChipWorld):
        self._world = world

    def output(self, pin: int, _t_ns: int) -> int | None:
        return self._world.gate_levels.get(pin)

    def next_event_ns(self) -> None:
        return None

    def advance(self, _t_ns: int) -> None:
        """PIO is up to date whenever the world is."""

    def pad_changed(self, _pin: int, _level: int, _t_ns: int) -> None:
        self._world.show_pads()

    def reset(self, _t_ns: int) -> None:
        """The chip's own reset releases its pads."""


class ChipWorld(World):
    """A world whose firmware runs on `chip`, made by `plug`."""

    chip: Chip | None = None

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.pio = _Pads(self)  # type: ignore[assignment]
        self.gate_levels: dict[int, int] = {board.PIN_STEP: 0, board.PIN_DIR: 0, board.PIN_EN_N: 1}
        self.stopped_by = ""
        self._epoch_ns = 0
        self._shown: dict[int, int] = {}
        self._count = self.encoder_count()
        self._armed_for = -1
        self._made: tuple[list[int], list[int]] = ([], [])

    def plug(self, chip: Chip) -> None:
        """Put the chip on this world's board, which begins to count its time now."""
        if chip.world is None:
            chip.world = self
            wire(chip)
        chip.world = self
        self.chip = chip
        self._epoch_ns = chip.now_ns - self.now_ns
        self.usb = chip.usb
        for pin in self.gate_levels:
            self.gate_levels[pin] = chip.pad_level(pin)
        self._shown.clear()
        self._show_count(self._count)
        self.show_pads()
        self._drive_changed()

    @property
    def chip_ns(self) -> int:
        """The chip's present, since the world began."""
        assert self.chip is not None
        return self.chip.now_ns - self._epoch_ns

    @property
    def slept_ns(self) -> int | None:
        return None if self.chip is None else self.chip.slept_ns

    # -- time ---------------------------------------------------------------------------------------

    def run_chip(self) -> str:
        """Until the chip's life ends; why it did."""
        assert self.chip is not None
        self.stopped_by = ""
        self._rearm()
        self.chip.run()
        self.flash._array[:] = self.chip.mcu.flash[FS_START : FS_START + len(self.flash._array)]
        return self.stopped_by

    def at(self, t_ns: int, what) -> None:
        super().at(t_ns, what)
        if self.chip is not None and self._events[0][0] != self._armed_for:
            self._rearm()

    def _rearm(self) -> None:
        """Wake up for the next event."""
        assert self.chip is not None
        if self._events:
            self._armed_for = self._events[0][0]
            self.chip.wake.schedule(max(self._armed_for - self.chip_ns, 0))

    def _up_to(self, t_ns: int) -> None:
        """Let everything happen that is due; what ends the chip's life stops it after this instruction."""
        try:
            self.advance(max(t_ns, self.now_ns))
        except ChipStopped as stopped:
            self._chip_stops(stopped.why)

    def _chip_stops(self, why: str) -> None:
        assert self.chip is not None
        if not self.stopped_by:
            self.stopped_by = why
            if why == "power":
                self.chip.mcu.ssi.power_lost()
        self.chip.stop()

    def between(self) -> Edges:
        """The first PIO block is at the chip's present: bring everything else there."""
        assert self.chip is not None
        now_ns = self.chip_ns
        before_ns = self.now_ns
        happens = bool(self._events) and self._events[0][0] <= now_ns
        self._up_to(now_ns)
        if self.hung:
            self.chip.hold(True)
        if self._events and self._events[0][0] != self._armed_for:
            self._rearm()
        if not happens and before_ns // TICK_NS == now_ns // TICK_NS:
            return []
        self.show_pads()
        return self._encoder_edges(before_ns, now_ns)

    def _encoder_edges(self, before_ns: int, now_ns: int) -> Edges:
        """The counts since the last look, evenly over the time since; no faster than the decoder can follow."""
        moved = self.encoder_count() - self._count
        if not moved:
            return []
        first, last = ((t_ns + self._epoch_ns) // CYCLE_NS for t_ns in (before_ns, now_ns))
        room = max((last - first) // COUNT_CYCLES, 1)
        edges = min(abs(moved), room)
        way = 1 if moved > 0 else -1
        shown = self._count
        self._count += way * edges
        return [
            (first + (last - first) * (i + 1) // edges, lambda count=shown + way * (i + 1): self._show_count(count))
            for i in range(edges)]

    # -- pads ---------------------------------------------------------------------------------------

    def show_pads(self) -> None:
        """Give the inputs the levels that the board has for them."""
        if self.chip is None:
            return
        word = self.pads()
        for pin in INPUTS:
            level = word >> pin & 1
            if self._shown.get(pin) != level:
                self._shown[pin] = level
                self.chip.set_pad(pin, level)
        if self.enable_wire == "grounded":
            self.chip.set_pad(board.PIN_EN_N, 0)

    def contacts_changed(self) -> None:
        super().contacts_changed()
        if self.chip is not None:
            self.show_pads()

    def _show_count(self, count: int) -> None:
        assert self.chip is not None
        a_b = QUADRATURE[count & 3]
        self.chip.set_pad(board.PIN_ENC_A, a_b & 1)
        self.chip.set_pad(board.PIN_ENC_A + 1, a_b >> 1)

    @property
    def _edge_ns(self) -> int:
        """The moment of an edge that PIO or the CPU makes now."""
        assert self.chip is not None
        return self.chip.pio.edge_cycle * CYCLE_NS - self._epoch_ns

    def enable(self, level: int) -> None:
        t_ns = self._edge_ns
        self.gate_levels[board.PIN_EN_N] = level
        self._up_to(t_ns)
        if level and self._last_step_ns > t_ns:
            self.drop_steps_after(max(t_ns, self.plant.t_ns))
        if level and self.chip is not None and self.chip.mcu.pio[0].irq & 1:
            self.gate_tripped(t_ns)
        self._drive_changed()
        if self.enable_wire == "grounded" and self.chip is not None:
            self.chip.set_pad(board.PIN_EN_N, 0)

    def turn(self, level: int) -> None:
        self.gate_levels[board.PIN_DIR] = level

    def step(self, level: int) -> None:
        self.gate_levels[board.PIN_STEP] = level
        if not level:
            return
        t_ns = self._edge_ns
        outward = self.gate_levels[board.PIN_DIR]
        self._made[0].append(t_ns)
        self._made[1].append(outward)
        self.driver.moved(1 if outward else -1, t_ns)
        if not self.step_torn:
            self.plant.add_steps(
                np.array([max(t_ns, self.plant.t_ns + 1)], np.int64),
                np.array([outward and not self.dir_torn], np.int8))

    # -- motion -------------------------------------------------------------------------------------

    def chain_begins(self, chain: Chain) -> None:
        assert self.chip is not None
        self.chip.pio.catch_up()
        if self.rogue_tables:
            chain.all_outward()
        if chain.pieces:
            times_ns, outward = planned(chain, self.now_ns)
            self._made = ([], [])
            self._before_steps()
            self.motion_planned(times_ns, outward)
            self.at(int(times_ns[-1]) + MOTION_TAIL_NS - 1, partial(self._tell_steps, self.recorder.motions))
        if self.memory_hit:
            self.memory_hit = False
            chain.hit(self._gears_files())

    def _gears_files(self) -> list[bytes]:
        assert self.chip is not None
        flash = self.chip.mcu.flash
        files = LittleFiles(ImageFlash(bytes(flash[FS_START : FS_START + len(self.flash.image)])))
        found = []
        for path in ("/a/gears.bin", "/b/gears.bin", "/gears.bin"):
            with contextlib.suppress(OSError), files.open(path, "rb") as file:
                found.append(file.read())
        return found

    def _tell_steps(self, motion: int) -> None:
        """The steps that were made take the place of those that were planned."""
        times, outward = self._made
        self.recorder.steps_made(motion, np.array(times, np.int64), np.array(outward, np.int8))

    # -- resets, power, clock, flash ------------------------------------------------------------------

    def watchdog_bites(self) -> None:
        assert self.chip is not None
        self._chip_stops("watchdog" if self.chip.mcu.watchdog._reason == TIMED_OUT else "reset")

    def chip_reset(self, cause: int) -> None:
        chip = self.chip
        assert chip is not None
        passed_ns = self.now_ns - self.chip_ns
        chip.hold(False)
        chip.reset(by_watchdog=self.stopped_by in ("watchdog", "reset"))
        if passed_ns > 0:
            chip.mcu.clock.tick(passed_ns)  # the chip was without its supply so long
        chip.buses.reset()
        super().chip_reset(cause)
        if cause == POWER_ON:
            chip.mcu.flash[FS_START : FS_START + len(self.flash._array)] = self.flash.image
        self.show_pads()

    def flash_begun(self, address: int) -> None:
        assert self.chip is not None
        self.chip.pio.catch_up()
        if address >= FS_START:
            self.flash.programs += 1
        if not self._gate_pad(board.PIN_EN_N):
            self.flash_while_armed += 1
            self.recorder.event("note", "flash was erased or programmed while the drive was on")


def wire(chip: Chip) -> None:
    """Connect the chip's pads and buses to the world that it is in, whichever that will be."""
    mcu = chip.mcu
    mcu.clk_peri = PERIPHERAL_HZ
    chip.wake = mcu.clock.create_alarm(chip.pio.catch_up)
    chip.pio.between = lambda: chip.world.between()
    chip.buses = Buses(chip)
    chip.usb = ChipUsb(chip, attached=chip.world.usb.attached)
    chip.watch_pad(board.PIN_EN_N, 1, lambda level: chip.world.enable(level))
    chip.watch_pad(board.PIN_DIR, 0, lambda level: chip.world.turn(level))
    chip.watch_pad(board.PIN_STEP, 0, lambda level: chip.world.step(level))
    ChainWatch(chip, lambda chain: chip.world.chain_begins(chain))
    mcu.watchdog.on_watchdog_trigger = lambda: chip.world.watchdog_bites()
    mcu.ssi.__class__ = TimedFlash
    mcu.ssi.start(lambda address: chip.world.flash_begun(address))
