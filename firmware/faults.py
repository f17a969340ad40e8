"""The one table of faults: what happened, how bad, and what the user should do.

Numbers and keys are stable: they are in journals and in other people's notes. The panel, the console and
docs/faults.md show these words. Pure.
"""

from collections import namedtuple

from heap import borrow
from micropython import const

# What the pen does about it
RETRACT = const(1)  # the drive can be trusted: get the needles out, then switch it off
STOP = const(2)  # the drive cannot be trusted: switch it off where it is
BLOCK = const(3)  # nothing moves until the cause is gone; found while at rest

# What clears it
BY_USER = const(1)  # SELECT, once the cause is gone
BY_RESTART = const(2)
BY_SERVICE = const(3)

NONE = const(0)
TRIGGER_STUCK = const(10)
TRIGGER_CONTACTS = const(11)
CARTRIDGE_PULLED = const(20)
SLIP = const(30)
ENCODER = const(31)
HOME_SENSOR = const(32)
HOMING = const(33)
JAM = const(34)
CEILING = const(35)
DRIVE_DROPPED = const(36)
EXTENDED = const(37)
POWER_FAIL = const(40)
BATTERY_LOW = const(41)
RAIL_LOW = const(42)
BATTERY_SENSE = const(43)
RAIL_SENSE = const(44)
POWER_SENSE = const(45)
MOTOR_HOT = const(50)
NTC = const(51)
DRIVER_SILENT = const(60)
DRIVER_RESET = const(61)
DRIVER_HOT = const(62)
DRIVER_SHORT = const(63)
DRIVER_OPEN = const(64)
DRIVER_SUPPLY = const(65)
CALIBRATION_MISSING = const(70)
CALIBRATION_CORRUPT = const(71)
STORAGE = const(72)
STORAGE_BLANK = const(73)
DISPLAY = const(74)
GATE = const(75)
ARCHIVE_LOST = const(76)
TABLES = const(77)
WATCHDOG = const(80)
EXCEPTION = const(81)
OVERRUN = const(82)
INTERNAL = const(83)

Fault = namedtuple("Fault", ("key", "act", "remedy"))

TABLE = {
    TRIGGER_STUCK: Fault("trigger_stuck", BLOCK, BY_USER),
    TRIGGER_CONTACTS: Fault("trigger_contacts", RETRACT, BY_USER),
    CARTRIDGE_PULLED: Fault("cartridge_pulled", STOP, BY_USER),
    SLIP: Fault("slip", RETRACT, BY_USER),
    ENCODER: Fault("encoder", STOP, BY_SERVICE),
    HOME_SENSOR: Fault("home_sensor", RETRACT, BY_SERVICE),
    HOMING: Fault("homing", STOP, BY_USER),
    JAM: Fault("jam", RETRACT, BY_USER),
    CEILING: Fault("ceiling", RETRACT, BY_USER),
    DRIVE_DROPPED: Fault("drive_dropped", STOP, BY_USER),
    EXTENDED: Fault("extended", RETRACT, BY_USER),
    POWER_FAIL: Fault("power_fail", RETRACT, BY_RESTART),
    BATTERY_LOW: Fault("battery_low", RETRACT, BY_USER),
    RAIL_LOW: Fault("rail_low", RETRACT, BY_USER),
    BATTERY_SENSE: Fault("battery_sense", RETRACT, BY_SERVICE),
    RAIL_SENSE: Fault("rail_sense", RETRACT, BY_SERVICE),
    POWER_SENSE: Fault("power_sense", RETRACT, BY_SERVICE),
    MOTOR_HOT: Fault("motor_hot", RETRACT, BY_USER),
    NTC: Fault("ntc", RETRACT, BY_SERVICE),
    DRIVER_SILENT: Fault("driver_silent", RETRACT, BY_USER),
    DRIVER_RESET: Fault("driver_reset", RETRACT, BY_USER),
    DRIVER_HOT: Fault("driver_hot", RETRACT, BY_USER),
    DRIVER_SHORT: Fault("driver_short", STOP, BY_SERVICE),
    DRIVER_OPEN: Fault("driver_open", STOP, BY_SERVICE),
    DRIVER_SUPPLY: Fault("driver_supply", STOP, BY_USER),
    CALIBRATION_MISSING: Fault("calibration_missing", BLOCK, BY_SERVICE),
    CALIBRATION_CORRUPT: Fault("calibration_corrupt", BLOCK, BY_SERVICE),
    STORAGE: Fault("storage", BLOCK, BY_SERVICE),
    STORAGE_BLANK: Fault("storage_blank", BLOCK, BY_SERVICE),
    DISPLAY: Fault("display", BLOCK, BY_SERVICE),
    GATE: Fault("gate", STOP, BY_SERVICE),
    ARCHIVE_LOST: Fault("archive_lost", BLOCK, BY_USER),
    TABLES: Fault("tables", STOP, BY_RESTART),
    WATCHDOG: Fault("watchdog", BLOCK, BY_USER),
    EXCEPTION: Fault("exception", STOP, BY_RESTART),
    OVERRUN: Fault("overrun", RETRACT, BY_USER),
    INTERNAL: Fault("internal", STOP, BY_RESTART),
}


def key(code: int) -> str:
    return TABLE[code].key


def act(code: int) -> int:
    return TABLE[code].act


def remedy(code: int) -> int:
    return TABLE[code].remedy


def remembered(code: int) -> bool:
    """Whether the pen keeps this fault across restarts until service clears it.

    Those about a record that is missing or damaged are found by every self-test, and gone with a good record.
    """
    found_anew = (CALIBRATION_MISSING, CALIBRATION_CORRUPT, STORAGE_BLANK)
    return code in TABLE and TABLE[code].remedy == BY_SERVICE and code not in found_anew


def cause(code: int) -> str:
    return words(code)[0]


def action(code: int) -> str:
    return words(code)[1]


def words(code: int):
    """What happened, and what the user should do, in lines that "|" parts; empty if there is no room in memory.

    At rest only: it reads flash.
    """
    try:
        return borrow("fault_texts").TEXTS[code]
    except MemoryError:  # the number has to do
        return "", ""


# Why a stroke was refused; nothing is latched
GRANTED = const(0)
REFUSED_STATE = const(1)
REFUSED_SESSION = const(2)
REFUSED_TRIGGER = const(3)
REFUSED_RELEASE_FIRST = const(4)
REFUSED_RUN_TOO_LONG = const(5)
REFUSED_INTERLOCK = const(6)
REFUSED_CARTRIDGE = const(7)
REFUSED_CALIBRATION = const(8)
REFUSED_DEPTH = const(9)
REFUSED_POWER = const(10)
REFUSED_TEMPERATURE = const(11)
REFUSED_TIME = const(12)
REFUSED_TECHNICIAN = const(13)
REFUSED_GAUGE_TIP = const(14)
REFUSED_GAUGING = const(15)

REFUSALS = (
    "",
    "Not ready",
    "No session",
    "Hold the trigger",
    "Release first",
    "Longest run reached",
    "No cartridge seated",
    "Cartridge not valid",
    "Not calibrated",
    "Depth not allowed",
    "Supply too low",
    "Motor too hot",
    "Session time is up",
    "No technician",
    "No gauge tip seated",
    "Not being calibrated",
)
