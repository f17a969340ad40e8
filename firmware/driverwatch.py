"""Keeps the motor driver configured and asked for its status, and trips on what it says. A piece at a time.

A driver that does not answer, lost its settings or reports a fault is never driven on; one flag alone that is known
to be false at times has to come in a row. What is found wrong with the motion is asked of the driver first: bridges
that it has switched off look like a jam, a slip or a dead sensor.
"""

import faults
import inputs
import safety
from drivers import tmc2209
from micropython import const

POLL_US = const(1000)
STATUS_US = const(250000)
AGAIN_US = const(60000)  # after a request that failed
ASK_TRIES = const(3)  # when the motion was found wrong
OPEN_LOAD_TRIES = const(3)  # statuses in a row while moving; one alone can be false (TMC2209 datasheet 5.5.3)
RESETS_MAX = const(5)  # settings lost while they are being made: the flag never goes away
_MOTION = (faults.SLIP, faults.ENCODER, faults.HOME_SENSOR, faults.HOMING, faults.JAM)


class DriverWatch:
    """One per pen; `run` is the task, `trip` for its motor to call."""

    def __init__(self, pen, ticks_us):
        self._driver = pen.driver
        self._core = pen.safety
        self._pen = pen
        self._ticks_us = ticks_us
        self._failures = 0
        self._resets = 0
        self._open_loads = 0
        self._was = 0
        self._unsaid = False

    def run(self, now_us: int) -> int:
        """Carry on with what is under way, or begin the next; us until it wants to run again."""
        driver = self._driver
        if driver.needs_poll:
            driver.poll(now_us)
            return POLL_US
        if self._was == tmc2209.BUSY:
            self._was = driver.status
            self._judge()
        if not driver.configured and not self._unsaid and not self._pen.motor.armed():
            driver.configure_begin()
        else:
            driver.request_status()
        self._was = tmc2209.BUSY
        if self._unsaid:
            return POLL_US
        return AGAIN_US if self._failures else STATUS_US

    def trip(self, code: int):
        """Trip on what was found wrong with the motion, or on the driver instead if that was off.

        Waits for the driver's answer, 3 ms and 30 at most: nothing further begins meanwhile, and what is under way
        comes home without the CPU.
        """
        core = self._core
        before = core.fault
        if code in _MOTION:
            failures = self._failures
            for _ in range(ASK_TRIES):
                self._failures = failures  # so close together they say nothing of a driver that is silent
                self._ask()
                if self._driver.status == tmc2209.OK and not self._unsaid:
                    break
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
        if driver.status != tmc2209.OK:
            if told:
                return
            self._failures += 1
            if self._failures >= inputs.SILENT_READINGS:
                core.trip(faults.DRIVER_SILENT)
                self._failures = 0
            return
        self._failures = 0
        if not driver.valid:
            return
        core.driver_warm = driver.overtemp_warning
        unsaid = driver.driver_error and not (driver.short or driver.overtemp)
        again = self._unsaid
        self._unsaid = unsaid and not told
        if unsaid and not told and not again:
            return  # it shut down between its two answers: the next ones say why
        if driver.driver_error:
            driver.configured = False  # it keeps saying so until that is written away, which configuring does
        if told:
            return
        if driver.reset_seen:
            driver.configured = False
            self._pen.motor.out_of_step()
            self._resets += 1
            settled = core.state != safety.BOOT and core.state != safety.UNHOMED
            if settled or self._resets > RESETS_MAX:
                self._resets = 0
                core.trip(faults.DRIVER_RESET)
            return
        self._resets = 0
        if driver.short:
            core.trip(faults.DRIVER_SHORT)
        elif driver.overtemp:
            core.trip(faults.DRIVER_HOT)
        elif driver.undervoltage:
            core.trip(faults.DRIVER_SUPPLY)
        elif driver.driver_error:  # it was off and let go of that since: of a short when EN_N goes high
            core.trip(faults.DRIVER_HOT if driver.overtemp_warning else faults.DRIVER_SHORT)
        elif core.state == safety.RUNNING:  # at standstill the flag says nothing, neither way
            self._open_loads = self._open_loads + 1 if driver.open_load else 0
            if self._open_loads >= OPEN_LOAD_TRIES:
                core.trip(faults.DRIVER_OPEN)
