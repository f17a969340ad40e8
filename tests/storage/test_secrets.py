"""The key and the clinic's limits in the store, and what a copy of the memory shows of the secrets in it: nothing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage_bench import Bench, provisioned

import depth
import store
import withheld
from penimage import decode, provision_image
from records import CLINIC_ZONES, Clinic, Key, LastFault, Settings
from sim.parts.fram import SIZE

KEY = bytes(range(1, 33))
SALT = b"salt-SALT"[:8]
NEIGHBOURS = ((store.KEY, store.COUNTERS), (store.CLINIC, store.LAST_FAULT))


def secretive():
    """A pen with a key and a supervisor's code, both in both slots."""
    bench = provisioned()
    settings, key = Settings(), Key()
    settings.set_code(SALT, b"USDDUSUU")
    key.key = KEY
    for _ in range(2):
        settings.save(bench.store)
        key.save(bench.store)
    return bench, settings.code_hash


def shown(bench, piece=4096):
    """The whole memory as it may leave the pen, read in pieces."""
    whole = bytearray(SIZE)
    for at in range(0, SIZE, piece):
        withheld.read_into(bench.fram, at, memoryview(whole)[at : at + piece])
    return bytes(whole)


class TestRecords:
    def test_a_key_is_kept(self):
        bench = provisioned()
        key = Key()
        assert key.load(bench.store) == store.EMPTY
        assert key.key == b""
        key.key = KEY
        key.save(bench.store)
        back = Key()
        assert back.load(bench.store) == store.OK
        assert back.key == KEY

    @pytest.mark.parametrize("wrong", [b"", KEY[:31], KEY + b"x", bytes(32)])
    def test_what_is_no_key_is_refused_and_not_told(self, wrong):
        key = Key()
        key.key = wrong
        with pytest.raises(ValueError, match="32 bytes") as told:
            key.save(provisioned().store)
        assert KEY[:8].decode("latin-1") not in str(told.value)

    @pytest.mark.parametrize("stored", [bytes(32), KEY[:31]])
    def test_a_withheld_or_short_key_is_no_key(self, stored):
        bench = provisioned()
        bench.store.write(store.KEY, stored)
        key = Key()
        assert key.load(bench.store) == store.CORRUPT
        assert key.key == b""

    def test_clinic_limits_are_kept_and_start_out_limiting_nothing(self):
        bench = provisioned()
        clinic = Clinic()
        assert clinic.load(bench.store) == store.EMPTY
        assert clinic.limits_um == [depth.BUILD_CEILING_UM] * len(depth.ZONES)
        clinic.set(6, 1000)
        clinic.set(0, 0)
        clinic.save(bench.store)
        back = Clinic()
        assert back.load(bench.store) == store.OK
        assert back.limits_um == clinic.limits_um
        assert decode(bench.chip.image).records["clinic"].values == {"limits_um": clinic.limits_um}

    @pytest.mark.parametrize(
        "zone, limit_um", [(13, 500), (-1, 500), (True, 500), (6, 99), (6, 2501), (6, -1), (6, 0.5)])
    def test_a_limit_out_of_range_changes_nothing(self, zone, limit_um):
        clinic = Clinic()
        with pytest.raises(ValueError, match=r"zone|limit"):
            clinic.set(zone, limit_um)
        assert clinic.limits_um == [2500] * CLINIC_ZONES
        if type(zone) is int and 0 <= zone < CLINIC_ZONES:
            clinic.limits_um[zone] = limit_um
            with pytest.raises(ValueError, match="limit"):
                clinic.save(provisioned().store)

    def test_a_stored_limit_out_of_range_is_corrupt(self):
        bench = provisioned()
        bench.store.write(store.CLINIC, b"\x63\0" * CLINIC_ZONES)  # 99 um
        clinic = Clinic()
        assert clinic.load(bench.store) == store.CORRUPT
        assert clinic.limits_um == [2500] * CLINIC_ZONES
        assert decode(bench.chip.image).records["clinic"].status == "corrupt"

    @pytest.mark.parametrize("record, neighbour", NEIGHBOURS)
    def test_two_records_in_one_stride_leave_each_other_alone(self, record, neighbour):
        bench = provisioned()
        for turn in range(4):
            mine, other = bytes((turn + 1,)) * store.capacity(record), bytes((turn + 101,)) * store.capacity(neighbour)
            bench.store.write(record, mine)
            bench.store.write(neighbour, other)
            for number, written in ((record, mine), (neighbour, other)):
                buf = bytearray(store.capacity(number))
                assert bench.store.read(number, buf) == store.OK
                assert bytes(buf) == written

    def test_provisioning_writes_what_the_firmware_writes(self):
        bench = Bench().provision()
        key, clinic = Key(), Clinic()
        key.key = KEY
        key.save(bench.store)
        clinic.set(6, 1000)
        clinic.save(bench.store)
        assert provision_image("PEN-00042", key=KEY, clinic_um=clinic.limits_um) == bench.chip.image

    @pytest.mark.parametrize("given", [{"key": b"short"}, {"key": bytes(32)}, {"clinic_um": [500] * 12},
                                       {"clinic_um": [99] * 13}])
    def test_provisioning_refuses_what_the_firmware_would(self, given):
        with pytest.raises(ValueError, match=r"32 bytes|13 times"):
            provision_image("P-1", **given)


def test_no_slot_lies_on_another():
    spans = sorted((store.slot_address(record, slot), store.slot_bytes(record))
                   for record in range(store.RECORD_COUNT) for slot in (0, 1))
    assert all(at + size <= after for (at, size), (after, _) in pairwise(spans))


class TestWithheld:
    def test_no_secret_is_in_the_copy_and_all_else_is(self):
        bench, code_hash = secretive()
        copy, image = shown(bench), bench.chip.image
        for secret in (KEY, code_hash, SALT):
            assert image.count(secret) == 2
            assert secret not in copy
        assert sum(a != b for a, b in zip(copy, image, strict=True)) <= 2 * (32 + 24 + 4)

    def test_a_reader_finds_the_records_sound(self):
        bench, _ = secretive()
        found = decode(shown(bench))
        assert not found.problems and not found.notes
        assert found.records == decode(bench.chip.image).records
        assert found.records["settings"].values["supervisor_code"] is True
        assert found.records["key"].values == {"set": True}

    def test_a_pen_without_secrets_is_shown_as_it_is(self):
        bench = provisioned()
        LastFault().save(bench.store)
        assert shown(bench) == bench.chip.image

    def test_damage_is_not_made_good(self):
        bench, _ = secretive()
        bench.chip.corrupt(store.slot_address(store.SETTINGS, 1) + 16, 1)
        bench.chip.corrupt(store.slot_address(store.KEY, 1) + 20, 1)
        found = decode(shown(bench))
        assert {name: found.records[name].status for name in ("settings", "key")} == {
            "settings": "recovered", "key": "recovered"}

    @pytest.mark.parametrize("state", [0x57, 0x00, 0xFF])
    def test_a_slot_in_any_state_is_withheld(self, state):
        bench, code_hash = secretive()
        image = bytearray(bench.chip.image)
        for record in (store.SETTINGS, store.KEY):
            for slot in (0, 1):
                at = store.slot_address(record, slot)
                image[at + 4 : at + 6] = b"\xff\xff"
                image[at + 15] = state
        bench.chip.load(bytes(image))
        copy = shown(bench)
        assert KEY not in copy and code_hash not in copy and SALT not in copy

    @given(st.integers(0x200, 0x480), st.integers(1, 130))
    def test_every_piece_is_cut_from_the_same_copy(self, addr, size):
        bench, _ = PEN
        piece = bytearray(size)
        withheld.read_into(bench.fram, addr, piece)
        assert bytes(piece) == COPY[addr : addr + size]


PEN = secretive()
COPY = shown(PEN[0])
