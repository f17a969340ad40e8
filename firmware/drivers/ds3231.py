"""DS3231, the clock with a cell of its own on I2C: read it, set it.

Invariants: a time counts only while the oscillator has not stopped since it was set, which the part remembers (OSF);
what is no decimal digit or beyond its range is no time; nothing here raises. At rest only: it allocates, and frees a
bus that is held. Registers are those of figure 1 of the DS3231 datasheet.
"""

from inputs import CLOCK_TRIES
from micropython import const

ADDRESS = const(0x68)
# What a reading came to
GOOD = const(0)
SILENT = const(1)  # nothing acknowledges
STOPPED = const(2)  # never set, or the cell was empty while the supply was gone
NONSENSE = const(3)

_CONTROL = const(0x0E)
_STATUS = const(0x0F)
_OSF = const(0x80)
_RUNNING = const(0x1C)  # on the cell too, no square wave, no alarm
_LEAST = b"\x00\x00\x00\x01\x01\x01\x00"
_MOST = b"\x3b\x3b\x17\x07\x1f\x0c\x63"


class Ds3231:
    """`time`: seconds, minutes, hours, weekday, day, month, year of the century, from the last reading that was GOOD.

    `free()` has a part that holds the bus let it go.
    """

    def __init__(self, i2c, free):
        self._i2c = i2c
        self._free = free
        self._registers = bytearray(_STATUS + 1)
        self.time = bytearray(7)

    def read(self) -> int:
        """Read the time: GOOD, SILENT, STOPPED or NONSENSE."""
        registers = self._registers
        for _ in range(CLOCK_TRIES):
            try:
                self._i2c.readfrom_mem_into(ADDRESS, 0, registers)
            except OSError:
                self._free()
                continue
            if registers[_STATUS] & _OSF:
                return STOPPED
            for i in range(7):  # the century's bit and that of 12 hours are never set by this driver
                value = registers[i]
                number = (value >> 4) * 10 + (value & 15)
                if value & 15 > 9 or not _LEAST[i] <= number <= _MOST[i]:
                    return NONSENSE
                self.time[i] = number
            return GOOD
        return SILENT

    def write(self, time) -> bool:
        """Set the time, seven numbers in the order of `time`, and clear OSF; True when it reads back and runs."""
        sent = bytes([0] + [value // 10 << 4 | value % 10 for value in time])
        for _ in range(CLOCK_TRIES):
            try:
                self._i2c.writeto(ADDRESS, sent)
                self._i2c.writeto(ADDRESS, bytes((_CONTROL, _RUNNING, 0)))
            except OSError:
                self._free()
                continue
            if self.read() == GOOD and bytes(self.time[1:]) == bytes(time[1:]):
                return True
        return False
