"""A mechanical contact that bounces: opening and closing are a burst of changes before it settles."""

import random

BOUNCE_NS = 3_000_000  # small tactile switches settle within 1-5 ms


class Contact:
    """One contact; `closed` is its state now. `move` gives the changes to come, which the world applies."""

    def __init__(self, rng: random.Random, closed: bool = False):
        self._rng = rng
        self.closed = closed

    def move(self, closed: bool, t_ns: int) -> list[tuple[int, bool]]:
        """The (time, state) changes of going to `closed` at `t_ns`: an odd number of flips, the last one final."""
        flips = 2 * self._rng.randrange(0, 4)
        times = sorted(t_ns + self._rng.randrange(1, BOUNCE_NS) for _ in range(flips))
        states = [closed] + [not closed if i % 2 == 0 else closed for i in range(flips)]
        return list(zip([t_ns, *times], states, strict=True))
