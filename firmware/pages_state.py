"""The pages of the pen's own state: self-test, homing, waiting for a cartridge, a fault and the way out of it."""

import buttons
import faults
import journal
import pages
import safety
import slots
from calibration import DUE_PAST, DUE_SOON, DUE_UNKNOWN
from cartridge import GAUGE_TIP
from dates import BEHIND
from drivers.ds3231 import GOOD, SILENT
from micropython import const
from pages import draw_lines
from session import EJECT_OUT, EJECT_SAFE

_AGAIN_MS = const(2048)  # after which words that found no room in memory are asked for again

_CARRIAGE_OUT = ("Fit no new cartridge.", "Put the old one back,", "well off the skin: it", "goes in by itself.")


class StatePages:
    """Pages BOOT, FAULT, HOMING, INSERT and MARKING. `panel` says and sounds; `pen` is whose state it is."""

    def __init__(self, panel, pen, screen):
        self._panel = panel
        self._pen = pen
        self._screen = screen
        self._words = []  # of the fault last shown, with its code: they are fetched from flash
        self._words_of = faults.NONE
        self._back = "Fw " + slots.back if slots.back else ""  # why the firmware before did not stay

    def enter(self, page):
        screen = self._screen
        if page == pages.BOOT:
            screen.line(3, "     Self-test...")
        elif page == pages.HOMING:
            screen.line(2, "   Finding home...")
            screen.line(4, "  Keep off the skin")
        elif page == pages.MARKING:
            screen.line(3, " Preparing cartridge")

    def draw(self, page):
        """Draw what changed."""
        panel = self._panel
        if page == pages.INSERT:
            session = self._pen.session
            shown = (session.reason * 4 + session.eject()) * 4
            shown += (2 if session.invites() else 0) + (1 if session.present else 0)
            shown += 512 * self._pen.put_away.percent + 65536 * self._pen.dates.state()
            panel.draw_if(shown, self._draw_insert)
        elif page == pages.FAULT:
            core = self._pen.safety
            session = self._pen.session
            shown = ((core.state * 256 + core.fault) * 4 + session.eject()) * 4
            shown += (2 if session.present else 0) + (1 if self._pen.fault_record.service_done else 0)
            again = panel.now_ms // _AGAIN_MS & 1 if self._words_of != core.fault else 0
            panel.draw_if(shown * 2 + again, self._draw_fault)

    def press(self, page, keys):
        """Act on what was pressed."""
        if page == pages.INSERT:
            session = self._pen.session
            invited = session.present or session.invites()
            self._pen.courses.entering = keys.select == buttons.PRESS and invited
        if page != pages.FAULT:
            return
        if keys.select == buttons.PRESS and not self._pen.clear_fault():
            self._panel.say("Not yet")
        elif keys.select == buttons.LONG:
            self._pen.end_session(journal.FAULTED)

    def _draw_insert(self):
        session = self._pen.session
        screen = self._screen
        screen.heading("CARTRIDGE")
        draw_lines(screen, (), 1)
        if not session.present and session.eject() == EJECT_OUT:
            screen.heading("CARRIAGE OUT")
            draw_lines(screen, _CARRIAGE_OUT, 2, 8)
            return
        if session.invites():
            screen.line(2, "Insert a new sterile")
            screen.line(3, "cartridge")
            client = self._pen.courses.client
            screen.line(4, "SEL: client %06d" % client if client else "SEL: client number")
        elif session.reason == GAUGE_TIP:
            screen.line(2, "Gauge tip: only for")
            screen.line(3, "calibrating the pen")
            screen.line(4, "over USB")
        elif session.reason:
            screen.line(2, "Refused:")
            screen.line(3, session.reason_text())
            screen.line(4, "Take it out" if session.eject() == EJECT_SAFE else "")
        else:
            screen.line(2, "Checking...")
        screen.line(5, self._due_text())
        percent = self._pen.put_away.percent
        screen.line(6, "Records %d%%: export" % percent if percent else self._back)
        screen.line(7, pages.eject_text(session))

    def _due_text(self):
        session = self._pen.session
        due = session.due()
        if due == DUE_PAST:
            return "Calibration past due"
        state = self._pen.dates.state()
        if state != GOOD:
            if state == SILENT:
                return "Clock does not answer"
            if state == BEHIND:
                return "Clock behind a record"
            return "Due date: clock unset" if due == DUE_UNKNOWN else "Clock not set"
        return "Calibration due: %d d" % session.due_days() if due == DUE_SOON else ""

    def _draw_fault(self):
        pen = self._pen
        code = pen.safety.fault
        if code == faults.NONE:
            return
        self._screen.line(0, "STOP  code %d" % code, True)
        # the words follow when nothing moves: they are read from flash
        draw_lines(self._screen, [] if pen.safety.state == safety.RETRACTING else self._words_for(code), 1, 6)
        out = pen.session.present and pen.session.eject() == EJECT_OUT
        self._screen.line(6, "Lift off. Do not pull" if out else pages.eject_text(pen.session))
        self._screen.line(7, self._way_out(code))

    def _words_for(self, code):
        """Lines; none while there is no room in memory for them."""
        if code != self._words_of:
            cause, action = [text.split("|") for text in faults.words(code)]
            if cause == [""]:
                return []
            self._words = cause + ([""] if len(cause) + len(action) < 5 else []) + action
            self._words_of = code
        return self._words

    def _way_out(self, code):
        if self._pen.safety.state == safety.RETRACTING:
            return "Retracting..."
        remedy = faults.remedy(code)
        restart = remedy == faults.BY_RESTART or self._pen.fault_record.service_done
        if self._pen.session.present and self._pen.session.eject() == EJECT_OUT:
            # what brings the needles in: a homing, or the retract that a start begins with
            if faults.needles(code) in (faults.DRIVE_FAILED, faults.GATE_FAILED):
                return "Service: needles out"
            return "SEL: bring needles in" if remedy == faults.BY_USER else "Off and on: bring in"
        if remedy == faults.BY_USER:
            return "SEL: clear"
        return "Switch off and on" if restart else "Service has to clear"
