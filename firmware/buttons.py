"""SELECT, UP and DOWN: from bouncing contacts to presses, repeats and long presses. Pure.

Invariants: a level counts once there is evidence for it (`inputs`, row button); a button held since before the
first feed is silent until it has been let go; one feed gives at most one event a button, so that a late
caller gets no burst. Times are 30-bit milliseconds that wrap. Nothing here allocates after construction.
"""

import inputs
import ticks
from inputs import Evidence
from micropython import const

LONG_MS = const(800)
REPEAT_AFTER_MS = const(400)

# Events
NONE = const(0)
PRESS = const(1)
REPEAT = const(2)
LONG = const(3)

# Gaps between repeats: the first four come slowly enough to stop at any one, from the twelfth on it runs
_SLOW_MS = const(200)
_MIDDLE_MS = const(100)
_FAST_MS = const(50)
_SLOW_REPEATS = const(4)
_MIDDLE_REPEATS = const(12)


class Button:
    """One contact. With `long_press` PRESS comes when it is let go in time, else LONG while still held.

    Without it PRESS comes when it closes, then REPEAT after REPEAT_AFTER_MS, faster the longer it is held.
    `held` is the debounced level.
    """

    def __init__(self, long_press: bool = False):
        self._long_press = long_press
        self._started = False
        self._due_ms = 0  # of the next REPEAT, or of LONG
        self._repeats = 0
        self._armed = False  # held, and something is still to come of it
        self.held = False
        self.doubt = Evidence(inputs.BUTTON_READINGS, inputs.BUTTON_MS)  # of the level that is held

    def feed(self, pressed: bool, now_ms: int) -> int:
        """Take the contact's level (True: closed) at `now_ms`; NONE, PRESS, REPEAT or LONG.

        Feed more often while `doubt` counts: a gap starts it anew, and bounces between two feeds are not seen.
        """
        if not self._started:
            self._started = True
            self.held = pressed
            return NONE
        if self.doubt.enough(pressed != self.held, now_ms):
            self.doubt.count = 0
            self.held = pressed
            return self._closed(now_ms) if pressed else self._opened()
        if self._armed and self.held and ticks.diff(now_ms, self._due_ms) >= 0:
            return self._due(now_ms)
        return NONE

    def mute(self):
        """Nothing comes of the press that is under way; the next one counts again."""
        self._armed = False

    def _closed(self, now_ms) -> int:
        self._armed = True
        self._repeats = 0
        self._due_ms = ticks.add(now_ms, LONG_MS if self._long_press else REPEAT_AFTER_MS)
        return NONE if self._long_press else PRESS

    def _opened(self) -> int:
        pressed = self._armed and self._long_press
        self._armed = False
        return PRESS if pressed else NONE

    def _due(self, now_ms) -> int:
        if self._long_press:
            self._armed = False
            return LONG
        self._repeats += 1
        gap_ms = _FAST_MS
        if self._repeats < _SLOW_REPEATS:
            gap_ms = _SLOW_MS
        elif self._repeats < _MIDDLE_REPEATS:
            gap_ms = _MIDDLE_MS
        self._due_ms = ticks.add(now_ms, gap_ms)
        return REPEAT


class Buttons:
    """The pen's three. After a feed `select`, `up` and `down` hold the event of each (NONE mostly)."""

    def __init__(self, select_bit: int, up_bit: int, down_bit: int):
        """Numbers (0..29) of the buttons' bits in the word that is fed; a pressed contact reads 0."""
        for bit in (select_bit, up_bit, down_bit):
            if not 0 <= bit <= 29:
                raise ValueError(f"button at bit {bit}")
        self._select_mask = 1 << select_bit
        self._up_mask = 1 << up_bit
        self._down_mask = 1 << down_bit
        self.select_button = Button(True)
        self.up_button = Button()
        self.down_button = Button()
        self.select = NONE
        self.up = NONE
        self.down = NONE

    def feed(self, levels: int, now_ms: int) -> bool:
        """Take all contacts at `now_ms`; True when any event came of it."""
        self.select = self.select_button.feed(not levels & self._select_mask, now_ms)
        self.up = self.up_button.feed(not levels & self._up_mask, now_ms)
        self.down = self.down_button.feed(not levels & self._down_mask, now_ms)
        return self.select != NONE or self.up != NONE or self.down != NONE

    def doubtful(self) -> bool:
        """A contact was not as it is held to be, when last seen."""
        return self.select_button.doubt.count + self.up_button.doubt.count + self.down_button.doubt.count > 0
