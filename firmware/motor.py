"""Strokes: what the needles are told to do, and whether they did it.

Outward strokes start in one place, `start_stroke`, which spends a permit. Positions are microsteps from the
home edge, inward negative. Every stroke is compared with the encoder at its turn and back at home, and
step count, encoder and home sensor are held against each other. Nothing here allocates after construction.
"""
# A buffer is what viper's pointers take.
# pyright: reportArgumentType=false

from array import array
from binascii import crc32

import board
import faults
import journal
import micropython
import ticks
from carriage import HOME_EDGE, HOME_FINE, HOME_SEEK, IDLE, IN, OUT, RETRACT, SETTLE
from micropython import const
from registers import look, start
from standing import Standing

SLIP_UM = const(60)  # once
SLIP_MEAN_UM = const(30)  # on average over SLIP_WINDOW strokes
SLIP_WINDOW = const(16)
SHORT_UM = const(30)  # of rest: from 40 on a carriage that is let go is drawn outward, by a whole period
JAM_UM = const(200)  # more than a slip that the motor catches again
ENCODER_DEAD_PART = const(10)  # moved less than a tenth of the way
LEFT_COUNTS = const(12)  # the home sensor lets go 20 um from rest; an encoder that works has seen more than half

TURN_LATE_US = const(400)  # the chain is sent so long after the time that a stroke is counted from
LOOK_AGAIN_US = const(300)

# A look, as `registers.look` fills it
_PADS = const(0)
_LEFT = const(1)
_COUNT = const(2)

# What a stroke is judged by, worked out when it was planned
_TRAVEL = const(0)  # microsteps
_REST_STEPS = const(1)
_REST_UM = const(2)
_OFFSET_UM = const(3)  # of the calibration
_SCALE_PPM = const(4)
_ZERO = const(5)  # the encoder's, and its count at the start
_BEGUN = const(6)
_HOME_PAD = const(7)  # pads as masks
_LOOP_PAD = const(8)
_EN_N_PAD = const(9)
# and what the judgement leaves
_ERROR_UM = const(10)
_SUM_UM = const(11)
_AT = const(12)
_ERRORS = const(13)  # SLIP_WINDOW words
_WORDS = const(29)

_EN_N = 1 << board.PIN_EN_N

# ticks.diff's and ticks.add's constants: written out where a call costs more than the stroke has to give
_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)

_GOOD = const(0)
_DROPPED = const(1)
_PULLED = const(2)
_JAM = const(3)
_ENCODER = const(4)
_HOME = const(5)
_CEILING = const(6)
_SLIP = const(7)
_INTERNAL = const(8)
_CODES = (
    faults.NONE, faults.DRIVE_DROPPED, faults.CARTRIDGE_PULLED, faults.JAM, faults.ENCODER, faults.HOME_SENSOR,
    faults.CEILING, faults.SLIP, faults.INTERNAL)


@micropython.viper
def _judged(run: ptr32, turn: ptr32, rest: ptr32) -> int:
    """The verdict on a stroke from its looks at the turn and back at rest; fills in `run` by how much it erred.

    At the turn encoder and step count are of one moment, so when that was does not matter. A word is a position of
    16 bits, its sign brought out by (x & 0xFFFF ^ 0x8000) - 0x8000, alike on 32 bits, on 64 and on CPython.
    """
    travel = int(run[_TRAVEL])
    offset_um = (int(run[_OFFSET_UM]) & 0xFFFF ^ 0x8000) - 0x8000
    scale_ppm = (int(run[_SCALE_PPM]) & 0xFFFF ^ 0x8000) - 0x8000
    turn_left = (int(turn[_LEFT]) & 0xFFFF ^ 0x8000) - 0x8000
    left = (int(rest[_LEFT]) & 0xFFFF ^ 0x8000) - 0x8000
    moved = (int(turn[_COUNT]) - int(run[_BEGUN]) & 0xFFFF ^ 0x8000) - 0x8000
    turn_counts = (int(turn[_COUNT]) - int(run[_ZERO]) & 0xFFFF ^ 0x8000) - 0x8000
    rest_counts = (int(rest[_COUNT]) - int(run[_ZERO]) & 0xFFFF ^ 0x8000) - 0x8000
    steps = ((int(run[_REST_STEPS]) & 0xFFFF ^ 0x8000) - 0x8000) + travel - turn_left
    # the calibration's conversions: its methods would cost more than all of this
    at_um = offset_um + turn_counts - turn_counts * (24000 - scale_ppm) // 1024000
    told_um = offset_um + steps - (0 - steps * (200000 + scale_ppm)) // 800000
    error_um = at_um - told_um
    rest_um = offset_um + rest_counts - rest_counts * (24000 - scale_ppm) // 1024000
    rest_error_um = rest_um - ((int(run[_REST_UM]) & 0xFFFF ^ 0x8000) - 0x8000)
    run[_ERROR_UM] = error_um
    off_um = error_um if error_um >= 0 else 0 - error_um
    pads = int(rest[_PADS])
    home_turn = int(turn[_PADS]) & int(run[_HOME_PAD])
    home = pads & int(run[_HOME_PAD])
    if left >= 0 and pads & int(run[_EN_N_PAD]):
        # the drive was taken away in this stroke, and this look came before the loop's own
        return _DROPPED if pads & int(run[_LOOP_PAD]) else _PULLED
    if moved * ENCODER_DEAD_PART < travel * 128 // 100 and home_turn:  # 1024 counts and 800 microsteps a millimetre
        return _JAM  # neither witness saw a stroke
    if moved < LEFT_COUNTS:
        return _ENCODER  # the home sensor saw the needles leave, the encoder did not
    if home_turn:
        return _HOME
    if left < 0:
        return _CEILING
    if rest_error_um >= SLIP_UM and home:
        return _ENCODER  # step count and home sensor say home, the encoder says out
    if rest_error_um >= JAM_UM:
        return _JAM  # they did not come back: something holds them
    if off_um >= SLIP_UM or rest_error_um >= SHORT_UM or rest_error_um <= 0 - SLIP_UM:
        return _SLIP
    if left != travel:
        return _INTERNAL
    if not home:
        return _HOME
    at = int(run[_AT])
    sum_um = int(run[_SUM_UM]) + off_um - int(run[at])
    run[at] = off_um
    run[_SUM_UM] = sum_um
    run[_AT] = at + 1 if at + 1 < _WORDS else _ERRORS
    return _SLIP if sum_um >= SLIP_MEAN_UM * SLIP_WINDOW else _GOOD


class Motor(Standing):
    """Drives one pen's needles.

    `calibration` is filled by whoever loads it, who then says `calibrated()`; before that nothing starts.
    `look()` refreshes the pads in `readings`; `on_stroke(achieved_um, flags)` hears of every stroke that came
    home; `trip(code)` of every fault.
    """

    def __init__(self, gate, encoder, gears, calibration, readings, look, on_stroke, trip):
        Standing.__init__(self, gate, encoder, calibration, readings, look, trip)
        self._gears = gears
        self._on_stroke = on_stroke
        self.depth_um = 0
        self.achieved_um = 0
        self.zone = 0
        self.strokes = 0
        self._ceiling_um = 0
        self._out_us = 0
        self._stroke_us = 0
        self._blocks_sum = 0
        self._ceiling = 0
        self.turn_us = 0
        self._run = array("i", [0] * _WORDS)
        self._run[_HOME_PAD] = 1 << board.PIN_HOME
        self._run[_LOOP_PAD] = 1 << board.PIN_INTERLOCK
        self._run[_EN_N_PAD] = 1 << board.PIN_EN_N
        self._run[_AT] = _ERRORS
        self._order = gate.order
        self._at_start = array("i", [0, 0, 0])
        self._at_turn = array("i", [0, 0, 0])
        self._at_rest = array("i", [0, 0, 0])
        self._touch_tables()

    def _touch_tables(self):
        """Put every table into a chain once: what a first use costs is paid at boot, not while moving."""
        gears = self._gears
        slow_out = gears.out_gears[0]
        slow_in = gears.in_gears[0]
        for gear in gears.out_gears:
            self._load_stroke(gear, slow_in, max(gear.least_steps, slow_in.least_steps) + 1)
        for gear in gears.in_gears:
            self._load_stroke(slow_out, gear, max(gear.least_steps, slow_out.least_steps) + 1)
        for words in (self._align_in, self._coarse_in, self._coarse_out, self._fine_in):
            self._chain.clear()
            self._chain.add_repeat(words, 0, 1)

    def stroke_us(self, depth_um: int) -> int:
        """How long one stroke to this depth takes, out and back."""
        if depth_um == self._planned_um:
            return self._stroke_us
        travel = self.steps_for(depth_um) - self._rest_steps
        return self._gears.out_us(travel) + self._gears.in_us(travel)

    # -- strokes ------------------------------------------------------------------------------------

    @micropython.native
    def start_stroke(self, permit, now_ms: int, now_us: int) -> bool:
        """Begin one stroke if the permit is good.

        For a new run the tables are looked over, and the gate is armed with the depth of the run for its ceiling.
        """
        if self.doing != IDLE or not self.homed or not self._calibrated or permit.static is not False:
            return False
        if not permit.spend(now_ms):
            return False
        if permit.depth_um != self._planned_um or permit.ceiling_um != self._ceiling_um:
            if not self._plan(permit.depth_um, permit.ceiling_um):
                return False
        begun = self._at_start
        look(begun)
        if self._armed_for != self._ceiling or begun[_PADS] & _EN_N:
            if not self._arm(permit.zone):
                return False
            look(begun)  # the rotor may have snapped to its field
        self._run[_BEGUN] = begun[_COUNT]
        started = now_us - _HALF + TURN_LATE_US
        self.turn_us = (started + self._out_us & _MASK) ^ _HALF
        self._end_us = (started + self._stroke_us & _MASK) ^ _HALF
        if not start(self._order):
            raise RuntimeError("a chain is running")
        self.doing = OUT
        self.retracted = False
        return True

    def _arm(self, zone):
        """A new run: only with tables that are what they were."""
        if not self._intact():
            self._trip(faults.TABLES)
            return False
        if not self._gate.arm(self._ceiling):
            self._look()  # the last one may be older than what opened the loop
            self._fail_moving(faults.DRIVE_DROPPED)
            return False
        self._gate.load(self._chain)
        self._armed_for = self._ceiling
        self.depth_um = self._planned_um
        self.zone = zone
        return True

    def _plan(self, depth_um, ceiling_um):
        """Have the chain hold a stroke to this depth, worked out once a depth; False if it is too short, or too deep.

        Nothing changes the depth of a run, so the depth itself is the gate's ceiling: a wrong table is refused
        there, where the needles have next to no speed.
        """
        self._planned_um = -1
        target = self.steps_for(depth_um)
        travel = target - self._rest_steps
        gears = self._gears
        out_gear = gears.out_gear(travel)
        in_gear = gears.in_gear(travel)
        if out_gear is None or in_gear is None or target > self.steps_for(ceiling_um):
            return False
        self._out_us = gears.out_us(travel)
        self._stroke_us = self._out_us + gears.in_us(travel)
        self._load_stroke(out_gear, in_gear, travel)
        self._blocks_sum = crc32(self._chain.blocks)
        self._ceiling_um = ceiling_um
        self._ceiling = travel
        run = self._run
        run[_TRAVEL] = travel
        run[_REST_STEPS] = self._rest_steps
        run[_REST_UM] = self._calibration.extension_at_steps(self._rest_steps)
        run[_OFFSET_UM] = self._calibration.offset_um
        run[_SCALE_PPM] = self._calibration.scale_ppm
        run[_ZERO] = self._encoder.offset
        self._planned_um = depth_um
        self._armed_for = -1
        return True

    def _load_stroke(self, out_gear, in_gear, travel):
        gears = self._gears
        chain = self._chain
        chain.clear()
        chain.add(out_gear.up, 0, len(out_gear.up))
        self._add_cruise(out_gear.cruise, travel - len(out_gear.up) - out_gear.down_steps)
        chain.add(out_gear.bend, 0, len(out_gear.bend))
        chain.add(gears.tail, len(gears.tail) - out_gear.tail_steps, out_gear.tail_steps)
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
            if not self._gears.unchanged(chain.table(i)):
                return False
        return chain.steps(True) == chain.steps(False) <= self._ceiling

    @micropython.native
    def _come_home(self, now_us):
        """The time of the stroke is over; so is the stroke when every step out has been given back, or no more come.

        Then judge it, report it, and trip on what was wrong.
        """
        rest = self._at_rest
        look(rest)
        if rest[_LEFT] != self._ceiling:
            if self._gate.busy():
                self._end_us = ticks.add(now_us, LOOK_AGAIN_US)
                return
            look(rest)  # the last one may have come between the two looks
        run = self._run
        verdict = _judged(run, self._at_turn, self._at_rest)
        self.achieved_um = achieved_um = self.depth_um + run[_ERROR_UM]
        self.doing = IDLE
        self.strokes += 1
        if verdict == _GOOD:
            self.retracted = True
            self._on_stroke(achieved_um, 0)
            return
        lost = verdict == _SLIP or verdict == _JAM
        self._on_stroke(achieved_um, journal.FAULT | journal.SLIP if lost else journal.FAULT)
        self.homed = False
        self._trip(_CODES[verdict])

    def rest(self):
        """The run is over: switch the drive off. The screw holds by itself."""
        self._gate.disarm()
        self._armed_for = -1

    # -- the loop -----------------------------------------------------------------------------------

    @micropython.native
    def poll(self, now_us: int) -> int:
        """Carry on with what is under way; us until there is something to do again. Returns at once.

        Looks at the turn, and judges at the end: the loop calls it three times a stroke.
        """
        doing = self.doing
        if doing == OUT:
            wait_us = ((self.turn_us - now_us & _MASK) ^ _HALF) - _HALF
            if wait_us > 0:
                return wait_us
            look(self._at_turn)
            self.doing = doing = IN
        if doing == IN:
            wait_us = ((self._end_us - now_us & _MASK) ^ _HALF) - _HALF
            if wait_us > 0:
                return wait_us
            self._come_home(now_us)
            return LOOK_AGAIN_US
        if doing >= HOME_SEEK:
            self.poll_slow(now_us)
        return self.next_us(now_us)

    def next_us(self, now_us: int) -> int:
        """Microseconds until `poll` has something to do, in what is no stroke."""
        if self.doing == IDLE:
            return 20000
        if self.doing == SETTLE:
            return max(300, ticks.diff(self._end_us, now_us))
        return 1000 if self.doing == HOME_FINE or self.doing == HOME_EDGE or self.doing == RETRACT else 2000

    def abandon(self):
        """The drive is off: forget what was under way."""
        if self.doing != IDLE:
            self.homed = False
            self.retracted = False
        self._gate.disarm()
        self._armed_for = -1
        self.doing = IDLE

    @micropython.native
    def armed(self) -> bool:
        """The drive should be on: a run is under way or something moves."""
        return self._armed_for >= 0 or not (self.doing == IDLE or self.doing == SETTLE)
