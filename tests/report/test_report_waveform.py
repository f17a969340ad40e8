"""The VCD file read back: every edge at its nanosecond, unknown outside the recorded windows."""

import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from sample_run import sample_run
from vcd.reader import TokenKind, tokenize

from pen.waveform import write_vcd
from sim.record import Event, Signal


def read_back(path):
    """Return {dotted name: (kind, [(t_ns, value)])} and the time scale, by pyvcd's reader."""
    with path.open("rb") as file:
        scopes: list[str] = []
        names: dict[str, str] = {}
        changes: dict[str, tuple[str, list[tuple[int, Any]]]] = {}
        t_ns, scale = 0, None
        for token in tokenize(file):
            data: Any = token.data
            if token.kind is TokenKind.SCOPE:
                scopes.append(data.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scopes.pop()
            elif token.kind is TokenKind.VAR:
                names[data.id_code] = ".".join([*scopes, data.reference])
                changes[names[data.id_code]] = (data.type_.value, [])
            elif token.kind is TokenKind.TIMESCALE:
                scale = (int(data.magnitude), data.unit.value)
            elif token.kind is TokenKind.CHANGE_TIME:
                t_ns = data
            elif token.kind.name.startswith("CHANGE"):
                changes[names[data.id_code]][1].append((t_ns, data.value))
    return changes, scale


def settled(signal):
    """Return the signal's changes as a viewer sees them: the last at each time, where the value differs."""
    at_time = dict(zip(signal.t_ns.tolist(), signal.value.tolist(), strict=True))
    kept, level = [], None
    for t_ns, value in at_time.items():
        if value != level:
            kept.append((t_ns, value))
        level = value
    return kept


def shown(changes):
    at_time = dict(changes)
    return [(t_ns, int(value)) for t_ns, value in at_time.items() if value != "x"]


@pytest.fixture(scope="module")
def run():
    return sample_run()


@pytest.fixture(scope="module")
def vcd(run, tmp_path_factory):
    return write_vcd(run, tmp_path_factory.mktemp("vcd") / "run.vcd")


def test_scopes_and_scale(vcd):
    changes, scale = read_back(vcd)
    assert scale == (1, "ns")
    assert {
        "pen.gate.STEP", "pen.gate.EN_N", "pen.sensors.HOME", "pen.hands.TRIGGER_NO", "pen.hands.TRIGGER_NC",
        "pen.analog.tip_um", "pen.analog.command_um", "pen.analog.rail_mv", "pen.analog.battery_mv",
        "pen.analog.force_n", "pen.firmware.state", "pen.record.DETAIL",
    } == set(changes)  # fmt: skip


@pytest.mark.parametrize(
    "name", ["gate.EN_N", "sensors.HOME", "hands.TRIGGER_NO", "hands.TRIGGER_NC", "record.DETAIL"]
)
def test_edges_are_the_recorded_ones(run, vcd, name):
    changes, _ = read_back(vcd)
    assert shown(changes[f"pen.{name}"][1]) == settled(run.signals[name.split(".")[1]])


def test_every_step_edge_inside_a_window(run, vcd):
    kind, changes = read_back(vcd)[0]["pen.gate.STEP"]
    assert kind == "wire"
    rising = [t_ns for t_ns, value in changes if value == "1"]
    recorded = run.signals["STEP"]
    assert rising == recorded.t_ns[recorded.value == 1].tolist()
    assert len(rising) > 500


def test_step_is_unknown_between_windows(run, vcd):
    changes = read_back(vcd)[0]["pen.gate.STEP"][1]
    window = run.signals["DETAIL"]
    unknown = [t_ns for t_ns, value in changes if value == "x"]
    assert unknown == [0, *window.t_ns[1:][window.value[1:] == 0].tolist()]


def test_edge_outside_a_window_is_not_shown(tmp_path):
    run = sample_run(5)
    step = run.signals["STEP"]
    run.signals["STEP"] = Signal(np.append(5, step.t_ns), np.append(np.uint8(1), step.value))
    changes = read_back(write_vcd(run, tmp_path / "run.vcd"))[0]["pen.gate.STEP"][1]
    assert 5 not in dict(changes)


def test_without_windows_everything_is_shown(tmp_path):
    run = sample_run(5)
    del run.signals["DETAIL"]
    changes = read_back(write_vcd(run, tmp_path / "run.vcd"))[0]["pen.gate.STEP"][1]
    assert shown(changes) == settled(run.signals["STEP"])


def test_analog_and_state(run, vcd):
    changes, _ = read_back(vcd)
    kind, tip = changes["pen.analog.tip_um"]
    assert kind == "real"
    assert max(value for _, value in tip) == pytest.approx(max(d.tip_um.max() for d in run.details), abs=1e-3)
    kind, states = changes["pen.firmware.state"]
    assert kind == "string"
    expected = [(e.t_us * 1000, e.text.replace(" ", r"\x20")) for e in run.events if e.kind == "state"]
    assert list(dict(states).items()) == list(dict(expected).items())


def test_recorded_analog_wins_over_details_and_unknown_names_have_a_scope(tmp_path):
    run = sample_run(5)
    run.signals["tip_um"] = Signal(np.array([0, 10]), np.array([-120.0, 3.5]))
    run.signals["GATE_X"] = Signal(np.array([0, 16]), np.array([0, 2000]), width=32)
    changes, _ = read_back(write_vcd(run, tmp_path / "run.vcd"))
    assert changes["pen.analog.tip_um"][1] == [(0, -120.0), (10, 3.5)]
    assert shown(changes["pen.other.GATE_X"][1]) == [(0, 0), (16, 2000)]


def test_booleans_and_strange_states(tmp_path):
    run = sample_run(0)
    run.signals["HOME"] = Signal(np.array([0, 7]), np.array([True, False]))
    run.events.append(Event(5_500_000, "state", "µ €  two  blanks"))
    changes, _ = read_back(write_vcd(run, tmp_path / "run.vcd"))
    assert shown(changes["pen.sensors.HOME"][1]) == [(0, 1), (7, 0)]


def test_nothing_recorded_is_still_a_file(tmp_path):
    run = sample_run(0)
    run.signals, run.slow, run.events = {}, {}, []
    changes, scale = read_back(write_vcd(run, tmp_path / "run.vcd"))
    assert changes == {} and scale == (1, "ns")


@pytest.mark.skipif(shutil.which("vcd2fst") is None, reason="GTKWave's tools are not installed")
def test_gtkwave_reads_it(vcd, tmp_path):
    out = tmp_path / "run.fst"
    subprocess.run(["vcd2fst", str(vcd), str(out)], check=True, timeout=60)
    assert out.stat().st_size > 1000
