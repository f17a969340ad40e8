"""Which modules are mutated, and which tests have to see it, the quickest and most telling first."""

from __future__ import annotations

import re

from .mutants import Mutant, constant_groups, make
from .runner import source

TESTS = {
    "safety": (
        "tests/core/test_safety_table.py", "tests/core/test_safety_permit.py", "tests/core/test_safety_watch.py",
        "tests/core/test_safety_faults.py", "tests/core/test_safety_trigger.py", "tests/core/test_mistyped.py",
        "tests/core/test_limits_to_permit.py",
    ),
    "depth": ("tests/core/test_depth_tables.py", "tests/core/test_depth_limits.py", "tests/core/test_mistyped.py"),
    "faults": ("tests/core/test_fault_table.py", "tests/docs/test_fault_page.py", "tests/core/test_safety_faults.py"),
    "gate": (
        "tests/gate/test_gate.py", "tests/gate/test_timing.py::test_heartbeat_is_fifty_milliseconds",
        "tests/gate/test_arming.py",
    ),
    "calibration": ("tests/storage/test_calibration.py",),
}  # fmt: skip


# of the gate what arms, disarms and watches; what is sent while it is armed has the emulated block to answer to
ONLY = {"gate": re.compile(r"\(module\)|Gate\.(?!start|busy|_open_channels)")}


def mutants(module: str) -> list[Mutant]:
    """Every mutant of a module of the firmware, of the gate those of its arming."""
    groups = {name: constant_groups(source(name)) for name in ("faults", "depth") if name != module}
    made = make(module, source(module), groups)
    return [mutant for mutant in made if module not in ONLY or ONLY[module].match(mutant.where)]
