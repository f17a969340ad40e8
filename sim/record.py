"""What one simulated run leaves behind: plain data, filled by the world, read by the writers in tools/pen.

Invariants: every time counts from power-on of the simulation; nothing here computes physics or judges a
result; a Run with empty lists is complete and can be written (a refused scenario makes no strokes).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

EVENT_KINDS = ("state", "fault", "cleared", "hand", "injected", "session", "power", "note")

SCREEN_SHAPE = (64, 128)  # rows, columns of the SSD1306


@dataclass
class StrokeTruth:
    """One stroke as the plant saw it; no sensor and no firmware in between.

    `commanded_um` is the turn of the commanded motion as extension, `limit_um` the effective maximum then.
    """

    index: int
    t_start_us: int
    t_end_us: int
    commanded_um: int
    max_tip_um: float
    peak_force_n: float
    pierced: bool
    limit_um: int


@dataclass
class StrokeDetail:
    """A single stroke sample by sample: arrays of one length, `t_us` rising, counted from power-on.

    `index` is negative for a homing or a retract.

    `skin_um` is where the undisturbed skin surface stood, as extension; None when the plant has no skin.
    """

    index: int
    label: str
    t_us: np.ndarray
    command_um: np.ndarray
    tip_um: np.ndarray
    encoder_um: np.ndarray
    force_n: np.ndarray
    rail_mv: np.ndarray
    skin_um: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Raise ValueError when the arrays differ in length: a plot of them would lie."""
        names = ("t_us", "command_um", "tip_um", "encoder_um", "force_n", "rail_mv")
        lengths = {name: len(getattr(self, name)) for name in names}
        if self.skin_um is not None:
            lengths["skin_um"] = len(self.skin_um)
        if len(set(lengths.values())) > 1:
            raise ValueError(f"stroke {self.index}: sample arrays differ in length: {lengths}")


@dataclass
class Event:
    """A moment worth reading about: `kind` is one of EVENT_KINDS; the text of a 'state' is its bare name.

    Events of kind 'hand' that say "trigger" with "press" or "release" draw the trigger in the report.
    """

    t_us: int
    kind: str
    text: str

    def __post_init__(self) -> None:
        """Raise ValueError for a kind no reader knows."""
        if self.kind not in EVENT_KINDS:
            raise ValueError(f"event kind {self.kind!r} is none of {', '.join(EVENT_KINDS)}")


@dataclass
class ScreenShot:
    """The panel's pixels at a moment: uint8, 64 rows of 128, zero is dark."""

    t_us: int
    label: str
    pixels: np.ndarray

    def __post_init__(self) -> None:
        """Raise ValueError when the picture is not the panel's size."""
        if self.pixels.shape != SCREEN_SHAPE:
            raise ValueError(f"screen {self.label!r} is {self.pixels.shape}, not {SCREEN_SHAPE}")


@dataclass
class Signal:
    """A net as its changes: `value[i]` holds from `t_ns[i]` on; floats make it an analog trace.

    Times rise or stay. The first change is the level at the start of recording. `width` is in bits and means
    nothing for analog traces.
    """

    t_ns: np.ndarray
    value: np.ndarray
    width: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError for arrays that differ in length or times that run backwards."""
        if len(self.t_ns) != len(self.value):
            raise ValueError(f"{len(self.t_ns)} times for {len(self.value)} values")
        if len(self.t_ns) > 1 and np.any(np.diff(self.t_ns) < 0):
            raise ValueError("times of a signal run backwards")

    @property
    def analog(self) -> bool:
        """True when the values are floats."""
        return np.issubdtype(np.asarray(self.value).dtype, np.floating)


@dataclass
class Run:
    """Everything one run of a scenario leaves behind.

    result: the --json object: scenario, tier, ended, strokes, punctures, max_extension_um, max_allowed_um,
        over_limit_um, needles_retracted, faults [{code, at_us}], journal_strokes, sim_s, wall_s,
        expectations [{what, expected, got, held}].
    journal: the pen's own records read back: sequence, zone, commanded_um, achieved_um, period_us, flags
        (list of str); truth_index when the world knows which StrokeTruth a record describes (see `pairs`).
    slow: arrays of one length: t_s, battery_mv, rail_mv, motor_temp_c; empty when nothing was sampled.
    signals: by net name. DETAIL is 1 while STEP, A and B are recorded in full; outside they are incomplete.
    session: what a clinic would file. All keys optional: pen_serial, cartridge_serial, lot, zone, indication,
        depth_um, rate_mhz, calibration_id, calibration_due, firmware_version, strokes, worst_error_um,
        error_fault_um, ended, aftercare (list of str), contraindications (list of str, acknowledged),
        limits [{name, value_um, bound}].
    skin: parameters of the plant's skin; stand_off_um and residual_dimple_um allow an estimate of
        depth in tissue.
    images: the pen's memories at the end, byte for byte, by the name of their file: fram.bin, flash.bin.
    """

    scenario: str
    title: str
    tier: str
    result: dict[str, Any]
    truth: list[StrokeTruth] = field(default_factory=list)
    journal: list[dict[str, Any]] = field(default_factory=list)
    details: list[StrokeDetail] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    screens: list[ScreenShot] = field(default_factory=list)
    slow: dict[str, np.ndarray] = field(default_factory=dict)
    signals: Mapping[str, Signal] = field(default_factory=dict)
    session: dict[str, Any] = field(default_factory=dict)
    skin: dict[str, Any] = field(default_factory=dict)
    images: dict[str, bytes] = field(default_factory=dict)

    def pairs(self) -> Iterator[tuple[dict[str, Any] | None, StrokeTruth | None]]:
        """Yield (journal record, stroke of the plant) in order of time; None where one of the two is missing.

        A record finds its stroke by `truth_index`; records without one take the strokes in order, which is
        right as long as only the last stroke can be missing from the journal.
        """
        by_index = {stroke.index: stroke for stroke in self.truth}
        order = [stroke.index for stroke in self.truth]
        waiting: dict[int, dict[str, Any]] = {}
        alone = []
        for position, record in enumerate(self.journal):
            index = record.get("truth_index", order[position] if position < len(order) else None)
            if index in by_index and index not in waiting:
                waiting[index] = record
            else:
                alone.append(record)
        for index in order:
            yield waiting.get(index), by_index[index]
        for record in alone:
            yield record, None
