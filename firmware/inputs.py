"""The one table of inputs: how many readings, over what time, an input needs before it counts, and what follows.

Pure: readings and time come in as arguments. A row is the constants whose names begin with the row's, so that the image
builder puts each in its place and the table costs a pen no memory; docs/hardware.md prints it, with what it means:

- READINGS in a row have to be alike, the first and the last of them MS apart or more. A gap above GAP_MS between two of
  them starts the count anew: nobody knows what the input did in between.
  What answers when it is asked (the driver's status) has no gaps: what it said holds until it says otherwise.
- TRIES: how often it is asked in all before an answer that does not come, or is wrong, counts.
- WITHIN_MS: so long after it began, what lasts has been found.
- FOLLOWS: the fault; faults.NONE where it is not a fault.

What has to be fast does not wait for this. The gate switches the drive off by itself, in PIO, on an open loop; a permit
is refused on the first reading that is not as it should be. What waits is what is latched, shown or kept for service.
"""

import faults
import micropython
import ticks
from micropython import const

GAP_MS = const(20)

# home line while a motion looks at it: a sure look
HOME_READINGS = const(4)
HOME_MS = const(3)
HOME_FOLLOWS = faults.NONE
# home line dark although the needles are parked
PARKED_READINGS = const(4)
PARKED_MS = const(60)
PARKED_WITHIN_MS = const(120)
PARKED_FOLLOWS = faults.HOME_SENSOR
# interlock loop open while needles move: the gate has switched the drive off at once
LOOP_READINGS = const(4)
LOOP_MS = const(3)
LOOP_WITHIN_MS = const(20)
LOOP_FOLLOWS = faults.CARTRIDGE_PULLED
# interlock loop other than it was: a cartridge is seated, or it is out and its use is over
SEATED_READINGS = const(4)
SEATED_MS = const(60)
SEATED_WITHIN_MS = const(120)
SEATED_FOLLOWS = faults.NONE
# both contacts of the trigger say held: longer than contacts bounce, so that no bounce of a release is a press
PRESS_READINGS = const(4)
PRESS_MS = const(20)
PRESS_WITHIN_MS = const(60)
PRESS_FOLLOWS = faults.NONE
# not both of them: a permit is refused at once, a run ends after this
RELEASE_READINGS = const(3)
RELEASE_MS = const(8)
RELEASE_WITHIN_MS = const(40)
RELEASE_FOLLOWS = faults.NONE
# the two contacts agree: longer than they travel and bounce
CONTACTS_READINGS = const(4)
CONTACTS_MS = const(40)
CONTACTS_WITHIN_MS = const(100)
CONTACTS_FOLLOWS = faults.TRIGGER_CONTACTS
# SELECT, UP, DOWN: a level
BUTTON_READINGS = const(3)
BUTTON_MS = const(30)
BUTTON_WITHIN_MS = const(80)
BUTTON_FOLLOWS = faults.NONE
# the supply's comparator says failing
POWER_READINGS = const(4)
POWER_MS = const(3)
POWER_WITHIN_MS = const(40)
POWER_FOLLOWS = faults.POWER_FAIL
# EN_N read back high although the gate is armed: one of the gate's programs has switched off
DROPPED_READINGS = const(4)
DROPPED_MS = const(3)
DROPPED_WITHIN_MS = const(20)
DROPPED_FOLLOWS = faults.DRIVE_DROPPED
# EN_N read back low although nothing armed it
STUCK_ON_READINGS = const(4)
STUCK_ON_MS = const(40)
STUCK_ON_WITHIN_MS = const(100)
STUCK_ON_FOLLOWS = faults.GATE
# a conversion of the battery, the rail, the thermistor that is far from the one before
BATTERY_READINGS = const(4)
BATTERY_MS = const(60)
BATTERY_WITHIN_MS = const(150)
BATTERY_FOLLOWS = faults.NONE
RAIL_READINGS = const(4)
RAIL_MS = const(60)
RAIL_WITHIN_MS = const(150)
RAIL_FOLLOWS = faults.NONE
NTC_READINGS = const(6)
NTC_MS = const(200)
NTC_WITHIN_MS = const(300)
NTC_FOLLOWS = faults.NTC
# the driver's status does not come, or is damaged
SILENT_READINGS = const(5)
SILENT_MS = const(240)
SILENT_WITHIN_MS = const(1000)
SILENT_FOLLOWS = faults.DRIVER_SILENT
# the driver's status says that it is off or lost its settings: short, heat, charge pump, reset; it is asked on at once
ALARM_READINGS = const(4)
ALARM_MS = const(40)
ALARM_WITHIN_MS = const(400)
ALARM_FOLLOWS = faults.DRIVER_SHORT
# the driver's status says open load while strokes run
OPEN_READINGS = const(3)
OPEN_MS = const(500)
OPEN_WITHIN_MS = const(1000)
OPEN_FOLLOWS = faults.DRIVER_OPEN
# the trigger is pulled and a permit is refused: said on the panel, and a run ends
REFUSED_READINGS = const(4)
REFUSED_MS = const(60)
REFUSED_WITHIN_MS = const(120)
REFUSED_FOLLOWS = faults.NONE
# what the self-test finds: encoder that counts at rest, home line that changes at rest, gate that does not refuse
ENCODER_TRIES = const(3)  # in one go with the home line, row still
ENCODER_FOLLOWS = faults.ENCODER
STILL_TRIES = const(3)
STILL_FOLLOWS = faults.HOME_SENSOR
GATE_TRIES = const(3)
GATE_FOLLOWS = faults.GATE
# what answers on a bus
DISPLAY_TRIES = const(10)
DISPLAY_MS = const(50)  # between two of them
DISPLAY_FOLLOWS = faults.DISPLAY
MEMORY_TRIES = const(12)  # 1 s in all: as long as wrong answers have to last for a fault in use
MEMORY_MS = const(80)
MEMORY_FOLLOWS = faults.STORAGE
ANSWER_TRIES = const(3)  # each answer of the record memory, and each record told to it
ANSWER_FOLLOWS = faults.NONE
TRANSFER_TRIES = const(3)  # each transfer to the display
TRANSFER_FOLLOWS = faults.NONE
CARTRIDGE_TRIES = const(3)
CARTRIDGE_FOLLOWS = faults.NONE
CLOCK_TRIES = const(3)
CLOCK_FOLLOWS = faults.NONE

# ticks.diff's constants
_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)


class Evidence:
    """Says when readings in a row are enough: `readings` of them alike, over `ms` or more, without a gap.

    While `count` is 0 and the condition does not show, it may be left alone.
    """

    def __init__(self, readings: int, ms: int):
        self._needed = readings
        self._ms = ms
        self.count = 0  # alike so far, up to what is needed
        self._first_ms = 0
        self._last_ms = 0

    @micropython.native
    def enough(self, condition, now_ms: int) -> bool:
        """Take one reading. True when it and those before it show the condition for sure."""
        if not condition:
            self.count = 0
            return False
        count = self.count
        if count == 0 or ((now_ms - self._last_ms & _MASK) ^ _HALF) - _HALF > GAP_MS:
            self._first_ms = now_ms
            count = 0
        self._last_ms = now_ms
        if count < self._needed:
            count += 1
            self.count = count
        if count < self._needed:
            return False
        if ((now_ms - self._first_ms & _MASK) ^ _HALF) - _HALF < self._ms:
            return False
        self._first_ms = (now_ms - _HALF - self._ms & _MASK) ^ _HALF  # kept well inside the range of a difference
        return True


class Answers:
    """The same for what answers when it is asked: an answer holds until the next, so no gap starts the count anew."""

    def __init__(self, readings: int, ms: int):
        self._needed = readings
        self._ms = ms
        self.count = 0
        self._first_ms = 0

    def enough(self, condition, now_ms: int) -> bool:
        """Take one answer. True when it and those before it show the condition for sure."""
        if not condition:
            self.count = 0
            return False
        if self.count == 0:
            self._first_ms = now_ms
        if self.count < self._needed:
            self.count += 1
        return self.count == self._needed and ticks.diff(now_ms, self._first_ms) >= self._ms
