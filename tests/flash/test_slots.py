"""Which slot starts: every pointer with every verdict, and every damage to real files in a real filesystem."""

import itertools
import json
from functools import cache

import pytest
from flash_rig import CHIP, SCRATCH0, Pen, Restarted, put, small_image

from sim.space import shim

slots, board, page = shim("slots"), shim("board"), shim("servicepage")
SOUND, BAD = (slots.SOUND, ""), (slots.FILE_ALTERED, "gate.mpy")
BOTH = list(itertools.product((SOUND, BAD), repeat=2))
STARTS = (None, 0, 1, 2, 3, 4, 1000)
POINTERS = [
    slots.pointer(slot, starts, failed) for slot in "ab" for starts in STARTS for failed in ("", "a", "b")]
GARBAGE = (
    None, b"", b"\xff" * 40, b"null", b"[]", b"{}", b'"a"', b'{"slot": "c", "trial": null, "failed": "", "why": ""}',
    b'{"slot": "a", "trial": -1, "failed": "", "why": ""}', b'{"slot": "a", "trial": "1", "failed": "", "why": ""}',
    b'{"slot": "a", "trial": true, "failed": "", "why": ""}', b'{"slot": "a", "trial": 1, "failed": "x", "why": ""}',
    b'{"slot": "a", "trial": 1, "failed": "", "why": 7}', slots.pointer("a", 1)[:-3], b'{"slot": ["a"]}')


@pytest.mark.parametrize("data", POINTERS, ids=str)
@pytest.mark.parametrize("a, b", BOTH)
def test_every_pointer_with_every_verdict(data, a, b):
    verdicts = {"a": a, "b": b}
    slot, starts, failed, _ = slots.parse(data)
    spare = slots.other(slot)
    spent = starts is not None and starts >= slots.STARTS
    chosen, write, gone = slots.choose(data, verdicts.get)
    written = slots.parse(write) if write is not None else None
    if verdicts[slot] == SOUND and not spent:
        assert (chosen, gone) == (slot, None)
        assert written == (None if starts is None else (slot, starts + 1, failed, ""))
    elif verdicts[spare] == SOUND and spare != failed:
        assert chosen == spare and gone[0] == slot
        assert written[:2] == (spare, None) and written[3].startswith(slot + ": ")
        assert written[2] == (slot if verdicts[slot] == SOUND else failed)  # the trial that failed is not begun anew
    else:
        assert (chosen, write) == ("", None) and gone[0] == slot
    assert not chosen or verdicts[chosen] == SOUND


@pytest.mark.parametrize("data", GARBAGE, ids=str)
@pytest.mark.parametrize("a, b", BOTH)
def test_without_a_pointer_a_sound_slot_runs_on_trial(data, a, b):
    chosen, write, gone = slots.choose(data, {"a": a, "b": b}.get)
    assert chosen == ("a" if a == SOUND else "b" if b == SOUND else "")
    assert gone == ("", (slots.NO_POINTER, ""))
    assert (slots.parse(write)[:2] == (chosen, 1)) if chosen else write is None


def test_a_slot_that_is_not_needed_is_not_judged():
    asked = []
    slots.choose(slots.pointer("b", None), lambda slot: asked.append(slot) or SOUND)
    assert asked == ["b"]


def _nothing(pen, slot):
    pass


def _gone(pen, slot):
    for name in small_image(""):
        pen.files.remove(f"/{slot}/{name}")


def _alter(name, change):
    def damage(pen, slot):
        pen.write(f"/{slot}/{name}", change(pen.read(f"/{slot}/{name}")))
    return damage


def _manifest(**changes):
    def damage(pen, slot):
        pen.write(f"/{slot}/manifest.json", small_image("2.0", **changes)["manifest.json"])
    return damage


def _removed(name):
    return lambda pen, slot: pen.files.remove(f"/{slot}/{name}")


def _unnamed_file(pen, slot):
    pen.write(f"/{slot}/gate.py", b"stale")  # would be taken before gate.mpy
    pen.write(f"/{slot}/main/__init__.py", b"stale")  # and a folder before both
    pen.write(f"/{slot}/drivers/old.mpy", b"stale")


DAMAGES = {
    "whole": (_nothing, slots.SOUND),
    "more than the manifest names": (_unnamed_file, slots.SOUND),
    "empty": (_gone, slots.NO_MANIFEST),
    "no manifest": (_removed("manifest.json"), slots.NO_MANIFEST),
    "manifest cut": (_alter("manifest.json", lambda data: data[:-40]), slots.BAD_MANIFEST),
    "manifest of another format": (_manifest(format=99), slots.BAD_MANIFEST),
    "manifest without main": (_manifest(files={}), slots.BAD_MANIFEST),
    "manifest of wrong types": (_manifest(files={"main.mpy": 3}), slots.BAD_MANIFEST),
    "wrong .mpy": (_manifest(mpy="7.0"), slots.OTHER_MICROPYTHON),
    "wrong native .mpy": (_manifest(mpy="6.2"), slots.OTHER_MICROPYTHON),
    "wrong architecture": (_manifest(mpy="6.3", arch="xtensa"), slots.OTHER_MICROPYTHON),
    "newer MicroPython": (_manifest(micropython_at_least="1.29"), slots.OTHER_MICROPYTHON),
    "file missing": (_removed("drivers/fram.mpy"), slots.FILE_MISSING),
    "file short": (_alter("drivers/fram.mpy", lambda data: data[:-1]), slots.FILE_SHORT),
    "file empty": (_alter("gate.mpy", lambda data: b""), slots.FILE_SHORT),
    "file altered": (_alter("gate.mpy", lambda data: data[:-1] + bytes((data[-1] ^ 1,))), slots.FILE_ALTERED),
}
POINTED = {"a": slots.pointer("a", None), "b on trial": slots.pointer("b", 0), "b spent": slots.pointer("b", 3),
           "none": None, "garbage": b"\x00\x17"}


@pytest.mark.parametrize("pointed", POINTED)
@pytest.mark.parametrize("damaged_a", DAMAGES)
def test_every_combination_of_damage(damaged_a, pointed):
    for damaged_b in ("whole", "empty", "wrong .mpy", "file altered"):  # one of each way to be unfit
        _start_damaged(damaged_a, damaged_b, pointed)


@cache
def _both_slots():
    pen = Pen()
    put(pen, "a", small_image("2.0"))
    put(pen, "b", small_image("2.0"))
    return bytes(pen.link.flash.image)


def _start_damaged(damaged_a, damaged_b, pointed):
    pen = Pen(_both_slots())
    reasons = {}
    for slot, name in (("a", damaged_a), ("b", damaged_b)):
        damage, reasons[slot] = DAMAGES[name]
        damage(pen, slot)
    if POINTED[pointed] is not None:
        pen.write("/slot", POINTED[pointed])
    order = "ba" if pointed.startswith("b") else "ab"
    usable = [slot for slot in order if reasons[slot] == slots.SOUND and not (pointed == "b spent" and slot == "b")]
    started = pen.start()
    assert started.running == (usable[0] if usable else "")
    if not usable:
        assert started.service and started.path == ["", ".frozen", "/lib"]
        assert all(len(line) <= page.COLUMNS for line in page.lines(started.service, started.notes))
        return
    assert not started.service and started.path == [f"/{usable[0]}", ".frozen"]
    assert {name for name in small_image("") if "/" not in name} | {"drivers"} == pen.names(f"/{usable[0]}")
    if usable[0] != order[0]:
        expected = reasons[order[0]] or slots.NOT_STARTED
        assert started.fell[:2] == (order[0], expected) if pointed[0] in "ab" else started.fell[1] == slots.NO_POINTER
    again = pen.start()
    assert again.running == started.running and again.service == ""


def test_a_trial_has_three_starts_and_then_the_old_firmware_is_back_for_good():
    pen = Pen()
    put(pen, "a", small_image("1.0"))
    put(pen, "b", small_image("2.0"))
    pen.start().point("b")
    assert [pen.start().running for _ in range(5)] == ["b", "b", "b", "a", "a"]
    last = pen.start()
    assert last.back == "b: did not start" and last.fell is None and last.trial == 0
    assert last.describe() == ("a", 0, "2.0", "b: did not start")
    pen.write("/a/gate.mpy", b"broken")  # even now the firmware that failed its trial is not started again
    dead = pen.start()
    assert dead.service == "no firmware" and dead.running == ""


def test_a_firmware_that_says_it_works_stays_and_wears_no_flash():
    pen = Pen()
    put(pen, "a", small_image("1.0"))
    put(pen, "b", small_image("2.0"))
    pen.start().point("b")
    assert pen.start().trial == 1
    second = pen.start()
    assert second.trial == 2 and pen.link.writes > 0
    second.confirm()
    assert second.trial == 0
    for _ in range(5):
        started = pen.start()
        assert started.running == "b" and started.trial == 0 and pen.link.writes == 0
        started.confirm()
        assert pen.link.writes == 0


def test_a_restart_into_service_lasts_until_power_is_cut_or_another_restart():
    pen = Pen()
    put(pen, "a", small_image("1.0"))
    pen.write("/slot", slots.pointer("a", None))
    assert pen.start().running == "a"
    with pytest.raises(Restarted):
        pen.start().restart(True)
    for _ in range(3):  # a soft reset, as mpremote makes one, stays in service
        started = pen.start(power_on=False)
        assert started.service == "asked for" and started.running == ""
    with pytest.raises(Restarted):
        started.restart()
    assert pen.start(power_on=False).running == "a"
    with pytest.raises(Restarted):
        pen.start().restart(True)
    assert pen.start().running == "a"


def test_select_held_at_power_on_is_service_mode_until_the_next():
    pen = Pen()
    put(pen, "a", small_image("1.0"))
    pen.write("/slot", slots.pointer("a", None))
    pen.link.select_held = True
    assert pen.start().service == "SELECT held"
    pen.link.select_held = False
    assert pen.start(power_on=False).service
    assert pen.start().service == ""


def test_flash_that_cannot_be_written_does_not_go_on_for_ever_with_a_trial():
    pen = Pen()
    put(pen, "a", small_image("1.0"))
    put(pen, "b", small_image("2.0"))
    pen.start().point("b")
    pen.files.mkdir("/slot.new")  # opening it for writing fails
    assert pen.start().service == "no firmware"


class DriveOn:
    """EN_N reads low from one look on, or at one look only."""

    def __init__(self, link, at, looks=None):
        self.looks, self._at, self._end = 0, at, at + looks if looks else float("inf")
        link.drive_on = self._look

    def _look(self):
        self.looks += 1
        return self._at < self.looks <= self._end


def _upgraded():
    pen = Pen()
    put(pen, "a", small_image("1.0"))
    put(pen, "b", small_image("2.0"))
    pen.write("/slot", slots.pointer("b", 0))
    return pen


def test_with_the_drive_on_a_trial_is_not_counted_and_does_not_start():
    pen = _upgraded()
    before = bytes(pen.link.flash.image)
    DriveOn(pen.link, 0)
    started = pen.start()
    assert started.service == "no firmware" and started.notes == ["EN_N reads low"]
    assert pen.link.writes == 0 and bytes(pen.link.flash.image) == before
    pen.link.drive_on = lambda: False
    assert (pen.start().running, pen.start().trial) == ("b", 2)


def test_with_the_drive_on_a_firmware_that_is_confirmed_starts():
    pen = _upgraded()
    pen.write("/slot", slots.pointer("b", None))
    DriveOn(pen.link, 0)
    assert pen.start().running == "b" and pen.link.writes == 0


def test_what_does_not_belong_in_a_slot_does_not_condemn_it_while_the_drive_is_on():
    pen = _upgraded()
    pen.write("/b/left_over.mpy", b"of an upgrade that was cut off")
    DriveOn(pen.link, 0)
    assert pen.start().notes == ["EN_N reads low"]
    pen.link.drive_on = lambda: False
    assert pen.start().running == "b" and "left_over.mpy" not in Pen(pen.link.flash.image).names("/b")


def test_the_line_falls_before_any_erase_or_page_and_the_file_is_the_old_or_the_new_one():
    """The next start, and the same start once the line is high again, find it so and write on."""
    pen = _upgraded()
    image, counted = bytes(pen.link.flash.image), DriveOn(pen.link, 10**6)
    assert pen.start().trial == 1
    assert counted.looks >= 3
    for at in range(counted.looks):
        pen = Pen(image)
        DriveOn(pen.link, at)
        started = pen.start()
        assert started.notes == ["EN_N reads low"]
        assert pen.link.writes == at
        pen.link.drive_on = lambda: False
        started.point("a")
        assert Pen(pen.link.flash.image).pointer() == ("a", 0, "", "")


def test_the_same_for_a_file_of_some_sectors_with_erases_in_it():
    pen, old, new = Pen(), b"old" * 2000, b"new" * 3000
    pen.start().replace("/gears.bin", old)
    image, counted = bytes(pen.link.flash.image), DriveOn(pen.link, 10**6)
    pen.start().replace("/gears.bin", new)
    assert counted.looks > 36
    for at in range(counted.looks):
        pen = Pen(image)
        started = pen.start()
        DriveOn(pen.link, at)
        with pytest.raises(OSError, match="16"):
            started.replace("/gears.bin", new)
        assert pen.link.writes == at
        assert Pen(pen.link.flash.image).read("/gears.bin") == old
        pen.link.drive_on = lambda: False
        started.replace("/gears.bin", new)
        assert started.read("/gears.bin") == Pen(pen.link.flash.image).read("/gears.bin") == new


def test_one_look_that_reads_low_stops_nothing():
    pen = _upgraded()
    image, counted = bytes(pen.link.flash.image), DriveOn(pen.link, 10**6)
    pen.start()
    for at in range(counted.looks):
        pen = Pen(image)
        DriveOn(pen.link, at, slots.EN_N_LOOKS - 1)
        assert pen.start().trial == 1


def test_the_other_slots_version_is_read_from_the_head_of_its_manifest():
    """A manifest has 11 kB: more than the chip's heap has in one piece while the firmware runs."""
    pen = Pen()
    put(pen, "a", small_image("1.0"))
    manifest = json.dumps({"format": 1, "version": "2.0"}, indent=1)
    put(pen, "b", {"manifest.json": manifest.encode() + b" " * 11000})
    started = pen.start()
    seen, read = [], started.read
    started.read = lambda *arguments: seen.append(read(*arguments)) or seen[-1]
    assert started.describe()[2] == "2.0" and max(len(data) for data in seen) <= 256
    for wrong in (b"", b'{"version": 7', b'{"version": "', b'{"version": "\xff\xfe"'):
        put(pen, "b", {"manifest.json": wrong})
        assert started.version_in("b") == ""


def test_an_empty_flash_says_what_is_missing():
    started = Pen().start()
    assert started.service == "no firmware"
    assert started.notes == ["pointer lost", "a: no manifest", "b: no manifest"]


@pytest.mark.parametrize("mpy, minor, arch, fits", [
    ("6.0", 3, 4, True), ("6.0", 1, 2, True), ("6.3", 3, 4, True), ("6.2", 3, 4, False), ("6.3", 3, 2, False),
    ("5.0", 3, 4, False), ("7.3", 3, 4, False)])
def test_only_native_code_is_bound_to_minor_version_and_architecture(mpy, minor, arch, fits):
    manifest = json.loads(small_image("1", mpy=mpy)["manifest.json"])
    assert (slots.fits(manifest, (6, minor, arch, (1, 28))) == "") is fits


def test_pins_written_outside_of_board_are_those_of_board():
    assert slots.PIN_SELECT == board.PIN_SELECT
    assert (slots.PIN_EN_N, slots.SIO_GPIO_IN) == (board.PIN_EN_N, board.SIO_GPIO_IN)
    assert (page.PIN_SDA, page.PIN_SCL, page.PIN_LED) == (board.PIN_SDA, board.PIN_SCL, board.PIN_LED)
    assert slots.SCRATCH4 == board.WATCHDOG_SCRATCH4
    assert slots.SCRATCH0 == SCRATCH0 and CHIP._mpy >> 10 == 4
    from sim.space import FIRMWARE
    assert f"Pin({board.PIN_EN_N}, Pin.OUT, value=1)" in (FIRMWARE / "boot.py").read_text()
