"""The page of a pen that is being calibrated: what the technician's hand has to do next. Readings are typed over USB.

While the tip moves or stands only whole lines that exist already are drawn: nothing allocates.
"""

import recalibration

_LINES = (
    "Next point: computer",
    "Hold the trigger",
    "Moving...",
    "Stands: read gauge",
    "Release the trigger",
)


class GaugePage:
    """Page GAUGE. `pen` is whose calibration it is."""

    def __init__(self, pen, screen, panel):
        self._pen = pen
        self._screen = screen
        self._panel = panel

    def enter(self, page):
        self._screen.heading("CALIBRATION")
        self._screen.line(6, "Gauge tip, no needles")

    def draw(self, page):
        """Draw what changed."""
        work = self._pen.recalibration
        plan = work.readings
        phase = work.phase()
        self._panel.draw_if(plan.reach_um * 16 + (8 if plan.down else 0) + phase, self._draw)

    def _draw(self):
        work = self._pen.recalibration
        phase = work.phase()
        self._screen.line(4, _LINES[phase])
        if phase == recalibration.NO_TARGET or phase == recalibration.HOLD:
            plan = work.readings
            way = "back to" if plan.down else "out to"
            self._screen.line(2, "%s %d um" % (way, plan.reach_um) if plan.reach_um else "")

    def press(self, page, keys):
        """Buttons have no meaning here: SELECT is held to prove that a technician is at the pen."""
