"""What flash.sh must do for any pen that a real mpremote fills, on the VM and on the emulated chip alike."""

import stat
import time

from flash_rig import Pen
from images import older_loader
from vm_pen import SERIAL, flash

from penimage import decode
from sim.space import shim
from tools import firmware_image

slots = shim("slots")
ANSWERS_S = 300


def wait_for(condition, what):
    end = time.monotonic() + ANSWERS_S
    while not condition():
        assert time.monotonic() < end, f"no {what}"
        time.sleep(0.05)


def in_service(pen):
    """Switched on with SELECT held, which is then let go."""
    pen.hold_select(True)
    pen.power_cycle()
    wait_for(lambda: pen.scratch() == slots.SERVICE_WORD, "service mode")
    pen.hold_select(False)
    return pen


def the_display_says_that_it_is_in_service_mode(pen):
    with pen:
        in_service(pen)
        wait_for(lambda: pen.world.display.pixels().any(), "page on the display")
        assert pen.world.led, "the lamp is dark"


def a_blank_board_becomes_a_pen_and_is_upgraded_and_goes_back(blank, built, newer, folder):
    """`blank`: a pen with nothing but MicroPython and an empty record memory."""
    with blank as pen:
        said = flash(pen, "--provision", SERIAL, image=built, cwd=folder)
        key = folder / f"pen-{SERIAL}.key"
        assert f"{SERIAL}: version 0.1.0 in slot a" in said and stat.S_IMODE(key.stat().st_mode) == 0o600
        found = decode(pen.world.fram.image)
        assert found.pen_serial == SERIAL and found.records["key"].status == "ok"
        assert bytes.fromhex(key.read_text()) in pen.world.fram.image

        before = flash(pen, image=newer, cwd=folder, expect=1)
        assert "hold SELECT while you plug it in" in before  # it runs: without key or hand nothing happens
        said = flash(in_service(pen), image=newer, cwd=folder)
        assert "version 0.1.9 in slot b" in said and slots.parse(pen.disk().open("/slot").read())[:2] == ("b", None)
        assert bytes.fromhex(key.read_text()) in pen.world.fram.image

        said = flash(in_service(pen), "--rollback", cwd=folder)
        assert "version 0.1.0 in slot a" in said
        said = flash(in_service(pen), image=newer, cwd=folder)
        assert "copying 0 changed files into slot b" in said and "version 0.1.9 in slot b" in said
        assert len(list((folder / "backups").iterdir())) >= 3


def a_calibrated_pen_takes_an_upgrade_without_being_switched_off(pen, newer, folder):
    """The restart that flash.sh asks for is not taken for that of a firmware that hung: the trial ends by itself."""
    with pen:
        said = flash(in_service(pen), image=newer, cwd=folder)
        assert "version 0.1.9 in slot b" in said and "its self-test found nothing" in said
        assert slots.parse(pen.disk().open("/slot").read())[:2] == ("b", None)


def killed_at_a_step_the_pen_starts_and_a_second_run_ends_it(pen_with, small, folder, step):
    """`pen_with(files)` makes a pen; `small`: two firmwares in name only, by version."""
    files = older_loader(firmware_image.installed(small["1.0"]))
    with pen_with(files) as pen:
        in_service(pen)
        flash(pen, image=small["2.0"], cwd=folder, stop_at=step)
        between = Pen(pen.flash_image()).start()
        assert between.running == ("b" if step == "pointed" else "a") and between.service == ""
        flash(pen, image=small["2.0"], cwd=folder, stop_at="pointed")
        now = Pen(pen.flash_image())
        after = now.start()
        # a trial that was not begun is written anew in its own slot; the firmware that works is never touched
        assert after.running == "b" and after.trial == 1 and after.version_in("b") == "2.0"
        assert after.version_in("a") == "1.0" and after.verdict("a")[0] == slots.SOUND
        assert now.read("/main.py") == (small["2.0"] / "start.py").read_bytes() and "id" in now.names("/log")
