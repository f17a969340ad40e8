"""When strokes begin: each is asked for, started, and put on record, at the rate in force.

Invariants: no stroke without a permit of its own; the one before is on record first, and where the memory does not
keep it, the next one waits until it does. A run keeps a grid of times, so that one late start does not slow the rate. A
motor heats whether it strokes or stands, and cools only with the drive off: a hot one strokes for a while, then rests
as long. What every stroke needs is bound once: to look it up, attribute by attribute, took a chip half of a stroke's
time. Nothing here allocates while strokes run.
"""
# A buffer is what viper's pointers take.
# pyright: reportArgumentType=false

from array import array

import faults
import inputs
import journal
import micropython
import safety
from inputs import Evidence
from micropython import const
from registers import mark

LOOK_US = const(20000)  # until the trigger is looked at again
AGAIN_US = const(2000)  # until a memory that did not keep a stroke is told again
HOT_RUN_US = const(10000000)  # from safety.DERATE_DC on a run lasts no longer
HOT_REST_US = const(10000000)  # and the next one begins no sooner after it
DOUBT_US = const(10000)  # until a permit that was refused is asked for again

# ticks.diff's and ticks.add's constants
_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)

_READY = safety.READY
_RUNNING = safety.RUNNING
_GRANTED = faults.GRANTED
_PARTIAL = journal.PARTIAL

# The words of a run
_FIRST = const(0)  # its first stroke has not begun
_NEXT_US = const(1)  # where the grid has the next start
_LAST_US = const(2)
_PERIOD_US = const(3)  # from the start of the stroke before the last to the start of the last
_PLANNED_US = const(4)
_UM = const(5)  # what the rate was settled for: depth, and whether the motor was warm
_WARM = const(6)
_UNDER_WAY = const(7)
_WAITS = const(8)  # a stroke that the memory did not keep yet, and what it was
_DEPTH_UM = const(9)
_ACHIEVED_UM = const(10)
_STROKE_PERIOD_US = const(11)
_FLAGS = const(12)
_ZONE = const(13)
_HELD = const(14)  # a task of the loop has stalled: no further stroke before the watchdog bites
_BEGAN_US = const(15)  # the run
_RESTING = const(16)  # a hot motor, until the next word
_RESTED_US = const(17)
_WORDS = const(18)


class Pace:
    """One per pen, made before its motor. `refusal`: why the last stroke asked for was refused.

    `run` is the loop's task, once `drive` has said which motor; `on_stroke` is for that motor to call.
    """

    def __init__(self, pen):
        self._pen = pen
        self._run = array("i", [1] + [0] * (_WORDS - 1))
        self.refusal = _GRANTED
        self._bound = ()
        self._recording = (pen.journal, self._run, pen.treatment)
        self._refused = Evidence(inputs.REFUSED_READINGS, inputs.REFUSED_MS)

    def drive(self, motor):
        """Have the strokes made by this motor."""
        pen = self._pen
        core = pen.safety
        self._bound = (
            core, motor.poll, self._run, pen.treatment, pen.readings, core.ask, core.permit, motor.start_stroke,
            pen.ticks_ms)

    @micropython.viper
    def run(self, now_us: int) -> int:
        """The loop's task: the motor's motions, and one stroke after another while the trigger is held."""
        (core, poll, words, deed, readings, ask, permit,
         start_stroke, ticks_ms) = self._bound  # pyright: ignore[reportAssignmentType]
        wait_us = int(poll(now_us))
        if wait_us > 0:
            return wait_us
        run = ptr32(words)
        if run[_UNDER_WAY]:
            run[_UNDER_WAY] = 0
            left_us = ((int(run[_NEXT_US]) - now_us & _MASK) ^ _HALF) - _HALF
            if wait_us == 0 and left_us > 0 and not run[_WAITS]:
                return left_us  # it came home: until the next one there is nothing to see to
        if run[_WAITS] and not self.on_record():
            return AGAIN_US
        if run[_HELD]:
            return LOOK_US
        if core.gauging:
            return int(self._pen.recalibration.run(ticks_ms(), now_us))
        if wait_us < 0:
            return 0 - wait_us
        state = int(core.state)
        if run[_RESTING] and ((int(run[_RESTED_US]) - now_us & _MASK) ^ _HALF) - _HALF <= 0:
            run[_RESTING] = 0
        if not core.pressed or not (state == int(_RUNNING) or state == int(_READY)):
            self.refusal = _GRANTED
            return LOOK_US
        warm = 1 if int(readings.temp_dc) >= int(safety.DERATE_DC) else 0
        if state == int(_READY):
            if run[_RESTING]:
                self.refusal = faults.REFUSED_REST
                core.end_run()  # who holds the trigger meanwhile has to press it anew
                return LOOK_US
            run[_FIRST] = 1
            run[_BEGAN_US] = now_us
        elif warm and ((now_us - int(run[_BEGAN_US]) & _MASK) ^ _HALF) - _HALF >= HOT_RUN_US:
            run[_RESTING] = 1
            run[_RESTED_US] = (now_us - _HALF + HOT_REST_US & _MASK) ^ _HALF
            self.refusal = faults.REFUSED_REST
            core.end_run()
            return LOOK_US
        else:
            wait_us = ((int(run[_NEXT_US]) - now_us & _MASK) ^ _HALF) - _HALF
            if wait_us > 0:
                return wait_us
        now_ms = ticks_ms()
        depth_um = deed.depth_um
        refusal = int(ask(depth_um, readings, now_ms))
        if refusal != int(_GRANTED):
            if not self._refused.enough(True, now_ms):  # by one reading, it may be; a stroke between starts it anew
                return DOUBT_US
            self.refusal = refusal
            core.event(safety.RELEASE)
            return LOOK_US
        if run[_FIRST] or int(depth_um) != int(run[_UM]) or warm != int(run[_WARM]):
            self.refusal = _GRANTED
            self.settle_rate()
        wait_us = int(start_stroke(permit, now_ms, now_us))
        if wait_us == 0:
            if int(core.fault) == int(faults.NONE):  # else the motor has said what it found
                core.trip(faults.INTERNAL)
            return LOOK_US
        planned_us = int(run[_PLANNED_US])
        next_us = int(run[_NEXT_US])
        if run[_FIRST]:
            run[_FIRST] = 0
            run[_PERIOD_US] = planned_us
            next_us = now_us
        else:
            run[_PERIOD_US] = ((now_us - int(run[_LAST_US]) & _MASK) ^ _HALF) - _HALF
            if ((now_us - next_us & _MASK) ^ _HALF) - _HALF > planned_us:  # after a gap the grid begins anew
                next_us = now_us
        run[_UNDER_WAY] = 1
        self._mark(depth_um)
        run[_LAST_US] = now_us
        run[_NEXT_US] = (next_us - _HALF + planned_us & _MASK) ^ _HALF
        return wait_us

    @micropython.native
    def _mark(self, depth_um):
        """A stroke has begun: where a reset leaves it, so that a start can tell what became of it."""
        log, _run, deed = self._recording
        mark(log.session, log.strokes_in_session() + 1, depth_um, deed.zone)

    def settle_rate(self) -> int:
        """Bring the rate in force to what depth, zone and temperature allow; its period in us."""
        pen = self._pen
        deed = pen.treatment
        warm = pen.readings.temp_dc >= safety.DERATE_DC
        planned_us = deed.settle_rate(pen.motor.stroke_us(deed.depth_um), warm)
        run = self._run
        run[_UM] = deed.depth_um
        run[_WARM] = 1 if warm else 0
        run[_PLANNED_US] = planned_us
        return planned_us

    def rate_mhz(self) -> int:
        """From the time between the last two strokes, of a run's first by what was planned; 0 while none run."""
        period_us = self._run[_PERIOD_US]
        return 1000000000 // period_us if self._pen.safety.state == safety.RUNNING and period_us > 0 else 0

    @micropython.native
    def on_stroke(self, depth_um, achieved_um, flags, zone):
        """A stroke came home: on record before the next one may start."""
        log, run, deed = self._recording
        if not flags & _PARTIAL:
            deed.strokes += 1
        # looked up each time: a bound method of more than four arguments has them from the heap
        number = log.stroke(depth_um, achieved_um, run[_PERIOD_US], flags, zone)
        if number < 0:
            run[_DEPTH_UM] = depth_um
            run[_ACHIEVED_UM] = achieved_um
            run[_STROKE_PERIOD_US] = run[_PERIOD_US]
            run[_FLAGS] = flags
            run[_ZONE] = zone
            self._not_recorded(number)

    def hold(self, stalled: int):
        """No further stroke while a task of the loop stalls (1), so that the watchdog finds the needles at home."""
        self._run[_HELD] = stalled

    def on_record(self) -> bool:
        """True when no stroke waits for the memory any more; the one that does is tried again."""
        log, run, _ = self._recording
        if run[_WAITS]:
            run[_WAITS] = 0
            number = log.stroke(
                run[_DEPTH_UM], run[_ACHIEVED_UM], run[_STROKE_PERIOD_US], run[_FLAGS], run[_ZONE])
            if number < 0:
                self._not_recorded(number)
        return not run[_WAITS]

    def give_up(self):
        """The session is over, and so is waiting for the memory."""
        self._run[_WAITS] = 0

    def _not_recorded(self, why):
        pen = self._pen
        if why == journal.NOT_KEPT:  # noise, or the end of the memory: `FaultRecord.watch` tells which
            self._run[_WAITS] = 1
        elif why == journal.FULL:
            pen.session.ending = journal.JOURNAL_FULL
            pen.safety.time_up = True
            pen.safety.event(safety.RELEASE)
        else:
            pen.safety.trip(faults.STORAGE)
