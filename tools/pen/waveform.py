"""Waveforms of a run as a VCD file for GTKWave and PulseView.

Invariants: timescale 1 ns, every edge at the nanosecond it was recorded; STEP, A and B are x (unknown)
outside the windows in which they were recorded in full: silence is never read as standstill.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from vcd import VCDWriter

from sim.record import Run, Signal

SCOPES = {
    "gate": ("STEP", "DIR", "EN_N"),
    "sensors": ("HOME", "A", "B", "Z", "DIAG"),
    "hands": ("TRIGGER_NO", "TRIGGER_NC", "SELECT", "UP", "DOWN", "INTERLOCK"),
    "analog": ("tip_um", "command_um", "rail_mv", "battery_mv", "force_n"),
    "record": ("DETAIL",),
}
WINDOWED = ("STEP", "A", "B")  # too fast to keep for a whole session


def write_vcd(run: Run, path: Path | str) -> Path:
    """Write the run's signals to `path` and return it.

    Analog traces missing from run.signals come from the strokes in detail and the slow samples; the
    firmware's state comes from the events. Signals of other names land in scope `other`.
    """
    path = Path(path)
    traces = dict(_traces(run))
    note = _ascii(f"{run.scenario} ({run.tier}), simulated")
    with path.open("w", encoding="ascii", newline="\n") as file, VCDWriter(file, "1 ns", "", note) as vcd:
        variables = [_register(vcd, *key, signal) for key, signal in traces.items()]
        for t_ns, which, value in _merged(list(traces.values())):
            vcd.change(variables[which], t_ns, value)
        vcd.flush(_end_ns(run, traces.values()))
    return path


def _traces(run: Run) -> Iterator[tuple[tuple[str, str], Signal]]:
    """Yield ((scope, name), signal) in the order a reader wants them, leaving out what holds nothing."""
    signals = {**_analog(run), **run.signals}
    window = run.signals.get("DETAIL")
    homes = {name: scope for scope, names in SCOPES.items() for name in names}
    ordered = [name for name in homes if name in signals] + sorted(set(signals) - set(homes))
    states = [event for event in run.events if event.kind == "state"]
    if states:
        times = np.array([event.t_us * 1000 for event in states], np.int64)
        yield ("firmware", "state"), Signal(times, np.array([_ascii(event.text) for event in states], object))
    for name in ordered:
        signal = signals[name]
        if name in WINDOWED and window is not None:
            signal = _blanked(signal, window)
        if len(signal.t_ns):
            yield (homes.get(name, "other"), name), signal


def _ascii(text: str) -> str:
    """Return the text as readers of VCD take it: ASCII, and nothing that looks like a keyword."""
    return text.replace("µ", "u").replace("$", "?").encode("ascii", "replace").decode("ascii")


def _analog(run: Run) -> dict[str, Signal]:
    """Gather analog traces from the detailed strokes and the slow samples."""
    pieces: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for detail in run.details:
        t_ns = np.asarray(detail.t_us, np.float64) * 1000
        for name in ("tip_um", "command_um", "rail_mv", "force_n"):
            pieces.setdefault(name, []).append((t_ns, getattr(detail, name)))
    for name in ("rail_mv", "battery_mv"):
        if name in run.slow:
            pieces.setdefault(name, []).append((np.asarray(run.slow["t_s"]) * 1e9, run.slow[name]))
    return {name: _joined(parts) for name, parts in pieces.items()}


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> Signal:
    t_ns = np.concatenate([np.round(times).astype(np.int64) for times, _ in parts])
    value = np.round(np.concatenate([np.asarray(values, np.float64) for _, values in parts]), 3)
    order = np.argsort(t_ns, kind="stable")
    return Signal(t_ns[order], value[order])


def _blanked(signal: Signal, window: Signal) -> Signal:
    """Return the signal with x wherever the window is not 1."""
    at = np.searchsorted(window.t_ns, signal.t_ns, side="right") - 1
    inside = (at >= 0) & (np.asarray(window.value)[at] == 1)
    closing = np.asarray(window.t_ns)[np.asarray(window.value) != 1]
    t_ns = np.concatenate([closing, np.asarray(signal.t_ns)[inside]])
    value = np.concatenate([np.full(len(closing), "x", object), np.asarray(signal.value, object)[inside]])
    order = np.argsort(t_ns, kind="stable")
    return Signal(t_ns[order], value[order], signal.width)


def _register(vcd: VCDWriter, scope: str, name: str, signal: Signal) -> Any:
    if (scope, name) == ("firmware", "state"):
        return vcd.register_var(f"pen.{scope}", name, "string", init="")
    if signal.analog:
        return vcd.register_var(f"pen.{scope}", name, "real", init=float(signal.value[0]))
    return vcd.register_var(f"pen.{scope}", name, "wire", size=signal.width, init="x")


def _merged(signals: list[Signal]) -> Iterator[tuple[int, int, Any]]:
    """Yield (t_ns, which signal, value) over all signals in order of time."""
    if not signals:
        return
    t_ns = np.concatenate([np.asarray(signal.t_ns, np.int64) for signal in signals])
    which = np.repeat(np.arange(len(signals)), [len(signal.t_ns) for signal in signals])
    position = np.concatenate([np.arange(len(signal.t_ns)) for signal in signals])
    values = [np.asarray(signal.value).tolist() for signal in signals]
    order = np.argsort(t_ns, kind="stable")
    for i in order.tolist():
        yield int(t_ns[i]), int(which[i]), values[which[i]][position[i]]


def _end_ns(run: Run, signals: Any) -> int:
    last = max((int(signal.t_ns[-1]) for signal in signals), default=0)
    return max(last, round(run.result["sim_s"] * 1e9))
