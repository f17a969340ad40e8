"""One treatment from the cartridge to the aftercare: what is chosen, what is allowed, when it ends.

Pure: knows no pins, no screen, no storage; time comes in. The stages run in one order and a zone cannot be
changed while a session is open. Depth and rate are only ever set to what the limits allow; what was asked
for and refused is kept with its reason, for the panel to say.
"""

import depth
import ticks
from micropython import const

NO_CARTRIDGE = const(0)
ZONE = const(1)
INDICATION = const(2)
QUESTIONS = const(3)
CONFIRM = const(4)
MARKING = const(5)  # the cartridge is being marked used; the session opens when that is proven
ACTIVE = const(6)
SUMMARY = const(7)
AFTERCARE = const(8)

# Why a choice was refused; 0..5 are the limits of depth.LIMIT_NAMES
ACCEPTED = const(-1)
REFUSED_PROHIBITED = const(6)
REFUSED_NOTHING_ALLOWED = const(7)
REFUSED_SHALLOWEST = const(8)
REFUSED_RATE = const(9)
REFUSED_MOVING = const(10)
REFUSED_BATTERY = const(11)
REFUSED_RECORDS = const(12)
REFUSED_DUE = const(13)  # the calibration is past its due date
REFUSED_NO_CODE = const(14)  # nobody has set a supervisor's code
REFUSED_WRONG_CODE = const(15)
REFUSED_LOCKED = const(16)  # too many wrong codes; until a restart
REFUSED_REACH = const(17)  # finding home with this cartridge may go deeper than the session may

SESSION_LIMIT_MS = const(1800000)
STROKES_MOST = const(36000)  # of one cartridge, whose needles get blunt: half an hour at 20 Hz
MARGIN_US = const(6000)  # between two strokes: judge, record, permit, start take 4 ms, the other tasks a pass
INSIDE_MOST_UM = const(400)  # of the way from rest to the guide plane: a longer one counts as so much
GLIDE_DRAG_UM = const(200)  # a puncture dragged further than this is a scratch
GLIDE_USUAL_UM_S = const(10000)  # how fast a pen is usually moved over the skin


class Treatment:
    """The current treatment. `questions` is how many contraindications must be answered."""

    def __init__(self, questions: int):
        self._questions = questions
        self.limits = depth.Limits()
        self.session_limit_ms = SESSION_LIMIT_MS
        self.clinic_um = [depth.BUILD_CEILING_UM] * len(depth.ZONES)  # the clinic's own limit for each zone
        self.overdue = False  # the calibration is known to be past its due date
        self.reach_um = 0  # how far out this pen's needles may stand, with this cartridge, while home is found
        self.cartridge_um = 0
        self.travel_um = 0
        self.reset()

    def reset(self):
        """Back to the beginning, with no cartridge."""
        self.stage = NO_CARTRIDGE
        self.zone = 0
        self.indication = 0
        self.question = 0
        self.supervised = False
        self.depth_um = 0
        self.rate_mhz = 0
        self.asked_rate_mhz = 0
        self.end_reason = 0
        self.strokes = 0
        self.started_ms = 0
        self.ended_ms = 0

    # -- choosing -----------------------------------------------------------------------------------

    def cartridge_accepted(self, rated_um: int, travel_um: int):
        """A fresh cartridge is seated; `travel_um` is the extension the calibration covers.

        ValueError if one is in use already: what was chosen for it must not pass to another.
        """
        if self.stage != NO_CARTRIDGE:
            raise ValueError("a cartridge is in use already")
        self.reset()
        self.cartridge_um = rated_um
        self.travel_um = travel_um
        self.stage = ZONE

    def choose_zone(self, zone: int) -> int:
        """ACCEPTED or why not. The prohibited zone can be looked at, never chosen."""
        if self.stage != ZONE:
            return REFUSED_MOVING
        if depth.prohibited(zone):
            return REFUSED_PROHIBITED
        if self.overdue is not False:
            return REFUSED_DUE
        self.zone = zone
        self.stage = INDICATION
        return ACCEPTED

    def choose_indication(self, indication: int) -> int:
        """ACCEPTED or why not: one that the zone's limit leaves no depth for, or that homing may pass, is refused."""
        if self.stage != INDICATION:
            return REFUSED_MOVING
        max_um = self._set_limits(indication)
        if max_um == 0 or max_um < depth.INDICATIONS[indication].low_um:
            return REFUSED_NOTHING_ALLOWED
        if max_um < self.reach_um:
            return REFUSED_REACH
        self.indication = indication
        self.depth_um = self.limits.default_um(self.zone, indication)
        self.asked_rate_mhz = depth.ZONES[self.zone].rate_min_mhz
        self.question = 0
        self.stage = QUESTIONS
        return ACCEPTED

    def _set_limits(self, indication):
        return self.limits.choose(
            self.zone, indication, self.cartridge_um, self.travel_um, self.supervised, self.clinic_um[self.zone])

    def answer_no(self):
        """The contraindication shown does not apply."""
        if self.stage == QUESTIONS:
            self.question += 1
            if self.question >= self._questions:
                self.stage = CONFIRM

    def answer_yes(self):
        """It applies: no treatment. Back to the start of the choices, nothing kept."""
        if self.stage == QUESTIONS:
            self.stage = ZONE

    def back(self):
        """One stage back while nothing has begun."""
        if self.stage == INDICATION:
            self.stage = ZONE
        elif self.stage == QUESTIONS:
            self.stage = INDICATION
        elif self.stage == CONFIRM:
            self.stage = ZONE
            self.supervised = False

    def can_supervise(self) -> int:
        """ACCEPTED while there is something for a supervisor to unlock, else why not."""
        if self.stage != CONFIRM:
            return REFUSED_MOVING
        row = depth.ZONES[self.zone]
        return ACCEPTED if row.supervised_cap_um > row.cap_um else REFUSED_NOTHING_ALLOWED

    def supervise(self, proven: bool) -> int:
        """A supervisor unlocks the zone's higher cap, for this session only; `proven` by the code."""
        answer = self.can_supervise()
        if answer != ACCEPTED:
            return answer
        if proven is not True:
            return REFUSED_WRONG_CODE
        self.supervised = True
        self._set_limits(self.indication)
        return ACCEPTED

    def confirm(self, battery_ok: bool) -> int:
        """Zone, indication and limit were read and confirmed; the cartridge is marked next."""
        if self.stage != CONFIRM:
            return REFUSED_MOVING
        if self.overdue is not False:
            return REFUSED_DUE
        if self.limits.max_um < self.reach_um:
            return REFUSED_REACH
        if battery_ok is not True:
            return REFUSED_BATTERY
        self.stage = MARKING
        return ACCEPTED

    # -- the session --------------------------------------------------------------------------------

    def open(self, now_ms: int):
        """The cartridge is proven marked: the session is open. ValueError unless it was being marked."""
        if self.stage != MARKING:
            raise ValueError("a session opens only after its cartridge is marked")
        self.stage = ACTIVE
        self.started_ms = now_ms

    def is_open(self) -> bool:
        return self.stage == ACTIVE

    def change_depth(self, direction: int, moving: bool) -> int:
        """One grid step deeper (+1) or shallower (-1), else ValueError; ACCEPTED or the limit that bound."""
        _check_direction(direction)
        if self.stage != ACTIVE or moving is not False:
            return REFUSED_MOVING
        wanted_um = self.depth_um + direction * depth.DEPTH_STEP_UM
        if wanted_um > self.limits.max_um:
            return self.limits.reason()
        if wanted_um < self.limits.min_um:
            return REFUSED_SHALLOWEST
        self.depth_um = wanted_um
        return ACCEPTED

    def change_rate(self, direction: int, stroke_us: int, moving: bool) -> int:
        """One hertz faster (+1) or slower (-1); what the zone or the stroke does not allow is refused.

        Counts from the rate that the stroke allows, so that after a change of depth the first press is felt.
        ValueError for another direction.
        """
        _check_direction(direction)
        if self.stage != ACTIVE or moving is not False:
            return REFUSED_MOVING
        now_mhz = depth.clamp_rate(self.zone, self.asked_rate_mhz, stroke_us + MARGIN_US)
        if direction < 0:
            now_mhz += depth.RATE_STEP_MHZ - 1  # from between two steps to the lower one
        wanted_mhz = (now_mhz // depth.RATE_STEP_MHZ + direction) * depth.RATE_STEP_MHZ
        if depth.clamp_rate(self.zone, wanted_mhz, stroke_us + MARGIN_US) != wanted_mhz:
            return REFUSED_RATE
        self.asked_rate_mhz = wanted_mhz
        return ACCEPTED

    def settle_rate(self, stroke_us: int, derated: bool) -> int:
        """Set the rate in force from what was asked for, the stroke's length and the motor's heat; its period in us."""
        wanted_mhz = depth.ZONES[self.zone].rate_min_mhz if derated else self.asked_rate_mhz
        self.rate_mhz = depth.clamp_rate(self.zone, wanted_mhz, stroke_us + MARGIN_US)
        return 1000000000 // self.rate_mhz

    def stroke_done(self):
        self.strokes += 1

    def left_ms(self, now_ms: int) -> int:
        """What is left of the session's time; it runs from opening, in use or not."""
        return max(0, self.session_limit_ms - ticks.diff(now_ms, self.started_ms))

    def end(self, reason: int, now_ms: int):
        """The session is over (`reason` as in journal); the cartridge will not serve another."""
        if self.stage == ACTIVE or self.stage == MARKING:
            self.end_reason = reason
            self.ended_ms = now_ms
            self.stage = SUMMARY

    def summary_read(self):
        if self.stage == SUMMARY:
            self.stage = AFTERCARE

    def aftercare_read(self):
        """Shown to the end. The used cartridge has to come out before the next treatment."""
        if self.stage == AFTERCARE:
            self.stage = NO_CARTRIDGE

    def cartridge_out(self):
        """The cartridge left the pen and its use ends; an open session has to be ended by the caller first."""
        if self.stage != SUMMARY and self.stage != AFTERCARE:
            self.reset()


def _check_direction(direction):
    # a fraction or a leap would leave the grid, and what is not a number passes every limit
    if type(direction) is not int or (direction != 1 and direction != -1):
        raise ValueError("a direction is 1 or -1, not %r" % (direction,))


def out_us(stroke_us: int, inside_um: int, accel_mm_s2: int) -> int:
    """How long the needles of one stroke are past the guide plane, in us, at least 1; never too short a time.

    `stroke_us` is the stroke out and back, `inside_um` (1..INSIDE_MOST_UM) the way from rest to the plane. That way
    begins and ends at rest, so each time it takes sqrt(2 s / a) or more at an acceleration of `accel_mm_s2`
    (1000..20000).
    """
    square = 2000000 * inside_um // accel_mm_s2 * 1000
    inside_us = square
    while inside_us * inside_us > square:  # Newton's method from above ends at the whole part of the root
        inside_us = (inside_us + square // inside_us) // 2
    return max(1, stroke_us - 2 * inside_us)


def glide_limit_um_s(out_us: int) -> int:
    """Fastest glide at which a puncture open for `out_us` is dragged no further than 0.2 mm."""
    return GLIDE_DRAG_UM * 1000000 // max(1, out_us)
