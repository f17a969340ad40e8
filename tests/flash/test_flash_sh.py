"""tools/flash.sh with a real mpremote on a real MicroPython VM: a new pen, upgrades, kills and power cuts."""

import images
import pytest
from flash_rig import Pen
from images import STEPS, older_loader
from stories import (
    a_blank_board_becomes_a_pen_and_is_upgraded_and_goes_back,
    in_service,
    killed_at_a_step_the_pen_starts_and_a_second_run_ends_it,
)
from vm_pen import VmPen, flash

from tools import firmware_image

pytestmark = [pytest.mark.micropython, pytest.mark.usefixtures("need_micropython")]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return images.build(tmp_path_factory.mktemp("image") / "built", firmware_image.VM_ARCH)


@pytest.fixture(scope="module")
def small(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    return {version: images.small(built, folder / version, version) for version in ("1.0", "2.0")}


def test_a_blank_board_becomes_a_pen_and_is_upgraded_and_goes_back(built, tmp_path):
    newer = images.build(tmp_path / "newer", firmware_image.VM_ARCH, "0.1.9")
    a_blank_board_becomes_a_pen_and_is_upgraded_and_goes_back(VmPen(fram=bytes(262144)), built, newer, tmp_path)


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
