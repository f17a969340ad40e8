"""The one command table of the console: headers, parameters, who may, what for.

The parser is built from it, `SYSTem:HELP:HEADers?` lists it, and docs/console.md is written from it.
"""

from scpi import IDLE, REST, TECHNICIAN, Command, number, text, word


def _query(header, handler, help, params=(), optional=0, access=0):
    return Command(header, params, optional, access, handler, help)


_command = _query

COMMANDS = (
    # -- IEEE 488.2 ---------------------------------------------------------------------------------
    _query("*IDN?", "common.identify", "manufacturer, model, serial number, firmware version"),
    _command("*CLS", "common.clear", "empty the error queue, clear the event registers"),
    _command("*ESE", "common.set_event_enable", "which events set bit 5 of the status byte", (number("mask", 0, 255),)),
    _query("*ESE?", "common.event_enable", "the mask that `*ESE` set"),
    _query("*ESR?", "common.event", "the event register, which reading clears"),
    _command("*OPC", "common.complete", "set bit 0 of the event register once all before it is done"),
    _query("*OPC?", "common.completed", "1, once all before it is done"),
    _command("*SRE", "common.set_service_enable", "which bits set bit 6 of the status byte", (number("mask", 0, 255),)),
    _query("*SRE?", "common.service_enable", "the mask that `*SRE` set"),
    _query("*STB?", "common.status_byte", "the status byte"),
    _command("*WAI", "common.wait", "wait for what came before; commands are done one by one, so it is done at once"),
    # -- system -------------------------------------------------------------------------------------
    _query("SYSTem:ERRor[:NEXT]?", "system.error", "the oldest error, which leaves the queue; 0 when there is none"),
    _query("SYSTem:ERRor:COUNt?", "system.error_count", "how many errors wait"),
    _query("SYSTem:VERSion?", "system.version", "the version of SCPI"),
    _query("SYSTem:UPTime?", "system.uptime", "ms since the start, and how many starts the pen has seen"),
    _query("FIRMware:SLOT?", "system.slot",
           "slot in use, empty without one; which start of its trial this is, 0 once confirmed; version in the other "
           "slot; why the pen last went back", access=IDLE),
    # -- state --------------------------------------------------------------------------------------
    _query("STATe?", "state.state", "state of the safety core, stage of the treatment, number of the latched fault"),
    # -- measurements -------------------------------------------------------------------------------
    _query("MEASure:EXTension?", "measure.extension", "where the needle tips are by the encoder, um"),
    _query("MEASure:RATE?", "measure.rate", "strokes a second by the last two; 0 at rest"),
    _query("MEASure:RAIL?", "measure.rail", "motor supply, V"),
    _query("MEASure:BATTery?", "measure.battery", "battery, V"),
    _query("MEASure:TEMPerature?", "measure.temperature", "motor, degrees Celsius"),
    # -- calibration --------------------------------------------------------------------------------
    _query("CALibration:DATA?", "calibration.data",
           "in force: offset um, scale ppm, backlash um, travel um, date and due in days since 2000-01-01, number, "
           "gauge, technician"),
    _query("CALibration:DATA:BEFore?", "calibration.data_before", "the same of the calibration before it"),
    _command("CALibration:BEGin", "calibration.begin",
             "gauge the pen, with the gauge tip seated; readings of one under way are forgotten",
             access=TECHNICIAN | IDLE),
    _query("CALibration:TIP?", "calibration.tip",
           "the seated gauge tip: um longer than the reference tip, last day of use (days since 2000-01-01), lot"),
    _command("CALibration:MOVE", "calibration.move",
             "the next point, so far outward from the home edge, come to from inside (UP) or outside (DOWN); the tip "
             "moves when the trigger is held", (number("um", 100, 3100), word("way", ("UP", "DOWN"))), 1,
             TECHNICIAN | REST),
    _query("CALibration:POSition?", "calibration.position",
           "IDLE, HOLD (the trigger), MOVING, STANDS or DONE; target um and way; where the encoder saw it stand, um; "
           "the furthest um that may be asked for"),
    _command("CALibration:READing", "calibration.reading",
             "what the gauge shows or showed at the point, um; VERIFY: not for the fit, only for the check",
             (number("um", -500, 3000), word("use", ("FIT", "VERIFY"))), 1, TECHNICIAN),
    _query("CALibration:READing:COUNt?", "calibration.reading_count", "how many readings the pen has"),
    _command("CALibration:STORe", "calibration.store",
             "make these values the calibration, if all readings agree with them within 30 um",
             (number("offset", -1000, 1000), number("scale", -100000, 100000), number("backlash", 0, 1000),
              number("due", 1, 1100), text("gauge", 1, 8), text("technician", 1, 8)), 0, TECHNICIAN | REST),
    _command("CALibration:ABORt", "calibration.abort", "give up; the calibration in force stays", access=TECHNICIAN),
)
