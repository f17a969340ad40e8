"""A mechanical contact that bounces: opening and closing are a burst of changes before it settles."""

import random

BOUNCE_NS = 3_000_000  # small tactile switches settle within 1-5 ms
LONGEST_BOUNCE_MS = 20  # a worn one


class Contact:
    """One contact; `closed` is its state now. `move` gives the changes to come, which the world applies."""

    def __init__(self, rng: random.Random, closed: bool = False):
        self._rng = rng
        self.closed = closed

    def move(self, closed: bool, t_ns: int, bounce_ns: int = BOUNCE_NS) -> list[tuple[int, bool]]:
        """The (time, state) changes of going to `closed` at `t_ns`: an odd number of flips, the last one final."""
        flips = 2 * self._rng.randrange(0, 4)
        if bounce_ns > BOUNCE_NS:
            return [(t_ns, closed), *chatter(self._rng, closed, t_ns, bounce_ns)]
        times = sorted(t_ns + self._rng.randrange(1, bounce_ns) for _ in range(flips)) if bounce_ns > 1 else []
        states = [closed] + [not closed if i % 2 == 0 else closed for i in range(len(times))]
        return list(zip([t_ns, *times], states, strict=True))


def chatter(rng: random.Random, closed: bool, t_ns: int, bounce_ns: int) -> list[tuple[int, bool]]:
    """Changes of a contact that has just gone to `closed` and leaves it again and again; the last one is final."""
    times = sorted(t_ns + rng.randrange(1, bounce_ns) for _ in range(2 * rng.randrange(1, 12)))
    return [(at_ns, not closed if i % 2 == 0 else closed) for i, at_ns in enumerate(times)]
