"""The pages of the pen's own state: self-test, homing, waiting for a cartridge, a fault and the way out of it."""

import buttons
import faults
import journal
import pages
import safety
from pages import draw_lines


class StatePages:
    """Pages BOOT, FAULT, HOMING, INSERT and MARKING. `panel` says and sounds; `pen` is whose state it is."""

    def __init__(self, panel, pen, screen):
        self._panel = panel
        self._pen = pen
        self._screen = screen

    def enter(self, page):
        screen = self._screen
        if page == pages.BOOT:
            screen.line(3, "     Self-test...")
        elif page == pages.HOMING:
            screen.line(2, "   Finding home...")
            screen.line(4, "  Keep off the skin")
        elif page == pages.MARKING:
            screen.line(3, " Preparing cartridge")
        elif page == pages.FAULT:
            self._panel.sound(pages.ALARM_HZ, 600)

    def draw(self, page):
        """Draw what changed."""
        panel = self._panel
        if page == pages.INSERT:
            session = self._pen.session
            shown = session.reason * 2 + (1 if session.present else 0)
            panel.draw_if(shown + 256 * self._pen.put_away.percent, self._draw_insert)
        elif page == pages.FAULT:
            core = self._pen.safety
            panel.draw_if(core.state * 256 + core.fault, self._draw_fault)

    def press(self, page, keys):
        """Act on what was pressed."""
        if page != pages.FAULT:
            return
        if keys.select == buttons.PRESS and not self._pen.clear_fault():
            self._panel.say("Not yet")
        elif keys.select == buttons.LONG:
            self._pen.end_session(journal.FAULTED)

    def _draw_insert(self):
        pen = self._pen
        self._screen.heading("CARTRIDGE")
        if not pen.session.present:
            self._screen.line(2, "Insert a new sterile")
            self._screen.line(3, "cartridge")
        elif pen.session.reason:
            self._screen.line(2, "Refused:")
            self._screen.line(3, pen.session.reason_text())
            self._screen.line(5, "Take it out")
        else:
            self._screen.line(2, "Checking...")
            self._screen.line(3, "")
        percent = pen.put_away.percent
        self._screen.line(6, "Records %d%%: export" % percent if percent else "")
        self._screen.line(7, "Safe to eject" if pen.motor.retracted else "")

    def _draw_fault(self):
        core = self._pen.safety
        code = core.fault
        if code == faults.NONE:
            return
        self._screen.line(0, "STOP  code %d" % code, True)
        texts = faults.cause(code).split("|") + [""] + faults.action(code).split("|")
        draw_lines(self._screen, texts, 1)
        if core.state == safety.RETRACTING:
            self._screen.line(7, "Retracting...")
        elif faults.remedy(code) == faults.BY_USER:
            self._screen.line(7, "SEL: clear")
        else:
            self._screen.line(7, "")
