"""Bytes to and from a pen over a serial port, and what can be wrong with one, in one line each.

A wire is what `link.PenLink` talks over. Time on it is its own: that of the wall here, simulated time for a simulated
pen (`pen.simwire`), so that a pause means the same to the pen.
"""

from __future__ import annotations

import errno
import re
import time
from typing import Protocol
from urllib.parse import urlsplit

import serial

READ_BYTES = 65_536
WRITE_TIMEOUT_S = 3.0
REOPEN_EVERY_S = 0.3
NETWORK = ("socket://", "rfc2217://")


class LinkError(Exception):
    """Talking to the pen failed; the message is one line: what, and what to do."""


class NoPort(LinkError):
    """The port cannot be opened."""


class WrongPort(NoPort):
    """What was named is no port at all, or not one alone: wrong use."""


class PortGone(LinkError):
    """The port vanished while it was open."""


class Hand(Protocol):
    """Whoever can press the pen's buttons: a person who is asked to, or the simulator's hands."""

    def hold_select(self, held: bool) -> None:
        """See to it that SELECT is held, or let go."""


class Wire(Protocol):
    """An open port."""

    name: str
    hand: Hand | None  # a simulated pen brings its own

    def now_s(self) -> float:
        """Seconds of this wire's clock."""

    def read(self, timeout_s: float) -> bytes:
        """What has come; waits up to `timeout_s` for the first byte, b"" when none came. PortGone."""

    def write(self, data: bytes) -> None:
        """Send all of it. PortGone; LinkError when the pen takes nothing."""

    def pause(self, seconds: float) -> None:
        """Let time go by."""

    def reopen(self, within_s: float) -> None:
        """The pen restarts: open its port again once it is back. PortGone if it is not within so many seconds."""

    def close(self) -> None:
        """Give the port back."""


class SerialWire:
    """A device, a pty, or any other URL that pySerial opens (socket://host:port, rfc2217://...)."""

    hand = None

    def __init__(self, port: str):
        self.name = port
        self._serial = self._open()

    def _open(self) -> serial.SerialBase:
        port = self.name
        settings: dict[str, object] = {"timeout": 0.05, "write_timeout": WRITE_TIMEOUT_S}
        if port.startswith(NETWORK):
            _check_address(port)
        elif "://" not in port:
            settings["exclusive"] = True  # two clients on one port would take each other's answers
        try:
            return serial.serial_for_url(port, **settings)
        except ValueError as error:
            raise WrongPort(f"'{port}' is not a port: {error}") from None
        except (serial.SerialException, OSError) as error:
            raise NoPort(_why_not(port, error)) from None

    def now_s(self) -> float:
        return time.monotonic()

    def read(self, timeout_s: float) -> bytes:
        try:
            self._serial.timeout = timeout_s
            first = self._serial.read(1)
            if not first:
                return b""
            self._serial.timeout = 0
            return first + self._serial.read(READ_BYTES)
        except (serial.SerialException, OSError, TypeError) as error:  # TypeError: closed under a read
            raise PortGone(f"{self.name} vanished: the cable was pulled, or the pen went off") from error

    def write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
        except serial.SerialTimeoutException:
            raise LinkError(
                f"{self.name} takes nothing for {WRITE_TIMEOUT_S:g} s: what is there is no pen, or hangs") from None
        except (serial.SerialException, OSError, TypeError) as error:
            raise PortGone(f"{self.name} vanished: the cable was pulled, or the pen went off") from error

    def pause(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))

    def reopen(self, within_s: float) -> None:
        self.close()
        until_s = time.monotonic() + within_s
        while True:
            time.sleep(REOPEN_EVERY_S)
            try:
                self._serial = self._open()
                return
            except NoPort:
                if time.monotonic() > until_s:
                    raise PortGone(f"{self.name} did not come back within {within_s:g} s") from None

    def close(self) -> None:
        try:
            self._serial.close()
        except (serial.SerialException, OSError):  # it is gone anyway
            pass


def _why_not(port: str, error: Exception) -> str:
    """Why a port did not open, with what to do about it."""
    number = getattr(error, "errno", None)
    if number is None and (found := re.search(r"(?:\[Errno |\()(\d+)[\],]", str(error))):
        number = int(found[1])
    if number == errno.ENOENT:
        return f"there is no {port}: 'pen ports' lists what there is"
    if number in (errno.EACCES, errno.EPERM):
        return f"no permission to open {port}: on Linux, join the group that owns it (often dialout)"
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in str(error):
        return f"{port} is in use by another program: close that first"
    if number == errno.ECONNREFUSED:
        return f"nobody listens at {port}: start 'pen sim --port {port}' first"
    if number in (errno.ENOTTY, errno.EINVAL, errno.EISDIR, errno.ENODEV):
        return f"{port} is not a serial port: 'pen ports' lists what there is"
    return f"cannot open {port}: {reason_of(error)}"


def reason_of(error: Exception) -> str:
    """Why something did not open, without the numbers, and without the port that pySerial names before it."""
    text = re.sub(r"\[Errno -?\d+\] ", "", str(error))
    return re.sub(r"^could not open port \S+: ", "", text, flags=re.IGNORECASE)


def _check_address(port: str) -> None:
    """WrongPort for a URL without a host or a port number, before pySerial fails over it."""
    parts = urlsplit(port)
    try:
        whole = parts.hostname and parts.port is not None
    except ValueError:  # a port that is no number, or too large
        whole = False
    if not whole:
        raise WrongPort(f"'{port}' is not a port: {parts.scheme}://HOST:PORT has a host and a port number")
