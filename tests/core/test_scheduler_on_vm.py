"""A pass of the loop allocates nothing, shown on a real MicroPython with its heap locked."""

import subprocess
from pathlib import Path

import pytest

from sim.space import FIRMWARE
from sim.tiers import find_micropython

SCRIPT = Path(__file__).with_name("vm_scheduler.py")


@pytest.mark.micropython
def test_a_pass_allocates_nothing(need_micropython):
    vm = find_micropython()
    if vm is None:
        pytest.skip("no MicroPython VM: PEN_MICROPYTHON names one")
    # pure modules only and the VM's own `micropython`: the simulator's shim of that name has no heap to lock
    done = subprocess.run(
        [str(vm), "-X", "heapsize=64K", str(SCRIPT)],
        env={"MICROPYPATH": f"{FIRMWARE}:.frozen"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == "" and done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.split() == ["1000", "1000", "True", "True"]
