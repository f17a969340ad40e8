"""The silicon tier: the compiled firmware in the flash of an emulated RP2040 that boots real MicroPython."""

from __future__ import annotations

import importlib
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sim.parts.fram import Fram
from sim.silicon.chip import Chip
from sim.silicon.image import with_files
from sim.silicon.uf2 import LEFT_OUT, find_uf2
from sim.silicon.world import ChipWorld
from sim.space import ROOT
from sim.tiers import FirmwareDied
from sim.world import World

START_WITHIN_NS = 60_000_000_000


def run_silicon(world: World) -> str:
    """One life on the emulated chip; returns why it ended. FileNotFoundError where there is no MicroPython image."""
    assert isinstance(world, ChipWorld)
    if world.chip is None:
        world.plug(started(world))
    return world.run_chip()


def started(world: ChipWorld, files: dict[str, bytes] | None = None) -> Chip:
    """A chip that boots in a world like this one, stopped where the self-test begins to look at the pen.

    `files` lie in its flash by path, the firmware if none are given.

    Reading the files and planning the step tables takes seconds of the chip's time in which no part is looked at. A
    scenario's times count from there on every tier, as the others take no time for what touches no hardware. The chip
    may then be plugged into another world whose record memory holds the same motion limits.
    """
    chip = Chip(need_uf2(), with_files(world.flash.image, firmware_files() if files is None else files))
    nursery = type(world)(world.plant.params, Fram(world.fram.image), world.cartridge, seed=1)
    nursery.plug(chip)
    nursery.at(START_WITHIN_NS, chip.stop)
    looks = chip.mcu.adc.on_adc_read
    chip.mcu.adc.on_adc_read = lambda channel: (looks(channel), chip.stop())
    nursery.run_chip()
    chip.mcu.adc.on_adc_read = looks
    if nursery.now_ns >= START_WITHIN_NS:
        raise FirmwareDied(f"the firmware came to no self-test in {START_WITHIN_NS // 10**9} s of the chip's time")
    return chip


def need_uf2() -> Path:
    """The MicroPython image; FileNotFoundError that says what to do where there is none."""
    try:
        uf2 = find_uf2()
    except ValueError as error:
        raise FileNotFoundError(str(error)) from None
    if uf2 is None:
        raise FileNotFoundError(LEFT_OUT)
    return uf2


@cache
def firmware_files() -> dict[str, bytes]:
    """What the pen's flash holds beside its data, by path: the firmware as `make firmware` compiles it."""
    tool = _firmware_image()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        tool.build(root)
        return tool.installed(root)


def _firmware_image() -> Any:
    """The tool behind `make firmware`, which lies in the project's folder and in no package."""
    sys.path.append(str(ROOT))
    try:
        return importlib.import_module("tools.firmware_image")
    finally:
        sys.path.remove(str(ROOT))
