"""Which modules are mutated, and which tests have to see it, the quickest and most telling first."""

from __future__ import annotations

from .mutants import Mutant, constant_groups, make
from .runner import source

TESTS = {
    "safety": (
        "tests/core/test_safety_table.py", "tests/core/test_safety_permit.py", "tests/core/test_safety_watch.py",
        "tests/core/test_safety_faults.py", "tests/core/test_safety_trigger.py",
    ),
    "depth": ("tests/core/test_depth_tables.py", "tests/core/test_depth_limits.py"),
    "faults": ("tests/core/test_fault_table.py", "tests/docs/test_fault_page.py", "tests/core/test_safety_faults.py"),
    "gate": ("tests/gate/test_gate.py", "tests/gate/test_programs.py", "tests/gate/test_timing.py"),
    "calibration": ("tests/storage/test_calibration.py",),
}  # fmt: skip


def mutants(module: str) -> list[Mutant]:
    """Every mutant of a module of the firmware."""
    groups = {name: constant_groups(source(name)) for name in ("faults", "depth") if name != module}
    return list(make(module, source(module), groups))
