"""tools/flash.sh with a real mpremote on an emulated RP2040: blank board, upgrades, kills, power cuts, no prompt."""

import os
import re
import signal
import subprocess
import time

import images
import pytest
import serial
from chip_pen import ChipPen
from images import STEPS
from stories import (
    ANSWERS_S,
    a_blank_board_becomes_a_pen_and_is_upgraded_and_goes_back,
    a_calibrated_pen_takes_an_upgrade_without_being_switched_off,
    in_service,
    killed_at_a_step_the_pen_starts_and_a_second_run_ends_it,
    the_display_says_that_it_is_in_service_mode,
    wait_for,
)
from vm_pen import SERIAL, flash, flash_command

from pen.link import Refused, open_link
from pen.wires import LinkError
from sim.served import serve
from tools import firmware_image
from tools.flashing.__main__ import look

pytestmark = [pytest.mark.silicon(minutes=True), pytest.mark.usefixtures("uf2")]
ARCH = firmware_image.ARCH
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


def asked(pen, *questions):
    """The running firmware's answers; waits until it is up."""
    end = time.monotonic() + ANSWERS_S
    while True:
        try:
            with open_link(pen.port) as link:
                return [link.query(question) for question in questions]
        except Refused:
            raise
        except LinkError:
            assert time.monotonic() < end, "the firmware does not answer"
            time.sleep(0.5)


def test_a_blank_board_becomes_a_pen_and_is_upgraded_and_goes_back(built, newer, tmp_path):
    a_blank_board_becomes_a_pen_and_is_upgraded_and_goes_back(ChipPen(fram=bytes(262144)), built, newer, tmp_path)


def test_a_calibrated_pen_takes_an_upgrade_without_being_switched_off(built, newer, tmp_path):
    pen = ChipPen(firmware_image.installed(built))
    a_calibrated_pen_takes_an_upgrade_without_being_switched_off(pen, newer, tmp_path)


def test_the_display_says_that_it_is_in_service_mode(built):
    the_display_says_that_it_is_in_service_mode(ChipPen(firmware_image.installed(built)))


def test_a_served_pen_in_service_mode_starts_once_and_answers_after_its_cable_was_out(tmp_path):
    with serve("--tier", "silicon", link=tmp_path / "pen") as pen:
        def seconds():
            return float(pen.hands("status").split()[0])

        wait_for(lambda: seconds() > 2, "firmware whose watchdog runs")
        pen.into_service()
        began = seconds()
        wait_for(lambda: seconds() > began + 1, "second: the watchdog of the life before had half of one")
        pen.hands("usb pull")
        wait_for(lambda: not (tmp_path / "pen").exists(), "vanishing port")
        pen.hands("usb plug")
        wait_for(lambda: (tmp_path / "pen").exists(), "port")
        assert look(pen.port) == "prompt"  # asked at once, before the chip has its endpoints
        assert "start 2," in pen.hands("status")


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_pen_starts_and_a_second_run_ends_it(small, tmp_path, step):
    killed_at_a_step_the_pen_starts_and_a_second_run_ends_it(ChipPen, small, tmp_path, step)


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
            wait_for(lambda pen=pen: asked(pen, "STATe?")[0].startswith("ready"), "rest")  # it tells no slot before
            version, slot = asked(pen, "FIRMware:VERSion?", "FIRMware:SLOT?")
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
