"""The converter against the figures published of the chip, and the pen's thresholds with a converter like that."""

import math

import numpy as np
import pytest

from sim.build import make_world
from sim.parts.adc import CODES, GAIN, NOISE_COUNTS, OFFSET_COUNTS, WIDE_CODES, WIDE_COUNTS, Adc, code_of
from sim.scenario import parse
from sim.space import FirmwareSpace, shim

board, safety, sensors = shim("board"), shim("safety"), shim("sensors")


def test_four_codes_are_wide_and_none_is_missing():
    edges = {}
    for step in range(CODES * 64):
        edges.setdefault(math.floor(code_of(step / 64)), step / 64)
    widths = {code: edges[code + 1] - edges[code] for code in range(CODES - 1)}
    assert [code for code, width in widths.items() if width > 2] == list(WIDE_CODES)
    assert all(widths[code] == pytest.approx(WIDE_COUNTS, abs=0.05) for code in WIDE_CODES)
    worst = max(abs(code_of(step / 64) - step / 64) for step in range(CODES * 64))
    assert 3.5 < worst < 4.5


def test_it_has_under_nine_effective_bits():
    """A sine over the whole range, fitted: what is left is noise and distortion."""
    adc = Adc(3)
    turns = np.arange(20_000) * 0.618033988
    wave = np.array([adc.convert(0, 0.5 + 0.49 * math.sin(2 * math.pi * turn), i * 1000)
                     for i, turn in enumerate(turns)])
    basis = np.stack([np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns), np.ones(len(turns))], axis=1)
    left = wave - basis @ np.linalg.lstsq(basis, wave, rcond=None)[0]
    bits = math.log2(0.98 * CODES / (left.std() * math.sqrt(12)))
    assert 8.4 < bits < 9.0


def test_the_same_moment_converts_to_the_same():
    assert [Adc(5).convert(2, 0.4, t) for t in range(50)] == [Adc(5).convert(2, 0.4, t) for t in range(50)]
    assert len({Adc(5).convert(2, 0.4, t) for t in range(50)}) > 3
    assert len({Adc(seed).offset_counts for seed in range(20)}) == 20


ERROR_COUNTS = OFFSET_COUNTS + 4.5 + 4 * NOISE_COUNTS


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("seed", range(12))
def test_readings_stay_within_what_the_thresholds_allow(seed):
    """Battery and rail within 1 % and 26 counts; the motor's temperature within 4 K where it is judged."""
    world = make_world(parse({"title": "adc", "seed": seed}, "adc", "adc"))
    link = __import__("sim.link", fromlist=["DirectLink"]).DirectLink(world)
    space = FirmwareSpace(link)
    space.module("boot")
    pads = space.module("board").Board()
    readings = space.module("safety").Readings()
    found = space.module("sensors").Sensors(pads, readings)
    plant = world.settle()
    for celsius in (0.0, 25.0, 60.0, 70.0, 80.0):
        plant.motor_temp_c = celsius
        for _ in range(20):
            found.read_analog()
            room_mv = GAIN * plant.battery_mv + ERROR_COUNTS / CODES * board.BATTERY_MV_FULL
            assert abs(readings.battery_mv - plant.battery_mv) < room_mv + 5
            room_mv = GAIN * plant.motor_rail_mv + ERROR_COUNTS / CODES * board.RAIL_MV_FULL
            assert abs(readings.rail_mv - plant.motor_rail_mv) < room_mv + 5
            assert abs(readings.temp_dc - 10 * celsius) < 40
    assert safety.BATTERY_LEAST_MV < 6000 * 0.98 and safety.BATTERY_MOST_MV > 8400 * 1.02


@pytest.mark.parametrize("fault, dc", [("open", "NTC_OPEN_DC"), ("short", "NTC_SHORT_DC")])
def test_a_torn_and_a_shorted_thermistor_stand_out(fault, dc):
    for seed in range(20):
        adc = Adc(seed)
        share = 1.0 if fault == "open" else 0.0
        raw = {adc.convert(2, share, t, ratiometric=True) * 65535 // 4095 for t in range(200)}
        assert {sensors.ntc_dc(counts) for counts in raw} == {getattr(sensors, dc)}
