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

# Where the needles end
IN = const(1)  # nothing about the fault keeps them out
RETRIED = const(2)  # it may: what it was about is tried again, and if it stays they are out
# left out, and why nothing moves them any more
LOOP_OPEN = const(3)
SUPPLY_GONE = const(4)
DRIVE_FAILED = const(5)
GATE_FAILED = const(6)
FIRMWARE_STOPPED = const(7)

Fault = namedtuple("Fault", ("key", "act", "remedy", "needles"))

TABLE = {
    TRIGGER_STUCK: Fault("trigger_stuck", BLOCK, BY_USER, IN),
    TRIGGER_CONTACTS: Fault("trigger_contacts", RETRACT, BY_USER, IN),
    CARTRIDGE_PULLED: Fault("cartridge_pulled", STOP, BY_USER, LOOP_OPEN),
    SLIP: Fault("slip", RETRACT, BY_USER, RETRIED),
    ENCODER: Fault("encoder", RETRACT, BY_SERVICE, RETRIED),
    HOME_SENSOR: Fault("home_sensor", RETRACT, BY_SERVICE, RETRIED),
    HOMING: Fault("homing", RETRACT, BY_USER, RETRIED),
    JAM: Fault("jam", RETRACT, BY_USER, RETRIED),
    CEILING: Fault("ceiling", RETRACT, BY_USER, IN),
    DRIVE_DROPPED: Fault("drive_dropped", STOP, BY_USER, RETRIED),
    EXTENDED: Fault("extended", RETRACT, BY_USER, RETRIED),
    POWER_FAIL: Fault("power_fail", RETRACT, BY_RESTART, SUPPLY_GONE),
    BATTERY_LOW: Fault("battery_low", RETRACT, BY_USER, IN),
    RAIL_LOW: Fault("rail_low", RETRACT, BY_USER, RETRIED),
    BATTERY_SENSE: Fault("battery_sense", RETRACT, BY_SERVICE, IN),
    RAIL_SENSE: Fault("rail_sense", RETRACT, BY_SERVICE, IN),
    POWER_SENSE: Fault("power_sense", RETRACT, BY_SERVICE, IN),
    MOTOR_HOT: Fault("motor_hot", RETRACT, BY_USER, IN),
    NTC: Fault("ntc", RETRACT, BY_SERVICE, IN),
    DRIVER_SILENT: Fault("driver_silent", RETRACT, BY_USER, RETRIED),
    DRIVER_RESET: Fault("driver_reset", RETRACT, BY_USER, RETRIED),
    DRIVER_HOT: Fault("driver_hot", RETRACT, BY_USER, RETRIED),
    DRIVER_SHORT: Fault("driver_short", STOP, BY_SERVICE, DRIVE_FAILED),
    DRIVER_OPEN: Fault("driver_open", STOP, BY_SERVICE, DRIVE_FAILED),
    DRIVER_SUPPLY: Fault("driver_supply", STOP, BY_USER, RETRIED),
    CALIBRATION_MISSING: Fault("calibration_missing", BLOCK, BY_SERVICE, IN),
    CALIBRATION_CORRUPT: Fault("calibration_corrupt", BLOCK, BY_SERVICE, IN),
    STORAGE: Fault("storage", BLOCK, BY_SERVICE, IN),
    STORAGE_BLANK: Fault("storage_blank", BLOCK, BY_SERVICE, IN),
    DISPLAY: Fault("display", BLOCK, BY_RESTART, IN),
    GATE: Fault("gate", STOP, BY_SERVICE, GATE_FAILED),
    ARCHIVE_LOST: Fault("archive_lost", BLOCK, BY_USER, IN),
    TABLES: Fault("tables", STOP, BY_RESTART, IN),
    WATCHDOG: Fault("watchdog", BLOCK, BY_USER, IN),
    EXCEPTION: Fault("exception", STOP, BY_RESTART, FIRMWARE_STOPPED),
    OVERRUN: Fault("overrun", RETRACT, BY_USER, IN),
    INTERNAL: Fault("internal", STOP, BY_RESTART, FIRMWARE_STOPPED),
}


def key(code: int) -> str:
    return TABLE[code].key


def act(code: int) -> int:
    return TABLE[code].act


def remedy(code: int) -> int:
    return TABLE[code].remedy


def needles(code: int) -> int:
    """Where the needles end: IN, RETRIED, or why they may be left out."""
    return TABLE[code].needles


def remembered(code: int) -> bool:
    """Whether the pen keeps this fault across restarts until service clears it.

    Those about the record memory or a record that is missing or damaged are found by every self-test, which reads and
    writes it, and gone with a good one.
    """
    found_anew = (CALIBRATION_MISSING, CALIBRATION_CORRUPT, STORAGE, STORAGE_BLANK)
    return code in TABLE and TABLE[code].remedy == BY_SERVICE and code not in found_anew


def cause(code: int) -> str:
    return words(code)[0]


def action(code: int) -> str:
    return words(code)[1]


def left_out(code: int) -> str:
    """Why the needles may be left out after a fault, "" where they are not. At rest only: it reads flash."""
    return "" if TABLE[code].needles <= RETRIED else borrow("fault_texts").LEFT_OUT[TABLE[code].needles]


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
REFUSED_REST = const(16)
REFUSED_PAGE = const(17)

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
    "Hot: rest for 10 s",
    "Let go, SEL, pull",
)
