"""The RP2040's converter: 12 bits of which fewer than nine are true.

Invariants: the same seed, channel and time give the same conversion, whatever was converted before; between two of its
wide codes a higher input never gives a lower mean. RP2040 datasheet 4.9.3 and erratum RP2040-E11: at four codes, an
eighth, three, five and seven eighths of the range, the step is about nine counts wide; 8.7 effective bits.
"""

from __future__ import annotations

from math import cos, floor, log, pi, sqrt
from random import Random

CODES = 4096
WIDE_CODES = (512, 1536, 2560, 3584)
WIDE_COUNTS = 9.0  # width of each, in counts of an even converter
NOISE_COUNTS = 1.6  # rms; with the error of the wide codes, 2.3 rms, it makes 8.7 effective bits
OFFSET_COUNTS = 15.0  # a board's, at most, either way: bias current over the filter of the reference
GAIN = 0.01  # the reference at the chip is lower than the regulator's output by so much at most

_NARROW = (CODES - len(WIDE_CODES) * WIDE_COUNTS) / (CODES - len(WIDE_CODES))


def _hash(n: int) -> int:
    for _ in range(3):
        n = (n ^ n >> 31) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    return n ^ n >> 29


class Adc:
    """One board's converter; `seed` is the board and the noise."""

    def __init__(self, seed: int = 1):
        rng = Random(seed + 0xADC)
        self._seed = seed
        self.offset_counts = rng.uniform(-OFFSET_COUNTS, OFFSET_COUNTS)
        self.gain = 1 + rng.uniform(0, GAIN)

    def convert(self, channel: int, share: float, t_ns: int, ratiometric: bool = False) -> int:
        """What a voltage of this share of the supply converts to at `t_ns`, 0..4095.

        A divider that is fed from the reference itself (`ratiometric`) does not feel its error.
        """
        counts = share * CODES * (1.0 if ratiometric else self.gain) + self.offset_counts + self._noise(channel, t_ns)
        return max(0, min(CODES - 1, floor(code_of(counts))))

    def _noise(self, channel: int, t_ns: int) -> float:
        word = _hash((self._seed << 40) ^ (t_ns << 3) ^ channel)
        first, second = (word >> 32) + 1, word & 0xFFFFFFFF
        return NOISE_COUNTS * sqrt(-2 * log(first / 2**32)) * cos(2 * pi * second / 2**32)


def code_of(counts: float) -> float:
    """The code, with its fraction, of an input in counts of an even converter."""
    narrow = counts
    below = 0
    for index, code in enumerate(WIDE_CODES):
        starts = (code - index) * _NARROW + index * WIDE_COUNTS
        if counts < starts:
            break
        if counts < starts + WIDE_COUNTS:
            return code + (counts - starts) / WIDE_COUNTS
        below = index + 1
        narrow = counts - below * WIDE_COUNTS
    return narrow / _NARROW + below
