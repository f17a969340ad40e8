"""Runs tests against sources that are on no disk: each in a forked child, several at a time.

pytest collects the tests once. Then, where it would run them, every job gets a child that has the firmware's module
changed in place and runs the tests until the first fails: a mutant costs a fork and not an interpreter. Properties are
derandomized, nothing is shrunk, and nothing is written, so that the same source always ends the same way and a run that
is killed leaves nothing behind. A mutant that loops for ever is ended by its processor time, which a busy machine does
not shorten.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple

import hypothesis
import pytest

from sim import space
from sim.space import ROOT

# no other plugins are needed, and looking for them takes long
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
PYTEST = ("-q", "--tb=no", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin")
PASSED, FAILED, ENDLESS, BROKEN = "passed", "failed", "endless", "broken"


class Job(NamedTuple):
    """A module of the firmware that reads `text`."""

    name: object
    module: str
    text: str
    most_cpu_s: int = 60


class Outcome(NamedTuple):
    """PASSED: no test saw it. FAILED: `by` did. ENDLESS: ran out of processor time. BROKEN: pytest itself failed."""

    job: Job
    verdict: str
    by: str
    cpu_s: float


def run(tests: Iterable[str], jobs: Iterable[Job], workers: int, hear: Callable[[Outcome], None]) -> None:
    """Run the tests (files or node ids, in this order) on every job; `hear` gets the outcomes as they come.

    RuntimeError if pytest cannot collect the tests.
    """
    hypothesis.settings.register_profile(
        "mutation", derandomize=True, database=None, deadline=None, print_blob=False,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate))
    hypothesis.settings.load_profile("mutation")  # the tests' own profile is made from the one in force
    loop = _Loop(jobs, workers, hear)
    out, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115  what pytest prints on collecting
    try:
        code = pytest.main([*PYTEST, f"--rootdir={ROOT}", *(str(ROOT / test) for test in tests)], plugins=[loop])
    finally:
        sys.stdout.close()
        sys.stdout = out
    if code != pytest.ExitCode.OK:
        raise RuntimeError(f"pytest cannot collect {', '.join(tests)}: {code!r}")


class _Loop:
    """A plugin that runs jobs where pytest would run its tests."""

    def __init__(self, jobs, workers, hear):
        self._jobs, self._workers, self._hear = jobs, workers, hear
        self._failed = ""

    def pytest_runtest_logreport(self, report):
        if report.failed and not self._failed:
            self._failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        if session.testsfailed or not session.items:
            return None  # pytest says so
        quiet, sys.stdout = sys.stdout, sys.__stdout__
        gc.collect()
        gc.freeze()  # what is loaded is never looked at again in a child, and stays shared
        try:
            self._run_all(session)
        finally:
            gc.unfreeze()
            sys.stdout = quiet
        return True

    def _run_all(self, session):
        waiting = iter(self._jobs)
        running: dict[int, tuple[Job, int]] = {}
        try:
            while True:
                while len(running) < self._workers and (job := next(waiting, None)):
                    pid, pipe = self._fork(session, job)
                    running[pid] = job, pipe
                if not running:
                    return
                pid, status, used = os.wait4(-1, 0)
                job, pipe = running.pop(pid)
                self._hear(_outcome(job, pipe, status, used.ru_utime + used.ru_stime))
        finally:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def _fork(self, session, job):
        sys.stdout.flush()
        answer, tell = os.pipe()
        pid = os.fork()
        if pid:
            os.close(tell)
            return pid, answer
        try:
            os.close(answer)
            os.setpgid(0, 0)  # Ctrl-C is for the parent, which ends its children by their numbers
            resource.setrlimit(resource.RLIMIT_CPU, (job.most_cpu_s, job.most_cpu_s + 5))
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(nowhere, stream)
            os.write(tell, " ".join(self._child(session, job)).encode()[:4000])
        finally:
            os._exit(0)

    def _child(self, session, job):
        try:
            space.replace(space.FIRMWARE / f"{job.module}.py", job.text)
        except Exception as error:
            return FAILED, f"loading it: {error!r}"
        following = [*session.items[1:], None]
        for item, after in zip(session.items, following, strict=True):
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if self._failed:
                return FAILED, self._failed
        return PASSED, ""


def _outcome(job: Job, pipe: int, status: int, cpu_s: float) -> Outcome:
    with os.fdopen(pipe) as answer:
        verdict, _, by = answer.read().partition(" ")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        verdict, by = (ENDLESS if number == signal.SIGXCPU else BROKEN), f"ended by signal {number}"
    return Outcome(job, verdict or BROKEN, by, cpu_s)


def source(module: str) -> str:
    return (space.FIRMWARE / f"{module}.py").read_text(encoding="utf-8")
