"""The motor's NTC against its B equation, and readings that must stand out; supply dividers."""

from itertools import pairwise
from math import exp

import pytest

from sim.space import shim

board, safety, sensors = shim("board"), shim("safety"), shim("sensors")

FULL = 65535
# Interpolating the curve over 10 K misses it by 0.5 K at most; 0.1 K more for whole counts and tenths.
TOLERANCE_DC = 6


def counts_at(celsius):
    """10 kohm at 25 C, B 3950, to ground; 10 kohm to the reference."""
    ohm = 10_000 * exp(3950 * (1 / (celsius + 273.15) - 1 / 298.15))
    return round(FULL * ohm / (ohm + 10_000))


def test_within_six_tenths_of_a_degree_from_minus_20_to_110():
    for tenths in range(-200, 1101):
        assert abs(sensors.ntc_dc(counts_at(tenths / 10)) - tenths) <= TOLERANCE_DC


def test_warmer_is_never_read_as_colder():
    readings = [sensors.ntc_dc(counts) for counts in range(1000, 64501)]
    assert all(after <= before for before, after in pairwise(readings))


@pytest.mark.hazard("H10", "H18")
@pytest.mark.parametrize("counts", [64501, 65000, 65535])
def test_an_open_wire_stands_out(counts):
    assert sensors.ntc_dc(counts) < safety.PLAUSIBLE_LOW_DC


@pytest.mark.hazard("H10", "H18")
@pytest.mark.parametrize("counts", [0, 1, 500, 999])
def test_a_short_stands_out(counts):
    assert sensors.ntc_dc(counts) > safety.PLAUSIBLE_HIGH_DC


def test_the_stop_temperature_is_met_within_the_tolerance():
    """80.0 C by the equation is read as 79.4 to 80.6: the motor stops well before its insulation's 130 C."""
    assert abs(sensors.ntc_dc(counts_at(80)) - safety.STOP_DC) <= TOLERANCE_DC


class Converter:
    def __init__(self, counts):
        self.counts = counts

    def read_u16(self):
        return self.counts


class Hardware:
    def __init__(self, battery=0, rail=0, ntc=32768, pads=0):
        self.battery, self.rail, self.ntc = Converter(battery), Converter(rail), Converter(ntc)
        self.level = pads

    def pads(self):
        return self.level


def read(**raw):
    readings = safety.Readings()
    found = sensors.Sensors(Hardware(**raw), readings)
    found.read_pads()
    found.read_analog()
    return readings, found


@pytest.mark.parametrize("millivolts", [0, 3000, 6200, 7000, 8400, 9800, 12_000, 13_000])
def test_supply_voltages_by_their_dividers(millivolts):
    """Battery 1:4, rail 1:5, 3300 mV full scale. Two counts of a 15-bit reading are under 1 mV."""
    readings, _ = read(battery=round(millivolts / 4 / 3300 * FULL), rail=round(millivolts / 5 / 3300 * FULL))
    assert readings.battery_mv == pytest.approx(millivolts, abs=1)
    assert readings.rail_mv == pytest.approx(millivolts, abs=2)


PADS = {
    "trigger_no": ("PIN_TRIGGER_NO", 0), "trigger_nc": ("PIN_TRIGGER_NC", 0), "interlock": ("PIN_INTERLOCK", 1),
    "power_ok": ("PIN_POWER_OK", 1), "home": ("PIN_HOME", 1), "drive_on": ("PIN_EN_N", 0),
}  # fmt: skip


@pytest.mark.parametrize("name", PADS)
def test_each_pad_is_its_own_reading_with_its_polarity(name):
    pin, _ = PADS[name]
    quiet = sum(1 << getattr(board, other) for other, level in PADS.values() if level == 0)
    assert all(getattr(read(pads=quiet)[0], reading) == 0 for reading in PADS)
    readings, _ = read(pads=quiet ^ 1 << getattr(board, pin))
    assert [reading for reading in PADS if getattr(readings, reading)] == [name]


@pytest.mark.hazard("H18")
def test_a_dead_board_reads_as_nothing_seated_and_power_failing():
    readings, found = read(pads=0)
    assert (readings.interlock, readings.power_ok, found.diag()) == (0, 0, 0)
    assert (readings.trigger_no, readings.trigger_nc) == (1, 1)  # contacts that agree: no press
