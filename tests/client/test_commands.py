"""What each command of a pen tells, held against the firmware's own tables and the simulator, 80 columns wide."""

import hashlib
import hmac
import json

import pytest
from responder import Responder
from typer.testing import CliRunner

from pen.cli import app
from pen.link import open_link
from sim.build import pen_key
from sim.hostport import HostPort
from sim.scenario import load
from sim.served import TIMEOUT_S, serve
from sim.space import shim

depth, fault_table, version = shim("depth"), shim("faults"), shim("version")
WIDTH = 80
STATUS = {  # a pen at rest
    "SYST:UPT?": b"60000,3", "STAT?": b"ready,zone,0", "FAUL?": b'0,"none","",""', "SESS?": b"0,none,none,0,0,0,0",
    "CART?": b"0,none,0,0,0,0,0,0,0,\"\"", "SEC:STAT?": b"locked,1,0,0", "SYST:DATE?": b"2026,11,21",
    "SYST:TIME?": b"10,0,0", "CAL:DATA?": b'-104,0,4,2600,9740,10105,1,"G-01","SIM"', "MEAS:EXT?": b"0",
    "MEAS:RATE?": b"0.0", "MEAS:RAIL?": b"12.0", "MEAS:BATT?": b"7.8", "MEAS:TEMP?": b"23.0"}


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    for name in ("PEN_PORT", "PEN_KEY"):
        monkeypatch.delenv(name, raising=False)


def pen(*arguments: str, code: int = 0, typed: str | None = None) -> str:
    outcome = CliRunner().invoke(app, list(arguments), input=typed)
    assert outcome.exit_code == code, outcome.output
    assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
    if "--json" not in arguments:
        assert max(map(len, outcome.stdout.splitlines()), default=0) <= WIDTH, outcome.stdout
    return outcome.stdout if code == 0 else outcome.output


def told(*arguments: str, code: int = 0):
    return json.loads(pen(*arguments, "--json", code=code))


def test_status():
    found = told("status", "-p", "sim:")
    assert (found["serial"], found["firmware"]) == ("PEN-SIM-01", version.TEXT)
    assert found["state"] == {"state": "unhomed", "stage": "no_cartridge", "fault": 0}
    assert (found["fault"]["number"], found["session"]["number"], found["cartridge"]["seated"]) == (0, 0, 0)
    assert found["uptime"]["starts"] == 1
    assert "not homed" in found["extension_um"]["refused"]
    assert 7 < found["battery_v"] < 8.5 and 11 < found["rail_v"] < 13
    assert (found["calibration"]["number"], found["calibration"]["gauge"]) == (1, "G-01")
    assert found["slot"]["slot"] == ""
    shown = pen("status", "-p", "sim:")
    assert "PEN-SIM-01" in shown and "not homed" in shown and "unhomed" in shown
    assert "1 of 2026-09-01, due 2027-09-01, by SIM with G-01" in shown and "not in slots" in shown


def test_status_tells_a_calibration_that_is_missing_or_overdue():
    assert "overdue since 2026-11-20" in pen("status", "-p", "sim:calibration_overdue")
    assert "Calibration  the pen is not calibrated" in pen("status", "-p", "sim:calibration_missing")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b'a,0,"0.2.0",""', "a, confirmed, the other slot has 0.2.0"),
        (b'b,2,"",""', "b, start 2 of its trial, the other slot is empty"),
        (b'a,0,"0.2.0","b gate.mpy altered"',
         "a, confirmed, the other slot has 0.2.0; went back because: b gate.mpy altered"),
    ],
)
def test_status_tells_the_slot_and_why_the_pen_went_back(answer, words):
    port = HostPort.pty()
    with Responder(port, {"FIRM:SLOT?": answer, **STATUS}):
        assert words in " ".join(pen("status", "-p", port.name).split())


@pytest.mark.micropython
def test_status_on_the_vm(need_micropython):
    here, there = told("status", "-p", "sim:"), told("status", "-p", "sim:@micropython")
    assert here == there


def test_zones_are_the_firmwares():
    assert [
        (row["zone"], row["least_um"], row["default_um"], row["cap_um"], row["supervised_cap_um"],
         row["rate_min_hz"] * 1000, row["rate_max_hz"] * 1000)
        for row in told("zones", "-p", "sim:")
    ] == [
        (row.key, row.min_um, row.default_um, row.cap_um, row.supervised_cap_um, row.rate_min_mhz, row.rate_max_mhz)
        for row in depth.ZONES]  # fmt: skip
    shown = pen("zones", "-p", "sim:").splitlines()
    assert len(shown) == len(depth.ZONES) + 1
    assert "never" in next(line for line in shown if "eyelid" in line)


def test_faults_are_the_firmwares():
    assert told("faults", "-p", "sim:") is None
    assert "no fault" in pen("faults", "-p", "sim:")
    rows = told("faults", "--all", "-p", "sim:")
    assert {row["number"]: (row["key"], row["cause"], row["action"]) for row in rows} == {
        number: (row.key, fault_table.cause(number).replace("|", " "), fault_table.action(number).replace("|", " "))
        for number, row in fault_table.TABLE.items()}
    assert len(pen("faults", "--all", "-p", "sim:").splitlines()) >= len(rows)


def test_a_latched_fault_is_told_with_cause_and_action():
    latched = told("faults", "-p", "sim:calibration_missing")
    assert (latched["number"], latched["key"]) == (fault_table.CALIBRATION_MISSING, "calibration_missing")
    assert latched["cause"] in pen("faults", "-p", "sim:calibration_missing")


def test_selftest():
    assert told("selftest", "-p", "sim:") == {"passed": True, "number": 0, "fault": None}
    assert "nothing wrong" in pen("selftest", "-p", "sim:")


def test_limits_are_listed_and_set_below_the_cap():
    rows = told("limits", "-p", "sim:")
    assert {row["zone"] for row in rows} == {row.key for row in depth.ZONES}
    assert all(row["clinic_um"] == depth.BUILD_CEILING_UM for row in rows)
    assert told("limits", "cheek", "900", "-p", "sim:")[0]["clinic_um"] == 900
    assert "forbidden" in pen("limits", "cheek", "0", "-p", "sim:")
    assert told("limits", "cheek", "cap", "-p", "sim:")[0]["clinic_um"] == 2000


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (["cheke", "900"], "did you mean 'cheek'", 2),
        (["knee", "900"], "'pen zones' lists them", 2),
        (["cheek"], "how deep in 'cheek'", 2),
        (["cheek", "deep"], "whole um", 2),
        (["cheek", "-5"], "No such option", 2),
        (["cheek", "9000"], "a limit in 'cheek' is 0, or 200 to 2000 um, not 9000", 2),
        (["cheek", "2100"], "200 to 2000 um", 2),
        (["cheek", "199"], "200 to 2000 um", 2),
        (["eyelid", "300"], "prohibited zone", 1),
    ],
)
def test_limits_that_cannot_be(arguments, says, code):
    assert says in pen("limits", *arguments, "-p", "sim:", code=code)


def test_watch_as_lines_and_as_a_screen():
    lines = [json.loads(line) for line in pen("watch", "--count", "3", "--json", "-p", "sim:").splitlines()]
    assert len(lines) == 3
    assert 200 <= lines[2]["uptime_ms"] - lines[1]["uptime_ms"] <= 600  # a quarter of a second and the asking
    assert lines[0]["state"] == "unhomed" and lines[0]["extension_um"] is None
    shown = pen("watch", "--count", "1", "-p", "sim:")
    assert "no cartridge" in shown and "not homed" in shown


def test_trace_of_a_pen_says_what_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "deep" / "t.vcd"
    said = pen("trace", "--seconds", "1", "--out", "deep/t.vcd", "-p", "sim:")
    assert "what lies between two looks is not in" in " ".join(said.split())
    text = path.read_text(encoding="ascii")
    assert "$timescale 1 ms" in text and "sunhomed" in text and text.startswith("$comment PEN-SIM-01: sampled")
    times = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
    assert times == sorted(times) and 1000 <= times[-1] < 2000


def test_trace_of_a_scenario_has_every_net(tmp_path):
    path = tmp_path / "t.vcd"
    pen("trace", "--scenario", "zone_prohibited", "--out", str(path))
    text = path.read_text(encoding="ascii")
    assert "$timescale 1 ns" in text and " EN_N " in text


def test_console_in_a_script():
    shown = pen("console", "*IDN?", "STAT?;:MEAS:RAIL?", "LOG:FRAM? 0,64", "-p", "sim:").splitlines()
    assert shown[0].startswith("Microneedling Pen Project,Pen A,PEN-SIM-01,")
    assert shown[1].startswith("unhomed,no_cartridge,0;1")
    assert shown[2].startswith("block of 68 bytes, CRC-32 right: ")


def test_console_goes_on_after_a_refusal_and_says_so_in_its_exit_code():
    shown = pen("console", "NO:SUCH", "*IDN?", "-p", "sim:", code=1)
    assert "Undefined header" in shown and "PEN-SIM-01" in shown


def test_console_reads_lines_that_are_piped_into_it():
    assert pen("console", "-p", "sim:", typed="*OPC?\n\n SYST:VERS? \n").splitlines() == ["1", "1999.0"]


def test_a_pen_in_real_time_is_set_by_its_key_and_a_held_button(tmp_path):
    """The whole of it: `pen sim` with its key in a file, SELECT held by its hands, `pen limits` over TCP."""
    key = tmp_path / "pen.key"
    with serve("--key-to", str(key)) as served:
        assert bytes.fromhex(key.read_text()) == pen_key(load("treatment"))
        setting = ("limits", "cheek", "900", "-p", served.port)
        assert "give the key of PEN-SIM-01" in pen(*setting, code=2)
        assert "hold SELECT" in pen(*setting, "--key", str(key), code=1, typed="\n")
        assert "nobody is at the terminal" in pen(*setting, "--key", str(key), code=1, typed="")
        served.hands("hold select")
        assert "900 um" in pen(*setting, "--key", str(key), typed="\n")
        served.hands("release select")
        assert told("limits", "-p", served.port)[6]["clinic_um"] == 900
        served.hands("quit")
        served.process.wait(TIMEOUT_S)


@pytest.mark.parametrize("held_s", [0.3, 2.0])
def test_the_held_button_proves_and_does_nothing_else(held_s):
    """SELECT is a button of every page: on this one it would open the client's number."""
    with open_link("sim:") as link:
        link.wire.pause(1)
        before = link.wire.act("panel")
        nonce = bytes.fromhex(link.query("SEC:CHAL?"))
        link.wire.pause(0.5)
        assert "Computer: hold SEL" in link.wire.act("panel")
        link.wire.act("hold select", settle_s=held_s)
        link.write(f'SEC:ANSW "{hmac.new(link.wire.key, nonce, hashlib.sha256).hexdigest()}"')
        link.wire.act("release select", settle_s=4)
        assert link.technician()
        assert link.wire.act("panel") == before
        link.wire.act("press select", settle_s=1)
        assert "CLIENT NUMBER" in link.wire.act("panel")


def test_a_challenge_that_nobody_answers_gives_the_button_back():
    with open_link("sim:") as link:
        link.query("SEC:CHAL?")
        link.wire.pause(61)
        link.wire.act("press select", settle_s=1)
        assert "CLIENT NUMBER" in link.wire.act("panel")


@pytest.mark.hazard("H17")
def test_a_host_that_asks_for_challenges_all_day_does_not_keep_the_button():
    with open_link("sim:") as link:
        for _ in range(8):
            link.query("SEC:CHAL?")
            link.wire.pause(10)
        link.query("SEC:CHAL?")
        link.wire.act("press select", settle_s=1)
        assert "CLIENT NUMBER" in link.wire.act("panel")


def test_a_wrong_key_is_refused_and_waited_for(tmp_path):
    key = tmp_path / "pen.key"
    key.write_text("00" * 32)
    shown = pen("limits", "cheek", "900", "-p", "sim:", "--key", str(key), code=1)
    assert "wrong answer" in shown
