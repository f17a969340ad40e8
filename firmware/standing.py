"""Static moves: the gauge tip goes a way outward, stands there while the trigger is held, and is measured by a gauge.

Invariants: outward only by spending a permit for a static move, and no further than it says, which is also the gate's
ceiling; back only within the same ceiling. What was told is compared with the encoder before the tip counts as
standing, and as long as it stands. The way home is a homing. Nothing here allocates after construction.
"""

import faults
import ticks
from carriage import COARSE_US, IDLE, STEPS_PER_MM
from homing import Homing
from micropython import const

STANDING_UM = const(40)  # half of what a motor loses at a time: told and seen differ by less, or steps were lost
STATIC_STILL_US = const(20000)  # from the last step until the carriage stands, at least

# what the motor is doing, besides homing's and the strokes'
STATIC_OUT = const(11)
STATIC_TURN = const(12)  # beyond the target, to come to it from outside
STATIC_BACK = const(13)
STATIC_STILL = const(14)
STAND = const(15)


class Standing(Homing):
    """What a pen's motor does with the gauge tip. `motor.Motor` adds the strokes."""

    def start_static(self, permit, back_um: int, now_ms: int, now_us: int) -> bool:
        """Go outward as far as the permit says, then back by `back_um` (0 or more, less than the way out).

        Both nominal, 800 microsteps a millimetre. False, and nothing moves, unless the permit is good and the pen
        is homed.
        """
        out_steps = permit.depth_um * STEPS_PER_MM // 1000 - self._at_steps
        back_steps = back_um * STEPS_PER_MM // 1000
        if self.doing != IDLE or not self.homed or not 0 <= back_steps < out_steps:
            return False
        if permit.static is not True or not permit.spend(now_ms):
            return False
        self._armed_for = -1
        self._planned_um = -1
        self.retracted = False
        if not self._gate.arm(out_steps):
            self._look()  # the last one may be older than what opened the loop
            self._fail_moving(faults.DRIVE_DROPPED)
            return False
        self._count_start = self._encoder.count()
        self._ceiling_steps = out_steps
        self._back_steps = back_steps
        self._send(self._coarse_out, out_steps, STATIC_OUT, now_us)
        return True

    def _send(self, words, steps, doing, now_us):
        self._chain.clear()
        self._chain.add_repeat(words, 0, steps)
        self._end_us = ticks.add(now_us, steps * COARSE_US)
        self._gate.start(self._chain)
        self.doing = doing

    def reached_um(self) -> int:
        """Where the encoder says the carriage is: um of a nominal screw outward from the home edge."""
        return self._encoder.count() * 1000 // 1024

    def poll_slow(self, now_us: int):
        """Carry on with what is under way, unless it is a stroke."""
        doing = self.doing
        if doing < STATIC_OUT:
            Homing.poll_slow(self, now_us)
        elif doing == STAND:
            self._compare()
        elif doing == STATIC_OUT or doing == STATIC_BACK:
            if self._given(now_us):
                back = doing == STATIC_OUT and self._back_steps > 0
                self._wait_still(STATIC_TURN if back else STATIC_STILL, STATIC_STILL_US, now_us)
        elif not self._stands(now_us):
            return
        elif doing == STATIC_TURN:
            self._send(self._coarse_in, self._back_steps, STATIC_BACK, now_us)
        elif self._compare():
            self.doing = STAND

    def _compare(self):
        """Told and seen agree; else steps were lost and the tip is not where it should be."""
        told_steps = self._ceiling_steps - self._back_steps
        left = self._gate.remaining_steps()
        seen_um = (self._encoder.count() - self._count_start) * 1000 // 1024
        told_um = told_steps * 1000 // STEPS_PER_MM
        if not self._gate.enabled():
            return False  # the loop says which of the gate's programs it was
        if left < 0:
            self._fail(faults.CEILING)
        elif left != self._back_steps:
            self._fail(faults.INTERNAL)
        elif abs(seen_um - told_um) < STANDING_UM:
            return True
        elif seen_um * 2 < told_um:
            self._fail(faults.JAM)
        else:
            self._fail(faults.SLIP)
        return False
