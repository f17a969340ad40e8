"""The pages of a session while it runs: its numbers, and how fast to glide.

The session page is drawn once; after that only what changed. While strokes run that is one number at a time, and
allocates nothing.
"""

from array import array

import buttons
import depth
import faults
import journal
import pages
import safety
import treatment
from micropython import const
from pages import LOW_HZ, direction, mm

# The numbers of the session page
_LAST = const(0)  # achieved, by the stroke before
_STROKES = const(1)
_LEFT = const(2)  # of the session's time
_DEPTH = const(3)
_MOST = const(4)
_NUMBERS = const(6)  # and the rate
_NOT_DRAWN = const(-2)
_BLANK = const(-1)

_STATE_WORDS = {safety.READY: "READY", safety.RUNNING: "  RUN", safety.STOPPING: "  RUN"}
_BOUND_BY = ("by zone", "by indic", "by cartr", "by calib", "by pen", "by clin")
_HEAT = ("    ", "WARM", "SLOW")


class RunPages:
    """Pages SESSION and GLIDE. `panel` says, sounds and refuses; `pen` is whose session it is."""

    def __init__(self, panel, pen, screen):
        self._panel = panel
        self._pen = pen
        self._screen = screen
        self._state_shown = -1
        self._editing_rate = False
        self._heat_shown = 0
        self._glide_um_s = 0
        self._glide_depth_um = -1
        self._glide_drawn = -1
        self._shown = array("i", [_NOT_DRAWN] * _NUMBERS)
        self._next = 0
        self._glide_session = 0  # the session whose first glide limit was looked at
        self._glide_open = False

    def glide_to_read(self) -> bool:
        """A session has just been opened whose strokes drag at the usual glide, and nobody has read it."""
        session = self._pen.journal.session
        if self._glide_session != session:
            self._glide_session = session
            self._glide_depth_um = -1
            self._look_at_glide()
            self._glide_open = self._glide_um_s < treatment.GLIDE_USUAL_UM_S
        return self._glide_open

    def enter(self, page):
        if page == pages.SESSION:
            self._editing_rate = False
            self._draw_session()
        elif page == pages.GLIDE:
            self._panel.sound(LOW_HZ, 400)

    def draw(self, page):
        """Draw what changed."""
        if page == pages.SESSION:
            self._session_numbers()
            self._show_heat()
        elif page == pages.GLIDE:
            self._panel.draw_if(0, self._draw_glide)

    def press(self, page, keys):
        """Act on what was pressed."""
        if page == pages.SESSION:
            self._adjust(keys)
        elif keys.select == buttons.PRESS:
            if self._pen.safety.pressed:
                self._panel.say(faults.REFUSALS[faults.REFUSED_PAGE])
            else:
                self._glide_open = False

    # -- the session page: drawn once, then only its numbers --------------------------------------------

    def _draw_session(self):
        deed = self._pen.treatment
        screen = self._screen
        screen.line(0, depth.zone(deed.zone).label, True)
        screen.text(3, 10, "mm")
        screen.text(1, 13, "max")
        screen.text(2, 13, _BOUND_BY[deed.limits.reason()])
        screen.text(3, 19, "Hz")
        self._glide_drawn = -1
        for which in range(_NUMBERS):
            self._shown[which] = _NOT_DRAWN
        screen.text(5, 0, "Last")
        screen.text(5, 14, "Strokes")
        screen.text(6, 0, "Left")
        screen.text(6, 7, ":")
        self._state_shown = -1
        self._heat_shown = 0
        self._hint()

    def _hint(self):
        self._screen.line(7, "UP/DN rate  SEL depth" if self._editing_rate else "UP/DN depth SEL rate")

    def _session_numbers(self):
        pen = self._pen
        screen = self._screen
        if pen.safety.state != self._state_shown:
            self._state_shown = pen.safety.state
            screen.text(0, 16, _STATE_WORDS.get(self._state_shown, " STOP"), True)
        self._look_at_glide()
        if self._glide_um_s != self._glide_drawn:
            self._glide_drawn = self._glide_um_s
            slow = self._glide_um_s < treatment.GLIDE_USUAL_UM_S
            screen.line(4, "Glide under    mm/s", slow)
            screen.number(4, 12, self._glide_um_s // 1000, 2, 0, slow)
        moving = pen.motor.armed()
        shown = self._shown
        for _ in range(_NUMBERS):
            which = self._next
            self._next = which + 1 if which + 1 < _NUMBERS else 0
            value = self._value(which)
            if value != shown[which]:
                shown[which] = value
                self._draw_number(which, value)
                if moving:
                    break  # all of them take the chip 8 ms, and late looks at the needles add up to a fault
        if not self._panel.message_on and self._panel.take_stale():
            self._hint()

    def _value(self, which):
        """What a number of the page shows, in the unit of its last place."""
        pen = self._pen
        deed = pen.treatment
        if which == _LAST:
            return max(0, pen.motor.achieved_um()) // 10 if deed.strokes else _BLANK
        if which == _STROKES:
            return deed.strokes
        if which == _LEFT:
            return deed.left_ms(self._panel.now_ms) // 1000
        if which == _DEPTH:
            return deed.depth_um // 10
        return deed.limits.max_um // 10 if which == _MOST else deed.rate_mhz // 100

    def _draw_number(self, which, value):
        screen = self._screen
        if which == _LAST:
            if value != _BLANK:
                screen.number(5, 5, value, 4, 2)
        elif which == _STROKES:
            screen.number(6, 14, value, 7)
        elif which == _LEFT:
            screen.number(6, 5, value // 60, 2)
            screen.number(6, 8, value % 60 // 10, 1)
            screen.number(6, 9, value % 10, 1)
        elif which == _DEPTH:
            screen.big_number(1, 0, value, 4, 2, 3)
        elif which == _MOST:
            screen.number(1, 17, value, 4, 2)
        else:
            screen.number(3, 14, value, 4, 1)

    def _look_at_glide(self):
        """The glide limit of the depth in force; worked out once a depth, and depths change at rest only."""
        depth_um = self._pen.treatment.depth_um
        if depth_um != self._glide_depth_um:
            self._glide_depth_um = depth_um
            self._glide_um_s = self._pen.glide_um_s()

    def _draw_glide(self):
        screen = self._screen
        screen.heading("GLIDE SLOWLY")
        screen.line(2, "Under %d mm/s at" % (self._glide_um_s // 1000))
        screen.line(3, "%s mm, or the" % mm(self._pen.treatment.depth_um))
        screen.line(4, "needles drag.")
        screen.line(7, "SEL: understood")

    def _show_heat(self):
        """Warm is said once and stays on the page, and so does that the rate was lowered for it."""
        temp_dc = self._pen.readings.temp_dc
        heat = 2 if temp_dc >= safety.DERATE_DC else 1 if temp_dc >= safety.WARN_DC else 0
        if heat == self._heat_shown:
            return
        if heat > self._heat_shown:
            self._panel.say("Motor hot: slowed" if heat == 2 else "Motor getting warm", ">")
            self._panel.sound(LOW_HZ, 200)
        self._heat_shown = heat
        self._screen.text(5, 10, _HEAT[heat], heat > 0)

    def _adjust(self, keys):
        pen = self._pen
        deed = pen.treatment
        step = direction(keys)
        if step and self._editing_rate:
            answer = deed.change_rate(step, pen.motor.stroke_us(deed.depth_um), False)
        elif step:
            answer = deed.change_depth(step, False)
        elif keys.select == buttons.LONG:
            pen.end_session(journal.USER)
            return
        else:
            self._editing_rate = not self._editing_rate
            self._panel.hush()
            return
        if answer != treatment.ACCEPTED:
            self._panel.refuse(answer)
            return
        self._panel.hush()
        pen.pace.settle_rate()
        before_um_s = self._glide_um_s
        self._look_at_glide()
        if self._glide_um_s < treatment.GLIDE_USUAL_UM_S <= before_um_s:
            self._panel.say("Glide under %d mm/s" % (self._glide_um_s // 1000), ">")
            self._panel.sound(LOW_HZ, 400)
        elif deed.rate_mhz < deed.asked_rate_mhz:
            self._panel.say("Depth limits rate", ">")
