"""Random readings, events and time: a permit is never granted unless every single condition holds.

The conditions are written down a second time here, from the hazard table, and the release of the trigger is
tracked apart from the core. What the pen's loop may do at any moment, the machine may do.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from safety_rig import EVENTS, WRAP, Rig, depth, faults, safety

VALUES = {
    "interlock": [0, 1],
    "power_ok": [0, 1],
    "temp_dc": [-9999, -201, -200, 250, 700, 799, 800, 1500, 1501, 9999],
    "battery_mv": [0, 6199, 6200, 6999, 7000, 8400],
    "rail_mv": [0, 9799, 9800, 12000],
    "extension_um": [-120, 0, 1, 2500],
}
READINGS = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name])))
SELDOM = st.integers(0, 19).map(lambda n: n == 7)  # what would end most walks early


class Machine(RuleBasedStateMachine):
    granted = 0

    @initialize(start_ms=st.sampled_from([0, 5000, WRAP - 40, WRAP - 2000]), at_once=st.sampled_from([1, 1, 1, 0]))
    def begin(self, start_ms, at_once):
        self.rig = Rig(start_ms)
        self.core = self.rig.core
        self.release_seen = False
        self.homed = self.pressed = False
        self.up_ms = self.down_ms = -1
        if at_once:
            self.rig.ready()
            self.homed = self.release_seen = True
            self.up_ms = 39  # two releases of 20 ms

    # -- what happens to the pen ---------------------------------------------------------------------

    @rule(reading=READINGS)
    def sense(self, reading):
        setattr(self.rig.readings, *reading)

    @rule()
    def all_well(self):
        for name, value in (
            ("interlock", 1), ("power_ok", 1), ("temp_dc", 250), ("battery_mv", 7800), ("rail_mv", 12000),
            ("extension_um", -120),
        ):  # fmt: skip
            setattr(self.rig.readings, name, value)

    @rule(contacts=st.sampled_from([(1, 0), (0, 1), (1, 0), (0, 1), (0, 0), (1, 1)]), ms=st.integers(1, 60))
    def trigger(self, contacts, ms):
        self.rig.trigger(*contacts)
        self.wait(ms)

    @rule(ms=st.integers(1, 60))
    def wait(self, ms):
        self.rig.step(ms)
        contacts = self.rig.readings.trigger_no, self.rig.readings.trigger_nc
        # since the first look that did not find it pressed, also one before the session was opened
        self.up_ms = -1 if contacts == (1, 0) else self.up_ms + ms
        self.down_ms = self.down_ms + ms if contacts == (1, 0) else -1
        self.pressed = self.down_ms >= 20 or (self.pressed and self.up_ms < 8)
        if self.up_ms >= 8 and contacts == (0, 1):
            self.release_seen = True

    # -- what the loop does --------------------------------------------------------------------------

    @rule()
    def proceed(self):
        """The motor did what the state asks for."""
        after = {
            safety.BOOT: safety.TESTED, safety.UNHOMED: safety.HOME, safety.HOMING: safety.HOMED,
            safety.STOPPING: safety.PARKED, safety.RETRACTING: safety.RETRACTED,
        }  # fmt: skip
        if self.core.state in after:
            self.event(after[self.core.state])

    # CLEAR is what `clear` sends once the remedy holds; see the rule of that name
    @rule(event=st.sampled_from(sorted(set(EVENTS) - {safety.CLEAR})), seldom=SELDOM)
    def any_event(self, event, seldom):
        if seldom:
            self.event(event)

    def event(self, event):
        was = self.core.state
        state = self.core.event(event)
        if was == safety.HOMING and event == safety.HOMED:
            self.homed = True
        if state not in (safety.READY, safety.RUNNING, safety.STOPPING):
            self.homed = False

    @rule(code=st.sampled_from(sorted(faults.TABLE)), seldom=SELDOM)
    def trip(self, code, seldom):
        if seldom:
            self.core.trip(code)

    @rule(service=st.booleans())
    def clear(self, service):
        if self.core.clear(self.rig.readings, service):
            self.release_seen = self.homed = False

    @rule(name=st.sampled_from(["calibrated", "cartridge_ok", "time_up"]), value=st.booleans(), seldom=SELDOM)
    def session_fact(self, name, value, seldom):
        if seldom:
            setattr(self.core, name, value)

    @rule(zone=st.integers(0, 12), max_um=st.integers(-1, 2600))
    def open_session(self, zone, max_um):
        try:
            self.core.open_session(zone, max_um)
        except ValueError:
            return
        self.core.calibrated = self.core.cartridge_ok = True
        self.release_seen = False

    @rule(seldom=SELDOM)
    def close_session(self, seldom):
        if seldom:
            self.core.close_session()

    @rule()
    def restart(self):
        if self.core.fault and faults.remedy(self.core.fault) == faults.BY_RESTART:
            self.begin(self.rig.now_ms, True)

    @rule(depth_um=st.sampled_from([-1, 0, 1, 50, 500, 1000, 2500, 2501]))
    def ask(self, depth_um):
        state, fault = self.core.state, self.core.fault
        reason = self.core.ask(depth_um, self.rig.readings, self.rig.now_ms)
        spent = self.core.permit.spend(self.rig.now_ms)
        assert spent == (reason == faults.GRANTED)
        if reason == faults.GRANTED:
            Machine.granted += 1
            self.check(depth_um, state, fault)

    def check(self, depth_um, state, fault):
        """The hazard table's conditions."""
        core, readings = self.core, self.rig.readings
        assert fault == core.fault == faults.NONE
        assert state in (safety.READY, safety.RUNNING) and self.homed
        assert core.calibrated and core.cartridge_ok and not core.time_up
        assert readings.interlock == 1 and readings.power_ok == 1
        assert (readings.trigger_no, readings.trigger_nc) == (1, 0) and self.release_seen and self.pressed
        assert 0 < depth_um <= core.max_um <= depth.ZONES[core.zone].supervised_cap_um
        assert core.permit.ceiling_um == core.max_um and core.permit.depth_um == depth_um
        assert -200 <= readings.temp_dc < 800
        assert readings.battery_mv >= (7000 if state == safety.READY else 0)

    @rule(spoil=READINGS, depth_um=st.integers(1, 1000))
    def treat(self, spoil, depth_um):
        """A press as it should be, and then with one reading changed at the last moment."""
        self.all_well()
        self.trigger((0, 1), 20)
        self.proceed()
        self.trigger((1, 0), 21)
        self.ask(depth_um)
        self.sense(spoil)
        self.ask(depth_um)

    # -- always --------------------------------------------------------------------------------------

    @invariant()
    def a_fault_and_a_state_that_strokes_exclude_each_other(self):
        if hasattr(self, "core") and self.core.fault != faults.NONE:
            assert self.core.state in (safety.BLOCKED, safety.RETRACTING, safety.FAULT, safety.POWER_DOWN)

    @invariant()
    def the_homed_flag_follows_a_fault(self):
        if hasattr(self, "core") and self.core.state not in (safety.READY, safety.RUNNING, safety.STOPPING):
            self.homed = False


@pytest.mark.hazard("H01")
def test_no_permit_without_every_condition():
    Machine.granted = 0
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=300, stateful_step_count=60, deadline=None))  # fmt: skip
    assert Machine.granted > 100  # else the test says nothing
