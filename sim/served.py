"""`pen sim` as a process of its own, on any tier, its hands at the other end of a socket: for tests and benchmarks."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.controls import OTHER_LETTERS

TIMEOUT_S = 60  # a busy machine; nothing is decided by it
SERVICE_S = 600  # an emulated pen on one


class Hands:
    """Lines for the hands of a served pen, each with what they say to it."""

    def __init__(self, url: str):
        host, _, port = url.removeprefix("socket://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=TIMEOUT_S)
        self._lines = self._socket.makefile("rw", encoding="utf-8", newline="\n")

    def __call__(self, line: str) -> str:
        self._lines.write(line + "\n")
        self._lines.flush()
        return self._lines.readline().rstrip("\n")

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


class Served:
    """A pen that is served: `port` to open, `hands` to act on it."""

    def __init__(self, process: subprocess.Popen[str], port: str, hands: Hands):
        self.process, self.port, self.hands = process, port, hands

    def into_service(self) -> None:
        """Switched off, and on again with SELECT held until the display says so: a prompt alone may be MicroPython's
        own, which whoever asks for one in the first moment of a start gets. TimeoutError if that never comes."""
        do = self.hands
        do("hold select")
        do("power off")
        _await(lambda: ", off," in do("status"))
        do("power on")
        _await(lambda: do("panel") == OTHER_LETTERS)  # the page of service mode
        do("release select")


def _await(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SERVICE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the pen did not come into service mode")
        time.sleep(0.5)


@contextmanager
def serve(*arguments: str, port: str | None = "socket://127.0.0.1:0", link: Path | None = None) -> Iterator[Served]:
    """`pen sim` with these arguments; at a pty if `port` is None, with a link to it if there is to be one.

    RuntimeError with what it said if it ended instead.
    """
    at = ["--link", str(link)] if link else ["--port", port] if port else []
    command = [sys.executable, "-m", "pen.cli", "sim", *arguments, *at, "--control", "socket://127.0.0.1:0", "--json"]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    hands = None
    try:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(process.stderr.read())
        where = json.loads(line)
        hands = Hands(where["control"])
        yield Served(process, where["port"], hands)
    finally:
        if hands is not None:
            hands.close()
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)
