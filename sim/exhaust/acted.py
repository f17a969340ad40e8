"""A path of the checker acted out: a scenario in which the simulated pen goes the same way and breaks the same rule.

The checker calls the core as it likes; in a scenario the core is called by the pen, so that inputs become hands and
mishaps, and the events of the motor come of themselves. Not every path has such a scenario: another module may stand
in the way, or nothing in the simulator makes an input so. Then `act_out` says which. Invariant: what it returns
has been run, and broke the rule.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from sim.campaign.table import FAULTS as CAMPAIGN
from sim.exhaust.monitor import NAMES
from sim.exhaust.paths import PathFile, Row, replay
from sim.exhaust.subject import Firmware
from sim.run import Simulation
from sim.scenario import parse

PARTS = (0.15, 0.35, 0.5, 0.75, 0.95)  # of a state's time, or of a stroke: where the mishap is tried
RUN_MS = 900
SETTLE_MS = 800
LIMIT_S = 60
BY_CALL = ("clear", "power_gone")
HANDS = {"trigger_no", "trigger_nc"}
STROKES = ("running", "stopping")
GAUGE = ("open_gauge", "ask_static", "close_gauge")


class Acted(NamedTuple):
    """`table` is the scenario, None without one; `says` is what it showed, or why there is none."""

    table: dict[str, Any] | None
    says: str


class _NoWay(Exception):
    """Nothing in the simulator does this."""


def act_out(path: PathFile, firmware: Firmware, sources: Path) -> Acted:
    """The scenario of a path, tried on the firmware of `sources`."""
    if path.rule not in NAMES:
        return Acted(None, "the rule is about states and not about one call, which a run cannot show")
    if not path.steps:
        return Acted(None, "it is a path of calls into the treatment alone; the panel's pages make no such call")
    if any(step.call in GAUGE for step in path.steps):
        return Acted(None, "it goes through a calibration, for which the hands of a scenario have no gauge")
    path = _plain(path, firmware)
    try:
        tables = _tables(path, replay(path, firmware), firmware.faults)
    except _NoWay as why:
        return Acted(None, str(why))
    tried = 0
    for table in tables:
        tried += 1
        simulation = Simulation(parse(table, path.rule, "a path of the checker"), firmware=sources)
        simulation.world.recorder.keep_detail = False
        simulation.run()
        assert simulation.monitor is not None
        if path.rule in simulation.monitor.broken:
            return Acted(table, f"breaks the rule {simulation.monitor.broken[path.rule]}")
    return Acted(None, f"{tried} runs with its inputs break nothing: another part of the pen stands in the way first")


def _plain(path: PathFile, firmware: Firmware) -> PathFile:
    """The path with every input healthy that the violation does not need."""
    for at, step in enumerate(path.steps):
        for name in list(step.inputs):
            steps = list(path.steps)
            steps[at] = step.model_copy(update={"inputs": {k: v for k, v in step.inputs.items() if k != name}})
            plainer = path.model_copy(update={"steps": steps})
            if path.rule in replay(plainer, firmware)[-1].broken:
                path, step = plainer, steps[at]
    return path


def _tables(path: PathFile, rows: list[Row], faults: Any) -> list[dict[str, Any]]:
    """Scenarios to try, the plainest first."""
    strokes = any(step.call == "ask" for step in path.steps) or any(row.state in STROKES for row in rows)
    opened = next(((step.a, step.b) for step in path.steps if step.call == "open"), None)
    mishaps = _mishaps(path, rows, faults)
    base = _base(path, opened, strokes)
    if not mishaps:
        return [base]
    found = []
    for part in PARTS:
        for for_ms in (None, 12.0):  # the trigger is debounced for 8 ms: some paths live within that
            when = {"stroke": 3, "part": part} if strokes else {"at_ms": round(300 + 900 * part)}
            found.append(base | {"faults": [_timed(mishap, when, for_ms) for mishap in mishaps]})
    return found


def _base(path: PathFile, opened: tuple[int, int] | None, strokes: bool) -> dict[str, Any]:
    import sim.scenario as scenario

    zones = scenario.depth.ZONES
    table: dict[str, Any] = {
        "title": f"A path of the checker: {path.text}"[:100], "limit_s": LIMIT_S, "settle_ms": SETTLE_MS,
        "expect": {"rules": [path.rule], "needles_retracted": "either", "hands_done": False},
    }
    if opened is None or not strokes:
        return table | {"hands": [{"do": "wait", "ms": 2500}]}
    zone = opened[0] if 0 <= opened[0] < len(zones) and zones[opened[0]].cap_um else 0
    key = zones[zone].key if zones[zone].cap_um else next(row.key for row in zones if row.cap_um)
    return table | {
        "treatment": {"zone": key, "indication": "fine_lines"},
        "hands": [{"do": "open_session"}, {"do": "pass", "ms": RUN_MS}, {"do": "wait", "ms": 400}]}


def _mishaps(path: PathFile, rows: list[Row], faults: Any) -> list[dict[str, Any]]:
    """What has to go wrong, in order, each once."""
    found: list[dict[str, Any]] = []
    for step, row in zip(path.steps, rows, strict=True):
        for what, value in _of_inputs(step.inputs, row.state):
            mishap = {"what": what} | ({} if value is None else {"value": value})
            if mishap not in found:
                found.append(mishap)
        if step.call == "trip":
            found.append({"what": _mishap_of(faults.key(step.a))})
        elif step.call in BY_CALL:
            raise _NoWay(f"the hands of a scenario do not do '{step.says}' at such a time")
    return found


def _of_inputs(inputs: dict[str, int], state: str) -> list[tuple[str, float | None]]:
    """Mishaps that make the inputs so. The trigger cleanly held or released is the hands' work."""
    found: list[tuple[str, float | None]] = []
    no, nc = inputs.get("trigger_no", 0), inputs.get("trigger_nc", 1)
    if no == nc:
        held = state in STROKES
        found.append((f"trigger_{'nc' if held == bool(nc) else 'no'}_{'stuck' if no else 'broken'}", None))
    for name, value in inputs.items():
        if name in HANDS or name in ("home", "drive_on", "extension_um"):
            continue  # the hands make them so, or the motion does
        found.append(_of_input(name, value))
    return found


def _of_input(name: str, value: int) -> tuple[str, float | None]:
    if name == "interlock":
        return "interlock_torn", None
    if name == "power_ok":
        return "power_fail_stuck", None
    if name == "temp_dc":
        if 250 < value <= 1500:
            return "motor_temp", value / 10
        return "ntc_shorted" if value > 0 else "ntc_open", None
    if name == "rail_mv" and value < 12000:
        return "boost_mv", float(value)
    if name == "battery_mv" and value < 7800:
        return "battery_mv", float(value)
    raise _NoWay(f"nothing in the simulator makes '{name}' {value} while a session runs")


def _mishap_of(key: str) -> str:
    """A mishap that the pen calls by this fault."""
    for row in CAMPAIGN.values():
        if row.names[:1] == (key,) and row.value is None:
            return row.what
    raise _NoWay(f"no mishap leads to the fault '{key}' alone")


def _timed(mishap: dict[str, Any], when: dict[str, Any], for_ms: float | None) -> dict[str, Any]:
    from sim.mishaps import MISHAPS

    ends = for_ms is not None and MISHAPS[mishap["what"]].undo is not None
    return mishap | when | ({"for_ms": for_ms} if ends else {})


def toml(table: dict[str, Any]) -> str:
    """The table as a scenario file."""
    plain = [f"{key} = {_value(value)}" for key, value in table.items() if not isinstance(value, dict | list)]
    parts = ["\n".join(plain)]
    for key, value in table.items():
        rows = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
        head = f"[[{key}]]" if isinstance(value, list) else f"[{key}]"
        parts += ["\n".join([head, *(f"{name} = {_value(item)}" for name, item in row.items())]) for row in rows]
    return "\n\n".join(parts) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)
