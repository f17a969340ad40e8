"""What keeping records costs: bytes a stroke, wear of the flash, room, and how long the loop stands still at rest.

Everything is counted while the firmware's own code works: strokes on a FRAM chip, a hundred days of sessions on a
flash. For those, a journal stands in that has a finished session of the wanted size whenever it is asked, because what
the flash is told depends on nothing but the size; the archive and the filesystem are the real ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sim.files import ImageFlash, LittleFiles
from sim.history import Memory
from sim.parts.flash import ERASE_NS, PAGE_BYTES, PROGRAM_NS, SECTOR_BYTES, SECTORS
from sim.run import Simulation
from sim.scenario import load
from sim.space import ROOT
from sim.tiers import find_micropython
from tools.firmware_image import build, installed

for place in ("sim/micropython", "firmware", "tests/storage"):
    sys.path.append(str(ROOT / place))

from storage_bench import SERIAL, provisioned  # noqa: E402

import _ops  # noqa: E402
import archive  # noqa: E402
import layout  # noqa: E402
import store  # noqa: E402
from _costs import BYTE_NS, CALL_US  # noqa: E402

STROKES = 8000  # a session of ten minutes at 13 Hz
SESSIONS_A_DAY = 10
DAYS = 100
ERASE_CYCLES = 100_000  # W25Q16JV data sheet, minimum
BLOCK_STROKES = 120
HALF_AN_HOUR_AT_30_HZ = 54_000


class CountingFlash(ImageFlash):
    """Counts what LittleFS does."""

    def __init__(self):
        super().__init__()
        self.erases = [0] * SECTORS
        self.programmed = 0
        self.read_ns = 0

    def read(self, cfg, block, offset, size):
        self.read_ns += CALL_US[_ops.FLASH_READ] * 1000 + BYTE_NS[_ops.FLASH_READ] * size
        return super().read(cfg, block, offset, size)

    def prog(self, cfg, block, offset, data):
        self.programmed += len(data)
        return super().prog(cfg, block, offset, data)

    def erase(self, cfg, block):
        self.erases[block] += 1
        return super().erase(cfg, block)

    def busy_ns(self) -> int:
        """What all that takes on the chip."""
        return self.read_ns + sum(self.erases) * ERASE_NS + self.programmed // PAGE_BYTES * PROGRAM_NS


class EndlessJournal:
    """A journal with one finished session of `blocks` blocks at a time."""

    def __init__(self, blocks: int):
        self.blocks = blocks
        self.first = 0
        self.session = 1
        self.waiting = False

    def has_finished(self):
        return self.waiting

    def oldest_span(self):
        return self.first, self.first + self.blocks, self.session

    def release_oldest(self, _uptime_ms):
        self.first += self.blocks
        self.session += 1
        self.waiting = False

    def event(self, *_):
        return True

    def used_percent(self):
        return 0


def blocks_of(strokes: int) -> int:
    """Blocks that a session at one depth and rate takes."""
    return 1 + max(0, -(-(strokes - 96) // BLOCK_STROKES))


def a_stroke() -> dict[str, float]:
    """Strokes put on record on a FRAM chip: bytes stored, bytes over the bus with the reading back."""
    bench = provisioned()
    stored = [0]
    bench.chip.on_write = lambda _addr, length: stored.__setitem__(0, stored[0] + length)
    bench.begin()
    before, stored[0] = bench.bus.clocked, 0
    for i in range(STROKES):
        bench.journal.stroke(500, 500 + i % 30, 66_666 + i % 100, 0, 6)
    clocked = bench.bus.clocked - before
    return {
        "bytes_kept_a_stroke": round(blocks_of(STROKES) * layout.BLOCK_BYTES / STROKES, 2),
        "bytes_written_a_stroke": round(stored[0] / STROKES, 2),
        "bus_bytes_a_stroke": round(clocked / STROKES, 1),
        "bus_us_a_stroke": round(clocked * bench.bus.BYTE_NS / 1000 / STROKES, 1),
    }


def stroke_on_vm() -> dict[str, float]:
    """Strokes put on record on the MicroPython VM: time on this machine, heap, bytes stored."""
    vm = find_micropython()
    if vm is None:
        return {}
    run = subprocess.run(
        [vm, "-X", "heapsize=4M", ROOT / "tools/bench/vm/vm_journal.py"],
        env={**os.environ, "MICROPYPATH": f"{ROOT}/firmware:.frozen"}, capture_output=True, text=True, check=False)
    if not run.stdout.startswith("JOURNAL"):
        raise RuntimeError(f"no strokes on the VM:\n{run.stdout}{run.stderr}")
    strokes, us, allocated, written = (float(word) for word in run.stdout.split()[1:])
    return {
        "strokes": int(strokes), "us_a_stroke": round(us, 1), "bytes_allocated": int(allocated),
        "bytes_written_a_stroke": round(written / strokes, 2)}


def wear() -> dict[str, float]:
    """Ten sessions a day for a hundred days, exported every evening: erasures, amplification, the longest stall.

    In the flash of a pen that was upgraded: what two slots of firmware take, no session can use.
    """
    memory = Memory(layout.FRAM_BYTES)
    store.provision(memory, SERIAL)
    flash = CountingFlash()
    files = LittleFiles(flash)
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        files.put(installed(Path(folder), "b") | installed(Path(folder), "a"))
    journal = EndlessJournal(blocks_of(STROKES))
    keeper = archive.Archive(memory, store.Store(memory), journal, files)
    keeper.mount(1, 0)
    flash.erases, flash.programmed = [0] * SECTORS, 0
    longest_ns = 0
    for session in range(SESSIONS_A_DAY * DAYS):
        journal.waiting = True
        while True:
            before = flash.busy_ns()
            more = keeper.step(1, 1)
            longest_ns = max(longest_ns, flash.busy_ns() - before)
            if not more:
                break
        if keeper.failure or keeper.full:
            raise RuntimeError(f"session {session} was not archived: {keeper.failure}")
        if session % SESSIONS_A_DAY == SESSIONS_A_DAY - 1:
            keeper.mark_exported(keeper.entries, 600)
    sessions = SESSIONS_A_DAY * DAYS
    payload = sessions * journal.blocks * layout.BLOCK_BYTES
    return {
        "strokes_a_session": STROKES,
        "erases_a_session": round(sum(flash.erases) / sessions, 1),
        "write_amplification": round(flash.programmed / payload, 3),
        "erase_amplification": round(sum(flash.erases) * SECTOR_BYTES / payload, 3),
        "busiest_sector_erases": max(flash.erases),
        "years_of_flash": round(ERASE_CYCLES / max(flash.erases) * DAYS / 365),
        "longest_stall_at_rest_ms": round(longest_ns / 1e6),
    }


def room() -> dict[str, int]:
    """Sessions held at once."""
    def held(strokes: int) -> int:
        size = 128 + blocks_of(strokes) * layout.BLOCK_BYTES
        return archive.BUDGET_BLOCKS // archive.flash_blocks(size)

    return {
        "fram_sessions": layout.BLOCK_COUNT // blocks_of(STROKES), "archive_sessions": held(STROKES),
        "fram_half_hours_at_30_hz": layout.BLOCK_COUNT // blocks_of(HALF_AN_HOUR_AT_30_HZ),
        "archive_half_hours_at_30_hz": held(HALF_AN_HOUR_AT_30_HZ),
    }


def cuts() -> dict[str, int]:
    """Power cut everywhere in a life of the archive, on MicroPython's own LittleFS; ends with an error at a loss."""
    vm = find_micropython()
    if vm is None:
        return {}
    run = subprocess.run(
        [vm, "-X", "heapsize=16M", ROOT / "tests/storage/vm_archive_cuts.py", "new", "18", "0", "1", "8"],
        env={**os.environ, "MICROPYPATH": f"{ROOT}/firmware:.frozen"}, capture_output=True, text=True, check=False)
    words = run.stdout.split()
    if words[::2] != ["operations", "cuts", "again"]:
        raise RuntimeError(f"a cut lost something:\n{run.stdout}{run.stderr}")
    return {
        "operations": int(words[1]), "cuts_tried": int(words[3]), "cuts_of_a_recovery_tried": int(words[5]),
        "strokes_lost": 0}


def while_moving() -> dict[str, int]:
    """A whole treatment in the simulator: what of it touched flash with the drive on."""
    simulation = Simulation(load("treatment"))
    run = simulation.run()
    return {
        "strokes": run.result["strokes"], "flash_operations_while_moving": run.result["flash_while_armed"],
        "flash_operations_at_rest": sum(simulation.world.flash.erases) + simulation.world.flash.programs}


FIGURES = {
    "stroke_on_record": a_stroke, "stroke_on_vm": stroke_on_vm, "wear_of_flash": wear, "sessions_held": room,
    "power_cuts": cuts, "storage_while_moving": while_moving}
