"""The firmware's way to the simulated hardware on CPython: `_link` as plain calls into the world.

Same functions and same time keeping as `sim/micropython/_link.py`, which does it over pipes from a VM.
"""

from sim.space import shim

_costs = shim("_costs")
BYTE_NS, CALL_US, EXTRA_US, TICKS_US = _costs.BYTE_NS, _costs.CALL_US, _costs.EXTRA_US, _costs.TICKS_US


class SimulatorBroken(BaseException):
    """The simulator itself failed; the firmware must not take that for an error of its own."""


def _broken(error: Exception) -> SimulatorBroken:
    return SimulatorBroken(f"{type(error).__name__}: {error}")


class DirectLink:
    """Stands in the firmware's module space under the name `_link`."""

    def __init__(self, world):
        self._handle = world.handle
        self._handle_send = world.handle_send
        self._handle_recv = world.handle_recv
        self._world = world
        self._now_us = world.now_us
        self._spent_us = 0

    def flash_image(self):
        """The flash as it is now, without an access: what a filesystem goes on with when the chip stopped in it."""
        return self._world.flash.image

    def ticks_us(self):
        self._spent_us += TICKS_US
        return self._now_us + self._spent_us

    def call(self, op, a=0, b=0, c=0):
        spent = self._spent_us + CALL_US[op]
        if op >= 100:
            spent += EXTRA_US.get(op, 0)
        self._now_us += spent
        self._spent_us = 0
        try:
            answer, self._now_us = self._handle(op, a, b, c, self._now_us)
        except Exception as error:
            raise _broken(error) from error
        return answer

    post = call

    def _spend(self, op, size):
        extra = EXTRA_US.get(op, 0) if op >= 100 else 0
        self._now_us += self._spent_us + CALL_US[op] + BYTE_NS[op] * size // 1000 + extra
        self._spent_us = 0

    def send(self, op, a, buf):
        self._spend(op, memoryview(buf).nbytes)
        try:
            answer, self._now_us = self._handle_send(op, a, bytes(buf), self._now_us)
        except Exception as error:
            raise _broken(error) from error
        return answer

    def recv(self, op, a, buf):
        self._spend(op, len(buf))
        try:
            answer, data, self._now_us = self._handle_recv(op, a, len(buf), self._now_us)
        except Exception as error:
            raise _broken(error) from error
        buf[:] = data
        return answer
