"""The chip's USB port with a host on it: the emulator's CDC host, and the queues that the other tiers' port has.

Invariants: a packet for the chip goes only when there is one: the emulator's own host answers every poll of an empty
queue with an empty packet, and so takes a third of the CPU. Nothing reaches the chip while no cable is in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rp2040py.usb.cdc import USBCDC

if TYPE_CHECKING:
    from sim.silicon.chip import Chip

OUT_BYTES = 64 * 1024  # the host's own buffer; what comes while the port is closed is lost, as on a host
SETTLE_NS = 1_000_000


class ChipUsb:
    """Stands where the other tiers have `UsbPort`, with its names."""

    def __init__(self, chip: Chip, attached: bool):
        self._chip = chip
        self._cdc = USBCDC(chip.mcu.usb_ctrl)
        self._cdc.on_serial_data = self._came
        self._cdc.on_device_connected = self._enumerated
        self._attached = attached
        self._enabled = False
        self._ready = False
        self._connected = False
        self._to_pen = bytearray()
        self._from_pen = bytearray()
        self._asked: tuple[int, int] | None = None
        usb = chip.mcu.usb_ctrl
        self._answer = usb.on_endpoint_read
        usb.on_endpoint_read = self._polled
        self._begin: Callable[[], None] = usb.on_usb_enabled
        usb.on_usb_enabled = self._usb_enabled
        self._forget: Callable[[], None] = usb.on_reset
        usb.on_reset = self._usb_reset
        self._lines = chip.mcu.clock.create_alarm(self._tell_lines)

    # -- the host's side ------------------------------------------------------------------------------

    @property
    def attached(self) -> bool:
        return self._attached

    @attached.setter
    def attached(self, value: bool) -> None:
        before, self._attached = self._attached, value
        if value and not before and self._enabled:
            self._begin()
        elif before and not value:
            self.unplug()

    @property
    def connected(self) -> bool:
        """A host has the port open."""
        return self._connected

    @connected.setter
    def connected(self, value: bool) -> None:
        self._connected = value
        if value:
            self.attached = True
        self._tell_lines()

    def unplug(self) -> None:
        """The cable is pulled."""
        self._connected = self._attached = False
        self._to_pen.clear()
        self._unknown()
        self._chip.mcu.usb_ctrl._set_connected(False)

    def to_pen(self, data: bytes) -> None:
        """The host writes; without an open port that leads nowhere."""
        if self._connected:
            self._to_pen += data
            self._feed()

    def from_pen(self, most: int = OUT_BYTES) -> bytes:
        """What the host reads, up to `most` bytes."""
        data = bytes(self._from_pen[:most])
        del self._from_pen[:most]
        return data

    def unsent(self) -> int:
        """Bytes that the host has written and the chip has not taken."""
        return len(self._to_pen) + self._cdc.tx_fifo.item_count

    def waiting(self) -> int:
        """Bytes that the pen has and has not read: what lies within the chip nobody outside can tell."""
        return 0

    # -- the chip's side ------------------------------------------------------------------------------

    def _usb_enabled(self) -> None:
        self._enabled = True
        if self._attached:
            self._begin()

    def _usb_reset(self) -> None:
        self._enabled = False
        self._unknown()

    def _unknown(self) -> None:
        """The host asks for the descriptors again when it next meets the chip, which makes its endpoints anew."""
        self._ready = False
        self._asked = None
        self._forget()

    def _enumerated(self) -> None:
        self._ready = True
        self._lines.schedule(SETTLE_NS)

    def _tell_lines(self) -> None:
        """A host that opens the port raises DTR, one that closes it drops it."""
        if self._ready and self._cdc.dtr != self._connected:
            self._cdc.set_control_lines(dtr=self._connected, rts=self._connected)

    def _came(self, data: bytes | bytearray) -> None:
        if self._connected:
            self._from_pen += data
            del self._from_pen[:-OUT_BYTES]

    def _polled(self, endpoint: int, size: int) -> None:
        fifo = self._cdc.tx_fifo
        if endpoint == self._cdc._out_endpoint and endpoint > 0 and fifo.item_count == 0:
            self._asked = (endpoint, size)
            self._feed()
        else:
            self._answer(endpoint, size)

    def _feed(self) -> None:
        """Hand the chip what it has asked for."""
        fifo = self._cdc.tx_fifo
        if self._asked is None or not self._to_pen:
            return
        endpoint, size = self._asked
        for byte in self._to_pen[:size]:
            fifo.push(byte)
        del self._to_pen[:size]
        self._asked = None
        self._answer(endpoint, size)
