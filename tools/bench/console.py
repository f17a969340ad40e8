"""The console under load: fuzz with strokes running, answers while moving, log transfer, heap of its passes, idling."""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penimage import decode
from sim.client import AHEAD, AHEAD_REST, LOOK_NS, scrap
from sim.run import Simulation
from sim.scenario import load, parse
from sim.space import shim
from sim.tiers import find_micropython, run_micropython

board, commands, scpi = shim("board"), shim("commands"), shim("scpi")

FUZZ_BYTES = 10_000_000  # read by the pen while its needles move; what it reads at rest comes on top
PROBE = Path(__file__).parent / "vm" / "vm_console.py"  # apart: a VM looks for modules beside its script first
CHEEK, RUNS = "zone_cheek", 5
PASSES, PASS_MS = 12, 25_000  # of one session: the longest run allowed is 30 s
WRONG = ("NO:SUCH:HEADer 5", "*ESE 256", 'STAT? "x"', "MEAS:RAIL?;BATT?;TEMP?;EXT?")


def session(passes: int = PASSES, pass_ms: int = PASS_MS) -> Any:
    """A cheek at 20 Hz, the trigger held for most of the time."""
    hands: list[dict[str, Any]] = [{"do": "open_session"}, {"do": "set_rate", "rate_hz": 20}]
    hands += [{"do": "pass", "ms": pass_ms}] * passes + [{"do": "end_session"}]
    return parse(
        {"title": "console under load", "limit_s": 600, "treatment": {"zone": "cheek", "indication": "wrinkles"},
         "hands": hands, "expect": {"ended": "ready", "faults": []}}, "console", "benchmark")  # fmt: skip


def any_time() -> list[str]:
    """A line for each command that may be done while needles move, with its least parameters; and a few wrong ones."""
    lines = []
    for header, params, access, *_ in commands.COMMANDS:
        if access == 0:
            given = ",".join(_least(param) for param in params)
            lines.append(f"{header.replace('[', '').replace(']', '')} {given}".strip())
    return lines + list(WRONG)


def _least(param: Any) -> str:
    if param.kind == scpi.INT:
        return str(param.low)
    return param.words[0].decode() if param.kind == scpi.WORD else '"' + "x" * param.low + '"'


@dataclass
class Load:
    """A host that keeps the port full of fuzz for as long as the session lasts.

    `read`: bytes that the pen has taken, `moving` of them with its drive on. `late`: starts of a task that were.
    """

    seed: int
    reads: bool = True
    read: int = 0
    moving: int = 0
    late: int = 0
    rng: random.Random = field(init=False)

    def run(self, scenario: Any) -> tuple[dict[str, Any], Simulation]:
        self.rng = random.Random(self.seed)
        simulation = Simulation(scenario)
        world, port = simulation.world, simulation.world.usb
        port.connected = True
        loops: list[Any] = []
        world.on_firmware = lambda space: listen(space, loops)
        waiting = 0

        def look() -> None:
            nonlocal waiting
            left = port.waiting() + port.unsent()
            self.read += waiting - left
            moves = world.driver.enable_n == 0
            if moves:
                self.moving += waiting - left
            waiting = left
            while waiting < (AHEAD if moves else AHEAD_REST):
                data = scrap(self.rng)
                port.to_pen(data)
                waiting += len(data)
            if self.reads or self.rng.randrange(50) == 0:  # else one that reads only now and then
                port.from_pen()
            world.after(LOOK_NS, look)

        look()
        result = simulation.run().result
        self.late = sum(loop.overruns() for loop in loops)
        return result, simulation


def listen(space: Any, loops: list[Any]) -> None:
    """Keep the scheduler that the firmware of `space` will make."""
    module = space.module("scheduler")

    class Kept(module.Scheduler):
        def __init__(self, *args):
            super().__init__(*args)
            loops.append(self)

    module.Scheduler = Kept


def wrongs(
    result: dict[str, Any], simulation: Simulation, quiet: dict[str, Any], settings: dict[str, Any]
) -> list[str]:
    """What the fuzz brought about that it must not: by name, empty when nothing."""
    found = [f"{row['what']}: {row['got']}" for row in result["expectations"] if not row["held"]]
    image = decode(simulation.world.fram.image)
    if result["strokes"] < quiet["strokes"] - PASSES:  # a pass may end one stroke earlier or later
        found.append(f"strokes: {result['strokes']} of {quiet['strokes']}")
    if result["journal_strokes"] != result["strokes"]:
        found.append(f"strokes on record: {result['journal_strokes']} of {result['strokes']}")
    if any(event.name == "access" and event.a == 1 for event in image.events):
        found.append("access was granted")
    if records_of(simulation) != settings:
        found.append("a record changed")
    if len(simulation.lives_us) > 1:
        found.append("the pen restarted")
    if result["flash_while_armed"]:
        found.append("flash was written while armed")
    return found


def records_of(simulation: Simulation) -> dict[str, Any]:
    """The records that no fuzz may change."""
    records = decode(simulation.world.fram.image).records
    return {name: records[name].values for name in ("calibration", "settings", "key", "clinic", "motion", "dates")
            if name in records}  # fmt: skip


def fuzzed(most: int = FUZZ_BYTES) -> dict[str, Any]:
    """Sessions full of strokes with a host that sends garbage all the time, until so many bytes were read moving."""
    scenario = session()
    quiet = Simulation(scenario)
    quiet_result = quiet.run().result
    settings = records_of(quiet)
    read = moving = strokes = late = seed = 0
    wrong: list[str] = []
    while moving < most:
        load = Load(seed, reads=seed % 3 != 2)
        result, simulation = load.run(scenario)
        wrong += [f"seed {seed}: {what}" for what in wrongs(result, simulation, quiet_result, settings)]
        read += load.read
        moving += load.moving
        strokes += result["strokes"]
        late += load.late
        seed += 1
    return {
        "bytes_while_moving": moving, "bytes": read, "sessions": seed, "strokes": strokes,
        "strokes_a_session_without_fuzz": quiet_result["strokes"], "late_starts": late,
        "wrong_acts_or_stalls": len(wrong),
        "which": wrong[:5]}  # fmt: skip


def latency() -> dict[str, Any]:
    """Simulated ms from the end of a line to the end of its answer, with strokes running; the CPU's own time apart."""
    simulation = Simulation(session(1, 5000))
    world, port = simulation.world, simulation.world.usb
    port.connected = True
    waits: list[float] = []
    asked: list[int] = []

    def look() -> None:
        moving = not world.pads() >> board.PIN_EN_N & 1
        if b"\n" in port.from_pen() and asked:
            waits.append((world.now_ns - asked.pop()) / 1e6)
        if moving and not asked and world.now_ns % 7_000_000 == 0:
            asked.append(world.now_ns)
            port.to_pen(b"MEAS:RATE?\n")
        world.after(250_000, look)

    look()
    simulation.run()
    return {"answers_while_moving": len(waits), "median_ms": round(statistics.median(waits), 1),
            "worst_ms": round(max(waits), 1)}  # fmt: skip


def transfer() -> dict[str, Any]:
    """Bytes a simulated second of a part of the record memory, read by a host that reads all the time."""
    scenario = parse({"title": "log", "limit_s": 30, "hands": [{"do": "wait", "ms": 29_000}]}, "log", "benchmark")
    simulation = Simulation(scenario)
    world, port = simulation.world, simulation.world.usb
    port.connected = True
    got = bytearray()
    times: list[int] = []
    world.at(4_000_000_000, lambda: port.to_pen(b"LOG:FRAM? 0,65536\n"))

    def look() -> None:
        data = port.from_pen()
        if data:
            times.append(world.now_ns)
            got.extend(data)
        world.after(500_000, look)

    look()
    simulation.run()
    return {"bytes": len(got), "bytes_a_s": round(len(got) / ((times[-1] - times[0]) / 1e9))}


def heap() -> dict[str, Any]:
    """On the MicroPython VM: each command that may be done while moving, again and again; what its passes allocated."""
    if find_micropython() is None:
        return {"left out": "no MicroPython VM (PEN_MICROPYTHON names one)"}
    simulation = Simulation(session(1, 10_000))
    world, port = simulation.world, simulation.world.usb
    port.connected = True
    lines = any_time()
    said_moving = 0

    def look() -> None:
        nonlocal said_moving
        port.from_pen()
        if port.waiting() < 64:
            port.to_pen(lines[said_moving % len(lines)].encode() + b"\n")
            said_moving += world.driver.enable_n == 0
        world.after(LOOK_NS, look)

    look()
    said: list[str] = []
    run_micropython(world, PROBE, said)
    told = [line.split()[1:] for line in said[0].splitlines() if line.startswith("CONSOLE")]
    if not told:
        raise RuntimeError(f"the probe made no strokes; it printed:\n{said[0]}")
    passes, done, heavy, grown = (int(word) for word in told[-1])
    return {
        "passes_while_moving": passes, "commands": done, "different_ones": len(lines),
        "different_ones_done_all": said_moving >= len(lines), "passes_that_allocated": heavy,
        "bytes_allocated": grown}  # fmt: skip


def idle() -> dict[str, Any]:
    """What looking at a port where nobody is costs a session: simulated seconds a CPU second, with it and without."""
    def quiet(space: Any) -> None:
        space.module("console").Console.run = lambda self, now_ms: 250_000  # under its check-in

    scenario = load(CHEEK)
    Simulation(scenario).run()  # compiles the plant's kernel
    speeds: dict[str, list[float]] = {"polled": [], "not_polled": []}
    for _ in range(RUNS):
        for name, hear in (("polled", None), ("not_polled", quiet)):
            simulation = Simulation(scenario)
            simulation.world.on_firmware = hear
            began = time.process_time()
            sim_s = simulation.run().result["sim_s"]
            speeds[name].append(sim_s / (time.process_time() - began))
    found = {f"sim_s_per_cpu_s_{name}": round(statistics.median(values), 1) for name, values in speeds.items()}
    return {**found, "slower_by_percent": round(
        100 * (1 - found["sim_s_per_cpu_s_polled"] / found["sim_s_per_cpu_s_not_polled"]), 1)}  # fmt: skip


FIGURES = {"console_fuzz": fuzzed, "console_latency": latency, "console_log_transfer": transfer, "console_heap": heap,
           "console_idle": idle}  # fmt: skip
