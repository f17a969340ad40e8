"""The reference pen's board around the chip, as far as strokes need it: an ideal carriage, and the record memory.

The carriage follows every step while the drive is on, between its stops; encoder and home sensor follow it at once.
"""

from __future__ import annotations

from sim.parts.fram import Fram
from sim.silicon.chip import Chip
from sim.space import shim

board = shim("board")

COUNTS_PER_100_STEPS = 128  # 1024 counts and 800 microsteps a millimetre
INNER_STOP_STEPS, OUTER_STOP_STEPS = -640, 2320  # 0.8 mm inside the home edge, 2.9 mm outside of it
START_STEPS = 40
PERIPHERAL_HZ = 48_000_000  # MicroPython clocks SPI from the USB PLL; the emulator takes the system clock
RESTING_PADS = {
    board.PIN_INTERLOCK: 1, board.PIN_POWER_OK: 1, board.PIN_DIAG: 0, board.PIN_ENC_Z: 0, board.PIN_TRIGGER_NO: 1,
    board.PIN_TRIGGER_NC: 0, board.PIN_SELECT: 1, board.PIN_UP: 1, board.PIN_DOWN: 1}
HEALTHY = {board.ADC_BATTERY: 2400, board.ADC_RAIL: 2980, board.ADC_NTC: 2048}  # of 4095: 7.7 V, 12 V, 25 C


class Carriage:
    """Counts the steps that the drive takes; position in microsteps from the home edge, outward positive."""

    def __init__(self, chip: Chip):
        self._chip = chip
        self._outward = 0
        self._drive_on = False
        self.steps = START_STEPS
        self._count = self._counts()
        chip.watch_pad(board.PIN_EN_N, 1, self._enable)
        chip.watch_pad(board.PIN_DIR, 0, self._turn)
        chip.watch_pad(board.PIN_STEP, 0, self._step)
        self._show()

    def _enable(self, level: int) -> None:
        self._drive_on = not level

    def _turn(self, level: int) -> None:
        self._outward = level

    def _step(self, level: int) -> None:
        if level and self._drive_on:
            wanted = self.steps + (1 if self._outward else -1)
            self.steps = min(max(wanted, INNER_STOP_STEPS), OUTER_STOP_STEPS)
        # 1.28 counts a step, one line of the encoder at a time: the second one, if any, when the pulse ends
        behind = self._counts() - self._count
        self._count += (behind > 0) - (behind < 0)
        self._show()

    def _counts(self) -> int:
        return self.steps * COUNTS_PER_100_STEPS // 100

    def _show(self) -> None:
        phase = self._count & 3
        gray = phase ^ phase >> 1
        self._chip.set_pad(board.PIN_ENC_A, gray & 1)
        self._chip.set_pad(board.PIN_ENC_A + 1, gray >> 1)
        self._chip.set_pad(board.PIN_HOME, self.steps <= 0)


class SpiFram:
    """The simulator's FRAM behind the chip's SPI, a byte in the time that its clock takes."""

    def __init__(self, chip: Chip, fram: Fram):
        self._chip = chip
        self._fram = fram
        self._spi = chip.mcu.spi[0]
        self._answer = 0
        self._done = chip.mcu.clock.create_alarm(lambda: self._spi.complete_transmit(self._answer))
        self._spi.on_transmit = self._byte
        chip.watch_pad(board.PIN_FRAM_CS, 1, self._select)

    def _select(self, level: int) -> None:
        if level:
            self._fram.deselect(self._chip.now_ns)
        else:
            self._fram.select(self._chip.now_ns)

    def _byte(self, value: int) -> None:
        self._answer = self._fram.transfer(bytes((value,)), self._chip.now_ns)[0]
        self._done.schedule(8e9 / self._spi.clock_frequency)


class Board:
    """A chip on the board of a pen that stands just outside of home, the trigger released."""

    def __init__(self, chip: Chip, fram: Fram):
        self.chip = chip
        chip.mcu.clk_peri = PERIPHERAL_HZ
        for pin, level in RESTING_PADS.items():
            chip.set_pad(pin, level)
        for channel, counts in HEALTHY.items():
            chip.mcu.adc.channel_values[channel] = counts
        self.carriage = Carriage(chip)
        self.fram = SpiFram(chip, fram)

    def press(self, down: bool) -> None:
        """The trigger's two contacts, which pull their pads to ground when closed."""
        self.chip.set_pad(board.PIN_TRIGGER_NC, down)
        self.chip.set_pad(board.PIN_TRIGGER_NO, not down)
