"""The gate's two programs as they are shipped, in every order that time allows: what was gone through, what broke.

Tables of up to four words, every pattern of directions, ceilings 0 to 3; pads seen at once and two cycles late; flags
as on the chip and as in the emulator. All periods are the shortest: a longer one is a word that comes late.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from sim.exhaust import gate_model as model
from sim.space import FIRMWARE, FirmwareSpace

MOST_WORDS, MOST_CEILING, LONGEST_PULSE = 4, 3, 64
# TMC2209 datasheet, STEP/DIR timing: STEP high and low tCLK + 20 ns, its own clock 11.5 MHz at the slowest; DIR 20 ns
# before and after, and up to 30 ns of a spike filter that the other of the two lines need not have
CYCLE_NS = 8
PULSE_NS, DIR_NS = 107, 50
_LATE_CYCLES = 8  # from EN_N high on its pad to the last edge, while the CPU does not look
PADS = (0, 2)  # cycles that a program sees a pad late
RULES = {
    model.PAST_CEILING: "no net step outward past the ceiling",
    model.COUNT: "X is the ceiling less what the driver counted, at every edge",
    model.DIRECTION: "every step goes the way of its own word",
    model.HIGH: f"STEP is high for {PULSE_NS} ns at least",
    model.LOW: f"STEP is low for {PULSE_NS} ns at least",
    model.SETUP: f"DIR stands {DIR_NS} ns before an edge at least",
    model.HOLD: f"DIR stands {DIR_NS} ns after an edge at least",
    model.LATE: f"no edge later than {_LATE_CYCLES} cycles after EN_N went high, looks of the CPU apart",
    model.LOST: "no word is lost, doubled or merged with another",
    model.CLASH: "no flag is set and cleared in one cycle",
    model.UNKNOWN: "every instruction and every register is worked out",
}
FIGURES = ("step_high", "step_low", "dir_before", "dir_after", "edges", "edge_after_en_n_high")
_TABLE_STATES = 1 << 22


class Case(NamedTuple):
    """A table of words, a ceiling, and how late pads and flags are seen."""

    outward: tuple[int, ...]
    ceiling: int
    pads: int
    merged: bool

    def words(self) -> np.ndarray:
        """Words without any count: the shortest period."""
        return np.array(self.outward, np.int64)


class Programs:
    """The assembled words of one firmware directory's gate."""

    def __init__(self, directory: Path = FIRMWARE):
        module: Any = FirmwareSpace(ModuleType("no hardware"), directory).module("gate")
        self.table = np.zeros((2, model.PROGRAM_COLUMNS), np.int64)
        for row, name in enumerate(("step_generator", "depth_gate")):
            program = getattr(module, name)
            words, execctrl = program[0], program[4]
            self.table[row, : len(words)] = list(words)
            config = self.table[row, model.CONFIG :]
            config[model.TARGET], config[model.END] = execctrl >> 7 & 31, execctrl >> 12 & 31
            config[model.SIDE] = execctrl >> 30 & 1
        self.size = sum(len(getattr(module, name)[0]) for name in ("step_generator", "depth_gate"))


class Result(NamedTuple):
    """What was gone through and what broke: by rule, how often."""

    cases: int
    unit: str
    passed: int  # of that unit
    steps: int  # transitions, or cycles
    broken: dict[str, int]
    violations: int
    cycles: dict[str, int]  # the shortest times seen, in cycles; the longest from EN_N to an edge
    seconds: float

    def table(self) -> dict[str, Any]:
        return self._asdict()


Progress = Callable[[int, int], None]  # cases done, cases in all


def cases(words: int = MOST_WORDS, pads: tuple[int, ...] = PADS) -> Iterator[Case]:
    """Every case with up to so many words."""
    for count in range(1, words + 1):
        for outward in itertools.product((0, 1), repeat=count):
            for ceiling, late, merged in itertools.product(range(MOST_CEILING + 1), pads, (False, True)):
                yield Case(outward, ceiling, late, merged)


def pulses(programs: Programs, chosen: list[Case], progress: Progress = lambda done, of: None) -> Result:
    """One pulse on EN_N of 1 to LONGEST_PULSE cycles at every cycle of each case."""
    tally = _Tally()
    table, told = np.empty((1 << 18, 2), np.int64), np.empty(1 << 18, np.int64)
    for done, case in enumerate(chosen):
        runs, cycles, found, violations = model.pulses(
            programs.table, case.words(), case.ceiling, case.pads, case.merged, _limits(0), LONGEST_PULSE, table,
            told, tally.figures)
        tally.add(runs, cycles, found, violations)
        progress(done + 1, len(chosen))
    return tally.result(len(chosen), "runs")


def explore(
    programs: Programs, chosen: list[Case], free: int, progress: Progress = lambda done, of: None
) -> Result:
    """Every state of each case that any course of the free choices leads to (`gate_model`'s bits)."""
    tally, limits = _Tally(), _limits(free)
    table, stack = np.empty((_TABLE_STATES, 2), np.int64), np.empty((_TABLE_STATES // 2, 2), np.int64)
    for done, case in enumerate(chosen):
        states, transitions, found, whole = model.explore(
            programs.table, case.words(), case.ceiling, case.pads, case.merged, limits, free, table, stack,
            tally.figures)
        if not whole:
            raise MemoryError(f"{case}: more than {states} states")
        tally.add(states, transitions, found, int(found.sum()))
        progress(done + 1, len(chosen))
    return tally.result(len(chosen), "states")


def whole(programs: Programs, progress: Callable[[str, int, int], None]) -> dict[str, Result]:
    """All that is claimed of the gate, by what is free. `progress` is told what, cases done, cases in all."""
    looks = model.READ | model.READ_CUT | model.READ_GENERATOR | model.READ_GENERATOR_CUT
    parts = {
        "one pulse on EN_N": lambda told: pulses(programs, list(cases()), told),
        "EN_N in every cycle": lambda told: explore(programs, list(cases()), model.EN_HIGH, told),
        "and when words come": lambda told: explore(programs, list(cases(2)), model.EN_HIGH | model.NO_WORD, told),
        "and looks of the CPU": lambda told: explore(
            programs, list(cases(2)), model.EN_HIGH | model.NO_WORD | looks, told),
    }
    return {what: part(lambda done, of, what=what: progress(what, done, of)) for what, part in parts.items()}


def _limits(free: int) -> np.ndarray:
    """Cycles. A program that the CPU holds up may be as late as it likes, and its timers need not go far."""
    shortest = [-(-ns // CYCLE_NS) for ns in (PULSE_NS, PULSE_NS, DIR_NS, DIR_NS)]
    held_up = free & ~(model.EN_HIGH | model.NO_WORD)
    return np.array([*shortest, 1 << 30, max(shortest)] if held_up else [*shortest, _LATE_CYCLES, model.LONGEST])


class _Tally:
    def __init__(self) -> None:
        self._began = time.process_time()
        self._passed = self._steps = self._violations = 0
        self._found = np.zeros(len(RULES), np.int64)
        self.figures = np.full(model.FIGURES, 1 << 30)
        self.figures[model.F_LATE] = -1

    def add(self, passed: int, steps: int, found: np.ndarray, violations: int) -> None:
        self._passed += passed
        self._steps += steps
        self._violations += violations
        self._found += found

    def result(self, count: int, unit: str) -> Result:
        broken = {text: int(self._found[bit]) for bit, text in enumerate(RULES.values())}
        return Result(
            count, unit, self._passed, self._steps, broken, self._violations,
            dict(zip(FIGURES, self.figures.tolist(), strict=True)), round(time.process_time() - self._began, 1))
