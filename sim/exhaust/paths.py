"""A violation as a file: the calls with their times and inputs, and what the checker does with such a file.

The file is JSON. A path of the safety core has `steps`, one of the treatment has `calls`. Replayed, it says for
each call what the core did and which rules that broke.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sim.exhaust.choices import FIGURES, HEALTHY
from sim.exhaust.explorer import Explorer
from sim.exhaust.replay import Pen, Step, unusual
from sim.exhaust.session import Deed, Sessions
from sim.exhaust.subject import Firmware, Move
from sim.exhaust.ways import TEXTS as WAYS
from sim.exhaust.ways import holds_in

VERSION = 1


class PathError(ValueError):
    """A file that is no path of the checker; the message says where and why."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StepTable(_Table):
    """One call into the safety core."""

    at_ms: int = Field(ge=0, lt=1 << 29)
    call: Literal[
        "update", "ask", "ask_static", "spend", "event", "trip", "clear", "open", "close", "open_gauge", "close_gauge",
        "power_gone"]
    a: int = 0
    b: int = 0
    says: str = ""
    inputs: dict[str, int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> StepTable:
        for name, value in self.inputs.items():
            if name not in HEALTHY:
                raise ValueError(f"unknown input '{name}', known: {', '.join(HEALTHY)}")
            lo, hi = FIGURES[name][:2] if name in FIGURES else (0, 1)
            if not lo <= value <= hi:
                raise ValueError(f"input '{name}' is {value}, expected {lo} to {hi}")
        return self


class CallTable(_Table):
    """One call into the treatment."""

    call: str
    arguments: list[int] = Field(default_factory=list)


class PathFile(_Table):
    """A path that breaks a rule. Inputs that a step does not name are those of a healthy pen at rest."""

    version: Literal[1] = VERSION
    rule: str
    text: str
    steps: list[StepTable] = Field(default_factory=list)
    calls: list[CallTable] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_kind(self) -> PathFile:
        if bool(self.steps) == bool(self.calls):
            raise ValueError("expected either 'steps' (of the core) or 'calls' (of the treatment)")
        times = [step.at_ms for step in self.steps]
        if times != sorted(times):
            raise ValueError("the times of the steps must not go backwards")
        return self


class Row(NamedTuple):
    """One call of a replay."""

    at_ms: int | None
    says: str
    state: str
    broken: list[str]


def core_path(explorer: Explorer, rule: str, text: str, steps: list[Step]) -> PathFile:
    """A path of the safety core as a file."""
    tables = [
        StepTable(at_ms=step.at_ms, call=step.move.what, a=step.move.a, b=step.move.b,  # type: ignore[arg-type]
                  says=explorer.moves.text(step.move), inputs=unusual(step.inputs)) for step in steps]  # fmt: skip
    return PathFile(rule=rule, text=text, steps=tables)


def session_path(rule: str, text: str, path: list[Deed]) -> PathFile:
    """A path of the treatment as a file."""
    return PathFile(rule=rule, text=text, calls=[CallTable(call=name, arguments=list(args)) for name, args in path])


def write(path: PathFile, where: Path) -> None:
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_text(json.dumps(path.model_dump(exclude_defaults=False), indent=1) + "\n", encoding="utf-8")


def read(where: Path) -> PathFile:
    """PathError says what is wrong with the file."""
    try:
        table = json.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PathError(f"{where}: no such file; 'pen check' writes one for each rule that is broken") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PathError(f"{where}: cannot be read: {error}") from None
    except json.JSONDecodeError as error:
        raise PathError(f"{where}: not JSON: {error}") from None
    try:
        return PathFile.model_validate(table)
    except ValidationError as error:
        problem = error.errors()[0]
        place = "".join(f"{item}: " for item in problem["loc"])
        raise PathError(f"{where}: not a path of the checker: {place}{problem['msg']}") from None


def steps_of(path: PathFile) -> list[Step]:
    """The steps with every input named."""
    return [Step(step.at_ms, Move(step.call, step.a, step.b), HEALTHY | step.inputs) for step in path.steps]


def replay(path: PathFile, firmware: Firmware) -> list[Row]:
    """Make the calls. The rule is broken if a row says so; PathError if a call is not one that can be made."""
    try:
        return _replay_calls(path, firmware) if path.calls else _replay_steps(path, firmware)
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise PathError(f"the path names what this firmware does not have: {error}") from None


def _replay_steps(path: PathFile, firmware: Firmware) -> list[Row]:
    explorer = Explorer(firmware)
    pen = Pen(firmware, explorer.probe)
    names = firmware.safety.STATE_NAMES
    rows = []
    for step in steps_of(path):
        pen.step(step)
        rows.append(Row(step.at_ms, _says(explorer, step), names[pen.core.state], pen.violated(explorer.moves)))
    if path.rule in WAYS and not holds_in(explorer, path.rule, pen.key()):
        rows[-1].broken.append(path.rule)
    return rows


def _says(explorer: Explorer, step: Step) -> str:
    inputs: dict[str, Any] = unusual(step.inputs) if step.move.what in ("update", "ask", "clear") else {}
    with_inputs = ", ".join(f"{name} {value}" for name, value in inputs.items())
    return explorer.moves.text(step.move) + (f" with {with_inputs}" if with_inputs else "")


def _replay_calls(path: PathFile, firmware: Firmware) -> list[Row]:
    sessions = Sessions(firmware)
    calls: list[Deed] = [(call.call, tuple(call.arguments)) for call in path.calls]
    for name, _ in calls:
        if name.startswith("_") or not hasattr(firmware.treatment.Treatment, name):
            raise PathError(f"the treatment has no call '{name}'")
    return [Row(None, call_text(call), sessions.stage_name(stage), broken)
            for call, stage, broken in sessions.replay(calls)]  # fmt: skip


def call_text(call: Deed) -> str:
    return f"{call[0]}({', '.join(str(argument) for argument in call[1])})"
