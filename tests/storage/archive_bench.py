"""A pen's two memories on a bench: the FRAM chip, and LittleFS over an image of the flash.

`start()` is a boot: fresh firmware objects on the same chips.
"""

from storage_bench import Bench, provisioned

import archive
import journal
import records
from penimage import decode
from penimage.archive import decode_archive
from penimage.littlefs import Reader
from penimage.merge import read_pen
from sim.files import ImageFlash, LittleFiles

CHEEK = 6
READER = Reader()


class ArchiveBench(Bench):
    """Both memories; `flash` is erased if none is given."""

    def __init__(self, image=None, flash=None, budget_blocks=archive.BUDGET_BLOCKS):
        self.flash = ImageFlash(flash)
        self.budget_blocks = budget_blocks
        super().__init__(image if image is not None else provisioned().chip.image)

    def start(self):
        super().start()
        self.files = LittleFiles(self.flash)
        self.archive = archive.Archive(self.fram, self.store, self.journal, self.files, self.budget_blocks)

    def mount(self, uptime_ms=10):
        """Both; the archive's status."""
        super().mount(uptime_ms)
        return self.archive.mount(self.boot, uptime_ms)

    def restart(self):
        self.start()
        return self.mount()

    def session(self, strokes=40, client_tag=0):
        """A whole session on record; its number."""
        number = self.begin(client_tag=client_tag)
        for i in range(strokes):
            assert self.journal.stroke(500, 500 + i % 50 - 20, 40_000 + i % 300, i & 15, CHEEK) == i + 1
        assert self.journal.end_session(journal.USER, 0, 99)
        return number

    def work(self, pieces=5000):
        """Step until there is nothing to do; how many pieces that were."""
        for done in range(pieces):
            if not self.archive.step(500, 777):
                return done
        raise AssertionError(f"still not done after {pieces} pieces")

    @property
    def _archive_read(self):
        record = decode(self.chip.image).records["archive"].values
        return decode_archive(bytes(self.flash.image), record, READER)

    @property
    def entries(self):
        return self._archive_read.entries

    @property
    def problems(self):
        """What the reader has to say against the archive, its chain and the FRAM's memory of it."""
        return self._archive_read.problems

    @property
    def sessions(self):
        return read_pen(self.chip.image, bytes(self.flash.image), READER).sessions

    def events(self, name):
        return [(event.a, event.b) for event in decode(self.chip.image).events if event.name == name]

    def counters(self):
        counters = records.Counters()
        counters.load(self.store)
        return counters.sessions, counters.strokes


def ready(**options):
    """A pen whose archive is made and holds nothing."""
    bench = ArchiveBench(**options)
    assert bench.mount() == archive.NEW
    return bench
