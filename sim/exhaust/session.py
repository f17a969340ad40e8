"""The other half of a permit: what depth and which limit the treatment can ever hand to the core.

Drives the real `treatment` and `depth` breadth first through every stage, every zone, every indication and a
cartridge and a calibration of each class, under every call in any order, and holds the limits against a minimum
worked out here a second time. The core's half takes any depth and any session as given, so the two together
cover the whole way. Left out of a state: rate, times and counts (no limit depends on them), and the depth when
the session is over (the next cartridge begins anew).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from sim.exhaust.invariants import BUILD_UM
from sim.exhaust.subject import Firmware, Key

# rated depth of the cartridge, travel of the calibration: neither binds, either, too small for most zones
CARTRIDGES = ((2500, 2600), (1000, 700), (150, 2600))
# the clinic's limit for zone 0, 1, 2 ...: none, one that binds, too small for the zone, forbidden, each with every kind
CLINIC_UM = (2500, 2500, 400, 600, 0, 1200, 1600, 150, 2500, 700, 900, 1500, 2000)
QUESTIONS = 2  # the panel has more; one that is not the last is like another
LEFT_OUT = ("limits", "asked_rate_mhz", "rate_mhz", "strokes", "started_ms", "ended_ms", "end_reason",
            "session_limit_ms", "_questions", "overdue", "clinic_um")  # fmt: skip

DUE = {"choose_zone": 1, "confirm": 1}  # calls that look at the due date: one more argument says that it is past
SAID = ("confirm", "supervise", "change_depth")  # calls whose last argument is True or False

Deed = tuple[str, tuple[int, ...]]


class SessionViolation(NamedTuple):
    rule: str
    text: str
    path: list[Deed]


class _Then(NamedTuple):
    """The treatment before a call."""

    stage: int
    kept: dict[str, Any]
    max_um: int


TEXTS = {
    "session.limit":
        "from the indication on, the limit is the least of zone, indication, clinic, cartridge, travel, build",
    "session.depth": "an open session's depth is above zero and within its limit",
    "session.steady": "zone, indication, unlock and limit stay as they are while a session is open",
    "session.order": "each stage is reached only from the one before it, a session only after marking the cartridge",
    "session.prohibited": "the prohibited zone gets no further than being looked at",
    "session.unlock": "a supervisor's unlock is given on the confirmation only, and not carried to another zone",
    "session.due": "nothing is chosen or confirmed with a calibration past its due date",
    "session.handed": "the core takes over the limit of each session that opens, and no other",
}


class Sessions:
    """One exploration of the treatment. `run` does it."""

    def __init__(self, firmware: Firmware):
        self._t = firmware.treatment
        self._tables = firmware.depth
        self._safety = firmware.safety
        self._deed = firmware.treatment.Treatment(QUESTIONS)
        self._deed.clinic_um = list(CLINIC_UM)
        self._core = firmware.safety.Safety(lambda state: None, lambda code: None)
        for event in (firmware.safety.TESTED, firmware.safety.HOME, firmware.safety.HOMED):
            self._core.event(event)
        self._names = tuple(name for name in vars(self._deed) if name not in LEFT_OUT)
        self._calls = self._all_calls()
        self.transitions = 0
        self.checks: Counter[str] = Counter()
        self.violations: dict[str, SessionViolation] = {}
        self.keys: list[Key] = [self._key()]
        self._came: list[tuple[int, Deed] | None] = [None]

    def _all_calls(self) -> list[Deed]:
        numbers = range(-1, len(self._tables.ZONES) + 1)
        calls: list[Deed] = [("cartridge_accepted", pair) for pair in CARTRIDGES]
        calls += [("choose_zone", (number,)) for number in numbers]
        calls += [("choose_indication", (number,)) for number in range(-1, len(self._tables.INDICATIONS) + 1)]
        calls += [("confirm", (battery, overdue)) for battery in (0, 1) for overdue in (0, 1)]
        calls += [("choose_zone", (1, 1)), ("supervise", (0,)), ("supervise", (1,)), ("open", (0,)), ("end", (1, 0))]
        calls += [("change_depth", (way, moving)) for way in (1, -1) for moving in (0, 1)]
        names = ("answer_no", "answer_yes", "back", "summary_read", "aftercare_read", "cartridge_out")
        return calls + [(name, ()) for name in names]

    def _key(self) -> Key:
        deed, limits = self._deed, self._deed.limits
        kept = [getattr(deed, name) for name in self._names]
        if deed.stage in (self._t.SUMMARY, self._t.AFTERCARE, self._t.NO_CARTRIDGE):
            kept[self._names.index("depth_um")] = 0
        return (*kept, *limits.values_um, limits.max_um, limits.min_um, limits.bound)

    def _load(self, key: Key) -> None:
        deed, limits = self._deed, self._deed.limits
        vars(deed).update(zip(self._names, key, strict=False))
        *values, limits.max_um, limits.min_um, limits.bound = key[len(self._names) :]
        limits.values_um[:] = values

    def run(self, progress: Callable[[int, int], None] | None = None, until: str | None = None) -> None:
        """Explore until closure, or until the rule `until` is violated."""
        number = {self.keys[0]: 0}
        at = 0
        while at < len(self.keys):
            key = self.keys[at]
            for call in self._calls:
                self._do(key, call)
                self.transitions += 1
                after = self._key()
                if after == key:
                    continue  # what cannot be told from before has been judged
                self._judge(at, call, self._then(key))
                if after not in number:
                    number[after] = len(self.keys)
                    self.keys.append(after)
                    self._came.append((at, call))
            at += 1
            if progress is not None and at % 64 == 0:
                progress(at, len(self.keys))
            if until in self.violations:
                return

    def _do(self, key: Key, call: Deed) -> None:
        """Make one call from a state."""
        self._load(key)
        name, arguments = call
        # the calibration falls due at any time, so the calls that look at it find either
        self._deed.overdue = DUE.get(name, 9) < len(arguments) and arguments[-1] == 1
        arguments = arguments[: DUE.get(name, 9)]
        if name in SAID:
            arguments = (*arguments[:-1], arguments[-1] == 1)
        try:
            getattr(self._deed, name)(*arguments)
        except (ValueError, IndexError):
            pass  # a refusal; what it may not do is change the treatment, which the rules see

    def _then(self, key: Key) -> _Then:
        kept = dict(zip(self._names, key, strict=False))
        return _Then(kept["stage"], kept, key[-3])

    def replay(self, path: list[Deed]) -> list[tuple[Deed, int, list[str]]]:
        """Make the calls of a path on a fresh treatment: each call, the stage after it, the rules it broke."""
        key, rows = self.keys[0], []
        for call in path:
            self._do(key, call)
            then = self._then(key)
            rows.append((call, self._deed.stage, [rule for rule in TEXTS if not self._holds(rule, call, then)]))
            key = self._key()
        return rows

    def stage_name(self, stage: int) -> str:
        """The stage as treatment.py calls it."""
        names = {getattr(self._t, name): name for name in (
            "NO_CARTRIDGE", "ZONE", "INDICATION", "QUESTIONS", "CONFIRM", "MARKING", "ACTIVE", "SUMMARY", "AFTERCARE")}
        return names[stage].lower()

    def _judge(self, at: int, call: Deed, then: _Then) -> None:
        for rule in TEXTS:
            self.checks[rule] += 1
            if rule not in self.violations and not self._holds(rule, call, then):
                self.violations[rule] = SessionViolation(rule, TEXTS[rule], [*self._path(at), call])

    def _holds(self, rule: str, call: Deed, then: _Then) -> bool:
        return getattr(self, "_" + rule.split(".")[1])(call[0], then)

    def _path(self, at: int) -> list[Deed]:
        calls = []
        while (came := self._came[at]) is not None:
            at, call = came
            calls.append(call)
        return calls[::-1]

    # -- the rules, by their names --------------------------------------------------------------------------

    def _limit(self, _name: str, _then: _Then) -> bool:
        deed, depth = self._deed, self._tables
        if not self._t.QUESTIONS <= deed.stage <= self._t.ACTIVE:
            return True
        zone = depth.ZONES[deed.zone]
        cap_um = zone.supervised_cap_um if deed.supervised else zone.cap_um
        least_um = min(
            cap_um, depth.INDICATIONS[deed.indication].high_um, deed.cartridge_um, deed.travel_um,
            CLINIC_UM[deed.zone], BUILD_UM)
        return 0 < deed.limits.max_um == least_um

    def _depth(self, _name: str, _then: _Then) -> bool:
        return self._deed.stage != self._t.ACTIVE or 0 < self._deed.depth_um <= self._deed.limits.max_um

    def _steady(self, _name: str, then: _Then) -> bool:
        deed = self._deed
        if then.stage != self._t.ACTIVE or deed.stage != self._t.ACTIVE:
            return True
        same = all(getattr(deed, name) == then.kept[name] for name in ("zone", "indication", "supervised"))
        return same and deed.limits.max_um == then.max_um

    def _order(self, name: str, then: _Then) -> bool:
        t, stage = self._t, self._deed.stage
        if stage == then.stage:
            return True
        return (then.stage, name, stage) in {
            (t.NO_CARTRIDGE, "cartridge_accepted", t.ZONE), (t.ZONE, "choose_zone", t.INDICATION),
            (t.INDICATION, "choose_indication", t.QUESTIONS), (t.QUESTIONS, "answer_no", t.CONFIRM),
            (t.CONFIRM, "confirm", t.MARKING), (t.MARKING, "open", t.ACTIVE), (t.ACTIVE, "end", t.SUMMARY),
            (t.MARKING, "end", t.SUMMARY), (t.SUMMARY, "summary_read", t.AFTERCARE),
            (t.AFTERCARE, "aftercare_read", t.NO_CARTRIDGE), (t.QUESTIONS, "answer_yes", t.ZONE),
            (t.INDICATION, "back", t.ZONE), (t.QUESTIONS, "back", t.INDICATION), (t.CONFIRM, "back", t.ZONE),
            *((stage, "cartridge_out", t.NO_CARTRIDGE) for stage in range(t.ZONE, t.ACTIVE + 1))}

    def _prohibited(self, _name: str, _then: _Then) -> bool:
        deed = self._deed
        return deed.stage <= self._t.ZONE or self._tables.ZONES[deed.zone].cap_um > 0

    def _unlock(self, name: str, then: _Then) -> bool:
        deed = self._deed
        if deed.supervised and not then.kept["supervised"]:
            return name == "supervise" and then.stage == self._t.CONFIRM
        return not deed.supervised or not self._t.ZONE <= deed.stage <= self._t.QUESTIONS

    def _due(self, _name: str, then: _Then) -> bool:
        return self._deed.overdue is False or self._deed.stage <= then.stage

    def _handed(self, name: str, then: _Then) -> bool:
        deed, core = self._deed, self._core
        if name != "open" or then.stage != self._t.MARKING or deed.stage != self._t.ACTIVE:
            return True
        core.close_session()
        try:
            core.open_session(deed.zone, deed.limits.max_um)
        except ValueError:
            return False
        return core.zone == deed.zone and core.max_um == deed.limits.max_um
