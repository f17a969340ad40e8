"""Everything around the chip: the clock, the pads and buses, the parts on them and the plant behind them.

One World serves every tier. The firmware's side hands in one hardware access at a time with the microsecond
it happens at; the world first lets everything else happen that is due by then, then answers. Time only goes
forward. What ends the firmware's life (reset, brown-out, end of the scenario) is raised as `ChipStopped`.
"""

import heapq
import random
from collections.abc import Callable
from functools import partial

import numpy as np

from sim.contacts import BOUNCE_NS, Contact, chatter
from sim.false_levels import FalseLevels
from sim.i2c import I2cBus
from sim.named_moments import RUNNING, Moments
from sim.parts.adc import Adc
from sim.parts.ds2431 import Ds2431
from sim.parts.ds3231 import Ds3231
from sim.parts.flash import PAGE_BYTES, Flash
from sim.parts.fram import Fram
from sim.parts.ssd1306 import Ssd1306
from sim.parts.tmc2209 import Tmc2209
from sim.parts.uart_line import UartLine
from sim.parts.usb import UsbPort
from sim.pio import PioHost
from sim.plant import Plant, PlantParams
from sim.recorder import Recorder
from sim.space import FIRMWARE, FirmwareSpace, shim

ops = shim("_ops")
ow = shim("_ow_ops")
neopixel = shim("_np_ops")
rp2_ops = shim("_rp2_ops")
board = shim("board")

MS = 1_000_000
INTERLOCK, HOME, DIAG = board.PIN_INTERLOCK, board.PIN_HOME, board.PIN_DIAG
POWER_OK, ENC_A, EN_N = board.PIN_POWER_OK, board.PIN_ENC_A, board.PIN_EN_N
STEP, SDA, SCL = board.PIN_STEP, board.PIN_SDA, board.PIN_SCL
GATE_PADS = (STEP, board.PIN_DIR, EN_N)
POWER_ON, WATCHDOG = 1, 3  # machine.PWRON_RESET, machine.WDT_RESET
SCRATCH, SCRATCH_WORDS, HUNG_AT = 0x4005800C, 8, 4  # the watchdog's scratch registers, RP2040 datasheet 4.7
SOFT_RESET = "soft reset"  # MicroPython begins anew, the chip goes on
PIO0_IRQ = 0x50200030
RESET_PULSE_NS = 479_000  # of 1-Wire, by MicroPython: 480 us less the part of one that had begun
WHOLE_PULSE_NS = 480_000  # for a firmware that is not the checkout's: an earlier one leans on it, most often rightly
BROWN_OUT_MV = 5000  # under this the regulator of the logic supply drops out
POWER_FAIL_RAIL_MV = 9000  # the comparator's two thresholds
POWER_FAIL_BATTERY_MV = 5600
WATCH_POWER_NS = MS // 2
SAMPLE_NS = 50 * MS
ALL_PADS = (1 << 30) - 1
STEP_HIGH_NS = 200  # a pulse is over after 120 ns, read of X included
PERIPHERALS = 5  # the top four bits of a peripheral's address
MOTION_TAIL_NS = 2 * MS  # a stroke is over so long after its last step
HOLD_DELAY_NS = 100 * MS  # when the driver's standstill current is looked at again
UNSEAT_NS = 20 * MS  # the contact of the interlock opens first; so long after it the carriage still moves the needles


class ChipStopped(BaseException):
    """The firmware's life is over: `why` is "watchdog", "reset", "power" or "end"."""

    def __init__(self, why: str):
        super().__init__(why)
        self.why = why


class World:
    """The pen's hardware and its surroundings, at one moment of simulated time (`now_ns`)."""

    def __init__(
        self, params: PlantParams, fram: Fram, cartridge: Ds2431, flash: Flash | None = None, *, seed: int = 1,
        date_days: int = 0,
    ):
        """`cartridge` is the memory of the one at hand; `flash` is erased if none is given; `date_days` is what the
        clock with a cell says, 0 if never set.
        """
        self.now_ns = 0
        self.rng = random.Random(seed)
        self.plant = Plant(params, seed)
        self.fram = fram
        self.flash = flash or Flash()
        self.flash_while_armed = 0  # erased or programmed with the drive on: the CPU stood still meanwhile
        self.cartridge = cartridge
        self.display = Ssd1306()
        self.adc = Adc(seed)
        self.uart_line = UartLine(seed)
        self.clock = Ds3231(date_days)
        self.i2c = I2cBus(lambda: (self.display, self.clock), seed)
        self.usb = UsbPort()
        self.driver = Tmc2209(seed=seed)
        self.driver.temperature_c = params.ambient_c
        self.driver.on_stage = self._stage_changed
        self.pio = PioHost(self)
        self.recorder = Recorder(self)
        self.date_days = 0  # of the chip's own clock, which has no cell: 0 until it is set after a reset
        self._rtc_start_s = 0
        self.reset_cause = POWER_ON
        self.scratch = [0] * SCRATCH_WORDS  # kept through every reset but a power cut
        self.hung = False
        self.seated = True  # the cartridge closes the interlock's contact
        self.firmware: FirmwareSpace | None = None  # the life that runs on CPython; None on a VM
        self.firmware_sources = FIRMWARE
        self.on_firmware: Callable[[FirmwareSpace], None] | None = None  # hears of each life on CPython before it runs
        # faults of wires and lines, each worked by a mishap
        self.rogue_tables = False  # the step words that the DMA reads all say outward
        self.memory_hit = False  # after the next start of the DMA a bit in memory flips
        self.loop_torn = False
        self.enable_wire = ""  # at the driver: "torn" (pulled up, off) or "grounded" (on)
        self.step_torn = False
        self.dir_torn = False  # pulled down in the driver: inward
        self.power_ok_stuck: int | None = None
        self.diag_stuck: int | None = None
        self.ntc_fault = ""  # "open" or "short"
        self.onewire_noisy = False
        self._onewire_fell_ns = 0
        self.false = FalseLevels(self, seed)
        self.bounce_ns = BOUNCE_NS  # contacts of trigger and buttons settle within this
        self.seat_bounce_ns = 0  # and so long the interlock's contact chatters when a cartridge is seated or taken out
        self._seat_closed: bool | None = None  # while it chatters
        self._noise = random.Random(seed + 0x5EED)
        self._ring_oscillator = random.Random(seed + 0x0510)
        self.moments = Moments(self)
        self.dead: str | None = None
        self.powered = True
        self.on_stroke: list[Callable[[int, int, int], None]] = []  # (index, start_ns, end_ns) of each outward chain
        self.led = 0
        self.tone_hz = 0
        self.contacts = {
            board.PIN_TRIGGER_NO: Contact(self.rng),
            board.PIN_TRIGGER_NC: Contact(self.rng, closed=True),
            board.PIN_SELECT: Contact(self.rng),
            board.PIN_UP: Contact(self.rng),
            board.PIN_DOWN: Contact(self.rng),
        }
        self.wires = dict.fromkeys(self.contacts, "")  # a fault of a contact: "stuck_closed" or "stuck_open"
        self.trigger_moves = 0
        self._moves = dict.fromkeys(self.contacts, 0)  # so many moves of each contact have begun
        self._contact_word = 0
        self.contacts_changed()
        self._outputs: dict[int, int] = {}
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._pio_due: int | None = None
        self._watchdog_ns = 0
        self._watchdog_at: int | None = None
        self._uart: list[tuple[int, int]] = []
        self._stroke_count = 0
        self._drive_level = 1
        self._last_step_ns = 0
        self._table = self._dispatch()
        self.recorder.start()
        self.after(SAMPLE_NS, self._sample)

    # -- time ---------------------------------------------------------------------------------------

    def at(self, t_ns: int, what: Callable[[], None]) -> None:
        """Let `what` happen at `t_ns` (now, if that is past)."""
        self._order += 1
        heapq.heappush(self._events, (max(t_ns, self.now_ns), self._order, what))

    def after(self, delay_ns: int, what: Callable[[], None]) -> None:
        self.at(self.now_ns + delay_ns, what)

    def advance(self, t_ns: int) -> None:
        """Let everything happen that is due by `t_ns`; raise ChipStopped if the chip does not live to see it."""
        events = self._events
        while events and events[0][0] <= t_ns:
            at_ns, _, what = heapq.heappop(events)
            self.now_ns = at_ns
            what()
            if self.dead is not None:
                why, self.dead = self.dead, None
                raise ChipStopped(why)
        self.now_ns = t_ns

    def hang(self) -> None:
        """The CPU no longer does anything; whatever happens without it goes on until a reset or the end."""
        while True:
            self.advance(self.now_ns + 1000 * MS)

    def _follow_pio(self) -> None:
        """Have the PIO's next own event (dead-man, trip) on the calendar."""
        due = self.pio.next_event_ns()
        if due is None or due == self._pio_due:
            return
        if self._pio_due is None or due < self._pio_due or self._pio_due <= self.now_ns:
            self._pio_due = due
            self.at(due, self._run_pio)

    def _run_pio(self) -> None:
        self._pio_due = None
        self.pio.advance(self.now_ns)
        self._follow_pio()

    @property
    def slept_ns(self) -> int | None:
        """How long the CPU has slept, if there is one: only the silicon tier has."""
        return None

    def settle(self) -> Plant:
        """The plant, brought to the present."""
        self.plant.advance(self.now_ns)
        return self.plant

    # -- the firmware's accesses ---------------------------------------------------------------------

    @property
    def now_us(self) -> int:
        return self.now_ns // 1000

    def _arrive(self, now_us: int) -> None:
        """Come to the time of an access; mostly nothing else happens on the way."""
        t_ns = now_us * 1000
        if self._events[0][0] > t_ns and not self.hung:
            if t_ns > self.now_ns:
                self.now_ns = t_ns
            return
        self.advance(max(self.now_ns, t_ns))
        if self.hung:
            self.hang()

    def handle(self, op: int, a: int, b: int, c: int, now_us: int) -> tuple[int, int]:
        """One access with an integer answer; also tells the time when it is over."""
        self._arrive(now_us)
        if 64 <= op < 100:
            answer = self.pio.call(op, a, b, c, self.now_ns)
            self._follow_pio()
        else:
            answer = self._table[op](a, b, c)
        return answer or 0, self.now_ns // 1000

    def handle_send(self, op: int, a: int, data: bytes, now_us: int) -> tuple[int, int]:
        """One access that hands over bytes."""
        self._arrive(now_us)
        if 64 <= op < 100:
            if self.rogue_tables and op == rp2_ops.DMA_MEMORY:
                data = _all_outward(data)
            answer = self.pio.send(op, a, data, self.now_ns)
            if self.memory_hit and op == rp2_ops.DMA_MEMORY:
                self.memory_hit, answer = False, 1
            self._follow_pio()
        elif op == ops.I2C_WRITE:
            answer = self.i2c.write(a, data, self.now_ns)
        elif op == ops.SPI_WRITE:
            self.fram.transfer(data, self.now_ns)
            answer = 0
        elif op == ops.UART_WRITE:
            answer = self._uart_write(data)
        elif op == ops.USB_WRITE:
            answer = self.usb.write(data, self._wait)
        elif op == ops.FLASH_PROGRAM:
            answer = self._flash_program(a, data)
        else:
            raise NotImplementedError(f"bytes to hardware access {op}")
        return answer or 0, self.now_ns // 1000

    def handle_recv(self, op: int, a: int, size: int, now_us: int) -> tuple[int, bytes, int]:
        """One access that asks for bytes."""
        self._arrive(now_us)
        if 64 <= op < 100:
            answer, data = self.pio.recv(op, a, size, self.now_ns)
        elif op == ops.SPI_READ:
            data, answer = self.fram.transfer(bytes(size), self.now_ns), size
        elif op == ops.I2C_READ:
            answer, data = self.i2c.read(a, size, self.now_ns)
        elif op == ops.UART_READ:
            got = self._uart_read(size)
            data, answer = got.ljust(size, b"\0"), len(got)
        elif op == ops.FLASH_READ:
            data, answer = self.flash.read(a, size), size
        elif op == ops.USB_READ:
            while self.usb.waiting() < size:
                self._wait(MS)
            data, answer = self.usb.take(size), size
        elif op == ops.REPL_READ:
            while not self.usb.waiting():
                self._wait(MS)
            data = self.usb.take(size)
            answer, data = len(data), data.ljust(size, b"\0")
        elif op == ops.RANDOM:
            data, answer = self._ring_oscillator.randbytes(size), size
        elif op == ops.UNIQUE_ID:
            data, answer = b"\xe6\x61\x64\x08\x43\x1a\x2b\x3c"[:size], size
        else:
            raise NotImplementedError(f"bytes from hardware access {op}")
        return answer, data, self.now_ns // 1000

    def _dispatch(self) -> dict[int, Callable[[int, int, int], int | None]]:
        return {
            ops.SLEEP: self._sleep,
            ops.PIN_INIT: self._pin_init,
            ops.PIN_SET: self._pin_set,
            ops.PIN_GET: lambda a, b, c: self._looked(1 << a) >> a & 1,
            ops.MEM32_GET: self._mem32,
            ops.MEM32_SET: self._mem32_set,
            ops.ADC_READ: self._adc,
            ops.UART_ANY: lambda a, b, c: sum(t <= self.now_ns for t, _ in self._uart),
            ops.PWM: self._pwm,
            ops.FLASH_ERASE: lambda a, b, c: self._flash_busy(lambda: self.flash.erase(a, self._wait)),
            ops.WDT_START: self._watchdog_start,
            ops.WDT_FEED: self._watchdog_feed,
            ops.RESET: self._reset,
            ops.SOFT_RESET: lambda a, b, c: self._stop(SOFT_RESET + (" at the raw prompt" if a else "")),
            ops.RESET_CAUSE: lambda a, b, c: self.reset_cause,
            ops.RTC_DAYS: lambda a, b, c: self.date_days + self._rtc_s() // 86400 if self.date_days else 0,
            ops.RTC_SECONDS: lambda a, b, c: self._rtc_s() % 86400,
            ops.RTC_SET: self._set_rtc,
            ops.USB_POLL: lambda a, b, c: self.usb.poll(a),
            ow.OW_RESET: self._onewire_reset,
            ow.OW_WRITE_BIT: lambda a, b, c: self.cartridge.write_bit(b ^ self.disturbed(1), self.now_ns),
            ow.OW_READ_BIT: lambda a, b, c: self.cartridge.read_bit(self.now_ns) ^ self.disturbed(1),
            ow.OW_WRITE_BYTE: lambda a, b, c: self.cartridge.write_byte(b ^ self.disturbed(8), self.now_ns),
            ow.OW_READ_BYTE: lambda a, b, c: self.cartridge.read_byte(self.now_ns) ^ self.disturbed(8),
            neopixel.NEOPIXEL: self._neopixel,
        }

    def _stop(self, why: str) -> None:
        raise ChipStopped(why)

    def disturbed(self, bits: int) -> int:
        """The bits of a 1-Wire access that arrive wrong: none, or on a disturbed wire every eighth."""
        if not self.onewire_noisy:
            return 0
        return sum((self._noise.randrange(8) == 0) << i for i in range(bits))

    def _sleep(self, us: int, _b: int, _c: int) -> None:
        self.advance(self.now_ns + us * 1000)

    def _wait(self, ns: int) -> None:
        """The CPU stands still, interrupts off, while everything else goes on."""
        self.advance(self.now_ns + ns)

    def _flash_program(self, addr: int, data: bytes) -> int:
        for at in range(0, len(data), PAGE_BYTES):
            page = data[at : at + PAGE_BYTES]
            self._flash_busy(lambda at=at, page=page: self.flash.program(addr + at, page, self._wait))
        return 0

    def _flash_busy(self, operation: Callable[[], None]) -> int:
        """Erase a sector or program a page. Code runs from the same flash, so that nothing may be moving meanwhile."""
        if not self._gate_pad(EN_N):
            self.flash_while_armed += 1
            self.recorder.event("note", "flash was erased or programmed while the drive was on")
        operation()
        return 0

    def _reset(self, _a: int, _b: int, _c: int) -> None:
        self.scratch[HUNG_AT] = 0  # as the SDK does, so that it is not taken for a hang
        self._stop("reset")

    def _mem32_set(self, address: int, word: int, _c: int) -> None:
        if address == board.WATCHDOG_CTRL_CLEAR and word == board.WATCHDOG_ENABLE:
            self._watchdog_at = None
            return
        if address not in range(SCRATCH, SCRATCH + 4 * SCRATCH_WORDS, 4):
            raise NotImplementedError(f"register {address:#010x} is not modelled")
        self.scratch[(address - SCRATCH) // 4] = word & 0xFFFFFFFF

    def _mem32(self, address: int, _b: int, _c: int) -> int:
        if address == board.USB_SIE_STATUS:
            return board.USB_CONNECTED if self.usb.attached else board.USB_SUSPENDED
        if address == PIO0_IRQ:
            return self.pio.flags(self.now_ns)
        if address in range(SCRATCH, SCRATCH + 4 * SCRATCH_WORDS, 4):
            return self.scratch[(address - SCRATCH) // 4]
        if address != board.SIO_GPIO_IN:
            raise NotImplementedError(f"register {address:#010x} is not modelled")
        return self._looked(ALL_PADS)

    def _looked(self, pins: int) -> int:
        """All pads, as the CPU reads these now."""
        word = self.pads()
        if self.false.pins:
            self.false.looked(pins)
        return word

    def _adc(self, channel: int, _b: int, _c: int) -> int:
        return self.adc_counts(channel) * 65535 // 4095

    def adc_counts(self, channel: int) -> int:
        """What the converter makes of a channel's voltage now, 0..4095. The thermistor hangs at its reference."""
        plant = self.settle()
        if channel == board.ADC_BATTERY:
            volts_part = plant.battery_mv / board.BATTERY_MV_FULL
        elif channel == board.ADC_RAIL:
            volts_part = plant.motor_rail_mv / board.RAIL_MV_FULL
        else:
            volts_part = self._ntc_part(plant.motor_temp_c)
        counts = self.adc.convert(channel, volts_part, self.now_ns, ratiometric=channel == board.ADC_NTC)
        return self.false.conversion(channel, counts) if self.false.channels else counts

    def _ntc_part(self, celsius: float) -> float:
        """The NTC's share of the reference: 10 kohm at 25 degrees, B 3950, against 10 kohm."""
        if self.ntc_fault:
            return 1.0 if self.ntc_fault == "open" else 0.0
        ohm = 10e3 * np.exp(3950 * (1 / (celsius + 273.15) - 1 / 298.15))
        return ohm / (ohm + 10e3)

    def _rtc_s(self) -> int:
        """Seconds since the midnight before the chip's own clock was set."""
        return self._rtc_start_s + self.now_ns // 1_000_000_000

    def _set_rtc(self, days: int, seconds: int, _c: int) -> None:
        self.date_days = days
        self._rtc_start_s = seconds - self.now_ns // 1_000_000_000

    def _pwm(self, _pin: int, hz: int, duty: int) -> None:
        self.tone(hz if duty else 0)

    def tone(self, tone_hz: int) -> None:
        """The buzzer sounds at this frequency; 0 is silence."""
        if tone_hz != self.tone_hz:
            self.tone_hz = tone_hz
            self.recorder.wire("BUZZER", int(tone_hz > 0))

    def _neopixel(self, _pin: int, grb: int, _c: int) -> None:
        self.led = grb

    def _watchdog_start(self, ms: int, _b: int, _c: int) -> None:
        self.scratch[HUNG_AT] = board.HUNG_WORD  # the SDK's mark that a reset to come is a hang
        self._watchdog_ns = ms * MS
        self._watchdog_at = self.now_ns + self._watchdog_ns
        self.at(self._watchdog_at, self._watchdog_look)

    def _watchdog_feed(self, _a: int, _b: int, _c: int) -> None:
        if self._watchdog_at is not None:
            self._watchdog_at = self.now_ns + self._watchdog_ns

    def _watchdog_look(self) -> None:
        if self._watchdog_at is None:
            return
        if self.now_ns >= self._watchdog_at:
            self.dead = "watchdog"
        else:
            self.at(self._watchdog_at, self._watchdog_look)

    # -- pads ----------------------------------------------------------------------------------------

    def level(self, pin: int) -> int:
        """Level at an input pad, as the PIO sees it."""
        return self.pads() >> pin & 1

    def encoder_count(self) -> int:
        return self.false.count(self.settle().encoder_count)

    def pads(self) -> int:
        """All pads as one word, bit n is GPn."""
        plant = self.settle()
        quadrature = plant.encoder_count & 3
        word = self._contact_word
        if self._interlock():
            word |= 1 << INTERLOCK
        if plant.home_active:
            word |= 1 << HOME
        if self.i2c.sda:
            word |= 1 << SDA
        if self.driver.diag if self.diag_stuck is None else self.diag_stuck:
            word |= 1 << DIAG
        if self._power_ok(plant) if self.power_ok_stuck is None else self.power_ok_stuck:
            word |= 1 << POWER_OK
        word |= (quadrature ^ quadrature >> 1) << ENC_A
        for pin in GATE_PADS:
            if self._gate_pad(pin):
                word |= 1 << pin
        return self.false.word(word) if self.false.pins else word

    def pad_moved(self, pin: int) -> None:
        """A false level of a pad began or ended."""
        if pin == INTERLOCK:
            self.interlock_moved()
        elif pin in self.contacts:
            self.contacts_changed()

    def _gate_pad(self, pin: int) -> int:
        if pin == EN_N and self.enable_wire == "grounded":
            return 0
        if pin == STEP and self.now_ns > self._last_step_ns + STEP_HIGH_NS:
            return 0
        driven = self.pio.output(pin, self.now_ns)
        if driven is not None:
            return driven
        return self._outputs.get(pin, 1 if pin == EN_N else 0)  # EN_N has an external pull-up

    def _interlock(self) -> int:
        closed = self.seated if self._seat_closed is None else self._seat_closed
        return int(closed and not self.loop_torn)

    def _power_ok(self, plant: Plant) -> bool:
        return (
            plant.battery_connected
            and plant.motor_rail_mv >= POWER_FAIL_RAIL_MV
            and plant.battery_mv >= POWER_FAIL_BATTERY_MV
        )

    def contact_closed(self, pin: int) -> bool:
        wire = self.wires[pin]
        return self.contacts[pin].closed if not wire else wire == "stuck_closed"

    def move_contact(self, pin: int, closed: bool) -> None:
        """A finger moves a contact; it bounces, unless it is there already. An earlier move is over."""
        self._moves[pin] += 1
        if self.contacts[pin].closed == closed:
            return
        for t_ns, state in self.contacts[pin].move(closed, self.now_ns, self.bounce_ns):
            self.at(t_ns, lambda state=state, move=self._moves[pin]: self._set_contact(pin, state, move))

    def _set_contact(self, pin: int, closed: bool, move: int) -> None:
        if move != self._moves[pin]:
            return
        self.contacts[pin].closed = closed
        self.contacts_changed()
        self.recorder.pad(pin, 0 if self.contact_closed(pin) else 1)

    def contacts_changed(self) -> None:
        """Bring the levels of the contacts' pads up to date: a closed contact pulls to ground."""
        self._contact_word = sum(1 << pin for pin in self.contacts if not self.contact_closed(pin))

    def _pin_init(self, pin: int, mode: int, _pull: int) -> None:
        if mode == 1:
            self._outputs.setdefault(pin, 0)
        if pin == EN_N:
            self.pio.lend_pad(pin, self._outputs[pin] if mode == 1 else 1, self.now_ns)
        self._drive_changed()

    def _onewire_reset(self, pin: int, _b: int, _c: int) -> int:
        """MicroPython's reset pulse, which is longer by as long as the line was low before it."""
        before_ns = self.now_ns - self._onewire_fell_ns if self._outputs.get(pin) == 0 else 0
        self._outputs[pin] = 1
        pulse_ns = RESET_PULSE_NS if self.firmware_sources == FIRMWARE else WHOLE_PULSE_NS
        return int(self.cartridge.reset(self.now_ns, pulse_ns + before_ns))

    def _pin_set(self, pin: int, level: int, _c: int) -> None:
        before = self._outputs.get(pin)
        self._outputs[pin] = level
        if pin == board.PIN_ONEWIRE and level != before:
            self._onewire_fell_ns = self.now_ns
        if pin == board.PIN_FRAM_CS and level != before:
            (self.fram.deselect if level else self.fram.select)(self.now_ns)
        if pin == SCL and level and before == 0:
            self.i2c.clock()
        self._drive_changed()

    # -- the gate's side: what PIO does to the driver and the motor ----------------------------------------

    def en_n(self, _level: int, t_ns: int) -> None:
        """The PIO moved EN_N, at `t_ns` (which may be a little ahead of the present)."""
        if t_ns <= self.now_ns:
            self._drive_changed()
        else:
            self.at(t_ns, self._drive_changed)

    def _drive_changed(self) -> None:
        level = self._gate_pad(EN_N)
        self.driver.enable_n = 1 if self.enable_wire == "torn" else level
        if level != self._drive_level:
            self._drive_level = level
            self.recorder.wire("EN_N", level)
        self._stage_changed()

    def _stage_changed(self) -> None:
        """Bridges that are off, whatever switched them off, give no torque: the carriage coasts."""
        self.settle().set_drive(self.driver.power_stage_on)

    def steps(self, times_ns: np.ndarray, outward: np.ndarray) -> None:
        """Edges that the gate lets through, now known ahead of time."""
        if not len(times_ns):
            return
        plant = self._before_steps()
        if not self.step_torn:
            plant.add_steps(times_ns, np.zeros_like(outward) if self.dir_torn else outward)
        self.driver.moved(2 * int(np.count_nonzero(outward)) - len(times_ns), int(times_ns[-1]))
        self.motion_planned(times_ns, outward)

    def _before_steps(self) -> Plant:
        plant = self.settle()
        plant.microstep_um = 4000.0 / 200 / self.driver.microsteps_per_full_step
        plant.drive_rms_a = self.driver.current_rms_a(True)
        return plant

    def motion_planned(self, times_ns: np.ndarray, outward: np.ndarray) -> None:
        """Steps begin that will be these, if nothing comes between."""
        self._last_step_ns = int(times_ns[-1])
        out = int(np.count_nonzero(outward))
        start_ns, end_ns = self.now_ns, self._last_step_ns + MOTION_TAIL_NS
        # out and back; while the pen runs there is no other motion, so one that only goes out is a stroke gone wrong
        is_stroke = out > 100 and (len(times_ns) - out > 100 or self.moments.state == RUNNING)
        if is_stroke:
            self._stroke_count += 1
        self.recorder.motion_begins(self._stroke_count if is_stroke else 0, times_ns, outward)
        if not is_stroke:
            self.moments.moves()
        self.at(end_ns, partial(self.recorder.motion_ends, self.recorder.motions))
        self.at(self._last_step_ns + HOLD_DELAY_NS, self._hold_current)
        if is_stroke:
            for hear in self.on_stroke:
                hear(self._stroke_count, start_ns, self._last_step_ns)

    def _hold_current(self) -> None:
        idle_ns = self.now_ns - self._last_step_ns
        if idle_ns >= HOLD_DELAY_NS:
            self.settle().drive_rms_a = self.driver.current_rms_a(False, idle_ns / 1e9)

    def drop_steps_after(self, t_ns: int) -> None:
        self.settle().drop_steps_after(t_ns)
        self._last_step_ns = min(self._last_step_ns, t_ns)
        self.recorder.steps_dropped(t_ns)
        self.after(MOTION_TAIL_NS, partial(self.recorder.motion_ends, self.recorder.motions))

    def gate_tripped(self, t_ns: int) -> None:
        self.recorder.note(t_ns, "the depth gate refused a step at its ceiling")

    # -- buses ---------------------------------------------------------------------------------------

    def _uart_write(self, data: bytes) -> int:
        byte_ns = 86_806  # ten bits at 115200 baud
        arrivals, answers = [], []
        for i, sent in enumerate(data):
            heard = self.uart_line.carry(sent)
            arrivals += [(self.now_ns + (i + 1) * byte_ns, value) for value in heard]  # the wire's echo
            if heard:
                answers += self.driver.receive(heard, self.now_ns + i * byte_ns)
        for t_ns, answer in answers:
            arrivals += [(t_ns, value) for byte in answer for value in self.uart_line.carry(byte)]
        self._uart = sorted(self._uart + arrivals)
        return len(data)

    def _uart_read(self, size: int) -> bytes:
        ready = [value for t_ns, value in self._uart if t_ns <= self.now_ns][:size]
        del self._uart[: len(ready)]
        return bytes(ready)

    # -- things that happen to a pen -----------------------------------------------------------------------

    def start_without_cartridge(self) -> None:
        """Before the first access: nothing is seated."""
        self.cartridge.remove(0)
        self.seated = False
        self._off_the_carriage()
        self.recorder.wire("INTERLOCK", 0)

    def insert_cartridge(self, cartridge: Ds2431 | None = None) -> None:
        """Seat a cartridge: the one at hand, or another."""
        self._off_the_carriage()
        if cartridge is not None:
            self.cartridge = cartridge
        self.cartridge.insert(self.now_ns)
        self.settle().cartridge_present = True
        self.seated = True
        self.recorder.needles_fitted()
        self.interlock_moved()
        self._seat_chatters()

    def pull_cartridge(self) -> None:
        """Take the cartridge out: its contacts open now, UNSEAT_NS later there are no needles on the carriage."""
        self.cartridge.remove(self.now_ns)
        self.seated = False
        self.interlock_moved()
        self._seat_chatters()
        self.after(UNSEAT_NS, self._off_the_carriage)

    def _seat_chatters(self) -> None:
        if not self.seat_bounce_ns:
            return

        def becomes(closed: bool | None) -> None:
            self._seat_closed = closed
            self.interlock_moved()

        for t_ns, closed in chatter(self.rng, self.seated, self.now_ns, self.seat_bounce_ns):
            self.at(t_ns, lambda closed=closed: becomes(closed))
        self.at(self.now_ns + self.seat_bounce_ns, lambda: becomes(None))

    def _off_the_carriage(self) -> None:
        if not self.seated and self.settle().cartridge_present:
            self.recorder.needles_gone()
            self.plant.cartridge_present = False

    def interlock_moved(self) -> None:
        """Tell the PIO of the interlock pad's level."""
        self.pio.advance(self.now_ns)
        level = self.false.level(INTERLOCK, self._interlock())
        self.pio.pad_changed(INTERLOCK, level, self.now_ns)
        self._follow_pio()
        self.recorder.wire("INTERLOCK", level)

    def driver_reset(self) -> None:
        """The driver's supply dipped: its registers are those of power-on."""
        self.driver.reset()
        self.driver_wires_changed()

    def driver_wires_changed(self) -> None:
        """A wire to the driver was torn, grounded or mended; steps under way feel it."""
        plant = self.settle()
        if self.step_torn:
            plant.drop_steps_after(self.now_ns)
        if self.dir_torn:
            plant.turn_steps_inward()
        self._drive_changed()

    def cut_battery(self) -> None:
        """The battery is gone; what is left is in the boost's capacitor."""
        self.settle().battery_connected = False
        self.after(WATCH_POWER_NS, self._watch_power)

    def _watch_power(self) -> None:
        plant = self.settle()
        if plant.battery_connected:
            return
        if self.powered and plant.motor_rail_mv < BROWN_OUT_MV:
            self.powered = False
            self._watchdog_at = None
            self.fram.cut()
            self.cartridge.cut(self.now_ns)
            self.display.cut()
            self.clock.cut(self.now_ns)
            self.i2c.hold(0)
            self.dead = "power"
        elif self.powered:
            self.after(WATCH_POWER_NS, self._watch_power)

    def restore_battery(self) -> None:
        self.settle().battery_connected = True

    def chip_reset(self, cause: int) -> None:
        """Between two lives: pads float, state machines are gone, parts keep what they keep."""
        if self.now_ns < 0:
            raise ValueError("time runs forward")
        self.reset_cause = cause
        if cause == POWER_ON:
            self.scratch = [0] * SCRATCH_WORDS
        self.date_days = 0  # MicroPython starts the chip's clock anew, in 2021
        self.hung = False
        self._watchdog_at = None
        self._outputs.clear()
        self._uart.clear()
        self.pio.reset(self.now_ns)
        if cause == POWER_ON and not self.powered:
            self.powered = True
            self.fram.power_on()
            self.display.power_on()
            self.clock.power_on(self.now_ns)
            self.driver.reset()
        self._drive_changed()

    def _sample(self) -> None:
        plant = self.settle()
        self.driver.warm(plant.motor_current_rms_a, SAMPLE_NS / 1e9, plant.ambient_c)
        self.recorder.sample(plant)
        self.after(SAMPLE_NS, self._sample)


def _all_outward(data: bytes) -> bytes:
    """A table with every direction bit set; single words and a chain's control blocks stay as they are."""
    words = np.frombuffer(data, "<u4")
    if len(words) == 1 or words[1] >> 28 == PERIPHERALS:
        return data
    return (words | 1).astype("<u4").tobytes()
