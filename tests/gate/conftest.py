"""Puts the host package and this directory's helpers where the tests find them; a gate on the fast twins."""

import sys
from pathlib import Path

import pytest

for _path in (Path(__file__).resolve().parents[2], Path(__file__).resolve().parent):
    if str(_path) not in sys.path:
        sys.path.insert(0, str(_path))

from gate_bench import Pins, twin_bench  # noqa: E402


@pytest.fixture
def bench():
    return twin_bench()


@pytest.fixture
def gate(bench):
    return bench.gate_module.Gate(Pins)
