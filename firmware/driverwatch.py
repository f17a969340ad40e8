"""Keeps the motor driver configured and asked for its status, and trips on what it says. A piece at a time.

A driver that does not answer, lost its settings or reports a fault is never driven on; one flag alone that is known
to be false at times has to come in a row.
"""

import faults
import safety
from drivers import tmc2209
from micropython import const

POLL_US = const(1000)
STATUS_US = const(250000)
OPEN_LOAD_TRIES = const(3)  # statuses in a row while moving; one alone can be false (TMC2209 datasheet 5.5.3)
RESETS_MAX = const(5)  # settings lost while they are being made: the flag never goes away
SILENT_TRIES = const(2)  # status requests in a row that may fail; one can be hit by noise


class DriverWatch:
    """One per pen; `run` is the task."""

    def __init__(self, driver, core, needles):
        self._driver = driver
        self._core = core
        self._needles = needles
        self._failures = 0
        self._resets = 0
        self._open_loads = 0
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
        core = self._core
        if not driver.configured and core.state != safety.FAULT and not self._needles.armed():
            driver.configure_begin()
        else:
            driver.request_status()
        self._was = tmc2209.BUSY
        return STATUS_US

    def _judge(self):
        driver = self._driver
        core = self._core
        if core.state == safety.FAULT and core.fault != faults.NONE:
            return
        if driver.status != tmc2209.OK:
            self._failures += 1
            if self._failures > SILENT_TRIES:
                core.trip(faults.DRIVER_SILENT)
                self._failures = 0
            return
        self._failures = 0
        if not driver.valid:
            return
        if driver.reset_seen:
            driver.configured = False
            self._needles.out_of_step()
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
        elif core.state == safety.RUNNING:  # at standstill the flag says nothing, neither way
            self._open_loads = self._open_loads + 1 if driver.open_load else 0
            if self._open_loads >= OPEN_LOAD_TRIES:
                core.trip(faults.DRIVER_OPEN)
