"""What the user reads of each fault: what happened, and what to do, in lines of 21 columns that "|" parts.

Not in memory until they are wanted: `faults.words` and `faults.left_out` fetch them.
"""

import faults

TEXTS = {
    faults.TRIGGER_STUCK: ("Trigger held or stuck", "Release the trigger"),
    faults.TRIGGER_CONTACTS: ("Trigger contacts|disagree with each|other", "Release. If it stays,|send in for service"),
    faults.CARTRIDGE_PULLED: ("Cartridge removed|while running", "Put it back, well off|the skin: it goes in"),
    faults.SLIP: ("Motor lost steps:|depth was wrong", "Check cartridge, then|home again"),
    faults.ENCODER: ("Needle encoder not|following the motor", "Do not use. Send in|for service"),
    faults.HOME_SENSOR: ("Home sensor stuck", "Do not use. Send in|for service"),
    faults.HOMING: ("Home not found", "Take the cartridge|out, then home again"),
    faults.JAM: ("Needles blocked", "Lift off, take the|cartridge out"),
    faults.CEILING: ("Gate stopped a step|past the limit", "Home again. If it|repeats: service"),
    faults.DRIVE_DROPPED: ("Drive switched off by|the dead-man", "Home again. If it|repeats: service"),
    faults.EXTENDED: ("Needles out for too|long", "Lift off, then home|again"),
    faults.POWER_FAIL: ("Power failing", "Charge, then switch|on again"),
    faults.BATTERY_LOW: ("Battery too low", "Charge the pen"),
    faults.RAIL_LOW: ("Motor supply too low", "Charge the pen. If it|repeats: service"),
    faults.BATTERY_SENSE: ("Battery voltage not|measured", "Send in for service"),
    faults.RAIL_SENSE: ("Motor supply out of|range", "Send in for service"),
    faults.POWER_SENSE: ("Power-fail alarm does|not work", "Send in for service"),
    faults.MOTOR_HOT: ("Motor too hot", "Let the pen cool down"),
    faults.NTC: ("Motor temperature not|measured", "Send in for service"),
    faults.DRIVER_SILENT: ("Motor driver does not|answer", "Home again. If it|repeats: service"),
    faults.DRIVER_RESET: ("Motor driver lost its|settings", "Home again. If it|repeats: charge"),
    faults.DRIVER_HOT: ("Motor driver too hot", "Let the pen cool down"),
    faults.DRIVER_SHORT: ("Short circuit at the|motor", "Send in for service"),
    faults.DRIVER_OPEN: ("Motor wire open", "Send in for service"),
    faults.DRIVER_SUPPLY: ("Motor driver supply|too low", "Charge the pen"),
    faults.CALIBRATION_MISSING: ("Pen not calibrated", "Have a technician|calibrate it"),
    faults.CALIBRATION_CORRUPT: ("Calibration damaged", "Have a technician|calibrate it"),
    faults.STORAGE: ("Record memory does|not answer", "Send in for service"),
    faults.STORAGE_BLANK: ("Record memory empty", "Have a technician|set up the pen"),
    faults.DISPLAY: ("Display does not|answer", "Switch off and on. If|it repeats: service"),
    faults.GATE: ("The gate does not|control the drive", "Do not use. Send in|for service"),
    faults.ARCHIVE_LOST: ("Archive of sessions|lost or changed", "Tell service. SEL|begins a new one"),
    faults.TABLES: ("Step tables damaged|in memory", "Switch off and on. If|it repeats: service"),
    faults.WATCHDOG: ("Firmware hung and was|restarted", "Check the skin, then|home again"),
    faults.EXCEPTION: ("Firmware error", "Switch off and on"),
    faults.OVERRUN: ("Firmware too slow", "Home again. If it|repeats: service"),
    faults.INTERNAL: ("Firmware in a state|it should not be in", "Switch off and on"),
}

# Why the needles may be left out
LEFT_OUT = {
    faults.LOOP_OPEN: "the loop is open",
    faults.SUPPLY_GONE: "the supply is going",
    faults.DRIVE_FAILED: "the drive has failed",
    faults.GATE_FAILED: "the gate has failed",
    faults.FIRMWARE_STOPPED: "the firmware stopped",
}
