"""Has the motor do what the safety core's state asks for: home, park, retract, nothing.

The core decides, the motor moves, this stands between. A fault leads to the needles in and the drive off, or to the
drive off at once; nothing here moves outward but homing.
"""

import carriage
import faults
import micropython
import safety
from heap import tidy
from micropython import const

# What is known of the needles at rest after a fault
NEEDLES_IN = const(0)  # two witnesses say so
RETRYING = const(1)  # something does, and they are pulled in, or will be in a moment
NEEDLES_OUT = const(2)  # and nothing more is done about it here

# at rest; with 1.3 s for a retract that a jam holds up, the third ends within 8 s
RETRACTS = const(3)
OUT_MS = const(60)  # so long something has to say that they are out; a loop that is closed for so long is one
PAUSE_MS = const(1000)  # before the second, twice that before the third: a jam may let go, a supply come back
PASSED_MS = const(300)  # what stood in the way for so long begins the count anew once it has passed


class Follow:
    """One per pen. `entered()` on every new state; `hurry()` wakes the motor.

    `gate_proven()` says whether the gate was seen to refuse a step since the start, and tries it if not;
    `load_calibration()` says which fault stands in the way of a calibration that the self-test has not come to;
    `page_stands()` whether the display's page is the one of this state.
    `referenced`: the pen was homed since the start, and both witnesses of where the needles are still stand.
    """

    def __init__(self, core, needles, readings, driver, hurry, gate_proven, load_calibration, page_stands):
        self._core = core
        self._needles = needles
        self._readings = readings
        self._driver = driver
        self._hurry = hurry
        self._gate_proven = gate_proven
        self._load_calibration = load_calibration
        self._page_stands = page_stands
        self._coming_home = safety.Timer()
        self._entered = False
        self._tidied = False
        self.referenced = False
        self._retract_tried = False
        self._retracts = 0  # at rest, since the state was entered
        self._out_for = safety.Timer()
        self._hindered_for = safety.Timer()
        self._hindered = False

    def entered(self):
        self._entered = True
        self._retract_tried = False
        self._retracts = 0

    def discredit(self, code: int):
        """A fault that leaves only one witness, or none, of where the needles are."""
        if code == faults.ENCODER or code == faults.HOME_SENSOR:
            self.referenced = False

    @micropython.native
    def run(self, now_us: int, now_ms: int):
        """Have the motor do what the state asks for."""
        core = self._core
        state = core.state
        needles = self._needles
        entered = self._entered
        self._entered = False  # a change made below is seen on the next pass
        if state == safety.FAULT or state == safety.BLOCKED or state == safety.POWER_DOWN:
            if entered:
                needles.abandon()
                if core.fault == faults.POWER_FAIL and state == safety.FAULT:
                    core.power_gone()
            elif state != safety.POWER_DOWN:
                self._retract_at_rest(now_us, now_ms)
        elif state == safety.RETRACTING:
            self._retract(now_us, now_ms)
        elif state == safety.UNHOMED:
            if entered and needles.armed():
                needles.abandon()  # from a static move: whatever is under way, the trigger was let go
            if not core.calibrated and not core.gauging:
                code = self._load_calibration()
                if code != faults.NONE:
                    core.trip(code)
                    return
            if entered:
                self._tidied = False
            if self._readings.interlock and self._driver.configured and self._gate_proven():
                if not self._tidied:  # what the panel draws while needles find home has room then
                    self._tidied = True
                    tidy()
                    return
                if not self._page_stands():  # it says to keep off the skin, and is not drawn while needles move
                    return
                self.referenced = False
                core.event(safety.HOME)
                if not needles.start_home(now_us):
                    core.trip(faults.HOMING)
                self._hurry()
        elif state == safety.HOMING:
            if needles.homed and needles.doing == carriage.IDLE:
                needles.rest()
                self.referenced = True
                core.event(safety.HOMED)
        elif state == safety.STOPPING:
            if needles.doing == carriage.IDLE:
                needles.rest()
                core.event(safety.PARKED)

    def needles(self) -> int:
        """What is known of the needles: NEEDLES_IN, RETRYING or NEEDLES_OUT. Only meaningful after a fault."""
        if self._needles.retracting():
            return RETRYING
        if not self._left_out():
            return NEEDLES_IN
        return RETRYING if self._retracts < RETRACTS and self._may_retract() else NEEDLES_OUT

    def _left_out(self):
        needles = self._needles
        return needles.doing == carriage.IDLE and not needles.retracted and needles.out()

    def _may_retract(self):
        """Nothing stands in the way: what the fault left out is brought in once the loop is closed again."""
        core = self._core
        readings = self._readings
        if not readings.interlock or not readings.power_ok or not self._driver.configured or self._driver_off():
            return False
        if core.fault == faults.GATE:
            return readings.drive_on == 1  # nothing can switch it off
        behind = core.service_fault()
        return faults.needles(core.fault) <= faults.LOOP_OPEN and (
            behind == faults.NONE or faults.needles(behind) <= faults.LOOP_OPEN)

    def _driver_off(self):
        """The driver says that it has no torque to give: it comes back by itself, cool or with its charge pump up."""
        driver = self._driver
        return driver.valid and (driver.overtemp or driver.undervoltage)

    def _has_passed(self, now_ms):
        """What kept a retract from succeeding stood in the way for a while, and has just gone."""
        readings = self._readings
        hindered = not readings.interlock or readings.rail_mv < safety.RAIL_LOW_MV or self._driver_off()
        if self._hindered_for.held_ms(hindered, now_ms) >= PASSED_MS:
            self._hindered = True
        passed = self._hindered and not hindered
        if passed:
            self._hindered = False
        return passed

    def _retract_at_rest(self, now_us, now_ms):
        """At rest with the needles out: bring them in, whatever else is wrong; RETRACTS times at most.

        So it is after a reset in mid-stroke, after a loop that was open for a moment, when the carriage ran out without
        a cartridge and a new one is fitted onto it, when nothing can switch the drive off, and when a retract did not
        end by two witnesses. What kept it from succeeding begins the count anew once it has passed.
        """
        if self._has_passed(now_ms):
            self._retracts = 0
        out_ms = self._out_for.held_ms(self._left_out() and self._may_retract(), now_ms)
        if out_ms < max(OUT_MS, PAUSE_MS * self._retracts) or self._retracts >= RETRACTS:
            return
        self._retracts += 1
        if self._needles.start_retract(faults.NONE, now_us):
            self._hurry()

    def _retract(self, now_us, now_ms):
        """A stroke under way comes home by itself; if it did not, or there was none, bring the needles in."""
        needles = self._needles
        stroke = needles.doing == carriage.OUT or needles.doing == carriage.IN
        waited_ms = self._coming_home.held_ms(stroke, now_ms)
        if needles.retracting() or (
                stroke and self._readings.drive_on and waited_ms < safety.EXTENDED_MS):
            return
        if needles.doing != carriage.IDLE:
            # the gate has switched off or the stroke came to no end; a homing would go outward once more
            needles.abandon()
        if not needles.retracted and not self._retract_tried:
            self._retract_tried = True
            if needles.start_retract(self._core.fault, now_us):
                self._hurry()
                return
        needles.rest()
        self._core.event(safety.RETRACTED)
