"""Homing: finds the home sensor's edge, from which every position counts, and shows that it is the edge.

Invariants: outward goes only homing, a bounded way that the gate counts, and only from the inner stop, where both the
encoder (it stands while the steps go on) and the home line say that the needles are in; nothing goes further out than
the first way outward did. The edge is met twice, both times coming in, and the sensor has to let go in between: one
that is stuck or noisy ends homing, not in a wrong place. Witnesses that disagree cost a way to the stop and one more
try. Nothing here allocates after construction. docs/motion.md tells the order of a homing and why.
"""

from array import array

import faults
import ticks
from calibration import OFFSET_MAX_UM, OFFSET_MIN_UM
from carriage import (
    BUMP_UM,
    COARSE_US,
    CYCLES_PER_US,
    HOME_BUMP,
    HOME_EDGE,
    HOME_FINE,
    HOME_PARK,
    HOME_PROBE,
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
NEAREST_STOP_UM = const(850)  # at least so far, where the calibration does not tell the way from there to the edge
STOP_TOLERANCE_UM = const(150)
SWING_UM = const(25)  # the nut may swing so far past the last step
SNAP_UM = const(55)  # a rotor is drawn on by half a period at most when it is switched on, and through the play
STOP_SURE_US = const(30000)  # longer than a burst: so long the home line has to see the needles before the way out
AGAIN_UM = const(30)  # between two homings the stop stays where it is
FLIPS = const(8)  # the home line changes more often on one way outward: noise
BOUNCE_UM = const(80)  # the carriage bounces off it by a period at most while the steps go on
PROBE_US = const(1000)  # 1.25 mm/s where the edge may be: a line that is wrong for 25 ms costs 31 um
PAST_STEPS = const(32)
PAST_UM = const(40)
LOST_UM = const(60)  # less than a lost cycle of 80, more than a rotor let go of at the stop may begin behind its field
ENCODER_DEAD_UM = const(10)  # seen of those 40, less snapping to the field
# a home line that says out where the carriage stands for so long, without a break: then once more, as a jam may let go
BLIND_US = const(100000)
BLIND_AGAIN_US = const(400000)
OUTER_STEPS = const(12)  # 15 um
TRIES = const(2)
EDGE_LOOKS = const(3)  # in a row: the first of them is the edge
FINE_STEPS = const(240)
EDGE_STEPS = const(12)  # 15 um: so far past the edge the sensor has to go on seeing the needles
AGAIN_STEPS = const(84)  # from there, to 90 um outside the edge
AGAIN_COUNTS = const(8)  # both edges lie within 3 um of each other; a sensor that stuck in between puts them further
INSIDE_COUNTS = const(41)  # an encoder that knows says no more inside the edge: the play, and half of a slip
REST_COUNTS = const(31)  # 30 um: a rotor that lost its field on the way to rest is 80 um off


class Homing(Carriage):
    """Finding the edge; `motor.Motor` adds the strokes."""

    def __init__(self, gate, encoder, calibration, readings, look, trip):
        Carriage.__init__(self, gate, encoder, calibration, readings, look, trip)
        self._probe_out = array("I", [step_word(PROBE_US * CYCLES_PER_US, True)])
        self._fine_in = array("I", [step_word(FINE_US * CYCLES_PER_US, False)])
        self._probe_steps = 0
        self._probe_coarse = 0  # of them, at first and quickly: the edge cannot be so far in
        self._probe_end_um = 0  # outward of where the encoder was innermost
        self._last_um = 0  # and no probe goes further
        self._dark_steps = 0  # outward between two looks that both did not see the needles
        self._lit = True
        self._flips = 0
        self._inner_count = 0  # how far in the encoder was, coming to the stop
        self.way_um = 0  # from there to the edge, as the last homing of this life found it
        self.blunt = False  # the gauge tip is fitted: no needles
        self._outer_steps = 0  # the gate's position where the first way outward ended
        self._edges = 0
        self._edge_looks = 0
        self._edge_late = False
        self._edge_count = 0
        self._edge_at = 0
        self._tries = 0

    def homing_reach_um(self) -> int:
        """How far out the tips of this cartridge may stand while home is found, whatever the home line says."""
        return self._calibration.offset_um + STOP_TOLERANCE_UM + self._cartridge_um

    def start_home(self, now_us: int) -> bool:
        """Find the home edge; False if the gate will not arm.

        Inward to the inner stop, whatever the sensor says. Then outward, a bounded way, until it lets go, and
        slowly inward to the edge: always approached from the same side. Then once more.
        """
        self.homed = False
        self.retracted = False
        self._in_step = False
        self._edges = 0
        self._tries = 0
        self._new_rest()
        self._inner_count = self._from_count = self._encoder.count()
        return self._slow(0, self._coarse_in, RETRACT_STEPS, COARSE_US, HOME_BUMP, now_us)

    def _again(self, code, now_us):
        """Two witnesses disagree: to the stop, and everything anew. The last time it is `code`."""
        self._tries += 1
        if self._tries >= TRIES or not self._gate.enabled():
            self._fail_moving(code)
        else:
            self._edges = 0
            self._stop_then(HOME_BUMP, now_us)

    def _inside(self):
        """An encoder that knows says that the carriage is inside the home edge."""
        return self.known and self._encoder.count() <= INSIDE_COUNTS

    def _poll_bump(self, now_us):
        self._watch_stand()
        self._inner_count = min(self._inner_count, self._encoder.count())
        if self._still >= 2:
            # the carriage stands while the steps go on; so it does at a jam, or for an encoder that is dead
            if self._sight.sure(1, STOP_SURE_US):
                self._at_stop(now_us)
                return
            if self._sight.sure(0, BLIND_AGAIN_US if self._tries else BLIND_US):
                came = abs(self._encoder.count() - self._from_count) * 1000 >= BUMP_UM * 1024
                self._again(faults.HOME_SENSOR if came or self._inside() else faults.JAM, now_us)
                return
        if self._given(now_us):
            self._again(faults.HOMING, now_us)

    def _at_stop(self, now_us):
        if self.known and not self._inside():
            # held further out, under a home line that is wrong; or the encoder is: it is asked once
            self.known = False
            self._fail_moving(faults.JAM)
            return
        # without a calibration the edge may lie wherever one is accepted
        least_um = OFFSET_MIN_UM + INNER_STOP_UM
        most_um = OFFSET_MAX_UM + INNER_STOP_UM
        if self._calibrated:
            least_um = most_um = self._calibrated_way_um()
        self._probe_end_um = self._last_um = most_um + STOP_TOLERANCE_UM - SWING_UM
        if not self._calibration.way_um:
            self._last_um += PAST_UM  # the stop counts as nearer than most are
        inside_um = least_um - STOP_TOLERANCE_UM - BOUNCE_UM
        if self.way_um and self._tries == 0:
            self._probe_end_um = min(self._probe_end_um, self.way_um + AGAIN_UM + PAST_UM)
            inside_um = self.way_um - AGAIN_UM - BOUNCE_UM
        # a second try is slow all the way: the stop may have been none
        self._probe_coarse = 0 if self._tries else max(0, inside_um * STEPS_PER_MM // 1000)
        self._stop_then(HOME_PROBE, now_us)

    def _calibrated_way_um(self):
        """From the stop to the home edge, in um of a nominal screw: as on record, else as if the stop were nearest."""
        calibration = self._calibration
        if calibration.way_um:
            return calibration.way_um
        stop_um = INNER_STOP_UM if self.blunt else NEAREST_STOP_UM
        return calibration.steps_for(2 * calibration.offset_um + stop_um) * 1000 // STEPS_PER_MM

    def _out_um(self):
        return (self._encoder.count() - self._inner_count) * 1000 // 1024

    def _poll_probe(self, now_us):
        home = self._readings.home
        at = self._gate.position()
        if not home and not self._lit:
            self._dark_steps += at - self._window_steps
        if home != self._lit:
            self._flips += 1
        self._lit = home
        self._window_steps = at
        moved_um = self._moved_um()
        if self._dark_steps >= PAST_STEPS and not home:
            # past the play of the nut, so that the edge is met on the way in, well under way
            if moved_um < ENCODER_DEAD_UM:
                self._again(faults.ENCODER, now_us)
            else:
                if not self._edges:
                    self._outer_steps = at
                self._stop_then(HOME_FINE, now_us)
        elif self._flips > FLIPS:
            self._again(faults.HOME_SENSOR, now_us)
        elif self._given(now_us) or self._out_um() > self._probe_end_um:
            told_um = (self._probe_steps - max(0, self._gate.remaining_steps())) * 1000 // STEPS_PER_MM
            left_um = self._probe_end_um - self._out_um()
            late = not home and not self._edges and self._probe_steps > PAST_STEPS
            moved = moved_um * 2 > told_um and told_um - moved_um <= LOST_UM
            if moved and not self._edges and left_um > 0:
                # the steps are over, and by the encoder the way is not
                more = left_um * STEPS_PER_MM // 1000 + 1
                begun = self._count_start
                self._next_move(more, self._probe_out, more, PROBE_US, HOME_PROBE, now_us)
                self._probe_steps += more
                self._count_start = begun  # the whole way is what is judged
            elif late and moved_um * 2 > told_um and self._out_um() + PAST_UM - SWING_UM < self._last_um:
                # met so late that the way past it is left to go; the gate lets through that much and no more
                if self._sight.sure(0):
                    self._probe_steps = PAST_STEPS
                    self._probe_end_um = min(self._out_um() + PAST_UM + SWING_UM, self._last_um)
                    self._dark_steps = 0  # what the encoder has seen of the way is counted from here as well
                    self._next_move(PAST_STEPS, self._probe_out, PAST_STEPS, PROBE_US, HOME_PROBE, now_us)
            elif self._dark_steps and moved_um < ENCODER_DEAD_UM:
                # seen again, the needles did come back
                self._again(faults.SLIP if home else faults.ENCODER, now_us)
            elif moved_um * 2 <= told_um:
                self._fail_moving(faults.JAM)
            elif told_um - moved_um > LOST_UM:
                self._fail_moving(faults.SLIP)
            else:
                self._again(faults.HOME_SENSOR, now_us)

    def _poll_fine(self, now_us):
        if self._readings.home:
            if self._edge_looks == 0:
                self._edge_late = ticks.diff(now_us, self._window_us) > LATE_LOOK_US
                self._edge_count = self._encoder.count()
                self._edge_at = self._gate.position()
            self._edge_looks += 1
            if self._edge_looks >= EDGE_LOOKS:
                self._edge_found(now_us)
        elif self._given(now_us):
            self._again(faults.HOME_SENSOR, now_us)
        else:
            self._edge_looks = 0
            self._window_us = now_us  # the last look that did not see them

    def _edge_found(self, now_us):
        late = self._edge_late
        if self._edges and not late and abs(self._edge_count) > AGAIN_COUNTS:
            # a sensor that is unsteady, or a rotor that lost its field at one of the two: which, nobody can tell
            self._again(faults.HOMING, now_us)
            return
        if not (late and self._edges):
            self.known = False  # until both edges agree
            self._encoder.zero_at(self._edge_count)
            self._inner_count -= self._edge_count
            self._edge_steps = self._edge_at
        if not late:  # else it is met once more, whatever this one says
            self._edges += 1
        self.doing = HOME_EDGE

    def _poll_edge(self, now_us):
        if not self._readings.home:
            # the encoder tells needles that are out again from a sensor that lets go of them
            if self._encoder.count() > REST_COUNTS:
                self._fail_moving(faults.SLIP)
            else:
                self._again(faults.HOME_SENSOR, now_us)
        elif self._edge_at - self._gate.position() >= EDGE_STEPS or self._given(now_us):
            if self._edges < 2:
                # no further out than the first time: what was taken for the edge may have been none
                most = self._outer_steps + OUTER_STEPS - self._gate.position()
                self._probe_steps = max(1, min(AGAIN_STEPS, most))
                self._probe_coarse = 0
                self._probe_end_um = self._out_um() + self._probe_steps * 1000 // STEPS_PER_MM + LOST_UM
                self._stop_then(HOME_PROBE, now_us)
            else:
                self._stop_then(HOME_PARK, now_us)

    def _settled(self, now_us):
        following = self._following
        if following == HOME_BUMP:
            self._next_move(0, self._coarse_in, RETRACT_STEPS, COARSE_US, HOME_BUMP, now_us)
            self._inner_count = self._count_start
            return
        if following == HOME_PROBE:
            if not self._edges:
                # what the rotor may be drawn on by is held back, should nobody look: the encoder has it go on
                way_um = self._probe_end_um - self._out_um() - SNAP_UM
                self._probe_steps = max(1, way_um * STEPS_PER_MM // 1000)
            steps = self._probe_steps
            coarse = min(self._probe_coarse, steps - 1)
            self._dark_steps = 0
            self._lit = 1
            self._flips = 0
            self._next_move(steps, self._probe_out, steps - coarse, PROBE_US, HOME_PROBE, now_us, coarse)
            return
        if following == HOME_FINE:
            self._edge_looks = 0
            self._next_move(0, self._fine_in, FINE_STEPS, FINE_US, HOME_FINE, now_us)
            return
        if following == RETRACT:
            self.doing = IDLE
            return
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
            self.known = True
            self.way_um = -self._inner_count * 1000 // 1024
            self.retracted = True
            self._in_step = True

    def _poll_park(self, now_us):
        if self._given(now_us):
            self._stop_then(IDLE, now_us)

    def poll_slow(self, now_us: int):
        """Carry on with what is under way, unless it is a stroke."""
        self._look()
        self._sight.take(self._readings.home, now_us)
        doing = self.doing
        if doing == HOME_BUMP:
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
            if self._stands(now_us):
                self._settled(now_us)
        elif doing == RETRACT:
            self._poll_retract(now_us)
