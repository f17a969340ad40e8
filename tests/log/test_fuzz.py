"""A slice of the fuzzing that `make bench` does at length: every kind of damage, and not one image stops the reader."""

import collections

from penimage.merge import read_pen
from tools.bench import fuzz, reading

SLICE = 900  # a hundred of each kind as the first damage
FLASH_SLICE = 60


def test_no_damaged_fram_stops_the_reader():
    result = fuzz.fuzz_fram(SLICE, workers=1)
    assert result["first_crash"] == ""
    assert (result["images"], result["crashes"]) == (SLICE, 0)
    assert result["strokes_read"] > 100 * SLICE  # most of what is on record survives most damage


def test_no_damaged_flash_stops_the_reader():
    fram, filesystem = reading.archived()
    whole, without = (
        sum(len(session.strokes) for session in read_pen(fram, flash).sessions) for flash in (filesystem, None))
    result = fuzz.fuzz_flash(fram, filesystem, FLASH_SLICE)
    assert without * FLASH_SLICE < result["strokes_read"] < whole * FLASH_SLICE  # some cost strokes, none all of them
    assert result["first_crash"] == ""
    assert (result["images"], result["crashes"]) == (FLASH_SLICE, 0)


def test_every_kind_of_damage_is_seen_and_repeats():
    kinds = collections.Counter()
    for number in range(0, 90):
        image, done = fuzz.fram_image(number)
        assert fuzz.fram_image(number) == (image, done)
        kinds.update(done)
    assert set(kinds) == {damage.__name__ for damage in fuzz.DAMAGE}
    damaged = sum(bool(read_pen(fuzz.fram_image(number)[0], None).problems) for number in range(90))
    assert damaged > 60  # the others: a stroke of sound sum, damage in what is spare or was released


def test_a_crash_would_be_counted(monkeypatch):
    monkeypatch.setattr(fuzz, "read_pen", lambda *_: 1 // 0)
    count, _, _, wrong = fuzz._batch(range(3))
    assert (count, len(wrong)) == (3, 3)
    assert "image 0, flip_bits" in wrong[0] and "ZeroDivisionError" in wrong[0]
