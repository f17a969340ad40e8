"""The simulated clock against its datasheet, register by register, and the driver's use of it."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import ds3231 as driver
from sim.i2c import FOR_EVER, I2cBus
from sim.parts.ds3231 import CELL_LEAST_MV, Ds3231, bcd

S = 1_000_000_000
DAY_S = 86_400
TODAY = 9830  # 2026-11-30


class Wire:
    """MicroPython's I2C with the simulated bus on it."""

    def __init__(self, part):
        self.bus = I2cBus(lambda: (part,), 1)
        self.t_ns = 0
        self.freed = 0

    def writeto(self, address, buf):
        if self.bus.write(address, bytes(buf), self.t_ns) != 1:
            raise OSError(5)

    def readfrom_mem_into(self, address, register, buf):
        self.writeto(address, bytes((register,)))
        answer, data = self.bus.read(address, len(buf), self.t_ns)
        if answer != 1:
            raise OSError(5)
        buf[:] = data

    def free(self):
        self.freed += 1
        for _ in range(9):
            self.bus.clock()


def clock_and(part):
    wire = Wire(part)
    return driver.Ds3231(wire, wire.free), wire


def registers(part, t_ns=0, first=0, count=7):
    assert part.write(bytes((first,)), t_ns)
    return part.read(count, t_ns)


# ---- the part ----


def test_time_and_date_are_decimal_digits():
    part = Ds3231(TODAY, 23 * 3600 + 59 * 60 + 58)
    assert registers(part)[:3] == b"\x58\x59\x23"
    assert registers(part)[4:] == b"\x30\x11\x26"
    assert registers(part, 2 * S)[:7] == b"\x00\x00\x00\x02\x01\x12\x26"


def test_a_part_that_was_never_set_says_that_its_oscillator_stopped():
    part = Ds3231()
    assert registers(part, 0, 0x0F, 1)[0] & 0x80
    assert registers(part, 5 * S) == b"\x05\x00\x00\x01\x01\x01\x00"
    assert registers(part, 0, 0x0E, 1) == b"\x1c"


def test_the_stop_flag_is_cleared_by_a_zero_and_not_set_by_a_one():
    part = Ds3231()
    part.write(b"\x0f\x80", 0)
    assert part.oscillator_stopped
    part.write(b"\x0f\x00", 0)
    assert not part.oscillator_stopped
    part.write(b"\x0f\x88", 0)
    assert not part.oscillator_stopped and registers(part, 0, 0x0F, 1) == b"\x08"


def test_a_second_that_passes_in_mid_read_tears_nothing():
    part = Ds3231(TODAY, DAY_S - 1)
    part.write(b"\x00", 0)
    assert part.start(0)
    assert [part.next_byte(0)] + [part.next_byte(S) for _ in range(6)] == list(b"\x59\x59\x23\x01\x30\x11\x26")


def test_the_pointer_goes_round():
    part = Ds3231(TODAY)
    assert registers(part, 0, 0x12, 3)[1:] == b"\x00\x00"


def test_the_century_bit_turns_over_with_the_year():
    part = Ds3231()
    part.write(b"\x00\x59\x59\x23\x04\x31\x12\x99", 0)
    assert registers(part)[5] == 0x12
    assert registers(part, S)[5:] == b"\x81\x00"


def test_twelve_hours_when_asked_for():
    part = Ds3231()
    part.write(b"\x00\x00\x30\x72\x01\x05\x06\x26", 0)  # half past twelve, PM
    assert part.now(0) == datetime.datetime(2026, 6, 5, 12, 30)
    assert registers(part, 3600 * S)[2] == 0x61


def test_what_is_no_time_is_told_and_stays_in_its_registers():
    part = Ds3231()
    part.write(b"\x00\x00\x00\x00\x01\x31\x02\x26", 0)
    assert part.protocol_errors and registers(part)[4:6] == b"\x31\x02"


def test_drift_and_aging():
    part = Ds3231(TODAY, 0, drift_ppm=2.0)
    year_ns = 365 * DAY_S * S
    assert part.now(year_ns) == datetime.datetime(2027, 11, 30, 0, 1, 3)
    part = Ds3231(TODAY, 0)
    part.write(b"\x10\x0a", 0)  # ten steps slower: 1 ppm
    assert part.now(year_ns) == datetime.datetime(2027, 11, 29, 23, 59, 28)
    with pytest.raises(ValueError, match=r"2\.0 ppm"):
        Ds3231(drift_ppm=3.0)


def test_the_cell_keeps_it_going_and_an_empty_one_loses_all():
    part = Ds3231(TODAY, 0)
    part.cut(10 * S)
    assert not part.write(b"\x00", 20 * S) and part.read(1, 20 * S) is None
    part.power_on(100 * S)
    assert part.now(100 * S) == datetime.datetime(2026, 11, 30, 0, 1, 40) and not part.oscillator_stopped
    part.cell_mv = CELL_LEAST_MV - 1
    part.cut(200 * S)
    part.power_on(300 * S)
    assert part.oscillator_stopped and part.now(300 * S) == datetime.datetime(2000, 1, 1)


def test_an_oscillator_that_is_off_on_the_cell_stops_and_says_so():
    part = Ds3231(TODAY, 0)
    part.write(b"\x0e\x80", 0)
    part.cut(10 * S)
    part.power_on(100 * S)
    assert part.oscillator_stopped and part.now(110 * S) == datetime.datetime(2026, 11, 30, 0, 0, 20)


def test_a_stopped_oscillator_goes_on_where_it_stood():
    part = Ds3231(TODAY, 0)
    part.stop(5 * S)
    assert part.now(50 * S) == part.now(5 * S)
    part.go_on(60 * S)
    assert part.now(61 * S) == datetime.datetime(2026, 11, 30, 0, 0, 6)
    assert part.oscillator_stopped


def test_faults_are_named():
    with pytest.raises(ValueError, match="unknown DS3231 fault"):
        Ds3231().fault = "late"


# ---- the bus ----


def test_a_held_bus_is_free_after_nine_clocks_and_a_shorted_one_never():
    bus = I2cBus(lambda: (Ds3231(),), 1)
    bus.hold()
    for _ in range(9):
        assert bus.sda == 0 and bus.write(0x68, b"\x00", 0) == 2 and bus.read(0x68, 1, 0)[0] == 2
        bus.clock()
    assert bus.sda == 1 and bus.write(0x68, b"\x00", 0) == 1
    bus.hold(FOR_EVER)
    for _ in range(20):
        bus.clock()
    assert bus.sda == 0
    bus.hold(0)
    assert bus.write(0x69, b"\x00", 0) == 0


# ---- the driver ----


@given(st.datetimes(datetime.datetime(2025, 1, 1), datetime.datetime(2099, 12, 31, 23, 59, 59)))
@settings(max_examples=200, deadline=None)
def test_what_is_set_is_read(moment):
    part = Ds3231()
    clock, _ = clock_and(part)
    time = (moment.second, moment.minute, moment.hour, 1, moment.day, moment.month, moment.year - 2000)
    assert clock.write(time)
    assert part.now(0) == moment.replace(microsecond=0) and not part.oscillator_stopped
    assert clock.read() == driver.GOOD and tuple(clock.time) == time
    assert part.protocol_errors == []


@pytest.mark.hazard("H19")
def test_a_clock_that_stopped_or_was_never_set_gives_no_time():
    part = Ds3231()
    clock, _ = clock_and(part)
    assert clock.read() == driver.STOPPED
    part = Ds3231(TODAY)
    clock, _ = clock_and(part)
    assert clock.read() == driver.GOOD
    part.stop(0)
    part.go_on(0)
    assert clock.read() == driver.STOPPED


@pytest.mark.hazard("H19")
@pytest.mark.parametrize("register, value", [
    (0, 0x60), (0, 0x5A), (1, 0x99), (2, 0x24), (2, 0x52), (3, 0x00), (4, 0x00), (4, 0x32), (5, 0x00), (5, 0x13),
    (5, 0x91), (6, 0xA0), (0, 0xFF),
])  # fmt: skip
def test_what_is_no_time_is_none(register, value):
    class Odd(Ds3231):
        def next_byte(self, t_ns):
            at = self._pointer
            byte = super().next_byte(t_ns)
            return value if at == register else byte

    clock, _ = clock_and(Odd(TODAY))
    assert clock.read() == driver.NONSENSE


def test_a_silent_clock_is_asked_three_times_and_told():
    part = Ds3231(TODAY)
    part.fault = "silent"
    clock, wire = clock_and(part)
    assert clock.read() == driver.SILENT and wire.freed == 3
    assert not clock.write((0, 0, 12, 1, 30, 11, 26)) and wire.freed == 6


def test_a_held_bus_is_freed_and_the_clock_is_read_and_set():
    part = Ds3231(TODAY)
    clock, wire = clock_and(part)
    wire.bus.hold()
    assert clock.read() == driver.GOOD and wire.freed == 1
    wire.bus.hold()
    assert clock.write((1, 2, 3, 1, 4, 5, 27)) and part.now(0) == datetime.datetime(2027, 5, 4, 3, 2, 1)


def test_a_clock_that_does_not_keep_what_it_is_told_is_not_set():
    class Deaf(Ds3231):
        def _set_time(self, written, t_ns):
            pass

    clock, _ = clock_and(Deaf(TODAY))
    assert not clock.write((1, 2, 3, 1, 4, 5, 27))


def test_decimal_digits():
    assert [bcd(value) for value in (0, 9, 10, 59, 99)] == [0, 9, 0x10, 0x59, 0x99]
