"""The pen's SCPI console: lines from the USB port, commands out of them, answers back, a bounded piece a pass.

Invariants: a pass reads, or does one command, or sends, each within its budget; nothing waits for the host; while
needles move only commands run that allocate nothing. What is wrong with a line is an error in the queue and ends at
the line's end. No command starts a stroke or widens a limit.
"""

import console_common
import console_measure
import console_state
import console_status
import console_system
import events
import safety
import scpi_errors as errors
import ticks
import treatment
from access import Access
from board import usb_host
from micropython import const
from records import Key
from reply import Reply
from scpi import IDLE, REST, TECHNICIAN
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
_ALWAYS = {
    "status": console_status.Commands, "common": console_common.Commands, "system": console_system.Commands,
    "state": console_state.Commands, "measure": console_measure.Commands}  # fmt: skip

MOVING = b"needles move; release the trigger"
COMING_HOME = b"needles move; wait until the pen is at rest"  # no trigger holds it up: homing, a last stroke, a retract
TREATING = b"a treatment is under way; end it on the pen"
LOCKED = b"for technicians: SECurity:CHALlenge?, SECurity:ANSWer, SELECT held"
NO_ROOM = b"no room in memory: restart the pen"
NO_KEY = b"this pen has no key, so nobody can prove one: provision it"


class Console:
    """One per pen. `run(now_us, now_ms)` is the scheduler's task. `parser` and `line` hold a command's parameters."""

    def __init__(self, pen, port, parser, methods):
        """`parser` was made from the rows of the command table; `methods`: the last two columns of those rows."""
        self._pen = pen
        self._port = port
        self.errors = Errors()
        self.reply = Reply()
        self.parser = parser
        self.access = Access(self._access_changed)
        self.line = bytearray(LINE_BYTES)
        self._length = 0
        self._at = -1  # where the next command of a whole line begins; -1 while the line is being received
        self._skipping = False  # until the end of a line that is too long or not text
        self._heard_ms = 0
        self._sent_ms = 0
        self._group_names, self._method_names = methods
        self._handlers = [None] * len(self._group_names)  # bound once: a call by name would allocate
        self.status = self._load("status")
        self._common = self._load("common")
        for name in ("system", "state", "measure"):
            self._load(name)

    def _load(self, name):
        """A group's module is in memory from its first command on; those that serve while needles move, from the start.

        Its methods answer None, or why they refused: a reason for -200, or another error's number.
        """
        kind = _ALWAYS[name] if name in _ALWAYS else __import__("console_" + name).Commands
        group = kind(self._pen, self)
        for i in range(len(self._handlers)):
            if self._group_names[i] == name:
                self._handlers[i] = getattr(group, self._method_names[i])
        return group

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
        try:
            self.reply.more()
        except MemoryError:  # the answer ends here, and the host may ask why
            self.reply.pieces = None
            self.errors.add(errors.DEVICE, NO_ROOM)
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
            self.errors.add(errors.PROTECTED if reason is LOCKED or reason is NO_KEY else errors.EXECUTION, reason)
            return
        if self._handlers[index] is None and moving:
            self.errors.add(errors.EXECUTION, self._moves())
            return
        reply = self.reply
        end, answered = reply.end, reply.answered
        try:
            if self._handlers[index] is None:
                self._load(self._group_names[index])
            if self.parser.query:
                reply.begin()
            refusal = self._handlers[index]()
        except MemoryError:  # in what runs at rest: the rest allocates nothing
            refusal = NO_ROOM
            reply.pieces = None
        if refusal is not None:
            reply.end, reply.answered = end, answered
            if type(refusal) is int:
                self.errors.add(refusal)
            else:
                self.errors.add(errors.DEVICE if refusal is NO_ROOM else errors.EXECUTION, refusal)
        elif access & TECHNICIAN:
            self.access.used(now_ms)

    def _forbidden(self, access, moving):
        """Why a command may not be done now; empty when it may."""
        if access & (REST | IDLE) and moving:
            return self._moves()
        if access & IDLE and self._treating():
            return TREATING
        if access & TECHNICIAN and not self.access.open:
            return LOCKED if self.access.has_key() else NO_KEY
        return b""

    def _moves(self):
        """That needles move, and what a person can do about it."""
        state = self._pen.safety.state
        return MOVING if state == safety.RUNNING or state == safety.GAUGING else COMING_HOME

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
