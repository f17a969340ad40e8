"""The scenario file: what pen, what skin, what the hands do, what goes wrong, what is expected.

One TOML file is one scenario (docs/simulator.md has the format). Everything is checked before anything runs;
an unknown key is refused with the nearest known name. Lengths are um, times ms or s, as the names say.
"""

import datetime
import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sim.mishaps import MISHAPS
from sim.plant_params import PARAM_RANGES, check_range
from sim.space import shim

depth = shim("depth")
faults = shim("faults")
safety = shim("safety")
supervisor = shim("supervisor")

ZONES = tuple(row.key for row in depth.ZONES)
INDICATIONS = tuple(row.key for row in depth.INDICATIONS)
REMEMBERED = tuple(row.key for code, row in faults.TABLE.items() if faults.remembered(code))
FAULT_KEYS = tuple(row.key for row in faults.TABLE.values())
NAMED_MOMENTS = (*safety.STATE_NAMES[1:], "parking")
ENDINGS = (*safety.STATE_NAMES, "off", "unknown")
LIBRARY = Path(__file__).resolve().parent / "scenarios"


class ScenarioError(ValueError):
    """A scenario that cannot be used; the message is one line that says where and why."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TreatmentTable(_Table):
    """What is to be treated, by the keys of docs/hardware.md; the truth is held against these limits."""

    zone: str = "cheek"
    indication: str = "wrinkles"
    supervised: bool = False

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return _one_of(value, ZONES, "zone")

    @field_validator("indication")
    @classmethod
    def _indication(cls, value: str) -> str:
        return _one_of(value, INDICATIONS, "indication")


class EarlierSession(_Table):
    """A session, or several alike, that the pen has in its archive from before."""

    zone: str = "cheek"
    client: int = Field(0, ge=0, le=999_999, description="the practice's number for the client, 0 none")
    date: datetime.date | None = None
    strokes: int = Field(3, ge=1, le=20_000)
    times: int = Field(1, ge=1, le=256)

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return _one_of(value, ZONES, "zone")


class PenTable(_Table):
    """The pen as it comes to the session."""

    serial: str = Field("PEN-SIM-01", min_length=1, max_length=12)
    calibration: Literal["valid", "old", "missing", "corrupt"] = "valid"
    calibration_error_um: int = Field(0, ge=-300, le=300, description="how far the recorded offset is off")
    travel_um: int = Field(2600, ge=100, le=2600)
    storage: Literal["valid", "blank", "absent"] = "valid"
    archive: Literal["made", "new", "lost"] = "made"
    session_limit_s: int = Field(1800, ge=60, le=3600)
    depth_limit_um: int = Field(2500, ge=100, le=2500)
    speed_um_s: int | None = Field(None, ge=20_000, le=100_000)
    accel_mm_s2: int | None = Field(None, ge=5_000, le=20_000)
    jerk_mm_s3: int | None = Field(None, ge=20_000_000, le=60_000_000)
    coast_mm_s2: int | None = Field(None, ge=1_000, le=20_000)
    clock: datetime.date | None = None
    clock_cell_mv: int = Field(3000, ge=0, le=3600, description="of the clock; under 2300 it stops with the supply")
    calibration_due: datetime.date | None = datetime.date(2027, 9, 1)
    supervisor_code: str = Field("USDDUSUU", max_length=8)
    earlier: list[EarlierSession] = Field(default_factory=list)
    operator: str = Field("", max_length=8, pattern="^[!-~]*$")
    key: bool = Field(True, description="the pen and its technician share a key")
    clinic_um: dict[str, int] = Field(default_factory=dict, description="the clinic's own limit, by zone")
    service_fault: str | None = Field(None, description="a fault that service has yet to clear")

    @field_validator("supervisor_code")
    @classmethod
    def _code(cls, value: str) -> str:
        return _code_of(value) if value else value

    @field_validator("clinic_um")
    @classmethod
    def _clinic(cls, value: dict[str, int]) -> dict[str, int]:
        for zone, limit_um in value.items():
            _one_of(zone, ZONES, "zone")
            if limit_um != 0 and not 100 <= limit_um <= 2500:
                raise ValueError(f"a clinic's limit is 0 or 100 to 2500 um, not {limit_um}")
        return value

    @field_validator("service_fault")
    @classmethod
    def _fault(cls, value: str | None) -> str | None:
        return value if value is None else _one_of(value, REMEMBERED, "service_fault")


class CartridgeTable(_Table):
    """The cartridge at hand, or the gauge tip in its place."""

    kind: Literal["needles", "gauge_tip"] = "needles"
    seated: bool = True
    serial: int = Field(1001, ge=1, le=2**48 - 1)
    needles: int = Field(12, ge=1, le=64)
    rated_um: int = Field(2500, ge=100, le=5000)
    offset_um: int = Field(0, ge=-200, le=200)
    expiry: datetime.date = datetime.date(2028, 6, 30)
    lot: str = Field("SIM2026A", max_length=8)
    used: bool = False
    known_used: bool = False
    unreadable: bool = False
    copied_from: int | None = Field(None, ge=1, le=2**48 - 1)


class HandStep(_Table):
    """One thing the hands do. They look at the panel as a person does and wait for what they look for."""

    do: Literal[
        "wait", "look_for", "press", "choose", "answer_questions", "set_depth", "set_rate", "open_session", "pass",
        "hold_trigger", "release_trigger", "end_session", "read_aftercare", "insert_cartridge", "pull_cartridge",
        "lift", "apply", "clear_fault", "snapshot", "enter_code", "switch_off", "switch_on", "service",
        "enter_client", "console", "flood_console", "touch_trigger", "hold_button", "release_button",
    ]
    text: str | None = None
    button: Literal["select", "up", "down"] | None = None
    ms: int | None = Field(None, ge=0, le=7_200_000)
    times: int = Field(1, ge=1, le=200)
    pause_ms: int = Field(1500, ge=0, le=600_000)
    depth_um: int | None = Field(None, ge=0, le=3000)
    rate_hz: int | None = Field(None, ge=1, le=60)
    expect_refusal: bool = False
    fresh: bool = Field(False, description="insert_cartridge: a new one of the same kind")
    answer: str | None = Field(None, description="console: what a line of the answer has to hold")
    reads: bool = Field(True, description="flood_console: whether what the pen answers is read")
    within_ms: int = Field(20_000, ge=1, le=600_000)

    @model_validator(mode="after")
    def _complete(self) -> "HandStep":
        needed = {
            "wait": "ms", "look_for": "text", "press": "button", "choose": "text", "set_depth": "depth_um",
            "set_rate": "rate_hz", "pass": "ms", "hold_trigger": None, "snapshot": "text",
            "enter_code": "text", "enter_client": "text", "console": "text", "flood_console": "ms",
            "hold_button": "button", "release_button": "button",
        }.get(self.do)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"'{self.do}' needs '{needed}'")
        if self.do == "enter_code":
            _code_of(self.text or "")
        if self.do == "enter_client" and not re.fullmatch("[0-9]{1,6}", self.text or ""):
            raise ValueError(f"a client's number has up to six digits, not '{self.text}'")
        if self.do == "console" and not (self.text or "").isascii():
            raise ValueError(f"a line for the console is plain ASCII, not '{self.text}'")
        return self


class Mishap(_Table):
    """One thing that goes wrong, at a time, in a stroke (`part` is how much of it has gone by) or after a moment."""

    what: str
    at_ms: float | None = Field(None, ge=0, le=7_200_000)
    stroke: int | None = Field(None, ge=1)
    part: float = Field(0.25, ge=0.0, le=1.0)
    when: str | None = None
    nth: int = Field(1, ge=1, le=1000)
    after_ms: float = Field(0, ge=0, le=7_200_000)
    for_ms: float | None = Field(None, gt=0, le=7_200_000)
    looks: int | None = Field(None, ge=1, le=1_000_000)
    pin: str | None = None
    value: float | None = None

    @field_validator("when")
    @classmethod
    def _moment(cls, value: str | None) -> str | None:
        return value if value is None else _one_of(value, NAMED_MOMENTS, "when")

    @field_validator("what")
    @classmethod
    def _known(cls, value: str) -> str:
        return _one_of(value, tuple(MISHAPS), "what")

    @model_validator(mode="after")
    def _when(self) -> "Mishap":
        if sum(one is not None for one in (self.at_ms, self.stroke, self.when)) != 1:
            raise ValueError("a fault needs one of 'at_ms', 'stroke' and 'when'")
        kind = MISHAPS[self.what]
        if bool(kind.pins) != (self.pin is not None):
            raise ValueError(f"'{self.what}' needs 'pin'" if kind.pins else f"'{self.what}' takes no 'pin'")
        if self.pin is not None:
            _one_of(self.pin, kind.pins, "pin")
        if self.looks is not None and (self.pin not in kind.looks or self.for_ms is not None):
            raise ValueError("'looks' is for what the CPU reads at a 'pin', in place of 'for_ms'")
        unit = kind.value
        if unit and self.value is None:
            raise ValueError(f"'{self.what}' needs 'value', in {unit}")
        if not unit and self.value is not None:
            raise ValueError(f"'{self.what}' takes no 'value'")
        if self.for_ms is not None and MISHAPS[self.what].undo is None:
            raise ValueError(f"'{self.what}' does not end by itself: no 'for_ms'")
        return self


class Bounds(_Table):
    min: float | None = None
    max: float | None = None


class Expect(_Table):
    """What must hold at the end. A number means exactly that; a table means from `min` to `max`."""

    ended: str | None = None
    faults: list[str] | None = None
    strokes: int | Bounds | None = None
    punctures: int | Bounds | None = None
    journal_strokes: int | Bounds | None = None
    max_extension_um: float | Bounds | None = None
    over_limit_um: float | Bounds | None = 0.0
    needles_retracted: bool | Literal["either"] = True
    worst_error_um: float | Bounds | None = None
    slipped_strokes: int | Bounds | None = None
    sessions: int | Bounds | None = None
    session_end: str | None = None
    archived: int | Bounds | None = None
    boots: int | Bounds | None = None
    panel: list[str] = Field(default_factory=list, description="texts that were on the panel at some time")
    rules: list[str] = Field(default_factory=list, description="rules of `pen check`; the cpython tier only")
    hands_done: bool = True

    @field_validator("rules")
    @classmethod
    def _rules(cls, value: list[str]) -> list[str]:
        from sim.exhaust.monitor import NAMES

        return [_one_of(name, NAMES, "rules") for name in value]

    @field_validator("ended")
    @classmethod
    def _state(cls, value: str | None) -> str | None:
        return value if value is None else _one_of(value, ENDINGS, "ended")

    @field_validator("faults")
    @classmethod
    def _codes(cls, value: list[str] | None) -> list[str] | None:
        return value if value is None else [_one_of(code, FAULT_KEYS, "faults") for code in value]


class Scenario(_Table):
    """One scenario, checked."""

    name: str
    title: str
    about: str = ""
    seed: int = Field(1, ge=0, le=2**31)
    limit_s: float = Field(300, gt=0, le=7200)
    settle_ms: int = Field(1500, ge=0, le=60_000)
    restart_after_ms: int | None = Field(None, ge=1, le=600_000)
    treatment: TreatmentTable = TreatmentTable()
    pen: PenTable = PenTable()
    plant: dict[str, float | int] = Field(default_factory=dict)
    cartridge: CartridgeTable = CartridgeTable()
    go_on: bool = Field(False, description="a step of the hands that fails is left, and the next one begins")
    hands: list[HandStep] = Field(default_factory=list)
    faults: list[Mishap] = Field(default_factory=list)
    expect: Expect = Expect()

    @field_validator("plant")
    @classmethod
    def _plant(cls, value: dict[str, float | int]) -> dict[str, float | int]:
        for name, figure in value.items():
            _one_of(name, tuple(PARAM_RANGES), "key")
            check_range(name, figure, *PARAM_RANGES[name])
        return value


def _code_of(value: str) -> str:
    if len(value) != supervisor.CODE_PRESSES or set(value) - set("USD"):
        raise ValueError(f"a supervisor's code is {supervisor.CODE_PRESSES} of U, S and D, not '{value}'")
    return value


def _one_of(value: str, known: tuple[str, ...], what: str) -> str:
    if value in known:
        return value
    raise ValueError(f"unknown {what} '{value}'{_nearest(value, known)}")


def _nearest(value: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(value, known, 1, 0.5)
    return f", did you mean '{close[0]}'?" if close else f", known: {', '.join(known)}"


def load(path: Path | str) -> Scenario:
    """Read a scenario file, or one of the shipped ones by its bare name. ScenarioError says what is wrong."""
    path = Path(path)
    if not path.exists() and path.suffix == "" and (LIBRARY / f"{path.name}.toml").exists():
        path = LIBRARY / f"{path.name}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        shipped = tuple(sorted(p.stem for p in LIBRARY.glob("*.toml")))
        hint = _nearest(path.stem, shipped)
        if "did you mean" not in hint:
            hint = "; 'pen scenarios' lists the shipped ones"
        raise ScenarioError(f"{path}: no such scenario file{hint}") from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{path}: cannot be read: it is not text") from None
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: not TOML: {error}") from None
    return parse(table, path.stem, str(path))


def parse(table: dict[str, Any], name: str, where: str) -> Scenario:
    """Check a table; `where` is what messages call it."""
    if "name" in table:
        raise ScenarioError(f"{where}: unknown key 'name': a scenario is called what its file is called")
    try:
        return Scenario(name=name, **table)
    except ValidationError as error:
        raise ScenarioError(f"{where}: {_first_problem(error, table)}") from None


def _first_problem(error: ValidationError, table: dict[str, Any]) -> str:
    problem = error.errors()[0]
    place = _place(problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"unknown key '{place}'{_nearest(str(problem['loc'][-1]), _keys_at(problem['loc'][:-1]))}"
    if problem["type"] == "missing":
        return f"key '{place}' is missing"
    message = problem["msg"].removeprefix("Value error, ")
    got = problem.get("input")
    if problem["type"] != "value_error" and isinstance(got, (str, int, float, bool)):
        message = f"{message[0].lower()}{message[1:]}, not {got!r}"
    return f"{place}: {message}" if place else message


def _place(loc: tuple[int | str, ...]) -> str:
    parts = ""
    for item in loc:
        if isinstance(item, int):
            parts += f"[{item + 1}]"
        elif item in ("Bounds", "int", "float"):
            continue
        else:
            parts += f".{item}" if parts else str(item)
    return parts


def _keys_at(loc: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys that a table of the scenario knows."""
    model: Any = Scenario
    for item in loc:
        if isinstance(item, int) or item in ("Bounds", "int", "float"):
            model = Bounds if item == "Bounds" else model
            continue
        annotation = model.model_fields[item].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return tuple(key for key in model.model_fields if not (model is Scenario and key == "name"))
