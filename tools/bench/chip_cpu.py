"""What a stroke costs the CPU: in cycles on the emulated chip when there is a MicroPython image, else in calls."""

from __future__ import annotations

import shutil
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from sim.build import make_fram
from sim.run import Simulation
from sim.scenario import load, parse
from sim.silicon.uf2 import LEFT_OUT, find_uf2
from sim.tiers import find_micropython, run_micropython
from tools.firmware_image import FIRMWARE, build

RATE_HZ = 20
DEPTH_UM = 900
CHIP_PROBE = Path(__file__).with_name("chip_probe.py")
VM_PROBE = Path(__file__).parent / "vm" / "vm_calls.py"  # apart: a VM looks for modules beside its script first

# Panel and console are not on the chip's board; what they take of the memory is left to the marks.
ABSENT = {"panel.py": "Panel", "console.py": "Console", "drivers/usbserial.py": "UsbSerial"}
STUB = """
class {}:
    QUESTIONS = 1
    def __init__(self, *_):
        pass
    def page_stands(self):
        return True
"""

VM_HEAP = "2M"  # room for a wrapper over every function; the count does not depend on it

# what chip_probe.py sends
READY, DONE, FAILED, CALIBRATE = 1, 2, 3, 8
PASS, MOTOR, SENSE, RECORD = 10, 20, 30, 40


def cpu_a_stroke() -> dict[str, Any]:
    """Counted on the chip where there is an image, else on the VM, else said to be left out."""
    uf2 = find_uf2()
    if uf2 is not None:
        return cycles_on_chip(uf2)
    if find_micropython() is not None:
        return {"not on the chip": LEFT_OUT} | calls_on_vm()
    return {"left out": f"{LEFT_OUT}, and no MicroPython VM (PEN_MICROPYTHON names one)"}


# -- on the VM ----------------------------------------------------------------------------------------


def run_at_20_hz() -> Simulation:
    """A cheek, 0.90 mm deep, the trigger held for two seconds."""
    return Simulation(parse(
        {"title": "calls", "treatment": {"zone": "cheek", "indication": "wrinkles"},
         "hands": [{"do": "open_session"}, {"do": "set_depth", "depth_um": DEPTH_UM},
                   {"do": "set_rate", "rate_hz": RATE_HZ}, {"do": "pass", "ms": 2000}]}, "calls", "benchmark"))


def calls_on_vm() -> dict[str, Any]:
    """Calls of firmware functions a stroke, in the middle of a run at 20 Hz on the MicroPython VM."""
    said: list[str] = []
    run_micropython(run_at_20_hz().world, VM_PROBE, said, heap=VM_HEAP)
    lines = [line.split()[1:] for line in said[0].splitlines() if line.startswith("CALLS")]
    if not lines:
        raise RuntimeError(f"the probe counted no strokes; it printed:\n{said[0]}")
    strokes, motor, record, sense = (int(word) for word in lines[0])
    return {
        "counted on": "MicroPython VM, calls", "strokes": strokes, "stroke_calls": motor / strokes,
        "of_these_record_calls": record / strokes, "watching_calls": sense / strokes}


# -- on the chip --------------------------------------------------------------------------------------


def cycles_on_chip(uf2: Path) -> dict[str, Any]:
    """CPU cycles a stroke at 20 Hz: firmware compiled, on MicroPython, on the emulated RP2040 at 125 MHz.

    `stroke` is all of the motor task: judge at home, record, permit, start, the look at the turn. `watching` is the
    sense task every 4 ms: pads, heartbeat, needles' place, safety core. `loop` is the scheduler around both.
    Sleep is not counted; display, driver and cartridge tasks do not run.
    """
    marks, said = strokes_on_chip(uf2)
    cost = _cost_of_marks(marks)
    spent, calls = _spent(marks, cost)
    strokes = calls[RECORD]
    first, *figures = said.splitlines()
    found: dict[str, Any] = {"counted on": f"emulated RP2040, cycles of 125 MHz, {uf2.name}", "strokes": strokes,
                             "said": first}
    for line in figures:  # of the boot and of each arming, by the chip's own clock
        name, figure = line.split()
        found[name] = int(figure)
    for name, cycles in spent.items():
        found[f"{name}_us"] = round(cycles / strokes / 125, 1)
        found[f"{name}_percent_at_20_hz"] = round(cycles / strokes / 125e6 * RATE_HZ * 100, 2)
    found["pass_without_its_tasks_us"] = round(spent["loop"] / calls[PASS] / 125, 1)
    return found


def strokes_on_chip(uf2: Path) -> tuple[list[tuple[int, int]], str]:
    """Run the probe; its marks with the cycle of each, and what it said at the end."""
    from sim.silicon.bench import Board
    from sim.silicon.chip import Chip

    chip = Chip(uf2, _compiled())
    pen = Board(chip, make_fram(load("zone_cheek")))

    def failed() -> None:
        raise RuntimeError(f"the probe failed on the chip:\n{chip.text}")

    chip.on_mark[FAILED] = failed
    chip.run_until(READY, 30000)
    pen.press(True)
    chip.run_until(DONE, 3000)
    return chip.marks, chip.text


def _compiled() -> dict[str, bytes]:
    """The firmware in its slot as `make firmware` makes it, but for what is not on this board, and the probe."""
    with tempfile.TemporaryDirectory() as folder:
        source, root = Path(folder) / "source", Path(folder) / "image"
        shutil.copytree(FIRMWARE, source, ignore=shutil.ignore_patterns("__pycache__"))
        for name, kind in ABSENT.items():
            (source / name).write_text(STUB.format(kind), encoding="utf-8")
        root.mkdir()
        build(root, source, probes=(CHIP_PROBE,))
        files = {f"a/{path.relative_to(root).as_posix()}": path.read_bytes() for path in root.rglob("*.mpy")}
        return files | {"main.py": (root / CHIP_PROBE.name).read_bytes()}


def _cost_of_marks(marks: list[tuple[int, int]]) -> tuple[int, int]:
    """Cycles of a mark itself, and of a marked call more than of a plain one, by the second round of calibration."""
    at = [i for i, (what, _) in enumerate(marks) if what == CALIBRATE][1]
    cycles = [cycle for _, cycle in marks[at : at + 6]]
    gaps = [later - earlier for earlier, later in pairwise(cycles)]
    between, plain, around = gaps[0], gaps[1], sum(gaps[2:5])
    return between, around - plain


def _spent(marks: list[tuple[int, int]], cost: tuple[int, int]) -> tuple[dict[str, int], dict[int, int]]:
    """Cycles of each kind since READY without what the marks cost, and how often each was; a RECORD is a stroke."""
    one, nested = cost
    ready = max(i for i, (what, _) in enumerate(marks) if what == READY)
    begun: dict[int, tuple[int, int]] = {}
    total = dict.fromkeys((PASS, MOTOR, SENSE, RECORD), 0)
    calls = dict.fromkeys(total, 0)
    inside = 0  # marked calls so far
    for what, cycle in marks[ready + 1 :]:
        if what in total:
            begun[what] = (cycle, inside)
        elif what - 1 in begun:
            since, before = begun.pop(what - 1)
            total[what - 1] += cycle - since - one - (inside - before) * nested
            calls[what - 1] += 1
            inside += what - 1 != PASS
    loop = total[PASS] - total[MOTOR] - total[SENSE]
    spent = {"stroke": total[MOTOR], "of_this_record": total[RECORD], "watching": total[SENSE], "loop": loop}
    return spent, calls
