"""The checker's rules, held against the safety core of a running simulated pen, call by call.

The checker makes every call that could be; here the pen makes them, with its own readings and times. Invariants: the
pen is heard and not touched, so that a run is the same with rules and without; only the outermost call of the core is
judged, as the checker judges it.
"""

from __future__ import annotations

from typing import Any

from sim.exhaust.explorer import LEGAL
from sim.exhaust.invariants import RULES, rules_for
from sim.exhaust.replay import listen_to_timers
from sim.exhaust.subject import FLAGS, Move, Subject, Watch
from sim.space import FirmwareSpace

NAMES = (*(rule.name for rule in RULES), LEGAL)  # what can be heard on a single call
# the core's calls: name, what the checker calls it, which arguments its move takes, where readings and time stand
CALLS = (
    ("update", "update", (), 0, 1), ("ask", "ask", (0,), 1, 2), ("trip", "trip", (0,), None, None),
    ("event", "event", (0,), None, None), ("clear", "clear", (1,), 0, None),
    ("open_session", "open", (0, 1), None, None), ("close_session", "close", (), None, None),
    ("power_gone", "power_gone", (), None, None), ("ask_static", "ask_static", (0, 1), 2, 3),
    ("open_gauge", "open_gauge", (), 0, None), ("close_gauge", "close_gauge", (), None, None),
)  # fmt: skip


class _Modules:
    """The pure modules of one life of the firmware, as the rules name them."""

    def __init__(self, space: FirmwareSpace):
        self.safety: Any = space.module("safety")
        self.faults: Any = space.module("faults")
        self.depth: Any = space.module("depth")
        self.treatment: Any = space.module("treatment")
        self.ticks: Any = space.module("ticks")
        self.inputs: Any = space.module("inputs")


class _Seen:
    """Inputs as the core has them now."""

    def __init__(self) -> None:
        self.readings: Any = None
        self.core: Any = None

    def range(self, name: str) -> tuple[int, int]:
        if name not in FLAGS:
            value = getattr(self.readings, name)
        else:
            bad = name in ("time_up", "to_read")
            value = int(getattr(self.core, name) is not bad) ^ bad
        return value, value


class Monitor:
    """`broken` has, for each rule that did not hold, what the first call was that broke it. One for all lives."""

    def __init__(self) -> None:
        self.broken: dict[str, str] = {}
        self.judged = 0

    def __call__(self, space: FirmwareSpace) -> None:
        """A life begins: its core will be heard."""
        modules = _Modules(space)
        monitor = self

        class Heard(modules.safety.Safety):
            def __init__(self, on_state, on_fault):
                ear = _Ear(monitor, modules)
                states, latched = ear.call.states, ear.call.latched

                def told_state(state):
                    states.append(state)
                    on_state(state)

                def told_fault(code):
                    latched.append(code)
                    on_fault(code)

                super().__init__(told_state, told_fault)
                ear.put_to(self)

        modules.safety.Safety = Heard


class _Ear(Subject):
    """Hears one core."""

    def __init__(self, monitor: Monitor, modules: _Modules):
        super().__init__(modules)  # type: ignore[arg-type]
        self._monitor = monitor
        self._inputs = self.call.inputs = _Seen()
        self._inside = False
        self.watch = Watch()
        self.now_ms = 0

    def put_to(self, core: Any) -> None:
        """Hear the core's calls, its timers, and its permit."""
        safety = self.firmware.safety
        self._inputs.core = core
        self._inputs.readings = safety.Readings()
        listen_to_timers(self.call, core, safety)
        self.listen(core)
        for name, what, at, readings_at, now_at in CALLS:
            setattr(core, name, self._heard(what, getattr(core, name), at, readings_at, now_at))
        core.permit.spend = self._heard("spend", core.permit.spend, (), None, 0)

    def _heard(self, what, real, at, readings_at, now_at):
        def call(*args):
            if self._inside:
                return real(*args)
            self._inside = True
            try:
                if readings_at is not None:
                    self._inputs.readings = args[readings_at]
                if now_at is not None:
                    self.now_ms = args[now_at]
                numbers = [int(args[i]) if i < len(args) else 0 for i in at] or [self._late(what)]
                heard = self.begins(Move(what, *numbers))
                try:
                    heard.answer = real(*args)
                    return heard.answer
                except Exception:
                    heard.refused = True
                    raise
                finally:
                    self.remember(heard)
                    self._judge()
            finally:
                self._inside = False

        return call

    def _late(self, what: str) -> int:
        """1 for a permit that is spent when its time is over, as the checker has it."""
        expires_ms = self.core.permit._expires_ms
        return int(what == "spend" and self.firmware.ticks.diff(expires_ms, self.now_ms) <= 0)

    def _judge(self) -> None:
        call, safety = self.call, self.firmware.safety
        self._monitor.judged += 1
        broken = [rule.name for rule in rules_for(call, self.firmware.faults.GRANTED) if not rule.holds(call, self)]
        if any(safety.TRANSITIONS[state][event] == safety._BAD for state, event in call.cells):
            broken.append(LEGAL)  # whatever the pen does is a call that the pen makes
        for name in broken:
            numbers = [str(number) for number in call.move[1:] if number]
            said = f"{call.move.what}({', '.join(numbers)}) while {safety.STATE_NAMES[call.state]}"
            self._monitor.broken.setdefault(name, f"at {self.now_ms} ms by {said}")
