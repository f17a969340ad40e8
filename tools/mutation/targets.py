"""Which modules are mutated, and which tests have to see it, the quickest and most telling first."""

from __future__ import annotations

import ast
import re
from functools import cache

from sim.space import shim

from .mutants import Mutant, constant_groups, make
from .runner import source

TESTS = {
    "safety": (
        "tests/core/test_safety_table.py", "tests/core/test_safety_permit.py", "tests/core/test_safety_watch.py",
        "tests/core/test_safety_faults.py", "tests/core/test_safety_trigger.py", "tests/core/test_mistyped.py",
        "tests/core/test_limits_to_permit.py", "tests/core/test_safety_gauging.py",
    ),
    "depth": ("tests/core/test_depth_tables.py", "tests/core/test_depth_limits.py", "tests/core/test_mistyped.py"),
    "faults": ("tests/core/test_fault_table.py", "tests/docs/test_fault_page.py", "tests/core/test_safety_faults.py"),
    "gate": (
        "tests/gate/test_gate.py", "tests/gate/test_timing.py::test_heartbeat_is_fifty_milliseconds",
        "tests/gate/test_arming.py", "tests/gate/test_stopping.py",
    ),
    "calibration": ("tests/storage/test_calibration.py",),
}  # fmt: skip


# of the gate what arms, disarms and watches; what is sent while it is armed has the emulated block to answer to
ONLY = {"gate": re.compile(r"\(module\)|Gate\.(?!start|busy|_open_channels)")}


def mutants(module: str) -> list[Mutant]:
    """Every mutant of a module of the firmware, of the gate those of its arming; without those of `same`."""
    return _all(module)[0]


def same(module: str) -> list[Mutant]:
    """Changes of a constant's expression after which the constant has the value that it had: no mutants."""
    return _all(module)[1]


@cache
def _all(module: str) -> tuple[list[Mutant], list[Mutant]]:
    groups = {name: constant_groups(source(name)) for name in ("faults", "depth") if name != module}
    made = make(module, source(module), groups)
    made = [mutant for mutant in made if module not in ONLY or ONLY[module].match(mutant.where)]
    before = ast.parse(source(module)).body
    alike = [mutant for mutant in made if mutant.where == "(module)" and _same_value(before, mutant)]
    return [mutant for mutant in made if mutant not in alike], alike


def _same_value(before, mutant: Mutant) -> bool:
    """One assignment at the module's level differs, and both expressions come to one value of a plain type."""
    pairs = zip(before, ast.parse(mutant.text).body, strict=True)
    (old, new), *more = [(a, b) for a, b in pairs if ast.dump(a) != ast.dump(b)]
    if more or not isinstance(old, ast.Assign) or not isinstance(new, ast.Assign):
        return False
    names = vars(shim(mutant.module))
    try:
        was, now = (_value(node, dict(names)) for node in (old, new))
    except Exception:  # one that does not even load is for the tests
        return False
    return type(was) is type(now) and isinstance(was, int | str | bytes) and was == now


def _value(assignment, names):
    return eval(compile(ast.Expression(assignment.value), "constant", "eval"), names)
