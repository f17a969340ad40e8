"""tools/flash.sh with a real mpremote on a real MicroPython VM: a new pen, upgrades, kills and power cuts."""

import subprocess
import sys

import images
import pytest
from flash_rig import Pen
from images import STEPS, older_loader
from stories import (
    a_blank_board_becomes_a_pen_and_is_upgraded_and_goes_back,
    a_calibrated_pen_takes_an_upgrade_without_being_switched_off,
    in_service,
    killed_at_a_step_the_pen_starts_and_a_second_run_ends_it,
    the_display_says_that_it_is_in_service_mode,
    wait_for,
)
from test_plan import block
from vm_pen import SERIAL, VmPen, flash

from pen.link import open_link
from penimage import decode
from sim.build import make_cartridge
from sim.hands import Hands
from sim.scenario import parse
from sim.space import ROOT
from tools import firmware_image

pytestmark = [pytest.mark.micropython, pytest.mark.usefixtures("need_micropython")]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return images.build(tmp_path_factory.mktemp("image") / "built", firmware_image.VM_ARCH)


@pytest.fixture(scope="module")
def small(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    return {version: images.small(built, folder / version, version) for version in ("1.0", "2.0")}


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    return images.build(tmp_path_factory.mktemp("image") / "newer", firmware_image.VM_ARCH, "0.1.9")


def test_a_blank_board_becomes_a_pen_and_is_upgraded_and_goes_back(built, newer, tmp_path):
    a_blank_board_becomes_a_pen_and_is_upgraded_and_goes_back(VmPen(fram=bytes(262144)), built, newer, tmp_path)


def test_a_calibrated_pen_takes_an_upgrade_without_being_switched_off(built, newer, tmp_path):
    pen = VmPen(firmware_image.installed(built))
    a_calibrated_pen_takes_an_upgrade_without_being_switched_off(pen, newer, tmp_path)


def test_the_display_says_that_it_is_in_service_mode(built):
    the_display_says_that_it_is_in_service_mode(VmPen(firmware_image.installed(built)))


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_pen_starts_and_a_second_run_ends_it(small, tmp_path, step):
    killed_at_a_step_the_pen_starts_and_a_second_run_ends_it(VmPen, small, tmp_path, step)


def test_power_cut_at_every_write_of_an_upgrade_leaves_a_pen_that_starts(small, tmp_path):
    with VmPen(older_loader(firmware_image.installed(small["1.0"]))) as pen:
        in_service(pen)
        pen.order(pen.flash.writes.clear)
        image = bytearray(pen.flash.image)
        flash(pen, image=small["2.0"], cwd=tmp_path, stop_at="pointed")
        writes = list(pen.flash.writes)
    assert len(writes) > 20
    seen = []
    for addr, data in writes:
        size = 4096 if data is None else len(data)
        torn = bytearray(image)  # power goes in the middle of it
        half = b"\xff" * (size // 2) if data is None else data[: size // 2]
        torn[addr : addr + size // 2] = half
        image[addr : addr + size] = b"\xff" * size if data is None else data
        for flash_now in (torn, image):
            now = Pen(bytes(flash_now))
            started = now.start()
            seen.append(started.running)
            assert started.service == "" and "id" in now.names("/log")
            assert started.version_in(started.running) == ("2.0" if started.running == "b" else "1.0")
    assert seen[0] == "a" and seen[-1] == "b" and seen == sorted(seen)


def test_a_trial_that_was_given_up_does_not_cost_the_firmware_that_works(small, tmp_path):
    files = firmware_image.installed(small["1.0"])
    with VmPen(files) as pen:
        in_service(pen)
        flash(pen, image=small["2.0"], cwd=tmp_path, stop_at="pointed")  # slot b, on trial, never started
        flash(pen, image=small["2.0"], cwd=tmp_path, stop_at="prepared")
        back = Pen(pen.flash.image).start()
        assert back.running == "a" and back.trial == 0


def test_a_dry_run_says_what_it_would_do_and_touches_nothing(small, tmp_path):
    with VmPen(firmware_image.installed(small["1.0"])) as pen:
        in_service(pen)
        before = pen.flash_image(), bytes(pen.world.fram.image)
        said = flash(pen, "--dry-run", image=small["2.0"], cwd=tmp_path)
        assert "would copy 3 files into slot b" in said
        said = flash(pen, "--dry-run", "--backup-only", cwd=tmp_path)
        assert (pen.flash_image(), bytes(pen.world.fram.image)) == before
        assert not (tmp_path / "backups").exists() and pen.deaths == ["power"]


def test_a_backup_alone_holds_the_records_and_the_archive_and_the_pen_starts_again(small, tmp_path):
    with VmPen(firmware_image.installed(small["1.0"])) as pen:
        in_service(pen)
        before = pen.flash_image()
        flash(pen, "--backup-only", cwd=tmp_path)
        (saved,) = (tmp_path / "backups").iterdir()
        assert (saved / "fram.bin").read_bytes() == bytes(pen.world.fram.image)
        assert decode((saved / "fram.bin").read_bytes()).pen_serial == SERIAL
        with pen.disk().open("/log/id", "rb") as file:
            assert (saved / "log" / "id").read_bytes() == file.read(100)
        assert (saved / "fram.bin").stat().st_mode & 0o077 == 0, "the pen's key is in it"
        wait_for(lambda: len(pen.deaths) == 2, "restart")
        assert pen.flash_image() == before


def test_a_port_that_goes_with_the_restart_is_no_error(small, tmp_path, monkeypatch):
    """A pen's port is gone before mpremote has heard that it is to restart, and mpremote dies of that."""
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\n"{sys.executable}" "$@" || exit\n'
        'case "$*" in *slots.restart*) echo "Traceback (most recent call last):" >&2; exit 1;; esac\n')
    python.chmod(0o755)
    monkeypatch.setenv("PEN_PYTHON", str(python))
    with VmPen(firmware_image.installed(small["1.0"])) as pen:
        in_service(pen)
        said = flash(pen, "--backup-only", cwd=tmp_path)
        assert "saved in" in said and "Traceback" not in said
        wait_for(lambda: len(pen.deaths) == 2, "restart")


def test_a_pen_in_a_session_refuses_and_goes_on_with_it(built, tmp_path):
    treating = parse({
        "title": "treating", "treatment": {"zone": "nose", "indication": "fine_lines"},
        "hands": [{"do": "open_session"}, {"do": "pass", "ms": 2000}]}, "treating", "test")
    key = tmp_path / "key"
    key.write_text(bytes(range(1, 33)).hex())
    pen = VmPen(firmware_image.installed(built))
    pen.world.cartridge = make_cartridge(treating)
    hands = Hands(pen.world, treating, lambda: make_cartridge(treating))
    with pen:
        wait_for(lambda: hands.done, "session")
        assert not hands.problem
        said = flash(pen, "--key", str(key), image=built, cwd=tmp_path, expect=1)
        assert "in a session: end it on the pen" in said
        with open_link(pen.port) as link:
            assert link.fields("STATe?")[:2] == ["ready", "active"] and pen.deaths == []


def test_micropython_goes_onto_a_blank_boards_drive_first(built, tmp_path):
    drive, uf2 = tmp_path / "RPI-RP2", tmp_path / "micropython.uf2"
    drive.mkdir()
    uf2.write_bytes(block(0, 2) + block(1, 2))
    with VmPen(fram=bytes(262144), key=None) as pen:
        said = flash(pen, "--bootsel", str(drive), "--uf2", str(uf2), cwd=tmp_path, image=built, expect=1)
        assert "is not the drive of an RP2040" in said
        (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n")
        options = ("--bootsel", str(drive), "--uf2", str(uf2))
        flash(pen, *options, "--dry-run", cwd=tmp_path, image=built)
        assert not (drive / uf2.name).exists()
        uf2.write_bytes(block(0, 1, family=0xE48BFF59))
        assert "another chip" in flash(pen, *options, cwd=tmp_path, image=built, expect=1)
        assert not (drive / uf2.name).exists()
        uf2.write_bytes(block(0, 2) + block(1, 2))
        said = flash(pen, *options, "--provision", SERIAL, cwd=tmp_path, image=built)
        assert (drive / uf2.name).read_bytes() == uf2.read_bytes()
        assert f"{SERIAL}: version 0.1.0 in slot a" in said


@pytest.mark.parametrize("options, code, says", [
    (["--bogus"], 2, "what is '--bogus'? --help tells"), (["--port"], 2, "--port needs a value"),
    (["--provision", "two words"], 2, "a serial is 1..12"), (["--provision", "P", "--rollback"], 2, "upgrade only"),
    (["--image", "nowhere"], 1, "run 'make firmware' first"), (["--uf2", "nowhere.uf2"], 1, "nowhere.uf2 cannot be"),
    (["--port", "/dev/no-such-port"], 1, "/dev/no-such-port")])
def test_wrong_use_says_what_would_be_right(built, tmp_path, options, code, says):
    drive = tmp_path / "drive"
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text("Board-ID: RPI-RP2\n")
    if "--uf2" in options:
        options = [*options, "--bootsel", str(drive)]
    command = [str(ROOT / "tools" / "flash.sh"), "--image", str(built), "--yes", *options]
    done = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, text=True, capture_output=True)
    assert done.returncode == code and says in done.stderr.splitlines()[-1], done.stdout + done.stderr
