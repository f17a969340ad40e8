"""What a gauge has said about one pen: the readings, how far the tip may go next, and whether a calibration fits them.

Pure integers, micrometres; every intermediate fits 31 bits. A *reach* is a way outward from the home edge in um of a
nominal screw (800 microsteps a millimetre), whatever the pen's own scale is. A reading is the extension that the gauge
showed, less what this gauge tip is longer than the reference. Nothing here takes the host's word: the pen keeps the
readings, and a calibration is only good if each of them lies where it says. docs/calibration.md has the mathematics.
"""

from array import array

from calibration import BACKLASH_MAX_UM, OFFSET_MAX_UM, OFFSET_MIN_UM, SCALE_MAX_PPM, TRAVEL_MAX_UM
from micropython import const
from safety import GAUGE_FAR_UM, GAUGE_REACH_UM

POINTS_MAX = const(64)
RESIDUAL_UM = const(30)  # between a reading and what the calibration says, at every point
FIT_LEAST = const(7)  # places each way
VERIFY_LEAST = const(3)  # places that the fit has not seen
APART_UM = const(20)  # so far from every place of the fit
BEYOND_UM = const(100)  # past the target, to come to it from outside: more than any play
SHALLOW_MOST_UM = const(400)  # the shallowest reading of the fit, at most
SPAN_LEAST_UM = const(1500)  # from the shallowest to the deepest

UP = const(0)  # come to from inside, as a stroke does
DOWN = const(1)  # come to from outside: the play is taken up the other way
VERIFY = const(2)  # added to either: kept out of the fit

# Why something was refused
GOOD = const(0)
TOO_FAR = const(1)
TOO_NEAR = const(2)
NOT_STOOD = const(3)
IMPLAUSIBLE = const(4)
FULL = const(5)
FEW_UP = const(6)
FEW_DOWN = const(7)
FEW_VERIFY = const(8)
NOT_SHALLOW = const(9)
NARROW = const(10)
RESIDUAL = const(11)
OUT_OF_RANGE = const(12)
REASONS = (
    b"", b"further than what is known allows", b"too near for a move", b"the tip has not stood there yet",
    b"reading outside what any pen can have there", b"no room for more readings", b"fewer than 7 places going out",
    b"fewer than 7 places coming back", b"fewer than 3 places for the check", b"no reading of the fit under 400 um",
    b"readings span less than 1500 um", b"a reading is over 30 um from what these values say",
    b"a value is out of its range",
)


class Gauging:
    """The readings of one calibration under way. `begin` forgets those of the one before."""

    def __init__(self):
        self._reach = array("h", [0] * POINTS_MAX)
        self._reading = array("h", [0] * POINTS_MAX)
        self._kind = bytearray(POINTS_MAX)
        self._longer_um = 0
        self.count = 0
        self.reach_um = 0  # the target; 0 without one
        self.down = False
        self.stood = False  # the tip stands or stood at the target
        self.furthest_um = 0  # the largest reach that is allowed now
        self.worst_um = 0  # the largest residual that `judge` saw, and where
        self.worst_at = 0
        self.travel_um = 0  # the deepest reading of the fit

    def begin(self, longer_um: int):
        """A new calibration, with a gauge tip that is so much longer than the reference tip (-200..200)."""
        self._longer_um = longer_um
        self.count = 0
        self._settle_furthest()
        self.drop()

    # -- where to ---------------------------------------------------------------------------------------

    def far_um(self, reach_um: int) -> int:
        """How far past the guide plane the tip stands at a reach (0..3100), at the most, by what is known.

        Known is what every pen that can be calibrated has to be within, and the readings. The reading that would
        allow the most is passed over: one alone may have been typed wrong.
        """
        lowest = second = _far_without(reach_um)
        for i in range(self.count):
            way_um = reach_um - self._reach[i]
            far = self._reading[i] + way_um + _part(abs(way_um), SCALE_MAX_PPM)
            if far < lowest:
                second = lowest
                lowest = far
            elif far < second:
                second = far
        return second if self.count > 1 else _far_without(reach_um)

    def _settle_furthest(self):
        """The largest reach that is allowed now, on a grid of 10 um: by the reading that allows the second most."""
        most = second = _reach_to(0, OFFSET_MAX_UM)
        for i in range(self.count):
            reach_um = _reach_to(self._reach[i], self._reading[i])
            if reach_um > most:
                second = most
                most = reach_um
            elif reach_um > second:
                second = reach_um
        self.furthest_um = min(GAUGE_REACH_UM, second // 10 * 10)

    def plan(self, reach_um: int, down: bool) -> int:
        """Take a target, to be come to from inside, or from outside with `down`. GOOD or why not."""
        if type(reach_um) is not int or not BEYOND_UM <= reach_um:
            return TOO_NEAR
        if self.outward_um(reach_um, down) > self.furthest_um:
            return TOO_FAR
        self.reach_um = reach_um
        self.down = down
        self.stood = False
        return GOOD

    def outward_um(self, reach_um: int, down: bool) -> int:
        """How far out a move to a target goes on its way."""
        return reach_um + BEYOND_UM if down else reach_um

    def drop(self):
        """Forget the target."""
        self.reach_um = 0
        self.stood = False

    # -- readings ---------------------------------------------------------------------------------------

    def take(self, reading_um: int, verify: bool) -> int:
        """The gauge's reading where the tip stands or stood last; GOOD or why not. A later one replaces it."""
        if not self.reach_um or not self.stood:
            return NOT_STOOD
        kind = (DOWN if self.down else UP) + (VERIFY if verify else 0)
        if type(reading_um) is not int or not plausible(self.reach_um, reading_um - self._longer_um):
            return IMPLAUSIBLE
        at = 0
        while at < self.count and not (self._reach[at] == self.reach_um and self._kind[at] == kind):
            at += 1
        if at == POINTS_MAX:
            return FULL
        self._reach[at] = self.reach_um
        self._reading[at] = reading_um - self._longer_um
        self._kind[at] = kind
        self.count = max(self.count, at + 1)
        self._settle_furthest()
        return GOOD

    def point(self, at: int):
        """(reach, reading, kind) of reading number `at`, 0 .. count - 1."""
        return self._reach[at], self._reading[at], self._kind[at]

    # -- the verdict ------------------------------------------------------------------------------------

    def judge(self, offset_um: int, scale_ppm: int, backlash_um: int) -> int:
        """Whether these values may become the pen's calibration: GOOD or why not. Sets `worst_um`, `travel_um`."""
        for value, low, high in (
                (offset_um, OFFSET_MIN_UM, OFFSET_MAX_UM), (scale_ppm, -SCALE_MAX_PPM, SCALE_MAX_PPM),
                (backlash_um, 0, BACKLASH_MAX_UM)):
            if type(value) is not int or not low <= value <= high:
                return OUT_OF_RANGE
        if self._places(UP) < FIT_LEAST:
            return FEW_UP
        if self._places(DOWN) < FIT_LEAST:
            return FEW_DOWN
        if self._checks() < VERIFY_LEAST:
            return FEW_VERIFY
        return self._judge_readings(offset_um, scale_ppm, backlash_um)

    def _judge_readings(self, offset_um, scale_ppm, backlash_um):
        shallowest = TRAVEL_MAX_UM
        deepest = 0
        self.worst_um = 0
        for i in range(self.count):
            kind = self._kind[i]
            expected = offset_um + self._reach[i] + _part(self._reach[i], scale_ppm)
            if kind & DOWN:
                expected += backlash_um
            error_um = abs(self._reading[i] - expected)
            if error_um > self.worst_um:
                self.worst_um = error_um
                self.worst_at = i
            if kind == UP:
                shallowest = min(shallowest, self._reading[i])
                deepest = max(deepest, self._reading[i])
        self.travel_um = min(deepest, TRAVEL_MAX_UM)
        if shallowest > SHALLOW_MOST_UM:
            return NOT_SHALLOW
        if deepest - shallowest < SPAN_LEAST_UM:
            return NARROW
        return GOOD if self.worst_um <= RESIDUAL_UM else RESIDUAL

    def _places(self, kind):
        """How many of a kind: no two readings have the same place and kind."""
        return sum([1 for i in range(self.count) if self._kind[i] == kind])

    def _checks(self):
        """Readings for the check whose place is apart from all of the fit's."""
        found = 0
        for i in range(self.count):
            if self._kind[i] & VERIFY:
                near = [j for j in range(self.count)
                        if not self._kind[j] & VERIFY and abs(self._reach[j] - self._reach[i]) < APART_UM]
                found += 0 if near else 1
        return found


def plausible(reach_um: int, extension_um: int) -> bool:
    """Whether any pen that can be calibrated may show this extension at this reach."""
    stretch_um = _part(reach_um, SCALE_MAX_PPM) + RESIDUAL_UM
    low = OFFSET_MIN_UM + reach_um - stretch_um
    return low <= extension_um <= OFFSET_MAX_UM + BACKLASH_MAX_UM + reach_um + stretch_um


def _far_without(reach_um):
    return OFFSET_MAX_UM + reach_um + _part(reach_um, SCALE_MAX_PPM)


def _reach_to(reach_um, extension_um):
    """The reach at which the tip stands GAUGE_FAR_UM out at the most, if it stands so far out at another."""
    room_um = GAUGE_FAR_UM - extension_um
    scale = 1000000 + (SCALE_MAX_PPM if room_um >= 0 else -SCALE_MAX_PPM)
    return reach_um + room_um * 1000 // (scale // 1000)


def _part(um, ppm):
    """The part of a length, to the nearest um; um up to 10000, ppm up to 37000 either way."""
    return (um * ppm + 500000) // 1000000
