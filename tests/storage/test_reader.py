"""The host's reader: the writer helper agrees with the firmware, and no image whatever makes it raise."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_bench import SERIAL, Bench, provisioned

import journal
import store
from calibration import RECORD_BYTES, VALID, Calibration
from penimage import clear_service_fault, decode, provision_image
from records import CartridgeRing, Counters, LastFault, Settings
from sim.parts.fram import SIZE
from supervisor import hashed

CALIBRATION = {
    "offset_um": -120, "scale_ppm": 900, "backlash_um": 10, "travel_um": 2550, "date_days": 9400, "due_days": 9765,
    "calibration_id": 3, "gauge_id": "DG-0815", "technician": "MK",
}  # fmt: skip


def lived_in():
    """An image with every kind of content, the last session cut off."""
    bench = provisioned()
    image = provision_image(
        SERIAL.decode(), CALIBRATION, {"session_limit_s": 1800, "depth_limit_um": 2000, "buzzer": 1},
        used_cartridges=[bytes(8), b"12345678"],
    )  # fmt: skip
    bench.chip.load(image)
    for count in (30, 400, 7):
        bench.start()
        bench.mount()
        bench.journal.event(1, 1, 0, 0)
        bench.begin()
        for i in range(count):
            bench.journal.stroke(500 + i // 50 * 50, 500 + i % 90, 40_000 + i % 3 * 5000, i & 15, 4)
        if count != 7:
            bench.journal.end_session(journal.USER, 0, 8000)
    return bench.chip.image


LIVED_IN = lived_in()


def test_a_provisioned_image_is_what_the_firmware_makes():
    bench = Bench().provision()
    assert provision_image(SERIAL.decode()) == bench.chip.image
    calibration = Calibration()
    for name, value in CALIBRATION.items():
        setattr(calibration, name, value.encode() if isinstance(value, str) else value)
    payload = bytearray(RECORD_BYTES)
    calibration.encode(payload)
    bench.store.write(store.CALIBRATION, payload)
    Settings().save(bench.store)
    counters = Counters()
    counters.boots = 9
    counters.save(bench.store)
    defaults = {"session_limit_s": 1800, "depth_limit_um": 2500, "buzzer": 1}
    lives = {"strokes": 0, "sessions": 0, "boots": 9, "counted_session": 0}
    assert provision_image(SERIAL.decode(), CALIBRATION, defaults, lives) == bench.chip.image


@pytest.mark.parametrize("way_um", [6, 798])
def test_the_way_from_the_stop_is_read_where_it_is_on_record(way_um):
    image = provision_image(SERIAL.decode(), CALIBRATION | {"way_um": way_um})
    assert decode(image).records["calibration"].values == CALIBRATION | {"way_um": way_um}
    bench, calibration = Bench(image), Calibration()
    buf = bytearray(store.capacity(store.CALIBRATION))
    assert bench.store.read(store.CALIBRATION, buf) == store.OK
    assert calibration.decode(buf, bench.store.length) == VALID and calibration.way_um == way_um


def test_the_firmware_reads_a_provisioned_image():
    roms = [bytes((i,)) * 8 for i in range(130)]
    bench = Bench(provision_image("P-1", CALIBRATION, used_cartridges=roms))
    assert bench.store.serial() == b"P-1"
    ring = CartridgeRing()
    assert ring.load(bench.store) == store.OK
    assert [ring.contains(rom) for rom in roms] == [False] * 10 + [True] * 120
    buf = bytearray(store.capacity(store.CALIBRATION))
    assert bench.store.read(store.CALIBRATION, buf) == store.OK
    calibration = Calibration()
    assert calibration.decode(buf, bench.store.length) == VALID
    assert calibration.gauge_id == b"DG-0815"
    assert decode(bench.chip.image).records["calibration"].values == CALIBRATION
    assert bench.mount() == journal.EMPTY


def test_a_bad_calibration_can_be_made_on_purpose_and_is_refused_by_the_pen():
    bench = Bench(provision_image("P-1", CALIBRATION | {"scale_ppm": 99_999}))
    buf = bytearray(store.capacity(store.CALIBRATION))
    bench.store.read(store.CALIBRATION, buf)
    assert Calibration().decode(buf, bench.store.length) != VALID


@pytest.mark.parametrize(
    "arguments",
    [
        ("",), ("thirteen-char",), ("a b",), ("P", {"offset_um": 1}), ("P", CALIBRATION | {"offset_um": 40_000}),
        ("P", CALIBRATION | {"gauge_id": "123456789"}), ("P", None, {"buzzer": 1}), ("P", None, None, None, [b"short"]),
    ],
)  # fmt: skip
def test_what_cannot_be_stored_is_refused(arguments):
    with pytest.raises(ValueError):
        provision_image(*arguments)


def test_everything_is_there():
    image = decode(LIVED_IN)
    assert image.pen_serial == SERIAL.decode()
    assert image.problems == []
    assert [len(session.strokes) for session in image.sessions] == [30, 400, 7]
    assert [session.tail is None for session in image.sessions] == [False, False, True]
    assert image.records["cartridges"].values["roms"] == ["00" * 8, b"12345678".hex()]
    assert image.sessions[0].strokes[2].as_record() == {
        "sequence": 3, "zone": 4, "commanded_um": 500, "achieved_um": 502, "period_us": 50_000, "flags": ["fault"],
    }  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 100, 5000, SIZE - 1, SIZE + 1])
def test_a_wrong_size_is_a_problem_not_an_error(size):
    image = decode(LIVED_IN[:size].ljust(size, b"\0"))
    assert any("bytes" in problem.what for problem in image.problems)


@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_a_blank_chip_is_quiet(fill):
    image = decode(bytes((fill,)) * SIZE)
    assert not image.provisioned
    assert (image.events, image.sessions) == ([], [])
    if fill == 0:
        assert image.problems == []


TRUTH = decode(LIVED_IN)


# A word has 8 check bits, so one smeared word in 256 passes. Measured: 1 to 3 false strokes in 1000 damaged images
# with some 320,000 genuine ones; a missing check would give hundreds.
FALSE_STROKES_MAX = 12


@pytest.mark.parametrize("seed", range(4))
def test_fuzz_damaged_images(seed):
    """1000 images each: never an exception, and what survives is what was written."""
    chance = random.Random(seed)
    genuine = {(s.number, t) for s in TRUTH.sessions for t in s.strokes}
    false_strokes = 0
    for _ in range(1000):
        image = bytearray(LIVED_IN)
        for _ in range(chance.choice((1, 3, 30))):
            _damage(image, chance)
        found = decode(bytes(image))
        for session in found.sessions:
            false_strokes += sum((session.number, stroke) not in genuine for stroke in session.strokes)
    assert false_strokes <= FALSE_STROKES_MAX


def _damage(image, chance):
    """A flip, a smear, or a block copied elsewhere, mostly where there is content."""
    at = chance.choice((chance.randrange(0x1000), chance.randrange(0x5000, 0x5E00), chance.randrange(SIZE)))
    kind = chance.randrange(3)
    if kind == 0:
        image[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        length = chance.randrange(1, 64)
        image[at : at + length] = chance.randbytes(len(image[at : at + length]))
    else:
        source = chance.randrange(0x5000, 0x5E00)
        image[at : at + 512] = image[source : source + len(image[at : at + 512])]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, SIZE - 1), st.binary(min_size=1, max_size=600)), max_size=8))
def test_hypothesis_damaged_images(patches):
    image = bytearray(LIVED_IN)
    for at, data in patches:
        image[at : at + len(data)] = data
    decode(bytes(image[:SIZE]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, SIZE - 1), st.binary(min_size=1, max_size=600)), max_size=8))
def test_the_firmware_starts_on_any_damaged_image(patches):
    image = bytearray(LIVED_IN)
    for at, data in patches:
        image[at : at + len(data)] = data
    bench = Bench(bytes(image[:SIZE]))
    if bench.mount() == journal.UNPROVISIONED:
        return
    for _ in range(20):
        if bench.begin() > 0 or bench.journal.release_oldest(1) < 0:
            break
    assert bench.journal.is_open
    assert bench.journal.stroke(500, 500, 40_000, 0, 1) == 1
    assert bench.journal.end_session(journal.USER, 0, 1)
    session = decode(bench.chip.image).sessions[-1]
    assert [stroke.sequence for stroke in session.strokes] == [1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_noise(seed):
    decode(random.Random(seed).randbytes(SIZE))


def test_a_pen_is_provisioned_with_a_supervisors_code_that_the_firmware_takes():
    settings = {"session_limit_s": 1800, "depth_limit_um": 2500, "buzzer": 1}
    image = provision_image("P-1", settings=settings, supervisor_code="USDDUSUU")
    assert image != provision_image("P-1", settings=settings, supervisor_code="USDDUSUU")  # a salt of its own
    assert b"USDDUSUU" not in image
    found = Settings()
    assert found.load(Bench(image).store) == store.OK
    assert hashed(found.code_salt, b"USDDUSUU") == found.code_hash


@pytest.mark.parametrize("code", ["U", "USDDUSUUU", "usddusuu", "12345678"])
def test_a_code_that_cannot_be_entered_is_not_provisioned(code):
    settings = {"session_limit_s": 1800, "depth_limit_um": 2500, "buzzer": 1}
    with pytest.raises(ValueError, match="U, S and D"):
        provision_image("P-1", settings=settings, supervisor_code=code)
    with pytest.raises(ValueError, match="settings"):
        provision_image("P-1", supervisor_code="USDDUSUU")
    with pytest.raises(ValueError, match="salt"):
        provision_image("P-1", settings=settings, supervisor_code="USDDUSUU", code_salt=b"short")


def test_service_takes_its_fault_out_of_the_memory_and_nothing_else():
    bench = provisioned()
    fault = LastFault()
    fault.code, fault.boot, fault.uptime_ms, fault.service_code, fault.service_boot = 30, 9, 1234, 31, 7
    for _ in range(3):
        fault.save(bench.store)
    cleared = clear_service_fault(bench.chip.image)
    before, after = decode(bench.chip.image), decode(cleared)
    assert after.records["last_fault"].values == {
        "code": 30, "boot": 9, "uptime_ms": 1234, "service_code": 0, "service_boot": 0}
    assert {name: record.values for name, record in before.records.items() if name != "last_fault"} == {
        name: record.values for name, record in after.records.items() if name != "last_fault"}
    assert after.events == before.events
    back = LastFault()
    assert back.load(Bench(cleared).store) == store.OK
    assert (back.code, back.service_code) == (30, 0)


def test_there_is_nothing_to_clear_without_a_record_and_no_way_with_a_damaged_one():
    image = provision_image("P-1")
    assert clear_service_fault(image) == image
    damaged = bytearray(provision_image("P-1", service_fault=31))
    damaged[store.slot_address(store.LAST_FAULT, 0) + 16] ^= 1
    with pytest.raises(ValueError, match="corrupt"):
        clear_service_fault(bytes(damaged))
