"""PyVISA with its pure Python backend, as a test bench has it, drives a served pen over a TCP socket and a pty."""

import zlib
from contextlib import contextmanager

import pytest
import pyvisa

from sim.served import TIMEOUT_S, serve
from sim.space import shim

version = shim("version")

TIERS = [
    "cpython", pytest.param("micropython", marks=pytest.mark.micropython),
    pytest.param("silicon", marks=pytest.mark.silicon(minutes=True))]


@contextmanager
def bench(tier: str, kind: str):
    """A served pen as VISA's resource."""
    with serve("--tier", tier, port="socket://127.0.0.1:0" if kind == "socket" else None) as pen:
        manager = pyvisa.ResourceManager("@py")
        if kind == "socket":
            host, _, number = pen.port.removeprefix("socket://").partition(":")
            name = f"TCPIP::{host}::{number}::SOCKET"
        else:
            name = f"ASRL{pen.port}::INSTR"
        resource = manager.open_resource(name, read_termination="\n", write_termination="\n", timeout=TIMEOUT_S * 1000)
        try:
            yield resource
        finally:
            resource.close()
            manager.close()


@pytest.mark.parametrize("kind", ["socket", "pty"])
@pytest.mark.parametrize("tier", TIERS)
def test_pyvisa_drives_the_pen(tier, kind, need_micropython):
    """One pen for all of it: starting one is what takes time."""
    with bench(tier, kind) as pen:
        maker, model, serial, firmware = pen.query("*IDN?").split(",")
        assert (maker, model, serial) == ("Microneedling Pen Project", "Pen A", "PEN-SIM-01")
        assert firmware == version.TEXT
        common_commands(pen)
        errors(pen)
        answers(pen)
        blocks(pen)


def common_commands(pen):
    pen.write("*CLS")
    assert pen.query("*ESR?") == "0"
    assert pen.query("*OPC?") == "1"
    pen.write("*ESE 60")
    assert pen.query("*ESE?") == "60"
    assert int(pen.query("*STB?")) >= 0


def errors(pen):
    """One waits in the queue, and shows in the event register."""
    pen.write("*CLS")
    pen.write("NO:SUCH:COMMAND")
    assert pen.query("SYST:ERR?").startswith("-113,")
    assert pen.query("SYST:ERR?").startswith("0,")
    assert int(pen.query("*ESR?")) & 32


def answers(pen):
    """Two commands in one line have their answers in one; measurements are numbers."""
    state, rail = pen.query("STAT?;:MEAS:RAIL?").split(";")
    assert state.split(",")[0] in ("unhomed", "homing", "ready")
    assert 11 < float(rail) < 13
    assert 6 < pen.query_ascii_values("MEAS:BATT?")[0] < 8.5
    assert 10 < pen.query_ascii_values("MEAS:TEMP?")[0] < 40


def blocks(pen):
    """A part of the record memory by VISA's own reader of blocks, checked by its sum."""
    raw = pen.query_binary_values("LOG:FRAM? 0,512", datatype="B", container=bytes)
    assert len(raw) == 516
    assert zlib.crc32(raw[:-4]) == int.from_bytes(raw[-4:], "little")
    assert pen.query("*OPC?") == "1"
