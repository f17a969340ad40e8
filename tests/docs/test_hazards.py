"""Keeps docs/hazards.md linked: every hazard to its tests, every test to its hazard, every fault to a hazard."""

import ast
import re
from pathlib import Path

from pages import ROOT, table
from sim.scenario import LIBRARY
from sim.space import shim

TESTS = ROOT / "tests"
PAGE = "docs/hazards.md"
faults = shim("faults")


def hazards() -> dict[str, dict[str, str]]:
    rows = table(PAGE, "id", "hazard")
    assert len({row["id"] for row in rows}) == len(rows), "two hazards have one number"
    return {row["id"]: row for row in rows}


def marks(node: ast.FunctionDef | ast.ClassDef) -> set[str]:
    """Hazards named by the decorators of a test or of its class."""
    found: set[str] = set()
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.hazard":
            found |= {str(ast.literal_eval(argument)) for argument in mark.args}
    return found


def marked_tests() -> dict[str, set[str]]:
    """Every marked test as `folder/file.py::name`, with its hazards."""
    found: dict[str, set[str]] = {}
    for file in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in tree.body:
            for test in node.body if isinstance(node, ast.ClassDef) else [node]:
                if isinstance(test, ast.FunctionDef):
                    ids = marks(test) | (marks(node) if isinstance(node, ast.ClassDef) else set())
                    if ids:
                        assert test.name.startswith("test_"), f"{file.name}: the mark is on {test.name}, no test"
                        found[f"{file.relative_to(TESTS)}::{test.name}"] = ids
    return found


def test_every_hazard_has_a_test_and_every_mark_a_hazard():
    named = set().union(*marked_tests().values())
    assert named - set(hazards()) == set(), "tests name hazards that are not in the list"
    assert set(hazards()) - named == set(), "hazards without a test"


def test_the_page_lists_the_marked_tests():
    wanted = [f"| {name} | `{test}` |" for name in hazards() for test, ids in marked_tests().items() if name in ids]
    listed = [f"| {row['id']} | `{row['test']}` |" for row in table(PAGE, "id", "test")]
    assert listed == wanted, "the table should be:\n" + "\n".join(wanted)


def test_every_fault_is_in_a_hazard():
    named = {key for row in hazards().values() for key in row["faults"].split()}
    known = {faults.key(code) for code in faults.TABLE}
    assert named - known == set(), "no such faults"
    assert known - named == set(), "faults that belong to no hazard"


def test_files_and_scenarios_of_the_page_exist():
    for row in hazards().values():
        assert row["control"] and row["causes"]
        for name in row["where"].split():
            assert (ROOT / name).is_file(), f"{row['id']} names {name}"
    for row in table(PAGE, "id", "scenario"):
        assert row["id"] in hazards()
        for name in re.findall(r"\w+", row["scenario"]):
            assert Path(LIBRARY / f"{name}.toml").is_file(), f"{row['id']} names the scenario {name}"
