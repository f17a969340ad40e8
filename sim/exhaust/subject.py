"""The real core under the checker: loaded as the simulator loads it, called, listened to, put back to any state.

What is kept of a state is every attribute of the core, so that nothing a change adds is forgotten, but for:

- calibrated, cartridge_ok, time_up, to_read, gauge_tip, technician: others set them at any time, so each call that
  looks finds both values;
- how long a timer has run: at each pass in which its condition holds it may be over or under its threshold. That
  only adds cases, passes closer together or further apart than the pen's. Once a pass has found a fault, a second
  timer in it waits for the next pass, which may follow at once;
- how much evidence there is for a reading (`inputs.Evidence`): at each pass in which it shows it may be sure or not
  yet. That again only adds cases; whether the counter keeps what it promises is checked apart (`evidence`);
- in power-down, all but the fault that is shown: no call leads out of it;
- which fault is latched: one of its class, which has the same remedy and looks for the same cause (found by
  running `cause_gone`, and compared over every call by `Explorer`);
- the zone without a session, and what a permit that is not open says: nothing reads them.

`Watch` is what the checker remembers on its own account, so as not to take the core's word for it.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from sim.exhaust.choices import Chooser, Figure, Inputs, NoClasses, Senses
from sim.space import FIRMWARE, FirmwareSpace

DEBOUNCE_MS, PRESS_MS, LONGEST_RUN_MS = 8, 20, 30_000  # of the hazard list, not read from the firmware
NOW_MS = 1_000_000  # any time; the chip's ticks and their wrap have tests of their own
LATCHES = ("fault", "_for_service", "_for_restart")  # where the core keeps faults
FLAGS = ("calibrated", "cartridge_ok", "time_up", "to_read", "gauge_tip", "technician")
MOST_MS = 1 << 28

Key = tuple[Any, ...]


class Move(NamedTuple):
    """One call into the core. `what`: update, ask, ask_static, spend, event, trip, clear, open, close, open_gauge,
    close_gauge, power_gone."""

    what: str
    a: int = 0
    b: int = 0


class Watch(NamedTuple):
    """What the checker remembers for itself."""

    homed: bool = False  # HOMED came in HOMING, and nothing since has made the position doubtful
    released: bool = False  # both contacts said released, debounced, since boot, the last opening, the last clear
    pressed: bool = False  # both contacts said held, for as long as a press has to last, and no release since
    early: bool = False  # pulled while there was a page to read, and no release since
    run_over: bool = False  # the longest run was reached, and no release since
    owed: frozenset[int] = frozenset()  # remedies asked for by faults behind the latched one: service, restart
    good: bool = False  # a permit was granted, and neither spent nor void


class _Space(FirmwareSpace):
    """A module space in which some modules come from changed source."""

    def __init__(self, firmware: Path, changed: dict[str, str]):
        self._changed = changed
        super().__init__(ModuleType("no hardware"), firmware)

    def _load(self, name: str, run_name: str):
        if name not in self._changed:
            return super()._load(name, run_name)
        module = ModuleType(name)
        module.__dict__["__builtins__"] = self._builtins
        self._modules[name] = module
        exec(compile(self._changed[name], f"changed {name}.py", "exec"), module.__dict__)
        return module


class Firmware:
    """The pure modules of one firmware directory; `changed` gives other source for some, in memory."""

    def __init__(self, directory: Path = FIRMWARE, changed: dict[str, str] | None = None):
        space = _Space(directory, changed or {})
        self.safety: Any = space.module("safety")
        self.faults: Any = space.module("faults")
        self.depth: Any = space.module("depth")
        self.treatment: Any = space.module("treatment")
        self.ticks: Any = space.module("ticks")
        self.inputs: Any = space.module("inputs")


class Call:
    """One call and what came of it, for the invariants to judge."""

    def __init__(self) -> None:
        self.move = Move("")
        self.state = self.fault = self.max_um = 0  # before
        self.gauging = False
        self.watch = self.watch_after = Watch()
        self.inputs: Any = None  # .range(name)
        self.answer: Any = None
        self.refused = False  # by an exception
        self.states: list[int] = []  # told through on_state
        self.latched: list[int] = []  # told through on_fault
        self.trips: list[int] = []
        self.cells: list[tuple[int, int]] = []  # state, event
        self.looks: dict[str, Any] = {}  # timers asked: None without its condition, else the time held, .lo to .hi
        self.wrote: list[tuple[str, object]] = []  # flags that the core set by itself
        self.first = 0  # the fault that ought to be latched

    def reached(self, timer: str, limit_ms: int) -> bool:
        """Whether a timer was asked, and its condition has certainly held for so long."""
        held = self.looks.get(timer)
        return held is not None and held.lo >= limit_ms


class Subject:
    """A core that can be called with any move. `call` is the last one, judged by the invariants."""

    def __init__(self, firmware: Firmware):
        self.firmware = firmware
        self.call = Call()
        self.watch = Watch()
        self.now_ms = NOW_MS
        self.halted = frozenset(
            getattr(firmware.safety, name) for name in ("BLOCKED", "RETRACTING", "FAULT", "POWER_DOWN"))
        self._placed = frozenset(getattr(firmware.safety, name) for name in ("READY", "RUNNING", "STOPPING", "GAUGING"))
        self.readings: Any = None
        self.core: Any = None

    def listen(self, core: Any) -> None:
        """Hear what the core tells and what it calls of itself."""
        self.core = core
        real_trip, real_event = core.trip, core.event

        def trip(code):
            self.call.trips.append(code)
            return real_trip(code)

        def event(number):
            call = self.call
            call.cells.append((core.state, number))
            if self.firmware.safety.TRANSITIONS[core.state][number] == self.firmware.safety._BAD:
                call.trips.append(self.firmware.faults.INTERNAL)
            return real_event(number)

        core.trip, core.event = trip, event

    def do(self, move: Move) -> Call:
        """Make one call; what the environment's rules forbid is for `moves` to leave out."""
        call = self.begins(move)
        try:
            call.answer = self._make(move)
        except NoClasses:
            raise
        except Exception:  # whatever a broken core raises is for the rules to judge
            call.refused = True
        self.remember(call)
        return call

    def begins(self, move: Move) -> Call:
        """A call is about to be made: what the core is before it."""
        call, core = self.call, self.core
        call.move = move
        call.state, call.fault, call.max_um, call.gauging = core.state, core.fault, core.max_um, core.gauging
        call.watch = self.watch
        call.answer, call.refused = None, False
        for items in (call.states, call.latched, call.trips, call.cells, call.looks, call.wrote):
            items.clear()  # type: ignore[attr-defined]
        return call

    def _make(self, move: Move) -> Any:
        """The call itself; its answer."""
        core, now_ms = self.core, self.now_ms
        what, a, b = move
        if what == "update":
            return core.update(self.readings, now_ms)
        if what == "trip":
            return core.trip(a)
        if what == "event":
            return core.event(a)
        if what == "ask":
            return core.ask(a, self.readings, now_ms)
        if what == "ask_static":
            return core.ask_static(a, b, self.readings, now_ms)
        if what == "open_gauge":
            return core.open_gauge(self.readings)
        if what == "close_gauge":
            return core.close_gauge()
        if what == "spend":
            return core.permit.spend(now_ms)
        if what == "clear":
            return core.clear(self.readings, bool(a))
        if what == "open":
            return core.open_session(a, b)
        return core.close_session() if what == "close" else core.power_gone()

    def remember(self, call: Call) -> None:
        """Bring the checker's own memory up to date."""
        safety, faults = self.firmware.safety, self.firmware.faults
        homed, released, pressed, early, run_over, owed, good = call.watch
        what = call.move.what
        state = self.core.state
        first = call.fault
        for code in call.trips:
            if first == faults.NONE:
                first = code
            elif faults.remedy(code) not in (faults.BY_USER, faults.remedy(first)):
                owed |= {faults.remedy(code)}
        call.first = first
        if what in ("clear", "open_gauge") and self.core.fault != call.fault:
            owed = owed - {faults.remedy(self.core.fault)} if self.core.fault != faults.NONE else frozenset()
        if what == "event" and call.move.a == safety.HOMED and call.state == safety.HOMING:
            homed = True
        if call.trips or first != faults.NONE or state not in self._placed:
            homed = False
        if what == "update":
            up = call.inputs.range("trigger_no") == (0, 0) and call.inputs.range("trigger_nc") == (1, 1)
            if call.reached("_down_for", PRESS_MS):
                pressed = True
            if call.reached("_open_for", DEBOUNCE_MS):
                pressed = False
                if up:
                    released, early, run_over = True, False, False
            if call.reached("_run", LONGEST_RUN_MS):
                run_over = True
        elif (what == "open" and not call.refused) or (what == "clear" and call.answer) or (
                what == "open_gauge" and call.answer == faults.GRANTED):
            released = False
        if what == "ask" and call.inputs.range("to_read") == (1, 1):
            early = True
        if what == "ask" or what == "ask_static":
            good = call.answer == faults.GRANTED
        elif what in ("spend", "close", "close_gauge") or call.trips or state not in (safety.RUNNING, safety.GAUGING):
            good = False
        call.watch_after = self.watch = Watch(homed, released, pressed, early, run_over, owed, good)


class Probe(Subject):
    """The core with undecided inputs, put to any kept state by `load` and read by `key`."""

    def __init__(self, firmware: Firmware, chooser: Chooser):
        super().__init__(firmware)
        self.inputs = Inputs(chooser)
        self.call.inputs = self.inputs
        self.readings = Senses(self.inputs)
        core = _probed(self)(self.call.states.append, self.call.latched.append)
        self.listen(core)
        self._names = self._scalars(core)
        self._permit_names = tuple(name for name in vars(core.permit) if name != "_expires_ms")
        self._power_down = firmware.safety.POWER_DOWN
        self._zero = {name: getattr(core, name) for name in self._names}
        self._no_permit = [0] * len(self._permit_names)
        self._at_fault = tuple(self._names.index(name) for name in LATCHES)
        self._at_zone, self._at_max = self._names.index("zone"), self._names.index("max_um")
        self._width = len(self._names), len(self._names) + len(self._permit_names)
        self._open_at = self._width[0] + self._permit_names.index("_open")
        self.classes = _fault_classes(self)
        self.start = self.key()

    def _scalars(self, core: Any) -> tuple[str, ...]:
        """The attributes that make up a state; one of a kind that cannot be kept is refused."""
        names = []
        for name, value in vars(core).items():
            if name in ("permit", "trip", "event", "_on_state", "_on_fault") or isinstance(value, Timed):
                continue
            if not isinstance(value, int):
                raise NoClasses(f"the core keeps '{name}', a {type(value).__name__}: the checker must learn to keep it")
            names.append(name)
        return tuple(names)

    def load(self, key: Key) -> None:
        """Put the core and the checker's memory to a kept state."""
        core = self.core
        first, second = self._width
        core.__dict__.update(zip(self._names, key, strict=False))
        core.permit.__dict__.update(zip(self._permit_names, key[first:second], strict=True))
        self.watch = key[-1]
        self.inputs.seen.clear()

    def key(self) -> Key:
        """The state as kept: equal for states between which no later call can tell."""
        return self.kept(self.core, self.watch)

    def kept(self, core: Any, watch: Watch) -> Key:
        """The key of a core, this one or another of the same firmware."""
        held = core.__dict__
        kept = [held[name] for name in self._names]
        classes = self.classes
        for at in self._at_fault:
            kept[at] = classes.get(kept[at], kept[at])
        if held["state"] == self._power_down:
            return (*[value if name in ("state", "fault") else self._zero[name]
                      for name, value in zip(self._names, kept, strict=True)], *self._no_permit, Watch())  # fmt: skip
        if kept[self._at_max] <= 0:
            kept[self._at_zone] = 0
        permit = core.permit
        if permit._open:
            kept += [getattr(permit, name) for name in self._permit_names]
        else:
            kept += self._no_permit
        return (*kept, watch)

    def do(self, move: Move) -> Call:
        if move.what == "spend":  # in time or too late
            self.core.permit._expires_ms = self.firmware.ticks.add(self.now_ms, 0 if move.a else 1)
        return super().do(move)

    def value(self, key: Key, name: str) -> Any:
        """An attribute in a kept state."""
        return key[self._names.index(name)]

    def with_value(self, key: Key, name: str, value: Any) -> Key:
        """The state with another value for one attribute."""
        place = self._names.index(name)
        return (*key[:place], value, *key[place + 1 :])

    def permit_open(self, key: Key) -> bool:
        return bool(key[self._open_at])


class Timed:
    """Marks a timer of a probed core."""


class Held(NamedTuple):
    """How long a reading has shown, at least and at most."""

    lo: int
    hi: int


def _probed(probe: Probe) -> type:
    """The core's class, whose flags are inputs and whose timers are `_Clock`s."""
    safety = probe.firmware.safety
    inputs = probe.inputs

    def flag(name: str) -> property:
        return property(lambda self: inputs.bit(name) == 1, lambda self, value: probe.call.wrote.append((name, value)))

    class Clock(safety.Timer, Timed):
        """A real timer, to which any time may have passed since it was last asked."""

        def __init__(self, name: str):
            super().__init__()
            self.name = name
            self.looks = probe.call.looks
            self.trips = probe.call.trips

        def held_ms(self, condition: object, now_ms: int) -> Any:
            self._on = True
            self._since_ms = now_ms
            held_ms = real(self, condition, now_ms)
            age = None
            if self._on:
                # after a fault in the same pass a second timer comes in the next pass, which may be as soon
                held_ms = age = Figure(inputs.chooser, held_ms, held_ms if self.trips else MOST_MS)
            self.looks[self.name] = age
            return held_ms

    class Weighed(safety.Evidence, Timed):
        """The promise of a counter of readings: what shows may be sure, or not yet."""

        def __init__(self, name: str, ms: int):
            super().__init__(1, ms)
            self.name = name
            self.ms = ms

        def enough(self, condition: object, now_ms: int) -> bool:
            looks = probe.call.looks
            if not condition:
                looks[self.name] = None
                return False
            # after a fault in the same pass a second one is sure in the next pass, which may be as soon
            sure = not probe.call.trips and inputs.chooser.pick(2) == 1
            looks[self.name] = Held(self.ms, MOST_MS) if sure else Held(0, self.ms - 1)
            return sure

    real = safety.Timer.held_ms

    class Probed(safety.Safety):
        def __init__(self, on_state, on_fault):
            super().__init__(on_state, on_fault)
            for name, value in list(vars(self).items()):
                if isinstance(value, safety.Timer):
                    setattr(self, name, Clock(name))
                elif isinstance(value, safety.Evidence):
                    setattr(self, name, Weighed(name, value._ms))

    for name in FLAGS:
        setattr(Probed, name, flag(name))
    return Probed


def _fault_classes(probe: Probe) -> dict[int, int]:
    """Each fault by the first one of its class: same remedy, and `cause_gone` looks at the same things alike."""
    first: dict[object, int] = {}
    classes = {}
    faults = probe.firmware.faults
    for code in faults.TABLE:
        probe.core.fault = code
        tree = []
        for _ in probe.inputs.chooser.runs():
            probe.inputs.seen.clear()
            gone = probe.core.cause_gone(probe.readings)
            tree.append((gone, tuple((name, probe.inputs.range(name)) for name in probe.inputs.seen)))
        classes[code] = first.setdefault((faults.remedy(code), tuple(tree)), code)
    probe.core.fault = faults.NONE
    probe.inputs.seen.clear()
    return classes
