"""The simulator's `machine`: the part of MicroPython's API for the RP2040 that a pen uses.

Every access goes through `_link`. Misuse raises what the chip's port raises. Runs on CPython and on the
MicroPython VM; after construction nothing allocates.
"""

import _link
import _ops

PWRON_RESET = 1
WDT_RESET = 3

_PINS = 30


class Pin:
    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    PULL_UP = 1
    PULL_DOWN = 2

    def __init__(self, number, mode=-1, pull=None, *, value=None):
        if not 0 <= number < _PINS:
            raise ValueError("invalid pin")
        self.number = number
        if value is not None:
            self.value(value)
        if mode != -1:
            self.init(mode, pull)

    def init(self, mode, pull=None):
        _link.call(_ops.PIN_INIT, self.number, mode, pull or 0)

    def value(self, level=None):
        if level is None:
            return _link.call(_ops.PIN_GET, self.number)
        _link.post(_ops.PIN_SET, self.number, 1 if level else 0)

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)


class _Mem32:
    def __getitem__(self, address):
        return _link.call(_ops.MEM32_GET, address)

    def __setitem__(self, address, word):
        _link.call(_ops.MEM32_SET, address, word)


mem32 = _Mem32()


class ADC:
    def __init__(self, channel):
        number = channel.number - 26 if isinstance(channel, Pin) else channel
        if not 0 <= number <= 4:
            raise ValueError("Pin doesn't have ADC capabilities")
        self._channel = number

    def read_u16(self):
        return _link.call(_ops.ADC_READ, self._channel)


class I2C:
    def __init__(self, bus, *, scl, sda, freq=400000, timeout=50000):
        self._bus = bus
        self._timeout_us = timeout
        self._longest = timeout * (freq // 1000) // 9000 - 1  # bytes: the port's timeout is for all of a transfer
        self._register = bytearray(1)

    def writeto(self, address, buf, stop=True):
        self._fits(buf)
        self._judge(_link.send(_ops.I2C_WRITE, address, buf))
        return len(buf)

    def readfrom_into(self, address, buf, stop=True):
        self._fits(buf)
        self._judge(_link.recv(_ops.I2C_READ, address, buf))

    def readfrom_mem_into(self, address, memaddr, buf):
        """A write of the register's number and a read, each with a timeout of its own."""
        self._register[0] = memaddr
        self.writeto(address, self._register, False)
        self.readfrom_into(address, buf)

    def _fits(self, buf):
        if len(buf) > self._longest:
            raise OSError(110)  # ETIMEDOUT

    def _judge(self, answer):
        if answer == 2:  # SDA is held low: no START, until the time is up
            _link.call(_ops.SLEEP, self._timeout_us)
            raise OSError(110)
        if not answer:
            raise OSError(5)  # EIO, as the port raises when nothing acknowledges


class SPI:
    def __init__(self, bus, baudrate=1000000, *, polarity=0, phase=0, sck=None, mosi=None, miso=None):
        self._bus = bus

    def write(self, buf):
        _link.send(_ops.SPI_WRITE, self._bus, buf)

    def readinto(self, buf, write=0):
        _link.recv(_ops.SPI_READ, self._bus, buf)


class UART:
    def __init__(self, bus, baudrate=115200, *, tx=None, rx=None, txbuf=256, rxbuf=256, timeout=0):
        self._bus = bus

    def write(self, buf):
        return _link.send(_ops.UART_WRITE, self._bus, buf)

    def any(self):
        return _link.call(_ops.UART_ANY, self._bus)

    def readinto(self, buf):
        """Fill `buf` with what has arrived; return the count, or None when nothing has."""
        count = _link.recv(_ops.UART_READ, self._bus, buf)
        return count if count else None


class PWM:
    def __init__(self, pin, freq=0, duty_u16=0):
        self._pin = pin.number
        self._freq = freq
        self._duty = duty_u16

    def freq(self, hz):
        self._freq = hz
        _link.post(_ops.PWM, self._pin, self._freq, self._duty)

    def duty_u16(self, duty):
        self._duty = duty
        _link.post(_ops.PWM, self._pin, self._freq, self._duty)


class WDT:
    def __init__(self, id=0, timeout=5000):
        if not 1 <= timeout <= 8388:
            raise ValueError("timeout exceeds 8388")
        _link.call(_ops.WDT_START, timeout)

    def feed(self):
        _link.post(_ops.WDT_FEED)


class RTC:
    def datetime(self, wanted=None):
        """(year, month, day, weekday, hours, minutes, seconds, 0); year 2021 until somebody sets the clock."""
        if wanted is not None:
            year, month, day, _weekday, hours, minutes, seconds, _ = wanted
            days = (year - 2000) * 365 + (year - 1997) // 4 + day - 1
            for m in range(1, month):
                days += (31, 29 if year % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30)[m - 1]
            _link.call(_ops.RTC_SET, days, hours * 3600 + minutes * 60 + seconds)
            return None
        days = _link.call(_ops.RTC_DAYS)
        if days == 0:
            return (2021, 1, 1, 4, 0, 0, 0, 0)
        seconds = _link.call(_ops.RTC_SECONDS)
        year, rest = 2000, days
        while True:
            length = 366 if year % 4 == 0 else 365
            if rest < length:
                break
            rest -= length
            year += 1
        month = 1
        for length in (31, 29 if year % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31):
            if rest < length:
                break
            rest -= length
            month += 1
        weekday = (days + 5) % 7  # 2000-01-01 was a Saturday
        return (year, month, rest + 1, weekday, seconds // 3600, seconds // 60 % 60, seconds % 60, 0)


def reset():
    _link.call(_ops.RESET)


def reset_cause():
    return _link.call(_ops.RESET_CAUSE)


def freq(hz=None):
    """The system clock in Hz; the simulated chip's parts are worked out for 125 MHz only."""
    if hz is None:
        return 125000000
    if hz != 125000000:
        raise ValueError("cannot change frequency")


def unique_id():
    buf = bytearray(8)
    _link.recv(_ops.UNIQUE_ID, 0, buf)
    return bytes(buf)
