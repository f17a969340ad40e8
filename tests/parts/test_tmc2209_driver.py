"""The TMC2209 driver against the simulated chip: configuration, status, and every way an answer can fail."""

import pytest
from crcs import tmc_crc
from hypothesis import given
from hypothesis import strategies as st
from wires import BYTE_NS, OneWireUart, run

from drivers import tmc2209 as driver
from sim.parts import tmc2209 as part

FAULTS = ("reset_seen", "driver_error", "undervoltage", "overtemp_warning", "overtemp", "short", "open_load")
EXPECTED = {
    part.GCONF: 0x1C4,
    part.CHOPCONF: 0x1401_0053,
    part.IHOLD_IRUN: 0x8_1A0A,
    part.TPOWERDOWN: 20,
    part.VACTUAL: 0,
    part.TPWMTHRS: 0,
    part.TCOOLTHRS: 0,
    part.COOLCONF: 0,
}


class Rig:
    def __init__(self, address=3, chip_address=3):
        self.chip = part.Tmc2209(chip_address)
        self.chip.enable_n = 0
        self.uart = OneWireUart(self.chip)
        self.driver = driver.Tmc2209(self.uart, address)

    def configure(self, **kwargs):
        self.driver.configure_begin()
        return run(self.driver, self.uart, **kwargs)[0]

    def status(self, **kwargs):
        self.driver.request_status()
        return run(self.driver, self.uart, **kwargs)[0]

    def registers_hold(self):
        return all(self.chip.registers.get(register, 0) == value for register, value in EXPECTED.items())


@pytest.fixture
def rig():
    return Rig()


@pytest.fixture
def ready(rig):
    assert rig.configure() == driver.OK
    assert rig.status() == driver.OK
    return rig


def faults(rig):
    return [name for name in FAULTS if getattr(rig.driver, name)]


@given(st.binary(min_size=1, max_size=8))
def test_crc_agrees_with_division(data):
    assert driver._crc(bytearray(data), len(data)) == tmc_crc(data)


def test_before_any_request_nothing_looks_healthy(rig):
    assert rig.driver.status == driver.IDLE and not rig.driver.needs_poll
    assert rig.driver.poll(0) == driver.IDLE and rig.uart.sent == []
    assert faults(rig) == list(FAULTS) and not rig.driver.valid and not rig.driver.configured


def test_configuration_reaches_every_register(rig):
    assert rig.configure() == driver.OK
    assert rig.driver.configured and rig.registers_hold()
    assert rig.chip.read_register(part.GSTAT) == 0
    assert rig.chip.microsteps_per_full_step == 16 and rig.chip.internal_velocity == 0
    assert rig.chip.current_rms_a(True) == pytest.approx(0.554, abs=0.001)  # the motor is rated 0.6 A rms


def test_status_is_decoded(ready):
    assert ready.driver.valid and faults(ready) == [] and ready.driver.standstill
    ready.chip.moved(1, ready.uart.now_ns)
    ready.chip.temperature_c = 125
    ready.chip.open_load_b = True
    assert ready.status() == driver.OK
    assert faults(ready) == ["overtemp_warning", "open_load"] and not ready.driver.standstill
    ready.chip.temperature_c = 151
    assert ready.status() == driver.OK
    assert faults(ready) == ["driver_error", "overtemp_warning", "overtemp"]


def test_short_and_undervoltage_are_reported(ready):
    ready.chip.short_a = True
    assert ready.status() == driver.OK and faults(ready) == ["driver_error", "short"]
    ready.chip.short_a = False
    ready.chip.enable_n = 1
    ready.chip.undervoltage = True
    assert ready.configure() == driver.OK and ready.status() == driver.OK
    assert faults(ready) == ["undervoltage"]


@pytest.mark.parametrize("fault", ["short_a", "short_b"])
def test_each_phase_short_is_seen(ready, fault):
    setattr(ready.chip, fault, True)
    ready.status()
    assert ready.driver.short


def test_status_holds_the_wire_for_less_than_3_ms(ready):
    before = len(ready.uart.sent)
    ready.driver.request_status()
    status, taken_us = run(ready.driver, ready.uart, step_us=20)
    assert status == driver.OK and taken_us < 3000
    assert [frame[2] for frame in ready.uart.sent[before:]] == [part.DRV_STATUS, part.GSTAT]


def test_a_late_poll_still_takes_the_answer(ready):
    assert ready.status(step_us=50_000) == driver.OK


@given(st.integers(1, 8000), st.integers(0, (1 << 30) - 1))
def test_any_poll_period_and_any_ticks_do(step_us, start_us):
    rig = Rig()
    rig.uart.now_ns = start_us * 1000
    assert rig.configure(step_us=step_us, limit=40_000) == driver.OK
    assert rig.status(step_us=step_us, limit=10_000) == driver.OK


def test_ticks_may_wrap_in_the_middle(rig):
    rig.uart.now_ns = ((1 << 30) - 5000) * 1000
    assert rig.configure() == driver.OK and rig.status() == driver.OK


def test_a_lost_rail_shows_and_is_repaired(ready):
    ready.chip.reset()
    assert ready.status() == driver.OK
    assert faults(ready) == ["reset_seen"] and not ready.driver.configured
    assert ready.status() == driver.OK and ready.driver.reset_seen  # it stays until configured
    assert ready.chip.microsteps_per_full_step == 16  # the pins kept the step size meanwhile
    assert ready.configure() == driver.OK and ready.status() == driver.OK
    assert faults(ready) == [] and ready.registers_hold()


def test_a_repair_leaves_no_flag_from_before(ready):
    """Whoever judges the flags after a repair must not find the reset that led to it."""
    ready.chip.reset()
    ready.status()
    assert ready.configure() == driver.OK
    assert ready.driver.valid and faults(ready) == [] and ready.driver.configured
    ready.chip.temperature_c = 130
    assert ready.configure() == driver.OK and faults(ready) == ["overtemp_warning"]


def exchanges(rig):
    return len(rig.uart.sent)


def test_reset_before_any_datagram_of_a_configuration_is_never_overlooked():
    rig = Rig()
    rig.configure()
    total = exchanges(rig)
    for at in range(total):
        for count in range(256) if at > total - 3 else (0, 77, 245, 246, 250, 254, 255):
            rig = Rig()
            rig.chip.write_count = count
            write = rig.uart.write

            def hooked(buf, rig=rig, write=write, at=at):
                if exchanges(rig) == at:
                    rig.chip.reset()
                return write(buf)

            rig.uart.write = hooked
            result = rig.configure()
            if result == driver.OK:
                assert rig.registers_hold(), (at, count)
            else:
                assert result == driver.WRITE_LOST and not rig.driver.configured
            rig.uart.write = write
            assert rig.configure() == driver.OK and rig.registers_hold()


def test_each_lost_write_is_noticed():
    probe = Rig()
    probe.configure()
    writes = [i for i, frame in enumerate(probe.uart.sent) if frame[2] & 0x80]
    assert len(writes) == 9
    for at in writes:
        rig = Rig()
        rig.uart.drop = {at}
        assert rig.configure() == driver.WRITE_LOST and not rig.driver.configured


def test_writes_that_do_not_take_are_noticed(rig):
    rig.chip.stuck = True
    assert rig.configure() == driver.WRITE_LOST


def test_configuration_counts_over_the_wrap(rig):
    for start in (247, 250, 255):
        rig.chip.write_count = start
        assert rig.configure() == driver.OK


def test_a_lost_question_is_silence(ready):
    ready.uart.drop = {exchanges(ready)}
    assert ready.status() == driver.SILENT
    assert faults(ready) == list(FAULTS) and not ready.driver.valid
    assert ready.status() == driver.OK and faults(ready) == []


def test_silence_is_told_in_time(rig):
    rig.chip.silent = True
    rig.driver.request_status()
    status, taken_us = run(rig.driver, rig.uart, step_us=100)
    assert status == driver.SILENT and taken_us < 4000


def test_another_address_is_silence():
    assert Rig(address=0, chip_address=3).status() == driver.SILENT
    assert Rig(address=1, chip_address=1).configure() == driver.OK


def test_bad_crc_is_told(ready):
    ready.chip.bad_crc = True
    assert ready.status() == driver.BAD_CRC and faults(ready) == list(FAULTS)
    ready.chip.bad_crc = False
    assert ready.status() == driver.OK


def test_other_chip_is_told(rig, monkeypatch):
    monkeypatch.setattr(part, "VERSION", 0x20)  # a TMC2208
    assert rig.configure() == driver.WRONG_CHIP and not rig.driver.configured


def test_answer_from_another_register_is_refused(ready):
    ready.chip.silent = True
    body = bytes([0x05, 0xFF, part.GSTAT, 0, 0, 0, 0])
    ready.driver.request_status()
    ready.driver.poll(ready.uart.now_ns // 1000)
    ready.uart.inject(body + bytes([tmc_crc(body)]), 4 * BYTE_NS)
    assert run(ready.driver, ready.uart)[0] == driver.BAD_REPLY


def test_echo_missing_or_changed_is_told(ready):
    ready.uart.garble = {ready.uart._echoed + 2: 0x00}
    assert ready.status() == driver.BAD_ECHO and faults(ready) == list(FAULTS)
    ready.uart.garble = {ready.uart._echoed + i: None for i in range(12)}
    ready.chip.silent = True
    assert ready.status() == driver.BAD_ECHO


@pytest.mark.parametrize("seed", range(30))
def test_babble_is_never_believed(seed):
    rig = Rig()
    assert rig.configure() == driver.OK
    rig.chip._random.seed(seed)
    rig.chip.babbling = True
    for _ in range(20):
        assert rig.status() in (driver.BAD_CRC, driver.BAD_REPLY, driver.BAD_ECHO)
        assert faults(rig) == list(FAULTS) and not rig.driver.valid


def test_a_line_that_never_rests_is_told(rig):
    rig.driver.request_status()
    for _ in range(100):
        rig.uart.inject(b"\x55" * 4)
        rig.driver.poll(rig.uart.now_ns // 1000)
        rig.uart.now_ns += 500_000
    assert rig.driver.status == driver.BAD_ECHO and rig.uart.sent == []


def test_left_over_bytes_are_let_pass(ready):
    ready.uart.inject(b"\x05\xff\x01\x00\x00\x00\x00\x00")
    ready.uart.now_ns += 1_000_000
    assert ready.status() == driver.OK


@given(at=st.integers(0, 23), change=st.one_of(st.none(), st.integers(1, 255)), step_us=st.integers(20, 3000))
def test_one_byte_changed_or_lost_is_never_a_result(at, change, step_us):
    """Echo and answer of both exchanges: 24 bytes, any one of them altered."""
    rig = Rig()
    assert rig.configure() == driver.OK
    seen = [0]
    readinto = rig.uart.readinto

    def altered(buf):
        count = readinto(buf) or 0
        kept = []
        for i in range(count):
            if seen[0] != at:
                kept.append(buf[i])
            elif change is not None:
                kept.append(buf[i] ^ change)
            seen[0] += 1
        buf[: len(kept)] = bytes(kept)
        return len(kept) or None

    rig.uart.readinto = altered
    assert rig.status(step_us=step_us) not in (driver.OK, driver.BUSY)
    assert faults(rig) == list(FAULTS) and not rig.driver.valid
    rig.uart.readinto = readinto
    assert rig.status(step_us=step_us) == driver.OK


def test_a_new_request_may_replace_one_under_way(ready):
    for polls in range(1, 6):
        ready.driver.configure_begin()
        for _ in range(polls):
            ready.driver.poll(ready.uart.now_ns // 1000)
            ready.uart.now_ns += 300_000
        ready.driver.poll(ready.uart.now_ns // 1000)  # takes what is there; the rest is still on the wire
        assert ready.status(step_us=100) == driver.OK
        assert ready.configure() == driver.OK


def test_bytes_beyond_an_answer_or_an_echo_are_not_let_pass(ready):
    ready.driver.request_status()
    ready.driver.poll(ready.uart.now_ns // 1000)
    ready.uart.inject(b"\x05", 1_200_000)
    ready.uart.now_ns += 2_000_000
    assert run(ready.driver, ready.uart)[0] == driver.BAD_REPLY
    ready.driver.configure_begin()
    while not ready.uart.sent[-1][2] & 0x80:
        ready.driver.poll(ready.uart.now_ns // 1000)
        ready.uart.now_ns += 100_000
    ready.uart.inject(b"\x05", 9 * BYTE_NS)
    ready.uart.now_ns += 2_000_000
    assert run(ready.driver, ready.uart)[0] == driver.BAD_ECHO


def test_timeouts_hold_over_the_wrap_of_ticks(rig):
    rig.chip.silent = True
    for lead_us in range(0, 4000, 250):
        rig.uart.now_ns = ((1 << 30) - lead_us) * 1000
        rig.driver.request_status()
        status, taken_us = run(rig.driver, rig.uart, step_us=100)
        assert status == driver.SILENT and taken_us < 4000


def test_every_code_has_a_name():
    codes = [driver.IDLE, driver.BUSY, driver.OK, driver.SILENT, driver.BAD_CRC, driver.BAD_ECHO]
    codes += [driver.BAD_REPLY, driver.WRITE_LOST, driver.WRONG_CHIP]
    assert codes == list(range(len(driver.NAMES)))


def test_address_is_checked(rig):
    with pytest.raises(ValueError, match=r"0\.\.3"):
        driver.Tmc2209(rig.uart, 4)
