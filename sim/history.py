"""What a pen has on record from before a scenario begins: sessions written and archived by the firmware's own modules.

They work over an array of bytes in place of the simulated chip, before the world begins: the same bytes, sooner.
"""

from __future__ import annotations

import datetime
from functools import cache

from sim.files import ImageFlash, LittleFiles
from sim.parts.ds2431 import rom_id
from sim.space import shim

EPOCH = datetime.datetime(2000, 1, 1)
BEGUN = datetime.time(10)
FIRST_SERIAL = 900_001  # of the cartridges of that time
PERIOD_US = 66_667


class Memory:
    """What the firmware's records need of a memory, one that makes no errors."""

    def __init__(self, size: int):
        self.data = bytearray(size)
        self.errors = 0

    def read_into(self, addr: int, buf) -> None:
        buf[:] = self.data[addr : addr + len(buf)]

    def write(self, addr: int, buf) -> None:
        self.data[addr : addr + len(buf)] = buf

    def matches(self, addr: int, buf) -> bool:
        return self.data[addr : addr + len(buf)] == buf

    def read_twice(self, addr: int, buf) -> bool:
        self.read_into(addr, buf)
        return True

    def put(self, addr: int, buf) -> bool:
        self.write(addr, buf)
        return True

    def check_id(self) -> bool:
        return True

    def keep(self, message) -> bool:
        self.write(int.from_bytes(message[1:4], "big"), message[4:])
        return True


@cache
def lived(
    fram: bytes, flash: bytes, sessions: tuple[tuple[datetime.date | None, int, int, int], ...]
) -> tuple[bytes, bytes]:
    """(FRAM, filesystem) of that pen with these finished sessions in its archive: date, zone, client tag, strokes."""
    memory = Memory(len(fram))
    memory.write(0, fram)
    store = shim("store").Store(memory)
    journal = shim("journal").Journal(memory, store)
    disk = ImageFlash(flash)
    archive = shim("archive").Archive(memory, store, journal, LittleFiles(disk))
    journal.mount(0, 0)
    archive.mount(0, 0)
    for number, (date, zone, client, strokes) in enumerate(sessions):
        wall_s = int((datetime.datetime.combine(date, BEGUN) - EPOCH).total_seconds()) if date else 0
        depth_um = shim("depth").ZONES[zone].default_um
        journal.begin_session(
            rom_id(FIRST_SERIAL + number), b"", shim("version").NUMBER, 1, zone, 0, 1000, wall_s, client)
        for _ in range(strokes):
            journal.stroke(depth_um, depth_um, PERIOD_US, 0, zone)
        journal.end_session(shim("journal").USER, 0, 60_000)
        while archive.step(60_000, wall_s):
            pass
    return bytes(memory.data), bytes(disk.image)
