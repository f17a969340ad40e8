"""The fault table: numbers and keys never change, texts fit the panel, every fault says what to do."""

import re

import pytest

from sim.space import shim

faults = shim("faults")

# Frozen: these are in journals and in other people's notes. Add, never change.
FROZEN = {
    10: "trigger_stuck", 11: "trigger_contacts", 20: "cartridge_pulled", 30: "slip", 31: "encoder",
    32: "home_sensor", 33: "homing", 34: "jam", 35: "ceiling", 36: "drive_dropped", 37: "extended",
    40: "power_fail", 41: "battery_low", 42: "rail_low", 43: "battery_sense", 44: "rail_sense", 45: "power_sense",
    50: "motor_hot", 51: "ntc", 60: "driver_silent",
    61: "driver_reset", 62: "driver_hot", 63: "driver_short", 64: "driver_open", 65: "driver_supply",
    70: "calibration_missing", 71: "calibration_corrupt", 72: "storage", 73: "storage_blank", 74: "display",
    75: "gate", 76: "archive_lost", 77: "tables", 80: "watchdog", 81: "exception", 82: "overrun", 83: "internal",
}  # fmt: skip
FROZEN_REFUSALS = [
    "STATE", "SESSION", "TRIGGER", "RELEASE_FIRST", "RUN_TOO_LONG", "INTERLOCK", "CARTRIDGE", "CALIBRATION", "DEPTH",
    "POWER", "TEMPERATURE", "TIME", "TECHNICIAN", "GAUGE_TIP", "GAUGING", "REST", "PAGE",
]  # fmt: skip
COLUMNS, ROWS = 21, 6  # rows 1..6 of the panel; the title and the keys have the others


def test_numbers_and_keys_are_the_frozen_ones():
    assert {code: faults.key(code) for code in faults.TABLE} == FROZEN


def test_each_number_has_the_constant_of_its_key():
    for code, key in FROZEN.items():
        assert getattr(faults, key.upper()) == code
    assert faults.NONE not in faults.TABLE


def test_keys_are_unique_snake_case():
    keys = [faults.key(code) for code in faults.TABLE]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", key) for key in keys)


@pytest.mark.parametrize("code", FROZEN)
def test_texts_fit_the_panel(code):
    cause, action = faults.cause(code).split("|"), faults.action(code).split("|")
    assert len(cause) + 1 + len(action) <= ROWS
    for line in cause + action:
        assert 0 < len(line) <= COLUMNS
        assert line == line.strip()
        assert all(" " <= character <= "~" for character in line)


@pytest.mark.parametrize("code", FROZEN)
def test_every_fault_has_a_deed_and_a_remedy(code):
    assert faults.act(code) in (faults.RETRACT, faults.STOP, faults.BLOCK)
    assert faults.remedy(code) in (faults.BY_USER, faults.BY_RESTART, faults.BY_SERVICE)


@pytest.mark.parametrize("code", FROZEN)
def test_every_fault_says_where_the_needles_end(code):
    ends = faults.needles(code)
    assert faults.IN <= ends <= faults.FIRMWARE_STOPPED
    reason = faults.left_out(code)
    assert (reason == "") == (ends in (faults.IN, faults.RETRIED))
    assert len(reason) <= COLUMNS


def test_a_fault_that_brings_the_needles_in_leaves_them_out_only_where_the_supply_goes():
    for code in FROZEN:
        if faults.act(code) != faults.STOP:
            assert faults.needles(code) in (faults.IN, faults.RETRIED, faults.SUPPLY_GONE)


def test_where_the_words_find_no_room_the_number_has_to_do(monkeypatch):
    """The words come from flash into a heap that may be full: the fault's page and answer still have to be made."""

    def no_room(_module):
        raise MemoryError

    monkeypatch.setattr(faults, "borrow", no_room)
    assert faults.words(faults.SLIP) == ("", "")


def test_the_pen_remembers_what_only_service_clears_but_not_what_each_self_test_finds():
    by_service = {faults.key(code) for code in faults.TABLE if faults.remedy(code) == faults.BY_SERVICE}
    remembered = {faults.key(code) for code in faults.TABLE if faults.remembered(code)}
    assert by_service - remembered == {"calibration_missing", "calibration_corrupt", "storage", "storage_blank"}
    assert remembered < by_service
    assert not any(faults.remembered(code) for code in (faults.NONE, 99, -1))


def test_service_is_named_where_only_service_clears():
    for code in faults.TABLE:
        if faults.remedy(code) == faults.BY_SERVICE:
            assert re.search("service|technician", faults.action(code))


def test_refusals_keep_their_numbers_and_fit_a_row():
    assert faults.GRANTED == 0 and faults.REFUSALS[0] == ""
    for number, name in enumerate(FROZEN_REFUSALS, 1):
        assert getattr(faults, "REFUSED_" + name) == number
    assert len(faults.REFUSALS) == len(FROZEN_REFUSALS) + 1
    assert all(0 < len(text) <= COLUMNS for text in faults.REFUSALS[1:])
