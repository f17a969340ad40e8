"""What a pen is built on: its board, its record memory, the step tables of its motion limits, the console's parser.

All that leaves much behind when it is made is made while the heap is still empty. The image has the step tables of the
usual limits. A pen with others plans its own at the first start, which takes a chip ten seconds and hundreds of
kilobytes of garbage, keeps them in a file beside the slots, and starts anew.
"""

from time import sleep_ms

import inputs
import records
import slots
from board import Board
from drivers.fram import Fram
from gate import step_word
from heap import borrow, forget, tidy
from micropython import const
from scpi import Parser
from store import EMPTY, OK, RECOVERED, Store

FED_WORDS = const(64)  # of thousands, in ten seconds
FILE = "gears.bin"  # in the slot, and beside the slots


class Base:
    """Made once, before the other modules are imported. ValueError if no tables can be planned for the limits."""

    def __init__(self, watchdog=None):
        self.watchdog = watchdog  # the one that is running, if one is
        self.hardware = Board()
        self.fram = Fram(self.hardware.spi, self.hardware.fram_cs)
        self.store = Store(self.fram)
        self.motion = records.Motion()
        self.motion_status = self._load_motion()  # judged in the self-test; bad values are not taken
        self.gears = _gears(self.motion.limits(), watchdog)
        slots.forget()
        if watchdog is not None:
            watchdog.feed()
        self.parser, self.methods = _parser()  # group and method of each row
        tidy()
        if watchdog is not None:
            watchdog.feed()

    def _load_motion(self):
        """The usual limits are another pen's: an empty record is believed only of a memory that answers."""
        status = self.motion.load(self.store)
        for _ in range(inputs.MEMORY_TRIES):
            if status in (OK, RECOVERED) or (status == EMPTY and self.fram.check_id()):
                break
            sleep_ms(inputs.MEMORY_MS)
            status = self.motion.load(self.store)
        return status


def _gears(limits, watchdog):
    if slots.running:
        for path in ("/" + slots.running + "/" + FILE, "/" + FILE):
            gears = borrow("gears_file").stored(slots.read(path), limits)
            if gears is not None:
                return gears
    from profile import planned_for, written_down

    made = [0]

    def word(cycles, outward):
        made[0] += 1
        if watchdog is not None and made[0] % FED_WORDS == 0:
            watchdog.feed()
        return step_word(cycles, outward)

    gears = planned_for(limits, word)
    if slots.running:
        try:
            slots.replace("/" + FILE, written_down(gears, limits))
            slots.restart()
        except OSError:  # the flash takes nothing now: these tables serve this start, the next plans them again
            pass
    forget("profile")
    forget("ramps")
    return gears


def _parser():
    from commands import COMMANDS

    forget("commands")
    return Parser(COMMANDS), ([row[3] for row in COMMANDS], [row[4] for row in COMMANDS])
