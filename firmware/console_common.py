"""The console's IEEE 488.2 commands: who it is, what events there were, what waits."""

import faults
import version
from heap import borrow
from scpi_errors import OPERATION_COMPLETE


class Commands:
    def __init__(self, pen, console):
        self._pen = pen
        self._reply = console.reply
        self._errors = console.errors
        self._parser = console.parser
        self._status = console.status
        self._access = console.access
        self._serial = b""
        self._version = version.TEXT.encode()

    def identify(self):
        reply = self._reply
        reply.text(b"Microneedling Pen Project,Pen A,")
        reply.text(self._serial or b"unprovisioned")
        reply.comma()
        reply.text(self._version)

    def begin(self):
        """Once the record memory can be read."""
        self._serial = self._pen.store.serial()

    def clear(self):
        self._errors.clear()
        self._status.clear()

    def set_event_enable(self):
        self._errors.event_enable = self._parser.values[0]

    def event_enable(self):
        self._reply.number(self._errors.event_enable)

    def event(self):
        self._reply.number(self._errors.take_event())

    def complete(self):
        self._errors.event |= OPERATION_COMPLETE

    def completed(self):
        self._reply.number(1)

    def set_service_enable(self):
        self._errors.service_enable = self._parser.values[0] & 0xBF

    def service_enable(self):
        self._reply.number(self._errors.service_enable)

    def status_byte(self):
        status = self._status
        status.look()
        operation = status.operations.event & status.operations.enable != 0
        questionable = status.questions.event & status.questions.enable != 0
        self._reply.number(self._errors.status_byte(self._reply.start < self._reply.end, operation, questionable))

    def reset(self):
        self._access.close()

    def test(self):
        """What it finds is a fault like any other: it latches, and the panel says so."""
        code = borrow("selftest").at_rest(self._pen)
        if code != faults.NONE:
            self._pen.safety.trip(code)
        self._reply.number(code)

    def wait(self):
        pass
