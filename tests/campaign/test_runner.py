"""The campaign on Dask workers: the same results as here, and a worker that dies costs none."""

import os
import signal
import threading

import pytest
from distributed import Client, LocalCluster

from pen import campaign_runner
from pen.campaign_runner import ClusterError, cluster_at, local_cluster, run_cases
from sim.campaign.cases import parse, singles
from sim.campaign.verdict import run_case

CASES = [case for case in singles() if case.faults[0][0] in ("jam", "cpu_hang")][::29]
LOOPBACK = "tcp://127.0.0.1:{}"


def facts(outcomes):
    return [{**outcome.as_dict(), "wall_s": 0} for outcome in outcomes]


@pytest.fixture(scope="module")
def here():
    return facts(run_case(case) for case in CASES)


def test_a_dying_worker_loses_no_result(here):
    """Killed outright, in the middle of its work: nothing is missing, and nothing is different."""
    told, killed = [], []
    with local_cluster(2) as client:
        workers = client.run(os.getpid)
        assert len(workers) == 2 and os.getpid() not in workers.values()

        def tell(outcome):
            told.append(outcome.case)
            if not killed:
                killed.append(next(iter(workers.values())))
                os.kill(killed[0], signal.SIGKILL)

        outcomes = run_cases(client, CASES, tell, batch=2)
    assert killed
    assert sorted(told) == sorted(str(case) for case in CASES)
    assert facts(outcomes) == here


def test_a_case_that_kills_its_workers_is_a_failure_and_costs_no_other(here, monkeypatch):
    poison = str(CASES[1])

    def deadly(ids):
        if poison in ids:
            os.kill(os.getpid(), signal.SIGKILL)
        return [run_case(parse(text)) for text in ids]

    monkeypatch.setattr(campaign_runner, "run_batch", deadly)
    with local_cluster(1) as client:
        outcomes = run_cases(client, CASES[:3], batch=1)
    assert [bool(outcome.violations) for outcome in outcomes] == [False, True, False]
    assert facts([outcomes[0], outcomes[2]]) == [here[0], here[2]]
    assert outcomes[1].violations[0].startswith("no result: KilledWorker")


def test_without_any_worker_each_case_says_so(monkeypatch):
    monkeypatch.setattr(campaign_runner, "GIVE_UP_S", 0.5)
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster, \
            Client(cluster) as client:
        outcomes = run_cases(client, CASES[:3], batch=2)
    assert [outcome.case for outcome in outcomes] == [str(case) for case in CASES[:3]]
    assert {outcome.violations[0] for outcome in outcomes} == {"no result: no worker is left since 0.5 s"}


def test_a_cluster_by_its_address(here):
    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        with cluster_at(cluster.scheduler_address) as client:
            assert facts(run_cases(client, CASES[:2])) == here[:2]
        with Client(cluster) as client:
            client.run(_pretend_to_be_older)
        with pytest.raises(ClusterError, match="1 of 1 workers run other sources"), \
                cluster_at(cluster.scheduler_address):
            pass


def _pretend_to_be_older():
    from pen import campaign_runner as there

    there.sources_digest.__code__ = (lambda: "0123456789abcdef").__code__


def test_a_cluster_without_workers_says_so():
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster, \
            pytest.raises(ClusterError, match="has no workers"), cluster_at(cluster.scheduler_address):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://here"])
def test_no_cluster_at_an_address_says_so(address, monkeypatch):
    monkeypatch.setattr(campaign_runner, "ANSWER_S", 1)
    with pytest.raises(ClusterError, match="no Dask scheduler answers at"), cluster_at(address):
        pass


def test_the_tests_leave_no_thread_of_a_cluster_behind():
    assert not [thread for thread in threading.enumerate() if "Worker" in thread.name]
