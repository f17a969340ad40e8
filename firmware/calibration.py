"""One pen's calibration: the record, its validation, conversions between microsteps, counts and extension.

Pure integers. Positions are counted from the home edge, outward positive, and hold for positions approached
outward (backlash taken up). Rounding is always to the safe side: a command is never deeper than asked, a
measurement is never reported shallower than it is. Every intermediate fits MicroPython's 31-bit small
integer inside the stated ranges, so conversions never allocate. An invalid record yields a reason, never
a default.
"""

import struct

import micropython
from micropython import const

SCHEMA = const(1)
RECORD_BYTES = const(34)

OFFSET_MIN_UM = const(-460)
OFFSET_MAX_UM = const(230)
SCALE_MAX_PPM = const(37000)
BACKLASH_MAX_UM = const(60)
TRAVEL_MAX_UM = const(2600)
TAG_CHARS = const(8)
WAY_UNIT_UM = const(6)  # one byte holds the way from the inner stop
# Conversions: |extension - offset| and |steps| and |counts| up to this; far beyond the stops (3700 um apart).
SPAN_MAX = const(4500)

DUE_SOON_DAYS = const(14)

# How the due date stands
DUE_LATER = const(0)  # or none was set
DUE_SOON = const(1)
DUE_PAST = const(2)
DUE_UNKNOWN = const(3)  # the clock is not set, or shows a day before the calibration

# Reasons: why a record may not be used
VALID = const(0)
BAD_LENGTH = const(1)
BAD_SCHEMA = const(2)
BAD_OFFSET = const(3)
BAD_SCALE = const(4)
BAD_BACKLASH = const(5)
BAD_TRAVEL = const(6)
BAD_DATES = const(7)
BAD_GAUGE = const(8)
BAD_TECHNICIAN = const(9)
BAD_ID = const(10)

REASONS = (
    "valid",
    "record has the wrong length",
    "record of an unknown schema",
    "offset outside -460..230 um",
    "scale outside -37000..37000 ppm",
    "backlash outside 0..60 um",
    "travel outside 1..2600 um",
    "due date before the calibration date",
    "gauge id is not 1..8 printable ASCII characters",
    "technician is not 1..8 printable ASCII characters",
    "calibration id outside 1..65535",
)

_LAYOUT = "<BBhiHHHHH8s8s"


class Calibration:
    """`offset_um`: extension at the home edge. `scale_ppm`: how much further than nominal a microstep goes.

    `travel_um`: the deepest extension the gauge has seen. `way_um`: from the inner stop to the home edge, in um of a
    nominal screw, never more than it is; 0 where it is not on record. Days count from 2000-01-01, 0 = unset.
    """

    def __init__(self):
        self.offset_um = 0
        self.scale_ppm = 0
        self.backlash_um = 0
        self.travel_um = 0
        self.date_days = 0
        self.due_days = 0
        self.calibration_id = 0
        self.gauge_id = b""
        self.technician = b""
        self.way_um = 0

    def validate(self) -> int:
        """VALID, or the first reason (BAD_...) against using these values."""
        if not OFFSET_MIN_UM <= self.offset_um <= OFFSET_MAX_UM:
            return BAD_OFFSET
        if not -SCALE_MAX_PPM <= self.scale_ppm <= SCALE_MAX_PPM:
            return BAD_SCALE
        if not 0 <= self.backlash_um <= BACKLASH_MAX_UM:
            return BAD_BACKLASH
        if not 1 <= self.travel_um <= TRAVEL_MAX_UM:
            return BAD_TRAVEL
        if not _dates_ok(self.date_days, self.due_days):
            return BAD_DATES
        if not _tag_ok(self.gauge_id):
            return BAD_GAUGE
        if not _tag_ok(self.technician):
            return BAD_TECHNICIAN
        return VALID if 1 <= self.calibration_id <= 0xFFFF else BAD_ID

    def encode(self, buf):
        """Fills the first RECORD_BYTES of `buf`. ValueError with the reason when the values are not valid."""
        reason = self.validate()
        if reason:
            raise ValueError(REASONS[reason])
        struct.pack_into(
            _LAYOUT, buf, 0, SCHEMA, min(255, self.way_um // WAY_UNIT_UM), self.offset_um, self.scale_ppm,
            self.backlash_um, self.travel_um, self.date_days, self.due_days, self.calibration_id,
            bytes(self.gauge_id), bytes(self.technician),
        )  # fmt: skip

    def decode(self, buf, length: int) -> int:
        """Takes the record of `length` bytes in `buf`: VALID, or the reason and no field has changed."""
        if length != RECORD_BYTES or len(buf) < length:
            return BAD_LENGTH
        values = struct.unpack_from(_LAYOUT, buf, 0)
        if values[0] != SCHEMA:
            return BAD_SCHEMA
        found = Calibration()
        found.offset_um, found.scale_ppm, found.backlash_um, found.travel_um = values[2:6]
        found.date_days, found.due_days, found.calibration_id = values[6:9]
        found.gauge_id, found.technician = values[9].rstrip(b"\0"), values[10].rstrip(b"\0")
        found.way_um = values[1] * WAY_UNIT_UM
        reason = found.validate()
        if reason == VALID:
            self._take(found)
        return reason

    def overdue(self, today_days: int) -> bool:
        """True when a due date is set, today is known (not 0) and later than it."""
        return 0 < self.due_days < today_days

    def due(self, today_days: int, exact: bool = True) -> int:
        """How the due date stands on a day, DUE_LATER to DUE_UNKNOWN; `today_days` is 0 where it is not known.

        Not `exact`: it is that day at least, so that a due date is past or not known.
        """
        if self.due_days == 0:
            return DUE_LATER
        if today_days == 0 or today_days < self.date_days:
            return DUE_UNKNOWN
        if self.overdue(today_days):
            return DUE_PAST
        if not exact:
            return DUE_UNKNOWN
        return DUE_SOON if self.due_days - today_days <= DUE_SOON_DAYS else DUE_LATER

    def _take(self, other):
        self.offset_um, self.scale_ppm = other.offset_um, other.scale_ppm
        self.backlash_um, self.travel_um = other.backlash_um, other.travel_um
        self.date_days, self.due_days = other.date_days, other.due_days
        self.calibration_id = other.calibration_id
        self.gauge_id, self.technician = other.gauge_id, other.technician
        self.way_um = other.way_um

    def steps_for(self, extension_um: int) -> int:
        """Microsteps from the home edge that reach `extension_um` or at most one microstep less.

        800 steps/mm nominal; one step carries 1.25 um * (1 + scale_ppm / 1e6).
        """
        scale = 1000000 + self.scale_ppm
        scaled = (extension_um - self.offset_um) * 800
        # floor(scaled * 1000 / scale) by long division: scaled * 1000 itself would leave 31 bits
        whole = scaled // scale
        return whole * 1000 + (scaled - whole * scale) * 1000 // scale

    def extension_at_steps(self, steps: int) -> int:
        """Extension, um, at `steps` microsteps from the home edge, rounded up (deeper)."""
        # steps * (1e6 + ppm) / 8e5, with the whole part taken out to stay in 31 bits
        return self.offset_um + steps - (-steps * (200000 + self.scale_ppm)) // 800000

    @micropython.native
    def extension_at_counts(self, counts: int) -> int:
        """Extension, um, at `counts` encoder counts (1024/mm) from the home edge, rounded up (deeper)."""
        # counts * (1e6 + ppm) / 1.024e6, with the whole part taken out to stay in 31 bits
        return self.offset_um + counts - counts * (24000 - self.scale_ppm) // 1024000


def _dates_ok(date_days, due_days):
    in_range = 0 <= date_days <= 0xFFFF and 0 <= due_days <= 0xFFFF
    return in_range and (due_days == 0 or due_days >= date_days)


def _tag_ok(tag):
    if not 1 <= len(tag) <= TAG_CHARS:
        return False
    for char in tag:
        if not 0x20 <= char < 0x7F:
            return False
    return True
