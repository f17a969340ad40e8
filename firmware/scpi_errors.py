"""What went wrong on the console: the numbers of SCPI-99, the queue they wait in, and the status registers they set.

Pure. Nothing here allocates after construction, so that an error may be queued while needles move.
"""

from array import array

from micropython import const

NO_ERROR = const(0)
INVALID_CHARACTER = const(-101)
SYNTAX = const(-102)
SEPARATOR = const(-103)
DATA_TYPE = const(-104)
TOO_MANY = const(-108)
MISSING = const(-109)
HEADER_SEPARATOR = const(-111)
UNDEFINED_HEADER = const(-113)
NUMERIC = const(-120)
SUFFIX = const(-138)
STRING = const(-151)
BLOCK = const(-168)
EXECUTION = const(-200)
PROTECTED = const(-203)
OUT_OF_RANGE = const(-222)
ILLEGAL_VALUE = const(-224)
FILE_NOT_FOUND = const(-256)
DEVICE = const(-300)
OVERFLOW = const(-350)
LINE_TOO_LONG = const(-363)
TIME_OUT = const(-365)
DEADLOCKED = const(-430)

TEXTS = {
    NO_ERROR: b"No error",
    INVALID_CHARACTER: b"Invalid character",
    SYNTAX: b"Syntax error",
    SEPARATOR: b"Invalid separator",
    DATA_TYPE: b"Data type error",
    TOO_MANY: b"Parameter not allowed",
    MISSING: b"Missing parameter",
    HEADER_SEPARATOR: b"Header separator error",
    UNDEFINED_HEADER: b"Undefined header",
    NUMERIC: b"Numeric data error",
    SUFFIX: b"Suffix not allowed",
    STRING: b"Invalid string data",
    BLOCK: b"Block data not allowed",
    EXECUTION: b"Execution error",
    PROTECTED: b"Command protected",
    OUT_OF_RANGE: b"Data out of range",
    ILLEGAL_VALUE: b"Illegal parameter value",
    FILE_NOT_FOUND: b"File name not found",
    DEVICE: b"Device-specific error",
    OVERFLOW: b"Queue overflow",
    LINE_TOO_LONG: b"Input buffer overrun",
    TIME_OUT: b"Time out error",
    DEADLOCKED: b"Query DEADLOCKED",
}

QUEUE_ENTRIES = const(10)
DETAIL_BYTES = const(72)

# Bits of the event status register
OPERATION_COMPLETE = const(1)
QUERY_ERROR = const(4)
DEVICE_ERROR = const(8)
EXECUTION_ERROR = const(16)
COMMAND_ERROR = const(32)
POWER_ON = const(128)

# Bits of the status byte
_ERRORS_WAIT = const(4)
_QUESTIONABLE = const(8)
_MESSAGE = const(16)
_EVENT = const(32)
_SUMMARY = const(64)
_OPERATION = const(128)


class Errors:
    """The error queue, oldest first, and the standard event register of one console."""

    def __init__(self):
        self._codes = array("h", [0] * QUEUE_ENTRIES)
        self._details = [bytearray(DETAIL_BYTES) for _ in range(QUEUE_ENTRIES)]
        self._lengths = bytearray(QUEUE_ENTRIES)
        self._first = 0
        self.count = 0
        self.event = POWER_ON
        self.event_enable = 0
        self.service_enable = 0

    def add(self, code: int, detail: bytes | bytearray = b"", start: int = 0, stop: int = -1):
        """Queue an error with `detail[start:stop]` as its reason; of too many the last becomes -350."""
        self.event |= _class_of(code)
        if self.count == QUEUE_ENTRIES:
            last = (self._first + QUEUE_ENTRIES - 1) % QUEUE_ENTRIES
            self._codes[last] = OVERFLOW
            self._lengths[last] = 0
            self.event |= DEVICE_ERROR
            return
        at = (self._first + self.count) % QUEUE_ENTRIES
        self.count += 1
        self._codes[at] = code
        if stop < 0:
            stop = len(detail)
        length = min(stop - start, DETAIL_BYTES)
        kept = self._details[at]
        for i in range(length):
            c = detail[start + i]
            kept[i] = 39 if c == 34 else c  # no quotes inside the quotes of the answer
        self._lengths[at] = length

    def answer_next(self, reply):
        """Take the oldest error off the queue and write it: number, and text with its reason in quotes."""
        if self.count == 0:
            reply.number(0)
            reply.text(b',"No error"')
            return
        at = self._first
        code = self._codes[at]
        reply.number(code)
        reply.text(b',"')
        reply.text(TEXTS[code])
        if self._lengths[at]:
            reply.text(b";")
            reply.part(self._details[at], 0, self._lengths[at])
        reply.text(b'"')
        self._first = (at + 1) % QUEUE_ENTRIES
        self.count -= 1

    def clear(self):
        """`*CLS`: no error waits and no event is set."""
        self._first = self.count = 0
        self.event = 0

    def take_event(self) -> int:
        """`*ESR?`: the register, which reading clears."""
        event = self.event
        self.event = 0
        return event

    def status_byte(self, message: bool, operation: bool, questionable: bool) -> int:
        """`*STB?`. The last two: the summary bits of the two status registers of SCPI."""
        status = 0
        if self.count:
            status |= _ERRORS_WAIT
        if questionable:
            status |= _QUESTIONABLE
        if message:
            status |= _MESSAGE
        if self.event & self.event_enable:
            status |= _EVENT
        if operation:
            status |= _OPERATION
        if status & self.service_enable:
            status |= _SUMMARY
        return status


def _class_of(code):
    """The bit of the event register for an error's class."""
    if code > -200:
        return COMMAND_ERROR
    if code > -300:
        return EXECUTION_ERROR
    return DEVICE_ERROR if code > -400 else QUERY_ERROR
