"""A simulated pen in real time, for clients: its USB port as a pty or a TCP port, and lines that are hands.

The world is paced by the wall clock and never runs ahead of it. Where the machine is too slow for that the pen falls
behind and does not hurry afterwards: to a client it is a pen whose time passes more slowly. `behind_s` says how much.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable

from sim.controls import ControlError, Controls
from sim.hostport import HostPort, SocketPort
from sim.live import LivePen
from sim.scenario import Scenario

AHEAD_S = 0.002  # the wall clock is looked at when the world is so far ahead
READY_S = 0.1
BEHIND_MAX_S = 0.25  # what it may catch up: a pause of the machine, no more
LINE_MAX = 1000

Say = Callable[[str], None]


class Server:
    """Serves one pen. `run` returns after `stop`, or when somebody typed `quit`."""

    def __init__(
        self, scenario: Scenario, port: HostPort, say: Say, ready: Callable[[], None], *, tier: str = "cpython",
        play: bool = False, typed: int | None = None, control: SocketPort | None = None,
    ):
        """`say` gets what the hands have to say; `ready` is called when the pen takes clients, and when its port is
        another one after a restart.

        `typed` is a file descriptor whose lines are acts of the hands, `control` a port for the same.
        """
        self.pen = LivePen(scenario, tier, self._pace, play=play)
        self.port = port
        self.behind_s = 0.0
        self._say = say
        self._ready = ready
        self._announced = False
        self._controls = Controls(self.pen)
        self._typed, self._line = typed, bytearray()
        self._control, self._asked = control, bytearray()
        self._on_usb = True
        self._life = 1
        self._stopped = False
        self._clock_s: float | None = None  # the wall clock's reading at the world's beginning

    def run(self) -> None:
        """Serve until stopped. Raises only if the simulator or the interpreter itself fails."""
        try:
            self.pen.run()
        finally:
            self.port.close()
            if self._control is not None:
                self._control.close()

    def stop(self) -> None:
        """From another thread or a signal: end soon."""
        self._stopped = True

    # -- at each tick of the world -------------------------------------------------------------------

    def _pace(self) -> None:
        if self._stopped:
            self.pen.stop()
            return
        self._exchange()
        now_s = self.pen.world.now_ns / 1e9
        if now_s < READY_S:  # the first look at the plant may have to compile it
            return
        if not self._announced:
            self._announced = True
            self._ready()
        if self._clock_s is None:
            self._clock_s = time.monotonic() - now_s
        ahead_s = now_s - (time.monotonic() - self._clock_s)
        if ahead_s < -BEHIND_MAX_S:
            self.behind_s -= ahead_s
            self._clock_s -= ahead_s
        while ahead_s > AHEAD_S and not self._stopped:
            self._wait(ahead_s)
            self._exchange()
            ahead_s = now_s - (time.monotonic() - self._clock_s)

    def _wait(self, seconds: float) -> None:
        """Until a byte comes from somewhere, or the time is over."""
        ready, _, _ = select.select(self._inputs(), self._outputs(), [], seconds)
        if self._typed in ready:
            self._read_typed()

    def _inputs(self) -> list[object]:
        found: list[object] = [] if self._typed is None else [self._typed]
        for port in (self.port, self._control):
            if port is not None:
                found += port.inputs()
        return found

    def _outputs(self) -> list[object]:
        return [] if self.port.idle else [self.port]

    def _exchange(self) -> None:
        """Bytes between the client and the chip's USB port, and whatever the hands are told."""
        pen, usb = self.pen, self.pen.world.usb
        there = pen.on_usb and pen.lives == self._life
        if there != self._on_usb:
            self._cable(there)
        self._life = pen.lives
        if there:
            usb.attached = True
            data = b"" if usb.unsent() else self.port.read()
            usb.connected = bool(data) or self.port.connected  # one that wrote and left was there
            usb.to_pen(data)
            self.port.flush()
            if self.port.idle and (data := usb.from_pen()):
                self.port.write(data)
        if self._control is not None:
            self._asked += self._control.read()
            self._answer_control()

    def _cable(self, there: bool) -> None:
        """The pen appeared on the bus or left it, as it does at every restart."""
        self._on_usb = there
        if there:
            before = self.port.name
            self.port.plug()
            if self.port.name != before:
                self._ready()
        else:
            self.pen.world.usb.unplug()
            self.port.unplug()

    # -- hands ---------------------------------------------------------------------------------------

    def _read_typed(self) -> None:
        assert self._typed is not None
        data = os.read(self._typed, LINE_MAX)
        if not data:
            self._typed = None  # nobody types any more
            return
        self._line += data
        for line in _lines(self._line):
            if said := self._do(line):
                self._say(said)

    def _answer_control(self) -> None:
        assert self._control is not None
        for line in _lines(self._asked):
            self._control.write((self._do(line).replace("\n", " | ") + "\n").encode())

    def _do(self, line: str) -> str:
        try:
            return self._controls.do(line)
        except ControlError as error:
            return f"error: {error}"


def _lines(buffer: bytearray) -> list[str]:
    """Whole lines, taken out of what has come; a line without end is dropped."""
    *whole, rest = bytes(buffer).split(b"\n")
    buffer[:] = rest if len(rest) <= LINE_MAX else b""
    return [line.decode("utf-8", "replace").strip() for line in whole]
