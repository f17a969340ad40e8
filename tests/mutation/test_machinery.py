"""The command of `make mutation` on a small fixed slice: it kills, it sees survivors, and it holds their list."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.mutation import survivors, targets

ROOT = Path(__file__).resolve().parents[2]
WHERE = "_number"
SLICE = ("--only", "depth", "--where", WHERE)
ITS_TESTS = ("--tests", "tests/core/test_depth_tables.py")
OTHER_TESTS = ("--tests", "tests/core/test_fault_table.py")  # they never look at a depth


def run(*words):
    command = [sys.executable, "-m", "tools.mutation", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def firmware():
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in (ROOT / "firmware").rglob("*.py")}


def listed(path, mutants):
    path.write_text("".join(
        f"[[survivor]]\nmodule = '{m.module}'\nwhere = '{m.where}'\nwas = {json.dumps(m.was)}\n"
        f"now = {json.dumps(m.now)}\nnth = {m.nth}\nreason = 'a test of the list'\n"
        for m in mutants), encoding="utf-8")  # fmt: skip
    return path


@pytest.fixture(scope="module")
def slice_():
    made = [mutant for mutant in targets.mutants("depth") if mutant.where == WHERE]
    assert len(made) > 5
    return made


def test_the_tests_of_a_function_kill_all_its_mutants_and_no_file_changes(slice_):
    before = firmware()
    done = run(*SLICE, *ITS_TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"depth\D+{len(slice_)}\D+{len(slice_)}\D+0\D+0\D+100\.0", done.stdout)
    assert firmware() == before


def test_a_mutant_that_no_test_sees_is_shown_and_fails(slice_):
    done = run(*SLICE, *OTHER_TESTS)
    assert done.returncode == 1
    assert done.stdout.count("NOT LISTED") == done.stdout.count("survives, not listed") == len(slice_)
    assert "-        if table[number].key == key:\n" in done.stdout
    assert "+        if table[number].key != key:\n" in done.stdout


def test_a_listed_survivor_is_accepted_only_while_it_survives(slice_, tmp_path):
    every = listed(tmp_path / "every.toml", slice_)
    done = run(*SLICE, *OTHER_TESTS, "--survivors", every)
    assert "survives, not listed" not in done.stdout and "listed, but" not in done.stdout
    done = run(*SLICE, *ITS_TESTS, "--survivors", every)
    assert done.returncode == 1
    assert done.stdout.count("listed, but is killed now") == len(slice_)
    gone = listed(tmp_path / "gone.toml", [slice_[0]._replace(was="what nobody wrote")])
    done = run(*SLICE, *ITS_TESTS, "--survivors", gone)
    assert done.returncode == 1
    assert "listed, but there is no such mutant: depth._number: 'what nobody wrote'" in done.stdout


def test_tests_that_fail_anyway_prove_nothing(tmp_path):
    failing = tmp_path / "test_failing.py"
    failing.write_text("def test_it():\n    assert False\n")
    done = run(*SLICE, "--tests", failing)
    assert done.returncode == 2
    assert "do not pass on the source as it is" in done.stdout
    assert "cannot collect tests/none.py" in run(*SLICE, "--tests", "tests/none.py").stdout
    assert run("--only", "depth", "--where", "Limits.nothing").returncode == 2


def test_what_never_ends_is_ended_and_what_does_not_load_is_seen():
    """In a process of its own: a process with threads, as a worker of this run has, must not be forked."""
    code = """
from tools.mutation.runner import Job, run
jobs = [Job("endless", "depth", "while True:\\n    pass\\n", 1), Job("cut off", "depth", "def")]
jobs.append(Job("as it is", "depth", open("firmware/depth.py").read()))
said = []
run(("tests/core/test_depth_tables.py",), jobs, 2, lambda outcome: said.append((outcome.job.name, outcome.verdict)))
print(sorted(said))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "[('as it is', 'passed'), ('cut off', 'failed'), ('endless', 'endless')]\n", done.stderr


def test_every_listed_survivor_is_a_mutant_of_today_and_has_its_reason():
    reasons = survivors.load()
    made = {mutant.key for module in targets.TESTS for mutant in targets.mutants(module)}
    assert set(reasons) <= made
    assert all(len(reason.split()) >= 4 for reason in reasons.values())


ENTRY = "[[survivor]]\nmodule = 'a'\nwhere = 'b'\nwas = 'c'\nnow = 'd'\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENTRY, "entry 1: reason missing"),
        (ENTRY + "reason = 'r'\nwhy = 1\n", "entry 1: why missing or unknown"),
        (ENTRY + "reason = ' '\n", "entry 1: say why"),
        ((ENTRY + "reason = 'r'\n") * 2, "entry 2: listed twice"),
    ],
)
def test_a_wrong_list_says_where(tmp_path, text, message):
    path = tmp_path / "list.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        survivors.load(path)
