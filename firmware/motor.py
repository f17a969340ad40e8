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
from carriage import HOME_BUMP, HOME_PARK, IDLE, IN, OUT, SETTLE
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
EDGE_COUNTS = const(31)  # 30 um: so far outside the home edge an encoder contradicts a line that sees the needles

TURN_LATE_US = const(400)  # the chain is sent so long after the time that a stroke is counted from
LOOK_AGAIN_US = const(300)
TURN_LOOKS = const(3)  # more, if the home line says at the turn that the needles never left
REST_LOOKS = const(40)  # more, at rest, before a sensor is at fault
REST_LOOK_US = const(1000)
STUCK_STROKES = const(3)  # one after the other, in whose turn no look saw the needles leave: no burst is so long
DOUBTS = const(4)  # so many strokes of DOUBT_STROKES with a look that had to be taken back: the home sensor is unsteady
DOUBT_STROKES = const(32)

# The words of a run. What a stroke is judged by, worked out when it was planned
_TRAVEL = const(0)  # microsteps, which is also the gate's ceiling
_REST_STEPS = const(1)
_REST_UM = const(2)
_OFFSET_UM = const(3)  # of the calibration
_SCALE_PPM = const(4)
_ZERO = const(5)  # the encoder's
_HOME_PAD = const(6)  # pads as masks
_LOOP_PAD = const(7)
_EN_N_PAD = const(8)
# what the judgement leaves
_ERROR_UM = const(9)
_SUM_UM = const(10)
_AT = const(11)
_ERRORS = const(12)  # SLIP_WINDOW words
_ERRORS_END = const(28)
# what the run is for, and how many strokes came home since the start
_DEPTH_UM = const(28)
_CEILING_UM = const(29)
_ZONE = const(30)
_STROKES = const(31)
# how long the way out and the whole stroke take, and when they are over
_OUT_US = const(32)
_STROKE_US = const(33)
_TURN_AT_US = const(34)
_END_AT_US = const(35)
# looks at the start, at the turn and back at rest, three words each as `registers.look` fills them
_START = const(36)
_START_COUNT = const(38)
_TURN = const(39)
_TURN_LEFT = const(40)
_TURN_COUNT = const(41)
_REST = const(42)
_REST_LEFT = const(43)
_REST_COUNT = const(44)
# looks that were taken back
_MORE = const(45)
_TURN_MORE = const(48)  # how many at this turn
_REST_MORE = const(49)  # and at this rest
_VERDICT = const(50)
_STUCK = const(51)  # the last stroke whose turn no look saw, and how many there were in a row
_STUCK_ROW = const(52)
_UNSTEADY = const(53)  # too many looks were taken back
_DOUBT = const(54)  # DOUBTS words: the last strokes with one
_BLAMED = const(58)  # the last stroke in which the encoder was contradicted
_WORDS = const(59)
_LONG_AGO = const(-1000)

# ticks.diff's and ticks.add's constants: written out where a call costs more than the stroke has to give
_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)

_CUT_SHORT = journal.FAULT | journal.PARTIAL
_NOT_MEASURED = journal.FAULT | journal.UNMEASURED

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
def _judged(run: ptr32) -> int:
    """The verdict on a stroke from its looks at the turn and back at rest; fills in `run` by how much it erred.

    At the turn encoder and step count are of one moment, so when that was does not matter. A word is a position of
    16 bits, its sign brought out by (x & 0xFFFF ^ 0x8000) - 0x8000, alike on 32 bits, on 64 and on CPython.
    """
    travel = int(run[_TRAVEL])
    offset_um = (int(run[_OFFSET_UM]) & 0xFFFF ^ 0x8000) - 0x8000
    scale_ppm = (int(run[_SCALE_PPM]) & 0xFFFF ^ 0x8000) - 0x8000
    turn_left = (int(run[_TURN_LEFT]) & 0xFFFF ^ 0x8000) - 0x8000
    left = (int(run[_REST_LEFT]) & 0xFFFF ^ 0x8000) - 0x8000
    moved = (int(run[_TURN_COUNT]) - int(run[_START_COUNT]) & 0xFFFF ^ 0x8000) - 0x8000
    turn_counts = (int(run[_TURN_COUNT]) - int(run[_ZERO]) & 0xFFFF ^ 0x8000) - 0x8000
    rest_counts = (int(run[_REST_COUNT]) - int(run[_ZERO]) & 0xFFFF ^ 0x8000) - 0x8000
    steps = ((int(run[_REST_STEPS]) & 0xFFFF ^ 0x8000) - 0x8000) + travel - turn_left
    # the calibration's conversions: its methods would cost more than all of this
    at_um = offset_um + turn_counts - turn_counts * (24000 - scale_ppm) // 1024000
    told_um = offset_um + steps - (0 - steps * (200000 + scale_ppm)) // 800000
    error_um = at_um - told_um
    rest_um = offset_um + rest_counts - rest_counts * (24000 - scale_ppm) // 1024000
    rest_error_um = rest_um - ((int(run[_REST_UM]) & 0xFFFF ^ 0x8000) - 0x8000)
    run[_ERROR_UM] = error_um
    off_um = error_um if error_um >= 0 else 0 - error_um
    pads = int(run[_REST])
    home_turn = int(run[_TURN]) & int(run[_HOME_PAD])
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
    if rest_error_um >= SLIP_UM and rest_counts > EDGE_COUNTS and home:
        return _ENCODER  # step count and home sensor say home, the encoder says outside its edge
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
    run[_AT] = at + 1 if at + 1 < _ERRORS_END else _ERRORS
    return _SLIP if sum_um >= SLIP_MEAN_UM * SLIP_WINDOW else _GOOD


class Motor(Standing):
    """Drives one pen's needles.

    `calibration` is filled by whoever loads it, who then says `calibrated()`; before that nothing starts.
    `look()` refreshes the pads in `readings`; `on_stroke(depth_um, achieved_um, flags, zone)` hears of every stroke
    that came home; `trip(code)` of every fault.
    """

    def __init__(self, gate, encoder, gears, calibration, readings, look, on_stroke, trip):
        Standing.__init__(self, gate, encoder, calibration, readings, look, trip)
        self._gears = gears
        self._on_stroke = on_stroke
        self._blocks_sum = 0
        self._run = array("i", [0] * _WORDS)
        self._run[_HOME_PAD] = 1 << board.PIN_HOME
        self._run[_LOOP_PAD] = 1 << board.PIN_INTERLOCK
        self._run[_EN_N_PAD] = 1 << board.PIN_EN_N
        self._run[_AT] = _ERRORS
        self._run[_STUCK] = self._run[_BLAMED] = _LONG_AGO
        for i in range(DOUBTS):
            self._run[_DOUBT + i] = _LONG_AGO
        self._order = gate.order
        self._touch_tables()

    def strokes(self) -> int:
        """How many came home since the start."""
        return self._run[_STROKES]

    def achieved_um(self) -> int:
        """How deep the last one was, by the encoder."""
        return self._run[_DEPTH_UM] + self._run[_ERROR_UM]

    def _touch_tables(self):
        """Put every table into a chain once: what a first use costs is paid at boot, not while moving."""
        gears = self._gears
        slow_out = gears.out_gears[0]
        slow_in = gears.in_gears[0]
        for gear in gears.out_gears:
            self._load_stroke(gear, slow_in, max(gear.least_steps, slow_in.least_steps) + 1)
        for gear in gears.in_gears:
            self._load_stroke(slow_out, gear, max(gear.least_steps, slow_out.least_steps) + 1)
        for words in (self._align_in, self._coarse_in, self._coarse_out, self._probe_out, self._fine_in):
            self._chain.clear()
            self._chain.add_repeat(words, 0, 1)

    def stroke_us(self, depth_um: int) -> int:
        """How long one stroke to this depth takes, out and back."""
        if depth_um == self._planned_um:
            return self._run[_STROKE_US]
        travel = self.steps_for(depth_um) - self._rest_steps
        return self._gears.out_us(travel) + self._gears.in_us(travel)

    # -- strokes ------------------------------------------------------------------------------------

    @micropython.viper
    def start_stroke(self, permit, now_ms: int, now_us: int) -> int:
        """Begin one stroke if the permit is good: the microseconds until its turn; 0, and none is begun, if not.

        For a new run the tables are looked over, and the gate is armed with the depth of the run for its ceiling.
        """
        if int(self.doing) != int(IDLE) or not self.homed or permit.static or not permit.spend(now_ms):
            return 0
        words = self._run
        run = ptr32(words)
        depth_um = permit.depth_um
        ceiling_um = permit.ceiling_um
        if int(depth_um) != int(self._planned_um) or int(ceiling_um) != int(run[_CEILING_UM]):
            if not self._plan(depth_um, ceiling_um):
                return 0
        look(words, _START)
        if int(self._armed_for) < 0 or int(run[_START]) & int(run[_EN_N_PAD]):
            if not self._arm(permit):
                return 0
            look(words, _START)  # the rotor may have snapped to its field
        if not start(self._order):
            raise RuntimeError("a chain is running")
        self.doing = OUT
        begun = now_us - _HALF + TURN_LATE_US
        run[_TURN_AT_US] = (begun + int(run[_OUT_US]) & _MASK) ^ _HALF
        run[_END_AT_US] = (begun + int(run[_STROKE_US]) & _MASK) ^ _HALF
        return int(run[_OUT_US]) + TURN_LATE_US

    def _arm(self, permit):
        """A new run: only for strokes, and with tables that are what they were."""
        if permit.static is not False:
            return False
        if not self._intact():
            self._trip(faults.TABLES)
            return False
        travel = self._run[_TRAVEL]
        if not self._gate.arm(travel):
            self._look()  # the last one may be older than what opened the loop
            self._fail_moving(faults.DRIVE_DROPPED)
            return False
        self._gate.load(self._chain)
        self._armed_for = travel
        self._run[_DEPTH_UM] = self._planned_um
        self._run[_ZONE] = permit.zone
        return True

    def _plan(self, depth_um, ceiling_um):
        """Have the chain hold a stroke to this depth, worked out once a depth; False if it is too short, or too deep.

        Nothing changes the depth of a run, so the depth itself is the gate's ceiling: a wrong table is refused
        there, where the needles have next to no speed.
        """
        self._planned_um = -1
        if not self._calibrated:
            return False
        target = self.steps_for(depth_um)
        travel = target - self._rest_steps
        gears = self._gears
        out_gear = gears.out_gear(travel)
        in_gear = gears.in_gear(travel)
        if out_gear is None or in_gear is None or target > self.steps_for(ceiling_um):
            return False
        self._load_stroke(out_gear, in_gear, travel)
        self._blocks_sum = crc32(self._chain.blocks)
        run = self._run
        run[_OUT_US] = gears.out_us(travel)
        run[_STROKE_US] = run[_OUT_US] + gears.in_us(travel)
        run[_CEILING_UM] = ceiling_um
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
        return chain.steps(True) == chain.steps(False) <= self._run[_TRAVEL]

    def _turn_again(self):
        """The home line says at the turn that the needles never left: True if it is to be looked at once more.

        One look that says they did is enough: a line that is stuck never says so.
        """
        run = self._run
        more = run[_TURN_MORE]
        if more and not run[_MORE] & run[_HOME_PAD]:
            run[_TURN_MORE] = 0
            if not self._doubtful():
                run[_TURN] &= ~run[_HOME_PAD]
            return False
        run[_TURN_MORE] = more + 1 if more < TURN_LOOKS else 0
        return more < TURN_LOOKS

    def _doubtful(self):
        """A look was taken back: True if that was so too often lately."""
        run = self._run
        number = run[_STROKES]
        if run[_DOUBT + DOUBTS - 1] != number:
            for i in range(DOUBTS - 1):
                run[_DOUBT + i] = run[_DOUBT + i + 1]
            run[_DOUBT + DOUBTS - 1] = number
        if number - run[_DOUBT] >= DOUBT_STROKES:
            return False
        run[_UNSTEADY] = 1
        return True

    def _in_doubt(self, verdict):
        """A verdict against a sensor is not spoken after one look each: us until the next look, 0 when it is final."""
        run = self._run
        if verdict == _HOME and run[_TURN] & run[_HOME_PAD]:
            verdict = self._let_pass(verdict)
        if verdict == _ENCODER or (verdict == _HOME and not run[_TURN] & run[_HOME_PAD]):
            if run[_REST_MORE] < REST_LOOKS:
                run[_REST_MORE] += 1
                return REST_LOOK_US
        elif run[_REST_MORE] and self._doubtful():
            verdict = _HOME
        run[_REST_MORE] = 0
        run[_VERDICT] = verdict
        return 0

    def _let_pass(self, verdict):
        """No look saw the needles leave, but steps and encoder say so: that may be, if not in too many strokes."""
        run = self._run
        number = run[_STROKES]
        run[_STUCK_ROW] = run[_STUCK_ROW] + 1 if number - run[_STUCK] == 1 else 1
        run[_STUCK] = number
        if run[_UNSTEADY] or run[_STUCK_ROW] >= STUCK_STROKES or self._doubtful():
            return verdict
        run[_TURN] &= ~run[_HOME_PAD]
        return _judged(run)

    def _lost(self, verdict):
        """A stroke is over and was none to go on with."""
        run = self._run
        flags = journal.FAULT
        if verdict == _SLIP or verdict == _JAM:
            flags |= journal.SLIP
        if run[_REST_LEFT] != run[_TRAVEL] or (verdict == _JAM and not self._came_home()):
            flags |= journal.PARTIAL
        if verdict == _ENCODER:
            verdict = self._blame()
        self.homed = False
        self.retracted = False
        run[_UNSTEADY] = 0
        self._on_stroke(run[_DEPTH_UM], self.achieved_um(), flags, run[_ZONE])
        self._trip(_CODES[verdict])

    def _blame(self):
        """Steps and home sensor contradict the encoder: a disturbed wire does so once, and homing looks at it again.

        Nothing goes by the encoder until then.
        """
        run = self._run
        again = run[_STROKES] - run[_BLAMED] < DOUBT_STROKES
        run[_BLAMED] = run[_STROKES]
        self.known = False
        self._in_step = False
        return _ENCODER if again else _SLIP

    def rest(self):
        """The run is over: switch the drive off. The screw holds by itself."""
        self._gate.disarm()
        self._armed_for = -1

    # -- the loop -----------------------------------------------------------------------------------

    @micropython.viper
    def poll(self, now_us: int) -> int:
        """Carry on with what is under way; us until there is something to do again.

        0 when nothing is under way; below zero, the us of a motion that is no stroke. Of a stroke it looks at the turn,
        and judges at the end: the loop calls it three times a stroke. The stroke is over when its time is and every
        step out has been given back, or no more come.
        """
        doing = int(self.doing)
        if doing == int(IDLE):
            return 0
        if doing != int(OUT) and doing != int(IN):
            return 0 - int(self._poll_slow(now_us))
        words = self._run
        run = ptr32(words)
        if doing == int(OUT):
            wait_us = ((int(run[_TURN_AT_US]) - now_us & _MASK) ^ _HALF) - _HALF
            if wait_us > 0:
                return wait_us
            if int(run[_TURN_MORE]) == 0:
                look(words, _TURN)
            else:
                look(words, _MORE)
            if int(run[_TURN]) & int(run[_HOME_PAD]) and int(self._turn_again()):
                run[_TURN_AT_US] = (now_us - _HALF + LOOK_AGAIN_US & _MASK) ^ _HALF
                return LOOK_AGAIN_US
            self.doing = IN
        wait_us = ((int(run[_END_AT_US]) - now_us & _MASK) ^ _HALF) - _HALF
        if wait_us > 0:
            return wait_us
        look(words, _REST)
        if int(run[_REST_LEFT]) != int(run[_TRAVEL]):
            if self._gate.busy():
                run[_END_AT_US] = (now_us - _HALF + LOOK_AGAIN_US & _MASK) ^ _HALF
                return LOOK_AGAIN_US
            look(words, _REST)  # the last one may have come between the two looks
        verdict = int(_judged(words))
        if verdict != _GOOD or int(run[_REST_MORE]):
            wait_us = int(self._in_doubt(verdict))
            if wait_us:
                run[_END_AT_US] = (now_us - _HALF + wait_us & _MASK) ^ _HALF
                return wait_us
            verdict = int(run[_VERDICT])
        self.doing = IDLE
        run[_STROKES] = int(run[_STROKES]) + 1
        if verdict != _GOOD:
            self._lost(verdict)
        else:
            depth_um = int(run[_DEPTH_UM])
            error_um = (int(run[_ERROR_UM]) & 0xFFFF ^ 0x8000) - 0x8000  # alike on 64 bits, as in the verdict
            self._on_stroke(depth_um, depth_um + error_um, 0, int(run[_ZONE]))
        return 0

    def _poll_slow(self, now_us):
        """What is no stroke; us until there is something to do again."""
        if self.doing >= HOME_BUMP:
            self.poll_slow(now_us)
        return 0 if self.doing == IDLE else self.next_us(now_us)

    def next_us(self, now_us: int) -> int:
        """Microseconds until `poll` has something to do, in what is no stroke."""
        doing = self.doing
        if doing == IDLE:
            return 20000
        if doing == SETTLE:
            return max(300, ticks.diff(self._end_us, now_us))
        return 2000 if doing == HOME_BUMP or doing == HOME_PARK else 1000

    def abandon(self):
        """The drive is off: forget what was under way."""
        doing = self.doing
        if doing != IDLE:
            self.homed = False
            self.retracted = False
        self._gate.disarm()
        self._armed_for = -1
        self.doing = IDLE
        self._run[_TURN_MORE] = self._run[_REST_MORE] = 0
        if doing == OUT or doing == IN:
            look(self._run, _REST)
            self._conclude(doing == IN)

    def overdue(self):
        """The loop no longer asks for this task: a stroke that came home is put on record before the watchdog bites."""
        doing = self.doing
        if doing == OUT or doing == IN:
            look(self._run, _REST)
            if self._came_home():
                self.doing = IDLE
                self._conclude(doing == IN)

    def _came_home(self):
        run = self._run
        return run[_REST_LEFT] == run[_TRAVEL] and run[_REST] & run[_HOME_PAD]

    def _conclude(self, turned):
        """Put on record what a stroke was that nobody judged, by the last look and, if it was seen, its turn.

        Cut short, it went as far out as the farther of encoder and step count says. Nothing that ended at or inside the
        guide plane pierced, and is no stroke.
        """
        run = self._run
        depth_um = run[_DEPTH_UM]
        if not turned:
            run[_TURN_LEFT] = run[_REST_LEFT]
            run[_TURN_COUNT] = run[_REST_COUNT]
        counts = ((run[_TURN_COUNT] - run[_ZERO] & 0xFFFF) ^ 0x8000) - 0x8000
        seen_um = self._calibration.extension_at_counts(counts) + self._cartridge_um
        if self._came_home():
            run[_STROKES] += 1
            if turned:
                self._on_stroke(depth_um, seen_um, journal.FAULT, run[_ZONE])
            else:
                self._on_stroke(depth_um, depth_um, _NOT_MEASURED, run[_ZONE])
            return
        steps = run[_REST_STEPS] + run[_TRAVEL] - max(0, run[_TURN_LEFT])
        reached_um = max(seen_um, self._calibration.extension_at_steps(steps) + self._cartridge_um)
        if reached_um > 0:
            self._on_stroke(depth_um, reached_um, _CUT_SHORT, run[_ZONE])

    @micropython.native
    def armed(self) -> bool:
        """The drive should be on: a run is under way or something moves."""
        return self._armed_for >= 0 or not (self.doing == IDLE or self.doing == SETTLE)
