"""Runs tests against sources that are on no disk: each in a forked child, several at a time.

The parent has pytest, hypothesis and the simulator loaded and the firmware not, so that a child costs a fork, the
collection of a few test files, and what they run until the first failure. Properties are derandomized and nothing is
shrunk or written: the same source always ends the same way, and a run that is killed leaves nothing behind. A mutant
that loops for ever is ended by its processor time, which a busy machine does not shorten.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import hypothesis
import pytest

import sim.pio
import sim.tiers  # noqa: F401  these two and numpy and numba with them are loaded once, for all children
from sim import space
from sim.space import ROOT

PYTEST = ("-x", "-q", "--tb=no", "--no-header", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin")
PASSED, FAILED, ENDLESS, BROKEN = "passed", "failed", "endless", "broken"


class Job(NamedTuple):
    """`tests` (files or node ids, run in this order) against a module of the firmware that reads `text`."""

    name: object
    module: str
    text: str
    tests: tuple[str, ...]
    most_cpu_s: int = 60


class Outcome(NamedTuple):
    """PASSED: no test saw it. FAILED: `by` did. ENDLESS: ran out of processor time. BROKEN: pytest itself failed."""

    job: Job
    verdict: str
    by: str
    cpu_s: float


class _Watch:
    """Remembers the first thing that failed."""

    def __init__(self):
        self.by = ""

    def pytest_runtest_logreport(self, report):
        if report.failed and not self.by:
            self.by = report.nodeid

    def pytest_collectreport(self, report):
        if report.failed and not self.by:
            self.by = f"{report.nodeid} (collecting)"


def run(jobs: Iterable[Job], workers: int) -> Iterator[Outcome]:
    """Outcomes in the order in which they come."""
    waiting = iter(jobs)
    running: dict[int, tuple[Job, int]] = {}
    gc.collect()
    gc.freeze()  # what is loaded is never looked at again in a child, and stays shared
    try:
        while True:
            while len(running) < workers and (job := next(waiting, None)):
                pid, pipe = _fork(job)
                running[pid] = job, pipe
            if not running:
                return
            pid, status, used = os.wait4(-1, 0)
            job, pipe = running.pop(pid)
            yield _outcome(job, pipe, status, used.ru_utime + used.ru_stime)
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        gc.unfreeze()


def _outcome(job: Job, pipe: int, status: int, cpu_s: float) -> Outcome:
    with os.fdopen(pipe) as answer:
        verdict, _, by = answer.read().partition(" ")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        verdict, by = (ENDLESS if number == signal.SIGXCPU else BROKEN), f"ended by signal {number}"
    return Outcome(job, verdict or BROKEN, by, cpu_s)


def _fork(job: Job) -> tuple[int, int]:
    sys.stdout.flush()
    answer, tell = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tell)
        return pid, answer
    try:
        os.close(answer)
        os.write(tell, " ".join(_child(job)).encode()[:4000])
    finally:
        os._exit(0)


def _child(job: Job) -> tuple[str, str]:
    os.setpgid(0, 0)  # Ctrl-C is for the parent, which ends its children by their numbers
    resource.setrlimit(resource.RLIMIT_CPU, (job.most_cpu_s, job.most_cpu_s + 5))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    hypothesis.settings.register_profile(
        "mutation", derandomize=True, database=None, deadline=None, print_blob=False,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate))
    hypothesis.settings.load_profile("mutation")  # the tests' own profile is made from the one in force
    space.replace(space.FIRMWARE / f"{job.module}.py", job.text)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # no others are needed, and looking for them takes longest
    for test in job.tests:
        watch = _Watch()
        code = pytest.main([*PYTEST, f"--rootdir={ROOT}", str(ROOT / test)], plugins=[watch])
        if code in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED) and watch.by:
            return FAILED, watch.by
        if code != pytest.ExitCode.OK:
            return BROKEN, f"{test}: pytest ended with {code!r}"
    return PASSED, ""


def source(module: str) -> str:
    return Path(space.FIRMWARE / f"{module}.py").read_text(encoding="utf-8")
