"""Where the needle carriage is, and its slow motions: to rest, and in after a fault.

Invariants: a retract runs with the ceiling at zero, and ends when two witnesses say that the needles are in. A motion
has ended when the gate has no steps left and the encoder stands. Positions are microsteps from the home edge, inward
negative. Nothing here allocates after construction. docs/motion.md tells why a pull starts where it does.
"""

from array import array

import faults
import inputs
import micropython
import ticks
from gate import Chain, step_word
from micropython import const

STEPS_PER_MM = const(800)
REST_STEPS = const(-16)  # parked 20 um inside the home sensor's edge at least,
REST_UM = const(-120)  # the tips of this cartridge so far inside the guide plane,
REFERENCE_REST_UM = const(-220)  # and the reference tip: the longest tips that may be fitted are inside too

COARSE_US = const(200)  # a microstep: 6.25 mm/s, under the motor's start-stop rate
CYCLES_PER_US = const(125)
RETRACT_STEPS = const(3200)  # 4 mm: from the outer stop to the inner one and then some
BUMP_UM = const(60)  # moved less than this before it stood: it never moved
WINDOW_STEPS = const(96)  # 120 um: over so much the needles have to make half of the way
SETTLE_US = const(4000)
STILL_US = const(2000)  # after that the encoder stands when it counted no more than this in so long
STILL_COUNTS = const(1)
UNSETTLED_US = const(200000)  # a carriage that goes on for so long without the drive is moved by something else

# The motor's field repeats every PERIOD_STEPS; a rotor that it meets goes to the nearest place that is in step.
PERIOD_STEPS = const(64)  # 80 um
ALIGN_US = const(2)  # a microstep: a period is over before the rotor has moved
BEHIND_STEPS = const(4)  # 5 um: where the field is put, inward of the rotor
NEAR_STEPS = const(8)  # up to there it may be: it pulls inward as it is
HELD_STEPS = const(20)  # 25 um: a rotor that follows is not so far behind; from 40 um on it would be pulled outward
MOVED_COUNTS = const(10)  # a carriage that is held moves less

REST_PLAY_COUNTS = const(20)  # so far out of its rest an encoder still says in: the longest tips are inside there

# What the motor is doing
IDLE = const(0)
OUT = const(1)
IN = const(2)
HOME_BUMP = const(4)  # inward to the stop
HOME_PROBE = const(5)  # outward, a bounded way, until the sensor lets go
HOME_FINE = const(6)  # inward to the edge
HOME_EDGE = const(7)  # past it: the sensor has to go on seeing them
HOME_PARK = const(8)  # on to the resting place
SETTLE = const(9)
RETRACT = const(10)


class Sight:
    """What the home line said while a move is looked after: no single look counts, so many alike over so long do."""

    def __init__(self):
        self._level = -1
        self._looks = 0
        self._since_us = 0
        self._last_us = 0

    def forget(self):
        """What was seen before a move is no part of what is seen in it."""
        self._level = -1

    def take(self, level: int, now_us: int):
        """One more look."""
        if level != self._level or ticks.diff(now_us, self._last_us) > inputs.GAP_MS * 1000:
            self._level = level
            self._since_us = now_us
            self._looks = 0
        self._looks += 1
        self._last_us = now_us

    def sure(self, level: int, held_us: int = inputs.HOME_MS * 1000) -> bool:
        """All looks of the last `held_us` and more said `level`."""
        if self._level != level or self._looks < inputs.HOME_READINGS:
            return False
        return ticks.diff(self._last_us, self._since_us) >= held_us


class Carriage:
    """One pen's carriage: geometry, rest and retract. `homing.Homing` adds finding the edge, `motor.Motor` strokes."""

    def __init__(self, gate, encoder, calibration, readings, look, trip):
        self._gate = gate
        self._encoder = encoder
        self._readings = readings
        self._look = look
        self._trip = trip
        self._chain = Chain(7)
        self._align_in = array("I", [step_word(ALIGN_US * CYCLES_PER_US, False)])
        self._coarse_in = array("I", [step_word(COARSE_US * CYCLES_PER_US, False)])
        self._coarse_out = array("I", [step_word(COARSE_US * CYCLES_PER_US, True)])
        self._calibration = calibration
        self._calibrated = False
        self._cartridge_um = 0
        self._fitted = False  # to what was read of it
        self.doing = IDLE
        self.homed = False
        self.retracted = False
        self._rest_steps = REST_STEPS
        self._at_steps = REST_STEPS  # where the needles were parked
        self._planned_um = -1  # the depth that the chain holds a stroke for; -1: none
        self._armed_for = -1
        self._started_us = 0
        self._end_us = 0
        self._count_start = 0
        self._following = IDLE
        self._window_us = 0
        self._window_steps = 0
        self._window_count = 0
        self._still = 0
        self._edge_steps = 0  # the gate's position at the home edge, where encoder and field were in step
        self._in_step = False  # and they still tell each other
        self._to_stop = False
        self.known = False  # the encoder was zeroed at a home edge that was proven, and nothing spoke against it since
        self._sight = Sight()
        self._pulling = False
        self._from_count = 0  # of the encoder, where a pull or a homing began
        self._give_up_us = 0
        self._ceiling_steps = 0  # of a static move, and how much of it goes back
        self._back_steps = 0

    # -- geometry -----------------------------------------------------------------------------------

    def calibrated(self):
        """The calibration record is valid."""
        self._calibrated = True
        self._new_rest()

    def use_cartridge(self, zero_offset_um: int, rest: bool = True):
        """Tips of this cartridge stand so much further out than the reference tip, -200..200 um.

        With `rest` the needles will rest where its tips are well inside; without, it makes no strokes, or its offset
        is a guess.
        """
        self._cartridge_um = zero_offset_um
        self._fitted = rest
        self._new_rest()

    def _new_rest(self):
        rest_steps = min(REST_STEPS, self._calibration.steps_for(REFERENCE_REST_UM))
        if self._fitted:
            rest_steps = min(rest_steps, self.steps_for(REST_UM))
        # at home already: only ever further in
        self._rest_steps = min(self._at_steps, rest_steps) if self.homed else rest_steps
        self._planned_um = -1

    def steps_for(self, extension_um: int) -> int:
        """Microsteps from the home edge to an extension, rounded inward."""
        return self._calibration.steps_for(extension_um - self._cartridge_um)

    def inside_um(self) -> int:
        """How far inside the guide plane the tips are at rest; never too far."""
        return -self._calibration.extension_at_steps(self._rest_steps) - self._cartridge_um

    def extension_um(self) -> int:
        """Where the encoder says the tips are; only meaningful once homed."""
        if not self._calibrated:
            return 0
        return self._calibration.extension_at_counts(self._encoder.count()) + self._cartridge_um

    @micropython.native
    def extension_at(self, count: int) -> int:
        """The same from a count of the encoder's program that was looked up already."""
        if not self._calibrated:
            return 0
        counts = ((count - self._encoder.offset & 0xFFFF) ^ 0x8000) - 0x8000
        return self._calibration.extension_at_counts(counts) + self._cartridge_um

    # -- slow motions -------------------------------------------------------------------------------

    def park(self, now_us: int):
        """After a change of cartridge: further in, if its longer needles would stand out where they are."""
        if self.homed and self.doing == IDLE and self._rest_steps < self._at_steps:
            self._go_to_rest(now_us)

    def _go_to_rest(self, now_us):
        way = self._at_steps - self._rest_steps
        self._next_move(0, self._coarse_in, way, COARSE_US, HOME_PARK, now_us)

    def _slow(self, ceiling, words, steps, step_us, doing, now_us, align=0, coarse=0):
        """Arm for a slow constant motion and start it, `align` quick microsteps inward or `coarse` ones outward first.

        A gate that will not arm ends it.
        """
        self._armed_for = -1
        if not self._gate.arm(ceiling):
            self.doing = IDLE
            return False
        self._planned_um = -1
        self._chain.clear()
        if align:
            self._chain.add_repeat(self._align_in, 0, align)
        if coarse:
            self._chain.add_repeat(self._coarse_out, 0, coarse)
        self._chain.add_repeat(words, 0, steps)
        self._count_start = self._encoder.count()
        self._started_us = now_us
        self._end_us = ticks.add(now_us, steps * step_us + coarse * COARSE_US)
        self._window_us = now_us
        self._window_steps = self._gate.position()
        self._window_count = self._count_start
        self._still = 0
        self._sight.forget()
        self._gate.start(self._chain)
        self.doing = doing
        return True

    def _next_move(self, ceiling, words, steps, step_us, doing, now_us, coarse=0):
        if not self._slow(ceiling, words, steps, step_us, doing, now_us, 0, coarse):
            self._look()  # the last one may be older than what opened the loop
            self._fail_moving(faults.HOMING)

    def _watch_stand(self):
        """Count in `_still` how often in a row the needles stood still, or went the wrong way, over WINDOW_STEPS.

        Twice is a stand: a carriage that still coasted when the motion began is not taken for one at its stop.
        """
        at = self._gate.position()
        if self._window_steps - at < WINDOW_STEPS:
            return
        counts = self._encoder.count()
        moved = (self._window_count - counts) * 100 * 2 >= WINDOW_STEPS * 128
        self._window_steps = at
        self._window_count = counts
        self._still = 0 if moved else self._still + 1

    # -- witnesses ----------------------------------------------------------------------------------

    def _past_rest_counts(self):
        """How far out of the place where the tips of this cartridge rest the encoder says that the carriage is."""
        return self._encoder.count() - self._rest_steps * 128 // 100

    def out(self) -> bool:
        """True unless both the home line and an encoder that knows say that the tips are inside the guide plane.

        Long tips stand outside of it while the carriage is inside its edge.
        """
        return self._readings.home == 0 or not self.known or self._past_rest_counts() > REST_PLAY_COUNTS

    def _moved_um(self):
        return abs(self._encoder.count() - self._count_start) * 1000 // 1024

    def _stop_then(self, following, now_us):
        self._gate.disarm()
        self._following = following
        self._wait_still(SETTLE, SETTLE_US, now_us)

    def _wait_still(self, doing, least_us, now_us):
        self._started_us = now_us
        self._window_count = self._encoder.count()
        self._end_us = ticks.add(now_us, least_us)
        self.doing = doing

    def _stands(self, now_us):
        """The time to settle is over and the encoder stands; False too once it was waited for too long: a fault."""
        if not self._over(now_us):
            return False
        counts = self._encoder.count()
        if abs(counts - self._window_count) <= STILL_COUNTS:
            return True
        self._window_count = counts
        self._end_us = ticks.add(now_us, STILL_US)
        if ticks.diff(now_us, self._started_us) < UNSETTLED_US:
            return False
        self.retracted = False
        if self._following != RETRACT:
            self._fail(faults.HOMING)
            return False
        return True

    def _fail_moving(self, code):
        """What was seen while the drive should be on means something else when it is off."""
        if not self._gate.enabled():  # taken away, and this look came before the loop's own
            code = faults.DRIVE_DROPPED if self._readings.interlock else faults.CARTRIDGE_PULLED
        self._fail(code)

    def _fail(self, code):
        self._gate.disarm()
        self.doing = IDLE
        self._trip(code)

    def _over(self, now_us):
        return ticks.diff(now_us, self._end_us) >= 0

    def _given(self, now_us):
        """The time for the steps is over and the gate has none left: the clock alone may have run ahead of it."""
        return self._over(now_us) and not self._gate.busy()

    # -- retract ------------------------------------------------------------------------------------

    def out_of_step(self):
        """The driver lost its registers, and with them where its field stands."""
        self._in_step = False

    def start_retract(self, code: int, now_us: int) -> bool:
        """Get the needles in after the fault `code`, with the ceiling at zero. Position is not trusted afterwards.

        After a fault of the home sensor, or of homing, it goes on until the carriage stands. After a jam or a slip it
        only ever pulls inward, so that a carriage that is let go goes in.
        """
        self.homed = False
        self.retracted = False
        self._to_stop = code == faults.HOME_SENSOR or code == faults.HOMING
        if code == faults.ENCODER:
            self._in_step = False
            self.known = False
        self._pulling = self._in_step and (code == faults.JAM or code == faults.SLIP)
        self._from_count = self._encoder.count()
        self._give_up_us = ticks.add(now_us, RETRACT_STEPS * COARSE_US)
        return self._pull(now_us)

    def _pull(self, now_us):
        """Inward, from a field that does not draw the rotor outward when it is switched on."""
        align = 0
        inward = self._field_inward()
        if self._in_step and inward > NEAR_STEPS:
            align = (BEHIND_STEPS - inward) % PERIOD_STEPS
        return self._slow(0, self._coarse_in, RETRACT_STEPS, COARSE_US, RETRACT, now_us, align)

    def _field_inward(self):
        """Microsteps from the rotor inward to the next place where the field has it, 0..63."""
        ahead = self._gate.position() - self._edge_steps - self._encoder.count() * 100 // 128
        return -ahead % PERIOD_STEPS

    def _held(self):
        """The field went on and the carriage did not."""
        return HELD_STEPS <= self._field_inward() < PERIOD_STEPS - NEAR_STEPS

    def retracting(self) -> bool:
        """A retract is under way, or its carriage has yet to stand."""
        return self.doing == RETRACT or (self.doing == SETTLE and self._following == RETRACT)

    def _poll_retract(self, now_us):
        """It ends when two of three witnesses say in: home line, inner stop, an encoder that knows; else at its end.

        The encoder says so from where the tips of this cartridge rest: long ones stand out while the home line sees
        the carriage. An encoder that saw nothing from the start may be dead, so a stand counts only after some way.
        Where the encoder knows nothing, the whole way and the home line are two.
        """
        self._watch_stand()
        sees = self._sight.sure(1)
        stands = self._still >= 2 and self._moved_um() >= BUMP_UM
        rests = self.known and self._past_rest_counts() <= 0
        proven = int(sees) + int(stands) + int(rests) >= 2
        ends = (proven and (stands or not self._to_stop)) or self._given(now_us)
        if self._pulling and not ends and self._held():
            if abs(self._encoder.count() - self._from_count) >= MOVED_COUNTS:
                self._pulling = False  # it does move: encoder and field no longer tell each other
            elif ticks.diff(now_us, self._give_up_us) < 0 and self._pull(now_us):
                return
            else:
                ends = True
        if ends:
            self.retracted = proven or (sees and not self.known)
            self._stop_then(RETRACT, now_us)
