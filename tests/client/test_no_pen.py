"""Every command that talks to a pen, where there is none, or another thing, or it goes away: one line, an exit code."""

import json

import pytest
from responder import Responder
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo
from typer.testing import CliRunner

from pen.cli import app
from sim.hostport import HostPort

TALKING = [
    ["watch", "--count", "2"], ["trace", "--out", "{tmp}/t.vcd"], ["console", "STAT?"], ["status"], ["zones"],
    ["faults"], ["selftest"], ["limits"],
]  # fmt: skip


def invoke(arguments, tmp_path, *more):
    outcome = CliRunner().invoke(app, [word.format(tmp=tmp_path) for word in arguments] + list(more))
    assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
    return outcome


def one_line(outcome) -> str:
    lines = outcome.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("pen: "), outcome.stderr
    return lines[0]


def usb(device, vid=None, pid=None, product=None):
    port = ListPortInfo(device)
    port.vid, port.pid, port.product = vid, pid, product
    return port


@pytest.fixture
def plugged(monkeypatch):
    """The serial ports that the machine seems to have."""
    found: list[ListPortInfo] = []
    monkeypatch.setattr(list_ports, "comports", lambda: list(found))
    monkeypatch.delenv("PEN_PORT", raising=False)
    return found


@pytest.mark.parametrize("command", TALKING, ids=lambda command: command[0])
def test_no_serial_port_at_all(command, tmp_path, plugged):
    outcome = invoke(command, tmp_path)
    assert outcome.exit_code == 1
    assert "no serial port at all" in one_line(outcome)


@pytest.mark.parametrize("command", TALKING, ids=lambda command: command[0])
def test_other_devices_are_named(command, tmp_path, plugged):
    plugged.append(usb("/dev/ttyUSB7", 0x0403, 0x6001, "FT232R USB UART"))
    outcome = invoke(command, tmp_path)
    assert outcome.exit_code == 1
    assert "/dev/ttyUSB7 (FT232R USB UART 0403:6001)" in one_line(outcome)


@pytest.mark.parametrize("command", TALKING, ids=lambda command: command[0])
def test_of_two_pens_one_has_to_be_named(command, tmp_path, plugged):
    plugged += [usb("/dev/ttyACM0", 0x2E8A, 5), usb("/dev/ttyACM1", 0x2E8A, 5)]
    outcome = invoke(command, tmp_path)
    assert outcome.exit_code == 2
    assert "2 pens at USB: /dev/ttyACM0, /dev/ttyACM1" in one_line(outcome)


def test_the_one_pen_at_usb_is_taken(tmp_path, plugged):
    port = HostPort.pty()
    plugged += [usb("/dev/ttyS0"), usb(port.name, 0x2E8A, 5)]
    with Responder(port, {"STAT?": b"ready"}):
        outcome = invoke(["console", "STAT?"], tmp_path)
    assert (outcome.exit_code, outcome.stdout) == (0, "ready\n")


@pytest.mark.parametrize("command", TALKING, ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("port", "says", "code"),
    [
        ("/dev/no-such-port", "there is no /dev/no-such-port", 1),
        ("sim:treatmnt", "did you mean 'treatment'", 2),
        ("gopher://x", "is not a port", 2),
    ],
)
def test_a_port_that_is_none(command, port, says, code, tmp_path):
    outcome = invoke(command, tmp_path, "--port", port)
    assert outcome.exit_code == code
    assert says in one_line(outcome)


@pytest.mark.parametrize("command", TALKING, ids=lambda command: command[0])
def test_another_instrument(command, tmp_path):
    port = HostPort.socket()
    with Responder(port, {"*IDN?": b"ACME,MULTIMETER,7,1.0"}):
        outcome = invoke(command, tmp_path, "--port", port.name)
    assert outcome.exit_code == 1
    assert "is not a pen" in one_line(outcome)


class Leaves(dict):
    """Answers so many commands, then the cable is pulled."""

    def __init__(self, count):
        super().__init__({"*IDN?": b"Microneedling Pen Project,Pen A,PEN-T-01,0.1.0"})
        self.left = count

    def __contains__(self, command):
        return True

    def __getitem__(self, command):
        if command == "*IDN?":
            return dict.__getitem__(self, command)
        self.left -= 1
        return (lambda me: me.vanish()) if self.left < 0 else b"1"


@pytest.mark.parametrize("command", TALKING, ids=lambda command: command[0])
def test_a_cable_pulled_halfway(command, tmp_path):
    port = HostPort.pty()
    with Responder(port, {}) as responder:
        responder.answers = Leaves(0)
        outcome = invoke(command, tmp_path, "--port", port.name)
    assert outcome.exit_code == 1
    assert "vanished" in one_line(outcome)


@pytest.mark.parametrize("command", TALKING, ids=lambda command: command[0])
def test_firmware_that_answers_something_else(command, tmp_path):
    port = HostPort.pty()
    with Responder(port, {}) as responder:
        responder.answers = Leaves(10_000)
        outcome = invoke(command, tmp_path, "--port", port.name)
    if command[0] in ("console", "selftest"):
        return  # one shows whatever comes; to the other 1 is an answer
    assert outcome.exit_code == 1
    one_line(outcome)


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch", "--interval", "0"], ["watch", "--count", "0"], ["watch", "now"], ["trace", "--seconds", "0"],
        ["trace", "--out", "/proc/no/such.vcd", "-p", "sim:"], ["trace", "--scenario", "nix"],
        ["console", "--timeout", "0"], ["status", "now"], ["zones", "nose"], ["faults", "77"], ["selftest", "--fast"],
        ["limits", "cheek", "deep"], ["limits", "cheek"],
        ["sim", "nix"], ["sim", "--tier", "silicone"], ["sim", "--port", "tcp://1"], ["sim", "--port", "socket://x:y"],
        ["sim", "--port", "/dev/ttyACM0"], ["sim", "--port", "socket://127.0.0.1:0", "--link", "pen"],
        ["sim", "--control", "socket://127.0.0.1"], ["ports", "all"], ["nix"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_use_is_exit_2_and_no_traceback(arguments, tmp_path, plugged):
    outcome = invoke(arguments, tmp_path)
    assert outcome.exit_code == 2
    assert outcome.stderr.strip() and "Traceback" not in outcome.output


def test_a_trace_of_no_pen_leaves_no_file(tmp_path, plugged):
    assert invoke(["trace", "--out", "{tmp}/t.vcd"], tmp_path).exit_code == 1
    assert not list(tmp_path.iterdir())


def test_a_taken_address_is_exit_1(tmp_path):
    port = HostPort.socket()
    outcome = invoke(["sim", "--port", port.name], tmp_path)
    port.close()
    assert outcome.exit_code == 1
    assert "cannot listen" in one_line(outcome)


def test_ports_tells_pens_from_other_things_and_what_is_wrong_with_one(tmp_path, plugged):
    assert "No serial port" in invoke(["ports"], tmp_path).stdout
    port = HostPort.pty()
    plugged += [usb("/dev/ttyS0"), usb(port.name, 0x2E8A, 5), usb("/dev/no-such-port", 0x2E8A, 5)]
    with Responder(port, {}):
        rows = json.loads(invoke(["ports", "--json"], tmp_path).stdout)
        shown = invoke(["ports"], tmp_path).stdout
    assert rows[0] == {
        "port": "/dev/no-such-port", "usb": "2E8A:0005", "serial": None, "firmware": None,
        "about": "there is no /dev/no-such-port: 'pen ports' lists what there is"}
    assert rows[1] == {"port": port.name, "usb": "2E8A:0005", "serial": "PEN-T-01", "firmware": "0.1.0", "about": "pen"}
    assert (rows[2]["port"], rows[2]["usb"]) == ("/dev/ttyS0", None)
    assert "PEN-T-01" in shown and max(map(len, shown.splitlines())) <= 80


def test_a_port_of_the_environment_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("PEN_PORT", "/dev/no-such-port")
    assert "there is no /dev/no-such-port" in one_line(invoke(["watch"], tmp_path))


@pytest.mark.parametrize("text", ["", "xyz", "00" * 31, "00" * 33, "Ä"])
def test_a_file_that_is_no_key(text, tmp_path):
    path = tmp_path / "pen.key"
    path.write_text(text, encoding="utf-8")
    port = HostPort.pty()
    with Responder(port, {"ZONE:CAT?": b"nose,cheek"}):
        outcome = invoke(["limits", "cheek", "900", "--key", str(path), "--port", port.name], tmp_path)
    assert outcome.exit_code == 2
    assert "not a pen's key" in one_line(outcome)
    outcome = invoke(["limits", "cheek", "900", "--key", str(tmp_path / "none")], tmp_path)
    assert outcome.exit_code == 2
