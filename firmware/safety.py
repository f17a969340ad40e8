"""The safety core: states, permits, the latched first fault. No stroke starts without its permit.

Pure: readings and time come in as arguments. The state machine is the table TRANSITIONS, every state times
every event. One permit is good for one stroke. The first fault latches and only its remedy clears it; a
fault behind it that asks for service or for a restart is next to be cleared. After a fault the needles can only
be retracted, and the way back leads through homing. A state that something else has to end (stopping,
retracting, homing) ends by itself after its time. What is not of the right type counts as missing: a limit
or a yes holds only as an integer or as True itself.

A static move of the gauge tip, for calibrating, has a permit of its own kind, with which no stroke can start; while
static moves may be asked for there is no session, and while there is a session no static move.
"""

import depth
import faults
import inputs
import micropython
import ticks
from inputs import Evidence
from micropython import const

# States
BOOT = const(0)  # self-test
BLOCKED = const(1)  # at rest with a reason not to move
UNHOMED = const(2)  # where the needles are is not known well enough
HOMING = const(3)
READY = const(4)  # parked at home
RUNNING = const(5)  # strokes while the trigger is held
STOPPING = const(6)  # no further stroke; the one under way comes home
RETRACTING = const(7)  # a fault is latched; inward only
FAULT = const(8)  # a fault is latched; drive off
POWER_DOWN = const(9)  # supply is going; drive off, restart needed
GAUGING = const(10)  # the gauge tip moves or stands out while the trigger is held
STATE_NAMES = (
    "boot", "blocked", "unhomed", "homing", "ready", "running", "stopping", "retracting", "fault", "power_down",
    "gauging")

# Events
TESTED = const(0)  # self-test passed
BLOCK = const(1)  # a fault that needs nothing moved
HOME = const(2)  # go home
HOMED = const(3)
START = const(4)  # a permit was granted
RELEASE = const(5)  # trigger released, or a limit of the run reached
PARKED = const(6)  # the motor is at rest at home
FAULT_RETRACT = const(7)
FAULT_STOP = const(8)
RETRACTED = const(9)  # the retract ended, well or not; drive is off
CLEAR = const(10)  # the remedy was done
GAUGE = const(11)  # a permit for a static move was granted
EVENT_NAMES = (
    "tested", "block", "home", "homed", "start", "release", "parked", "fault_retract", "fault_stop", "retracted",
    "clear", "gauge")

_STAY = const(-1)  # has no meaning here and does no harm
_BAD = const(-2)  # cannot happen unless the firmware is wrong: an internal fault

_N = _STAY
_X = _BAD
TRANSITIONS = (
    # TESTED   BLOCK       HOME    HOMED  START    RELEASE   PARKED F_RETRACT   F_STOP RETR.  CLEAR    GAUGE
    (UNHOMED, BLOCKED,    _X,     _X,    _X,      _N,       _X,    BLOCKED,    FAULT, _X,    _N,      _X),  # BOOT
    (_X,      _N,         _X,     _X,    _X,      _N,       _N,    _N,         FAULT, _N,    UNHOMED, _X),  # BLOCKED
    (_X,      BLOCKED,    HOMING, _X,    _X,      _N,       _N,    FAULT,      FAULT, _N,    _N,      _X),  # UNHOMED
    (_X,      FAULT,      _N,     READY, _X,      _N,       _N,    RETRACTING, FAULT, _N,    _N,      _X),  # HOMING
    (_X,      BLOCKED,    HOMING, _N,    RUNNING, _N,       _N,    FAULT,      FAULT, _N,    _N,      GAUGING),  # READY
    (_X,      RETRACTING, _X,     _X,    _N,      STOPPING, _N,    RETRACTING, FAULT, _X,    _N,      _X),  # RUNNING
    (_X,      RETRACTING, _X,     _X,    _X,      _N,       READY, RETRACTING, FAULT, _X,    _N,      _X),  # STOPPING
    (_X,      _N,         _X,     _X,    _X,      _N,       _N,    _N,         FAULT, FAULT, _N,      _X),  # RETRACTING
    (_X,      _N,         _X,     _X,    _X,      _N,       _N,    _N,         _N,    _N,    UNHOMED, _X),  # FAULT
    (_N,      _N,         _N,     _N,    _N,      _N,       _N,    _N,         _N,    _N,    _N,      _N),  # POWER_DOWN
    (_X,      RETRACTING, _X,     _X,    _X,      UNHOMED,  _X,    RETRACTING, FAULT, _X,    _N,      _X),  # GAUGING
)

LONGEST_RUN_MS = const(30000)
EXTENDED_MS = const(400)  # needles out without coming home; the slowest stroke takes 125 ms
PERMIT_MS = const(20)
RAIL_LOW_MV = const(9800)
RAIL_LOW_MS = const(60)
BATTERY_START_MV = const(7000)
BATTERY_STOP_MV = const(6200)
BATTERY_LOW_MS = const(300)
BATTERY_LEAST_MV = const(4000)  # below, the logic would not run: the sense input is broken
BATTERY_MOST_MV = const(9000)  # two cells have 8.4 V at most
RAIL_MOST_MV = const(14000)  # the boost makes 12 V
SENSE_MS = const(300)  # a supply reading outside these is believed after so long
WARN_DC = const(600)  # tenths of a degree Celsius
DERATE_DC = const(700)  # from here on the stroke rate is the zone's lowest
STOP_DC = const(800)
COOL_DC = const(650)
PLAUSIBLE_LOW_DC = const(-200)
PLAUSIBLE_HIGH_DC = const(1500)
HOMING_MS = const(8000)  # the longest homing takes 3 s
STOPPING_MS = const(1000)  # the slowest stroke takes 0.3 s
RETRACTING_MS = const(2500)  # a stroke that does not come home is waited for 0.4 s, a retract takes 0.7 s
GAUGE_REACH_UM = const(3100)  # outward from the home edge: to the farthest extension, on any pen that can be calibrated
GAUGE_FAR_UM = const(2550)  # past the guide plane: 50 um more than strokes may, so that the gauge sees all they may
_TIMER_MOST_MS = const(0x10000000)

# ticks.diff's and ticks.add's constants: written out in what every stroke and every pass of the loop does
_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)
_NONE = faults.NONE
_GRANTED = faults.GRANTED
_int = int  # a builtin is looked for in this module first, and then among all others: 2000 cycles on the chip
_type = type


class Readings:
    """One snapshot of what the pen senses. Filled in place by the loop; integers only."""

    def __init__(self):
        self.trigger_no = 0  # 1: the normally open contact is closed
        self.trigger_nc = 1  # 1: the normally closed contact is closed
        self.interlock = 0  # 1: a cartridge is seated
        self.power_ok = 0
        self.home = 0
        self.drive_on = 0  # what the EN_N pad says
        self.temp_dc = 250
        self.battery_mv = 0
        self.rail_mv = 0
        self.extension_um = 0  # by the encoder


class Permit:
    """The yes to one stroke: to which depth, in which zone, until when. `spend` works once.

    With `static` it is the yes to one static move: `depth_um` outward from the home edge and no further.
    """

    def __init__(self):
        self.depth_um = 0
        self.ceiling_um = 0
        self.zone = 0
        self.static = False
        self._expires_ms = 0
        self._open = False

    def issue(self, zone: int, depth_um: int, ceiling_um: int, now_ms: int):
        """ValueError, and no permit, unless all are integers and 0 < depth <= ceiling <= the zone's highest cap."""
        self._open = False
        if not _depth_allowed(zone, depth_um, ceiling_um):
            raise ValueError("no permit for %r um under %r um in zone %r" % (depth_um, ceiling_um, zone))
        self.static = False
        self.zone = zone
        self._begin(depth_um, ceiling_um, now_ms)

    def issue_static(self, reach_um: int, far_um: int, now_ms: int):
        """ValueError, and no permit, unless both are within what a static move may have."""
        self._open = False
        if not _reach_allowed(reach_um, far_um):
            raise ValueError("no permit for %r um from home, %r um out" % (reach_um, far_um))
        self.static = True
        self.zone = 0  # the one in which no stroke is allowed
        self._begin(reach_um, reach_um, now_ms)

    def _begin(self, depth_um, ceiling_um, now_ms):
        self.depth_um = depth_um
        self.ceiling_um = ceiling_um
        self._expires_ms = ticks.add(now_ms, PERMIT_MS)
        self._open = True

    def revoke(self):
        self._open = False

    @micropython.native
    def spend(self, now_ms: int) -> bool:
        """True if the permit is good now; it is not good a second time."""
        was_open = self._open
        self._open = False  # first: whatever comes of a wrong time, the permit is gone
        return was_open and ((self._expires_ms - now_ms & _MASK) ^ _HALF) - _HALF > 0


def _most_um(zone):
    """What a zone may have with a supervisor, in um. ValueError if there is no such zone."""
    return min(depth.zone(zone).supervised_cap_um, depth.BUILD_CEILING_UM)


def _depth_allowed(zone, depth_um, ceiling_um):
    """Integers in order, the ceiling within what the zone may have with a supervisor. False for any other type."""
    # bool is a kind of int, a float compares like one: only the type itself tells
    if type(depth_um) is not int or type(ceiling_um) is not int:
        return False
    return 0 < depth_um <= ceiling_um <= _most_um(zone)


def _reach_allowed(reach_um, far_um):
    """Integers, outward, and neither the way nor what may stand out at its end is too much."""
    if type(reach_um) is not int or type(far_um) is not int:
        return False
    return 0 < reach_um <= GAUGE_REACH_UM and far_um <= GAUGE_FAR_UM


class Timer:
    """How long a condition has held without a break, in ms, up to _TIMER_MOST_MS (three days)."""

    def __init__(self):
        self._since_ms = 0
        self._on = False

    @micropython.native
    def held_ms(self, condition, now_ms: int) -> int:
        if not condition:
            self._on = False
            return 0
        if not self._on:
            self._on = True
            self._since_ms = now_ms
            return 0
        held_ms = ((now_ms - self._since_ms & _MASK) ^ _HALF) - _HALF
        if held_ms > _TIMER_MOST_MS:  # kept well inside the range of a difference
            held_ms = _TIMER_MOST_MS
            self._since_ms = ticks.add(now_ms, -held_ms)
        return held_ms


class Safety:
    """One per pen. `on_state(state)` hears of every new state, `on_fault(code)` of the fault that latched."""

    def __init__(self, on_state, on_fault):
        self.state = BOOT
        self.fault = faults.NONE
        self.pressed = False  # the trigger, both contacts considered
        self.permit = Permit()
        self.calibrated = False
        self.cartridge_ok = False
        self.gauge_tip = False  # seated instead of a cartridge
        self.technician = False  # has proven the key
        self.gauging = False  # static moves may be asked for
        self.driver_warm = 0  # 1: the motor driver says that it is itself too warm
        self.zone = 0
        self.max_um = 0  # effective maximum of the session; 0: no session
        self.time_up = False
        self.to_read = False  # the display does not show the session, but a page that somebody has to read first
        self._most_um = 0  # what its zone may have at all
        self._on_state = on_state
        self._on_fault = on_fault
        self._for_service = faults.NONE  # the first of its remedy that came behind one of another remedy
        self._for_restart = faults.NONE
        self._release_seen = False
        self._refusing = faults.GRANTED  # why no permit is given until the trigger was released
        self._contacts = Evidence(inputs.CONTACTS_READINGS, inputs.CONTACTS_MS)
        self._down_for = Evidence(inputs.PRESS_READINGS, inputs.PRESS_MS)
        self._open_for = Evidence(inputs.RELEASE_READINGS, inputs.RELEASE_MS)
        self._power = Evidence(inputs.POWER_READINGS, inputs.POWER_MS)
        self._loop = Evidence(inputs.LOOP_READINGS, inputs.LOOP_MS)
        self._run = Timer()
        self._extended = Timer()
        self._rail = Timer()
        self._battery = Timer()
        self._battery_sense = Timer()
        self._rail_sense = Timer()
        self._homing = Timer()
        self._stopping = Timer()
        self._retracting = Timer()

    # -- session ------------------------------------------------------------------------------------

    def open_session(self, zone: int, max_um: int):
        """Strokes may go to `max_um` in `zone`, once the trigger is seen released.

        ValueError, and no session, unless READY (a zone is not changed in a run) and the zone allows so much.
        """
        if self.state != READY or self.gauging:
            raise ValueError("a session opens only when the pen is ready, and not while it is gauged")
        self.close_session()
        if not _depth_allowed(zone, max_um, max_um):
            raise ValueError("zone %r does not allow %r um" % (zone, max_um))
        self.zone = self.permit.zone = zone
        self.max_um = max_um
        self._most_um = _most_um(zone)
        self.time_up = False
        self._release_seen = False

    def close_session(self):
        self.max_um = 0
        self.permit.revoke()

    # -- gauging ------------------------------------------------------------------------------------

    def open_gauge(self, readings) -> int:
        """Static moves may be asked for, once the trigger is seen released. GRANTED, or why not.

        At rest only, without a session, by a technician, with the gauge tip seated. A pen that stands blocked for
        want of a calibration is let go for it, without a fault, to no other end.
        """
        reason = self._gauge_refusal(readings)
        if reason != faults.GRANTED:
            return reason
        self.gauging = True
        if self.fault != faults.NONE:
            self.gauging = self.clear(readings, True)  # no, if a restart is asked for behind it
        self._release_seen = False
        return faults.GRANTED if self.gauging else faults.REFUSED_STATE

    def _gauge_refusal(self, readings):
        uncalibrated = self.fault == faults.CALIBRATION_MISSING or self.fault == faults.CALIBRATION_CORRUPT
        if self.fault != faults.NONE:
            if not uncalibrated or (self.state != BLOCKED and self.state != FAULT):
                return faults.REFUSED_STATE
        elif self.state != READY and self.state != UNHOMED:
            return faults.REFUSED_STATE
        if self.max_um != 0:
            return faults.REFUSED_SESSION
        if self.pressed or readings.trigger_no != 0 or readings.trigger_nc != 1:
            return faults.REFUSED_RELEASE_FIRST
        return self._gauge_proof(readings)

    def _gauge_proof(self, readings):
        if self.technician is not True:
            return faults.REFUSED_TECHNICIAN
        if self.gauge_tip is not True:
            return faults.REFUSED_GAUGE_TIP
        if readings.interlock != 1:
            return faults.REFUSED_INTERLOCK
        return faults.GRANTED

    def close_gauge(self):
        """No further static move; a tip that stands out is let come home."""
        self.gauging = False
        self.permit.revoke()
        if self.state == GAUGING:
            self.event(RELEASE)

    # -- the state machine --------------------------------------------------------------------------

    def event(self, event: int) -> int:
        """Apply one event and return the state. An event that cannot be is an internal fault."""
        if event == CLEAR and self.fault != faults.NONE:
            return self.state  # only `clear`, which looks at the remedy, lets go of a latched fault
        target = TRANSITIONS[self.state][event]
        if target == _BAD:
            self._latch(faults.INTERNAL)
            target = FAULT
        if target != _STAY and target != self.state:
            self.state = target
            if target != RUNNING and target != GAUGING:
                self.permit.revoke()
            self._on_state(target)
        return self.state

    def trip(self, code: int):
        """Report a fault. The first one latches; each one is acted on by what its row of the table says."""
        act = faults.act(code)
        self._latch(code)
        self.permit.revoke()
        if act == faults.RETRACT:
            self.event(FAULT_RETRACT)
        elif act == faults.STOP:
            self.event(FAULT_STOP)
        else:
            self.event(BLOCK)

    def _latch(self, code):
        self.gauging = False
        if self.fault == faults.NONE:
            self.fault = code
            self._on_fault(code)
            return
        remedy = faults.remedy(code)
        if remedy == faults.remedy(self.fault):
            return
        if remedy == faults.BY_SERVICE and self._for_service == faults.NONE:
            self._for_service = code
        elif remedy == faults.BY_RESTART and self._for_restart == faults.NONE:
            self._for_restart = code
        else:
            return
        self._on_fault(code)

    def power_gone(self):
        """The retract on hold-up is done and the supply still failing: nothing more until a restart."""
        self.permit.revoke()
        if self.state != POWER_DOWN:
            self.state = POWER_DOWN
            self._on_state(POWER_DOWN)

    def clear(self, readings, service: bool = False) -> bool:
        """The user asks to clear the fault. True when its remedy holds and nothing is latched any more.

        A fault behind it that asks for another remedy latches in its place: one for service, then one for a restart.
        """
        if self.state != FAULT and self.state != BLOCKED:
            return False
        if self.fault == faults.NONE or not self.cause_gone(readings):
            return False
        remedy = faults.remedy(self.fault)
        if remedy == faults.BY_RESTART or (remedy == faults.BY_SERVICE and not service):
            return False
        behind = self._for_service or self._for_restart
        self.fault = faults.NONE
        self._for_service = faults.NONE
        if behind != faults.NONE:
            self._latch(behind)
            return False
        self._release_seen = False
        self.event(CLEAR)
        return True

    def cause_gone(self, readings) -> bool:
        """Whether what the latched fault was about is over, as far as the readings can tell."""
        code = self.fault
        if code == faults.CALIBRATION_MISSING or code == faults.CALIBRATION_CORRUPT:
            return self.calibrated is True or self.gauging  # a pen is gauged for want of one
        if code == faults.NTC:
            return PLAUSIBLE_LOW_DC <= readings.temp_dc <= PLAUSIBLE_HIGH_DC
        if code == faults.BATTERY_SENSE:
            return BATTERY_LEAST_MV <= readings.battery_mv <= BATTERY_MOST_MV
        if code == faults.RAIL_SENSE:
            return RAIL_LOW_MV <= readings.rail_mv <= RAIL_MOST_MV
        if code == faults.TRIGGER_STUCK or code == faults.TRIGGER_CONTACTS:
            return readings.trigger_no == 0 and readings.trigger_nc == 1
        if code == faults.MOTOR_HOT or code == faults.DRIVER_HOT:
            return readings.temp_dc <= COOL_DC and not (code == faults.DRIVER_HOT and self.driver_warm)
        if code == faults.BATTERY_LOW:
            return BATTERY_START_MV <= readings.battery_mv <= BATTERY_MOST_MV
        if code == faults.RAIL_LOW or code == faults.DRIVER_SUPPLY:
            return readings.rail_mv >= RAIL_LOW_MV
        return True

    def service_fault(self) -> int:
        """The fault that only service clears, latched or waiting behind the latched one; faults.NONE without."""
        if self.fault != faults.NONE and faults.remedy(self.fault) == faults.BY_SERVICE:
            return self.fault
        return self._for_service

    # -- watching -----------------------------------------------------------------------------------

    @micropython.native
    def update(self, readings, now_ms: int) -> bool:
        """Look at one snapshot; trips what it finds. Called every pass of the loop, moving or not.

        True while a reading is not as it should be and has not lasted long enough: look again soon.
        A timer whose condition does not hold and that does not run is left alone: asking it costs more than all else.
        """
        doubt = self._watch_trigger(readings, now_ms)
        state = self.state
        if state == BOOT:
            return doubt
        moving = state == RUNNING or state == STOPPING or state == HOMING or state == GAUGING
        if self._watch_supply(readings, moving, now_ms):
            doubt = True
        temp_dc = readings.temp_dc
        if temp_dc >= STOP_DC and temp_dc <= PLAUSIBLE_HIGH_DC:
            if self.state != FAULT and self.state != BLOCKED:
                self.trip(faults.MOTOR_HOT)
        elif not PLAUSIBLE_LOW_DC <= temp_dc <= PLAUSIBLE_HIGH_DC:
            self.trip(faults.NTC)
        state = self.state
        strokes = state == RUNNING or state == STOPPING
        pulled = (strokes or state == GAUGING) and not readings.interlock
        if pulled or self._loop.count:
            if self._loop.enough(pulled, now_ms):
                self.trip(faults.CARTRIDGE_PULLED)
            elif pulled:
                doubt = True
                self.permit._open = False
        if self.gauging and (self.technician is not True or self.gauge_tip is not True):
            self.close_gauge()
        out = strokes and readings.extension_um > 0
        if (out or self._extended._on) and self._extended.held_ms(out, now_ms) >= EXTENDED_MS:
            self.trip(faults.EXTENDED)
        self._watch_ends(now_ms)
        return doubt

    @micropython.native
    def _watch_ends(self, now_ms):
        """What the motor has to bring to an end and did not: without the drive nothing goes on."""
        homing = self.state == HOMING
        if (homing or self._homing._on) and self._homing.held_ms(homing, now_ms) >= HOMING_MS:
            self.trip(faults.HOMING)
        stopping = self.state == STOPPING
        if (stopping or self._stopping._on) and self._stopping.held_ms(stopping, now_ms) >= STOPPING_MS:
            self.trip(faults.INTERNAL)
        retracting = self.state == RETRACTING
        if (retracting or self._retracting._on) and (
                self._retracting.held_ms(retracting, now_ms) >= RETRACTING_MS):
            self.trip(faults.INTERNAL)

    @micropython.native
    def _watch_trigger(self, readings, now_ms) -> bool:
        closed = readings.trigger_no
        agree = closed == readings.trigger_nc
        doubt = False
        if agree or self._contacts.count:
            if not self._contacts.enough(agree, now_ms):
                doubt = agree
            elif self.state != FAULT:
                self.trip(faults.TRIGGER_CONTACTS)
        down = not agree and closed == 1
        if down or self._down_for.count:
            if self._down_for.enough(down, now_ms):
                self.pressed = True
            elif down:
                doubt = True
        # `ask` refuses from the first open reading on; this only ends the bounce
        if not self._open_for.enough(not down, now_ms):
            if not down:
                doubt = True
        else:
            self.pressed = False
            if not agree:
                self._release_seen = True
                self._refusing = faults.GRANTED
        state = self.state
        running = state == RUNNING or state == GAUGING
        if (running or self._run._on) and self._run.held_ms(running, now_ms) >= LONGEST_RUN_MS:
            self._refusing = faults.REFUSED_RUN_TOO_LONG
            self.event(RELEASE)
        if (self.state == RUNNING or self.state == GAUGING) and not self.pressed:
            self.event(RELEASE)
        return doubt

    @micropython.native
    def _watch_supply(self, readings, moving, now_ms) -> bool:
        doubt = failing = not readings.power_ok
        if failing or self._power.count:
            if self._power.enough(failing, now_ms):
                self.trip(faults.POWER_FAIL)
                return False
            self.permit._open = False
        low = moving and readings.rail_mv < RAIL_LOW_MV
        if (low or self._rail._on) and self._rail.held_ms(low, now_ms) >= RAIL_LOW_MS:
            self.trip(faults.RAIL_LOW)
        low = moving and readings.battery_mv < BATTERY_STOP_MV
        if (low or self._battery._on) and self._battery.held_ms(low, now_ms) >= BATTERY_LOW_MS:
            self.trip(faults.BATTERY_LOW)
        # at rest a low reading is judged at boot and by the gate of each run; a high one would blind both
        high = readings.battery_mv > BATTERY_MOST_MV
        if (high or self._battery_sense._on) and self._battery_sense.held_ms(high, now_ms) >= SENSE_MS:
            self.trip(faults.BATTERY_SENSE)
        high = readings.rail_mv > RAIL_MOST_MV
        if (high or self._rail_sense._on) and self._rail_sense.held_ms(high, now_ms) >= SENSE_MS:
            self.trip(faults.RAIL_SENSE)
        return doubt

    def end_run(self):
        """No further stroke until the trigger was released."""
        self._refusing = faults.REFUSED_RUN_TOO_LONG
        self.event(RELEASE)

    def held_at_rest(self) -> bool:
        """The trigger is down and no release was seen since boot, the last fault or the session's opening."""
        return self.pressed and not self._release_seen

    # -- permits ------------------------------------------------------------------------------------

    @micropython.native
    def ask(self, depth_um: int, readings, now_ms: int) -> int:
        """Ask for one stroke to `depth_um`. GRANTED fills `self.permit`; else the reason of faults.REFUSALS."""
        permit = self.permit
        permit._open = False
        state = self.state
        ceiling_um = self.max_um
        if self.fault != _NONE or (state != RUNNING and state != READY):
            return faults.REFUSED_STATE
        if self.calibrated is not True:
            return faults.REFUSED_CALIBRATION
        if _type(ceiling_um) is not _int or ceiling_um <= 0:
            return faults.REFUSED_SESSION
        if self.time_up is not False:
            return faults.REFUSED_TIME
        if self.to_read is not False:
            self._refusing = faults.REFUSED_PAGE  # pulled before it was read: let go, read it, pull again
            return faults.REFUSED_PAGE
        if self.cartridge_ok is not True:
            return faults.REFUSED_CARTRIDGE
        if readings.interlock != 1:
            return faults.REFUSED_INTERLOCK
        if _type(depth_um) is not _int or not 0 < depth_um <= ceiling_um <= self._most_um:
            return faults.REFUSED_DEPTH
        reason = _hand_and_supply(self, readings)
        if reason == _GRANTED:
            if permit.static is not False:  # the last one was for a static move; else its zone is the session's
                permit.static = False
                permit.zone = self.zone
            permit.depth_um = depth_um
            permit.ceiling_um = ceiling_um
            permit._expires_ms = (now_ms - _HALF + PERMIT_MS & _MASK) ^ _HALF
            permit._open = True
            if state == READY:
                self.event(START)
        return reason

    def ask_static(self, reach_um: int, far_um: int, readings, now_ms: int) -> int:
        """Ask for one static move of the gauge tip. GRANTED fills `self.permit`; else the reason of faults.REFUSALS.

        `reach_um`: how far outward from the home edge; `far_um`: how far the tip may then stand out past the guide
        plane at the most, by what is known of the pen.
        """
        self.permit.revoke()
        reason = self._static_refusal(reach_um, far_um, readings)
        if reason == faults.GRANTED:
            self.permit.issue_static(reach_um, far_um, now_ms)
            self.event(GAUGE)
        return reason

    def _static_refusal(self, reach_um, far_um, readings):
        if self.fault != faults.NONE or self.state != READY:
            return faults.REFUSED_STATE
        if self.gauging is not True:
            return faults.REFUSED_GAUGING
        reason = self._gauge_proof(readings)
        if reason != faults.GRANTED:
            return reason
        if not _reach_allowed(reach_um, far_um):
            return faults.REFUSED_DEPTH
        return _hand_and_supply(self, readings)


@micropython.native
def _hand_and_supply(core, readings):
    """What any move outward needs: the trigger held, after a release; supply; a motor neither hot nor unknown."""
    if core._refusing != _GRANTED:
        return core._refusing
    if not core._release_seen:
        return faults.REFUSED_RELEASE_FIRST
    if not core.pressed or readings.trigger_no != 1 or readings.trigger_nc != 0:
        return faults.REFUSED_TRIGGER
    battery_mv = readings.battery_mv
    # a run begins only with enough battery; under load it may sag, which `update` watches
    if readings.power_ok != 1 or not battery_mv <= BATTERY_MOST_MV:
        return faults.REFUSED_POWER
    if core.state != RUNNING and not battery_mv >= BATTERY_START_MV:
        return faults.REFUSED_POWER
    if not PLAUSIBLE_LOW_DC <= readings.temp_dc < STOP_DC:
        return faults.REFUSED_TEMPERATURE
    return _GRANTED
