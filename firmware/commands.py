"""The one command table of the console: header, parameters, who may, and which group and method does it.

The parser is built from it, `SYSTem:HELP:HEADers?` lists it, and docs/console.md is written from it, where the comment
above a row is what it says of the command. Once the parser is built the pen forgets the table, to save memory.
"""

import depth
from scpi import IDLE, REST, TECHNICIAN
from scpi_tree import maybe, number, text, word

ZONE = word("zone", [row.key for row in depth.ZONES])
MASK = (number("mask", 0, 255),)
MASK_15 = (number("mask", 0, 32767),)
DAY = (number("year", 2025, 2099), number("month", 1, 12), number("day", 1, 31))
CLOCK = (number("hours", 0, 23), number("minutes", 0, 59), number("seconds", 0, 59))
PART = (number("offset", 0, 999999999), number("count", 1, 65536))

WAY = word("way", ("UP", "DOWN"))
USE = word("use", ("FIT", "VERIFY"))
VALUES = (
    number("offset", -1000, 1000), number("scale", -100000, 100000), number("backlash", 0, 1000),
    number("due", 1, 1100), text("gauge", 1, 8), text("technician", 1, 8))

COMMANDS = (
    # manufacturer, model, serial number, firmware version
    ("*IDN?", (), 0, "common", "identify"),
    # technician access ends; nothing moves, and a session goes on
    ("*RST", (), 0, "common", "reset"),
    # the self-test as far as it goes at rest: 0, or the number of the fault
    ("*TST?", (), IDLE, "common", "test"),
    # empty the error queue, clear the event registers
    ("*CLS", (), 0, "common", "clear"),
    # which events set bit 5 of the status byte
    ("*ESE", MASK, 0, "common", "set_event_enable"),
    # the mask that `*ESE` set
    ("*ESE?", (), 0, "common", "event_enable"),
    # the event register, which reading clears
    ("*ESR?", (), 0, "common", "event"),
    # set bit 0 of the event register; commands are done in order, so at once
    ("*OPC", (), 0, "common", "complete"),
    # 1, once all before it is done
    ("*OPC?", (), 0, "common", "completed"),
    # which bits set bit 6 of the status byte
    ("*SRE", MASK, 0, "common", "set_service_enable"),
    # the mask that `*SRE` set
    ("*SRE?", (), 0, "common", "service_enable"),
    # the status byte
    ("*STB?", (), 0, "common", "status_byte"),
    # wait for what came before; commands are done in order, so not at all
    ("*WAI", (), 0, "common", "wait"),
    # the oldest error, which leaves the queue; 0 when there is none
    ("SYSTem:ERRor[:NEXT]?", (), 0, "system", "error"),
    # how many errors wait
    ("SYSTem:ERRor:COUNt?", (), 0, "system", "error_count"),
    # the version of SCPI
    ("SYSTem:VERSion?", (), 0, "system", "version"),
    # all headers, one a line, as a block
    ("SYSTem:HELP:HEADers?", (), REST, "system", "headers"),
    # ms since the start; how many starts the pen has seen
    ("SYSTem:UPTime?", (), 0, "system", "uptime"),
    # year, month, day; refused while they are not known
    ("SYSTem:DATE?", (), REST, "system", "date"),
    # set the clock's date, its time stays; refused for a day before one on record
    ("SYSTem:DATE", DAY, IDLE | TECHNICIAN, "system", "set_date"),
    # the day that it is at least, by the clock and by every record
    ("SYSTem:DATE:LEASt?", (), REST, "system", "date_least"),
    # the same as `SYSTem:DATE`; later dates on record are wrong and count no more
    ("SYSTem:DATE:CORRect", DAY, IDLE | TECHNICIAN, "system", "correct_date"),
    # hours, minutes, seconds; refused while the date is not known
    ("SYSTem:TIME?", (), REST, "system", "time"),
    # set the clock's time of day
    ("SYSTem:TIME", CLOCK, IDLE | TECHNICIAN, "system", "set_time"),
    # restart the pen
    ("SYSTem:RESTart", (), IDLE | TECHNICIAN, "system", "restart"),
    # restart into service mode: drive off, REPL open
    ("SYSTem:SERVice", (), IDLE | TECHNICIAN, "system", "service"),
    # what began since it was last read, which clears it
    ("STATus:OPERation[:EVENt]?", (), 0, "status", "operation_event"),
    # what goes on now: see the bits below
    ("STATus:OPERation:CONDition?", (), 0, "status", "operation"),
    # which of it sets bit 7 of the status byte
    ("STATus:OPERation:ENABle", MASK_15, 0, "status", "set_operation_enable"),
    # that mask
    ("STATus:OPERation:ENABle?", (), 0, "status", "operation_enable"),
    # the same for what is not as it should be
    ("STATus:QUEStionable[:EVENt]?", (), 0, "status", "questionable_event"),
    # what is not as it should be now
    ("STATus:QUEStionable:CONDition?", (), 0, "status", "questionable"),
    # which of it sets bit 3 of the status byte
    ("STATus:QUEStionable:ENABle", MASK_15, 0, "status", "set_questionable_enable"),
    # that mask
    ("STATus:QUEStionable:ENABle?", (), 0, "status", "questionable_enable"),
    # both masks to 0
    ("STATus:PRESet", (), 0, "status", "preset"),
    # a fresh challenge, 32 hexadecimal digits, good for one minute
    ("SECurity:CHALlenge?", (), IDLE, "security", "challenge"),
    # HMAC-SHA256 of the challenge's 16 bytes with the pen's key, in hexadecimal; SELECT has to be held on the pen
    # when it arrives
    ("SECurity:ANSWer", (text("answer", 64, 64),), IDLE, "security", "answer"),
    # locked or open, whether the pen has a key, wrong answers since the start, s until the next try
    ("SECurity:STATe?", (), 0, "security", "state"),
    # technician access ends
    ("SECurity:CLOSe", (), 0, "security", "close"),
    # the keys of all zones
    ("ZONE:CATalog?", (), 0, "zones", "catalog"),
    # least, default, cap and clinic's limit in um, slowest and fastest rate in Hz, cap with a supervisor in um
    ("ZONE:LIMit?", (ZONE,), 0, "zones", "limit"),
    # the clinic's own limit: 0 forbids the zone, else from its least to its cap
    ("ZONE:LIMit", (ZONE, number("um", 0, 2500)), IDLE | TECHNICIAN, "zones", "set_limit"),
    # key, shallowest and deepest um of each indication
    ("INDication:CATalog?", (), REST, "zones", "indications"),
    # state of the safety core, stage of the treatment, number of the latched fault
    ("STATe?", (), 0, "state", "state"),
    # the latched fault: number, key, cause, action; 0 when there is none
    ("FAULt?", (), REST, "state", "fault"),
    # number, key, cause and action of every fault there is
    ("FAULt:CATalog?", (), REST, "state", "faults"),
    # what only service clears has been dealt with
    ("FAULt:CLEar:SERVice", (), IDLE | TECHNICIAN, "state", "clear_service"),
    # number, zone, indication, depth in um, rate in Hz, strokes, s left; number 0 without an open session
    ("SESSion?", (), 0, "state", "session"),
    # the tag that sessions are recorded under, empty for nobody
    ("OPERator?", (), 0, "state", "operator"),
    # the tag for the sessions from the next on, without spaces
    ("OPERator", (text("tag", 0, 8),), IDLE | TECHNICIAN, "state", "set_operator"),
    # seated 0 or 1, what was found, ROM number, kind, needles, rated depth and zero offset in um, expiry in days
    # since 2000-01-01, used 0 or 1, lot
    ("CARTridge?", (), REST, "state", "cartridge"),
    # where the needle tips are by the encoder, um
    ("MEASure:EXTension?", (), 0, "measure", "extension"),
    # strokes a second by the last two, Hz; 0 at rest
    ("MEASure:RATE?", (), 0, "measure", "rate"),
    # motor supply, V
    ("MEASure:RAIL?", (), 0, "measure", "rail"),
    # battery, V
    ("MEASure:BATTery?", (), 0, "measure", "battery"),
    # motor, degrees Celsius
    ("MEASure:TEMPerature?", (), 0, "measure", "temperature"),
    # bytes of the record memory
    ("LOG:FRAM:SIZE?", (), 0, "log", "size"),
    # a part of the record memory, secrets as zeros, and its CRC-32, as a block
    ("LOG:FRAM?", PART, IDLE, "log", "fram"),
    # name and bytes of every file of the archive
    ("LOG:FILE:CATalog?", (), IDLE, "log", "files"),
    # a part of a file of the archive and its CRC-32, as a block
    ("LOG:FILE?", (text("name", 1, 16),) + PART, IDLE, "log", "file"),
    # an export has every session up to this one: the pen may erase them when it needs the room
    ("LOG:RELease", (number("session", 1, 999999999),), IDLE | TECHNICIAN, "log", "release"),
    # the firmware's version
    ("FIRMware:VERSion?", (), 0, "system", "firmware"),
    # slot in use, empty on a pen without slots; start of its trial, 0 when confirmed; the other slot's version; why the
    # pen last went back to the other slot
    ("FIRMware:SLOT?", (), IDLE, "system", "slot"),
    # in force: offset um, scale ppm, backlash um, travel um, date and due in days since 2000-01-01, number, gauge,
    # technician
    ("CALibration:DATA?", (), 0, "calibration", "data"),
    # the same of the calibration before it
    ("CALibration:DATA:BEFore?", (), REST, "calibration", "data_before"),
    # gauge the pen, with the gauge tip seated; readings of one under way are forgotten
    ("CALibration:BEGin", (), IDLE | TECHNICIAN, "calibration", "begin"),
    # the seated gauge tip: um longer than the reference tip, last day of use (days since 2000-01-01), lot
    ("CALibration:TIP?", (), REST, "calibration", "tip"),
    # the next point, so far outward from the home edge, come to from inside (UP) or outside (DOWN); the tip moves
    # when the trigger is held
    ("CALibration:MOVE", (number("um", 100, 3100), maybe(WAY)), REST | TECHNICIAN, "calibration", "move"),
    # IDLE, HOLD (the trigger), MOVING, STANDS or DONE; target um and way; where the encoder saw it stand, um; the
    # furthest um that may be asked for
    ("CALibration:POSition?", (), 0, "calibration", "position"),
    # what the gauge shows or showed at the point, um; VERIFY: not for the fit, only for the check
    ("CALibration:READing", (number("um", -500, 3000), maybe(USE)), TECHNICIAN, "calibration", "reading"),
    # how many readings the pen has
    ("CALibration:READing:COUNt?", (), 0, "calibration", "reading_count"),
    # make these values the calibration, if all readings agree with them within 30 um
    ("CALibration:STORe", VALUES, REST | TECHNICIAN, "calibration", "store"),
    # give up; the calibration in force stays
    ("CALibration:ABORt", (), TECHNICIAN, "calibration", "abort"),
)
