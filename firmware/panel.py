"""What the user sees, hears and presses: one page for every situation.

A page is drawn when it is entered; after that only what changed is drawn again, in a few bytes a pass, so
that the bus never holds up the loop. While strokes run only numbers change, and drawing them allocates
nothing.
"""

import aftercare
import buttons
import depth
import faults
import journal
import safety
import ticks
import treatment
from board import PIN_DOWN, PIN_SELECT, PIN_UP
from drivers.ssd1306 import Ssd1306
from micropython import const
from screen import Screen

LIST_ROWS = const(6)
CHUNKS_MOVING = const(2)
CHUNKS_REST = const(8)
MESSAGE_MS = const(2500)

# Pages
P_BOOT = const(0)
P_FAULT = const(1)
P_HOMING = const(2)
P_INSERT = const(3)
P_ZONE = const(4)
P_INDICATION = const(5)
P_QUESTION = const(6)
P_CONFIRM = const(7)
P_MARKING = const(8)
P_SESSION = const(9)
P_SUMMARY = const(10)
P_AFTERCARE = const(11)

AFTERCARE_PAGES = len(aftercare.AFTERCARE) + 1
FIRST_ZONE = const(1)  # the shallowest that is allowed

_LED_OFF = (0, 0, 0)
_LED_WHITE = (8, 8, 8)
_LED_GREEN = (0, 24, 0)
_LED_BLUE = (0, 0, 32)
_LED_AMBER = (24, 10, 0)
_LED_RED = (32, 0, 0)

_SHORT_HZ = const(2400)
_LOW_HZ = const(700)
_ALARM_HZ = const(1500)

_BOUND_BY = ("by zone", "by indic", "by cartr", "by calib", "by pen")
_REFUSED = {
    treatment.REFUSED_PROHIBITED: "Prohibited zone",
    treatment.REFUSED_NOTHING_ALLOWED: "Not in this zone",
    treatment.REFUSED_SHALLOWEST: "Shallowest reached",
    treatment.REFUSED_RATE: "Rate limit reached",
    treatment.REFUSED_MOVING: "Not now",
    treatment.REFUSED_BATTERY: "Charge the pen",
    treatment.REFUSED_RECORDS: "Export the records",
}
_ENDED = {
    journal.USER: "by user",
    journal.TIME_LIMIT: "time limit",
    journal.FAULTED: "fault",
    journal.POWER_LOST: "power lost",
    journal.CARTRIDGE_END: "cartridge removed",
    journal.JOURNAL_FULL: "record memory full",
}


def mm(um: int) -> str:
    """Millimetres with two decimals, as every page shows them."""
    return "%d.%02d" % (um // 1000, um % 1000 // 10)


class Panel:
    """Display, buttons, lamp and buzzer of one pen."""

    QUESTIONS = len(aftercare.QUESTIONS)

    def __init__(self, pen):
        self._pen = pen
        self._display = Ssd1306(pen.hardware.i2c)
        self._screen = Screen(self._display)
        self._buttons = buttons.Buttons(PIN_SELECT, PIN_UP, PIN_DOWN)
        self._page = -1
        self._drawn = False
        self._state_shown = -1
        self._cursor = 0
        self._shown = -1
        self._editing_rate = False
        self._message = ""
        self._message_ms = 0
        self._message_on = False
        self._now_ms = 0
        self._tone_until_ms = 0
        self._tone_on = False
        self._lamp = _LED_OFF
        self._refusal_shown = -1
        self._warned = False
        self._aftercare_page = 0

    def start(self) -> bool:
        """Switch the display on; False when it does not answer."""
        return self._display.begin()

    # -- which page ---------------------------------------------------------------------------------

    def _wanted(self):
        core = self._pen.safety
        stage = self._pen.treatment.stage
        if core.state == safety.BOOT:
            return P_BOOT
        if core.fault != faults.NONE or core.state == safety.POWER_DOWN:
            return P_FAULT
        if stage == treatment.SUMMARY:
            return P_SUMMARY
        if stage == treatment.AFTERCARE:
            return P_AFTERCARE
        if stage == treatment.NO_CARTRIDGE and not core.state == safety.HOMING:
            return P_INSERT
        if core.state == safety.UNHOMED or core.state == safety.HOMING:
            return P_HOMING
        if stage == treatment.ACTIVE:
            return P_SESSION
        return P_ZONE + stage - treatment.ZONE

    def update(self, now_ms: int) -> bool:
        """Draw what changed and send a little of it; True while some is left to send."""
        self._now_ms = now_ms
        page = self._wanted()
        moving = self._pen.motor.armed()
        if page != self._page:
            self._enter(page)
        self._draw_changes()
        self._follow_refusal()
        self._warn_of_heat()
        if self._message_on and ticks.diff(now_ms, self._message_ms) >= MESSAGE_MS:
            self._message_on = False
            self._shown = -1
        self._lamp_and_tone(now_ms)
        left = self._screen.flush_step(CHUNKS_MOVING if moving else CHUNKS_REST)
        if not left:
            self._drawn = True
        return left

    def _enter(self, page):
        self._page = page
        self._drawn = False
        self._shown = -1
        self._message_on = False
        self._screen.clear()
        if page == P_ZONE:
            self._cursor = FIRST_ZONE
        elif page == P_INDICATION:
            self._cursor = 0
        elif page == P_AFTERCARE:
            self._aftercare_page = 0
        elif page == P_SESSION:
            self._editing_rate = False
        elif page == P_FAULT:
            self._sound(_ALARM_HZ, 600)
        self._draw_page()

    def _draw_page(self):
        page = self._page
        if page == P_BOOT:
            self._screen.line(3, "     Self-test...")
        elif page == P_HOMING:
            self._screen.line(2, "   Finding home...")
            self._screen.line(4, "  Keep off the skin")
        elif page == P_MARKING:
            self._screen.line(3, " Preparing cartridge")
        elif page == P_FAULT:
            self._draw_fault()
        elif page == P_SESSION:
            self._draw_session()
        elif page == P_SUMMARY:
            self._draw_summary()

    # -- pages that change as a whole -----------------------------------------------------------------

    def _draw_changes(self):
        page = self._page
        if page == P_SESSION:
            self._session_numbers()
        elif page == P_ZONE:
            self._draw_if(self._cursor, self._draw_zones)
        elif page == P_INDICATION:
            self._draw_if(self._cursor, self._draw_indications)
        elif page == P_QUESTION:
            self._draw_if(self._pen.treatment.question, self._draw_question)
        elif page == P_CONFIRM:
            self._draw_if(1 if self._pen.treatment.supervised else 0, self._draw_confirm)
        elif page == P_INSERT:
            present = self._pen.present()
            self._draw_if(self._pen.cartridge_reason * 2 + (1 if present else 0), self._draw_insert)
        elif page == P_AFTERCARE:
            self._draw_if(self._aftercare_page, self._draw_aftercare)
        elif page == P_FAULT:
            core = self._pen.safety
            self._draw_if(core.state * 256 + core.fault, self._draw_fault)

    def _draw_if(self, shown, draw):
        if shown != self._shown:
            self._shown = shown
            draw()

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
        self._show_message()

    def _draw_indications(self):
        self._draw_list("INDICATION", depth.INDICATIONS)
        row = depth.INDICATIONS[self._cursor]
        self._screen.line(7, "%s-%s mm" % (mm(row.low_um), mm(row.high_um)))
        self._show_message()

    def _draw_question(self):
        number = self._pen.treatment.question
        if number >= self.QUESTIONS:
            return
        self._screen.line(0, "DOES THIS APPLY %2d/%d" % (number + 1, self.QUESTIONS))
        self._draw_lines(aftercare.QUESTIONS[number][1], 2)
        self._screen.line(7, "SEL: no      UP: yes")

    def _draw_lines(self, lines, first):
        for row in range(first, 7):
            self._screen.line(row, lines[row - first] if row - first < len(lines) else "")

    def _draw_confirm(self):
        deed = self._pen.treatment
        self._screen.heading("CONFIRM")
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
        self._show_message()

    def _draw_insert(self):
        pen = self._pen
        self._screen.heading("CARTRIDGE")
        if not pen.present():
            self._screen.line(2, "Insert a new sterile")
            self._screen.line(3, "cartridge")
        elif pen.cartridge_reason:
            self._screen.line(2, "Refused:")
            self._screen.line(3, pen.cartridge_text())
            self._screen.line(5, "Take it out")
        else:
            self._screen.line(2, "Checking...")
            self._screen.line(3, "")
        self._screen.line(7, "Safe to eject" if pen.motor.retracted else "")

    def _draw_aftercare(self):
        """The pages for the client, and last the notice that goes with them."""
        number = self._aftercare_page
        if number < len(aftercare.AFTERCARE):
            title, lines = aftercare.AFTERCARE[number]
        else:
            title, lines = "Please note", aftercare.NOTICE
        self._screen.heading("AFTERCARE", "%d/%d" % (number + 1, AFTERCARE_PAGES))
        self._screen.line(1, title)
        self._draw_lines(lines, 2)
        self._screen.line(7, "SEL: next")

    def _draw_fault(self):
        core = self._pen.safety
        code = core.fault
        if code == faults.NONE:
            return
        self._screen.line(0, "STOP  code %d" % code, True)
        texts = faults.cause(code).split("|") + [""] + faults.action(code).split("|")
        self._draw_lines(texts, 1)
        if core.state == safety.RETRACTING:
            self._screen.line(7, "Retracting...")
        elif faults.remedy(code) == faults.BY_USER:
            self._screen.line(7, "SEL: clear")
        else:
            self._screen.line(7, "")

    def _draw_summary(self):
        pen = self._pen
        deed = pen.treatment
        self._screen.heading("SESSION ENDED")
        self._screen.line(1, _ENDED.get(deed.end_reason, ""))
        self._screen.line(2, depth.zone(deed.zone).label)
        self._screen.line(3, "Strokes  %d" % deed.strokes)
        self._screen.line(4, "Worst    %+d um" % pen.journal.worst_error_um)
        self._screen.line(5, "Record   %d" % pen.journal.session)
        self._screen.line(6, "Safe to eject" if pen.motor.retracted else "DO NOT EJECT")
        self._screen.line(7, "SEL: aftercare")

    # -- the session page: drawn once, then only its numbers --------------------------------------------

    def _draw_session(self):
        deed = self._pen.treatment
        screen = self._screen
        screen.line(0, depth.zone(deed.zone).label, True)
        screen.text(3, 10, "mm")
        screen.text(1, 13, "max")
        screen.text(2, 13, _BOUND_BY[deed.limits.reason()])
        screen.text(3, 19, "Hz")
        screen.rule(4)
        screen.text(5, 0, "Last")
        screen.text(5, 14, "Strokes")
        screen.text(6, 0, "Left")
        screen.text(6, 7, ":")
        self._state_shown = -1
        self._hint()

    def _hint(self):
        self._screen.line(7, "UP/DN rate  SEL depth" if self._editing_rate else "UP/DN depth SEL rate")

    def _session_numbers(self):
        pen = self._pen
        deed = pen.treatment
        screen = self._screen
        if pen.safety.state != self._state_shown:
            self._state_shown = pen.safety.state
            screen.text(0, 16, "  RUN" if self._state_shown == safety.RUNNING else "READY", True)
        screen.big_number(1, 0, deed.depth_um // 10, 4, 2, 3)
        screen.number(1, 17, deed.limits.max_um // 10, 4, 2)
        screen.number(3, 14, deed.rate_mhz // 100, 4, 1)
        if deed.strokes:
            screen.number(5, 5, max(0, pen.motor.achieved_um) // 10, 4, 2)
        screen.number(6, 14, deed.strokes, 7)
        left_s = deed.left_ms(self._now_ms) // 1000
        screen.number(6, 5, left_s // 60, 2)
        screen.number(6, 8, left_s % 60 // 10, 1)
        screen.number(6, 9, left_s % 10, 1)
        if not self._message_on and self._shown < 0:
            self._shown = 0
            self._hint()

    # -- messages, lamp, buzzer -----------------------------------------------------------------------

    def _say(self, text):
        """A short word on the bottom row."""
        self._message = text
        self._message_ms = self._now_ms
        self._message_on = True
        self._show_message()

    def _show_message(self):
        if self._message_on:
            self._screen.line(7, "!")
            self._screen.text(7, 2, self._message)

    def _refuse(self, answer):
        deed = self._pen.treatment
        if answer < len(depth.LIMIT_LABELS):
            self._say("%s %s mm" % (depth.LIMIT_LABELS[answer], mm(deed.limits.max_um)))
        else:
            self._say(_REFUSED[answer])
        self._sound(_LOW_HZ, 200)

    def _follow_refusal(self):
        """The trigger was pressed and no stroke came: say why."""
        refusal = self._pen.refusal
        if refusal == self._refusal_shown:
            return
        self._refusal_shown = refusal
        if refusal != faults.GRANTED and self._page != P_FAULT and refusal != faults.REFUSED_TRIGGER:
            self._say(faults.REFUSALS[refusal])
            self._sound(_LOW_HZ, 200)

    def _warn_of_heat(self):
        """Once each time the motor gets warm, before it has to be slowed down."""
        warm = self._pen.readings.temp_dc >= safety.WARN_DC
        if warm and not self._warned and self._page == P_SESSION:
            self._say("Motor getting warm")
        self._warned = warm

    def _sound(self, hz, ms):
        if not self._pen.settings.buzzer:
            return
        buzzer = self._pen.hardware.buzzer
        buzzer.freq(hz)
        buzzer.duty_u16(32768)
        self._tone_on = True
        self._tone_until_ms = ticks.add(self._now_ms, ms)

    def _lamp_and_tone(self, now_ms):
        if self._tone_on and ticks.diff(now_ms, self._tone_until_ms) >= 0:
            self._tone_on = False
            self._pen.hardware.buzzer.duty_u16(0)
        state = self._pen.safety.state
        if self._pen.safety.fault != faults.NONE:
            lamp = _LED_RED
        elif state == safety.RUNNING or state == safety.STOPPING:
            lamp = _LED_BLUE
        elif state == safety.READY:
            lamp = _LED_GREEN if self._pen.treatment.is_open() else _LED_WHITE
        else:
            lamp = _LED_AMBER
        if lamp is not self._lamp:
            self._lamp = lamp
            self._pen.hardware.led[0] = lamp
            self._pen.hardware.led.write()

    # -- buttons -------------------------------------------------------------------------------------

    def handle_buttons(self, pads: int, now_ms: int, moving: bool):
        """Take the buttons' levels; act on presses unless something moves."""
        self._now_ms = now_ms
        keys = self._buttons
        if not keys.feed(pads, now_ms) or moving:
            return
        if self._page != self._wanted() or not self._drawn:
            return  # a press is about what the user sees, and this page is not on the display yet
        page = self._page
        if page == P_ZONE:
            self._choose(keys, depth.ZONES, self._pen.treatment.choose_zone)
        elif page == P_INDICATION:
            self._choose(keys, depth.INDICATIONS, self._pen.treatment.choose_indication)
        elif page == P_QUESTION:
            self._answer(keys)
        elif page == P_CONFIRM:
            self._confirm(keys)
        elif page == P_SESSION:
            self._adjust(keys)
        elif page == P_SUMMARY:
            if keys.select == buttons.PRESS:
                self._pen.treatment.summary_read()
        elif page == P_AFTERCARE:
            if keys.select == buttons.PRESS:
                self._next_aftercare()
        elif page == P_FAULT:
            if keys.select == buttons.PRESS and not self._pen.clear_fault():
                self._say("Not yet")
            elif keys.select == buttons.LONG:
                self._pen.end_session(journal.FAULTED)

    @staticmethod
    def _direction(keys):
        """+1 for UP, -1 for DOWN, 0 for neither."""
        if keys.up == buttons.PRESS or keys.up == buttons.REPEAT:
            return 1
        if keys.down == buttons.PRESS or keys.down == buttons.REPEAT:
            return -1
        return 0

    def _choose(self, keys, table, choose):
        step = self._direction(keys)
        if step:
            self._cursor = max(0, min(len(table) - 1, self._cursor - step))
            self._message_on = False
        elif keys.select == buttons.PRESS:
            answer = choose(self._cursor)
            if answer != treatment.ACCEPTED:
                self._refuse(answer)
            else:
                self._sound(_SHORT_HZ, 60)
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
                self._sound(_SHORT_HZ, 400)
        elif keys.select == buttons.LONG:
            answer = deed.supervise()
            if answer != treatment.ACCEPTED:
                self._refuse(answer)
        elif keys.down == buttons.PRESS:
            deed.back()

    def _adjust(self, keys):
        pen = self._pen
        deed = pen.treatment
        step = self._direction(keys)
        if step and self._editing_rate:
            answer = deed.change_rate(step, pen.motor.stroke_us(deed.depth_um), False)
        elif step:
            answer = deed.change_depth(step, False)
        elif keys.select == buttons.LONG:
            pen.end_session(journal.USER)
            return
        else:
            self._editing_rate = not self._editing_rate
            self._shown = -1
            return
        if answer != treatment.ACCEPTED:
            self._refuse(answer)
            return
        self._message_on = False
        self._shown = -1
        pen.settle_rate()
        if deed.rate_mhz < deed.asked_rate_mhz:
            self._say("Depth limits rate")

    def _next_aftercare(self):
        self._aftercare_page += 1
        if self._aftercare_page >= AFTERCARE_PAGES:
            self._aftercare_page = 0
            self._pen.treatment.aftercare_read()
            self._pen.read_cartridge()  # it may have been changed while the pages were read
