"""Fast twin of `step_generator` and `depth_gate`: which words become steps, and in which PIO cycle.

The words of a stroke are worked out at once: cycles by a running sum of counts, the ceiling by a running sum of
directions. Invariants: cycle for cycle what the two programs do (tests/gate holds them against the emulated block);
words never taken stay in the FIFO; every state the programs can be brought into that is not worked out here raises.
Not modelled: the one or two cycles by which an instruction forced by the CPU delays a program that is not waiting,
and the two cycles of an inward step in which X is a complement.

A cycle's number stands for the moment after it: what a program does in cycle c is seen from c on.
"""

from collections.abc import Callable

import numpy as np

FIFO_WORDS = 4
OVERHEAD_CYCLES = 40  # cycles of step_generator a word besides its count
DIR_LEAD_CYCLES = 4  # `out(pins)` to the request
OVER_TAKEN_CYCLES = 5  # the wait for the step before to the request
STEP_CYCLES = 6  # the request to STEP high
STEP_HIGH_CYCLES = 15
STEP_LOW_CYCLES = 8  # STEP low until the depth gate waits again, having said that the step is over
GATE_CYCLES = STEP_CYCLES + STEP_HIGH_CYCLES + STEP_LOW_CYCLES  # the request to the wait for the next one
X_CYCLES = 3  # the request to a changed X
TRIP_CYCLES = 7  # the request to EN_N high
NEVER = np.iinfo(np.int64).max // 4

_NO_CYCLES = np.zeros(0, np.int64)
_NO_WORDS = np.zeros(0, np.uint32)
_GENERATOR, _GATE = "step_generator", "depth_gate"


class PioError(Exception):
    """The firmware does with PIO or DMA what no twin stands for."""


class StepEngine:
    """State machines 0 and 1 together.

    `emit(cycles, outward)` gets steps ahead of time, `drop(cycle)` takes back those after a cycle.
    """

    def __init__(self, emit: Callable[[np.ndarray, np.ndarray], None], drop: Callable[[int], None]):
        self._emit = emit
        self._drop = drop
        self.generator_on = False
        self.gate_on = False
        self.drive_on = False
        self._stuck: set[str] = set()  # programs that stand or will stand where only a restart helps
        self._x = 0  # steps left before the schedule
        self._over = False  # the flag that says so, before the schedule
        self._generator_x = 0
        self._direction = 0
        self._ready = 0  # the cycle of the next pull, at the earliest
        self._stopped_at = NEVER  # when the generator stopped, in the middle of a word perhaps
        self._pulled_before = 0
        self._waiting = _NO_WORDS  # words handed over and not in the schedule, oldest first
        self._forget()

    def _forget(self) -> None:
        self._count = _NO_CYCLES
        self._outward = np.zeros(0, bool)
        self._pull = _NO_CYCLES  # cycle of each word's pull, and of its request
        self._request = _NO_CYCLES
        self._net = _NO_CYCLES  # steps outward up to and with each word
        self._steps = 0  # the first so many become steps
        self._refused: int | None = None  # the word that trips
        self._trip_told = False
        self._held: int | None = None  # the word that waits to set DIR, for a step that is never over

    def _pulled(self, cycle: int) -> int:
        return int(np.searchsorted(self._pull, cycle, "right"))

    def _requested(self, cycle: int) -> int:
        return int(np.searchsorted(self._request, cycle, "right"))

    # -- words ------------------------------------------------------------------------------------------------

    @property
    def received(self) -> int:
        """Words ever handed over."""
        return self._pulled_before + len(self._pull) + len(self._waiting)

    def fifo_level(self, cycle: int) -> int:
        return min(FIFO_WORDS, self.received - self._pulled_before - self._pulled(cycle))

    def taken_in(self, cycle: int) -> int:
        """Words ever that are in the FIFO or past it: what DMA has got rid of."""
        return min(self.received, self._pulled_before + self._pulled(cycle) + FIFO_WORDS)

    def append(self, words: np.ndarray, cycle: int) -> None:
        """Hand over words that reach the FIFO from `cycle` on."""
        self._waiting = np.concatenate((self._waiting, words))
        self._schedule(cycle)

    def withdraw(self, total: int, cycle: int) -> None:
        """Take back all but the first `total` words ever handed over; the others have not reached the FIFO."""
        keep = total - self._pulled_before
        if keep < len(self._pull):
            self._end_steps(keep, cycle)
            self._unpull(keep)
            self._stuck.clear()
        self._waiting = self._waiting[: keep - len(self._pull)]

    def pop_waiting(self) -> int | None:
        """Take the oldest word of the FIFO, as an instruction forced on a stopped step generator does."""
        if self.generator_on:
            raise PioError("a pull forced on a running step generator")
        if not len(self._waiting):
            return None
        word = int(self._waiting[0])
        self._waiting = self._waiting[1:]
        self._pulled_before += 1
        return word

    # -- schedule -----------------------------------------------------------------------------------------------

    def _schedule(self, cycle: int) -> None:
        """Work out the waiting words; after one that becomes no step only one more gets pulled."""
        if not self.generator_on:
            return
        done = not len(self._request) or int(self._request[-1]) + GATE_CYCLES <= cycle
        if done and not self._stuck:
            self._fold(cycle)
        first = len(self._pull)
        take = len(self._waiting)
        if self._held is not None:
            take = min(take, self._held + 1 - first)
        if take <= 0:
            return
        words, self._waiting = self._waiting[:take], self._waiting[take:]
        self._extend(words, max(cycle, self._ready))
        if self._stuck:
            return
        self._steps = len(self._pull)
        if not self.drive_on:
            self._block(first)
            return
        over = np.flatnonzero(self._net[first:] > self._x)
        if len(over):
            self._refused = first + int(over[0])
            self._block(self._refused)
        steps = slice(first, self._steps)
        self._emit(self._request[steps] + STEP_CYCLES, self._outward[steps])

    def _extend(self, words: np.ndarray, start: int) -> None:
        count = (words >> 1).astype(np.int64)
        outward = (words & 1).astype(bool)
        pull = np.empty(len(count), np.int64)
        pull[0] = start
        pull[1:] = start + np.cumsum(count[:-1] + OVERHEAD_CYCLES)
        request = pull + count + (OVERHEAD_CYCLES - 1)
        net = np.cumsum(np.where(outward, 1, -1))
        if len(self._net):
            net += self._net[-1]
        self._count = np.concatenate((self._count, count))
        self._outward = np.concatenate((self._outward, outward))
        self._pull = np.concatenate((self._pull, pull))
        self._request = np.concatenate((self._request, request))
        self._net = np.concatenate((self._net, net))
        self._ready = int(request[-1]) + 1

    def _fold(self, cycle: int) -> None:
        """Keep what a finished schedule left behind and forget the rest."""
        self._x = self.x(cycle)
        self._over = self.over(cycle)
        self._direction = self.direction(cycle)
        self._generator_x = self.generator_x(cycle)
        self._pulled_before += len(self._pull)
        self._forget()

    def _block(self, word: int) -> None:
        """The request of `word` is taken, and no step comes of it. So the word after it waits before it sets DIR, and
        the others stay in the FIFO."""
        self._steps = word
        self._held = word + 1
        self._stuck = {_GENERATOR, _GATE}
        self._unpull(word + 2)

    def _unpull(self, keep: int) -> None:
        """Give the words after the first `keep` of the schedule back to the FIFO."""
        if keep >= len(self._pull):
            return
        back = self._count[keep:].astype(np.uint32) << np.uint32(1) | self._outward[keep:].astype(np.uint32)
        self._waiting = np.concatenate((back, self._waiting))
        self._count, self._outward = self._count[:keep], self._outward[:keep]
        self._pull, self._request, self._net = self._pull[:keep], self._request[:keep], self._net[:keep]
        if keep:
            self._ready = int(self._request[-1]) + 1

    def _end_steps(self, steps: int, cycle: int) -> None:
        """No step from word `steps` on, nor any consequence of one."""
        if steps < self._steps:
            self._steps = steps
            self._drop(max(cycle, int(self._request[steps - 1]) + STEP_CYCLES if steps else 0))
        if self._refused is not None and self._refused >= steps:
            self._refused = None
        if self._held is not None and self._held > steps:
            self._held = None

    # -- what happens to the two -----------------------------------------------------------------------------------

    def set_drive(self, on: bool, cycle: int) -> None:
        """EN_N changed in `cycle`. A request judged while it is high is taken and then stuck."""
        if on == self.drive_on:
            return
        self.drive_on = on
        if on:
            if self._stuck:
                raise PioError("EN_N goes low over a request stuck in the depth gate: restart both programs first")
            return
        judged = int(np.searchsorted(self._request, cycle, "left"))
        refused_before = self._refused is not None and self._refused < judged
        if refused_before or judged == len(self._request) or not self.gate_on:
            return
        self._end_steps(judged, cycle)
        self._block(judged)

    def start_generator(self, cycle: int) -> None:
        if self.generator_on:
            return
        if len(self._pull):
            raise PioError("the step generator goes on in the middle of a word: restart it first")
        if not self.gate_on:
            raise PioError("the step generator starts before the depth gate, which has to be ready for its first word")
        self.generator_on = True
        self._stopped_at = NEVER
        self._ready = cycle + 1
        self._schedule(cycle)

    def stop_generator(self, cycle: int) -> None:
        if self.generator_on:
            self.generator_on = False
            self._stopped_at = cycle
            self._end_steps(self._requested(cycle), cycle)
            self._unpull(self._pulled(cycle))

    def restart_generator(self, cycle: int) -> None:
        """Back to its first instruction; the word in progress is lost, X stays."""
        if self.generator_on:
            raise PioError("restart of a running step generator")
        self._fold(cycle)
        self._stuck.discard(_GENERATOR)

    def start_gate(self) -> None:
        if self.gate_on:
            return
        if self._stuck or len(self._pull):
            raise PioError("the depth gate goes on with requests from before: restart both programs first")
        self.gate_on = True
        self._over = True  # its first instruction

    def stop_gate(self, cycle: int) -> None:
        if self.gate_on and self.generator_on and self._steps and int(self._request[self._steps - 1]) > cycle:
            raise PioError("the depth gate stopped in front of a running step generator")
        self.gate_on = False

    def restart_gate(self) -> None:
        if self.gate_on:
            raise PioError("restart of a running depth gate")
        self._stuck.discard(_GATE)

    def drop_request(self) -> None:
        """The request's flag is cleared by a forced instruction."""
        if self.generator_on and len(self._pull):
            raise PioError("a request cleared under a running step generator")

    def say_over(self) -> None:
        """The flag that a step is over is set by a forced instruction."""
        if self.generator_on:
            raise PioError("a step said to be over under a running step generator")
        self._over = True

    # -- registers and pads --------------------------------------------------------------------------------------------

    def next_trip(self) -> int:
        """The cycle in which EN_N goes high because a step was refused; NEVER once that has been told."""
        if self._refused is None or self._trip_told:
            return NEVER
        return int(self._request[self._refused]) + TRIP_CYCLES

    def tell_trip(self) -> None:
        self._trip_told = True

    def x(self, cycle: int) -> int:
        """Steps left; -1 after a refusal."""
        judged = self._requested(cycle - X_CYCLES)
        if self._refused is not None and judged > self._refused:
            return -1
        done = min(judged, self._steps)
        return self._x - (int(self._net[done - 1]) if done else 0)

    def set_x(self, value: int) -> None:
        if len(self._pull):
            raise PioError("X of the depth gate set while steps are under way")
        self._x = value

    def generator_x(self, cycle: int) -> int:
        """What is left of the delay; -1 once it has run out."""
        cycle = min(cycle, self._stopped_at)
        index = self._pulled(cycle) - 1
        if index < 0:
            return self._generator_x
        spent = cycle - int(self._pull[index]) - 1
        return self._before_out(index) if spent < 0 else max(-1, int(self._count[index]) - spent)

    def _before_out(self, index: int) -> int:
        return -1 if index else self._generator_x

    def set_generator_x(self, value: int) -> None:
        if self.generator_on:
            raise PioError("X of the step generator set while it runs")
        self._generator_x = value

    def direction(self, cycle: int) -> int:
        """Level of DIR."""
        shown = self._requested(min(cycle, self._stopped_at) + DIR_LEAD_CYCLES)
        if self._held is not None:
            shown = min(shown, self._held)
        return int(self._outward[shown - 1]) if shown else self._direction

    def over(self, cycle: int) -> bool:
        """Whether the flag is up that says that the step before is over."""
        taken = self._requested(min(cycle, self._stopped_at) + OVER_TAKEN_CYCLES)
        if self._held is not None:
            taken = min(taken, self._held)
        return self._over and taken == min(self._requested(cycle - GATE_CYCLES + 1), self._steps)

    def flags(self, cycle: int) -> int:
        """The block's flags, but for the request's, which is up for a cycle, and the trip's, which nobody reads."""
        return self.over(cycle) << 5

    def step_level(self, cycle: int) -> int:
        """Level of STEP."""
        begun = min(self._requested(cycle - STEP_CYCLES), self._steps)
        return int(begun > 0 and cycle < int(self._request[begun - 1]) + STEP_CYCLES + STEP_HIGH_CYCLES)
