"""A pen's flash and as much of a chip as the loader needs, on CPython: power-on after power-on in microseconds."""

import hashlib
import json
from types import SimpleNamespace

from sim.files import ImageFlash, LittleFiles
from sim.space import FirmwareSpace, shim
from tools.firmware_image import FORMAT, MICROPYTHON_AT_LEAST

ops, slots = shim("_ops"), shim("slots")
CHIP = SimpleNamespace(version=(1, 28, 0, ""), _machine="Raspberry Pi Pico with RP2040", _mpy=6 | 3 << 8 | 4 << 10)
SCRATCH0 = 0x4005800C


class Restarted(BaseException):
    """The firmware asked for a reset."""


class ChipLink:
    """The flash behind the hardware accesses that the loader makes; `writes` counts what wears it."""

    def __init__(self, flash):
        self.flash = flash
        self.select_held = False
        self.scratch = 0
        self.writes = 0
        self.drive_on = lambda: False  # asked at each look at EN_N

    def flash_image(self):
        return self.flash.image

    def call(self, op, a=0, b=0, c=0):
        if op == ops.FLASH_ERASE:
            self.writes += 1
            self.flash.erase(None, a)
        elif op == ops.MEM32_GET:
            if a == slots.SIO_GPIO_IN:
                return 0 if self.drive_on() else 1 << slots.PIN_EN_N
            assert a == SCRATCH0
            return self.scratch
        elif op == ops.MEM32_SET:
            assert a == SCRATCH0
            self.scratch = b
        elif op == ops.PIN_GET:
            return 0 if self.select_held else 1
        elif op == ops.RESET:
            raise Restarted
        return 0

    post = call

    def send(self, op, a, buf):
        if op == ops.FLASH_PROGRAM:
            self.writes += 1
            self.flash.prog(None, a // 4096, a % 4096, bytes(buf))
        return 1  # what is on I2C acknowledges

    def recv(self, op, a, buf):
        if op == ops.FLASH_READ:
            buf[:] = self.flash.read(None, a // 4096, a % 4096, len(buf))
        return len(buf)


class Pen:
    """One flash through many starts. `files` as the firmware has them; `start` is a power-on, up to the firmware."""

    def __init__(self, image=None, implementation=CHIP):
        self.link = ChipLink(ImageFlash(image))
        self.files = LittleFiles(self.link.flash)
        self.implementation = implementation

    def start(self, power_on=True):
        """Run the loader; the module `slots` as it then is, `slots.path` what a module is looked for in."""
        if power_on:
            self.link.scratch = 0
        space = FirmwareSpace(self.link)
        chip_sys = space.module("sys")
        chip_sys.implementation, chip_sys.path = self.implementation, ["", ".frozen", "/lib"]
        slots = space.module("slots")
        slots._show_service = lambda: None  # draws with MicroPython's framebuf: the tests on the VM look at that
        self.link.writes = 0
        slots.mount()
        slots.boot()
        slots.path = chip_sys.path
        return slots

    def write(self, path, data):
        for parent in reversed([path[:i] for i in range(1, len(path)) if path[i] == "/"]):
            try:
                self.files.mkdir(parent)
            except OSError:
                pass
        with self.files.open(path, "wb") as file:
            file.write(data)

    def read(self, path):
        with self.files.open(path, "rb") as file:
            return file.read(1 << 20)

    def names(self, folder):
        return {row[0] for row in self.files.ilistdir(folder)}

    def pointer(self):
        return shim("slots").parse(self.read("/slot"))


def small_image(version, **changes):
    """Files of a firmware that is one in name only, manifest included; `changes` go into the manifest."""
    files = {"main.mpy": b"M\x06" + version.encode() * 9, "gate.mpy": b"M\x06 gate", "drivers/fram.mpy": b"M\x06" * 900}
    manifest = {
        "format": FORMAT, "version": version, "micropython_at_least": MICROPYTHON_AT_LEAST, "mpy": "6.0",
        "arch": "armv6m", "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}}
    return {**files, "manifest.json": json.dumps({**manifest, **changes}).encode()}


def put(pen, slot, image):
    for name, data in image.items():
        pen.write(f"/{slot}/{name}", data)
