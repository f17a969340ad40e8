"""Pens whose flash a real mpremote fills: MicroPython behind a pty, its filesystem in the simulated flash.

Lives in a thread, through resets and power cuts; time goes as fast as it can while the pen works, and waits for the
host while it is idle. `writes` records what was done to the flash, for cutting power at each of them.
"""

import os
import subprocess
import threading
import time
from pathlib import Path

from penimage import provision_image
from sim.build import make_cartridge
from sim.files import ImageFlash, LittleFiles
from sim.flash_image import flash_with_archive
from sim.hostport import HostPort
from sim.parts.flash import SECTOR_BYTES, Flash
from sim.parts.fram import Fram
from sim.plant import PlantParams
from sim.scenario import load
from sim.space import ROOT, shim
from sim.tiers import run_flashed
from sim.world import MS, POWER_ON, WATCHDOG, World

board = shim("board")
IDLE_S, QUIET_MS = 0.0005, 10
SERIAL = "PEN-7"
CALIBRATION = {
    "offset_um": -105, "scale_ppm": 0, "backlash_um": 5, "travel_um": 2600, "date_days": 9740, "due_days": 10200,
    "calibration_id": 1, "gauge_id": "G-01", "technician": "SIM"}


class RecordedFlash(Flash):
    """A flash that remembers each erase and program since `writes` was cleared."""

    def __init__(self, image=None):
        super().__init__(image)
        self.writes = []

    def erase(self, sector, wait):
        self.writes.append((sector * SECTOR_BYTES, None))
        super().erase(sector, wait)

    def program(self, addr, data, wait):
        self.writes.append((addr, bytes(data)))
        super().program(addr, data, wait)


def image_with(files):
    """A flash with these files in its filesystem and an archive; erased if there are none."""
    flash = ImageFlash(flash_with_archive(SERIAL) if files else None)
    disk = LittleFiles(flash)
    for path, data in (files or {}).items():
        for parent in [path[:i] for i in range(1, len(path)) if path[i] == "/"]:
            try:
                disk.mkdir(parent)
            except OSError:
                pass
        with disk.open(path, "wb") as file:
            file.write(data)
    return bytes(flash.image)


def calibrated_fram(key, calibrated=True):
    return provision_image(SERIAL, calibration=CALIBRATION if calibrated else None, key=key, archive={
        "entries": 0, "oldest": 1, "exported": 0, "archived_blocks": 0, "digest": "00" * 32})


class ServedPen:
    """Use as a context manager. `port` is its serial port. `world` and `life(world)` say what lives behind it; whoever
    adds these also adds `flash_image()` and `scratch()`."""

    def __init__(self, world, life):
        self.world = world
        self.deaths = []
        self._life = life
        self._host = HostPort.pty()
        self.port = self._host.name
        world.recorder.keep_detail = False
        self._orders = []
        self._stop = False
        self._thread = threading.Thread(target=self._live, daemon=True)
        self.failure = None

    def __enter__(self):
        self.world.usb.attached = True
        self.world.after(MS, self._tick)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop = True
        self._thread.join(60)
        self._host.close()
        if self.failure is not None:
            raise self.failure

    def _live(self):
        try:
            while not self._stop:
                why = self._life(self.world)
                self.deaths.append(why)
                if why == "end":
                    return
                self.world.chip_reset(POWER_ON if why == "power" else WATCHDOG)
        except BaseException as error:
            self.failure = error

    def _tick(self):
        """Every few simulated milliseconds: carry bytes, do what the test ordered, give the host its time."""
        world, usb, host = self.world, self.world.usb, self._host
        if self._stop:
            world.dead = "end"
            return
        while self._orders:
            self._orders.pop(0)()
        usb.connected = host.connected
        came = host.read() if not usb.unsent() else b""
        usb.to_pen(came)
        sent = usb.from_pen() if host.idle else b""
        if sent:
            host.write(sent)
        host.flush()
        if came or sent:
            world.after(MS, self._tick)
        else:
            world.after(QUIET_MS * MS, self._tick)
            time.sleep(IDLE_S)

    def order(self, what):
        """Have it done in the pen's own time, between two of its milliseconds; returns when it is."""
        done = threading.Event()
        self._orders.append(lambda: (what(), done.set()))
        assert done.wait(60), "the pen does not live"

    def disk(self):
        """The files, as they are now, on a copy of the flash."""
        return LittleFiles(ImageFlash(self.flash_image()))

    def hold_select(self, held):
        self.order(lambda: self.world.move_contact(board.PIN_SELECT, held))

    def power_cycle(self):
        def cut():
            self.world.dead = "power"
        self.order(cut)


class VmPen(ServedPen):
    """Behind the port is MicroPython's VM. `key` is the pen's key, None while it has none."""

    def __init__(self, files=None, *, fram=None, key=bytes(range(1, 33)), calibrated=True):
        """`files` by path lie in the flash from the start; none: a blank board with nothing but MicroPython."""
        self.flash = RecordedFlash(image_with(files))
        self.key = key
        self.said = []
        record = Fram(calibrated_fram(key, calibrated) if fram is None else fram)
        world = World(PlantParams(), record, make_cartridge(load("zone_nose")), self.flash)
        super().__init__(world, lambda world: run_flashed(world, self.said))

    def flash_image(self):
        """The filesystem as it is now."""
        return bytes(self.flash.image)

    def scratch(self):
        """The watchdog's first scratch word."""
        return self.world.scratch[0]


def flash_command(pen, *options, stop_at="", image=None, cwd=None):
    """What runs tools/flash.sh on the pen: the words and the environment."""
    env = {**os.environ, "FLASH_STOP_AT": stop_at, "FLASH_PATIENCE": "20", "PEN_BACKUPS": str(Path(cwd) / "backups")}
    command = [str(ROOT / "tools" / "flash.sh"), "--port", pen.port, "--yes", *options]
    if image is not None:
        command += ["--image", str(image)]
    return command, env


def flash(pen, *options, expect=0, stop_at="", image=None, cwd=None):
    """Run tools/flash.sh on the pen; its output."""
    command, env = flash_command(pen, *options, stop_at=stop_at, image=image, cwd=cwd)
    done = subprocess.run(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, text=True, capture_output=True)
    output = done.stdout + done.stderr
    assert done.returncode == (-9 if stop_at else expect), output
    return output
