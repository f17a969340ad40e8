"""Homing: finds the home sensor's edge, from which every position counts, and shows that it is the edge.

Invariants: outward goes only homing, a bounded way that the gate counts. The edge is met twice, both times coming in,
and the sensor has to let go in between: one that is stuck or noisy ends homing, not in a wrong place. Nothing here
allocates after construction. docs/motion.md tells the order of a homing and why.
"""

from array import array

import faults
import ticks
from calibration import OFFSET_MAX_UM
from carriage import (
    BUMP_UM,
    COARSE_US,
    CYCLES_PER_US,
    HOME_BUMP,
    HOME_EDGE,
    HOME_FINE,
    HOME_PARK,
    HOME_PROBE,
    HOME_SEEK,
    IDLE,
    RETRACT,
    RETRACT_STEPS,
    SETTLE,
    STEPS_PER_MM,
    Carriage,
)
from gate import step_word
from micropython import const

FINE_US = const(2000)  # 0.6 mm/s: looked at every millisecond, the edge is caught within 1 um
LATE_LOOK_US = const(4000)  # 2.5 um: a look after so long cannot tell where the edge was
INNER_STOP_UM = const(900)  # how far the mechanical stop lies inside the guide plane
STOP_TOLERANCE_UM = const(150)
NEAR_PROBE_STEPS = const(120)
PAST_STEPS = const(32)  # 40 um
LOST_UM = const(60)  # less than a lost cycle of 80, more than a rotor let go of at the stop may begin behind its field
ENCODER_DEAD_UM = const(10)  # seen of those 40, less snapping to the field
SNAP_COUNTS = const(41)  # 40 um, half an electrical cycle
FINE_STEPS = const(240)
EDGE_STEPS = const(12)  # 15 um: so far past the edge the sensor has to go on seeing the needles
AGAIN_STEPS = const(84)  # from there, to 90 um outside the edge
AGAIN_COUNTS = const(8)  # both edges lie within 3 um of each other; a sensor that stuck in between puts them further
REST_COUNTS = const(31)  # 30 um: a rotor that lost its field on the way to rest is 80 um off


class Homing(Carriage):
    """Finding the edge; `motor.Motor` adds the strokes."""

    def __init__(self, gate, encoder, calibration, readings, look, trip):
        Carriage.__init__(self, gate, encoder, calibration, readings, look, trip)
        self._coarse_out = array("I", [step_word(COARSE_US * CYCLES_PER_US, True)])
        self._fine_in = array("I", [step_word(FINE_US * CYCLES_PER_US, False)])
        self._probe_steps = 0
        self._let_go = False
        self._edges = 0

    def start_home(self, now_us: int) -> bool:
        """Find the home edge; False if the gate will not arm.

        Inward until the sensor sees the needles. If it saw them from the start it may be stuck, so the inner
        stop has to be felt first. Then outward, a bounded way, until it lets go, and slowly inward to the
        edge: always approached from the same side. Then once more.
        """
        self.homed = False
        self.retracted = False
        self._in_step = False
        self._edges = 0
        self._new_rest()
        seek = HOME_BUMP if self._readings.home else HOME_SEEK
        return self._slow(0, self._coarse_in, RETRACT_STEPS, COARSE_US, seek, now_us)

    def _poll_seek(self, now_us):
        if self._readings.home:
            self._probe_steps = NEAR_PROBE_STEPS
            self._stop_then(HOME_PROBE, now_us)
        elif self._bumped(now_us):
            # at the inner stop without having seen the sensor, or nothing moved at all
            self._fail_moving(faults.HOME_SENSOR if self._moved_um() >= BUMP_UM else faults.JAM)
        elif self._over(now_us):
            self._fail_moving(faults.HOMING)

    def _poll_bump(self, now_us):
        if not self._readings.home:
            # switched on, the rotor snaps to its field and may jump out past the edge; further in it may not let go
            if self._count_start - self._encoder.count() < SNAP_COUNTS:
                self.doing = HOME_SEEK
            else:
                self._fail_moving(faults.HOME_SENSOR)
        elif self._bumped(now_us):
            # without a calibration the edge may lie wherever one is accepted
            edge_um = self._calibration.offset_um if self._calibrated else OFFSET_MAX_UM
            far_um = edge_um + INNER_STOP_UM + STOP_TOLERANCE_UM
            self._probe_steps = far_um * STEPS_PER_MM // 1000
            self._stop_then(HOME_PROBE, now_us)
        elif self._over(now_us):
            self._fail_moving(faults.HOMING)

    def _poll_probe(self, now_us):
        if self._let_go:
            if self._over(now_us):
                if self._moved_um() < ENCODER_DEAD_UM:
                    # seen again, the needles did come back
                    self._fail_moving(faults.SLIP if self._readings.home else faults.ENCODER)
                else:
                    self._stop_then(HOME_FINE, now_us)
        elif not self._readings.home:
            # on past the play of the nut, so that the edge is met on the way in, well under way
            self._let_go = True
            self._end_us = ticks.add(now_us, PAST_STEPS * self._step_us)
        elif self._over(now_us):
            told_um = self._probe_steps * 1000 // STEPS_PER_MM
            moved_um = self._moved_um()
            if moved_um * 2 <= told_um:
                self._fail_moving(faults.JAM)
            else:
                self._fail_moving(faults.SLIP if told_um - moved_um > LOST_UM else faults.HOME_SENSOR)

    def _poll_fine(self, now_us):
        if self._readings.home:
            self._edge_found(now_us)
        elif self._over(now_us):
            self._fail_moving(faults.HOME_SENSOR)
        else:
            self._window_us = now_us  # the last look that did not see them

    def _edge_found(self, now_us):
        late = ticks.diff(now_us, self._window_us) > LATE_LOOK_US
        if self._edges and not late and abs(self._encoder.count()) > AGAIN_COUNTS:
            # a sensor that is unsteady, or a rotor that lost its field at one of the two: which, nobody can tell
            self._fail_moving(faults.HOMING)
            return
        if not (late and self._edges):
            self._encoder.zero()
            self._edge_steps = self._gate.position()
        if not late:  # else it is met once more, whatever this one says
            self._edges += 1
        self._end_us = ticks.add(now_us, EDGE_STEPS * FINE_US)
        self.doing = HOME_EDGE

    def _poll_edge(self, now_us):
        if not self._readings.home:
            # the encoder tells needles that are out again from a sensor that lets go of them
            self._fail_moving(faults.SLIP if self._encoder.count() > REST_COUNTS else faults.HOME_SENSOR)
        elif self._over(now_us):
            if self._edges < 2:
                self._probe_steps = AGAIN_STEPS
                self._stop_then(HOME_PROBE, now_us)
            else:
                self._stop_then(HOME_PARK, now_us)

    def _settled(self, now_us):
        following = self._following
        if following == HOME_PROBE:
            steps = self._probe_steps
            self._let_go = False
            self._next_move(steps, self._coarse_out, steps, COARSE_US, HOME_PROBE, now_us)
            return
        if following == HOME_FINE:
            self._next_move(0, self._fine_in, FINE_STEPS, FINE_US, HOME_FINE, now_us)
            return
        if following == HOME_PARK:
            self._at_steps = self._gate.position() - self._edge_steps
        if self._rest_steps < self._at_steps:
            self._go_to_rest(now_us)  # or a cartridge was read meanwhile
        elif abs(self._encoder.count() - self._at_steps * 128 // 100) > REST_COUNTS:
            self._fail(faults.SLIP)
        else:
            self._rest_steps = self._at_steps
            self._planned_um = -1
            self.doing = IDLE
            self.homed = True
            self.retracted = True
            self._in_step = True

    def _poll_park(self, now_us):
        if self._over(now_us):
            self._stop_then(IDLE, now_us)

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
        elif doing == HOME_EDGE:
            self._poll_edge(now_us)
        elif doing == HOME_PARK:
            self._poll_park(now_us)
        elif doing == SETTLE:
            if self._over(now_us):
                self._settled(now_us)
        elif doing == RETRACT:
            self._poll_retract(now_us)
