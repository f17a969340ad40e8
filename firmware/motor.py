"""Strokes: what the needles are told to do, and whether they did it.

Outward strokes start in one place, `start_stroke`, which spends a permit. Positions are microsteps from the
home edge, inward negative. Every stroke is compared with the encoder at its turn and back at home, and
step count, encoder and home sensor are held against each other. Nothing here allocates after construction.
"""

from binascii import crc32

import faults
import journal
import ticks
from carriage import HOME_EDGE, HOME_FINE, HOME_SEEK, IDLE, IN, OUT, RETRACT, SETTLE
from micropython import const
from standing import Standing

SLIP_UM = const(60)  # once
SLIP_MEAN_UM = const(30)  # on average over SLIP_WINDOW strokes
SLIP_WINDOW = const(16)
CLOSE_UM = const(40)  # two sensors agree
JAM_UM = const(200)  # more than a slip that the motor catches again
ENCODER_DEAD_PART = const(10)  # moved less than a tenth of the way
LEFT_COUNTS = const(12)  # the home sensor lets go 20 um from rest; an encoder that works has seen more than half


class Motor(Standing):
    """Drives one pen's needles.

    `calibration` is filled by whoever loads it, who then says `calibrated()`; before that nothing starts.
    `look()` refreshes the pads in `readings`; `on_stroke(achieved_um, flags)` hears of every stroke that came
    home; `trip(code)` of every fault.
    """

    def __init__(self, gate, encoder, profile, calibration, readings, look, on_stroke, trip):
        Standing.__init__(self, gate, encoder, calibration, readings, look, trip)
        self._profile = profile
        self._on_stroke = on_stroke
        self.depth_um = 0
        self.achieved_um = 0
        self.error_um = 0
        self.zone = 0
        self.strokes = 0
        self._ceiling_um = 0
        self._target = 0
        self._out_us = 0
        self._stroke_us = 0
        self._blocks_sum = 0
        self._rest_um = 0
        self._ceiling = 0
        self._turn_us = 0
        self._flags = 0
        self._count_turn = 0
        self._home_turn = 0
        self._errors = [0] * SLIP_WINDOW
        self._error_sum = 0
        self._error_at = 0
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
        for words in (self._align_in, self._coarse_in, self._coarse_out, self._fine_in):
            self._chain.clear()
            self._chain.add_repeat(words, 0, 1)

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
        if self.doing != IDLE or not self.homed or not self._calibrated or permit.static is not False:
            return False
        if not permit.spend(now_ms):
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
        if remaining >= 0 and not self._gate.enabled():
            # the drive was taken away in this stroke, and this look came before the loop's own
            code = faults.DRIVE_DROPPED if self._readings.interlock else faults.CARTRIDGE_PULLED
        elif moved * ENCODER_DEAD_PART < expected and self._home_turn:
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

    # -- the loop -----------------------------------------------------------------------------------

    def poll(self, now_us: int):
        """Carry on with what is under way; reads the encoder and the gate, decides, and returns at once."""
        doing = self.doing
        if doing >= HOME_SEEK:
            self.poll_slow(now_us)
        elif doing == OUT:
            if ticks.diff(now_us, self._turn_us) >= 0:
                self._turn()
        elif doing == IN:
            if ticks.diff(now_us, self._end_us) >= 0:
                self._poll_in()

    def next_us(self, now_us: int) -> int:
        """Microseconds until `poll` has something to do."""
        doing = self.doing
        if doing == OUT:
            return max(0, ticks.diff(self._turn_us, now_us))
        if doing == IN or doing == SETTLE:
            return max(300, ticks.diff(self._end_us, now_us))
        if doing == IDLE:
            return 20000
        return 1000 if doing == HOME_FINE or doing == HOME_EDGE or doing == RETRACT else 2000

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
