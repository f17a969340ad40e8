"""One pen: its parts wired together, and the tasks that the scheduler runs.

Each task does one thing and returns at once. The order of the table is the order of importance: what makes
the pen stop comes before what makes it move, and both before what it shows. While strokes run, no task
allocates and none touches flash.
"""

from profile import Profile

import events
import faults
import journal
import motor
import records
import safety
import store
import ticks
import treatment
import version
from board import WATCHDOG_RESET, Board, today_days, wall_seconds
from calibration import Calibration
from cartridge import NAMES as CARTRIDGE_NAMES
from cartridge import OK as CARTRIDGE_OK
from cartridge import Cartridge, evaluate
from drivers import tmc2209
from drivers.ds2431 import Ds2431
from drivers.fram import Fram
from encoder import Encoder
from gate import Gate, step_word
from micropython import const
from panel import Panel
from scheduler import Scheduler, Task
from selftest import run as selftest
from sensors import Sensors

SENSE_MOVING_US = const(4000)
SENSE_REST_US = const(20000)
ANALOG_US = const(50000)
DRIVER_POLL_US = const(1000)
DRIVER_REST_US = const(250000)
DRIVER_MOVING_US = const(250000)
TREATMENT_US = const(20000)
PANEL_US = const(40000)
FEED_MS = const(20)
PANEL_SOON_US = const(10000)
SEATED_MS = const(60)  # an interlock closed for so long is a seated cartridge
OVERRUNS_MAX = const(20)  # late starts in one run: the loop no longer keeps up
OPEN_LOAD_TRIES = const(3)  # statuses in a row while moving; one alone can be false (TMC2209 datasheet 5.5.3)
SILENT_TRIES = const(2)  # status requests in a row that may fail; one can be hit by noise


class Pen:
    """Everything of one life of the pen, from power-on to reset."""

    def __init__(self, clock, reset_cause: int):
        self._clock = clock
        self._reset_cause = reset_cause
        self.uptime_ms = 0
        self._last_ms = clock.ticks_ms()
        self.hardware = Board()
        self.readings = safety.Readings()
        self.sensors = Sensors(self.hardware, self.readings)
        self.fram = Fram(self.hardware.spi, self.hardware.fram_cs)
        self.store = store.Store(self.fram)
        self.journal = journal.Journal(self.fram, self.store)
        self.counters = records.Counters()
        self.settings = records.Settings()
        self.used = records.CartridgeRing()
        self.last_fault = records.LastFault()
        self.calibration = Calibration()
        self.cartridge = Cartridge(Ds2431(self.hardware.onewire))
        self.driver = tmc2209.Tmc2209(self.hardware.uart)
        self.safety = safety.Safety(self._on_state, self._on_fault)
        self.gate = Gate(_pins())
        self.encoder = Encoder(_pins())
        self.motion = records.Motion()
        self.motion_status = self.motion.load(self.store)  # judged in the self-test; bad values are not taken
        limits = self.motion
        profile = Profile(
            limits.speed_um_s, limits.accel_mm_s2 * 1000, limits.jerk_mm_s3 * 1000, motor.GEARS, step_word)
        self.motor = motor.Motor(
            self.gate, self.encoder, profile, self.calibration, self.readings, self.sensors.read_pads,
            self._on_stroke, self.safety.trip)
        self.treatment = treatment.Treatment(Panel.QUESTIONS)
        self.panel = Panel(self)
        self.refusal = faults.GRANTED
        self.cartridge_reason = 0
        self._entered = False
        self._retract_tried = False
        self._next_stroke_us = 0
        self._last_stroke_us = 0
        self._period_us = 0
        self._run_first = True
        self._seated = safety.Timer()
        self._present = False
        self._driver_failures = 0
        self._open_loads = 0
        self._was_pressed = False
        self._driver_was = 0
        self._watchdog = None
        self._fed_ms = 0
        self._fault_saved = True
        self._ending = 0  # why the session ends as soon as the needles are parked
        tasks = (
            Task("sense", self._sense, 3000, 100000),
            Task("motor", self._motor, 3000, 100000),
            Task("analog", self._analog, 20000, 300000),
            Task("driver", self._driver, 20000, 500000),
            Task("treatment", self._treatment, 30000, 300000),
            Task("panel", self._panel, 60000, 500000),
        )
        self._motor_task = tasks[1]
        self._driver_task = tasks[3]
        self.scheduler = Scheduler(clock, tasks, self._feed)

    # -- boot ---------------------------------------------------------------------------------------

    def boot(self):
        """Self-test, records, then the loop may begin. Whatever is wrong is latched and shown, not raised."""
        code = selftest(self)
        self.journal.event(events.BOOT, self._reset_cause, version.NUMBER, 0)
        if code != faults.NONE:
            self.safety.trip(code)
        if self._reset_cause == WATCHDOG_RESET:
            self.safety.trip(faults.WATCHDOG)
        if self.safety.fault == faults.NONE:
            self.safety.event(safety.TESTED)
        self._watchdog = self.hardware.start_watchdog()

    def calibrated(self):
        """A valid calibration was found."""
        self.motor.calibrated()
        self.safety.calibrated = True

    def today(self) -> int:
        """Days since 2000 as far as known: the clock's, else no earlier than the calibration's; 0 if neither."""
        return today_days(self.hardware.clock) or self.calibration.date_days

    def wait_us(self, us: int):
        """Only before the loop runs."""
        self._clock.sleep_us(us)

    def stop(self, code: int):
        """The loop failed: latch why, then only show it and keep the watchdog quiet, for ever."""
        self.gate.disarm()
        self.safety.trip(code)
        while True:
            self.uptime_ms += PANEL_US // 1000
            self.panel.update(self.uptime_ms)
            self._feed()
            self._clock.sleep_us(PANEL_US)

    def _feed(self):
        """The scheduler says that every task is alive, many times more often than the watchdog needs to hear it."""
        if self._watchdog is not None and ticks.diff(self.uptime_ms, self._fed_ms) >= FEED_MS:
            self._fed_ms = self.uptime_ms
            self._watchdog.feed()

    def run(self):
        self.scheduler.run()

    # -- what the safety core reports ---------------------------------------------------------------

    def _on_state(self, state):
        self._entered = True
        self._retract_tried = False
        self.journal.event(events.STATE, state, 0, self.uptime_ms)

    def _on_fault(self, code):
        self._fault_saved = False
        self.journal.event(events.FAULT, 0, code, self.uptime_ms)

    # -- tasks --------------------------------------------------------------------------------------

    def _sense(self, now_us):
        now_ms = self._clock.ticks_ms()
        self.uptime_ms += ticks.diff(now_ms, self._last_ms)
        self._last_ms = now_ms
        self.sensors.read_pads()
        moving = self.motor.armed()
        self.scheduler.strict = moving
        if moving:
            self.gate.beat()
            if self.motor.homed:
                self.readings.extension_um = self.motor.extension_um()
        self.safety.update(self.readings, now_ms)
        if self.safety.pressed != self._was_pressed:
            self._was_pressed = self.safety.pressed
            self.journal.event(events.TRIGGER, 1 if self._was_pressed else 0, 0, self.uptime_ms)
        self._watch_drive()
        if moving and self.scheduler.late > OVERRUNS_MAX:
            self.scheduler.late = 0
            self.safety.trip(faults.OVERRUN)
        elif not moving:
            self.scheduler.late = 0
        if self.sensors.diag():
            self.scheduler.hurry(self._driver_task)
        self._follow(now_us)
        if self.safety.pressed and self.safety.state == safety.READY:
            self.scheduler.hurry(self._motor_task)
        return SENSE_MOVING_US if self.motor.armed() else SENSE_REST_US

    def _watch_drive(self):
        """The drive should be on and is not: one of the gate's programs switched it off; say which."""
        if not self.motor.armed() or self.readings.drive_on:
            return
        if self.gate.tripped():
            self.safety.trip(faults.CEILING)
        elif not self.readings.interlock:
            self.safety.trip(faults.CARTRIDGE_PULLED)
        elif self.safety.fault == faults.NONE:
            self.safety.trip(faults.DRIVE_DROPPED)

    def _follow(self, now_us):
        """Have the motor do what the state asks for."""
        core = self.safety
        state = core.state
        needles = self.motor
        entered = self._entered
        self._entered = False  # a change made below is seen on the next pass
        if state == safety.FAULT or state == safety.BLOCKED or state == safety.POWER_DOWN:
            if entered:
                needles.abandon()
                if core.fault == faults.POWER_FAIL and state == safety.FAULT:
                    core.power_gone()
            elif state == safety.BLOCKED or (core.fault == faults.CARTRIDGE_PULLED and self._present):
                self._retract_once(now_us)
        elif state == safety.RETRACTING:
            self._retract(now_us)
        elif state == safety.UNHOMED:
            if self.readings.interlock and self.driver.configured and core.calibrated:
                core.event(safety.HOME)
                if not needles.start_home(now_us):
                    core.trip(faults.HOMING)
                self.scheduler.hurry(self._motor_task)
        elif state == safety.HOMING:
            if needles.homed and needles.doing == motor.IDLE:
                needles.rest()
                core.event(safety.HOMED)
        elif state == safety.STOPPING:
            if needles.doing == motor.IDLE:
                needles.rest()
                core.event(safety.PARKED)

    def _retract_once(self, now_us):
        """At rest with the needles out: bring them in, whatever else is wrong.

        So it is after a reset in mid-stroke, and when the carriage ran out without a cartridge and a new one
        is fitted onto it.
        """
        readings = self.readings
        if self._retract_tried or readings.home or not readings.interlock or not self.driver.configured:
            return
        self._retract_tried = True
        if readings.power_ok and self.motor.start_retract(False, now_us):
            self.scheduler.hurry(self._motor_task)

    def _retract(self, now_us):
        """A stroke under way comes home by itself; if it did not, or there was none, bring the needles in."""
        needles = self.motor
        if needles.doing != motor.IDLE:
            if self.readings.drive_on or needles.doing == motor.RETRACT:
                return
            needles.abandon()  # the gate has switched off: that stroke will not come home
        if not needles.retracted and not self._retract_tried:
            self._retract_tried = True
            if needles.start_retract(self.safety.fault == faults.HOME_SENSOR, now_us):
                self.scheduler.hurry(self._motor_task)
                return
        needles.rest()
        self.safety.event(safety.RETRACTED)

    def _motor(self, now_us):
        self.motor.poll(now_us)
        if self.motor.doing != motor.IDLE:
            return self.motor.next_us(now_us)
        core = self.safety
        if not core.pressed or not (core.state == safety.READY or core.state == safety.RUNNING):
            self.refusal = faults.GRANTED
            return self.motor.next_us(now_us)
        if core.state == safety.RUNNING:
            wait_us = ticks.diff(self._next_stroke_us, now_us)
            if wait_us > 0:
                return wait_us
        else:
            self._run_first = True
        return self._stroke(now_us)

    def _stroke(self, now_us):
        """Ask for the next stroke and start it."""
        deed = self.treatment
        core = self.safety
        if not deed.is_open():
            self.refusal = faults.REFUSED_SESSION
            return TREATMENT_US
        now_ms = self._clock.ticks_ms()
        self.refusal = core.ask(deed.depth_um, self.readings, now_ms)
        if self.refusal != faults.GRANTED:
            core.event(safety.RELEASE)
            return TREATMENT_US
        self.gate.beat()
        period_us = self.settle_rate()
        if not self.motor.start_stroke(core.permit, now_ms, now_us):
            core.trip(faults.INTERNAL if self.readings.interlock else faults.CARTRIDGE_PULLED)
            return TREATMENT_US
        self._period_us = period_us
        if not self._run_first:
            self._period_us = ticks.diff(now_us, self._last_stroke_us)
        self._last_stroke_us = now_us
        # the grid of the run, so that one late start does not slow the rate; after a gap it begins anew
        if self._run_first or ticks.diff(now_us, self._next_stroke_us) > period_us:
            self._next_stroke_us = now_us
        self._next_stroke_us = ticks.add(self._next_stroke_us, period_us)
        self._run_first = False
        return self.motor.next_us(now_us)

    def settle_rate(self) -> int:
        """Bring the rate in force to what depth, zone and temperature allow; its period in us."""
        deed = self.treatment
        return deed.settle_rate(self.motor.stroke_us(deed.depth_um), self.safety.derated(self.readings))

    def _on_stroke(self, achieved_um, flags):
        """A stroke came home: on record before the next one may start."""
        needles = self.motor
        self.treatment.stroke_done()
        number = self.journal.stroke(needles.depth_um, achieved_um, self._period_us, flags, needles.zone)
        if number == journal.FULL:
            self._ending = journal.JOURNAL_FULL
            self.safety.time_up = True
            self.safety.event(safety.RELEASE)
        elif number < 0:
            self.safety.trip(faults.STORAGE)

    def _analog(self, now_us):
        self.sensors.read_analog()
        return ANALOG_US

    def _driver(self, now_us):
        driver = self.driver
        if driver.needs_poll:
            driver.poll(now_us)
            return DRIVER_POLL_US
        if self._driver_was == tmc2209.BUSY:
            self._driver_was = driver.status
            self._judge_driver()
        core = self.safety
        if not driver.configured and core.state != safety.FAULT and not self.motor.armed():
            driver.configure_begin()
        else:
            driver.request_status()
        self._driver_was = tmc2209.BUSY
        return DRIVER_MOVING_US if self.motor.armed() else DRIVER_REST_US

    def _judge_driver(self):
        driver = self.driver
        core = self.safety
        if core.state == safety.FAULT and core.fault != faults.NONE:
            return
        if driver.status != tmc2209.OK:
            self._driver_failures += 1
            if self._driver_failures > SILENT_TRIES:
                core.trip(faults.DRIVER_SILENT)
                self._driver_failures = 0
            return
        self._driver_failures = 0
        if not driver.valid:
            return
        if driver.reset_seen:
            driver.configured = False
            if core.state != safety.BOOT and core.state != safety.UNHOMED:
                core.trip(faults.DRIVER_RESET)
        elif driver.short:
            core.trip(faults.DRIVER_SHORT)
        elif driver.overtemp:
            core.trip(faults.DRIVER_HOT)
        elif driver.undervoltage:
            core.trip(faults.DRIVER_SUPPLY)
        elif core.state == safety.RUNNING:  # at standstill the flag says nothing, neither way
            self._open_loads = self._open_loads + 1 if driver.open_load else 0
            if self._open_loads >= OPEN_LOAD_TRIES:
                core.trip(faults.DRIVER_OPEN)

    def _treatment(self, now_us):
        core = self.safety
        now_ms = self.uptime_ms
        moving = self.motor.armed()
        if core.held_at_rest() and self.uptime_ms > 200 and core.fault == faults.NONE and not moving:
            if core.state == safety.UNHOMED or core.state == safety.READY or core.state == safety.HOMING:
                core.trip(faults.TRIGGER_STUCK)
        self._watch_cartridge(now_us, now_ms)
        if not moving:
            self._at_rest(now_us, now_ms)
        if self.treatment.is_open() and self.treatment.left_ms(now_ms) == 0 and not core.time_up:
            core.time_up = True
            core.event(safety.RELEASE)
            self._ending = journal.TIME_LIMIT
        self.panel.handle_buttons(self.sensors.pads, now_ms, moving)
        return TREATMENT_US

    def _at_rest(self, now_us, now_ms):
        """Work that takes its time: cartridge memory, records. Only while nothing moves."""
        if self.cartridge.busy:
            if not self.cartridge.step(now_us):
                self._cartridge_answered(now_ms)
                self.motor.park(now_us)
        if not self._fault_saved and self.store.provisioned():
            self._fault_saved = True
            self.last_fault.code = self.safety.fault
            self.last_fault.boot = self.counters.boots
            self.last_fault.uptime_ms = now_ms
            self.last_fault.save(self.store)
        if self._ending and self.treatment.is_open():
            self.end_session(self._ending)
        if self.treatment.stage == treatment.MARKING and not self.cartridge.busy:
            self._open_session(now_ms)

    # -- cartridge and session ----------------------------------------------------------------------

    def _watch_cartridge(self, now_us, now_ms):
        seated_ms = self._seated.held_ms(self.readings.interlock, now_ms)
        if self._present and not self.readings.interlock:
            self._present = False
            self.cartridge.removed()
            self.safety.cartridge_ok = False
            self.end_session(journal.CARTRIDGE_END)
            self.treatment.cartridge_out()
            self.cartridge_reason = 0
            self.journal.event(events.CARTRIDGE, 0, 0, now_ms)
        elif not self._present and seated_ms >= SEATED_MS:
            self._present = True
            self.read_cartridge()

    def read_cartridge(self):
        """Read whatever is seated; the answer comes some passes later."""
        if self._present:
            self.cartridge.begin_read()

    def present(self) -> bool:
        return self._present

    def _cartridge_answered(self, now_ms):
        """The memory was read or marked: judge it."""
        if self.treatment.stage == treatment.MARKING:
            return
        reason = evaluate(self.cartridge.info, self._known_used(), self.today())
        if self.cartridge.reason != CARTRIDGE_OK:
            reason = self.cartridge.reason
        self.cartridge_reason = reason
        self.journal.event(events.CARTRIDGE, 1, reason, now_ms)
        if reason == CARTRIDGE_OK and self.treatment.stage == treatment.NO_CARTRIDGE:
            offset_um = self.cartridge.info.offset_um
            self.motor.use_cartridge(offset_um)
            travel_um = min(self.calibration.travel_um + offset_um, self.settings.depth_limit_um)
            self.treatment.cartridge_accepted(self.cartridge.info.rated_um, travel_um)

    def _known_used(self):
        return self.cartridge.reason == CARTRIDGE_OK and self.used.contains(self.cartridge.rom)

    def cartridge_text(self) -> str:
        return CARTRIDGE_NAMES[self.cartridge_reason]

    def confirm(self) -> int:
        """The user confirmed zone, indication and limit; mark the cartridge used, which opens the session."""
        answer = treatment.REFUSED_RECORDS
        if self.journal.room_strokes() >= journal.MIN_ROOM_STROKES:
            answer = self.treatment.confirm(self.readings.battery_mv >= safety.BATTERY_START_MV)
        if answer == treatment.ACCEPTED:
            if self.safety.pressed:
                self.safety.trip(faults.TRIGGER_STUCK)
            self.cartridge.begin_mark()
        return answer

    def _open_session(self, now_ms):
        """The mark was tried: without proof of it there is no session."""
        if not self.cartridge.marked:
            self.cartridge_reason = self.cartridge.reason
            self.treatment.cartridge_out()
            return
        if self.safety.state != safety.READY:
            return
        self.used.add(self.store, self.cartridge.rom)
        deed = self.treatment
        number = self.journal.begin_session(
            self.cartridge.rom, b"", version.NUMBER, self.calibration.calibration_id, deed.zone, deed.indication,
            now_ms, wall_seconds(self.hardware.clock))
        if number < 0:
            self.safety.trip(faults.STORAGE)
            deed.cartridge_out()
            return
        self.safety.cartridge_ok = True
        self._ending = 0
        self.safety.open_session(deed.zone, deed.limits.max_um)
        deed.open(now_ms)
        self.settle_rate()

    def end_session(self, reason: int):
        """Close the session, if one is open: on record first, then on the panel."""
        deed = self.treatment
        if self.journal.is_open:
            self.journal.end_session(reason, self.safety.fault, self.uptime_ms)
        self.safety.close_session()
        self.safety.cartridge_ok = False
        deed.end(reason, self.uptime_ms)

    def clear_fault(self) -> bool:
        """SELECT on the fault page."""
        code = self.safety.fault
        if not self.safety.clear(self.readings):
            return False
        self.journal.event(events.CLEARED, 0, code, self.uptime_ms)
        return True

    def _panel(self, now_us):
        left = self.panel.update(self.uptime_ms)
        return PANEL_SOON_US if left and not self.motor.armed() else PANEL_US


def _pins():
    import board

    return board
