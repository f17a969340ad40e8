"""Ways to break the core on purpose, each in a copy in memory, and the rule that has to see it."""

from typing import NamedTuple

from sim.exhaust.subject import Firmware
from sim.space import FIRMWARE


class Broken(NamedTuple):
    """One change: `was` becomes `becomes`, everywhere it stands in the module."""

    name: str
    rule: str
    was: str
    becomes: str
    module: str = "safety"

    def firmware(self) -> Firmware:
        source = (FIRMWARE / f"{self.module}.py").read_text(encoding="utf-8")
        assert self.was in source, f"{self.name}: {self.module}.py has changed, the trial has to follow"
        return Firmware(changed={self.module: source.replace(self.was, self.becomes)})


REFUSALS = {
    "INTERLOCK": "permit.interlock", "CALIBRATION": "permit.calibrated", "CARTRIDGE": "permit.cartridge",
    "TIME": "permit.session_time", "TRIGGER": "permit.trigger", "RELEASE_FIRST": "permit.release",
    "POWER": "permit.supply", "TEMPERATURE": "permit.temperature"}  # fmt: skip


def without_refusals() -> Firmware:
    """A core that gives permits whatever is missing."""
    source = (FIRMWARE / "safety.py").read_text(encoding="utf-8")
    for name in REFUSALS:
        assert f"return faults.REFUSED_{name}\n" in source
        source = source.replace(f"return faults.REFUSED_{name}\n", "pass\n")
    return Firmware(changed={"safety": source})


ONE_CALL = [
    Broken("cell_keeps_homing_at_a_fault", "fault.halts",
           "READY, _X,      _N,       _N,    RETRACTING,", "READY, _X,      _N,       _N,    _N,"),
    Broken("cell_skips_homing", "state.ready", "BLOCKED,    HOMING, _X,    _X,", "BLOCKED,    HOMING, READY, _X,"),
    Broken("cell_clears_to_ready", "fault.unhomed", "UNHOMED, _X),  # FAULT", "READY, _X),  # FAULT"),
    Broken("deeper_than_the_ceiling", "permit.depth",
           "0 < depth_um <= ceiling_um <=", "0 < depth_um <= 1 + ceiling_um <="),
    Broken("run_too_long_not_asked", "permit.longest_run", "return core._refusing", "pass"),
    Broken("depth_not_asked", "permit.depth", "return faults.REFUSED_DEPTH", "pass"),
    Broken("permit_for_a_millisecond_more", "permit.expires", "PERMIT_MS = const(20)", "PERMIT_MS = const(21)"),
    Broken("permit_spent_twice", "permit.once",
           "        self._open = False  # first: whatever", "        # first: whatever"),
    Broken("permit_outlives_its_session", "permit.void",
           "        self.max_um = 0\n        self.permit.revoke()", "        self.max_um = 0"),
    Broken("session_without_a_release", "permit.release",
           "        self.time_up = False\n        self._release_seen = False", "        self.time_up = False"),
    Broken("cleared_with_the_cause_there", "fault.remedy", " or not self.cause_gone(readings):", ":"),
    Broken("cleared_without_a_restart", "fault.remedy", "if remedy == faults.BY_RESTART or (", "if ("),
    Broken("fault_behind_forgotten", "fault.behind", "            self._latch(behind)\n", "            pass\n"),
    Broken("restart_forgotten_by_service", "fault.behind",
           "behind = self._for_service or self._for_restart", "behind = self._for_service"),
    Broken("service_forgotten_by_a_restart_asked_for", "fault.behind",
           "behind = self._for_service or self._for_restart", "behind = self._for_restart"),
    Broken("waiting_fault_not_told", "fault.told",
           "            return\n        self._on_fault(code)", "            return"),
    Broken("later_fault_shown", "fault.first",
           "        if self.fault == faults.NONE:\n            self.fault = code",
           "        if True:\n            self.fault = code"),
    Broken("cartridge_not_watched", "watch.interlock",
           "pulled = (strokes or state == GAUGING) and not readings.interlock", "pulled = False"),
    Broken("page_not_read", "permit.page", "if self.to_read is not False:", "if False:"),
    Broken("pulled_before_the_page_was_read", "permit.early",
           "            self._refusing = faults.REFUSED_PAGE", "            pass"),
    Broken("press_by_one_reading", "permit.pressed",
           "Evidence(inputs.PRESS_READINGS, inputs.PRESS_MS)", "Evidence(1, 0)"),
    Broken("power_by_one_reading", "watch.evidence",
           "Evidence(inputs.POWER_READINGS, inputs.POWER_MS)", "Evidence(1, 0)"),
    Broken("loop_for_a_millisecond_more", "watch.interlock",
           "Evidence(inputs.LOOP_READINGS, inputs.LOOP_MS)", "Evidence(4, 4)"),
    Broken("doubt_kept_to_itself", "watch.doubt", "            elif pulled:\n                doubt = True\n",
           "            elif pulled:\n"),
    Broken("hotter_by_a_tenth", "watch.temperature", "STOP_DC = const(800)", "STOP_DC = const(801)"),
    Broken("out_for_a_millisecond_more", "watch.extended", "EXTENDED_MS = const(400)", "EXTENDED_MS = const(401)"),
    Broken("run_goes_on_when_let_go", "watch.run",
           "if (self.state == RUNNING or self.state == GAUGING) and not self.pressed:",
           "if False:"),
]
WHOLE = [
    Broken("retract_never_ends", "stop.faulted",
           "FAULT, _N,      _X),  # RETRACTING", "_N,    _N,      _X),  # RETRACTING"),
    Broken("run_never_ends", "stop.released", "_N,       READY, RETRACTING,", "_N,       _N,    RETRACTING,"),
    Broken("trigger_fault_never_clears", "way.ready",
           "return readings.trigger_no == 0 and readings.trigger_nc == 1", "return False"),
]
EVIDENCE = [
    Broken("one_reading_too_few", "evidence.readings", "if count < self._needed:\n            return False",
           "if count < self._needed - 1:\n            return False", "inputs"),
    Broken("a_millisecond_too_early", "evidence.time", "- _HALF < self._ms:", "- _HALF < self._ms - 1:", "inputs"),
    Broken("a_gap_too_long", "evidence.gap", "GAP_MS = const(20)", "GAP_MS = const(21)", "inputs"),
    Broken("forgotten_while_it_lasts", "evidence.found",
           "        return True\n", "        self.count = 0\n        return True\n", "inputs"),
    Broken("held_on_to_after_its_end", "evidence.readings", "            self.count = 0\n            return False",
           "            return False", "inputs"),
]
TREATMENT = [
    Broken("zone_cap_left_out", "session.limit", "self.max_um = min(values)", "self.max_um = min(values[1:])", "depth"),
    Broken("prohibited_zone_chosen", "session.prohibited",
           "            return REFUSED_PROHIBITED", "            pass", "treatment"),
    Broken("deeper_than_the_limit", "session.depth",
           "            return self.limits.reason()", "            pass", "treatment"),
    Broken("unlock_carried_to_another_zone", "session.unlock",
           "            self.stage = ZONE\n            self.supervised = False", "            self.stage = ZONE",
           "treatment"),
    Broken("session_without_a_mark", "session.order", "self.stage = MARKING", "self.stage = ACTIVE", "treatment"),
]
