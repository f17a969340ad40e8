"""Where the needles are, and what moves them without a permit: homing, retract, and the way to rest.

Invariants: outward goes only homing, a bounded way that the gate counts, to find the home sensor's edge; a retract
runs with the ceiling at zero. Positions are microsteps from the home edge, inward negative. Nothing here allocates
after construction. docs/motion.md tells the order of a homing and why.
"""

from array import array

import faults
import ticks
from calibration import OFFSET_MAX_UM
from gate import Chain, step_word
from micropython import const

STEPS_PER_MM = const(800)
REST_STEPS = const(-16)  # parked 20 um inside the home sensor's edge at least,
REST_UM = const(-120)  # and the tips of this cartridge so far inside the guide plane

COARSE_US = const(200)  # a microstep: 6.25 mm/s, under the motor's start-stop rate
FINE_US = const(2000)  # 0.6 mm/s: looked at every millisecond, the edge is caught within 1 um
CYCLES_PER_US = const(125)
RETRACT_STEPS = const(3200)  # 4 mm: from the outer stop to the inner one and then some
INNER_STOP_UM = const(900)  # how far the mechanical stop lies inside the guide plane
STOP_TOLERANCE_UM = const(150)
NEAR_PROBE_STEPS = const(120)
PAST_STEPS = const(32)  # 40 um
ENCODER_DEAD_UM = const(10)  # seen of those 40, less snapping to the field
SNAP_COUNTS = const(41)  # 40 um, half an electrical cycle
FINE_STEPS = const(240)
BUMP_UM = const(60)  # moved less than this before it stood: it never moved
WINDOW_STEPS = const(96)  # 120 um: over so much the needles have to make half of the way
SETTLE_US = const(4000)

# What the motor is doing
IDLE = const(0)
OUT = const(1)
IN = const(2)
HOME_SEEK = const(3)  # inward until the home sensor sees the needles
HOME_BUMP = const(4)  # inward to the stop: the sensor saw them from the start
HOME_PROBE = const(5)  # outward, a bounded way, until the sensor lets go
HOME_FINE = const(6)  # inward to the edge
HOME_PARK = const(7)  # on to the resting place
SETTLE = const(8)
RETRACT = const(9)


class Homing:
    """The slow motions of one pen's carriage, and its geometry; `motor.Motor` adds the strokes."""

    def __init__(self, gate, encoder, calibration, readings, look, trip):
        self._gate = gate
        self._encoder = encoder
        self._readings = readings
        self._look = look
        self._trip = trip
        self._chain = Chain(7)
        self._coarse_in = array("I", [step_word(COARSE_US * CYCLES_PER_US, False)])
        self._coarse_out = array("I", [step_word(COARSE_US * CYCLES_PER_US, True)])
        self._fine_in = array("I", [step_word(FINE_US * CYCLES_PER_US, False)])
        self._calibration = calibration
        self._calibrated = False
        self._cartridge_um = 0
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
        self._step_us = 0
        self._window_us = 0
        self._window_count = 0
        self._still = 0
        self._probe_steps = 0
        self._let_go = False
        self._to_stop = False
        self._ceiling_steps = 0  # of a static move, and how much of it goes back
        self._back_steps = 0

    # -- geometry -----------------------------------------------------------------------------------

    def calibrated(self):
        """The calibration record is valid."""
        self._calibrated = True
        self._new_rest()

    def use_cartridge(self, zero_offset_um: int):
        """Tips of this cartridge stand so much further out than the reference tip."""
        self._cartridge_um = zero_offset_um
        self._new_rest()

    def _new_rest(self):
        rest_steps = min(REST_STEPS, self.steps_for(REST_UM))
        # at home already: only ever further in
        self._rest_steps = min(self._at_steps, rest_steps) if self.homed else rest_steps
        self._planned_um = -1

    def steps_for(self, extension_um: int) -> int:
        """Microsteps from the home edge to an extension, rounded inward."""
        return self._calibration.steps_for(extension_um - self._cartridge_um)

    def extension_um(self) -> int:
        """Where the encoder says the tips are; only meaningful once homed."""
        if not self._calibrated:
            return 0
        return self._calibration.extension_at_counts(self._encoder.count()) + self._cartridge_um

    # -- homing and retract -------------------------------------------------------------------------

    def start_home(self, now_us: int) -> bool:
        """Find the home edge; False if the gate will not arm.

        Inward until the sensor sees the needles. If it saw them from the start it may be stuck, so the inner
        stop has to be felt first. Then outward, a bounded way, until it lets go, and slowly inward to the
        edge: always approached from the same side.
        """
        self.homed = False
        self.retracted = False
        self._new_rest()
        seek = HOME_BUMP if self._readings.home else HOME_SEEK
        return self._slow(0, self._coarse_in, RETRACT_STEPS, COARSE_US, seek, now_us)

    def start_retract(self, to_stop: bool, now_us: int) -> bool:
        """Get the needles in, with the ceiling at zero. Position is not trusted afterwards.

        `to_stop`: the home sensor is not to be trusted either; go on until the carriage stands.
        """
        self.homed = False
        self.retracted = False
        self._to_stop = to_stop
        return self._slow(0, self._coarse_in, RETRACT_STEPS, COARSE_US, RETRACT, now_us)

    def park(self, now_us: int):
        """After a change of cartridge: further in, if its longer needles would stand out where they are."""
        if self.homed and self.doing == IDLE and self._rest_steps < self._at_steps:
            self._go_to_rest(now_us)

    def _go_to_rest(self, now_us):
        way = self._at_steps - self._rest_steps
        self._at_steps = self._rest_steps
        self._next_move(0, self._coarse_in, way, COARSE_US, HOME_PARK, now_us)

    def _slow(self, ceiling, words, steps, step_us, doing, now_us):
        """Arm for a slow constant motion and start it; a gate that will not arm ends homing."""
        self._armed_for = -1
        if not self._gate.arm(ceiling):
            self.doing = IDLE
            return False
        self._planned_um = -1
        self._chain.clear()
        self._chain.add_repeat(words, 0, steps)
        self._count_start = self._encoder.count()
        self._started_us = now_us
        self._step_us = step_us
        self._end_us = ticks.add(now_us, steps * step_us)
        self._window_us = now_us
        self._window_count = self._count_start
        self._still = 0
        self._let_go = False
        self._gate.start(self._chain)
        self.doing = doing
        return True

    def _next_move(self, ceiling, words, steps, step_us, doing, now_us):
        if not self._slow(ceiling, words, steps, step_us, doing, now_us):
            self._fail(faults.HOMING)

    def _bumped(self, now_us):
        """The needles stand still, or go the wrong way, while the steps go on: twice in a row, so that a
        carriage that still coasted when the motion began is not taken for one at its stop."""
        if ticks.diff(now_us, self._window_us) < WINDOW_STEPS * self._step_us:
            return False
        counts = self._encoder.count()
        inward = self._window_count - counts
        self._window_us = now_us
        self._window_count = counts
        if inward * 100 * 2 >= WINDOW_STEPS * 128:
            self._still = 0
            return False
        self._still += 1
        return self._still >= 2

    def _moved_um(self):
        return abs(self._encoder.count() - self._count_start) * 1000 // 1024

    def _stop_then(self, following, now_us):
        self._gate.disarm()
        self._following = following
        self._end_us = ticks.add(now_us, SETTLE_US)
        self.doing = SETTLE

    def _fail(self, code):
        self._gate.disarm()
        self.doing = IDLE
        self._trip(code)

    def _over(self, now_us):
        return ticks.diff(now_us, self._end_us) >= 0

    def _poll_seek(self, now_us):
        if self._readings.home:
            self._probe_steps = NEAR_PROBE_STEPS
            self._stop_then(HOME_PROBE, now_us)
        elif self._bumped(now_us):
            # at the inner stop without having seen the sensor, or nothing moved at all
            self._fail(faults.HOME_SENSOR if self._moved_um() >= BUMP_UM else faults.JAM)
        elif self._over(now_us):
            self._fail(faults.HOMING)

    def _poll_bump(self, now_us):
        if not self._readings.home:
            # switched on, the rotor snaps to its field and may jump out past the edge; further in it may not let go
            if self._count_start - self._encoder.count() < SNAP_COUNTS:
                self.doing = HOME_SEEK
            else:
                self._fail(faults.HOME_SENSOR)
        elif self._bumped(now_us):
            # without a calibration the edge may lie wherever one is accepted
            edge_um = self._calibration.offset_um if self._calibrated else OFFSET_MAX_UM
            far_um = edge_um + INNER_STOP_UM + STOP_TOLERANCE_UM
            self._probe_steps = far_um * STEPS_PER_MM // 1000
            self._stop_then(HOME_PROBE, now_us)
        elif self._over(now_us):
            self._fail(faults.HOMING)

    def _poll_probe(self, now_us):
        if self._let_go:
            if self._over(now_us):
                if self._moved_um() < ENCODER_DEAD_UM:
                    self._fail(faults.ENCODER)
                else:
                    self._stop_then(HOME_FINE, now_us)
        elif not self._readings.home:
            # on past the play of the nut, so that the edge is met on the way in, well under way
            self._let_go = True
            self._end_us = ticks.add(now_us, PAST_STEPS * self._step_us)
        elif self._over(now_us):
            told_um = self._probe_steps * 1000 // STEPS_PER_MM
            self._fail(faults.HOME_SENSOR if self._moved_um() * 2 > told_um else faults.JAM)

    def _poll_fine(self, now_us):
        if self._readings.home:
            self._encoder.zero()
            self._stop_then(HOME_PARK, now_us)
        elif self._over(now_us):
            self._fail(faults.HOME_SENSOR)

    def _settled(self, now_us):
        following = self._following
        if following == HOME_PROBE:
            steps = self._probe_steps
            self._next_move(steps, self._coarse_out, steps, COARSE_US, HOME_PROBE, now_us)
        elif following == HOME_FINE:
            self._next_move(0, self._fine_in, FINE_STEPS, FINE_US, HOME_FINE, now_us)
        elif following == HOME_PARK:
            self._at_steps = 0
            self._go_to_rest(now_us)
        elif self._rest_steps < self._at_steps:
            self._go_to_rest(now_us)  # a cartridge was read meanwhile
        else:
            self._rest_steps = self._at_steps
            self._planned_um = -1
            self.doing = IDLE
            self.homed = True
            self.retracted = True

    def _poll_park(self, now_us):
        if self._over(now_us):
            self._stop_then(IDLE, now_us)

    def _poll_retract(self, now_us):
        home = self._readings.home == 1 and not self._to_stop
        # an encoder that saw nothing from the start may be dead: then the steps are all there is to go by
        stands = self._bumped(now_us) and (self._to_stop or self._moved_um() >= BUMP_UM)
        if home or stands or self._over(now_us):
            self._gate.disarm()
            self.doing = IDLE
            self.retracted = home

    def poll_slow(self, now_us: int):
        """Carry on with what is under way, unless it is a stroke."""
        self._look()
        doing = self.doing
        if doing == HOME_SEEK:
            self._poll_seek(now_us)
        elif doing == HOME_BUMP:
            self._poll_bump(now_us)
        elif doing == HOME_PROBE:
            self._poll_probe(now_us)
        elif doing == HOME_FINE:
            self._poll_fine(now_us)
        elif doing == HOME_PARK:
            self._poll_park(now_us)
        elif doing == SETTLE:
            if self._over(now_us):
                self._settled(now_us)
        elif doing == RETRACT:
            self._poll_retract(now_us)
