"""PyVISA with its pure Python backend, as a test bench has it, drives a served pen over a TCP socket and a pty."""

import pytest
import pyvisa
from served import TIMEOUT_S, serve

TIERS = ["cpython", pytest.param("micropython", marks=pytest.mark.micropython)]


@pytest.fixture(scope="module", params=TIERS)
def tier(request, need_micropython):
    return request.param


@pytest.fixture(scope="module", params=["socket", "pty"])
def bench(request, tier):
    """A pen as VISA's resource."""
    with serve("--tier", tier, port="socket://127.0.0.1:0" if request.param == "socket" else None) as pen:
        manager = pyvisa.ResourceManager("@py")
        if request.param == "socket":
            host, _, number = pen.port.removeprefix("socket://").partition(":")
            name = f"TCPIP::{host}::{number}::SOCKET"
        else:
            name = f"ASRL{pen.port}::INSTR"
        resource = manager.open_resource(name, read_termination="\n", write_termination="\n", timeout=TIMEOUT_S * 1000)
        yield resource
        resource.close()
        manager.close()


def test_it_says_who_it_is(bench):
    maker, model, serial, firmware = bench.query("*IDN?").split(",")
    assert (maker, model, serial) == ("Microneedling Pen Project", "Pen A", "PEN-SIM-01")
    assert firmware.count(".") == 2


def test_common_commands(bench):
    bench.write("*CLS")
    assert bench.query("*ESR?") == "0"
    assert bench.query("*OPC?") == "1"
    bench.write("*ESE 60")
    assert bench.query("*ESE?") == "60"
    assert int(bench.query("*STB?")) >= 0


def test_an_error_waits_in_the_queue_and_shows_in_the_event_register(bench):
    bench.write("*CLS")
    bench.write("NO:SUCH:COMMAND")
    assert bench.query("SYST:ERR?").startswith("-113,")
    assert bench.query("SYST:ERR?").startswith("0,")
    assert int(bench.query("*ESR?")) & 32


def test_two_commands_in_one_line_have_their_answers_in_one(bench):
    state, rail = bench.query("STAT?;:MEAS:RAIL?").split(";")
    assert state.split(",")[0] in ("unhomed", "homing", "ready")
    assert 11 < float(rail) < 13


def test_measurements_are_numbers(bench):
    assert 6 < bench.query_ascii_values("MEAS:BATT?")[0] < 8.5
    assert 10 < bench.query_ascii_values("MEAS:TEMP?")[0] < 40
