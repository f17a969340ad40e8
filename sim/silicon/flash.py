"""The chip's flash with the time that it takes, and torn where power goes meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from rp2040py.peripherals.ssi import RPSSI

from sim.parts.flash import ERASE_NS, PROGRAM_NS

_STATUS, _PROGRAM, _ERASE_SECTOR, _ERASE_BLOCK = 0x05, 0x02, 0x20, 0xD8
_BLOCK_NS = 150_000_000  # W25Q16JV, tBE of 64 KB, typical
_BUSY = 1


class TimedFlash(RPSSI):
    """Busy after each erase and program. `begun()` hears of one, with its address."""

    begun: Callable[[int], None]

    def start(self, begun: Callable[[int], None]) -> None:
        self.begun = begun
        self._busy_until = 0.0
        self._under_way: tuple[int, bytes] | None = None

    def _shift_byte(self, byte_out: int) -> int:
        answer = super()._shift_byte(byte_out)
        clock = self.rp2040.clock
        if self._tx_buffer[0] == _STATUS and len(self._tx_buffer) > 1 and clock.nanos < self._busy_until:
            # the boot ROM asks again and again until it is done: go there at once
            clock.tick(self._busy_until - clock.nanos)
        return answer & ~_BUSY

    def _apply_command(self) -> None:
        sent, enabled = bytes(self._tx_buffer), self._write_enabled
        if not enabled or len(sent) < 4 or sent[0] not in (_PROGRAM, _ERASE_SECTOR, _ERASE_BLOCK):
            super()._apply_command()
            return
        size = {_ERASE_SECTOR: 4096, _ERASE_BLOCK: 65536}.get(sent[0], len(sent) - 4)
        address = int.from_bytes(sent[1:4], "big")
        self._under_way = (address, bytes(self.rp2040.flash[address : address + size]))
        super()._apply_command()
        busy_ns = {_ERASE_SECTOR: ERASE_NS, _ERASE_BLOCK: _BLOCK_NS}.get(sent[0], PROGRAM_NS)
        self._busy_until = self.rp2040.clock.nanos + busy_ns
        self.begun(address)

    def power_lost(self) -> None:
        """What is under way stays half done."""
        if self._under_way is not None and self.rp2040.clock.nanos < self._busy_until:
            address, before = self._under_way
            half = len(before) // 2
            self.rp2040.flash[address + half : address + len(before)] = before[half:]
        self._busy_until = 0.0
