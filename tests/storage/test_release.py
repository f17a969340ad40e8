"""Releasing what was exported: by the number of a session, on record, durable at any cut, and said what it did."""

import pytest
from archive_bench import ArchiveBench, ready
from storage_bench import PowerCut

import archive


def archived(sessions=5, **options):
    bench = ready(**options)
    for number in range(sessions):
        bench.session(5 + number)
    bench.work()
    return bench


@pytest.mark.parametrize("session", [1, 2, 3, 4, 5])
def test_a_session_is_released_with_all_before_it(session):
    bench = archived()
    assert bench.archive.release(session, 600) == session
    assert bench.archive.unexported() == 5 - session
    assert bench.events("exported") == [(0, session)]
    assert len(bench.sessions) == 5, "nothing is erased by it"
    assert bench.restart() == archive.WHOLE
    assert bench.archive.unexported() == 5 - session, "the release is forgotten"


def test_releasing_again_changes_nothing_and_says_so():
    bench = archived()
    assert bench.archive.release(3, 600) == 3
    image = bench.chip.image
    assert [bench.archive.release(session, 600) for session in (1, 2, 3)] == [0, 0, 0]
    assert bench.chip.image == image
    assert bench.archive.release(5, 600) == 2


def test_room_is_made_oldest_first_and_only_from_what_was_released():
    bench = archived(6, budget_blocks=12)
    assert bench.archive.full
    assert bench.archive.release(1, 600) == 1
    bench.work()
    assert [e.session for e in bench.entries] == [2, 3, 4, 5]
    assert bench.archive.full
    assert bench.archive.release(1, 600) == 0, "erased after its export"
    assert bench.archive.release(5, 600) == 4
    bench.work()
    assert [e.session for e in bench.entries] == [3, 4, 5, 6]
    assert bench.events("erased") == [(0, 1), (0, 2)]
    assert bench.problems == []


def test_sessions_that_a_full_archive_kept_out_release_what_is_in_it():
    """An export has them too, so their number is what somebody will give."""
    bench = archived(6, budget_blocks=12)
    assert bench.archive.full
    assert bench.archive.release(6, 600) == 4
    bench.work()
    assert [e.session for e in bench.entries] == [3, 4, 5, 6]
    assert bench.archive.unexported() == 2, "what was not in the archive then is released for itself"
    assert bench.problems == []


@pytest.mark.parametrize("session, why", [
    (0, "no session 0"), (-1, "no session -1"), (7, "newest is 6"), (6, "not in the archive yet"),
    (True, "no session True"), (1.0, "no session")])
def test_what_cannot_be_released_is_said_and_changes_nothing(session, why):
    bench = archived()
    bench.session(3)
    image = bench.chip.image
    with pytest.raises(ValueError, match=why):
        bench.archive.release(session, 600)
    assert bench.chip.image == image


def test_nothing_of_a_lost_archive_is_released():
    bench = archived()
    bench.flash.image[:] = b"\xff" * len(bench.flash.image)
    assert bench.restart() == archive.LOST
    with pytest.raises(ValueError, match="cannot be read"):
        bench.archive.release(3, 600)


def test_remains_that_are_no_session_are_passed_over():
    bench = archived(2)
    bench.session(3)
    address = 0x5000 + 512 * bench.journal.oldest_span()[0]
    for at in range(32):
        bench.chip.corrupt(address + at, 0x55)
    bench.restart()
    assert bench.session(3) == 4, "the number of a session that was counted is given again"
    assert bench.counters() == (4, 4 + 4 + 3 + 3), "finished strokes: the fifth and sixth of a session are partial here"
    bench.work()
    assert [e.session for e in bench.entries] == [1, 2, 0, 4]
    with pytest.raises(ValueError, match="not in the archive yet"):
        bench.archive.release(3, 600)
    assert bench.archive.release(2, 600) == 2
    assert bench.archive.release(4, 600) == 2


def test_cut_at_every_byte_of_a_release_it_is_there_or_not_and_can_be_repeated():
    base = archived()
    fram, flash = base.chip.image, bytes(base.flash.image)
    outcomes = set()
    cut = 0
    while True:
        bench = ArchiveBench(fram, flash)
        bench.mount()
        bench.chip.cut_after(cut)
        try:
            assert bench.archive.release(4, 600) == 4
            break
        except PowerCut:
            pass
        assert bench.restart() == archive.WHOLE
        outcomes.add(bench.archive.exported)
        assert bench.archive.exported in (0, 4)
        assert len(bench.sessions) == 5 and bench.problems == []
        assert bench.archive.release(4, 600) == 4 - bench.archive.exported or bench.archive.exported == 4
        assert bench.archive.unexported() == 1
        cut += 1
    assert cut > 80
    assert outcomes == {0, 4}


def test_a_memory_that_does_not_keep_it_leaves_it_unreleased():
    bench = archived()
    bench.chip.fault = "absent"
    with pytest.raises(OSError, match="did not keep"):
        bench.archive.release(2, 600)
    bench.chip.fault = ""
    assert bench.archive.exported == 0
    assert bench.archive.release(2, 600) == 2
