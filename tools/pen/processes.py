"""Work on all cores: processes of this one, which send what they find and need nothing but `fork`."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

DEAD_S = 2.0  # what a process has sent before it died has arrived by then
POLL_S = 0.2

Put = Callable[[Any], None]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_processes(workers: int, work: Callable[[int, Put], object], heard: Callable[[Any], None]) -> bool:
    """Run `work(i, put)` in so many processes; `heard` gets all that they put. False if one died before its end.

    Ctrl-C, or a signal to end, ends the work: what was put is heard, and the answer is False.
    """
    context = multiprocessing.get_context("fork")
    results: Any = context.Queue()
    processes = [context.Process(target=_run, args=(work, i, results), daemon=True) for i in range(workers)]
    for process in processes:
        process.start()
    try:
        with _ending_as_interrupt():
            done = _hear(processes, results, heard)
    except KeyboardInterrupt:
        for process in processes:
            process.terminate()
        done = 0
    for process in processes:
        process.join(DEAD_S)
    return done == workers


def _hear(processes: list[Any], results: Any, heard: Callable[[Any], None]) -> int:
    """Hear all; how many processes came to their end."""
    done, dead_since = 0, None
    while done < len(processes):
        try:
            kind, found = results.get(timeout=POLL_S)
        except queue.Empty:
            if sum(process.is_alive() for process in processes) + done >= len(processes):
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
    return done


@contextlib.contextmanager
def _ending_as_interrupt() -> Iterator[None]:
    """A signal to end is a Ctrl-C, where signals are heard at all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(work: Callable[[int, Put], object], i: int, results: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C goes to all; the first process ends the others
    work(i, lambda found: results.put(("found", found)))
    results.put(("done", i))
