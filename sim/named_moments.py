"""Moments that have a name: the pen enters a state, or begins to park.

The simulator knows a state by the entry that the pen's black box gets of it, at once and on every tier; a pen whose
record memory takes nothing has no named moments. Parking is a motion, no stroke, that begins while the pen is ready.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.space import shim

if TYPE_CHECKING:
    from sim.world import World

events, layout, safety = shim("events"), shim("layout"), shim("safety")
READY = safety.STATE_NAMES.index("ready")
RUNNING = safety.STATE_NAMES.index("running")
_BYTES = layout.EVENT_BYTES
_FROM, _TO = layout.EVENT_BASE, layout.EVENT_BASE + _BYTES * layout.EVENT_COUNT


class Moments:
    """Tells who waits for a moment that it has come. `state` is the one that was recorded last.

    `entries` is all of the black box since the start: time in ns, kind, a, b.
    """

    def __init__(self, world: World):
        self._world = world
        self._waiting: list[tuple[str, Callable[[], None]]] = []
        self.came: dict[str, int] = {}  # how often, by name
        self.state: int | None = None
        self.entries: list[tuple[int, int, int, int]] = []
        self.on_entry: list[Callable[[int, int, int], None]] = []  # (kind, a, b) of each
        world.fram.on_write = self._written

    def hear(self, name: str, nth: int, what: Callable[[], None]) -> None:
        """Do `what` when this has come so often, counted from the start of the run."""
        def came() -> None:
            if self.came[name] == nth:
                what()

        self._waiting.append((name, came))

    def moves(self) -> None:
        """A motion begins that is no stroke."""
        if self.state == READY:
            self._tell("parking")

    def _written(self, address: int, length: int) -> None:
        if not _FROM <= address < _TO or length != _BYTES:
            return
        entry = self._world.fram.peek(address, length)
        kind, a, b = entry[1], entry[2], int.from_bytes(entry[10:14], "little", signed=True)
        self.entries.append((self._world.now_ns, kind, a, b))
        if kind == events.STATE:
            self.state = a
        for hear in self.on_entry:
            hear(kind, a, b)
        if kind == events.STATE:
            self._tell(safety.STATE_NAMES[a])

    def _tell(self, name: str) -> None:
        self.came[name] = self.came.get(name, 0) + 1
        for waits_for, came in self._waiting:
            if waits_for == name:
                came()
