"""The flash holds all at once: two slots of the firmware as it is built, its loader, and a full archive; and no piece
of the archive's work in it keeps the pen from its watchdog."""

import pytest
from storage_bench import SERIAL

import archive
import layout
import store
from sim.files import ImageFlash, LittleFiles
from sim.history import Memory
from sim.parts.flash import SECTORS
from sim.space import shim
from tools.bench.archive import CountingFlash, EndlessJournal
from tools.firmware_image import build, installed
from tools.flashing.plan import SPARE_BLOCKS

SLOT_BLOCKS_MAX = 95  # what firmware/archive.py leaves each of the slots
STALL_MS = 300  # of the watchdog's 500


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory):
    """The flash of a pen that was upgraded: this firmware in both slots."""
    folder = tmp_path_factory.mktemp("image")
    build(folder)
    flash = ImageFlash()
    LittleFiles(flash).put(installed(folder, "b") | installed(folder, "a"))
    return bytes(flash.image)


def free(flash):
    return LittleFiles(flash).statvfs("/")[3]


@pytest.mark.parametrize("blocks", [1, 16, 67, 451], ids=["short", "three sectors", "ten minutes", "half an hour"])
def test_two_slots_and_a_full_archive_leave_what_an_upgrade_needs(upgraded, blocks):
    memory = Memory(layout.FRAM_BYTES)
    store.provision(memory, SERIAL)
    flash = CountingFlash()
    flash.image[:] = upgraded
    taken = SECTORS - free(flash)
    assert taken <= 2 * SLOT_BLOCKS_MAX
    spare = SPARE_BLOCKS + 2 * SLOT_BLOCKS_MAX - taken
    journal = EndlessJournal(blocks)
    keeper = archive.Archive(memory, store.Store(memory), journal, LittleFiles(flash))
    keeper.mount(1, 0)
    longest_ns = 0
    for _ in range(120):  # round and round: folders grow, shrink, and are written anew beside their old place
        journal.waiting = True
        more = True
        while more:
            before_ns = flash.busy_ns()
            more = keeper.step(1, 1)
            longest_ns = max(longest_ns, flash.busy_ns() - before_ns)
        assert keeper.failure == 0
        if keeper.full:
            assert free(flash) >= spare
            keeper.mark_exported(keeper.entries, 600)
    assert keeper.exported, "the archive was never full"
    assert longest_ns < STALL_MS * 1e6 < shim("board").WATCHDOG_MS * 1e6
