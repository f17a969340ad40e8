"""The quadrature decoder on the emulated block, driven edge by edge, and its twin."""

import pytest
from gate_bench import Pins, emulated_bench, twin_bench
from hypothesis import given, settings
from hypothesis import strategies as st

GRAY = (0b00, 0b01, 0b11, 0b10)  # (B A) as the count rises: A leads
SAMPLE_CYCLES = 11  # the longest way round the program


def drive(bench, position: int) -> None:
    """Put the shaft somewhere."""
    bench.recorder.counts = position
    for line in (0, 1):
        level = GRAY[position % 4] >> line & 1
        if hasattr(bench.host, "mcu"):
            bench.host.pad_changed(Pins.PIN_ENC_A + line, level, bench.now_ns)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(-9, 9),
    st.lists(st.tuples(st.sampled_from((1, -1)), st.integers(SAMPLE_CYCLES, 60)), max_size=80),
)
def test_every_count_of_any_walk(start, walk):
    counts = []
    for make in (emulated_bench, twin_bench):
        bench = make()
        drive(bench, start)
        encoder = bench.encoder_module.Encoder(Pins)
        seen, position = [], start
        for move, dwell in walk:
            position += move
            drive(bench, position)
            bench.wait(dwell)
            if dwell > 50:
                seen.append(encoder.count())
        bench.wait(SAMPLE_CYCLES)
        assert encoder.count() == position - start
        encoder.zero()
        assert encoder.count() == 0
        drive(bench, position - 1)
        bench.wait(2 * SAMPLE_CYCLES)
        assert encoder.count() == -1
        counts.append(seen)
    assert counts[0] == counts[1]


def test_count_is_fresh_after_any_pause():
    bench = emulated_bench()
    drive(bench, 0)
    encoder = bench.encoder_module.Encoder(Pins)
    for position in range(1, 30):
        drive(bench, position)
        bench.wait(position * 13)
        assert encoder.count() == position


def test_both_lines_at_once_count_nothing():
    bench = emulated_bench()
    drive(bench, 0)
    encoder = bench.encoder_module.Encoder(Pins)
    drive(bench, 2)
    bench.wait(40)
    assert encoder.count() == 0


def test_the_longest_sample_is_as_stated():
    """Instructions on the way of an upward count: one of the table, three of the sum, seven of the sample."""
    bench = twin_bench()
    program = bench.encoder_module.quadrature
    up = program[0][1] & 31
    wrap_top, wrap_bottom = program[4] >> 12 & 31, program[4] >> 7 & 31
    assert 1 + (wrap_top - up + 1) + (up - wrap_bottom) == SAMPLE_CYCLES


@pytest.mark.parametrize("position", [-5000, 5000])
def test_far_from_home(position):
    bench = twin_bench()
    encoder = bench.encoder_module.Encoder(Pins)
    bench.recorder.counts = position
    assert encoder.count() == position
