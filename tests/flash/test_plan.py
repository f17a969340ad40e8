"""What flash.sh decides before it touches a pen: board, slot, data, UF2. No board needed."""

import json
import struct
import zlib

import pytest
from flash_rig import small_image

from penimage import provision_image
from penimage.model import RECORD_NAMES, SCHEMAS, schema_of
from sim.space import shim
from tools.flashing import plan, uf2
from tools.flashing.__main__ import read_fram
from tools.flashing.plan import Refused

slots = shim("slots")
READS = {"layout": 1, "schemas": [schema_of(name) for name in RECORD_NAMES], "head": 2, "archive": 1}
FILES = small_image("2.0", data=READS, loader={})


def survey(**changes):
    held = {}
    for slot in "ab":
        for name, entry in json.loads(FILES["manifest.json"])["files"].items():
            held[f"/{slot}/{name}"] = entry["sha256"]
    manifest = FILES["manifest.json"].decode()
    return {
        "platform": "rp2", "machine": "Raspberry Pi Pico with RP2040", "version": [1, 28, 0], "mpy": 0x1306,
        "service": "", "pointer": slots.pointer("a", None).decode(), "manifests": {"a": manifest, "b": manifest},
        "files": held, "free": 200, **changes}


@pytest.mark.parametrize("changes, says", [
    ({"platform": "esp32", "machine": "ESP32 module"}, "not an RP2040"),
    ({"machine": "Raspberry Pi Pico2 with RP2350"}, "not an RP2040"),
    ({"version": [1, 27, 0]}, "MicroPython 1.28.*BOOTSEL"),
    ({"mpy": 0x1307}, "BOOTSEL")])
def test_a_board_that_cannot_run_it_is_refused_with_the_remedy(changes, says):
    with pytest.raises(Refused, match=says):
        plan.check_board(survey(**changes), json.loads(FILES["manifest.json"]))


@pytest.mark.parametrize("pointer, sound, target, back_to", [
    (slots.pointer("a", None), "ab", "b", None), (slots.pointer("b", None), "ab", "a", None),
    (slots.pointer("a", None), "a", "b", None), (slots.pointer("b", 2), "ab", "b", "a"),
    (slots.pointer("b", 2), "b", "a", None), (slots.pointer("b", 2, "a"), "ab", "a", None),
    (b"", "b", "a", None), (b"", "", "a", None), (b"", "a", "b", None)])
def test_the_slot_that_works_is_never_the_one_that_is_written(pointer, sound, target, back_to):
    found = survey(pointer=pointer.decode())
    for slot in "ab":
        if slot not in sound:
            found["files"][f"/{slot}/main.mpy"] = "0" * 64
    assert plan.target_of(found, "upgrade") == (target, back_to)


def test_a_full_flash_is_refused_before_anything_is_touched(tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    found = survey(free=3)
    assert "copy=()" in plan.plan(found | {"free": 8}, tmp_path, "upgrade")  # both slots hold it already
    del found["files"]["/b/gate.mpy"]
    with pytest.raises(Refused, match="3 blocks for it and 9 are needed"):
        plan.plan(found, tmp_path, "upgrade")
    assert "copy=(gate.mpy)" in plan.plan(found | {"free": 9}, tmp_path, "upgrade")


def test_going_back_needs_a_sound_slot_to_go_back_to():
    assert plan.target_of(survey(), "rollback") == ("b", None)
    with pytest.raises(Refused, match=r"slot b holds no firmware.*no manifest"):
        plan.target_of(survey(manifests={"a": FILES["manifest.json"].decode(), "b": None}), "rollback")


def test_a_firmware_that_cannot_read_the_pens_records_is_refused():
    fram = provision_image("PEN-7", settings={"session_limit_s": 900, "depth_limit_um": 2000, "buzzer": 1})
    assert plan.check_data(fram, {"data": READS}) == []
    older = list(READS["schemas"])
    older[RECORD_NAMES.index("settings")] = SCHEMAS["settings"] - 1
    assert "record settings" in plan.check_data(fram, {"data": {**READS, "schemas": older}})[0]
    assert "layout 2" in plan.check_data(fram, {"data": {**READS, "layout": 2}})[0]
    assert plan.check_data(fram, {}) and plan.check_data(bytes(262144), {"data": {**READS, "layout": 2}}) == []


def block(index, total, family=uf2.RP2040_FAMILY, flags=0x2000, magic=0x0A324655):
    head = struct.pack("<8I", magic, 0x9E5D5157, flags, 0x10000000 + 256 * index, 256, index, total, family)
    return head.ljust(508, b"\0") + struct.pack("<I", 0x0AB16F30)


def test_only_a_whole_uf2_for_an_rp2040_goes_onto_a_board():
    uf2.check(block(0, 2) + block(1, 2))
    for data, says in (
            (b"", "no whole"), (block(0, 2)[:-1], "no whole"), (block(0, 2), "not whole"),
            (block(0, 1, magic=1), "no UF2"), (block(0, 1, family=0xE48BFF59), "another chip"),
            (block(0, 1, flags=0), "another chip")):
        with pytest.raises(Refused, match=says):
            uf2.check(data)


def test_a_download_that_is_not_the_pinned_release_is_refused():
    with pytest.raises(Refused, match="not the pinned release"):
        uf2.check_pinned(block(0, 1))


def test_a_record_memory_that_did_not_arrive_whole_is_not_kept():
    text = f"FRAM 6\n=073\nAQID\nCRC {zlib.crc32(bytes((7, 7, 7, 1, 2, 3))):08x}\n"
    assert read_fram(text) == b"\7\7\7\1\2\3"
    assert read_fram("FRAM absent\n") is None
    for wrong in (text.replace("AQID", "AQIE"), text.replace("=073\n", ""), text[:-9], ""):
        with pytest.raises(Refused):
            read_fram(wrong)
