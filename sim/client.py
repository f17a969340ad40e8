"""A program at the other end of the pen's USB cable: it says lines, keeps the answers, and can flood the port.

Invariant: what it sends depends on the scenario's seed and on simulated time alone, so that every tier gets the same
bytes at the same moment.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from sim.space import shim

if TYPE_CHECKING:
    from sim.world import World

commands = shim("commands")

LOOK_NS = 2_000_000
AHEAD, AHEAD_REST = 768, 64  # bytes that wait at the pen's port in a flood: it is never idle
KEPT = 4096  # bytes of answers
VALUES = ("0", "1", "-1", "2500", "99999999999", "1e9", '"x"', '"' + "0" * 64 + '"', "cheek", "UP", "#15hello", "")


def scrap(rng: random.Random) -> bytes:
    """A piece of a flood: garbage, a command, a broken one, a line without an end, another's protocol."""
    header = rng.choice(commands.COMMANDS)[0].replace("[", "").replace("]", "")
    kind = rng.randrange(10)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 80))
    if kind == 1:
        return bytes(rng.choice(b' ;:,"\'?*#\r\n\t+-.0aZ') for _ in range(rng.randrange(1, 60)))
    if kind == 2:
        return header.encode() * rng.randrange(1, 30)
    if kind == 3:
        return b"\r\x03\x03\x01import machine; machine.reset()\x04" + bytes([3]) * rng.randrange(4)
    line = bytearray(f"{header} {rng.choice(VALUES)},{rng.choice(VALUES)}"[: rng.randrange(1, 60)].encode())
    if kind < 7:
        for _ in range(rng.randrange(4)):
            line[rng.randrange(len(line))] = rng.randrange(256)
    return bytes(line) + rng.choice((b"\n", b"\r\n", b"\r", b";", b""))


class Client:
    """One at a pen's port. It opens the port when it is first used, and reads what comes unless it floods unheard."""

    def __init__(self, world: World, seed: int):
        self._world = world
        self._random = random.Random(seed)
        self._came = bytearray()
        self._until_ns = 0
        self._reads = True
        self._looks = False

    def say(self, line: str) -> None:
        """Send a line; what came before is forgotten. A flood is over then, and its last line ended."""
        self._open()
        self._until_ns, self._reads = 0, True
        self._came.clear()
        self._world.usb.to_pen(b"\n" + line.encode() + b"\n")

    def heard(self, text: str) -> bool:
        """A whole line that came holds this text."""
        whole = bytes(self._came).rpartition(b"\n")[0].decode("latin-1")
        return any(text in line for line in whole.splitlines())

    def lines(self) -> list[str]:
        """What came since the last line that was said."""
        return bytes(self._came).decode("latin-1").splitlines()

    def flood(self, ms: int, reads: bool) -> None:
        """For so long keep the port full of scraps; without `reads` nothing that comes back is read."""
        self._open()
        self._until_ns, self._reads = self._world.now_ns + ms * 1_000_000, reads

    def _open(self) -> None:
        self._world.usb.connected = True
        if not self._looks:
            self._looks = True
            self._look()

    def _look(self) -> None:
        world, port = self._world, self._world.usb
        flooding = world.now_ns < self._until_ns
        if self._reads or not flooding:
            self._came += port.from_pen()
            del self._came[:-KEPT]
        ahead = AHEAD if world.driver.enable_n == 0 else AHEAD_REST
        while flooding and port.waiting() + port.unsent() < ahead:
            port.to_pen(scrap(self._random))
        world.after(LOOK_NS, self._look)
