"""How far the needles may go: zones, indications, and the minimum of six limits with its reasons.

Pure. All lengths are extension in integer micrometres, rates in millihertz. Limits only tighten: no
argument can raise the result above the zone's cap or the build's ceiling. The figures are engineering
defaults gathered from public sources (docs/hardware.md names them), not clinical advice.
"""

from collections import namedtuple

from micropython import const

BUILD_CEILING_UM = const(2500)
DEPTH_STEP_UM = const(50)
RATE_STEP_MHZ = const(1000)

Zone = namedtuple(
    "Zone",
    ("key", "label", "min_um", "default_um", "cap_um", "supervised_cap_um", "rate_min_mhz", "rate_max_mhz"))
Indication = namedtuple("Indication", ("key", "label", "low_um", "high_um"))

# The order is the order on the panel and the zone's number in the journal: only ever append.
ZONES = (
    Zone("eyelid", "Eyelid", 0, 0, 0, 0, 0, 0),
    Zone("periorbital", "Periorbital", 100, 250, 500, 500, 10000, 20000),
    Zone("nose", "Nose", 100, 250, 750, 750, 10000, 20000),
    Zone("perioral", "Perioral, lip", 100, 500, 750, 750, 10000, 20000),
    Zone("forehead", "Forehead, temple", 200, 500, 1000, 1000, 10000, 25000),
    Zone("chin", "Chin, jaw", 200, 750, 1500, 1500, 10000, 30000),
    Zone("cheek", "Cheek", 200, 1000, 1500, 2000, 10000, 30000),
    Zone("neck", "Neck", 200, 500, 1000, 1000, 10000, 25000),
    Zone("decollete", "Decollete", 200, 500, 1000, 1000, 10000, 25000),
    Zone("hands", "Hands", 200, 500, 1000, 1000, 10000, 20000),
    Zone("scalp", "Scalp", 200, 600, 1500, 1500, 10000, 25000),
    Zone("arm_back", "Upper arm, back", 200, 1000, 2000, 2000, 10000, 20000),
    Zone("body", "Abdomen, thigh", 200, 1500, 2500, 2500, 8000, 16000),
)

# the ends of each band
INDICATIONS = (
    Indication("absorption", "Product absorption", 200, 300),
    Indication("fine_lines", "Fine lines, pores", 250, 750),
    Indication("wrinkles", "Wrinkles", 500, 1500),
    Indication("pigmentation", "Hyperpigmentation", 250, 500),
    Indication("acne_scars", "Acne scars", 1000, 2000),
    Indication("stretch_marks", "Stretch marks", 1500, 2000),
    Indication("hair_loss", "Hair loss", 500, 1500),
)

# The limits, in the order of Limits.values_um
LIMIT_NAMES = ("zone", "indication", "cartridge", "calibration", "build", "clinic")
LIMIT_LABELS = ("Zone cap", "Indication", "Cartridge", "Calibrated", "Pen maximum", "Clinic")


def zone_number(key: str) -> int:
    """The zone's number by its key; ValueError names the known ones."""
    return _number(ZONES, key, "zone")


def indication_number(key: str) -> int:
    """The indication's number by its key; ValueError names the known ones."""
    return _number(INDICATIONS, key, "indication")


def _number(table, key, what):
    for number in range(len(table)):
        if table[number].key == key:
            return number
    raise ValueError("unknown %s '%s': one of %s" % (what, key, ", ".join([row.key for row in table])))


def _row(table, number, what):
    # a negative number would count from the end, where the deepest zone is; True would be number 1
    if type(number) is not int or not 0 <= number < len(table):
        raise ValueError("no %s number %r" % (what, number))
    return table[number]


def zone(number: int) -> Zone:
    """The zone of a number; ValueError if there is none."""
    return _row(ZONES, number, "zone")


def indication(number: int) -> Indication:
    """The indication of a number; ValueError if there is none."""
    return _row(INDICATIONS, number, "indication")


def _whole(value, what):
    # bool is a kind of int, and a float that is not a number passes every comparison by failing it
    if type(value) is not int:
        raise ValueError("%s is a whole number of um or mHz, not %r" % (what, value))


def prohibited(zone: int) -> bool:
    return _row(ZONES, zone, "zone").cap_um == 0


class Limits:
    """The effective maximum for one choice of zone, indication, cartridge, calibration and clinic.

    `max_um` is the minimum of `values_um`; `bound` has bit i set where limit i equals it. A new choice is
    a new call of `choose`, which a running session never makes.
    """

    def __init__(self):
        self.values_um = [0, 0, 0, 0, 0, 0]
        self.max_um = 0
        self.min_um = 0
        self.bound = 0

    def choose(
        self, zone: int, indication: int, cartridge_um: int, travel_um: int, supervised: bool, clinic_um: int
    ) -> int:
        """Set the limits and return the effective maximum in um; 0 means nothing is allowed.

        `cartridge_um` is the cartridge's rated depth, `travel_um` the extension the calibration covers,
        `clinic_um` the clinic's own limit for the zone, which holds for a supervisor too. Negative readings count
        as 0, so that a wrong sign can only forbid. ValueError for anything but an integer, and then nothing is allowed.
        """
        self.max_um = 0
        _whole(cartridge_um, "a rated depth")
        _whole(travel_um, "a calibrated travel")
        _whole(clinic_um, "a clinic's limit")
        row = _row(ZONES, zone, "zone")
        band = _row(INDICATIONS, indication, "indication")
        values = self.values_um
        values[0] = row.supervised_cap_um if supervised is True else row.cap_um
        values[1] = band.high_um
        values[2] = max(0, cartridge_um)
        values[3] = max(0, travel_um)
        values[4] = BUILD_CEILING_UM
        values[5] = max(0, clinic_um)
        self.max_um = min(values)
        self.min_um = row.min_um
        if self.max_um < self.min_um:
            self.max_um = 0
        self.bound = 0
        for i in range(6):
            if values[i] == min(values):
                self.bound |= 1 << i
        return self.max_um

    def reason(self) -> int:
        """Index into LIMIT_NAMES of the first limit that bound."""
        for i in range(6):
            if self.bound & (1 << i):
                return i
        return 4

    def clamp(self, wanted_um: int) -> int:
        """The wanted depth, rounded to the shallower on the 50 um grid, within what is allowed.

        Never above the maximum: where that is 0, so is every answer. ValueError for anything but an integer.
        """
        _whole(wanted_um, "a depth")
        top_um = self.max_um - self.max_um % DEPTH_STEP_UM
        wanted_um -= wanted_um % DEPTH_STEP_UM
        return min(top_um, max(self.min_um, wanted_um))

    def default_um(self, zone: int, indication: int) -> int:
        """The depth a session starts with: the shallower of the zone's default and the band's lower end."""
        row = _row(ZONES, zone, "zone")
        return self.clamp(min(row.default_um, _row(INDICATIONS, indication, "indication").low_um))


def clamp_rate(zone: int, wanted_mhz: int, stroke_us: int) -> int:
    """The allowed stroke rate nearest to the wanted one.

    Bounded by the zone's range and by what a stroke of `stroke_us` leaves time for; when the stroke is
    slower than the zone's lowest rate, the stroke decides. ValueError for anything but an integer, or a stroke of
    no time.
    """
    row = _row(ZONES, zone, "zone")
    _whole(wanted_mhz, "a rate")
    if type(stroke_us) is not int or stroke_us < 1:
        raise ValueError("a stroke takes a whole number of us from 1 on, not %r" % (stroke_us,))
    fastest_mhz = 1000000000 // stroke_us
    wanted_mhz = max(row.rate_min_mhz, min(row.rate_max_mhz, wanted_mhz))
    return min(wanted_mhz, fastest_mhz)
