"""The one command table of the console: headers, parameters, who may, what for.

The parser is built from it, `SYSTem:HELP:HEADers?` lists it, and docs/console.md is written from it.
"""

from scpi import Command, number


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
    # -- state --------------------------------------------------------------------------------------
    _query("STATe?", "state.state", "state of the safety core, stage of the treatment, number of the latched fault"),
    # -- measurements -------------------------------------------------------------------------------
    _query("MEASure:EXTension?", "measure.extension", "where the needle tips are by the encoder, um"),
    _query("MEASure:RATE?", "measure.rate", "strokes a second by the last two; 0 at rest"),
    _query("MEASure:RAIL?", "measure.rail", "motor supply, V"),
    _query("MEASure:BATTery?", "measure.battery", "battery, V"),
    _query("MEASure:TEMPerature?", "measure.temperature", "motor, degrees Celsius"),
)
