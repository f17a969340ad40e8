"""The USB serial port of the chip, between the firmware and a host: two queues with the chip's sizes.

From the host: MicroPython's 512 bytes and the USB stack's 256 behind them; what does not fit stays with the host,
as a refused packet does on the wire, and comes after. To the host: 256 bytes; while the host has the port open and does
not read, nothing more fits. While no host has it open everything fits, and only the newest 256 bytes are kept.
"""

from collections import deque
from collections.abc import Callable

POLLIN, POLLOUT = 1, 4
IN_BYTES = 512 + 256
OUT_BYTES = 256
WRITE_WAIT_MS = 500  # MicroPython's longest wait for a host that does not read


class UsbPort:
    """`attached`: a cable with a host on it is plugged in. `connected`: the host has the port open."""

    def __init__(self) -> None:
        self.attached = False
        self._connected = False
        self._in = bytearray()
        self._held: deque[bytes] = deque()  # sent by the host, not yet taken by the chip
        self._out = bytearray()

    # -- the host's side ---------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._connected

    @connected.setter
    def connected(self, value: bool) -> None:
        self._connected = value
        if value:
            self.attached = True

    def unplug(self) -> None:
        """The cable is pulled: what the host had not sent is gone, what had arrived is not."""
        self._connected = self.attached = False
        self._held.clear()

    def to_pen(self, data: bytes) -> None:
        """The host writes; without an open port that leads nowhere."""
        if self._connected and data:
            self._held.append(bytes(data))
            self._take()

    def from_pen(self, most: int = OUT_BYTES) -> bytes:
        """What the host reads, up to `most` bytes; empty when there is nothing."""
        data = bytes(self._out[:most])
        del self._out[:most]
        return data

    def unsent(self) -> int:
        """Bytes that the host has written and the chip has no room for yet."""
        return sum(map(len, self._held))

    # -- the chip's side ---------------------------------------------------------------------------

    def poll(self, flags: int) -> int:
        ready = POLLIN if self._in else 0
        if not self._connected or len(self._out) < OUT_BYTES:
            ready |= POLLOUT
        return ready & flags

    def waiting(self) -> int:
        return len(self._in)

    def take(self, count: int) -> bytes:
        data = bytes(self._in[:count])
        del self._in[:count]
        self._take()
        return data

    def write(self, data: bytes, wait: Callable[[int], None]) -> int:
        """As MicroPython writes: in packets of 64, waiting for room, but not for ever. Bytes that were taken."""
        taken = 0
        while taken < len(data):
            packet = data[taken : taken + 64]
            if self._connected:
                waited_ms = 0
                while len(packet) > OUT_BYTES - len(self._out) and waited_ms < WRITE_WAIT_MS:
                    wait(1_000_000)
                    waited_ms += 1
                packet = packet[: OUT_BYTES - len(self._out)]
                if not packet:
                    break
            self._out += packet
            if not self._connected:
                del self._out[:-OUT_BYTES]
            taken += len(packet)
        return taken

    def _take(self) -> None:
        while self._held and len(self._in) < IN_BYTES:
            data = self._held.popleft()
            room = IN_BYTES - len(self._in)
            self._in += data[:room]
            if len(data) > room:
                self._held.appendleft(data[room:])
