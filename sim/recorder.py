"""Watches a world while it runs and keeps what a report needs: truth, single strokes, signals, screens.

It only reads. Strokes are kept sample by sample for the first of a run and around anything unusual; for
the rest only what the plant did is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sim.plant_params import PERIOD_UM
from sim.record import Event, ScreenShot, Signal, StrokeDetail, StrokeTruth
from sim.space import shim

if TYPE_CHECKING:
    from sim.plant import Plant
    from sim.world import World

board = shim("board")

PAD_NAMES = {
    board.PIN_TRIGGER_NO: "TRIGGER_NO",
    board.PIN_TRIGGER_NC: "TRIGGER_NC",
    board.PIN_SELECT: "SELECT",
    board.PIN_UP: "UP",
    board.PIN_DOWN: "DOWN",
}
STEP_HIGH_NS = 120
NO_STROKE = -1  # index of a motion kept in detail that is no stroke
IN_DETAIL_OF_A_RUN = 2
NEW_RUN_NS = 300_000_000  # a longer pause than this begins another run of strokes
TRACE_COLUMNS = ("t_us", "command_um", "tip_um", "encoder_um", "force_n", "rail_mv")


class Recorder:
    """Everything kept of one world. `limit_um` is set by whoever knows which limit applies."""

    def __init__(self, world: World):
        self._world = world
        self.limit_um = 0
        self.truth: list[StrokeTruth] = []
        self.details: list[StrokeDetail] = []
        self.events: list[Event] = []
        self.screens: list[ScreenShot] = []
        self.punctures = 0
        self.max_tip_um = -1e9
        self.over_limit_um = 0.0
        self.keep_detail = True
        self._samples: list[tuple[float, float, float, float]] = []
        self._wires: dict[str, list[tuple[int, int]]] = {}
        self._edges: list[tuple[np.ndarray, np.ndarray]] = []
        self._detail_windows: list[tuple[int, int]] = []
        self.motions = 0  # how many have begun; the number of the last
        self._motion: tuple[int, int, np.ndarray, np.ndarray] | None = None
        self._last_end_ns = -NEW_RUN_NS
        self._in_run = 0
        self._unusual_from_ns = -1
        self._pierced_before = 0
        self._needles = True
        self._reach_um = -1e9
        self._force_n = 0.0
        self._field_ahead_um = 0.0

    def start(self) -> None:
        """Note every net's level at power-on."""
        world = self._world
        for pin in PAD_NAMES:
            self.pad(pin, 0 if world.contact_closed(pin) else 1)
        self.wire("EN_N", 1)
        self.wire("BUZZER", 0)
        self.wire("INTERLOCK", int(world.seated))
        self.wire("HOME", int(world.plant.home_active))

    # -- single happenings ---------------------------------------------------------------------------

    def event(self, kind: str, text: str, t_us: int | None = None) -> None:
        self.events.append(Event(self._world.now_us if t_us is None else t_us, kind, text))

    def note(self, t_ns: int, text: str) -> None:
        self.event("note", text, t_ns // 1000)
        self.unusual()

    def unusual(self) -> None:
        """Something happened that deserves the stroke under way in detail."""
        self._unusual_from_ns = self._world.now_ns

    def wire(self, name: str, level: int) -> None:
        self._wires.setdefault(name, []).append((self._world.now_ns, level))

    def pad(self, pin: int, level: int) -> None:
        self.wire(PAD_NAMES[pin], level)

    def screen(self, label: str) -> None:
        self.screens.append(ScreenShot(self._world.now_us, label, self._world.display.pixels()))

    def sample(self, plant: Plant) -> None:
        self._samples.append(
            (self._world.now_ns / 1e9, plant.battery_mv, plant.motor_rail_mv, plant.motor_temp_c))

    # -- motions -------------------------------------------------------------------------------------

    def motion_begins(self, stroke: int, times_ns: np.ndarray, outward: np.ndarray) -> None:
        """Steps begin; `stroke` is its number, 0 for homing and retracts."""
        if self._motion is not None:
            self.motion_ends(self.motions, force=True)
        self.motions += 1
        plant = self._world.settle()
        if self._world.now_ns - self._last_end_ns > NEW_RUN_NS:
            self._in_run = 0
        self._in_run += 1
        self._count_extension(plant)
        self._reach_um, self._force_n = plant.tip_um, plant.force_n
        plant.start_trace()
        self._pierced_before = plant.pierce_events
        # slips of earlier motions (homing against the stop) leave the field whole periods away from the rotor
        self._field_ahead_um = PERIOD_UM * round((plant.command_um - plant.tip_um) / PERIOD_UM)
        self._motion = (stroke, self._world.now_ns, times_ns, outward)

    def steps_dropped(self, t_ns: int) -> None:
        """Steps later than this never happened."""
        if self._motion is not None:
            stroke, start_ns, times_ns, outward = self._motion
            count = int(np.searchsorted(times_ns, t_ns, side="right"))
            self._motion = (stroke, start_ns, times_ns[:count], outward[:count])

    def steps_made(self, motion: int, times_ns: np.ndarray, outward: np.ndarray) -> None:
        """The steps of this motion as they were, where only a plan was known when it began."""
        if self._motion is not None and motion == self.motions:
            self._motion = (*self._motion[:2], times_ns, outward)

    def _note_home(self, trace) -> None:
        """The home sensor's edges within a motion, from where the tips were; a stuck one has none."""
        plant = self._world.plant
        if plant.home_fault != "none" or not len(trace["tip_um"]):
            return
        seen = trace["tip_um"] <= plant.params.home_edge_um
        changes = self._wires["HOME"]
        for i in np.flatnonzero(np.diff(seen.astype(np.int8), prepend=changes[-1][1])):
            changes.append((int(trace["t_us"][i]) * 1000, int(seen[i])))

    def needles_gone(self) -> None:
        """The cartridge is out: what the carriage does after this moves no needle."""
        self._count_extension(self._world.settle())
        self._needles = False

    def needles_fitted(self) -> None:
        """A cartridge is on the carriage, wherever that stands."""
        self._needles = True
        self._world.settle().reset_max()

    def take_extension(self) -> None:
        """Take in how far the needles were until now, for who wants to know it in the middle of a motion."""
        self._count_extension(self._world.settle())

    def _count_extension(self, plant: Plant) -> None:
        """Take in how far the needles were since the last look, driven or coasting."""
        self._force_n = max(self._force_n, plant.peak_force_n)
        if self._needles:
            self._reach_um = max(self._reach_um, plant.max_tip_um)
            self.max_tip_um = max(self.max_tip_um, plant.max_tip_um)
            if self.limit_um:
                self.over_limit_um = max(self.over_limit_um, plant.max_tip_um - self.limit_um)
        plant.reset_max()

    def motion_ends(self, motion: int, force: bool = False) -> None:
        """Take in a motion that is over. One that was cut short has its planned end too, in a later motion perhaps."""
        if self._motion is None or motion != self.motions:
            return
        stroke, start_ns, times_ns, outward = self._motion
        world = self._world
        if not force and len(times_ns) and world.now_ns < times_ns[-1]:
            return  # steps are dropped at a time to come; the planned end takes this motion in
        plant = world.settle()
        self._motion = None
        trace = plant.stop_trace()
        trace["command_um"] = trace["command_um"] - self._field_ahead_um
        self._note_home(trace)
        pierced = plant.pierce_events > self._pierced_before
        end_ns = world.now_ns
        self._last_end_ns = end_ns
        self._count_extension(plant)
        if stroke:
            self.punctures += plant.params.needle_count if pierced else 0
            turn_um = float(np.max(trace["command_um"])) if len(trace["command_um"]) else 0.0
            self.truth.append(StrokeTruth(
                stroke, start_ns // 1000, end_ns // 1000, round(turn_um), self._reach_um, self._force_n, pierced,
                self.limit_um))
        unusual = start_ns <= self._unusual_from_ns <= end_ns
        if self.keep_detail and (unusual or force or self._in_run <= IN_DETAIL_OF_A_RUN or not stroke):
            self._keep(stroke, start_ns, end_ns, times_ns, outward, trace, unusual)

    def _keep(self, stroke, start_ns, end_ns, times_ns, outward, trace, unusual):
        self._detail_windows.append((start_ns, end_ns))
        self._edges.append((times_ns, outward))
        label = f"stroke {stroke}" if stroke else "homing or retract"
        columns = {name: trace[name] for name in TRACE_COLUMNS}
        detail = StrokeDetail(stroke or NO_STROKE, label + (" (unusual)" if unusual else ""), **columns)
        self.details.append(detail)

    def ends(self) -> None:
        """The run is over: take in what is under way."""
        self.motion_ends(self.motions, force=True)
        self._count_extension(self._world.settle())

    # -- the result ----------------------------------------------------------------------------------

    def slow(self) -> dict[str, np.ndarray]:
        table = np.array(self._samples or [(0.0, 0.0, 0.0, 0.0)])
        return dict(zip(("t_s", "battery_mv", "rail_mv", "motor_temp_c"), table.T, strict=True))

    def signals(self) -> Mapping[str, Signal]:
        """All nets as changes, worked out when somebody looks at them."""
        return _Later(self._signals)

    def _signals(self) -> dict[str, Signal]:
        """What was noted, STEP and DIR from the edges, A and B from the traces."""
        found = {name: _signal(changes) for name, changes in self._wires.items()}
        found["DETAIL"] = _signal([(t, level) for window in self._detail_windows
                                   for t, level in ((window[0], 1), (window[1], 0))])
        steps = [np.column_stack((times, times + STEP_HIGH_NS)).ravel() for times, _ in self._edges]
        if steps:
            t_ns = np.concatenate(steps)
            found["STEP"] = Signal(t_ns, np.tile(np.array([1, 0], np.uint8), len(t_ns) // 2))
            found["DIR"] = _signal([change for times, outward in self._edges for change in _changes(times, outward)])
        for name, values in self._encoder_nets():
            found[name] = values
        return found

    def _encoder_nets(self):
        parts: dict[str, list[tuple[int, int]]] = {"A": [], "B": []}
        for detail in self.details:
            counts = np.floor(detail.encoder_um * 1.024).astype(np.int64)
            t_ns = detail.t_us * 1000
            for i in np.flatnonzero(np.diff(counts)):
                first, last = int(counts[i]), int(counts[i + 1])
                way = 1 if last > first else -1
                span = abs(last - first)
                for k in range(span):
                    count = first + way * (k + 1)
                    t = int(t_ns[i] + (t_ns[i + 1] - t_ns[i]) * (k + 1) // span)
                    parts["A"].append((t, (count ^ count >> 1) & 1))
                    parts["B"].append((t, count >> 1 & 1))
        for name, changes in parts.items():
            if changes:
                yield name, _signal(changes)


class _Later(Mapping[str, Signal]):
    """A mapping whose content is computed at the first look."""

    def __init__(self, compute: Callable[[], dict[str, Signal]]):
        self._compute = compute

    @cached_property
    def _content(self) -> dict[str, Signal]:
        return self._compute()

    def __getitem__(self, name: str) -> Signal:
        return self._content[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)


def _changes(times: np.ndarray, values: np.ndarray) -> list[tuple[int, int]]:
    at = np.flatnonzero(np.diff(values.astype(np.int64), prepend=-1))
    return [(int(times[i]), int(values[i])) for i in at]


def _signal(changes: list[tuple[int, int]]) -> Signal:
    """Changes in order of time, without repeats of the same level."""
    kept: list[tuple[int, int]] = []
    for t_ns, level in sorted(changes, key=lambda change: change[0]):
        if not kept or kept[-1][1] != level:
            kept.append((t_ns, level))
    return Signal(
        np.array([t for t, _ in kept], np.int64), np.array([level for _, level in kept], np.uint8))
