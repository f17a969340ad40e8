"""One pen: its parts wired together, and the tasks that the scheduler runs.

Each task does one thing and returns at once. The order of the table is the order of importance: what makes
the pen stop comes before what makes it move, and both before what it shows. While strokes run, no task
allocates and none touches flash.
"""
# A buffer is what viper's pointers take.
# pyright: reportArgumentType=false

import sys
from array import array

import board
import carriage
import courses
import events
import faults
import inputs
import journal
import micropython
import motor
import records
import safety
import session
import slots
import store
import ticks
import treatment
import version
from board import WATCHDOG_RESET
from calibration import RECORD_BYTES, VALID, Calibration
from cartridge import Cartridge
from console import Console
from dates import Dates
from drivers import tmc2209
from drivers.ds2431 import Ds2431
from drivers.ds3231 import Ds3231
from drivers.usbserial import UsbSerial
from driverwatch import DriverWatch
from encoder import Encoder
from faultrecord import FaultRecord
from follow import Follow
from gate import Gate
from heap import borrow, roomy
from inputs import Evidence
from machine import PWRON_RESET, mem32
from micropython import const
from pace import Pace
from panel import Panel
from putaway import PutAway
from registers import COUNT, MARK_STROKE, MARK_WHAT, MARK_WORD, PADS, glance, keep
from scheduler import Scheduler, Task
from sensors import Sensors
from slots import SCRATCH0
from slotwatch import SlotWatch

SENSE_MOVING_US = const(4000)
SENSE_REST_US = const(16000)  # a pass that is a little late leaves no gap in what is read
SENSE_DOUBT_US = const(4000)  # a reading is not as it should be: enough of them in the time that the table asks for
SENSE_DOUBT_MOVING_US = const(1000)
ANALOG_US = const(50000)
ANALOG_DOUBT_US = const(12000)
TREATMENT_US = const(20000)
TREATMENT_DOUBT_US = const(8000)  # a button is not as it was: a press of 90 ms counts
PANEL_US = const(40000)
PANEL_MOVING_US = const(20000)  # a little each time
FEED_MS = const(20)
CALM_MS = const(10000)  # longer than needles that a hang left out are brought in for
PANEL_SOON_US = const(10000)
STOPPED_MS = const(20)
HOME_LOOKS = const(5)  # at the start, a millisecond apart, before a stroke is taken for one that came home
OVERRUNS_MAX = const(20)  # late starts in ten seconds of a run: the loop no longer keeps up

# written out, or looked up once, for what every stroke does
_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)
_IDLE = carriage.IDLE
_READY = safety.READY
_DIAG = 1 << board.PIN_DIAG
_ALARMS_MASK = const(15)  # one look in so many, while the line stays high


class Pen:
    """Everything of one life of the pen, from power-on to reset."""

    def __init__(self, clock, reset_cause: int, base):
        self._clock = clock
        self._reset_cause = reset_cause
        self.uptime_ms = 0
        self._last_ms = clock.ticks_ms()
        self.hardware = base.hardware
        self.readings = safety.Readings()
        self.sensors = Sensors(self.hardware, self.readings)
        self.fram = base.fram
        self.store = base.store
        self.journal = journal.Journal(self.fram, self.store, keep)
        self.counters = records.Counters()
        self.settings = records.Settings()
        self.clinic = records.Clinic()
        self.used = records.CartridgeRing()
        self.last_fault = records.LastFault()
        self.calibration = Calibration()
        self.cartridge = Cartridge(Ds2431(self.hardware.onewire))
        self.driver = tmc2209.Tmc2209(self.hardware.uart)
        self.safety = safety.Safety(self._on_state, self._on_fault)
        self.gate = Gate(board)
        self.encoder = Encoder(board)
        self.motion = base.motion
        self.motion_status = base.motion_status
        self.treatment = treatment.Treatment(Panel.QUESTIONS)
        self.ticks_ms = clock.ticks_ms
        self.pace = Pace(self)
        self._driver_watch = DriverWatch(self, clock.ticks_us)
        self.motor = motor.Motor(
            self.gate, self.encoder, base.gears, self.calibration, self.readings, self.sensors.read_pads,
            self.pace.on_stroke, self._driver_watch.trip)
        self.pace.drive(self.motor)
        self.session = session.Session(self)
        self.put_away = PutAway(self)
        self.dates = Dates(self, Ds3231(self.hardware.i2c, self.free_bus))
        self.slot_watch = SlotWatch(self)
        self.courses = courses.Courses(self.journal, self.put_away.archive)
        self.recalibration = None  # until one is begun
        self.panel = Panel(self)
        self.follow = Follow(
            self.safety, self.motor, self.readings, self.driver, self._hurry_motor, self._prove_gate,
            self.load_calibration, self.panel.page_stands)
        self.console = Console(self, UsbSerial(), base.parser, base.methods)
        self.gate_proven = False  # seen to refuse a step at ceiling zero since the start
        self.fault_record = FaultRecord(self)
        self._stuck_on = Evidence(inputs.STUCK_ON_READINGS, inputs.STUCK_ON_MS)
        self._dropped = Evidence(inputs.DROPPED_READINGS, inputs.DROPPED_MS)
        self._unseen = Evidence(inputs.PARKED_READINGS, inputs.PARKED_MS)  # parked, and the home sensor is dark
        self._alarms = 0
        self._was_pressed = False
        self._seen = array("i", [0, 0, 0])
        self._watchdog = base.watchdog
        self._hangs = board.hangs(reset_cause)
        self._fed_ms = 0
        tasks = (
            Task("sense", self._sense, 3000, 100000),
            Task("motor", self.pace.run, 3000, 100000),
            Task("analog", self._analog, 20000, 300000, True),
            Task("driver", self._driver, 20000, 500000, True),
            Task("treatment", self._treatment, 30000, 300000, True),
            Task("console", self._console, 60000, 500000, True),
            Task("panel", self._panel, 60000, 500000, True),
        )
        self._motor_task = tasks[1]
        self._driver_task = tasks[3]
        self.scheduler = Scheduler(clock, tasks, self._feed, self._stalled)
        roomy(self.motor)

    # -- boot ---------------------------------------------------------------------------------------

    def boot(self):
        """Self-test, records, then the loop may begin. Whatever is wrong is latched and shown, not raised."""
        self.alive()
        code = borrow("selftest").run(self)
        self.fault_record.tested = code == faults.NONE
        self.journal.event(events.BOOT, self._reset_cause, version.NUMBER, 0)
        self.slot_watch.tested(code)
        if code != faults.NONE:
            self.safety.trip(code)
        if faults.remembered(self.last_fault.service_code):
            self.safety.trip(self.last_fault.service_code)
        if self._reset_cause == WATCHDOG_RESET:
            # again and again: nothing moves any more, so that no hang in a motion repeats it
            self.safety.trip(faults.WATCHDOG if self._hangs < board.HANGS_MAX else faults.INTERNAL)
        if self.safety.fault == faults.NONE:
            self.safety.event(safety.TESTED)
        self.console.begin()

    def alive(self):
        """A step of the start is done; before the loop runs."""
        if self._watchdog is not None:
            self._watchdog.feed()

    def calibrated(self):
        """A valid calibration was found."""
        self.motor.calibrated()
        self.safety.calibrated = True

    def free_bus(self) -> bool:
        """Have whatever holds the display's and the clock's bus let it go; False while the drive is on."""
        if self.motor.armed():
            return False
        self.hardware.free_i2c()
        return True

    def wait_us(self, us: int):
        """Only before the loop runs, or for a millisecond at rest."""
        self._clock.sleep_us(us)

    def stop(self, code: int, error: Exception):
        """The loop failed: latch why, then only show and tell it and keep the watchdog quiet, for ever."""
        self.gate.disarm()
        try:
            self.motor.abandon()
        except Exception:  # what failed before may fail again
            pass
        self.safety.trip(code)
        self.console.failed(error)
        self._feed()
        sys.print_exception(error)  # the last that may wait for a host which does not read
        telling = [self.fault_record.keep, self.panel.update, self.console.run]
        while True:
            self.uptime_ms += STOPPED_MS
            for tell in telling:
                try:
                    tell(self.uptime_ms)
                except Exception:  # what failed before may fail again, and must not lead to the prompt
                    telling = [other for other in telling if other is not tell]
            self._feed()
            self._clock.sleep_us(STOPPED_MS * 1000)

    @micropython.native
    def _feed(self):
        """The scheduler says that every task is alive, many times more often than the watchdog needs to hear it."""
        if self._watchdog is not None and ticks.diff(self.uptime_ms, self._fed_ms) >= FEED_MS:
            self._fed_ms = self.uptime_ms
            self._watchdog.feed()
            self.pace.hold(0)

    def _stalled(self, task):
        """The watchdog is about to bite: no further stroke begins, and the one that came home is not lost."""
        self.pace.hold(1)
        if task is self._motor_task:
            self.motor.overdue()

    def under_way(self):
        """The stroke that had begun when the chip was reset, for `Journal.mount`; None when none is known.

        Where a task stalls no further stroke begins, so this one met a CPU that hung. The gate makes the steps that it
        has until the dead-man takes the drive 50 ms later, and the screw holds by itself: needles that are home have
        come home, and needles that are out were cut short. Before the drive is on again only.
        """
        if self._reset_cause == PWRON_RESET:
            return None
        stroke, what = mem32[SCRATCH0 + 4 * MARK_STROKE], mem32[SCRATCH0 + 4 * MARK_WHAT]
        if what & ~0xFFFFF != MARK_WORD or not stroke & 0xFFFF:
            return None
        home = True
        for _ in range(HOME_LOOKS):
            self.sensors.read_pads()
            home = home and self.readings.home == 1
            self.wait_us(1000)
        flags = journal.FAULT | journal.UNMEASURED | (0 if home else journal.PARTIAL)
        return stroke >> 16, stroke & 0xFFFF, what & 0xFFF, what >> 12 & 0xFF, flags

    def begin_calibration(self) -> bytes:
        """At rest: begin one, or begin it anew; why not, or b"". What it needs is in the heap from the first one on."""
        if self.recalibration is None:
            try:
                import recalibration
            except MemoryError:
                return b"no room in memory: restart the pen"
            self.recalibration = recalibration.Recalibration(self, self.load_calibration)
        return self.recalibration.begin()

    def restart(self, service: bool):
        """At rest: start anew, with `service` into service mode. Does not return."""
        self.gate.disarm()
        slots.restart(service)

    def run(self):
        self.scheduler.run_once()  # nothing can move yet, and a first page takes a chip 190 ms
        self._watchdog = board.start_watchdog(board.WATCHDOG_MS)
        self.scheduler.run()

    # -- what the safety core reports ---------------------------------------------------------------

    def _on_state(self, state):
        self.follow.entered()
        self.journal.event(events.STATE, state, 0, self._now_ms())

    def _on_fault(self, code):
        self.follow.discredit(code)
        self.fault_record.latched(code, self._now_ms())

    def _now_ms(self):
        """`uptime_ms` as of now, also when the task that counts it hangs."""
        return self.uptime_ms + ticks.diff(self.ticks_ms(), self._last_ms)

    # -- tasks --------------------------------------------------------------------------------------

    def _prove_gate(self) -> bool:
        """True once the gate was seen to refuse; started without a cartridge, the pen tries it with the first."""
        if not self.gate_proven and self.session.present:
            try:
                code = borrow("selftest").gate(self)
            except MemoryError:
                self.panel.say("No room: restart pen")
                return False
            if code != faults.NONE:
                self.safety.trip(code)
        return self.gate_proven

    def load_calibration(self) -> int:
        """Load the calibration on record; the fault if there is none or it is damaged."""
        buf = bytearray(store.capacity(store.CALIBRATION))
        status = self.store.read(store.CALIBRATION, buf)
        if status == store.EMPTY:
            return faults.CALIBRATION_MISSING
        if status != store.OK and status != store.RECOVERED:
            return faults.CALIBRATION_CORRUPT
        length = self.store.length
        if length != RECORD_BYTES or self.calibration.decode(buf, length) != VALID:
            return faults.CALIBRATION_CORRUPT
        self.calibrated()
        return faults.NONE

    def park(self):
        """Another rest position may apply: further in, if need be. At rest only."""
        self.motor.park(self._clock.ticks_us())

    def _hurry_motor(self):
        self.scheduler.hurry(self._motor_task)

    @micropython.native
    def _sense(self, now_us):
        now_ms = self.ticks_ms()
        uptime_ms = self.uptime_ms + ((now_ms - self._last_ms & _MASK) ^ _HALF) - _HALF
        self.uptime_ms = uptime_ms
        self._last_ms = now_ms
        needles = self.motor
        sensors = self.sensors
        scheduler = self.scheduler
        core = self.safety
        readings = self.readings
        moving = needles.armed()
        scheduler.strict = moving
        if moving:
            self.gate.beat()
            seen = self._seen
            glance(seen)
            sensors.take(seen[PADS])
            if needles.homed:
                readings.extension_um = needles.extension_at(seen[COUNT])
        else:
            sensors.read_pads()
        doubt = core.update(readings, now_ms)
        pressed = core.pressed
        if pressed != self._was_pressed:
            self._was_pressed = pressed
            self.journal.event(events.TRIGGER, 1 if pressed else 0, 0, uptime_ms)
        if not (moving and readings.drive_on and self._dropped.count == 0) and self._watch_drive(now_ms):
            doubt = True
        if self.session.sense(now_ms):
            doubt = True
        dark = not readings.home and needles.doing == _IDLE and needles.homed
        if dark or self._unseen.count:
            if self._unseen.enough(dark, now_ms):
                core.trip(faults.HOME_SENSOR)
            elif dark:
                doubt = True
        if not moving:
            scheduler.late = 0
        elif scheduler.late > OVERRUNS_MAX:
            scheduler.late = 0
            core.trip(faults.OVERRUN)
        if sensors.pads & _DIAG:  # what the driver answers counts: the line only has it asked earlier, and may be stuck
            if not self._alarms & _ALARMS_MASK:
                scheduler.hurry(self._driver_task)
            self._alarms += 1
        else:
            self._alarms = 0
        self.follow.run(now_us, now_ms)
        if pressed and core.state == _READY:
            scheduler.hurry(self._motor_task)
        if needles.armed():
            return SENSE_DOUBT_MOVING_US if doubt else SENSE_MOVING_US
        return SENSE_DOUBT_US if doubt else SENSE_REST_US

    def _watch_drive(self, now_ms) -> bool:
        """Off though armed: one of the gate's programs did it; say which. On though nothing armed it: a fault too.

        True while either is in doubt.
        """
        armed = self.motor.armed()
        stuck = self.readings.drive_on and not armed
        if self._stuck_on.enough(stuck, now_ms):
            self.safety.trip(faults.GATE)
            stuck = False
        dropped = armed and not self.readings.drive_on
        if not self._dropped.enough(dropped, now_ms):
            return dropped or stuck != 0
        if self.gate.tripped():
            self.safety.trip(faults.CEILING)
        elif not self.readings.interlock:
            self.safety.trip(faults.CARTRIDGE_PULLED)
        elif self.safety.fault == faults.NONE:
            self.safety.trip(faults.DRIVE_DROPPED)
        return False

    def _analog(self, now_us):
        return ANALOG_DOUBT_US if self.sensors.convert(self.ticks_ms()) else ANALOG_US

    def _driver(self, now_us):
        return self._driver_watch.run(now_us)

    def _treatment(self, now_us):
        core = self.safety
        now_ms = self.uptime_ms
        moving = self.motor.armed()
        if core.held_at_rest() and self.uptime_ms > 200 and core.fault == faults.NONE and not moving:
            if core.state == safety.UNHOMED or core.state == safety.READY or core.state == safety.HOMING:
                core.trip(faults.TRIGGER_STUCK)
        self.fault_record.watch(now_ms)
        if not moving:
            self.fault_record.keep(now_ms)
        try:
            if self._tend(now_us, now_ms, moving):
                return TREATMENT_DOUBT_US
        except OSError:  # what was written did not stay: the next pass tries again, and if this lasts it is a fault
            self.fram.errors += 1
        return TREATMENT_US

    def _tend(self, now_us, now_ms, moving):
        """Cartridge, session and buttons: all that writes records. OSError when the memory does not keep one.

        True while a button is in doubt.
        """
        core = self.safety
        self.session.watch(now_ms)
        if self.recalibration is not None:
            self.recalibration.watch()
        if not moving:
            self._at_rest(now_us, now_ms)
            self.sensors.read_pads()
        deed = self.treatment
        if deed.is_open() and not core.time_up:
            worn = deed.strokes >= treatment.STROKES_MOST
            if worn or deed.left_ms(now_ms) == 0:
                core.time_up = True
                core.event(safety.RELEASE)
                self.session.ending = journal.STROKE_LIMIT if worn else journal.TIME_LIMIT
        return self.panel.handle_buttons(self.sensors.pads, now_ms, moving)

    def _at_rest(self, now_us, now_ms):
        """Work that takes its time: cartridge memory, records. Only while nothing moves."""
        if self.cartridge.busy:
            if not self.cartridge.step(now_us):
                self.session.answered(now_ms)
                self.park()  # by the clock as it is now: the step before took up to 10 ms
        if self.session.ending and self.treatment.is_open():
            self.end_session(self.session.ending)
        if self.treatment.stage == treatment.MARKING and not self.cartridge.busy:
            self.session.open(now_ms)
        if self._hangs and now_ms >= CALM_MS:
            self._hangs = 0
            board.forget_hangs()
        self._look_up_course()
        self.dates.run()
        self.slot_watch.run(now_ms)
        self.put_away.run(now_ms)

    def _look_up_course(self):
        """Once zone and client are settled, what is on record of them is read, a little at a time."""
        course = self.courses
        stage = self.treatment.stage
        if stage == treatment.ZONE:
            course.forget()
        elif stage == treatment.CONFIRM and course.to_show() and not course.step() and not course.ready:
            course.begin(self.treatment.zone, self.dates.today())

    def confirm(self) -> int:
        """The user confirmed zone, indication and limit; mark the cartridge used, which opens the session."""
        return self.session.confirm()

    def end_session(self, reason: int):
        """Close the session, if one is open; until it is on record, each pass tries again."""
        self.session.ending = reason
        self.session.end(reason)

    def clear_fault(self) -> bool:
        """SELECT on the fault page."""
        return self.fault_record.clear()

    def service_clear(self) -> bool:
        """A technician has dealt with what only service clears; True when no fault is left."""
        return self.fault_record.service_clear()

    def glide_um_s(self) -> int:
        """The fastest glide at which strokes of the depth in force do not drag, in um/s."""
        stroke_us = self.motor.stroke_us(self.treatment.depth_um)
        inside_um = min(treatment.INSIDE_MOST_UM, self.motor.inside_um())
        out_us = treatment.out_us(stroke_us, inside_um, self.motion.accel_mm_s2)
        return treatment.glide_limit_um_s(out_us)

    def _console(self, now_us):
        return self.console.run(self.uptime_ms)

    def _panel(self, now_us):
        left = self.panel.update(self.uptime_ms)
        if self.motor.armed():
            return PANEL_MOVING_US
        return PANEL_SOON_US if left else PANEL_US
