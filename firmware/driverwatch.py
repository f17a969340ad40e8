"""Keeps the motor driver configured and asked for its status, and trips on what it says. A piece at a time.

A driver that does not answer, lost its settings or reports a fault is never driven on. How often it has to say so, and
over what time, is in the table of inputs (rows silent, alarm, open). What is found wrong with the motion is asked of
the driver first: bridges that it has switched off look like a jam, a slip or a dead sensor.
"""

import faults
import inputs
import safety
import ticks
from drivers import tmc2209
from inputs import Answers
from micropython import const

POLL_US = const(1000)
STATUS_US = inputs.OPEN_MS * 1000 // (inputs.OPEN_READINGS - 1)
AGAIN_US = inputs.SILENT_MS * 1000 // (inputs.SILENT_READINGS - 1)  # after a request that failed
ASK_TRIES = const(3)  # when the motion was found wrong
ASK_US = const(80000)  # no longer, over a wire that is disturbed
RESETS_MAX = const(5)  # settings lost while they are being made: the flag never goes away
_MOTION = (faults.SLIP, faults.ENCODER, faults.HOME_SENSOR, faults.HOMING, faults.JAM)


class DriverWatch:
    """One per pen; `run` is the task, `trip` for its motor to call."""

    def __init__(self, pen, ticks_us):
        self._driver = pen.driver
        self._core = pen.safety
        self._pen = pen
        self._ticks_us = ticks_us
        self._resets = 0
        self._silent = Answers(inputs.SILENT_READINGS, inputs.SILENT_MS)
        self._alarm = Answers(inputs.ALARM_READINGS, inputs.ALARM_MS)
        self._open = Answers(inputs.OPEN_READINGS, inputs.OPEN_MS)
        self._was = 0

    def run(self, now_us: int) -> int:
        """Carry on with what is under way, or begin the next; us until it wants to run again."""
        driver = self._driver
        if driver.needs_poll:
            driver.poll(now_us)
            return POLL_US
        if self._was == tmc2209.BUSY:
            self._was = driver.status
            self._judge()
        alarm = self._alarm.count
        if not driver.configured and not alarm and not self._pen.motor.armed():
            driver.configure_begin()
        else:
            driver.request_status()
        self._was = tmc2209.BUSY
        if alarm:
            return POLL_US
        return AGAIN_US if self._silent.count else STATUS_US

    def trip(self, code: int):
        """Trip on what was found wrong with the motion, or on the driver instead if that was off.

        Waits for the driver's answer, 3 ms, and 30 at most if none comes; if it is off, until that is sure, 80 ms at
        most. Nothing further begins meanwhile.
        """
        core = self._core
        before = core.fault
        if code in _MOTION:
            tries = ASK_TRIES
            began_us = self._ticks_us()
            while tries and core.fault == before and ticks.diff(self._ticks_us(), began_us) < ASK_US:
                self._ask()
                if self._alarm.count:
                    continue
                if self._driver.status == tmc2209.OK:
                    break
                tries -= 1
        if core.fault == before:
            core.trip(code)

    def _ask(self):
        driver = self._driver
        driver.request_status()
        while driver.needs_poll:
            driver.poll(self._ticks_us())
        self._was = driver.status
        self._judge()

    def _judge(self):
        driver = self._driver
        core = self._core
        told = core.state == safety.FAULT and core.fault != faults.NONE
        silent = driver.status != tmc2209.OK
        now_ms = self._pen.ticks_ms()
        if self._silent.enough(silent and not told, now_ms):
            self._silent.count = 0
            core.trip(faults.DRIVER_SILENT)
        if told:
            self._alarm.count = 0
        if silent or not driver.valid:
            return
        core.driver_warm = driver.overtemp_warning
        if driver.reset_seen and (core.state == safety.BOOT or core.state == safety.UNHOMED):
            self._lost()
            return
        alarm = driver.reset_seen or driver.short or driver.overtemp or driver.undervoltage or driver.driver_error
        if not told and not self._alarm.enough(alarm, now_ms):
            if not alarm:
                self._resets = 0
                self._watch_load(now_ms)
            return
        if driver.driver_error:
            driver.configured = False  # it keeps saying so until that is written away, which configuring does
        if told:
            return
        self._alarm.count = 0
        if driver.reset_seen:
            self._lost()
            core.trip(faults.DRIVER_RESET)
        elif driver.short:
            core.trip(faults.DRIVER_SHORT)
        elif driver.overtemp:
            core.trip(faults.DRIVER_HOT)
        elif driver.undervoltage:
            core.trip(faults.DRIVER_SUPPLY)
        else:  # it was off and let go of that since: of a short when EN_N goes high
            core.trip(faults.DRIVER_HOT if driver.overtemp_warning else faults.DRIVER_SHORT)

    def _lost(self):
        """The driver has its power-on registers, and its field is somewhere else."""
        self._driver.configured = False
        self._pen.motor.out_of_step()
        self._resets += 1
        if self._resets > RESETS_MAX:
            self._resets = 0
            self._core.trip(faults.DRIVER_RESET)

    def _watch_load(self, now_ms):
        """At standstill the flag says nothing, neither way; in motion one alone can be false (datasheet 5.5.3)."""
        running = self._core.state == safety.RUNNING
        if running and self._open.enough(self._driver.open_load, now_ms):
            self._core.trip(faults.DRIVER_OPEN)
