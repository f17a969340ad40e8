"""Room made for an object's names: it has what it had and nothing else, on this Python and on the pen's."""

import subprocess
from pathlib import Path

import pytest

from sim.space import shim
from sim.tiers import find_micropython

heap = shim("heap")
FIRMWARE = Path(heap.__file__).parent

# A place of the table takes a VM of 64 bits 16 bytes.
ON_A_VM = """
import gc
from heap import roomy
class Thing:
    pass
def bytes_of(things):
    gc.collect()
    before = gc.mem_alloc()
    things.append(Thing())
    for i in range(names):
        setattr(things[-1], "n%d" % i, i)
    gc.collect()
    plain = gc.mem_alloc() - before
    roomy(things[-1])
    gc.collect()
    assert things[-1].__dict__ == {"n%d" % i: i for i in range(names)}, things[-1].__dict__
    return plain, gc.mem_alloc() - before
things = [None] * 8
for names in (6, 14, 30, 57):
    bytes_of(things)
    plain, roomy_bytes = bytes_of(things)
    print(names, roomy_bytes // 16, plain // 16)
"""


class Thing:
    pass


@pytest.mark.parametrize("names", [0, 1, 14, 30, 60])
def test_a_roomy_object_has_what_it_had(names):
    thing = Thing()
    before = {f"n{i}": i for i in range(names)} | {"next": 1, "len": 2}
    for name, value in before.items():
        setattr(thing, name, value)
    heap.roomy(thing)
    assert vars(thing) == before


@pytest.mark.micropython
def test_on_a_vm_its_table_is_less_than_two_thirds_full():
    vm = find_micropython()
    if vm is None:
        pytest.skip("no MicroPython VM: PEN_MICROPYTHON names one")
    run = subprocess.run(
        [vm, "-c", ON_A_VM], env={"MICROPYPATH": f"{FIRMWARE}:.frozen"}, capture_output=True, text=True, check=False)
    assert run.stderr == ""
    rows = [[int(word) for word in line.split()] for line in run.stdout.splitlines()]
    assert [names for names, _, _ in rows] == [6, 14, 30, 57]
    for names, places, before in rows:
        assert places >= names * 3 / 2 and places > before, run.stdout
