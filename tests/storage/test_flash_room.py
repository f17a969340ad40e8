"""The flash holds all at once: two slots of the firmware as it is built, its loader, and a full archive."""

import pytest
from archive_bench import ArchiveBench

import archive
from sim.files import ImageFlash, LittleFiles
from sim.parts.flash import SECTORS
from tools.firmware_image import build, installed
from tools.flashing.plan import SPARE_BLOCKS

SLOT_BLOCKS_MAX = 95  # what firmware/archive.py leaves each of the slots


def put(files, held):
    for path, data in held.items():
        for parent in (path[:i] for i in range(1, len(path)) if path[i] == "/"):
            try:
                files.mkdir(parent)
            except OSError:  # it is there
                pass
        with files.open(path, "wb") as file:
            file.write(data)


@pytest.fixture(scope="module")
def slots(tmp_path_factory):
    """What lies in the flash of a pen that was upgraded: this firmware in both slots."""
    folder = tmp_path_factory.mktemp("image")
    build(folder)
    return installed(folder, "b") | installed(folder, "a")


def free(flash):
    return LittleFiles(flash).statvfs("/")[3]


def test_two_slots_and_a_full_archive_leave_what_an_upgrade_needs(slots):
    """Sessions of one block each: of all that fill the archive, they take the most room in its folder."""
    flash = ImageFlash()
    put(LittleFiles(flash), slots)
    taken = SECTORS - free(flash)
    assert taken <= 2 * SLOT_BLOCKS_MAX
    bench = ArchiveBench(flash=bytes(flash.image))
    bench.mount()
    while not bench.archive.full:
        bench.session(1)
        bench.work()
    assert bench.archive.used_blocks == archive.BUDGET_BLOCKS
    assert bench.archive.failure == 0
    assert free(bench.flash) >= SPARE_BLOCKS + 2 * SLOT_BLOCKS_MAX - taken
    bench.archive.mark_exported(bench.archive.entries, 600)
    for _ in range(40):  # the ring goes round: folders grow and shrink, and are written anew beside their old place
        bench.session(1)
        bench.work()
        assert bench.archive.failure == 0
    assert free(bench.flash) >= SPARE_BLOCKS + 2 * SLOT_BLOCKS_MAX - taken
    assert bench.problems == []
