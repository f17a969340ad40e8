"""Inputs that are decided only when the core looks at them, so that every class of reading is tried and no more.

A call is run once for each way its looks can turn out. A figure starts as its whole range and is cut in two by
each comparison that could go either way; a contact is 0 or 1; a timer is under its threshold or has reached
it. What a call does not look at cannot have changed it: that is the whole abstraction of readings, and the
code itself makes it. A use that has no such classes (arithmetic on a reading, a timer held against another
threshold) is refused with `NoClasses`.
"""

from __future__ import annotations

from collections.abc import Iterator

BITS = ("trigger_no", "trigger_nc", "interlock", "power_ok", "home", "drive_on")
# what a figure can be at all, and what it is in a healthy pen at rest
FIGURES = {
    "temp_dc": (-32768, 32767, 250), "battery_mv": (0, 32767, 7800), "rail_mv": (0, 32767, 12000),
    "extension_um": (-4000, 4000, -120)}  # fmt: skip
HEALTHY = {
    "trigger_no": 0, "trigger_nc": 1, "interlock": 1, "power_ok": 1, "home": 1, "drive_on": 0,
    "calibrated": 1, "cartridge_ok": 1, "time_up": 0, "to_read": 0, "gauge_tip": 0,
    "technician": 0} | {name: row[2] for name, row in FIGURES.items()}  # fmt: skip
WORST = {
    "trigger_no": 0, "trigger_nc": 1, "interlock": 0, "power_ok": 0, "home": 0, "drive_on": 0,
    "calibrated": 0, "cartridge_ok": 0, "time_up": 1, "to_read": 1, "gauge_tip": 0, "technician": 0,
    "temp_dc": 1500, "battery_mv": 0, "rail_mv": 0,
    "extension_um": 4000}  # fmt: skip
HELD = {"trigger_no": 1, "trigger_nc": 0}
# what an input that was not looked at may be, the harmless first
UNSEEN = (HEALTHY, HEALTHY | HELD, WORST, WORST | HELD)


class NoClasses(Exception):
    """The core uses an input in a way that the checker cannot split into classes."""


class Chooser:
    """Walks the tree of one call's choices, depth first; `pick` is asked at each fork."""

    def __init__(self) -> None:
        self._script: list[list[int]] = []
        self._at = 0

    def runs(self) -> Iterator[None]:
        """Once for each way through; the caller starts from the same state each time."""
        script = self._script
        script.clear()
        while True:
            self._at = 0
            yield
            while script and script[-1][0] + 1 == script[-1][1]:
                script.pop()
            if not script:
                return
            script[-1][0] += 1

    def pick(self, options: int) -> int:
        """0 .. options - 1: another one each time the walk comes by again."""
        at = self._at
        self._at = at + 1
        if at == len(self._script):
            self._script.append([0, options])
            return 0
        return self._script[at][0]

    def script(self) -> tuple[int, ...]:
        """The choices of the present run, to make it once more."""
        return tuple([row[0] for row in self._script])

    def again(self, script: tuple[int, ...]) -> None:
        """The next run takes these choices."""
        self._script[:] = [[index, index + 1] for index in script]
        self._at = 0


class Figure:
    """An integer reading known to lie in lo .. hi; a comparison that could go either way makes a choice."""

    __slots__ = ("_chooser", "_usual", "hi", "lo")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, chooser: Chooser, lo: int, hi: int, usual: int = 0):
        self._chooser = chooser
        self._usual = usual  # the side that this value lies on is tried first
        self.lo = lo
        self.hi = hi

    def __ge__(self, other: int) -> bool:
        if self.lo >= other:
            return True
        if self.hi < other:
            return False
        if (self._chooser.pick(2) == 0) == (self._usual >= other):
            self.lo = other
            return True
        self.hi = other - 1
        return False

    def __gt__(self, other: int) -> bool:
        return self >= other + 1

    def __lt__(self, other: int) -> bool:
        return not self >= other

    def __le__(self, other: int) -> bool:
        return not self >= other + 1

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, int):
            raise NoClasses("a reading is compared with something that is no integer")
        return self >= other and not self >= other + 1

    def __bool__(self) -> bool:
        return self != 0

    def _no_classes(self, *_: object):
        raise NoClasses("the core calculates with a reading; the checker only knows comparisons with constants")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = __index__ = _no_classes  # type: ignore
    __floordiv__ = __rfloordiv__ = __mod__ = __and__ = __rand__ = __rshift__ = __abs__ = _no_classes  # type: ignore


class Inputs:
    """What the core looked at in this run: `seen` by name, an int for a contact or a flag, else a Figure."""

    def __init__(self, chooser: Chooser):
        self.chooser = chooser
        self.seen: dict[str, int | Figure] = {}
        self.preset: dict[str, int] = {}  # inputs that are not left to choice

    def bit(self, name: str) -> int:
        seen = self.seen
        if name not in seen:
            if name in self.preset:
                seen[name] = self.preset[name]
            else:  # the healthy value first, so that of paths as short the plainest is found
                first = 1 - seen["trigger_no"] if name == "trigger_nc" and "trigger_no" in seen else HEALTHY[name]
                seen[name] = self.chooser.pick(2) ^ first
        return seen[name]  # type: ignore[return-value]

    def figure(self, name: str) -> Figure:
        seen = self.seen
        if name not in seen:
            seen[name] = Figure(self.chooser, *FIGURES[name])
        return seen[name]  # type: ignore[return-value]

    def range(self, name: str) -> tuple[int, int]:
        """What the run allows this input to be; its whole range if the run did not look."""
        value = self.seen.get(name)
        if value is None:
            return FIGURES[name][:2] if name in FIGURES else (0, 1)
        return (value.lo, value.hi) if isinstance(value, Figure) else (value, value)

    def healthy(self) -> bool:
        """All that was seen can be as in a healthy pen, with the trigger cleanly held or cleanly released."""
        for name in self.seen:
            if name == "trigger_no" or name == "trigger_nc":
                continue
            lo, hi = self.range(name)
            if not lo <= HEALTHY[name] <= hi:
                return False
        return not ("trigger_nc" in self.seen and self.seen["trigger_no"] == self.seen["trigger_nc"])

    def values(self, unseen: dict[str, int], worst: bool = False) -> dict[str, int]:
        """One value for each input: healthy where that is allowed, else the nearest, which is at the boundary.

        `unseen` are the values of what was not looked at. `worst`: the end of what is allowed that is further
        from healthy.
        """
        found = dict(unseen)
        for name in self.seen:
            lo, hi = self.range(name)
            healthy = HEALTHY[name]
            found[name] = min(hi, max(lo, healthy))
            if worst:
                found[name] = lo if healthy - lo > hi - healthy else hi
        return found


def _bit(name: str) -> property:
    return property(lambda self: self.inputs.bit(name))


def _figure(name: str) -> property:
    return property(lambda self: self.inputs.figure(name))


class Senses:
    """Stands where the core expects its `Readings`."""

    def __init__(self, inputs: Inputs):
        self.inputs = inputs


for _name in BITS:
    setattr(Senses, _name, _bit(_name))
for _name in FIGURES:
    setattr(Senses, _name, _figure(_name))
