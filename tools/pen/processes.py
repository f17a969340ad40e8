"""Work on all cores: processes of this one, which send what they find and need nothing but `fork`."""

from __future__ import annotations

import multiprocessing
import os
import queue
import time
from collections.abc import Callable
from typing import Any

DEAD_S = 2.0  # what a process has sent before it died has arrived by then
POLL_S = 0.2

Put = Callable[[Any], None]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_processes(workers: int, work: Callable[[int, Put], object], heard: Callable[[Any], None]) -> bool:
    """Run `work(i, put)` in so many processes; `heard` gets all that they put. False if one died before its end."""
    context = multiprocessing.get_context("fork")
    results: Any = context.Queue()
    processes = [context.Process(target=_run, args=(work, i, results), daemon=True) for i in range(workers)]
    for process in processes:
        process.start()
    done, dead_since = 0, None
    while done < workers:
        try:
            kind, found = results.get(timeout=POLL_S)
        except queue.Empty:
            if sum(process.is_alive() for process in processes) + done >= workers:
                dead_since = None
                continue
            dead_since = dead_since or time.monotonic()
            if time.monotonic() - dead_since > DEAD_S and not any(process.is_alive() for process in processes):
                break
            continue
        if kind == "done":
            done += 1
        else:
            heard(found)
    for process in processes:
        process.join(DEAD_S)
    return done == workers


def _run(work: Callable[[int, Put], object], i: int, results: Any) -> None:
    work(i, lambda found: results.put(("found", found)))
    results.put(("done", i))
