"""Cartridges: what is accepted and why not, and that a used mark is either unfinished or really there."""

import pytest
from crcs import onewire_crc16
from hypothesis import given, settings
from hypothesis import strategies as st
from wires import OneWireBus, drive

import cartridge
import cartridge_record
from cartridge import Cartridge
from drivers.ds2431 import Ds2431 as Driver
from sim.parts import ds2431 as part
from sim.parts.ds2431 import Ds2431, build_cartridge_memory

ROM = part.rom_id(0x00AA_BBCC_DDEE)
OTHER = part.rom_id(0x0011_2233_4455)
TODAY = 9_800  # days since 2000-01-01
FRESH, USED = bytes([cartridge.MARK_FRESH] * 8), bytes([cartridge.MARK_USED] * 8)
MARK = slice(cartridge.MARK_ADDR, cartridge.MARK_ADDR + 8)
RECORD = cartridge.RECORD_ADDR


def rig(rom=ROM, **options):
    chip = Ds2431(rom, build_cartridge_memory(rom, **options))
    bus = OneWireBus(chip)
    return chip, bus, Cartridge(Driver(bus))


def read(reader, bus, seated=True):
    reader.begin_read(seated)
    drive(reader, bus)
    return reader.reason


def verdict(chip, bus=None, known_used=False, today=TODAY):
    bus = bus or OneWireBus(chip)
    reader = Cartridge(Driver(bus))
    read(reader, bus)
    return cartridge.evaluate(reader.info, known_used, today)


def image_of(chip):
    return bytes(chip.memory[cartridge.MARK_ADDR : cartridge.MARK_ADDR + cartridge.IMAGE_SIZE])


# ---- the record


@given(
    needles=st.integers(0, 255), rated=st.integers(100, 5000), offset=st.integers(-200, 200),
    expiry=st.integers(1, 65535), lot=st.text("ABC0189-", max_size=8), gauge=st.integers(0, 255),
    serial=st.integers(0, (1 << 48) - 1),
)  # fmt: skip
def test_what_was_encoded_is_decoded(needles, rated, offset, expiry, lot, gauge, serial):
    rom = part.rom_id(serial)
    memory = build_cartridge_memory(rom, needles, rated, offset, expiry, lot=lot, gauge=gauge)
    info = cartridge.decode(memory[0x58:0x88], rom)
    assert info.reason == cartridge.OK and not info.used
    assert (info.needles, info.rated_um, info.offset_um) == (needles, rated, offset)
    assert (info.expiry_days, info.lot, info.kind, info.gauge) == (expiry, lot, 1, gauge)


def test_record_layout_and_crcs():
    """The bytes as documented, with checksums computed apart: this is what is in cartridges in the field."""
    record = cartridge_record.encode(ROM, 12, 2500, -40, 0x1234, "L7", 1, 32)
    body = b"PC\x01\x01\x20\x0c" + b"\xc4\x09" + b"\xd8\xff" + b"\x34\x12" + b"L7      " + bytes(8)
    assert record[:28] == body
    assert record[28:30] == onewire_crc16(body, 0xFFFF).to_bytes(2, "little")
    assert record[30:] == onewire_crc16(ROM + record[:30], 0xFFFF).to_bytes(2, "little")


@pytest.mark.parametrize(
    "change",
    [
        {"rated_um": 99}, {"rated_um": 5001}, {"offset_um": 201}, {"offset_um": -201}, {"expiry_days": 0},
        {"expiry_days": 65536}, {"needles": 256}, {"lot": "123456789"}, {"lot": "é"}, {"kind": -1},
    ],
)  # fmt: skip
def test_values_that_cannot_be_stored_are_refused(change):
    with pytest.raises(ValueError, match="must be"):
        build_cartridge_memory(ROM, **change)


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="48 bytes"):
        cartridge.decode(bytes(47), ROM)
    with pytest.raises(ValueError, match="8 bytes"):
        cartridge_record.encode(ROM[:7], 12, 2500, 0, 1, "")


@pytest.mark.parametrize("bit", range(8 * 32))
def test_each_wrong_bit_of_the_record_is_found(bit):
    image = bytearray(build_cartridge_memory(ROM)[0x58:0x88])
    image[8 + (bit >> 3)] ^= 1 << (bit & 7)
    found = cartridge.decode(bytes(image), ROM).reason
    assert found == (cartridge.COPIED if bit >= 8 * 30 else cartridge.CORRUPT)


@pytest.mark.parametrize("bit", range(64))
def test_each_wrong_bit_of_the_mark_is_used_or_corrupt(bit):
    image = bytearray(build_cartridge_memory(ROM)[0x58:0x88])
    image[bit >> 3] ^= 1 << (bit & 7)
    info = cartridge.decode(bytes(image), ROM)
    cleared = cartridge.MARK_FRESH >> (bit & 7) & 1
    assert info.reason == (cartridge.OK if cleared else cartridge.CORRUPT)
    assert cartridge.evaluate(info, False, 0) == (cartridge.USED if cleared else cartridge.CORRUPT)


@given(st.binary(min_size=48, max_size=48))
def test_arbitrary_bytes_never_pass(data):
    assert cartridge.decode(data, ROM).reason in (cartridge.CORRUPT, cartridge.COPIED)


@given(st.binary(min_size=28, max_size=28))
def test_sealed_nonsense_is_decoded_without_an_exception(body):
    """Good checksums over any content: never an exception, and only sane values with OK."""
    body = b"PC" + body[2:]
    record = body + onewire_crc16(body, 0xFFFF).to_bytes(2, "little")
    record += onewire_crc16(ROM + record, 0xFFFF).to_bytes(2, "little")
    info = cartridge.decode(FRESH + record + cartridge.PROTECTION_ROW, ROM)
    if info.reason == cartridge.OK:
        assert 100 <= info.rated_um <= 5000 and -200 <= info.offset_um <= 200 and info.lot.isascii()
    else:
        assert info.reason in (cartridge.CORRUPT, cartridge.UNKNOWN_TYPE)


def test_marks_have_ones_and_zeros_and_one_leads_to_the_other():
    assert cartridge.MARK_USED & ~cartridge.MARK_FRESH == 0
    assert 0 < cartridge.MARK_USED < cartridge.MARK_FRESH < 0xFF


# ---- the verdict


def sealed(**changes):
    options = {"needles": 12, "rated_um": 2500, "offset_um": 0, "expiry_days": TODAY, "lot": "A"} | changes
    return Ds2431(ROM, build_cartridge_memory(ROM, **options))


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(
    "changes, known_used, today, expected",
    [
        ({}, False, TODAY, cartridge.OK),  # the expiry day itself is the last one
        ({}, False, TODAY + 1, cartridge.EXPIRED),
        ({}, False, 0, cartridge.OK),  # clock never set: not judged
        ({}, True, TODAY, cartridge.USED),
        ({"used": True}, False, TODAY, cartridge.USED),
        ({"needles": 11}, False, TODAY, cartridge.WRONG_NEEDLE_COUNT),
        ({"needles": 16}, False, TODAY + 1, cartridge.WRONG_NEEDLE_COUNT),
        ({"kind": 2}, False, TODAY, cartridge.GAUGE_TIP),
        ({"kind": 3}, False, TODAY, cartridge.UNKNOWN_TYPE),
        ({"kind": 3, "used": True}, False, TODAY, cartridge.USED),
    ],
)
def test_verdict(changes, known_used, today, expected):
    assert verdict(sealed(**changes), known_used=known_used, today=today) == expected


def test_newer_layout_is_an_unknown_type_not_damage():
    record = bytearray(cartridge_record.encode(ROM, 12, 2500, 0, TODAY, "A"))
    record[2] = 2
    record[28:30] = onewire_crc16(record[:28], 0xFFFF).to_bytes(2, "little")
    record[30:] = onewire_crc16(ROM + record[:30], 0xFFFF).to_bytes(2, "little")
    chip = sealed()
    chip.memory[RECORD : RECORD + 32] = record
    assert verdict(chip) == cartridge.UNKNOWN_TYPE


@pytest.mark.hazard("H06")
def test_copied_record_does_not_hold_for_another_chip():
    assert verdict(Ds2431(OTHER, build_cartridge_memory(ROM))) == cartridge.COPIED


@pytest.mark.parametrize("page", [2, 3])
def test_open_pages_are_refused(page):
    chip = sealed()
    chip.memory[0x80 + page] = 0
    assert verdict(chip) == cartridge.UNPROTECTED


def test_blank_chip_is_corrupt():
    assert verdict(Ds2431(ROM)) == cartridge.CORRUPT
    assert verdict(Ds2431(ROM, bytes(128))) == cartridge.CORRUPT


def test_nothing_there():
    chip, bus, reader = rig()
    chip.present = False
    assert read(reader, bus, seated=False) == cartridge.ABSENT
    assert read(reader, bus, seated=True) == cartridge.UNREADABLE
    chip.present = True
    chip.unreadable = True
    assert read(reader, bus) == cartridge.UNREADABLE


def test_shorted_wire_is_unreadable():
    _chip, bus, reader = rig()
    bus.short = True
    assert read(reader, bus) == cartridge.UNREADABLE


def test_lasting_wrong_bit_is_corrupt_and_a_passing_one_is_not():
    chip, bus, reader = rig()
    chip.corrupt_bit = (RECORD + 5, 0)
    assert read(reader, bus) == cartridge.CORRUPT
    readbit, count = bus.readbit, [0]

    def glitch():
        count[0] += 1
        return readbit() ^ (count[0] == 200)

    chip.corrupt_bit = None
    bus.readbit = glitch
    assert read(reader, bus) == cartridge.OK and count[0] > 500


def test_reading_holds_the_bus_for_less_than_10_ms_a_step():
    _chip, bus, reader = rig()
    reader.begin_read()
    steps = 0
    while True:
        before = bus.now_ns
        more = reader.step(0)
        steps += 1
        assert bus.now_ns - before < 10_000_000
        if not more:
            break
    assert reader.reason == cartridge.OK and steps == 7 and bus.now_ns < 40_000_000


def test_before_a_reading_nothing_is_accepted():
    _chip, _bus, reader = rig()
    assert cartridge.evaluate(reader.info, False, TODAY) == cartridge.NOT_READ
    assert not reader.begin_mark()
    reader.begin_read()
    assert reader.busy and cartridge.evaluate(reader.info, False, TODAY) == cartridge.NOT_READ
    assert not reader.begin_mark()


@pytest.mark.hazard("H06")
def test_removal_ends_everything():
    _chip, bus, reader = rig()
    assert read(reader, bus) == cartridge.OK
    reader.removed()
    assert reader.reason == cartridge.REMOVED and not reader.marked and not reader.busy
    assert cartridge.evaluate(reader.info, False, TODAY) == cartridge.REMOVED
    assert not reader.begin_mark() and not reader.step(0)


# ---- the used mark


def mark(reader, bus):
    assert reader.begin_mark()
    drive(reader, bus)
    return reader.marked


@pytest.mark.hazard("H06")
def test_mark_is_written_verified_and_final():
    chip, bus, reader = rig()
    read(reader, bus)
    assert mark(reader, bus) and chip.memory[MARK] == USED and chip.copies == 1
    assert not reader.begin_mark()
    assert verdict(chip) == cartridge.USED
    second = Driver(bus)
    second.write_row(cartridge.MARK_ADDR, FRESH)
    second.copy_start(cartridge.MARK_ADDR)
    bus.now_ns += 20_000_000
    second.copy_finish()
    second.write_row(0x80, bytes(8))  # and the protection does not come off
    second.copy_start(0x80)
    bus.now_ns += 20_000_000
    assert chip.memory[MARK] == USED and verdict(chip) == cartridge.USED


def test_marking_a_used_cartridge_is_refused():
    _chip, bus, reader = rig(used=True)
    assert read(reader, bus) == cartridge.OK and reader.info.used
    assert not reader.begin_mark() and not reader.marked


def test_marking_takes_no_step_beyond_10_ms_and_waits_by_the_callers_clock():
    _chip, bus, reader = rig()
    read(reader, bus)
    reader.begin_mark()
    began, longest = bus.now_ns, 0
    while reader.busy:
        before = bus.now_ns
        reader.step(bus.now_ns // 1000)
        longest = max(longest, bus.now_ns - before)
        bus.now_ns += 500_000
    assert reader.marked and longest < 10_000_000 and bus.now_ns - began < 70_000_000


@given(st.integers(0, (1 << 30) - 1))
@settings(max_examples=30)
def test_the_wait_survives_a_wrap_of_ticks(start_us):
    _chip, bus, reader = rig()
    bus.now_ns = start_us * 1000
    read(reader, bus)
    assert mark(reader, bus)


def test_a_refusing_chip_never_counts_as_marked():
    chip, bus, reader = rig()
    read(reader, bus)
    chip.memory[0x82] = part.WRITE_PROTECT  # as if the page were locked
    assert not mark(reader, bus) and reader.reason == cartridge.UNREADABLE
    assert chip.memory[MARK] == FRESH


def test_a_wire_shorted_or_open_never_counts_as_marked():
    for fault in ("short", "open"):
        for at in range(0, 900, 7):
            chip, bus, reader = rig()
            read(reader, bus)
            first = bus.slots

            def strike(number, bus=bus, chip=chip, fault=fault, first=first, at=at):
                if number - first == at:
                    bus.short = fault == "short"
                    chip.unreadable = fault == "open"

            bus.at_slot = strike
            if mark(reader, bus):
                assert chip.memory[MARK] == USED


def slots_of_a_mark():
    _chip, bus, reader = rig()
    read(reader, bus)
    before = bus.slots
    assert mark(reader, bus)
    return bus.slots - before


TOTAL_SLOTS = slots_of_a_mark()


def consistent(chip, reader):
    """The one promise: done means used, for whoever reads the cartridge next."""
    chip.insert(10**12)
    fresh_look = verdict(chip, OneWireBus(chip))
    if reader.marked:
        assert chip.memory[MARK] == USED and chip.copies and fresh_look == cartridge.USED
    if fresh_look == cartridge.OK:
        assert not reader.marked and chip.memory[MARK] == FRESH
    else:
        assert fresh_look in (cartridge.USED, cartridge.CORRUPT)


@pytest.mark.parametrize("erase_first", [True, False])
@pytest.mark.parametrize("event", ["removed", "blinked", "swapped"])
def test_removal_at_every_bit_of_the_mark(event, erase_first):
    """Taken out for good, for a moment, or changed for another cartridge, before each slot and reset."""
    results = set()
    for at in range(TOTAL_SLOTS + 1):
        chip, bus, reader = rig()
        chip.erase_first = erase_first
        other = Ds2431(OTHER, build_cartridge_memory(OTHER))
        assert read(reader, bus) == cartridge.OK
        first = bus.slots

        def strike(number, bus=bus, chip=chip, other=other, first=first, at=at):
            if number - first == at:
                chip.cut(bus.now_ns) if event == "blinked" else chip.remove(bus.now_ns)
                if event == "swapped":
                    bus.chip = other

        bus.at_slot = strike
        results.add(mark(reader, bus))
        consistent(chip, reader)
        if event != "blinked" and at < TOTAL_SLOTS:
            assert not reader.marked
            assert reader.reason == (cartridge.REMOVED if event == "removed" else cartridge.UNREADABLE)
        assert other.memory[MARK] == FRESH
    assert results == {True, False} or event == "blinked"


@pytest.mark.hazard("H06")
@given(
    cut_us=st.integers(0, 70_000),
    again_us=st.integers(0, 70_000),
    seed=st.integers(0, 10**6),
    erase_first=st.booleans(),
    pause_us=st.integers(50, 4000),
)
@settings(max_examples=400, deadline=None)
def test_power_blinks_at_any_time_of_the_mark(cut_us, again_us, seed, erase_first, pause_us):
    """Two losses of contact at any microsecond, programming included, with bits torn in any order."""
    chip, bus, reader = rig()
    chip._random.seed(seed)
    chip.erase_first = erase_first
    read(reader, bus)
    cuts = sorted(bus.now_ns + at * 1000 for at in (cut_us, again_us))

    def strike(number):
        while cuts and cuts[0] <= bus.now_ns:
            chip.cut(cuts.pop(0))

    bus.at_slot = strike
    mark(reader, bus) if pause_us == 1000 else drive_slowly(reader, bus, pause_us)
    consistent(chip, reader)


def drive_slowly(reader, bus, pause_us):
    assert reader.begin_mark()
    drive(reader, bus, pause_us=pause_us, limit=5000)


def test_a_copy_torn_at_its_very_end_is_done_again():
    """All bits may read as written, but were not programmed for the full time: no AAh, so not accepted."""
    chip, bus, reader = rig()
    chip.erase_first = False
    read(reader, bus)
    reader.begin_mark()
    while not chip._programming:
        reader.step(bus.now_ns // 1000)
    chip.cut(bus.now_ns + part.PROGRAM_NS - 1000)
    assert chip.memory[MARK] == USED and chip.copies == 0
    drive(reader, bus)
    assert reader.marked and chip.copies == 1


def test_an_absence_ends_the_marking_even_if_the_chip_is_back_at_once():
    chip, bus, reader = rig()
    read(reader, bus)
    reader.begin_mark()
    reader.step(0)
    chip.remove(bus.now_ns)
    reader.step(0)
    chip.insert(bus.now_ns)
    drive(reader, bus)
    assert not reader.marked and reader.reason == cartridge.REMOVED


def test_every_reason_has_a_name():
    reasons = [
        cartridge.OK, cartridge.ABSENT, cartridge.UNREADABLE, cartridge.CORRUPT, cartridge.UNKNOWN_TYPE,
        cartridge.WRONG_NEEDLE_COUNT, cartridge.EXPIRED, cartridge.USED, cartridge.COPIED, cartridge.REMOVED,
        cartridge.UNPROTECTED, cartridge.NOT_READ, cartridge.GAUGE_TIP,
    ]  # fmt: skip
    assert reasons == list(range(len(cartridge.NAMES)))
