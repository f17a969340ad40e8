"""The record store: its statuses, the choice of the newest slot, and power cut at every byte of a write."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage_bench import SERIAL, Bench, PowerCut, provisioned

import store
from crc import crc16
from penimage import decode
from records import CartridgeRing, Counters, LastFault, Settings
from sim.parts.fram import SIZE
from supervisor import hashed

ALL_RECORDS = range(store.RECORD_COUNT)
OTHER_RECORDS = [record for record in ALL_RECORDS if record != store.SUPERBLOCK]


def read(bench, record_id):
    """(status, payload or None)"""
    buf = bytearray(store.capacity(record_id))
    status = bench.store.read(record_id, buf)
    known = status in (store.OK, store.RECOVERED, store.NEWER)
    return status, bytes(buf[: bench.store.length]) if known else None


@pytest.mark.hazard("H13")
@pytest.mark.parametrize("wrong", ["one bit", "all that follow"])
def test_a_byte_misread_at_any_moment_gives_the_record_or_none(wrong):
    """Noise on the line, or a chip that falls silent: also after the payload was found good, while it is copied."""
    bench = provisioned()
    written = bytes(range(70))
    bench.store.write(store.CALIBRATION, b"the one before")
    bench.store.write(store.CALIBRATION, written)
    read_into, at, left, told = bench.fram.read_into, 0, 0, set()

    def misread(addr, buf):
        nonlocal left
        read_into(addr, buf)
        if 0 <= left < len(buf):
            buf[left] ^= 0x10
        if wrong != "one bit" and left < len(buf):
            buf[max(left, 0) :] = bytes(len(buf) - max(left, 0))
        left -= len(buf)

    bench.fram.read_into = misread
    while not at or left < 0:  # the last one is misread by nobody
        left = at
        status, payload = read(bench, store.CALIBRATION)
        assert payload in (None, written, b"the one before"), (at, status, payload)
        told.add((status, payload is None))
        at += 1
    assert at > 200 and (store.OK, False) in told


def damage(bench, record_id, slot, offset=16, mask=1):
    bench.chip.corrupt(store.slot_address(record_id, slot) + offset, mask)


@pytest.mark.parametrize("fill", [b"\x00", b"\xff"])
def test_a_chip_as_delivered_is_empty_and_not_provisioned(fill):
    bench = Bench(fill * SIZE)
    assert [read(bench, record)[0] for record in ALL_RECORDS] == [store.EMPTY] * store.RECORD_COUNT
    assert not bench.store.provisioned()
    assert bench.store.serial() == b""


def test_provisioning_names_the_pen_and_leaves_the_rest_empty():
    bench = Bench(b"\xa7" * SIZE).provision()
    bench.start()
    assert bench.store.provisioned()
    assert bench.store.serial() == SERIAL
    assert [read(bench, record)[0] for record in OTHER_RECORDS] == [store.EMPTY] * len(OTHER_RECORDS)


@pytest.mark.parametrize("serial", [b"", b"thirteen-char", b"with space", b"nul\0", b"\xe9"])
def test_provisioning_refuses_a_bad_serial_before_it_erases(serial):
    bench = Bench(b"\xa7" * SIZE)
    with pytest.raises(ValueError, match="serial"):
        store.provision(bench.fram, serial)
    assert bench.chip.image == b"\xa7" * SIZE


def test_foreign_layout_is_not_provisioned():
    bench = Bench()
    bench.store.write(store.SUPERBLOCK, b"\x02\x00PEN".ljust(14, b"\0"))
    assert not bench.store.provisioned()


@pytest.mark.parametrize("record", OTHER_RECORDS)
def test_slots_alternate_and_one_bad_slot_is_recovered(record):
    bench = provisioned()
    bench.store.write(record, b"first version")
    assert read(bench, record) == (store.OK, b"first version")
    bench.store.write(record, b"second")
    assert read(bench, record) == (store.OK, b"second")
    damage(bench, record, 1)
    assert read(bench, record) == (store.RECOVERED, b"first version")
    bench.store.write(record, b"third")
    assert read(bench, record) == (store.OK, b"third")
    damage(bench, record, 0)
    assert read(bench, record) == (store.RECOVERED, b"third")
    damage(bench, record, 1)
    assert read(bench, record) == (store.CORRUPT, None)
    bench.store.write(record, b"again")
    assert read(bench, record) == (store.RECOVERED, b"again")


def test_the_only_slot_going_bad_is_corrupt_not_empty():
    bench = provisioned()
    bench.store.write(store.CALIBRATION, b"only")
    damage(bench, store.CALIBRATION, 0)
    assert read(bench, store.CALIBRATION)[0] == store.CORRUPT


@pytest.mark.hazard("H13", "H16")
@given(st.integers(0, 16 + 12 - 1), st.integers(1, 255))
def test_any_damaged_byte_of_the_current_slot_is_noticed(offset, mask):
    bench = provisioned()
    bench.store.write(store.COUNTERS, b"older value!")
    bench.store.write(store.COUNTERS, b"newer value!")
    damage(bench, store.COUNTERS, 1, offset, mask)
    expected = (store.OK, b"newer value!") if offset == 14 else (store.RECOVERED, b"older value!")
    assert read(bench, store.COUNTERS) == expected  # byte 14 is reserved


@pytest.mark.parametrize("first", [0xFFFD, 0x7FFD, 0x0000])
def test_newest_slot_is_told_across_the_wrap(first):
    bench = provisioned()
    bench.store.write(store.SETTINGS, b"start")
    _set_sequence(bench, 0, first)
    for turn in range(8):
        payload = struct.pack("<HHBx32x", 60 + turn, 2000, 1)
        bench.store.write(store.SETTINGS, payload)
        assert read(bench, store.SETTINGS) == (store.OK, payload)
        assert decode(bench.chip.image).records["settings"].values["session_limit_s"] == 60 + turn


def _set_sequence(bench, slot, sequence):
    """Gives a slot a sequence number, checksum included."""
    addr = store.slot_address(store.SETTINGS, slot)
    image = bytearray(bench.chip.image)
    length = image[addr + 4]
    image[addr + 6 : addr + 8] = sequence.to_bytes(2, "little")
    crc = crc16(image, addr + 16, length, crc16(image, addr, 12))
    image[addr + 12 : addr + 14] = crc.to_bytes(2, "little")
    bench.chip.load(bytes(image))


@given(st.integers(0, 0xFFFF), st.integers(1, 0x7FFF))
def test_is_newer_across_the_wrap(older, distance):
    newer = (older + distance) & 0xFFFF
    assert store.is_newer(newer, older)
    assert not store.is_newer(older, newer)
    assert not store.is_newer(older, older)


def test_a_newer_schema_is_neither_good_nor_corrupt(monkeypatch):
    bench = provisioned()
    monkeypatch.setattr(store, "SCHEMAS", bytes((1, 1, 1, 4)) + bytes([1] * 7))
    bench.store.write(store.SETTINGS, b"future")
    monkeypatch.undo()
    assert read(bench, store.SETTINGS) == (store.NEWER, b"future")
    assert bench.store.schema == 4
    assert decode(bench.chip.image).records["settings"].status == "newer"
    assert Settings().load(bench.store) == store.NEWER


def test_misuse_is_refused():
    bench = provisioned()
    bench.store.write(store.SETTINGS, b"12345678")
    for call in (
        lambda: bench.store.read(store.RECORD_COUNT, bytearray(200)),
        lambda: bench.store.read(store.SETTINGS, bytearray(7)),
        lambda: bench.store.write(-1, b""),
        lambda: bench.store.write(store.SETTINGS, bytes(store.capacity(store.SETTINGS) + 1)),
    ):
        with pytest.raises(ValueError):
            call()


def test_a_chip_that_does_not_keep_a_write_is_an_error():
    bench = provisioned()
    bench.chip.fault = "absent"
    with pytest.raises(OSError, match="did not keep"):
        bench.store.write(store.SETTINGS, b"x")


@pytest.mark.hazard("H16")
@pytest.mark.parametrize("writes_before", [0, 1, 2, 3])
@pytest.mark.parametrize("record", [store.CALIBRATION, store.CARTRIDGES, store.KEY])
def test_power_cut_at_every_byte_leaves_the_old_or_the_new(record, writes_before):
    size = {store.CALIBRATION: 34, store.CARTRIDGES: 700, store.KEY: 32}[record]
    bench = provisioned()
    old = None
    for turn in range(writes_before):
        old = bytes((0x30 + turn,)) * size
        bench.store.write(record, old)
    base = bench.chip.image
    new = b"N" * (size - 1)
    before = bench.bus.clocked
    bench.store.write(record, new)
    total = bench.bus.clocked - before
    switched = False
    step = 7 if record == store.CARTRIDGES else 1  # the long record: a sample of its equal middle bytes
    for cut in [*range(0, total, step), total]:
        bench.chip.load(base)
        bench.start()
        bench.chip.cut_after(cut)
        try:
            bench.store.write(record, new)
        except PowerCut:
            pass
        bench.start()
        status, found = read(bench, record)
        assert found in (old, new), f"cut after {cut} bytes"
        assert status in ((store.EMPTY,) if found is None else (store.OK, store.RECOVERED))
        assert not (switched and found != new), "the new value went away again"
        switched = found == new
        bench.store.write(record, b"after")
        assert read(bench, record) == (store.OK, b"after")
    assert switched


def test_power_cut_while_provisioning_is_never_provisioned_by_halves():
    old = provisioned()
    old.begin()
    old.journal.end_session(1, 0, 1)
    base = old.chip.image
    before = old.bus.clocked
    store.provision(old.fram, b"NEW")
    total = old.bus.clocked - before
    for cut in [0, 5, 9, 20, 100, 520, 5000, 100_000, *range(total - 70, total)]:
        bench = Bench(base)
        bench.chip.cut_after(cut)
        with pytest.raises(PowerCut):
            store.provision(bench.fram, b"NEW")
        bench.start()
        image = decode(bench.chip.image)
        assert image.pen_serial == bench.store.serial().decode()
        assert image.pen_serial in ("", "NEW") if cut > 500 else image.pen_serial in ("", SERIAL.decode())
        assert not image.sessions or cut < 100_000


class TestTypedRecords:
    def test_counters(self):
        bench = provisioned()
        counters = Counters()
        assert counters.load(bench.store) == store.EMPTY
        counters.boots = 2**32 - 1
        assert counters.add_session(1, 500)
        assert not counters.add_session(1, 500)
        counters.save(bench.store)
        back = Counters()
        assert back.load(bench.store) == store.OK
        assert vars(back) == vars(counters)
        assert decode(bench.chip.image).records["counters"].values == vars(counters)

    def test_settings(self):
        bench = provisioned()
        settings = Settings()
        assert settings.load(bench.store) == store.EMPTY
        settings.depth_limit_um = 1500
        settings.save(bench.store)
        back = Settings()
        assert back.load(bench.store) == store.OK
        assert back.depth_limit_um == 1500
        for name, value in (("session_limit_s", 59), ("depth_limit_um", 2501), ("buzzer", 2)):
            bad = Settings()
            setattr(bad, name, value)
            with pytest.raises(ValueError, match="out of range"):
                bad.save(bench.store)

    def test_settings_out_of_range_or_size_on_the_chip_are_corrupt(self):
        bench = provisioned()
        bench.store.write(store.SETTINGS, bytes(30))
        settings = Settings()
        assert settings.load(bench.store) == store.CORRUPT
        assert settings.depth_limit_um == 2500
        bench.store.write(store.SETTINGS, b"\x00")
        assert settings.load(bench.store) == store.CORRUPT
        for flag, status in ((0, store.OK), (1, store.OK), (2, store.CORRUPT), (255, store.CORRUPT)):
            bench.store.write(store.SETTINGS, struct.pack("<HHBB8s16s8x", 1800, 2500, 1, flag, b"s" * 8, b"h" * 16))
            assert settings.load(bench.store) == status
            assert decode(bench.chip.image).records["settings"].status == ("ok" if status == store.OK else "corrupt")

    def test_a_supervisors_code_is_kept_as_a_salted_hash(self):
        bench = provisioned()
        settings = Settings()
        settings.set_code(b"saltsalt", b"USDDUSUU")
        settings.save(bench.store)
        assert b"USDDUSUU" not in bench.chip.image
        assert decode(bench.chip.image).records["settings"].values["supervisor_code"] is True
        back = Settings()
        assert back.load(bench.store) == store.OK
        assert (back.code_salt, back.code_hash) == (b"saltsalt", hashed(b"saltsalt", b"USDDUSUU"))
        back.forget_code()
        back.save(bench.store)
        assert settings.load(bench.store) == store.OK
        assert (settings.code_salt, settings.code_hash) == (b"", b"")
        assert decode(bench.chip.image).records["settings"].values["supervisor_code"] is False

    @pytest.mark.parametrize(
        "salt, presses", [(b"saltsalt", b"USDDUSU"), (b"saltsalt", b"USDDUSUX"), (b"salt", b"U" * 8)])
    def test_what_is_no_code_leaves_the_one_that_was_there(self, salt, presses):
        settings = Settings()
        settings.set_code(b"12345678", b"DDDDUUUU")
        before = (settings.code_salt, settings.code_hash)
        with pytest.raises(ValueError):
            settings.set_code(salt, presses)
        assert (settings.code_salt, settings.code_hash) == before

    def test_half_a_code_is_never_written(self):
        bench = provisioned()
        for salt, kept in ((b"saltsalt", b""), (b"", b"h" * 16), (b"s", b"h" * 16), (b"saltsalt", b"h" * 15)):
            settings = Settings()
            settings.code_salt, settings.code_hash = salt, kept
            with pytest.raises(ValueError, match="salt and a hash"):
                settings.save(bench.store)
        assert Settings().load(bench.store) == store.EMPTY

    def test_records_of_schema_1_are_read_and_grow_with_the_next_write(self, monkeypatch):
        """What a pen of the first firmware has: settings without a code, a last fault without one for service."""
        bench = provisioned()
        monkeypatch.setattr(store, "SCHEMAS", bytes((1,) * store.RECORD_COUNT))
        bench.store.write(store.SETTINGS, struct.pack("<HHBB", 900, 1500, 0, 0))
        bench.store.write(store.LAST_FAULT, struct.pack("<HHI", 31, 7, 12345))
        monkeypatch.undo()
        settings, fault = Settings(), LastFault()
        assert settings.load(bench.store) == fault.load(bench.store) == store.OK
        assert vars(settings) == {
            "session_limit_s": 900, "depth_limit_um": 1500, "buzzer": 0, "code_salt": b"", "code_hash": b"",
            "operator": b""}
        assert (fault.code, fault.boot, fault.uptime_ms, fault.service_code) == (31, 7, 12345, 0)
        told = decode(bench.chip.image).records
        assert told["settings"].values == {
            "session_limit_s": 900, "depth_limit_um": 1500, "buzzer": 0, "supervisor_code": False, "operator": ""}
        assert told["last_fault"].values["service_code"] == 0
        settings.set_code(b"saltsalt", b"UUUUUUUU")
        settings.save(bench.store)
        assert Settings().load(bench.store) == store.OK
        assert decode(bench.chip.image).records["settings"].schema == 3

    def test_settings_of_schema_2_are_read_as_without_an_operator_and_grow(self, monkeypatch):
        bench = provisioned()
        monkeypatch.setattr(store, "SCHEMAS", bytes((2,) * store.RECORD_COUNT))
        kept = hashed(b"saltsalt", b"USDDUSUU")
        bench.store.write(store.SETTINGS, struct.pack("<HHBB8s16s", 900, 1500, 0, 1, b"saltsalt", kept))
        monkeypatch.undo()
        settings = Settings()
        assert settings.load(bench.store) == store.OK
        assert (settings.session_limit_s, settings.code_hash, settings.operator) == (900, kept, b"")
        assert decode(bench.chip.image).records["settings"].values == {
            "session_limit_s": 900, "depth_limit_um": 1500, "buzzer": 0, "supervisor_code": True, "operator": ""}
        settings.set_operator(b"MK-7")
        settings.save(bench.store)
        back = Settings()
        assert back.load(bench.store) == store.OK
        assert vars(back) == vars(settings)
        assert decode(bench.chip.image).records["settings"].values["operator"] == "MK-7"

    @pytest.mark.parametrize("tag", [b"123456789", b"A B", b"\xe9", b"A\0B", b"\x1b[2J"])
    def test_what_is_no_operators_tag_leaves_the_one_that_was_there(self, tag):
        bench = provisioned()
        settings = Settings()
        settings.set_operator(b"ANNA")
        with pytest.raises(ValueError, match="8 printable ASCII"):
            settings.set_operator(tag)
        assert settings.operator == b"ANNA"
        settings.operator = tag
        with pytest.raises(ValueError, match="8 printable ASCII"):
            settings.save(bench.store)
        assert settings.load(bench.store) == store.EMPTY

    def test_a_stored_operator_that_is_none_is_corrupt(self):
        bench = provisioned()
        for tag in (b"A B", b"\xe9", b"A\0B"):
            bench.store.write(store.SETTINGS, struct.pack("<HHBB24x8s", 1800, 2500, 1, 0, tag))
            assert Settings().load(bench.store) == store.CORRUPT
            assert decode(bench.chip.image).records["settings"].status == "corrupt"

    def test_a_schema_1_record_of_the_size_of_schema_2_is_corrupt(self, monkeypatch):
        bench = provisioned()
        monkeypatch.setattr(store, "SCHEMAS", bytes((1,) * store.RECORD_COUNT))
        bench.store.write(store.SETTINGS, struct.pack("<HHBB8s16s", 1800, 2500, 1, 1, b"s" * 8, b"h" * 16))
        monkeypatch.undo()
        assert Settings().load(bench.store) == store.CORRUPT

    def test_last_fault(self):
        bench = provisioned()
        fault = LastFault()
        fault.code, fault.boot, fault.uptime_ms, fault.service_code, fault.service_boot = 30, 65537, 12345, 31, 65538
        fault.save(bench.store)
        assert fault.load(bench.store) == store.OK
        assert (fault.code, fault.boot, fault.uptime_ms) == (30, 1, 12345)
        assert (fault.service_code, fault.service_boot) == (31, 2)
        assert decode(bench.chip.image).records["last_fault"].values == vars(fault)

    def test_cartridge_ring_keeps_the_last_120(self):
        bench = provisioned()
        ring = CartridgeRing()
        assert ring.load(bench.store) == store.EMPTY
        roms = [serial.to_bytes(8, "big") for serial in range(1, 131)]
        for rom in roms:
            assert not ring.contains(rom)
            assert ring.add(bench.store, rom)
            assert not ring.add(bench.store, rom)
        back = CartridgeRing()
        assert back.load(bench.store) == store.OK
        assert [rom for rom in roms if not back.contains(rom)] == roms[:10]
        assert decode(bench.chip.image).records["cartridges"].values == {"roms": [r.hex() for r in roms[10:]]}

    def test_cartridge_ring_refuses_what_is_no_rom_id(self):
        with pytest.raises(ValueError, match="8 bytes"):
            CartridgeRing().contains(b"short")

    def test_failed_load_leaves_no_stale_ring(self):
        bench = provisioned()
        ring = CartridgeRing()
        ring.add(bench.store, b"12345678")
        damage(bench, store.CARTRIDGES, 0)
        assert ring.load(bench.store) == store.CORRUPT
        assert not ring.contains(b"12345678")
