"""What the user sees, hears and presses: one page for every situation.

A page is drawn when it is entered; after that only what changed is drawn again, in a few bytes a pass, so
that the bus never holds up the loop. While strokes run only numbers change, and drawing them allocates
nothing. The pages themselves are in pages_run and pages_state, which stay in memory, and in pages_choose, pages_client,
pages_gauge and pages_end, which are fetched when they are needed and go when another page is. Here is which of them
is shown, who gets a press, and what all of them share: messages, lamp and buzzer.
"""

import aftercare
import buttons
import depth
import faults
import pages
import safety
import ticks
import treatment
from board import PIN_DOWN, PIN_SELECT, PIN_UP
from drivers.ssd1306 import ADDRESS, Ssd1306
from heap import borrow
from micropython import const
from pages import LOW_HZ, mm
from pages_run import RunPages
from pages_state import StatePages
from screen import Screen
from session import EJECT_OUT

CHUNKS_MOVING = const(1)
CHUNKS_REST = const(8)
MESSAGE_MS = const(2500)
AGAIN_MS = const(2048)  # after which pages that found no room in memory are asked for again
REFRESH_MS = const(600)  # a display that lost its registers acknowledges on: at rest it is asked and set up so often

# which pages stay in memory, and which are fetched
_STATE = const(0)
_RUN = const(1)
_CHOOSE = const(2)
_CLIENT = const(3)
_GAUGE = const(4)
_END = const(5)
_GROUPS = bytes((  # by the number of the page
    _STATE, _STATE, _STATE, _STATE, _CHOOSE, _CHOOSE, _CHOOSE, _CHOOSE, _STATE, _RUN, _END, _END, _CHOOSE, _CHOOSE,
    _RUN, _CLIENT, _CLIENT, _GAUGE))

_LED_OFF = (0, 0, 0)
_LED_WHITE = (8, 8, 8)
_LED_GREEN = (0, 24, 0)
_LED_BLUE = (0, 0, 32)
_LED_AMBER = (24, 10, 0)
_LED_RED = (32, 0, 0)

_REFUSED = {
    treatment.REFUSED_PROHIBITED: "Prohibited zone",
    treatment.REFUSED_NOTHING_ALLOWED: "Not in this zone",
    treatment.REFUSED_SHALLOWEST: "Shallowest reached",
    treatment.REFUSED_RATE: "Rate limit reached",
    treatment.REFUSED_MOVING: "Not now",
    treatment.REFUSED_BATTERY: "Charge the pen",
    treatment.REFUSED_RECORDS: "Export the records",
    treatment.REFUSED_WRONG_CODE: "Wrong code",
    treatment.REFUSED_REACH: "Homing goes deeper",
}


class Panel:
    """Display, buttons, lamp and buzzer of one pen."""

    QUESTIONS = aftercare.QUESTION_PAGES

    def __init__(self, pen):
        self._pen = pen
        self._display = Ssd1306(pen.hardware.i2c, ADDRESS, pen.free_bus)
        self._screen = Screen(self._display)
        self._buttons = buttons.Buttons(PIN_SELECT, PIN_UP, PIN_DOWN)
        self._state = StatePages(self, pen, self._screen)
        self._run = RunPages(self, pen, self._screen)
        self._group = self._state  # the pages that the one on the display is of
        self._fetched = _STATE  # which of the pages that are fetched are in memory; _STATE: none
        self._no_room_ms = -1  # when there was none for them; -1: there was
        self._page = -1
        self._stopped = False
        self._left = True  # something to send
        self._drawn = False
        self._shown = -1
        self._message = ""
        self._message_mark = "!"
        self._message_ms = 0
        self.message_on = False
        self.now_ms = 0
        self._refreshed_ms = 0
        self._tone_until_ms = 0
        self._tone_on = False
        self._lamp = _LED_OFF
        self._refusal_shown = -1

    def start(self) -> bool:
        """Switch the display on; False when it does not answer."""
        return self._display.begin()

    def select_held(self) -> bool:
        """SELECT is pressed, bounces apart."""
        return self._buttons.select_button.held

    # -- which page ---------------------------------------------------------------------------------

    def _wanted(self):
        core = self._pen.safety
        stage = self._pen.treatment.stage
        if core.state == safety.BOOT:
            return pages.BOOT
        if core.fault != faults.NONE or core.state == safety.POWER_DOWN:
            return pages.FAULT
        if core.gauging:
            return pages.GAUGE
        if not self._pen.readings.interlock and self._pen.session.eject() == EJECT_OUT:
            return pages.INSERT  # that the carriage stands out goes before all that can wait
        if stage == treatment.SUMMARY:
            return pages.SUMMARY
        if stage == treatment.AFTERCARE:
            return pages.AFTERCARE
        if self._pen.courses.entering and stage <= treatment.ZONE:
            return pages.CLIENT
        homing = core.state == safety.HOMING or (core.state == safety.UNHOMED and self._pen.readings.interlock)
        if stage == treatment.NO_CARTRIDGE and not homing:
            return pages.INSERT
        if homing or core.state == safety.UNHOMED:
            return pages.HOMING
        if stage == treatment.ACTIVE:
            return pages.GLIDE if self._run.glide_to_read() else pages.SESSION
        if stage == treatment.CONFIRM and self._pen.courses.to_show():
            return pages.COURSE
        choose = self._group
        over = choose.over(stage) if self._fetched == _CHOOSE else -1  # pyright: ignore[reportAttributeAccessIssue]
        return over if over >= 0 else pages.ZONE + stage - treatment.ZONE

    def update(self, now_ms: int) -> bool:
        """Draw what changed and send a little of it; True while some is left to send.

        While the drive is on the page stays, and only its numbers change, drawn in one call and sent in the next ones:
        to draw a page takes the chip longer than the gate goes without a heartbeat.
        """
        self.now_ms = now_ms
        page = self._wanted()
        stopped = page == pages.FAULT
        if stopped and not self._stopped:
            self.sound(pages.ALARM_HZ, 600)
        self._stopped = stopped
        moving = self._pen.motor.armed()
        if moving:
            page = self._page
        elif page != self._page:
            if not self._at_hand(_GROUPS[page], now_ms):
                self._pen.safety.to_read = True
                self._lamp_and_tone(now_ms)
                self._screen.flush_step(CHUNKS_REST)
                return True
            self._page = page
            self._drawn = False
            self._shown = -1
            self.message_on = False
            self._screen.clear()
            self._group.enter(page)
        if moving and self._left:
            self._lamp_and_tone(now_ms)
            self._left = self._screen.flush_step(CHUNKS_MOVING)
            return self._left
        if not moving or page == pages.SESSION or page == pages.GAUGE:
            self._group.draw(page)
        if not moving:
            self._follow_refusal()
            if self.message_on and ticks.diff(now_ms, self._message_ms) >= MESSAGE_MS:
                self.message_on = False
                self._shown = -1
            if ticks.diff(now_ms, self._refreshed_ms) >= REFRESH_MS:
                self._refreshed_ms = now_ms
                self._screen.refresh()
        self._lamp_and_tone(now_ms)
        self._left = left = moving or self._screen.flush_step(CHUNKS_REST)
        if not left:
            self._drawn = True
        if not moving:  # a run begins on the page of the session, and on no other
            self._pen.safety.to_read = page != pages.SESSION or not self._drawn
        return left

    def _at_hand(self, group, now_ms):
        """True when the pages of a group can be entered. At rest; False: in a later pass.

        They are fetched in a pass of their own, which takes the chip as long as drawing a page.
        """
        if group == _STATE or group == _RUN:
            self._fetched = _STATE
            self._group = self._run if group == _RUN else self._state
            self._no_room_ms = -1
            return True
        if group == self._fetched:
            return True
        if self._no_room_ms >= 0 and ticks.diff(now_ms, self._no_room_ms) < AGAIN_MS:
            return False
        self._page = -1  # nothing is pressed on what goes now
        self._fetched = _STATE
        self._group = self._state
        try:
            if group == _CHOOSE:
                self._group = borrow("pages_choose").ChoosePages(self, self._pen, self._screen)
            elif group == _CLIENT:
                self._group = borrow("pages_client").ClientPages(self, self._pen, self._screen)
            elif group == _END:
                self._group = borrow("pages_end").EndPages(self, self._pen, self._screen)
            else:
                self._group = borrow("pages_gauge").GaugePage(self._pen, self._screen, self)
            self._fetched = group
            self._no_room_ms = -1
        except MemoryError:
            self._no_room_ms = now_ms
            self._screen.clear()
            self._screen.line(3, "No room in memory")
            self._screen.line(4, "Switch off and on")
        return False

    def page_stands(self) -> bool:
        """The page is the one that the pen's state asks for."""
        return self._page == self._wanted()

    def draw_if(self, shown: int, draw):
        """Call `draw()` when what it shows, told by a number, is not what is on the screen."""
        if shown != self._shown:
            self._shown = shown
            draw()

    def take_stale(self) -> bool:
        """True once after the page, or what lay over it, has changed: for pages that may not allocate."""
        stale = self._shown < 0
        self._shown = 0
        return stale

    def handle_buttons(self, pads: int, now_ms: int, moving: bool) -> bool:
        """Take the buttons' levels; act on presses unless something moves. True: feed them again soon."""
        self.now_ms = now_ms
        keys = self._buttons
        if self._pen.console.access.mutes(now_ms) and not self._pen.treatment.is_open():
            keys.select_button.mute()  # it lets a computer in, and must not also do what the page has it do
        # a press is about what the user sees, and counts once this page is on the display
        if keys.feed(pads, now_ms) and not moving and self._page == self._wanted() and self._drawn:
            self._group.press(self._page, keys)
        return keys.doubtful()

    # -- messages, lamp, buzzer -----------------------------------------------------------------------

    def say(self, text: str, mark: str = "!"):
        """A short word on the bottom row, for a while; "!" marks a refusal, ">" what happens without being asked."""
        self._message = text
        self._message_mark = mark
        self._message_ms = self.now_ms
        self.message_on = True
        self.show_message()

    def hush(self):
        """The message has been answered."""
        self.message_on = False
        self._shown = -1

    def show_message(self):
        if self.message_on:
            self._screen.line(7, self._message_mark)
            self._screen.text(7, 2, self._message)

    def refuse(self, answer):
        deed = self._pen.treatment
        if answer < len(depth.LIMIT_LABELS):
            self.say("%s %s mm" % (depth.LIMIT_LABELS[answer], mm(deed.limits.max_um)))
        else:
            self.say(_REFUSED[answer])
        self.sound(LOW_HZ, 200)

    def _follow_refusal(self):
        """The trigger was pressed and no stroke came: say why."""
        refusal = self._pen.pace.refusal
        if refusal == self._refusal_shown:
            return
        self._refusal_shown = refusal
        if refusal != faults.GRANTED and self._page != pages.FAULT and refusal != faults.REFUSED_TRIGGER:
            self.say(faults.REFUSALS[refusal])
            self.sound(LOW_HZ, 200)

    def sound(self, hz, ms):
        if not self._pen.settings.buzzer:
            return
        buzzer = self._pen.hardware.buzzer
        buzzer.freq(hz)
        buzzer.duty_u16(32768)
        self._tone_on = True
        self._tone_until_ms = ticks.add(self.now_ms, ms)

    def _lamp_and_tone(self, now_ms):
        if self._tone_on and ticks.diff(now_ms, self._tone_until_ms) >= 0:
            self._tone_on = False
            self._pen.hardware.buzzer.duty_u16(0)
        state = self._pen.safety.state
        if self._pen.safety.fault != faults.NONE:
            lamp = _LED_RED
        elif state == safety.RUNNING or state == safety.STOPPING or state == safety.GAUGING:
            lamp = _LED_BLUE
        elif state == safety.READY:
            lamp = _LED_GREEN if self._pen.treatment.is_open() else _LED_WHITE
        else:
            lamp = _LED_AMBER
        if lamp is not self._lamp:
            self._lamp = lamp
            self._pen.hardware.led[0] = lamp
            self._pen.hardware.led.write()
