"""Makes FRAM images of many pens with sessions on them, to try queries and speed on: `python -m tools.fleet --help`.

Every image is written by the firmware's own journal (`firmware/journal.py`, `store.py`, `blocks.py`, `events.py`),
over a memory that is an array of bytes instead of the driver and the simulated chip: the same bytes, sooner. What the
pens did is drawn from a seed and made up.
"""

from __future__ import annotations

import argparse
import datetime
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from sim.history import Memory
from sim.parts.ds2431 import rom_id
from sim.space import shim

depth, faults, journal, store = shim("depth"), shim("faults"), shim("journal"), shim("store")
version = shim("version")

EPOCH = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
FIRST_DAY = datetime.datetime(2026, 3, 2, 8, tzinfo=datetime.UTC)
COURSE_GAP_DAYS = (21, 35, 42, 49, 56)
FAULTS = tuple(code for code in sorted(faults.TABLE) if faults.key(code) in ("slip", "jam", "power_fail", "motor_hot"))
NO_CLOCK = 0.04  # part of the pens whose clock was never set
TAGGED = 0.7  # part of the pens whose sessions are a course of one client
WORN = 0.02  # part of the pens whose strokes fall short


@dataclass
class Pen:
    """A pen's records and the firmware that keeps them."""

    memory: Memory
    journal: object
    boot: int = 0

    @classmethod
    def provisioned(cls, serial: str) -> Pen:
        memory = Memory(shim("layout").FRAM_BYTES)
        store.provision(memory, serial.encode("ascii"))
        pen = cls(memory, None)
        pen.start()
        return pen

    @classmethod
    def of(cls, image: bytes) -> Pen:
        """The pen whose FRAM this is."""
        pen = cls(Memory(len(image)), None)
        pen.memory.write(0, image)
        pen.start()
        return pen

    def start(self) -> None:
        """Switch it on: fresh firmware over the same memory."""
        self.boot += 1
        self.journal = journal.Journal(self.memory, store.Store(self.memory))
        self.journal.mount(self.boot, 20)


def fleet(pens: int, sessions: int = 3, strokes: int = 60, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """(serial, FRAM image) of each pen, with `sessions` of about `strokes` strokes; the same seed, the same bytes."""
    for number in range(1, pens + 1):
        serial = f"PEN-{number:05d}"
        yield serial, _lived_in(serial, sessions, strokes, random.Random(f"{seed}/{number}"))


def _lived_in(serial: str, sessions: int, strokes: int, chance: random.Random) -> bytes:
    pen = Pen.provisioned(serial)
    day = FIRST_DAY + datetime.timedelta(days=chance.randrange(60), minutes=chance.randrange(480))
    clock = chance.random() >= NO_CLOCK
    short_um = 25 if chance.random() < WORN else 0
    zone = chance.choice([row for row in range(len(depth.ZONES)) if depth.ZONES[row].cap_um])
    client = chance.randrange(1, 1000) if chance.random() < TAGGED else 0
    for _ in range(sessions):
        wall_s = int((day - EPOCH).total_seconds()) if clock else 0
        _session(pen, chance, zone, wall_s, max(1, int(chance.gauss(strokes, strokes / 5))), short_um, client)
        day += datetime.timedelta(days=chance.choice(COURSE_GAP_DAYS), minutes=chance.randrange(-60, 60))
        pen.start()
    return bytes(pen.memory.data)


def _session(
    pen: Pen, chance: random.Random, zone: int, wall_s: int, strokes: int, short_um: int, client: int
) -> None:  # fmt: skip
    log, row = pen.journal, depth.ZONES[zone]
    commanded_um = row.default_um
    period_us = 1_000_000_000 // chance.randrange(row.rate_min_mhz, row.rate_max_mhz + 1)
    begun_ms = chance.randrange(8_000, 60_000)
    log.begin_session(
        rom_id(chance.getrandbits(47) + 1), chance.choice((b"ANNA", b"BO", b"")), version.NUMBER, 1, zone,
        chance.randrange(len(depth.INDICATIONS)), begun_ms, wall_s, client)
    for _ in range(strokes):
        if chance.random() < 0.02:
            commanded_um = min(row.cap_um, max(row.min_um, commanded_um + chance.choice((-50, 50))))
        achieved_um = commanded_um - short_um + round(chance.gauss(0, 4))
        log.stroke(commanded_um, achieved_um, period_us + chance.randrange(-60, 61), 0, zone)
    ended_ms = begun_ms + strokes * period_us // 1000
    kind = chance.random()
    if kind < 0.03:
        return  # the supply went away; the next start finds the session open
    if kind < 0.05:
        log.end_session(journal.FAULTED, chance.choice(FAULTS), ended_ms)
    else:
        log.end_session(journal.USER, 0, ended_ms)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make FRAM images of many pens, DIR/SERIAL.fram.bin, and export them.")
    parser.add_argument("--pens", type=int, default=1000)
    parser.add_argument("--sessions", type=int, default=3, help="on each pen")
    parser.add_argument("--strokes", type=int, default=60, help="in a session, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--images", type=Path, metavar="DIR", help="write the images here")
    parser.add_argument("--parquet", type=Path, metavar="DIR", help="export them into this data set")
    options = parser.parse_args()
    if not options.images and not options.parquet:
        parser.error("nothing to do: name --images, --parquet or both")
    if min(options.pens, options.sessions, options.strokes) < 1 or options.pens > 99_999:
        parser.error("pens, sessions and strokes are 1 and more, pens 99999 at most")
    from pen.log.dataset import export_dataset
    from penimage.merge import read_pen

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Pens", total=options.pens)
        for serial, image in fleet(options.pens, options.sessions, options.strokes, options.seed):
            if options.images:
                options.images.mkdir(parents=True, exist_ok=True)
                (options.images / f"{serial}.fram.bin").write_bytes(image)
            if options.parquet:
                export_dataset(read_pen(image, None), options.parquet)
            bar.advance(task)


if __name__ == "__main__":
    main()
