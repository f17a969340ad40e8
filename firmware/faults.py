"""The one table of faults: what happened, how bad, and what the user should do.

Numbers and keys are stable: they are in journals and in other people's notes. The panel, the console and
docs/faults.md show these words. Pure.
"""

from collections import namedtuple

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

Fault = namedtuple("Fault", ("key", "act", "remedy", "cause", "action"))

# cause and action: 21 columns a line, "|" breaks
TABLE = {
    TRIGGER_STUCK: Fault(
        "trigger_stuck", BLOCK, BY_USER, "Trigger held or stuck", "Release the trigger"),
    TRIGGER_CONTACTS: Fault(
        "trigger_contacts", RETRACT, BY_USER, "Trigger contacts|disagree with each|other",
        "Release. If it stays,|send in for service"),
    CARTRIDGE_PULLED: Fault(
        "cartridge_pulled", STOP, BY_USER, "Cartridge removed|while running", "Fit a new one, well|off the skin"),
    SLIP: Fault(
        "slip", RETRACT, BY_USER, "Motor lost steps:|depth was wrong", "Check cartridge, then|home again"),
    ENCODER: Fault(
        "encoder", STOP, BY_SERVICE, "Needle encoder not|following the motor", "Do not use. Send in|for service"),
    HOME_SENSOR: Fault(
        "home_sensor", RETRACT, BY_SERVICE, "Home sensor stuck", "Do not use. Send in|for service"),
    HOMING: Fault(
        "homing", STOP, BY_USER, "Home not found", "Take the cartridge|out, then home again"),
    JAM: Fault(
        "jam", RETRACT, BY_USER, "Needles blocked", "Lift off, take the|cartridge out"),
    CEILING: Fault(
        "ceiling", RETRACT, BY_USER, "Gate stopped a step|past the limit", "Home again. If it|repeats: service"),
    DRIVE_DROPPED: Fault(
        "drive_dropped", STOP, BY_USER, "Drive switched off by|the dead-man", "Home again. If it|repeats: service"),
    EXTENDED: Fault(
        "extended", RETRACT, BY_USER, "Needles out for too|long", "Lift off, then home|again"),
    POWER_FAIL: Fault(
        "power_fail", RETRACT, BY_RESTART, "Power failing", "Charge, then switch|on again"),
    BATTERY_LOW: Fault(
        "battery_low", RETRACT, BY_USER, "Battery too low", "Charge the pen"),
    RAIL_LOW: Fault(
        "rail_low", RETRACT, BY_USER, "Motor supply too low", "Charge the pen. If it|repeats: service"),
    BATTERY_SENSE: Fault(
        "battery_sense", RETRACT, BY_SERVICE, "Battery voltage not|measured", "Send in for service"),
    RAIL_SENSE: Fault(
        "rail_sense", RETRACT, BY_SERVICE, "Motor supply out of|range", "Send in for service"),
    POWER_SENSE: Fault(
        "power_sense", RETRACT, BY_SERVICE, "Power-fail alarm does|not work", "Send in for service"),
    MOTOR_HOT: Fault(
        "motor_hot", RETRACT, BY_USER, "Motor too hot", "Let the pen cool down"),
    NTC: Fault(
        "ntc", RETRACT, BY_SERVICE, "Motor temperature not|measured", "Send in for service"),
    DRIVER_SILENT: Fault(
        "driver_silent", RETRACT, BY_USER, "Motor driver does not|answer", "Home again. If it|repeats: service"),
    DRIVER_RESET: Fault(
        "driver_reset", RETRACT, BY_USER, "Motor driver lost its|settings", "Home again. If it|repeats: charge"),
    DRIVER_HOT: Fault(
        "driver_hot", RETRACT, BY_USER, "Motor driver too hot", "Let the pen cool down"),
    DRIVER_SHORT: Fault(
        "driver_short", STOP, BY_SERVICE, "Short circuit at the|motor", "Send in for service"),
    DRIVER_OPEN: Fault(
        "driver_open", STOP, BY_SERVICE, "Motor wire open", "Send in for service"),
    DRIVER_SUPPLY: Fault(
        "driver_supply", STOP, BY_USER, "Motor driver supply|too low", "Charge the pen"),
    CALIBRATION_MISSING: Fault(
        "calibration_missing", BLOCK, BY_SERVICE, "Pen not calibrated", "Have a technician|calibrate it"),
    CALIBRATION_CORRUPT: Fault(
        "calibration_corrupt", BLOCK, BY_SERVICE, "Calibration damaged", "Have a technician|calibrate it"),
    STORAGE: Fault(
        "storage", BLOCK, BY_SERVICE, "Record memory does|not answer", "Send in for service"),
    STORAGE_BLANK: Fault(
        "storage_blank", BLOCK, BY_SERVICE, "Record memory empty", "Have a technician|set up the pen"),
    DISPLAY: Fault(
        "display", BLOCK, BY_SERVICE, "Display does not|answer", "Send in for service"),
    GATE: Fault(
        "gate", STOP, BY_SERVICE, "The gate does not|control the drive", "Do not use. Send in|for service"),
    ARCHIVE_LOST: Fault(
        "archive_lost", BLOCK, BY_USER, "Archive of sessions|lost or changed", "Tell service. SEL|begins a new one"),
    TABLES: Fault(
        "tables", STOP, BY_RESTART, "Step tables damaged|in memory", "Switch off and on. If|it repeats: service"),
    WATCHDOG: Fault(
        "watchdog", BLOCK, BY_USER, "Firmware hung and was|restarted", "Check the skin, then|home again"),
    EXCEPTION: Fault(
        "exception", STOP, BY_RESTART, "Firmware error", "Switch off and on"),
    OVERRUN: Fault(
        "overrun", RETRACT, BY_USER, "Firmware too slow", "Home again. If it|repeats: service"),
    INTERNAL: Fault(
        "internal", STOP, BY_RESTART, "Firmware in a state|it should not be in", "Switch off and on"),
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
    return TABLE[code].cause


def action(code: int) -> str:
    return TABLE[code].action


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
