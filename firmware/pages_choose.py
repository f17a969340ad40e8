"""The pages on which a session is chosen: zone, indication, contraindications, confirmation, supervisor's code.

Nothing moves while they are shown; each press does one thing, and what is refused says why.
"""

import aftercare
import buttons
import depth
import pages
import supervisor
import treatment
from calibration import DUE_SOON, DUE_UNKNOWN
from heap import borrow
from micropython import const
from pages import LOW_HZ, SHORT_HZ, direction, draw_lines, mm

LIST_ROWS = const(6)
FIRST_ZONE = const(1)  # the shallowest that is allowed

# Refusals that need more than a word: a title and what to do
_NOTICES = {
    treatment.REFUSED_DUE: (
        "CANNOT START", ("Calibration past due.", "", "Have a technician", "calibrate the pen.")),
    treatment.REFUSED_NO_CODE: (
        "NOT UNLOCKED", ("No supervisor code", "set.", "", "A technician can set", "one.")),
    treatment.REFUSED_LOCKED: (
        "NOT UNLOCKED", ("Too many wrong codes.", "", "Switch the pen off", "and on again.")),
}


class ChoosePages:
    """Pages ZONE to CONFIRM, CODE and NOTICE. `panel` says, sounds and refuses; `pen` is what is chosen for.

    Something else needs the display: these are dropped, so a code begun is forgotten and a notice is no longer news.
    """

    def __init__(self, panel, pen, screen):
        self._panel = panel
        self._pen = pen
        self._screen = screen
        self._cursor = 0
        self._entering = False
        self._notice = 0

    def over(self, stage: int) -> int:
        """The page that lies over that of the stage, -1 for none."""
        if self._notice:
            return pages.NOTICE
        if self._entering and stage == treatment.CONFIRM:
            return pages.CODE
        return -1

    def enter(self, page):
        """Lists begin at their first row that may be chosen."""
        self._cursor = FIRST_ZONE if page == pages.ZONE else 0
        if page == pages.NOTICE:
            title, lines = _NOTICES[self._notice]
            self._screen.heading(title)
            draw_lines(self._screen, lines, 2)
            self._screen.line(7, "SEL: back")
        elif page == pages.CODE:
            self._screen.heading("SUPERVISOR CODE")
            self._screen.line(2, "%d presses of" % supervisor.CODE_PRESSES)
            self._screen.line(3, "UP, DOWN and SEL")

    def _refuse(self, answer):
        if answer in _NOTICES:
            self._notice = answer
            self._panel.sound(LOW_HZ, 200)
        else:
            self._panel.refuse(answer)

    def draw(self, page):
        """Draw what changed."""
        panel = self._panel
        deed = self._pen.treatment
        if page == pages.ZONE:
            panel.draw_if(self._cursor, self._draw_zones)
        elif page == pages.INDICATION:
            panel.draw_if(self._cursor, self._draw_indications)
        elif page == pages.QUESTION:
            panel.draw_if(deed.question, self._draw_question)
        elif page == pages.CODE:
            panel.draw_if(self._pen.session.code_count(), self._draw_code)
        elif page == pages.CONFIRM:
            panel.draw_if(1 if deed.supervised else 0, self._draw_confirm)

    def press(self, page, keys):
        """Act on what was pressed."""
        deed = self._pen.treatment
        if page == pages.ZONE:
            self._choose(keys, depth.ZONES, deed.choose_zone)
        elif page == pages.INDICATION:
            self._choose(keys, depth.INDICATIONS, deed.choose_indication)
        elif page == pages.QUESTION:
            self._answer(keys)
        elif page == pages.CONFIRM:
            self._confirm(keys)
        elif page == pages.CODE:
            self._enter_code(keys)
        elif keys.select == buttons.PRESS:
            self._notice = 0

    def _draw_list(self, title, table):
        self._screen.heading(title, "%d/%d" % (self._cursor + 1, len(table)))
        first = max(0, min(self._cursor - 2, len(table) - LIST_ROWS))
        for row in range(LIST_ROWS):
            i = first + row
            text = " " + table[i].label if i < len(table) else ""
            self._screen.line(row + 1, text, i == self._cursor)

    def _draw_zones(self):
        self._draw_list("ZONE", depth.ZONES)
        row = depth.ZONES[self._cursor]
        if depth.prohibited(self._cursor):
            self._screen.line(7, "PROHIBITED")
        else:
            self._screen.line(7, "max %s mm %d-%d Hz" % (
                mm(row.cap_um), row.rate_min_mhz // 1000, row.rate_max_mhz // 1000))
        self._panel.show_message()

    def _draw_indications(self):
        self._draw_list("INDICATION", depth.INDICATIONS)
        row = depth.INDICATIONS[self._cursor]
        self._screen.line(7, "%s-%s mm" % (mm(row.low_um), mm(row.high_um)))
        self._panel.show_message()

    def _draw_question(self):
        number = self._pen.treatment.question
        if number >= aftercare.QUESTION_PAGES:
            return
        self._screen.line(0, "DOES THIS APPLY %2d/%d" % (number + 1, aftercare.QUESTION_PAGES))
        draw_lines(self._screen, borrow("aftercare").QUESTIONS[number][1], 2)
        self._screen.line(7, "SEL: no      UP: yes")

    def _draw_confirm(self):
        deed = self._pen.treatment
        self._screen.heading("CONFIRM", self._due_text())
        self._screen.line(1, depth.zone(deed.zone).label)
        self._screen.line(2, depth.indication(deed.indication).label)
        self._screen.line(3, "Start  %s mm" % mm(deed.depth_um))
        self._screen.line(4, "Max    %s mm" % mm(deed.limits.max_um))
        self._screen.line(5, "by " + depth.LIMIT_LABELS[deed.limits.reason()])
        row = depth.zone(deed.zone)
        if deed.supervised:
            self._screen.line(6, "Supervisor unlocked")
        else:
            self._screen.line(6, "Hold SEL: supervisor" if row.supervised_cap_um > row.cap_um else "")
        self._screen.line(7, "SEL: start  DOWN: no")
        self._panel.show_message()

    def _choose(self, keys, table, choose):
        step = direction(keys)
        if step:
            self._cursor = max(0, min(len(table) - 1, self._cursor - step))
            self._panel.hush()
        elif keys.select == buttons.PRESS:
            answer = choose(self._cursor)
            if answer != treatment.ACCEPTED:
                self._refuse(answer)
            else:
                self._panel.sound(SHORT_HZ, 60)
        elif keys.select == buttons.LONG and self._pen.treatment.stage == treatment.ZONE:
            self._pen.courses.entering = True
        elif keys.select == buttons.LONG:
            self._pen.treatment.back()

    def _answer(self, keys):
        deed = self._pen.treatment
        if keys.select == buttons.PRESS:
            deed.answer_no()
        elif keys.up == buttons.PRESS:
            deed.answer_yes()

    def _confirm(self, keys):
        deed = self._pen.treatment
        if keys.select == buttons.PRESS:
            answer = self._pen.confirm()
            if answer != treatment.ACCEPTED:
                self._refuse(answer)
            else:
                self._panel.sound(SHORT_HZ, 400)
        elif keys.select == buttons.LONG:
            answer = self._pen.session.begin_code()
            if answer != treatment.ACCEPTED:
                self._refuse(answer)
            else:
                self._entering = True
        elif keys.down == buttons.PRESS:
            deed.back()

    def _due_text(self):
        """How the calibration's due date stands, where there is something to say."""
        session = self._pen.session
        due = session.due()
        if due == DUE_UNKNOWN:
            return "due date ?"
        if not self._pen.dates.today():
            return "date ?"
        return "cal. %d d" % session.due_days() if due == DUE_SOON else ""

    def _draw_code(self):
        count = self._pen.session.code_count()
        self._screen.line(5, "  " + "* " * count + "_ " * (supervisor.CODE_PRESSES - count))
        self._screen.line(7, "Hold SEL: cancel")
        self._panel.show_message()

    def _enter_code(self, keys):
        """A held UP or DOWN is one press: repeats do not count."""
        if keys.select == buttons.LONG:
            self._entering = False
            return
        if keys.up == buttons.PRESS:
            symbol = supervisor.UP
        elif keys.down == buttons.PRESS:
            symbol = supervisor.DOWN
        elif keys.select == buttons.PRESS:
            symbol = supervisor.SELECT
        else:
            return
        self._panel.hush()
        found = self._pen.session.code_press(symbol)
        if found == supervisor.MORE:
            return
        if found == supervisor.WRONG:
            self._refuse(treatment.REFUSED_WRONG_CODE)
            return
        self._entering = False
        if found == supervisor.RIGHT:
            self._panel.sound(SHORT_HZ, 60)
        else:
            self._refuse(treatment.REFUSED_LOCKED)
