"""Power cut at every erase, program and FRAM byte of the archive's work, on MicroPython's own LittleFS.

`vm_archive_cuts.py` does it on a VM. Beside a life with sessions, exports and erasures there is the first start of this
firmware on the frozen memories of older ones, which is the upgrade of the format.
"""

import os
import re
import subprocess
from pathlib import Path

import frozen
import pytest
from test_vm import ROOT, micropython

SCRIPT = Path(__file__).with_name("vm_archive_cuts.py")
BUDGET_BLOCKS = 18
SHARES = 4  # for as many processes


def cuts(*arguments):
    """(operations, cuts, cuts in a recovery) of a run on the VM."""
    run = subprocess.run(
        [micropython(), "-X", "heapsize=16M", str(SCRIPT), *map(str, arguments)],
        env={**os.environ, "MICROPYPATH": f"{ROOT}/firmware:.frozen"}, capture_output=True, text=True, check=False)
    said = re.fullmatch(r"operations (\d+) cuts (\d+) again (\d+)\n", run.stdout)
    assert said, run.stdout + run.stderr
    return [int(number) for number in said.groups()]


@pytest.mark.micropython
@pytest.mark.parametrize("share", range(SHARES))
def test_cut_anywhere_in_the_life_of_an_archive(share):
    operations, tried, again = cuts("new", BUDGET_BLOCKS, share, SHARES, 8)
    assert operations > 600
    assert tried > 4 * operations // SHARES
    assert again > 300


@pytest.mark.micropython
@pytest.mark.parametrize("name", ["v1_provisioned", "v1_treatment", "v1_open_session"])
def test_cut_anywhere_in_the_first_start_on_an_older_memory(name, tmp_path):
    image = tmp_path / "fram"
    image.write_bytes(frozen.image(name))
    rows = [
        f"{session['number']}:{session['strokes']}:{int(session['tail'] is not None)}"
        for session in frozen.content(name)["sessions"]]
    operations, tried, again = cuts(image, BUDGET_BLOCKS, 0, 1, 4, *rows)
    assert operations > 10
    assert tried > operations
    assert again > operations
