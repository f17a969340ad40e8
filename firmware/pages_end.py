"""The pages after a session: its summary, then the aftercare for the client and the notice that goes with it."""

import aftercare
import buttons
import depth
import journal
import pages
from heap import borrow
from pages import draw_lines

_ENDED = {
    journal.USER: "by user",
    journal.TIME_LIMIT: "time limit",
    journal.FAULTED: "fault",
    journal.POWER_LOST: "power lost",
    journal.CARTRIDGE_END: "cartridge removed",
    journal.JOURNAL_FULL: "record memory full",
    journal.STROKE_LIMIT: "needles are worn",
}


class EndPages:
    """Pages SUMMARY and AFTERCARE. `pen` is whose session it was."""

    def __init__(self, panel, pen, screen):
        self._panel = panel
        self._pen = pen
        self._screen = screen
        self._aftercare_page = 0

    def enter(self, page):
        self._aftercare_page = 0

    def draw(self, page):
        """Draw what changed."""
        if page == pages.AFTERCARE:
            self._panel.draw_if(self._aftercare_page, self._draw_aftercare)
        else:
            session = self._pen.session
            self._panel.draw_if(session.eject() * 2 + (1 if session.present else 0), self._draw_summary)

    def press(self, page, keys):
        """Act on what was pressed."""
        if keys.select != buttons.PRESS:
            return
        if page == pages.SUMMARY:
            self._pen.treatment.summary_read()
        else:
            self._next_aftercare()

    def _draw_summary(self):
        pen = self._pen
        deed = pen.treatment
        self._screen.heading("SESSION ENDED")
        self._screen.line(1, _ENDED.get(deed.end_reason, ""))
        self._screen.line(2, depth.zone(deed.zone).label)
        self._screen.line(3, "Strokes  %d" % deed.strokes)
        self._screen.line(4, "Worst    %+d um" % pen.journal.worst_error_um())
        self._screen.line(5, "Record   %d" % pen.journal.session)
        self._screen.line(6, pages.eject_text(pen.session))
        self._screen.line(7, "SEL: aftercare")

    def _draw_aftercare(self):
        """The pages for the client, and last the notice that goes with them."""
        number = self._aftercare_page
        texts = borrow("aftercare")
        if number < len(texts.AFTERCARE):
            title, lines = texts.AFTERCARE[number]
        else:
            title, lines = "Please note", texts.NOTICE
        self._screen.heading("AFTERCARE", "%d/%d" % (number + 1, aftercare.AFTERCARE_PAGES))
        self._screen.line(1, title)
        draw_lines(self._screen, lines, 2)
        self._screen.line(7, "SEL: next")

    def _next_aftercare(self):
        self._aftercare_page += 1
        if self._aftercare_page >= aftercare.AFTERCARE_PAGES:
            self._aftercare_page = 0
            self._pen.treatment.aftercare_read()
            self._pen.session.read_cartridge()  # it may have been changed while the pages were read
