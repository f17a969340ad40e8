"""The console's STATus registers: what goes on, what is not as it should be, and what of it is new."""

import safety
from micropython import const

# Operation
CALIBRATING = const(1)
MOVING = const(256)
SESSION_OPEN = const(512)
ACCESS_OPEN = const(1024)

# Questionable
POWER = const(8)  # battery too low to start
TEMPERATURE = const(16)  # the motor is warm enough to slow it down
CALIBRATION = const(256)  # none, or past its due date
FAULT = const(512)  # one is latched


class Register:
    """A condition, the events of its rising bits, and the mask for the status byte."""

    def __init__(self):
        self.condition = 0
        self.event = 0
        self.enable = 0

    def now(self, condition: int):
        self.event |= condition & ~self.condition
        self.condition = condition

    def take_event(self) -> int:
        event = self.event
        self.event = 0
        return event


class Commands:
    def __init__(self, pen, console):
        self._pen = pen
        self._console = console
        self._reply = console.reply
        self._values = console.parser.values
        self.operations = Register()
        self.questions = Register()

    def look(self):
        """Bring both conditions up to date; allocates nothing."""
        pen = self._pen
        now = MOVING if pen.motor.armed() else 0
        if pen.safety.gauging:
            now |= CALIBRATING
        if pen.treatment.is_open():
            now |= SESSION_OPEN
        if self._console.access.open:
            now |= ACCESS_OPEN
        self.operations.now(now)
        now = FAULT if pen.safety.fault else 0
        if pen.readings.battery_mv < safety.BATTERY_START_MV:
            now |= POWER
        if pen.readings.temp_dc >= safety.DERATE_DC:
            now |= TEMPERATURE
        if not pen.safety.calibrated or pen.treatment.overdue:
            now |= CALIBRATION
        self.questions.now(now)

    def clear(self):
        self.operations.event = self.questions.event = 0

    def operation(self):
        self.look()
        self._reply.number(self.operations.condition)

    def operation_event(self):
        self.look()
        self._reply.number(self.operations.take_event())

    def set_operation_enable(self):
        self.operations.enable = self._values[0]

    def operation_enable(self):
        self._reply.number(self.operations.enable)

    def questionable(self):
        self.look()
        self._reply.number(self.questions.condition)

    def questionable_event(self):
        self.look()
        self._reply.number(self.questions.take_event())

    def set_questionable_enable(self):
        self.questions.enable = self._values[0]

    def questionable_enable(self):
        self._reply.number(self.questions.enable)

    def preset(self):
        self.operations.enable = self.questions.enable = 0
