"""Strokes, homing and retracts: what the needles are told to do, and whether they did it.

Outward motion starts in one place, `start_stroke`, which spends a permit. Positions are microsteps from the
home edge, inward negative. Every stroke is compared with the encoder at its turn and back at home, and
step count, encoder and home sensor are held against each other. Nothing here allocates after construction.
"""

from array import array
from binascii import crc32

import faults
import journal
import ticks
from gate import Chain, step_word
from micropython import const

STEPS_PER_MM = const(800)
REST_STEPS = const(-16)  # parked 20 um inside the home sensor's edge at least,
REST_UM = const(-120)  # and the tips of this cartridge so far inside the guide plane

SLIP_UM = const(60)  # once
SLIP_MEAN_UM = const(30)  # on average over SLIP_WINDOW strokes
SLIP_WINDOW = const(16)
CLOSE_UM = const(40)  # two sensors agree
JAM_UM = const(200)  # more than a slip that the motor catches again
ENCODER_DEAD_PART = const(10)  # moved less than a tenth of the way
LEFT_COUNTS = const(12)  # the home sensor lets go 20 um from rest; an encoder that works has seen more than half

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


class Motor:
    """Drives one pen's needles.

    `calibration` is filled by whoever loads it, who then says `calibrated()`; before that nothing starts.
    `look()` refreshes the pads in `readings`; `on_stroke(achieved_um, flags)` hears of every stroke that came
    home; `trip(code)` of every fault.
    """

    def __init__(self, gate, encoder, profile, calibration, readings, look, on_stroke, trip):
        self._gate = gate
        self._encoder = encoder
        self._profile = profile
        self._readings = readings
        self._look = look
        self._on_stroke = on_stroke
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
        self.depth_um = 0
        self.achieved_um = 0
        self.error_um = 0
        self.zone = 0
        self.strokes = 0
        self._rest_steps = REST_STEPS
        self._at_steps = REST_STEPS  # where the needles were parked
        self._planned_um = -1  # the depth that the chain and the next five are worked out for; -1: none
        self._ceiling_um = 0
        self._target = 0
        self._out_us = 0
        self._stroke_us = 0
        self._blocks_sum = 0
        self._rest_um = 0
        self._ceiling = 0
        self._armed_for = -1
        self._started_us = 0
        self._turn_us = 0
        self._end_us = 0
        self._flags = 0
        self._count_start = 0
        self._count_turn = 0
        self._home_turn = 0
        self._errors = [0] * SLIP_WINDOW
        self._error_sum = 0
        self._error_at = 0
        self._following = IDLE
        self._step_us = 0
        self._window_us = 0
        self._window_count = 0
        self._still = 0
        self._probe_steps = 0
        self._let_go = False
        self._to_stop = False
        self._touch_tables()

    def _touch_tables(self):
        """Put every table into a chain once: what a first use costs is paid at boot, not while moving."""
        profile = self._profile
        slow_out = profile.out_gears[0]
        slow_in = profile.in_gears[0]
        for gear in profile.out_gears:
            self._load_stroke(gear, slow_in, max(gear.least_steps, slow_in.least_steps) + 1)
        for gear in profile.in_gears:
            self._load_stroke(slow_out, gear, max(gear.least_steps, slow_out.least_steps) + 1)
        for words in (self._coarse_in, self._coarse_out, self._fine_in):
            self._chain.clear()
            self._chain.add_repeat(words, 0, 1)

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

    def stroke_us(self, depth_um: int) -> int:
        """How long one stroke to this depth takes, out and back."""
        if depth_um == self._planned_um:
            return self._stroke_us
        travel = self.steps_for(depth_um) - self._rest_steps
        return self._profile.out_us(travel) + self._profile.in_us(travel)

    # -- strokes ------------------------------------------------------------------------------------

    def start_stroke(self, permit, now_ms: int, now_us: int) -> bool:
        """Begin one stroke if the permit is good.

        For a new run the tables are looked over, and the gate is armed with the depth of the run for its ceiling.
        """
        if self.doing != IDLE or not self.homed or not self._calibrated or not permit.spend(now_ms):
            return False
        if not self._plan(permit.depth_um, permit.ceiling_um):
            return False
        ceiling = self._ceiling
        if self._armed_for != ceiling or not self._gate.enabled():
            if not self._intact():
                self._trip(faults.TABLES)
                return False
            if not self._gate.arm(ceiling):
                return False
            self._armed_for = ceiling
        self.depth_um = permit.depth_um
        self.zone = permit.zone
        self._flags = 0
        self._count_start = self._encoder.count()
        self._started_us = now_us
        self._turn_us = ticks.add(now_us, self._out_us)
        self._end_us = ticks.add(now_us, self._stroke_us)
        self._gate.start(self._chain)
        self.doing = OUT
        self.retracted = False
        return True

    def _plan(self, depth_um, ceiling_um):
        """Have the chain hold a stroke to this depth, worked out once a depth; False if it is too short, or too deep.

        Nothing changes the depth of a run, so the depth itself is the gate's ceiling: a wrong table is refused
        there, where the needles have next to no speed.
        """
        if depth_um == self._planned_um and ceiling_um == self._ceiling_um:
            return True
        self._planned_um = -1
        target = self.steps_for(depth_um)
        travel = target - self._rest_steps
        profile = self._profile
        out_gear = profile.out_gear(travel)
        in_gear = profile.in_gear(travel)
        if out_gear is None or in_gear is None or target > self.steps_for(ceiling_um):
            return False
        self._target = target
        self._out_us = profile.out_us(travel)
        self._stroke_us = self._out_us + profile.in_us(travel)
        self._load_stroke(out_gear, in_gear, travel)
        self._blocks_sum = crc32(self._chain.blocks)
        self._ceiling_um = ceiling_um
        self._ceiling = travel
        self._rest_um = self._calibration.extension_at_steps(self._rest_steps)
        self._planned_um = depth_um
        return True

    def _load_stroke(self, out_gear, in_gear, travel):
        profile = self._profile
        chain = self._chain
        chain.clear()
        chain.add(out_gear.up, 0, len(out_gear.up))
        self._add_cruise(out_gear.cruise, travel - len(out_gear.up) - out_gear.down_steps)
        chain.add(out_gear.bend, 0, len(out_gear.bend))
        chain.add(profile.tail, len(profile.tail) - out_gear.tail_steps, out_gear.tail_steps)
        chain.add(in_gear.up, 0, len(in_gear.up))
        self._add_cruise(in_gear.cruise, travel - len(in_gear.up) - len(in_gear.down))
        chain.add(in_gear.down, 0, len(in_gear.down))

    def _add_cruise(self, words, steps):
        if steps:
            self._chain.add_repeat(words, 0, steps)

    def _intact(self):
        """Tables and control blocks are what they were when they were made, and lead out to the ceiling and back.

        Looked at before the gate is armed: nothing moves yet.
        """
        chain = self._chain
        if crc32(chain.blocks) != self._blocks_sum:
            return False
        for i in range(chain.used):
            if not self._profile.unchanged(chain.table(i)):
                return False
        return chain.steps(True) == chain.steps(False) <= self._ceiling

    def _turn(self):
        """At the turn: how far did the needles get, and does the home sensor agree that they left."""
        self._look()
        counts = self._encoder.count()
        steps_done = self._ceiling - self._gate.remaining_steps()
        at_um = self._calibration.extension_at_counts(counts)
        told_um = self._calibration.extension_at_steps(self._rest_steps + steps_done)
        self.error_um = at_um - told_um
        self.achieved_um = self.depth_um + self.error_um
        self._count_turn = counts
        self._home_turn = self._readings.home
        self.doing = IN

    def _poll_in(self):
        """Every step out has been given back: the stroke is over. So it is when there are no more to come."""
        remaining = self._gate.remaining_steps()
        if remaining != self._ceiling:
            if self._gate.busy():
                return
            remaining = self._gate.remaining_steps()  # the last one may have come between the two looks
        self._came_home(remaining)

    def _came_home(self, remaining):
        """Back at rest: judge the stroke, report it, and trip on what was wrong."""
        self._look()
        moved = self._count_turn - self._count_start
        expected = (self._target - self._rest_steps) * 128 // 100  # 1024 counts and 800 microsteps a millimetre
        rest_um = self._calibration.extension_at_counts(self._encoder.count())
        rest_error_um = rest_um - self._rest_um
        code = faults.NONE
        if moved * ENCODER_DEAD_PART < expected and self._home_turn:
            code = faults.JAM  # neither witness saw a stroke
        elif moved < LEFT_COUNTS:
            code = faults.ENCODER  # the home sensor saw the needles leave, the encoder did not
        elif self._home_turn:
            code = faults.HOME_SENSOR
        elif remaining < 0:
            code = faults.CEILING
        elif rest_error_um >= SLIP_UM and self._readings.home:
            code = faults.ENCODER  # step count and home sensor say home, the encoder says out
        elif rest_error_um >= JAM_UM:
            code = faults.JAM  # they did not come back: something holds them
        elif abs(self.error_um) >= SLIP_UM or abs(rest_error_um) >= SLIP_UM:
            code = faults.SLIP
        elif remaining != self._ceiling:
            code = faults.INTERNAL
        elif not self._readings.home and rest_error_um < CLOSE_UM:
            code = faults.HOME_SENSOR
        elif self._mean_error() >= SLIP_MEAN_UM:
            code = faults.SLIP
        if code != faults.NONE:
            self._flags |= journal.FAULT
            if code == faults.SLIP or code == faults.JAM:
                self._flags |= journal.SLIP
        self.doing = IDLE
        self.strokes += 1
        self._on_stroke(self.achieved_um, self._flags)
        if code != faults.NONE:
            self.homed = False
            self._trip(code)
        else:
            self.retracted = True

    def _mean_error(self):
        error = abs(self.error_um)
        self._error_sum += error - self._errors[self._error_at]
        self._errors[self._error_at] = error
        self._error_at = (self._error_at + 1) % SLIP_WINDOW
        return self._error_sum // SLIP_WINDOW

    def rest(self):
        """The run is over: switch the drive off. The screw holds by itself."""
        self._gate.disarm()
        self._armed_for = -1

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
            far_um = self._calibration.offset_um + INNER_STOP_UM + STOP_TOLERANCE_UM
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

    # -- the loop -----------------------------------------------------------------------------------

    def poll(self, now_us: int):
        """Carry on with what is under way; reads the encoder and the gate, decides, and returns at once."""
        doing = self.doing
        if doing >= HOME_SEEK:
            self._look()
        if doing == OUT:
            if ticks.diff(now_us, self._turn_us) >= 0:
                self._turn()
        elif doing == IN:
            if ticks.diff(now_us, self._end_us) >= 0:
                self._poll_in()
        elif doing == HOME_SEEK:
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

    def next_us(self, now_us: int) -> int:
        """Microseconds until `poll` has something to do."""
        doing = self.doing
        if doing == OUT:
            return max(0, ticks.diff(self._turn_us, now_us))
        if doing == IN or doing == SETTLE:
            return max(300, ticks.diff(self._end_us, now_us))
        if doing == IDLE:
            return 20000
        return 1000 if doing == HOME_FINE else 2000

    def abandon(self):
        """The drive is off: forget what was under way."""
        if self.doing != IDLE:
            self.homed = False
            self.retracted = False
        self._gate.disarm()
        self._armed_for = -1
        self.doing = IDLE

    def armed(self) -> bool:
        """The drive should be on: a run is under way or something moves."""
        return self._armed_for >= 0 or not (self.doing == IDLE or self.doing == SETTLE)
