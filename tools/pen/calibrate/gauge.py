"""Where the gauge's readings come from: typed by a technician, a file, an indicator at a serial port, the simulator.

Each gives a reading as the text that was typed or received: what it means, and whether it can be, is for others to say.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import serial

from pen.wires import LinkError, reason_of

NOISE_UM = 5.0  # of the simulated gauge, standard deviation
INDICATOR_S = 2.0
_NUMBER = re.compile(r"[+-]?\d+[.,]\d+")


class GaugeError(LinkError):
    """No reading is to be had; the message says why."""


class Gauge(Protocol):
    """A source of readings."""

    person: bool

    def read(self) -> str:
        """The next reading as text. GaugeError."""
        ...


class FileGauge:
    """One reading a line, in the order of the points; empty lines and what follows a # do not count."""

    def __init__(self, path: Path):
        """GaugeError if it cannot be read."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise GaugeError(f"{path} is no file of readings: it has one a line, as text") from None
        except OSError as error:
            raise GaugeError(f"cannot read the readings in {path}: {error.strerror}") from None
        self._path = path
        self._texts = iter([text for line in lines if (text := line.partition("#")[0].strip())])

    def read(self) -> str:
        text = next(self._texts, None)
        if text is None:
            raise GaugeError(f"{self._path} has no reading left for this point")
        return text


class IndicatorGauge:
    """A digital indicator at a serial port that answers `?` and a carriage return with its value in millimetres.

    That is what the RS-232 cables of Sylvac and of Mahr's MarCator speak: 4800 baud, 7 bits, even parity, 2 stop bits;
    the answer is a sign, digits with a point, and a carriage return. Set to inches it would send no unit either.
    """

    def __init__(self, port: str, baud: int = 4800):
        """GaugeError if the port cannot be opened."""
        try:
            self._port = serial.serial_for_url(
                port, baudrate=baud, bytesize=7, parity=serial.PARITY_EVEN, stopbits=2, timeout=INDICATOR_S)
        except (serial.SerialException, ValueError, OSError) as error:
            raise GaugeError(f"cannot open the indicator at {port}: {reason_of(error)}") from None
        self._name = port

    def read(self) -> str:
        try:
            self._port.read(self._port.in_waiting)  # not pySerial's flush: of a port that is gone it raises no OSError
            self._port.write(b"?\r")
            came = self._port.read_until(b"\r")
        except (serial.SerialException, OSError) as error:
            raise GaugeError(f"the indicator at {self._name} is gone: {error}") from None
        if not came:
            raise GaugeError(
                f"the indicator at {self._name} does not answer '?' within {INDICATOR_S:g} s: is it on, and its cable "
                "one for RS-232 (4800 baud, 7 data bits, even parity)?")
        match = _NUMBER.search(came.decode("ascii", "replace"))
        if match is None:
            raise GaugeError(f"the indicator at {self._name} answers {came!r}, which holds no number with a point")
        return f"{match[0]} mm"


class SimGauge:
    """A gauge under the tip of a simulated pen: the plant's truth with normally distributed noise, to 1 um."""

    def __init__(self, tip_um: Callable[[], float], seed: int, noise_um: float = NOISE_UM):
        self._tip_um = tip_um
        self._noise_um = noise_um
        self._random = random.Random(seed)

    def read(self) -> str:
        return f"{self._tip_um() + self._random.gauss(0, self._noise_um):.0f} um"
