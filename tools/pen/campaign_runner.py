"""Runs cases on Dask workers: a local cluster on this machine's cores, or any cluster by its address.

Invariants: a result is taken home as soon as it is there, and a batch whose worker died is run again elsewhere, so that
no death loses a case; a case that kills every worker it meets is reported as a violation, not left out. Workers run
the same sources as the client, or nothing runs.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dask
from distributed import Client, Future, LocalCluster, as_completed

from pen.processes import cores
from sim.campaign.cases import Case, parse
from sim.campaign.pens import use_firmware
from sim.campaign.shared import run_cases_together
from sim.campaign.verdict import Outcome
from sim.space import FIRMWARE, ROOT

BATCH = 96  # cases: half a minute, so that a death costs little and the bar moves; one pen's share a beginning
DEATHS = 3  # a batch is given up once so many workers died with it
ANSWER_S = 15
FETCH_S = 30  # a finished batch is home after milliseconds, unless its worker has died meanwhile
POLL_S = 0.02
SILENT_S = 20
GIVE_UP_S = 300
SETTINGS = {
    "distributed.scheduler.allowed-failures": DEATHS,
    "distributed.scheduler.worker-saturation": 1.0,  # one batch on a worker, so that its death blames no other
    # on this machine a death closes its connection; one that is only slow, on a busy machine, is not given up
    "distributed.scheduler.worker-ttl": None,
    "distributed.comm.timeouts.connect": "120s",
}

__all__ = ["ClusterError", "cluster_at", "cores", "local_cluster", "run_cases", "sources_digest"]

Told = Callable[[Outcome], None]


class ClusterError(RuntimeError):
    """The cluster cannot be used; the message says why and what to do."""


def sources_digest() -> str:
    """One number for the sources that decide a result: firmware and simulator."""
    digest = hashlib.sha256()
    for root in (FIRMWARE, ROOT / "sim"):
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def run_batch(ids: Sequence[str], firmware: Path = FIRMWARE) -> list[Outcome]:
    """On a worker: these cases, in order, on the firmware of this directory."""
    use_firmware(firmware)
    return run_cases_together([parse(text) for text in ids])


@contextmanager
def local_cluster(workers: int) -> Iterator[Client]:
    """Worker processes on this machine, on loopback only; gone when the context ends."""
    with (
        tempfile.TemporaryDirectory(prefix="pen-campaign-") as scratch,
        dask.config.set(SETTINGS | {"temporary-directory": scratch}),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0",
            memory_limit=0, silence_logs=logging.CRITICAL) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def cluster_at(address: str) -> Iterator[Client]:
    """A cluster that somebody else runs. ClusterError if there is none, or it has no workers, or other sources."""
    try:
        client = Client(address, timeout=f"{ANSWER_S}s")
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address} ({type(error).__name__}); start one with 'dask scheduler'"
        ) from None
    with client:
        digests = client.run(sources_digest)
        if not digests:
            raise ClusterError(f"the scheduler at {address} has no workers; start some: 'dask worker {address}'")
        others = [worker for worker, digest in digests.items() if digest != sources_digest()]
        if others:
            raise ClusterError(
                f"{len(others)} of {len(digests)} workers run other sources than this checkout ({others[0]}); "
                "install the same version there")
        yield client


def run_cases(
    client: Client, cases: Sequence[Case], told: Told | None = None, batch: int = BATCH, firmware: Path = FIRMWARE,
) -> list[Outcome]:
    """Run cases on the client's workers; the outcomes in the order of the cases."""
    run = _Run(client, told, firmware)
    found = run.collect([cases[at : at + batch] for at in range(0, len(cases), batch)])
    return [found[str(case)] for case in cases]


class _Run:
    """Batches on their way through a cluster; whatever happens to it, each case has an outcome in the end."""

    def __init__(self, client: Client, told: Told | None, firmware: Path = FIRMWARE):
        self._client = client
        self._firmware = () if firmware == FIRMWARE else (firmware,)
        self._told = told
        self._waiting: dict[Future, Sequence[Case]] = {}
        self._found: dict[str, Outcome] = {}
        self._done = as_completed()
        self._workers = len(client.scheduler_info(n_workers=-1)["workers"])

    def collect(self, batches: Sequence[Sequence[Case]]) -> dict[str, Outcome]:
        """Run the batches; outcomes by case. Looks after the workers when nothing comes back for a while."""
        self._submit(batches)
        heard = time.monotonic()
        while self._waiting:
            if self._done.has_ready():
                self._take(next(self._done))
                heard = time.monotonic()
                continue
            time.sleep(POLL_S)
            silent_s = time.monotonic() - heard
            if silent_s > SILENT_S:
                self._revive()
            if silent_s > GIVE_UP_S and not self._alive():
                self._give_up()
        return self._found

    def _submit(self, batches: Sequence[Sequence[Case]]) -> None:
        for part in batches:
            future = self._client.submit(
                run_batch, [str(case) for case in part], *self._firmware, pure=False, retries=DEATHS)
            self._waiting[future] = part
            self._done.add(future)

    def _take(self, future: Future) -> None:
        part = self._waiting.pop(future)
        try:
            outcomes = future.result(timeout=FETCH_S)
        except TimeoutError:  # it died before its result was home
            future.cancel()
            self._submit([part])
            return
        except Exception as error:
            if len(part) > 1:  # one of them; the others are not to blame
                self._submit([[case] for case in part])
                return
            outcomes = [_lost(part[0], f"{type(error).__name__}: {error}")]
        future.release()
        self._keep(outcomes)

    def _keep(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self._found[outcome.case] = outcome
            if self._told is not None:
                self._told(outcome)

    def _alive(self) -> int:
        return len(self._client.scheduler_info(n_workers=-1)["workers"])

    def _revive(self) -> None:
        """A worker whose restart failed is not started again by itself."""
        if self._client.cluster is not None and self._alive() < self._workers:
            self._client.cluster.scale(self._workers)

    def _give_up(self) -> None:
        for future, part in self._waiting.items():
            future.cancel()
            self._keep([_lost(case, f"no worker is left since {GIVE_UP_S} s") for case in part])
        self._waiting.clear()


def _lost(case: Case, why: str) -> Outcome:
    name = "+".join(name for name, _ in case.faults)
    outcome = Outcome(str(case), name, case.phase, case.pen, 0.0)
    outcome.violations.append(f"no result: {why}")
    return outcome
