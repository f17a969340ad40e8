"""Fetching a live pen's memories: what comes of damage on the way, of a pen that works meanwhile, of an earlier fetch
that broke off."""

import sys
from pathlib import Path

import pytest

from pen.link import Garbage, Refused
from pen.log.live import KEPT_FLASH, KEPT_FRAM, fetch
from pen.log.source import LogError
from pen.wires import LinkError, PortGone
from penimage.merge import read_pen
from penimage.model import FRAM_BYTES
from sim.space import ROOT

for _place in ("sim/micropython", "firmware", "tests/storage"):
    sys.path.append(str(ROOT / _place))

from archive_bench import ready  # noqa: E402

import entry  # noqa: E402
import withheld  # noqa: E402

# ---- the fetch itself, over a bench that answers as docs/console.md says ----


class BenchLink:
    """A pen's `LOG:` commands over the memories of a bench. `before` is called with each block that is asked for."""

    def __init__(self, bench):
        self.bench = bench
        self.asked = []
        self.before = lambda command: None

    def query(self, command):
        if command == "LOG:FRAM:SIZE?":
            return str(FRAM_BYTES)
        assert command == "LOG:FILE:CAT?"
        return ",".join(f'"{name}",{size}' for name, size in sorted(self._files().items()))

    def _files(self):
        return {row[0]: row[3] for row in self.bench.files.ilistdir(entry.DIRECTORY)}

    def query_block(self, command):
        self.asked.append(command)
        self.before(command)
        what, _, where = command.partition("? ")
        if what == "LOG:FRAM":
            offset, count = map(int, where.split(","))
            data = bytearray(count)
            withheld.read_into(self.bench.fram, offset, data)
            return bytes(data)
        name, offset, count = where.split(",")
        if name.strip('"') not in self._files():
            raise Refused(-256, "File name not found", command)
        with self.bench.files.open(entry.path_of(name.strip('"')), "rb") as file:
            return file.read()[int(offset) :][: int(count)]


@pytest.fixture
def bench():
    found = ready()
    for strokes in (10, 200, 400):
        found.session(strokes)
    found.work()
    return found


def sessions(images):
    image = read_pen(*images)
    assert not image.problems and not image.notes
    return [(session.number, len(session.strokes)) for session in image.sessions]


ALL = [(1, 10), (2, 200), (3, 400)]


def test_what_is_fetched_reads_as_the_pens_own_memories(bench):
    told = []
    images = fetch(BenchLink(bench), progress=lambda done, total: told.append((done, total)))
    assert images[0] == bench.chip.image
    assert sessions(images) == ALL
    assert told[-1][0] == told[-1][1] and told == sorted(told)


def test_a_part_that_arrives_damaged_is_asked_for_again(bench):
    link = BenchLink(bench)
    broken = []

    def damage(command):
        if command not in broken:
            broken.append(command)
            raise Garbage("arrived damaged")

    link.before = damage
    assert sessions(fetch(link)) == ALL


def test_a_part_that_never_arrives_whole_is_an_error(bench):
    link = BenchLink(bench)

    def damage(command):
        if "32768" in command:
            raise Garbage("arrived damaged")

    link.before = damage
    with pytest.raises(Garbage):
        fetch(link)
    assert sum("32768" in command for command in link.asked) == 3


@pytest.mark.parametrize("at", [0, 3, 15, 17, 18])
def test_a_session_put_away_meanwhile_is_there_once(bench, at):
    """Whichever block it happens at, what comes is one state of the pen."""
    bench.session(50)
    link = BenchLink(bench)

    def work(command):
        if len(link.asked) == at + 1:
            bench.work()

    link.before = work
    assert sessions(fetch(link)) == [*ALL, (4, 50)]


def test_an_entry_erased_meanwhile_is_left_out(bench):
    link = BenchLink(bench)

    def erase(command):
        if "00000001.ses" in command and bench.archive.oldest == 1:
            bench.archive.mark_exported(1, 1)
            bench.archive.used_blocks = bench.archive._budget_blocks
            bench.session(50)
            bench.work()

    link.before = erase
    assert sessions(fetch(link)) == [*ALL[1:], (4, 50)]


def test_a_pen_that_never_stands_still_is_said_to(bench):
    link = BenchLink(bench)

    def change(command):
        bench.archive._save()

    link.before = change
    with pytest.raises(LinkError, match="still putting sessions away"):
        fetch(link)


def test_another_kind_of_pen_is_refused(bench, monkeypatch):
    link = BenchLink(bench)
    monkeypatch.setattr(link, "query", lambda command: "131072")
    with pytest.raises(LogError, match="another kind"):
        fetch(link)


def test_a_cable_pulled_half_way_costs_only_what_was_not_there_yet(bench, tmp_path):
    link = BenchLink(bench)

    def pull(command):
        if "00000003.ses" in command:
            raise PortGone("vanished: the cable was pulled")

    link.before = pull
    with pytest.raises(PortGone):
        fetch(link, tmp_path)
    assert not (tmp_path / KEPT_FRAM).exists(), "half a FRAM image"
    again = BenchLink(bench)
    assert sessions(fetch(again, tmp_path)) == ALL
    whole = [command for command in again.asked if ".ses" in command and not command.endswith(",32")]
    assert len(whole) == 1 and whole[0].startswith('LOG:FILE? "00000003.ses",0,')
    assert sessions(((tmp_path / KEPT_FRAM).read_bytes(), (tmp_path / KEPT_FLASH).read_bytes())) == ALL


def test_kept_files_that_are_damaged_or_not_this_pens_are_fetched_again(bench, tmp_path):
    fetch(BenchLink(bench), tmp_path)
    flash = bytearray((tmp_path / KEPT_FLASH).read_bytes())
    at = flash.find(b"PLOG")
    flash[at + 100] ^= 1
    (tmp_path / KEPT_FLASH).write_bytes(flash)
    assert sessions(fetch(BenchLink(bench), tmp_path)) == ALL
    other = ready()
    other.session(77)
    other.work()
    assert sessions(fetch(BenchLink(other), tmp_path)) == [(1, 77)]


def test_a_place_that_cannot_be_written_is_one_line(bench, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(LogError, match="cannot keep"):
        fetch(BenchLink(bench), Path(blocked))
