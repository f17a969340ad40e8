"""The pen's SCPI console: lines from the USB port, commands out of them, answers back, a bounded piece a pass.

Invariants: a pass reads, or does one command, or sends, each within its budget; nothing waits for the host; while
needles move only commands run that allocate nothing. What is wrong with a line is an error in the queue and ends at
the line's end. No command starts a stroke or widens a limit.
"""

import sys

import events
import scpi_errors as errors
import ticks
import treatment
from access import Access
from board import usb_host
from console_calibration import CalibrationCommands
from console_common import Common
from console_log import Log
from console_measure import Measure
from console_security import Security
from console_state import State
from console_status import Status
from console_system import System
from console_zones import Zones
from micropython import const
from records import Key
from reply import Reply
from scpi import IDLE, REST, TECHNICIAN, Parser
from scpi_errors import Errors

LINE_BYTES = const(256)
READ_MOVING = const(16)  # bytes a pass
READ_REST = const(64)
WRITE_MOVING = const(16)
WRITE_REST = const(64)
IDLE_US = const(25000)
BUSY_MOVING_US = const(4000)
BUSY_REST_US = const(1000)
LINE_MS = const(10000)  # a line begun and not ended is dropped after so long
STUCK_MS = const(5000)  # the same for an answer that nobody reads

_CLEAR = const(3)  # Ctrl-C

MOVING = b"needles move; release the trigger"
TREATING = b"a treatment is under way; end it on the pen"
LOCKED = b"for technicians: SECurity:CHALlenge?, SECurity:ANSWer, SELECT held"
NO_KEY = b"this pen has no key, so nobody can prove one: provision it"


def table():
    """The command table, which takes memory only for as long as somebody holds it."""
    from commands import COMMANDS

    modules = getattr(sys, "modules", None)  # MicroPython's
    if modules:
        del modules["commands"]
    return COMMANDS


class Console:
    """One per pen. `run(now_us, now_ms)` is the scheduler's task. `parser` and `line` hold a command's parameters."""

    def __init__(self, pen, port):
        self._pen = pen
        self._port = port
        self.errors = Errors()
        self.reply = Reply()
        rows = table()
        self.parser = Parser(rows)
        self.access = Access(self._access_changed)
        self.line = bytearray(LINE_BYTES)
        self._length = 0
        self._at = -1  # where the next command of a whole line begins; -1 while the line is being received
        self._skipping = False  # until the end of a line that is too long or not text
        self._heard_ms = 0
        self._sent_ms = 0
        groups = {}
        for name, make in (
            ("status", Status), ("common", Common), ("system", System), ("security", Security), ("zones", Zones),
            ("state", State), ("measure", Measure), ("log", Log), ("calibration", CalibrationCommands),
        ):
            groups[name] = make(pen, self)
            if name == "status":
                self.status = groups[name]
        self._common = groups["common"]
        # each answers None, or why it refused: a reason for -200, or another error's number
        self._handlers = []
        for row in rows:
            group, name = row[3].split(".")
            self._handlers.append(getattr(groups[group], name))

    def begin(self):
        """The self-test is over: the records can be read, as far as they are there."""
        self._common.begin()
        key = Key()
        if self._pen.store.provisioned():
            key.load(self._pen.store)
        self.access.set_key(key.key)

    def failed(self, error: Exception):
        """The firmware failed: what is being said is dropped, and the error says what happened."""
        self.reply.drop()
        self._at = -1
        self._length = 0
        self.errors.add(errors.DEVICE, repr(error).encode())

    def changed(self, event: int, value: int):
        """A technician's command changed something: on record, and the access stays open for a while."""
        self._pen.journal.event(event, 0, value, self._pen.uptime_ms)

    def run(self, now_ms: int) -> int:
        """One pass; us until the next."""
        moving = self._pen.motor.armed()
        if self.reply.end > 0:
            self._send(moving, now_ms)
        elif self.reply.pieces is not None:
            if not moving:
                self._continue(now_ms)
        elif self._at >= 0:
            self._next(moving, now_ms)
            self._sent_ms = now_ms
        elif not self._receive(READ_MOVING if moving else READ_REST, now_ms):
            self.status.look()
            if self.access.open and not moving:
                self._watch_access(now_ms)
            return IDLE_US
        return BUSY_MOVING_US if moving else BUSY_REST_US

    # -- in and out ---------------------------------------------------------------------------------

    def _receive(self, most, now_ms):
        """Take up to `most` bytes; False when none had arrived."""
        for i in range(most):
            c = self._port.read()
            if c < 0:
                if i == 0 and self._length and ticks.diff(now_ms, self._heard_ms) >= LINE_MS:
                    self._length = 0
                    self.errors.add(errors.TIME_OUT, b"a line was not ended")
                return i > 0
            self._heard_ms = now_ms
            if self._take(c):
                break
        return True

    def _take(self, c):
        """One byte into the line; True when it ended a line with something in it."""
        if c == 10 or c == 13:
            self._skipping = False
            if self._length:
                self._at = 0
                self.parser.begin()
                return True
        elif c == _CLEAR:
            self._length = 0
            self._skipping = False
        elif self._skipping:
            pass
        elif (c < 32 and c != 9) or c > 126:
            self._skip(errors.INVALID_CHARACTER)
        elif self._length == LINE_BYTES:
            self._skip(errors.LINE_TOO_LONG)
        else:
            self.line[self._length] = c
            self._length += 1
        return False

    def _skip(self, error):
        self.errors.add(error)
        self._length = 0
        self._skipping = True

    def _send(self, moving, now_ms):
        reply = self.reply
        stop = min(reply.end, reply.start + (WRITE_MOVING if moving else WRITE_REST))
        count = self._port.write(reply.buf, reply.start, stop)
        if count:
            reply.sent(count)
            self._sent_ms = now_ms
        elif ticks.diff(now_ms, self._sent_ms) >= STUCK_MS:
            self.errors.add(errors.DEADLOCKED, b"the host does not read")
            self._end_line()
            reply.drop()

    def _continue(self, now_ms):
        """The next piece of a long answer; its end is the end of the command."""
        self.reply.more()
        self._sent_ms = now_ms
        if self.reply.pieces is None and self._at < 0:
            self.reply.finish()

    # -- commands -----------------------------------------------------------------------------------

    def _next(self, moving, now_ms):
        """Do the next command of the line."""
        at = self._at
        stop = self.parser.unit_end(self.line, at, self._length)
        error = self.parser.unit(self.line, at, stop)
        if error:
            detail = self.parser.detail
            if detail:
                self.errors.add(error, detail)
            else:
                self.errors.add(error, self.line, at, stop)
            self._end_line()  # what follows on the line may have been meant for what failed
            return
        if self.parser.row >= 0:
            self._do(self.parser.row, moving, now_ms)
        self._at = stop + 1
        if self._at >= self._length:
            self._end_line()

    def _end_line(self):
        self._at = -1
        self._length = 0
        if self.reply.pieces is None:
            self.reply.finish()

    def _do(self, index, moving, now_ms):
        access = self.parser.access[index]
        reason = self._forbidden(access, moving)
        if reason:
            self.errors.add(errors.EXECUTION if reason is MOVING or reason is TREATING else errors.PROTECTED, reason)
            return
        reply = self.reply
        end, answered = reply.end, reply.answered
        if self.parser.query:
            reply.begin()
        refusal = self._handlers[index]()
        if refusal is not None:
            reply.end, reply.answered = end, answered
            if type(refusal) is int:
                self.errors.add(refusal)
            else:
                self.errors.add(errors.EXECUTION, refusal)
        elif access & TECHNICIAN:
            self.access.used(now_ms)

    def _forbidden(self, access, moving):
        """Why a command may not be done now; empty when it may."""
        if access & (REST | IDLE) and moving:
            return MOVING
        if access & IDLE and self._treating():
            return TREATING
        if access & TECHNICIAN and not self.access.open:
            return LOCKED if self.access.has_key() else NO_KEY
        return b""

    def _treating(self):
        """From the choice of an indication, which takes the limits as they are, to the session's end."""
        return treatment.INDICATION < self._pen.treatment.stage < treatment.SUMMARY

    # -- access -------------------------------------------------------------------------------------

    def _watch_access(self, now_ms):
        self.access.watch(now_ms, usb_host(), self._treating())

    def _access_changed(self, what):
        """Granted, refused or closed: on record, and to be seen on the pen."""
        pen = self._pen
        pen.safety.technician = self.access.open
        pen.journal.event(events.ACCESS, what, self.access.wrong, pen.uptime_ms)
        pen.panel.say(_SAID[what], ">")


_SAID = ("", "USB: technician", "USB: wrong key", "USB: technician off")
