"""Raw pads and converter counts turned into the readings that the safety core judges.

Integers only; nothing allocates. A value outside what a healthy sensor can give is passed on as it is, so
that the safety core sees it: nothing is clamped into plausibility. A conversion that is far from the one before counts
once it has lasted: what is measured here cannot leap.
"""

import board
import inputs
import micropython
from inputs import Evidence
from micropython import const

# NTC 10 kohm, B 3950, against 10 kohm to the reference: counts of 65535 at -30, -20 ... 130 degrees Celsius
_NTC_COUNTS = (
    62417, 59855, 55932, 50511, 43816, 36454, 29202, 22706, 17306, 13049, 9807, 7387, 5596, 4273, 3293, 2563, 2015)
_NTC_FIRST_DC = const(-300)
_NTC_STEP_DC = const(100)
_BUTTONS = 1 << board.PIN_SELECT | 1 << board.PIN_UP | 1 << board.PIN_DOWN  # a pressed one reads 0
# looked up once for what every pass of the loop does
_TRIGGER_NO = board.PIN_TRIGGER_NO
_TRIGGER_NC = board.PIN_TRIGGER_NC
_INTERLOCK = board.PIN_INTERLOCK
_POWER_OK = board.PIN_POWER_OK
_HOME = board.PIN_HOME
_EN_N = board.PIN_EN_N
_FAR_MV = const(500)  # from one conversion to the next
_FAR_DC = const(50)
NTC_OPEN_DC = const(-9999)
NTC_SHORT_DC = const(9999)


def ntc_dc(counts: int) -> int:
    """Tenths of a degree Celsius, interpolated (within 0.6 K of the B equation); open and short stand out."""
    if counts > 64500:
        return NTC_OPEN_DC
    if counts < 1000:
        return NTC_SHORT_DC
    last = len(_NTC_COUNTS) - 1
    i = 0
    while i < last - 1 and counts < _NTC_COUNTS[i + 1]:
        i += 1
    span = _NTC_COUNTS[i] - _NTC_COUNTS[i + 1]
    return _NTC_FIRST_DC + i * _NTC_STEP_DC + (_NTC_COUNTS[i] - counts) * _NTC_STEP_DC // span


class Sensors:
    """Fills `readings` from the board: pads every pass, converters at their own, slower pace."""

    def __init__(self, hardware, readings):
        self._hardware = hardware
        self._readings = readings
        self.pads = 0
        self._battery = Evidence(inputs.BATTERY_READINGS, inputs.BATTERY_MS)
        self._rail = Evidence(inputs.RAIL_READINGS, inputs.RAIL_MS)
        self._ntc = Evidence(inputs.NTC_READINGS, inputs.NTC_MS)

    def read_pads(self):
        self.take(self._hardware.pads())

    @micropython.native
    def take(self, pads: int):
        """Take over a look at all pads."""
        self.pads = pads
        readings = self._readings
        readings.trigger_no = 1 - (pads >> _TRIGGER_NO & 1)
        readings.trigger_nc = 1 - (pads >> _TRIGGER_NC & 1)
        readings.interlock = pads >> _INTERLOCK & 1
        readings.power_ok = pads >> _POWER_OK & 1
        readings.home = pads >> _HOME & 1
        readings.drive_on = 1 - (pads >> _EN_N & 1)

    def read_analog(self):
        """Take over one conversion of each as it is: for the self-test, which asks again before it believes one."""
        readings = self._readings
        readings.battery_mv = self._battery_mv()
        readings.rail_mv = self._rail_mv()
        readings.temp_dc = ntc_dc(self._hardware.ntc.read_u16())

    def convert(self, now_ms: int) -> bool:
        """Take over one conversion of each that is near the one before, or has been far from it for long enough.

        True while one is in doubt: convert again soon.
        """
        readings = self._readings
        battery_mv = self._battery_mv()
        rail_mv = self._rail_mv()
        temp_dc = ntc_dc(self._hardware.ntc.read_u16())
        doubt = 0
        far = abs(battery_mv - readings.battery_mv) > _FAR_MV
        if self._battery.enough(far, now_ms) or not far:
            readings.battery_mv = battery_mv
        else:
            doubt += 1
        far = abs(rail_mv - readings.rail_mv) > _FAR_MV
        if self._rail.enough(far, now_ms) or not far:
            readings.rail_mv = rail_mv
        else:
            doubt += 1
        far = abs(temp_dc - readings.temp_dc) > _FAR_DC
        if self._ntc.enough(far, now_ms) or not far:
            readings.temp_dc = temp_dc
        else:
            doubt += 1
        return doubt > 0

    def _battery_mv(self):
        # counts times full scale passes 2^30: halve both sides first
        return (self._hardware.battery.read_u16() >> 1) * board.BATTERY_MV_FULL // 32768

    def _rail_mv(self):
        return (self._hardware.rail.read_u16() >> 1) * board.RAIL_MV_FULL // 32768

    def released(self) -> bool:
        """No button is pressed."""
        return self.pads & _BUTTONS == _BUTTONS

    def diag(self) -> int:
        """The driver's own alarm line."""
        return self.pads >> board.PIN_DIAG & 1
