"""The pages of a course: the client's number, digit by digit, and which sitting this is.

The number may be left out. It is shown again before each session, so that nobody treats under another's number.
"""

import buttons
import courses
import depth
import pages
from dates import BEHIND
from micropython import const
from pages import SHORT_HZ, direction

DIGITS = const(6)
_COLUMN = const(4)  # of the first digit


class ClientPages:
    """Pages CLIENT and COURSE."""

    def __init__(self, panel, pen, screen):
        self._panel = panel
        self._pen = pen
        self._screen = screen
        self._digits = bytearray(DIGITS)
        self._at = 0

    def enter(self, page):
        """The number in force is what is changed."""
        value = self._pen.courses.client
        for i in range(DIGITS):
            self._digits[DIGITS - 1 - i] = value % 10
            value //= 10
        self._at = 0

    def draw(self, page):
        """Draw what changed."""
        course = self._pen.courses
        if page == pages.CLIENT:
            self._panel.draw_if(self._number() * DIGITS + self._at, self._draw_client)
        else:
            self._panel.draw_if(1 if course.ready else 0, self._draw_course)

    def press(self, page, keys):
        """Act on what was pressed."""
        if page == pages.CLIENT:
            self._press_client(keys)
        elif keys.select == buttons.PRESS:
            self._pen.courses.shown = self._pen.courses.ready
        elif keys.down == buttons.PRESS:
            self._pen.treatment.back()

    def _number(self):
        value = 0
        for digit in self._digits:
            value = value * 10 + digit
        return value

    def _press_client(self, keys):
        course = self._pen.courses
        step = direction(keys)
        if step:
            self._digits[self._at] = (self._digits[self._at] + step) % 10
        elif keys.select == buttons.PRESS:
            self._at += 1
            if self._at == DIGITS:
                self._take(self._number())
        elif keys.select == buttons.LONG:
            self._take(0)
        else:
            return
        if not course.entering:
            self._panel.sound(SHORT_HZ, 60)

    def _take(self, client):
        course = self._pen.courses
        course.client = client
        course.entering = False
        course.forget()
        self._at = 0

    def _draw_client(self):
        screen = self._screen
        screen.heading("CLIENT NUMBER")
        screen.line(1, "Given by the practice")
        screen.line(2, "Never a name")
        for i in range(DIGITS):
            screen.text(4, _COLUMN + 2 * i, chr(48 + self._digits[i]), i == self._at)
        screen.line(6, "Hold SEL: no number")
        screen.line(7, "UP DOWN     SEL: next")

    def _draw_course(self):
        screen = self._screen
        course = self._pen.courses
        screen.heading("COURSE", "%06d" % course.client)
        screen.line(1, depth.zone(self._pen.treatment.zone).label)
        if not course.ready:
            screen.line(3, "Looking...")
            return
        if not course.sitting:
            screen.line(2, "Sitting: cannot know,")
            behind = self._pen.dates.state() == BEHIND
            screen.line(3, "clock behind a record" if behind else "clock not set")
            screen.line(4, "Earlier ones: %d" % course.earlier)
        else:
            screen.line(2, "Sitting %d, usual %s" % (course.sitting, courses.USUAL))
            self._draw_gap(course)
        screen.line(6, "On this pen only")
        screen.line(7, "SEL: go on   DOWN: no")

    def _draw_gap(self, course):
        screen = self._screen
        if not course.earlier:
            screen.line(3, "No earlier one")
        elif course.gap_days < 0:
            screen.line(3, "Last: cannot know")
        else:
            screen.line(3, "Last %d days ago" % course.gap_days)
        if course.too_soon():
            screen.line(4, "UNDER 4 WEEKS", True)
            screen.line(5, "6-8 weeks advised")
