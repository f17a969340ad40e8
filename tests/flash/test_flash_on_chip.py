"""tools/flash.sh with a real mpremote on an emulated RP2040: blank board, upgrades, kills, power cuts, no prompt."""

import os
import re
import signal
import stat
import subprocess
import time

import images
import pytest
import serial
from chip_pen import ChipPen
from flash_rig import Pen
from images import STEPS, older_loader
from vm_pen import SERIAL, flash, flash_command

from pen.link import open_link
from pen.wires import LinkError
from penimage import decode
from sim.space import shim
from tools import firmware_image

ON_REQUEST = os.environ.get("PEN_NEED_SILICON") == "1"
pytestmark = [
    pytest.mark.silicon, pytest.mark.usefixtures("uf2"),
    pytest.mark.skipif(not ON_REQUEST, reason="minutes of the emulated chip: make test-silicon")]
slots = shim("slots")
ARCH = firmware_image.ARCH
ANSWERS_S = 300
CUTS = 8  # power cuts, evenly over the erases and programs of an upgrade


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return images.build(tmp_path_factory.mktemp("image") / "built", ARCH)


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    return images.build(tmp_path_factory.mktemp("image") / "newer", ARCH, "0.1.9")


@pytest.fixture(scope="module")
def small(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    return {version: images.small(built, folder / version, version) for version in ("1.0", "2.0")}


def in_service(pen):
    """Switched on with SELECT held, which is then let go."""
    pen.hold_select(True)
    pen.power_cycle()
    wait_for(lambda: pen.chip.mcu.watchdog.scratch_data[0] == slots.SERVICE_WORD, "service mode")
    pen.hold_select(False)
    return pen


def wait_for(condition, what):
    end = time.monotonic() + ANSWERS_S
    while not condition():
        assert time.monotonic() < end, f"no {what}"
        time.sleep(0.05)


def asked(pen, *questions):
    """The running firmware's answers; waits until it is up."""
    end = time.monotonic() + ANSWERS_S
    while True:
        try:
            with open_link(pen.port) as link:
                return [link.query(question) for question in questions]
        except LinkError:
            assert time.monotonic() < end, "the firmware does not answer"
            time.sleep(0.5)


def test_a_blank_board_becomes_a_pen_and_is_upgraded_and_goes_back(built, newer, tmp_path):
    with ChipPen(fram=bytes(262144)) as pen:
        said = flash(pen, "--provision", SERIAL, image=built, cwd=tmp_path)
        key = tmp_path / f"pen-{SERIAL}.key"
        assert f"{SERIAL}: version 0.1.0 in slot a" in said and stat.S_IMODE(key.stat().st_mode) == 0o600
        found = decode(pen.world.fram.image)
        assert found.pen_serial == SERIAL and found.records["key"].status == "ok"
        assert bytes.fromhex(key.read_text()) in pen.world.fram.image

        before = flash(pen, image=newer, cwd=tmp_path, expect=1)
        assert "hold SELECT while you plug it in" in before  # it runs: without key or hand nothing happens
        said = flash(in_service(pen), image=newer, cwd=tmp_path)
        assert "version 0.1.9 in slot b" in said and slots.parse(pen.disk().open("/slot").read())[:2] == ("b", None)
        assert bytes.fromhex(key.read_text()) in pen.world.fram.image

        said = flash(in_service(pen), "--rollback", cwd=tmp_path)
        assert "version 0.1.0 in slot a" in said
        said = flash(in_service(pen), image=newer, cwd=tmp_path)
        assert "copying 0 changed files into slot b" in said and "version 0.1.9 in slot b" in said


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_pen_starts_and_a_second_run_ends_it(small, tmp_path, step):
    files = older_loader(firmware_image.installed(small["1.0"]))
    with ChipPen(files) as pen:
        in_service(pen)
        flash(pen, image=small["2.0"], cwd=tmp_path, stop_at=step)
        between = Pen(pen.flash_image()).start()
        assert between.running == ("b" if step == "pointed" else "a") and between.service == ""
        flash(pen, image=small["2.0"], cwd=tmp_path, stop_at="pointed")
        now = Pen(pen.flash_image())
        after = now.start()
        assert after.running == "b" and after.trial == 1 and after.version_in("b") == "2.0"
        assert after.version_in("a") == "1.0" and after.verdict("a")[0] == slots.SOUND
        assert now.read("/main.py") == (small["2.0"] / "start.py").read_bytes() and "id" in now.names("/log")


def test_power_cut_during_an_upgrade_leaves_a_pen_that_starts_and_the_next_run_ends_it(built, newer, tmp_path):
    """Both slots hold the old version, so that an upgrade is a file, a manifest and the pointer."""
    files = firmware_image.installed(built)
    files |= {path.replace("/a/", "/b/", 1): data for path, data in files.items() if path.startswith("/a/")}
    with ChipPen(files) as pen:
        in_service(pen)
        begun = pen.flash_writes
        flash(pen, image=newer, cwd=tmp_path, stop_at="pointed")
        writes = pen.flash_writes - begun
    assert writes > CUTS
    for cut in range(CUTS):
        with ChipPen(files) as pen:
            in_service(pen)
            pen.cut_power_at_write(pen.flash_writes + 1 + cut * writes // CUTS)
            command, env = flash_command(pen, image=newer, cwd=tmp_path)
            with subprocess.Popen(
                    command, env=env, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, start_new_session=True) as host:
                wait_for(lambda pen=pen: "power" in pen.deaths[1:], "power cut")
                os.killpg(host.pid, signal.SIGKILL)  # its port is gone
            version, slot = asked(pen, "SYSTem:FIRMware:VERSion?", "FIRMware:SLOT?")
            assert version.strip('"') == ("0.1.9" if slot.startswith("b") else "0.1.0")
            said = flash(in_service(pen), image=newer, cwd=tmp_path)
            assert re.search(r"version 0\.1\.9 in slot [ab]", said)


def test_ctrl_c_and_the_raw_prompt_are_refused_while_the_firmware_runs(built):
    with ChipPen(firmware_image.installed(built)) as pen:
        (identity,) = asked(pen, "*IDN?")
        assert SERIAL in identity
        with serial.Serial(pen.port) as port:
            for knock in (b"\x03", b"\r\x03\x03", b"\x01", b"\r\x01\x04", b"\x04", b"\x02\x03\x04"):
                port.write(knock)
        again, error = asked(pen, "*IDN?", "SYSTem:ERRor?")
        assert again == identity and pen.deaths == []
        assert "MicroPython" not in pen.chip.text and ">>>" not in error
