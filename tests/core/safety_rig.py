"""A safety core with healthy readings and a clock, and the ways into each of its states.

Every way uses only what the pen's loop uses: events, trips, readings and time.
"""

from sim.space import shim

safety, faults, depth, inputs = shim("safety"), shim("faults"), shim("depth"), shim("inputs")

WRAP = 1 << 30  # the ticks of the chip
# a fresh boot, mid-range, and just before the half and the end of the range
STARTS_MS = [0, 123_456, (WRAP >> 1) - 5, WRAP - 1, WRAP - 30, WRAP - 15_000]

CHEEK = 6
MAX_UM = 1000
STATES = range(len(safety.STATE_NAMES))
EVENTS = range(len(safety.EVENT_NAMES))


def healthy():
    readings = safety.Readings()
    readings.interlock = readings.power_ok = readings.home = 1
    readings.battery_mv, readings.rail_mv = 7800, 12000
    return readings


class Rig:
    """One safety core. `step` passes time one update at a time."""

    def __init__(self, start_ms=0):
        self.now_ms = start_ms % WRAP
        self.states, self.latched = [], []
        self.core = safety.Safety(self.states.append, self.latched.append)
        self.readings = healthy()

    def step(self, ms=1, every_ms=1):
        """Pass `ms`, looking at the readings every `every_ms`."""
        for _ in range(ms // every_ms):
            self.now_ms = (self.now_ms + every_ms) % WRAP
            self.core.update(self.readings, self.now_ms)
        return self

    def trigger(self, normally_open, normally_closed):
        self.readings.trigger_no, self.readings.trigger_nc = normally_open, normally_closed
        return self

    def press(self, ms=21):
        """Held for as long as a press has to last: the first look starts the time."""
        return self.trigger(1, 0).step(ms)

    def release(self, ms=20):
        return self.trigger(0, 1).step(ms)

    def ask(self, depth_um=500):
        return self.core.ask(depth_um, self.readings, self.now_ms)

    def ready(self):
        """Homed, with a session open and a release seen."""
        core = self.core
        self.release()
        core.event(safety.TESTED)
        core.event(safety.HOME)
        core.event(safety.HOMED)
        core.calibrated = core.cartridge_ok = True
        core.open_session(CHEEK, MAX_UM)
        return self.release()

    def gauged(self):
        """Homed, with the gauge tip in, a technician at the pen, and a release seen; no calibration."""
        core = self.core
        self.release()
        core.event(safety.TESTED)
        core.technician = core.gauge_tip = True
        assert core.open_gauge(self.readings) == faults.GRANTED
        core.event(safety.HOME)
        core.event(safety.HOMED)
        return self.release()

    def ask_static(self, reach_um=1000, far_um=1300):
        return self.core.ask_static(reach_um, far_um, self.readings, self.now_ms)

    def gauging(self):
        """The gauge tip stands out."""
        self.gauged().press()
        assert self.ask_static() == faults.GRANTED
        return self.step()

    def running(self):
        """Two passes into a run."""
        self.ready().press()
        assert self.ask() == faults.GRANTED
        return self.step()

    def enter(self, state):
        """Bring a fresh core into a state."""
        core = self.core
        if state in (safety.BLOCKED, safety.UNHOMED, safety.HOMING):
            self.release()
        if state == safety.BLOCKED:
            core.trip(faults.DISPLAY)
        if state in (safety.UNHOMED, safety.HOMING):
            core.event(safety.TESTED)
        if state == safety.HOMING:
            core.event(safety.HOME)
        if state == safety.READY:
            self.ready().press()
        if state in (safety.RUNNING, safety.STOPPING, safety.RETRACTING):
            self.running()
        if state == safety.STOPPING:
            core.event(safety.RELEASE)
        if state == safety.GAUGING:
            self.gauging()
        if state == safety.RETRACTING:
            core.trip(faults.SLIP)
        if state == safety.FAULT:
            self.ready()
            core.trip(faults.SLIP)
        if state == safety.POWER_DOWN:
            self.ready()
            core.power_gone()
        assert core.state == state
        return self
