"""A FRAM on a bench bus: the driver's SPI and chip select wired straight to the simulated chip.

Power can be cut after any number of clocked bytes; the bus then raises PowerCut, as the firmware would
simply stop.
"""

from functools import cache

from drivers.fram import Fram
from journal import Journal
from sim.parts.fram import Fram as Chip
from store import Store, provision

SERIAL = b"PEN-00042"
ROM = bytes.fromhex("2d1122334455667f")


class PowerCut(Exception):
    """The supply went away in the middle of a bus transaction."""


class Bus:
    """machine.SPI and a chip-select pin in one, with a clock of 800 ns a byte (10 MHz)."""

    BYTE_NS = 800

    def __init__(self, chip):
        self.chip = chip
        self.t_ns = 0
        self.clocked = 0

    def cs(self, level):
        if level:
            self.chip.deselect(self.t_ns)
        else:
            self.chip.select(self.t_ns)

    def _transfer(self, tx):
        self.t_ns += self.BYTE_NS * len(tx)
        rx = self.chip.transfer(bytes(tx), self.t_ns)
        self.clocked += len(tx)
        if not self.chip.powered:
            raise PowerCut
        return rx

    def write(self, buf):
        self._transfer(buf)

    def readinto(self, buf, write=0):
        buf[:] = self._transfer(bytes((write,)) * len(buf))


class Bench:
    """One pen's storage. `start()` is a boot: fresh firmware objects on the same chip."""

    def __init__(self, image=None):
        self.chip = Chip(image)
        self.boot = 0
        self.start()

    def start(self):
        self.chip.power_on()
        self.boot += 1
        self.bus = Bus(self.chip)
        self.fram = Fram(self.bus, self.bus.cs)
        self.store = Store(self.fram)
        self.journal = Journal(self.fram, self.store)

    def provision(self):
        provision(self.fram, SERIAL)
        return self

    def mount(self, uptime_ms=10):
        return self.journal.mount(self.boot, uptime_ms)

    def begin(self, **changed):
        values = {
            "rom": ROM, "operator": b"ANNA", "firmware_version": 0x0102, "calibration_id": 7, "zone_id": 6,
            "indication_id": 2, "uptime_ms": 1000, "wall_s": 0,
        }  # fmt: skip
        values.update(changed)
        return self.journal.begin_session(**values)


@cache
def _provisioned_image():
    return Bench().provision().chip.image


@cache
def _worn_image():
    """Every block and every event entry used before, all sessions released: stale data wherever one looks."""
    bench = provisioned()
    strokes = 0
    while bench.begin() > 0:
        for _ in range(12_000):
            strokes += 1
            if bench.journal.stroke(500, 500 + strokes % 50, 40_000, strokes & 15, 9) < 0:
                break
        bench.journal.end_session(1, 0, 1)
    while bench.journal.release_oldest(1) >= 0:
        pass
    for i in range(1500):
        bench.journal.event(2, i & 0xFF, i, i)
    return bench.chip.image


def provisioned(worn=False):
    """A provisioned, mounted pen; `worn`: with a whole ring of released sessions behind it."""
    bench = Bench(_worn_image() if worn else _provisioned_image())
    bench.start()
    bench.mount()
    return bench
