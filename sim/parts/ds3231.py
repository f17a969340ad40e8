"""DS3231, the clock with a cell of its own, at the level of its I2C registers (datasheet 19-5170 rev. 10).

Invariants: the time follows from the moment it was set and the simulated nanoseconds since, never from the host's
clock; a read answers from the copy that was taken at its START, so a second that passes in mid read tears nothing;
what the oscillator missed is missed, and the stop flag says so until somebody clears it. The alarms are registers
that ring nothing. Not modelled: the 32 kHz and square-wave outputs, the temperature's own cycle.
"""

from __future__ import annotations

import datetime

ADDRESS = 0x68
FAULTS = ("", "silent", "garbled")
REGISTERS = 0x13  # 00h to 12h, then round again
CONTROL, STATUS, AGING, TEMPERATURE = 0x0E, 0x0F, 0x10, 0x11
EOSC, OSF, EN32KHZ = 0x80, 0x80, 0x08
CONTROL_AT_POWER_ON = 0x1C
CELL_LEAST_MV = 2300  # below, the cell does not keep the oscillator going
CELL_MV = 3000
AGING_PPM = 0.1  # a step of the aging register, at 25 degrees; positive is slower
WORST_PPM = 2.0  # of the part between 0 and 40 degrees
SECOND_NS = 1_000_000_000
FIRST = datetime.datetime(2000, 1, 1)


def bcd(value: int) -> int:
    return value // 10 << 4 | value % 10


def number(byte: int) -> int | None:
    """What a byte of two decimal digits says, None if one of them is none."""
    return (byte >> 4) * 10 + (byte & 15) if byte >> 4 < 10 and byte & 15 < 10 else None


class Ds3231:
    """One clock. `date_days` since 2000-01-01 is what it was set to before the run, 0 for never.

    `cell_mv` keeps it going without the pen's supply. `drift_ppm` is how much it is fast, within WORST_PPM.
    `fault`: "" works; "silent" acknowledges nothing; "garbled" reads bytes that are no decimal digits.
    """

    def __init__(self, date_days: int = 0, seconds: int = 10 * 3600, drift_ppm: float = 0.0):
        if abs(drift_ppm) > WORST_PPM:
            raise ValueError(f"a DS3231 drifts by {WORST_PPM} ppm at most, not {drift_ppm}")
        self.address = ADDRESS
        self.drift_ppm = drift_ppm
        self.cell_mv = CELL_MV
        self.protocol_errors: list[str] = []
        self._fault = ""
        self._powered = True
        self._rest = bytearray(REGISTERS)
        self._first_power()
        if date_days:
            self._base = FIRST + datetime.timedelta(days=date_days, seconds=seconds)
            self._rest[STATUS] &= ~OSF

    def _first_power(self) -> None:
        self._rest[:] = bytes(REGISTERS)
        self._rest[3] = 1
        self._rest[CONTROL] = CONTROL_AT_POWER_ON
        self._rest[STATUS] = OSF | EN32KHZ
        self._rest[TEMPERATURE] = 25
        self._base = FIRST
        self._since_ns = 0
        self._stopped = False
        self._twelve = False
        self._century = False
        self._odd: dict[int, int] = {}  # time registers that were given what is no time
        self._pointer = 0
        self._copy = bytes(REGISTERS)

    # ---- power and faults ----

    @property
    def fault(self) -> str:
        return self._fault

    @fault.setter
    def fault(self, kind: str) -> None:
        if kind not in FAULTS:
            raise ValueError(f"unknown DS3231 fault {kind!r}; one of {FAULTS}")
        self._fault = kind

    @property
    def oscillator_stopped(self) -> bool:
        """The flag that only writing clears."""
        return bool(self._rest[STATUS] & OSF)

    @property
    def powered(self) -> bool:
        return self._powered

    def cut(self, t_ns: int) -> None:
        """The pen's supply is gone: the cell goes on, if it can and the control register lets it."""
        self._powered = False
        if self.cell_mv < CELL_LEAST_MV or self._rest[CONTROL] & EOSC:
            self.stop(t_ns)

    def power_on(self, t_ns: int) -> None:
        """The supply is back. A cell that could not hold the registers has lost them."""
        self._powered = True
        if self.cell_mv < CELL_LEAST_MV:
            self._first_power()
            self._since_ns = t_ns
        elif self._stopped:
            self.go_on(t_ns)

    def stop(self, t_ns: int) -> None:
        """The oscillator stands still."""
        if not self._stopped:
            self._base = self._now(t_ns)
            self._since_ns = t_ns
            self._stopped = True
        self._rest[STATUS] |= OSF

    def go_on(self, t_ns: int) -> None:
        """It runs again; what it missed is missed."""
        if self._stopped:
            self._stopped = False
            self._since_ns = t_ns

    def shift(self, days: float, t_ns: int) -> None:
        """Be set wrong by so many days, without a sign."""
        self._base = self._now(t_ns) + datetime.timedelta(days=days)
        self._since_ns = t_ns

    # ---- time ----

    def _now(self, t_ns: int) -> datetime.datetime:
        if self._stopped:
            return self._base
        aging = self._rest[AGING] - 256 if self._rest[AGING] & 0x80 else self._rest[AGING]
        ppm = self.drift_ppm - AGING_PPM * aging
        passed_ns = t_ns - self._since_ns
        return self._base + datetime.timedelta(microseconds=(passed_ns + passed_ns * ppm / 1e6) // 1000)

    def now(self, t_ns: int) -> datetime.datetime:
        """What it says at a moment, whole seconds."""
        return self._now(t_ns).replace(microsecond=0)

    def _registers(self, t_ns: int) -> bytes:
        now = self._now(t_ns)
        century = self._century != (now.year >= 2100)
        found = bytearray(self._rest)
        hours = bcd(now.hour)
        if self._twelve:
            hours = 0x40 | (0x20 if now.hour >= 12 else 0) | bcd((now.hour + 11) % 12 + 1)
        weekday = (self._rest[3] - 1 + (now.date() - self._base.date()).days) % 7 + 1
        found[:7] = bytes((
            bcd(now.second), bcd(now.minute), hours, weekday, bcd(now.day), bcd(now.month) | century << 7,
            bcd(now.year % 100)))
        for register, value in self._odd.items():
            found[register] = value
        return bytes(found)

    # ---- bus ----

    def start(self, t_ns: int) -> bool:
        """A START with its address: the registers are copied for what is read. True when acknowledged."""
        if not self._powered or self._fault == "silent":
            return False
        self._copy = self._registers(t_ns)
        return True

    def write(self, data: bytes, t_ns: int) -> bool:
        """One transaction after its address byte: where, then what from there on; True when acknowledged."""
        if not self.start(t_ns):
            return False
        if not data:
            return True
        if data[0] >= REGISTERS:
            self.protocol_errors.append(f"register 0x{data[0]:02x}")
        self._pointer = data[0] % REGISTERS
        written: dict[int, int] = {}
        for value in data[1:]:
            written[self._pointer] = value
            self._step()
        if any(register < 7 for register in written):
            self._set_time(written, t_ns)
        for register, value in written.items():
            self._write_register(register, value)
        return True

    def read(self, n: int, t_ns: int) -> bytes | None:
        """So many bytes from the pointer on; None when nothing acknowledges. The registers are those of the START."""
        if not self.start(t_ns):
            return None
        return bytes(self.next_byte(t_ns) for _ in range(n))

    def next_byte(self, t_ns: int) -> int:
        """The byte at the pointer, which moves on; at register 0 the copy is taken anew."""
        if self._pointer == 0:
            self._copy = self._registers(t_ns)
        value = self._copy[self._pointer]
        self._step()
        return 0xEE if self._fault == "garbled" else value

    def _step(self) -> None:
        self._pointer = (self._pointer + 1) % REGISTERS

    def _write_register(self, register: int, value: int) -> None:
        if register == STATUS:
            kept = self._rest[STATUS]
            self._rest[STATUS] = kept & value & OSF | value & EN32KHZ | kept & value & 0x03  # flags can only be cleared
        elif 7 <= register < TEMPERATURE:
            self._rest[register] = value

    def _set_time(self, written: dict[int, int], t_ns: int) -> None:
        """The seconds' write restarts the second; what is no time stays in its register, and the time is undefined."""
        now = bytearray(self._registers(t_ns)[:7])
        for register in range(7):
            now[register] = written.get(register, now[register])
        self._odd.clear()
        self._rest[3] = now[3] & 7
        self._twelve = bool(now[2] & 0x40)
        self._century = bool(now[5] & 0x80)
        hours = number(now[2] & 0x1F if self._twelve else now[2] & 0x3F)
        if self._twelve and hours is not None:
            hours = hours % 12 + (12 if now[2] & 0x20 else 0)
        parts = (number(now[6]), number(now[5] & 0x7F), number(now[4]), hours, number(now[1]), number(now[0]))
        try:
            if None in parts:
                raise ValueError("no decimal digits")
            year, month, day, hour, minute, second = parts  # type: ignore[misc]
            self._base = datetime.datetime(2000 + year, month, day, hour, minute, second)  # type: ignore[operator, arg-type]
        except ValueError as error:
            self.protocol_errors.append(f"no time: {bytes(now).hex()}: {error}")
            self._odd = dict(enumerate(now))
        self._since_ns = t_ns
