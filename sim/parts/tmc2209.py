"""TMC2209 stepper driver as its UART and its pins show it: registers, protection, current and step size.

Invariants: a datagram with a wrong CRC or address changes nothing and is not answered; a rail dip returns
every register to its power-on value and sets GSTAT.reset. Sections cited: TMC2209 datasheet rev. 1.03.
Not modelled: OTP programming, StallGuard and CoolStep values (they read 0), automatic PWM tuning.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from math import exp, pi, sin, sqrt

GCONF, GSTAT, IFCNT, SLAVECONF, OTP_PROG, OTP_READ, IOIN, FACTORY_CONF = range(8)
IHOLD_IRUN, TPOWERDOWN, TSTEP, TPWMTHRS, TCOOLTHRS = 0x10, 0x11, 0x12, 0x13, 0x14
VACTUAL, SGTHRS, SG_RESULT, COOLCONF = 0x22, 0x40, 0x41, 0x42
MSCNT, MSCURACT, CHOPCONF, DRV_STATUS, PWMCONF, PWM_SCALE, PWM_AUTO = 0x6A, 0x6B, 0x6C, 0x6F, 0x70, 0x71, 0x72

BAUD = 115_200
BIT_NS = 1_000_000_000 // BAUD
BYTE_NS = 10_000_000_000 // BAUD
CLOCK_HZ = 12_000_000
VERSION = 0x21

# Section 5: reset values; registers not named start at 0. IHOLD 16, IRUN 31, IHOLDDELAY 1 (5.2).
_POWER_ON = {
    GCONF: 0x0000_0101,  # I_scale_analog, multistep_filt
    FACTORY_CONF: 0x0000_0110,  # OTTRIM 1: warning at 120 C, off at 150 C
    IHOLD_IRUN: 0x0001_1F10,
    TPOWERDOWN: 20,
    CHOPCONF: 0x1000_0053,
    PWMCONF: 0xC10D_0024,
}
_WRITABLE_MASK = {
    GCONF: 0x3FF, SLAVECONF: 0xF00, FACTORY_CONF: 0x31F, IHOLD_IRUN: 0xF_1F1F, TPOWERDOWN: 0xFF,
    TPWMTHRS: 0xF_FFFF, TCOOLTHRS: 0xF_FFFF, VACTUAL: 0xFF_FFFF, SGTHRS: 0xFF, COOLCONF: 0xFFFF,
    CHOPCONF: 0xFFFF_FFFF, PWMCONF: 0xFFFF_FFFF,
}  # fmt: skip
_STORED_READABLE = (GCONF, FACTORY_CONF, CHOPCONF, PWMCONF)
_OT_C = ((143, 120), (150, 120), (150, 143), (157, 143))  # FACTORY_CONF.OTTRIM: (ot, otpw)
_PIN_MICROSTEPS = {(0, 0): 8, (1, 0): 32, (0, 1): 64, (1, 1): 16}  # (MS1, MS2), section 3
_FULL_SCALE_V = (0.325, 0.180)  # over the sense resistor, by vsense (section 9)
_INNER_OHM = 0.020  # of the chip, in series with the sense resistor (section 9)
SENSE_OHM = 0.33  # of the reference pen
_STANDSTILL_CLOCKS = 1 << 20
_POWERDOWN_CLOCKS = 1 << 18
_MIN_SENSED_BITS = 63  # a longer pause between start bits resets the receiver (section 4.1.1)
_RECOVERY_BITS = 12
_LONG_S = 60.0  # beyond any standstill delay the registers can ask for
# Heat of the chip on its board. The bridges' resistance is the data sheet's 0.17 ohm high and low side, half more when
# warm; the rest is an engineering assumption for a small board in a closed pen.
BRIDGE_OHM = 0.5
IDLE_W = 0.25  # charge pump, regulator, switching
BOARD_K_W = 40.0
BOARD_J_K = 1.0


def crc8(data: bytes) -> int:
    """The datagram checksum of section 4.2: x^8 + x^2 + x + 1, least significant bit of each byte first."""
    crc = 0
    for byte in data:
        for bit in range(8):
            top = crc >> 7 ^ byte >> bit & 1
            crc = crc << 1 & 0xFF ^ (0x07 if top else 0)
    return crc


def _condition(name: str) -> property:
    """What the protections look at all the time: a change is felt at once."""

    def put(self, value) -> None:
        setattr(self, "_" + name, value)
        self._protect()

    return property(lambda self: getattr(self, "_" + name), put)


class Tmc2209:
    """One TMC2209 with MS1 and MS2 strapped to give `address` 0..3 (bit 0 is MS1).

    The world sets `enable_n` (EN_N pin level), `temperature_c` and the faults; it reports movement with
    `moved()` and the current with `warm()`. `on_stage` hears at once when the bridges go on or off, whatever does it:
    EN_N, a register, a protection. Faults (False at start): `short_a short_b` (a short at a phase, seen while the
    stage is on), `open_load_a open_load_b`, `undervoltage` (charge pump low), `stall` (StallGuard would raise DIAG),
    and of the interface `silent` (hears and says nothing), `babbling` (random bytes to any input), `bad_crc` (its
    answers), `stuck` (answers, but takes no write), `false_status` (bits that its status shows though nothing is so:
    those of DRV_STATUS's low byte, and 256 times those of GSTAT).
    """

    short_a = _condition("short_a")
    short_b = _condition("short_b")
    undervoltage = _condition("undervoltage")
    temperature_c = _condition("temperature_c")

    def __init__(self, address: int = 3, seed: int = 0, sense_ohm: float = SENSE_OHM):
        if not 0 <= address <= 3:
            raise ValueError(f"TMC2209 address must be 0..3, not {address}")
        self.address = address
        self.sense_ohm = sense_ohm
        self.ms1, self.ms2 = address & 1, address >> 1
        self.pdn_uart = 1  # the UART line idles high
        self._enable_n = 1
        self.on_stage: Callable[[], None] | None = None
        self._stage_was_on = False
        self._temperature_c = 25.0
        self._short_a = self._short_b = self._undervoltage = False
        self.open_load_a = self.open_load_b = False
        self.stall = False
        self.silent = self.babbling = self.bad_crc = self.stuck = False
        self.false_status = 0
        self._random = random.Random(seed)
        self._mscnt_256 = 0
        self.reset()

    def reset(self) -> None:
        """The motor rail dipped below the logic's minimum: everything back to power-on (section 5)."""
        self.registers = dict(_POWER_ON)
        self.write_count = 0
        self._reset_flag = True
        self._driver_error = False
        self._overtemperature = False
        self._shorted_a = self._shorted_b = False
        self._mscnt_256 = 0
        self._last_step_ns: int | None = None
        self._step_clocks = 0xF_FFFF
        self._frame = bytearray()
        self._lost = False
        self._heard_ns = -(10**9)
        self._protect()

    # ---- pins and power stage

    @property
    def enable_n(self) -> int:
        return self._enable_n

    @enable_n.setter
    def enable_n(self, level: int) -> None:
        self._enable_n = 1 if level else 0
        self._protect()

    @property
    def power_stage_on(self) -> bool:
        """Whether the bridges drive the motor: EN_N low, TOFF not 0, no latched short, cool, pump up."""
        return self._enabled() and not (
            self._shorted_a or self._shorted_b or self._overtemperature or self._undervoltage
        )

    @property
    def diag(self) -> int:
        """Level of DIAG: high while the driver is shut down by a protection, or stalled (section 15)."""
        return int(self._driver_error or self._undervoltage or self.stall)

    @property
    def microsteps_per_full_step(self) -> int:
        """1..256; from CHOPCONF.MRES when GCONF.mstep_reg_select, else from MS1 and MS2."""
        if self.registers[GCONF] >> 7 & 1:
            return 256 >> min(self.registers[CHOPCONF] >> 24 & 15, 8)
        return _PIN_MICROSTEPS[self.ms1, self.ms2]

    @property
    def steps_on_both_edges(self) -> bool:
        return bool(self.registers[CHOPCONF] >> 29 & 1)

    @property
    def direction_inverted(self) -> bool:
        """GCONF.shaft."""
        return bool(self.registers[GCONF] >> 3 & 1)

    @property
    def internal_velocity(self) -> int:
        """VACTUAL as a signed number; anything but 0 moves the motor without the STEP pin (section 14)."""
        value = self.registers.get(VACTUAL, 0)
        return value - (1 << 24) if value >> 23 else value

    def current_rms_a(self, moving: bool, idle_s: float = 0.0) -> float:
        """Rms current in each motor phase, with VREF open: (CS + 1) / 32 * V_FS / (R_sense + 20 mohm) / sqrt(2).

        `idle_s` is the time since the last step. After 2^20 clocks the chip sees standstill, TPOWERDOWN
        later it steps down from IRUN to IHOLD, 2^18 clocks times IHOLDDELAY a step (sections 5.2, 9).
        """
        if not self.power_stage_on:
            return 0.0
        full_v = _FULL_SCALE_V[self.registers[CHOPCONF] >> 17 & 1]
        return (self._current_setting(moving, idle_s) + 1) / 32 * full_v / (self.sense_ohm + _INNER_OHM) / sqrt(2)

    def _current_setting(self, moving: bool, idle_s: float) -> int:
        value = self.registers[IHOLD_IRUN]
        hold, run, delay = value & 31, value >> 8 & 31, value >> 16 & 15
        if moving or not self._reduction_enabled():
            return run
        clocks = idle_s * CLOCK_HZ - _STANDSTILL_CLOCKS - self.registers[TPOWERDOWN] * _POWERDOWN_CLOCKS
        if clocks < 0:
            return run
        steps = int(clocks / (delay * _POWERDOWN_CLOCKS)) if delay else 32
        return max(hold, run - steps) if run > hold else hold

    def _reduction_enabled(self) -> bool:
        # Section 4.1: without pdn_disable the pin decides, and an idle UART holds it high.
        return bool(self.registers[GCONF] >> 6 & 1) or not self.pdn_uart

    def moved(self, microsteps: int, t_ns: int, period_ns: int = 0) -> None:
        """The STEP pin asked for `microsteps` (signed) since the last report; the last one at `t_ns`."""
        if not microsteps:
            return
        sign = -1 if self.direction_inverted else 1
        step_256 = 256 // self.microsteps_per_full_step
        self._mscnt_256 = (self._mscnt_256 + sign * microsteps * step_256) % 1024
        self._last_step_ns = t_ns
        clocks = period_ns * CLOCK_HZ // 1_000_000_000 // step_256
        self._step_clocks = min(clocks, 0xF_FFFF) if period_ns else 0xF_FFFF

    def _enabled(self) -> bool:
        return not self._enable_n and bool(self.registers[CHOPCONF] & 15)

    def _thresholds_c(self) -> tuple[int, int]:
        return _OT_C[self.registers[FACTORY_CONF] >> 8 & 3]

    def warm(self, current_rms_a: float, seconds: float, ambient_c: float) -> None:
        """So long with so much current in each phase: the chip's own heat, which is not the motor's."""
        final_c = ambient_c + BOARD_K_W * (2 * current_rms_a**2 * BRIDGE_OHM + IDLE_W)
        self.temperature_c = final_c + (self._temperature_c - final_c) * exp(-seconds / (BOARD_K_W * BOARD_J_K))

    def _protect(self) -> None:
        """Let the protections see the present conditions (sections 5.5.3 and 13)."""
        off_c, warning_c = self._thresholds_c()
        if self._temperature_c >= off_c:
            self._overtemperature = True
        elif self._temperature_c < warning_c:
            self._overtemperature = False
        if not self._enabled():
            self._shorted_a = self._shorted_b = False
        elif not self._overtemperature and not self._undervoltage:
            self._shorted_a |= self._short_a
            self._shorted_b |= self._short_b
        if self._shorted_a or self._shorted_b or self._overtemperature:
            self._driver_error = True
        on = self.power_stage_on
        if on != self._stage_was_on:
            self._stage_was_on = on
            if self.on_stage is not None:
                self.on_stage()

    # ---- UART

    def receive(self, data: bytes, t_ns: int) -> list[tuple[int, bytes]]:
        """Take bytes off the wire; the first one's start bit was at `t_ns`, the rest follow without a gap.

        Returns what the chip sends, a byte at a time, each with the time at which its stop bit ends.
        """
        if self.silent:
            return []
        if self.babbling:
            return self._babble(t_ns + len(data) * BYTE_NS)
        answers: list[tuple[int, bytes]] = []
        for index, byte in enumerate(data):
            start_ns = t_ns + index * BYTE_NS
            reply = self._take(byte, start_ns)
            if reply:
                delay_bits = 8 * (self.registers.get(SLAVECONF, 0) >> 8 & 15 | 1)
                first_ns = start_ns + BYTE_NS + delay_bits * BIT_NS
                answers += [(first_ns + (i + 1) * BYTE_NS, bytes([b])) for i, b in enumerate(reply)]
        return answers

    def _babble(self, t_ns: int) -> list[tuple[int, bytes]]:
        count = self._random.randrange(1, 13)
        return [(t_ns + (i + 1) * BYTE_NS, self._random.randbytes(1)) for i in range(count)]

    def _take(self, byte: int, start_ns: int) -> bytes | None:
        pause_ns = start_ns - self._heard_ns
        if pause_ns > _MIN_SENSED_BITS * BIT_NS or (
            self._lost and pause_ns - BYTE_NS >= _RECOVERY_BITS * BIT_NS
        ):
            self._frame.clear()
            self._lost = False
        self._heard_ns = start_ns
        if self._lost:
            return None
        self._frame.append(byte)
        if self._frame[0] & 0x0F != 0x05:  # no sync nibble: nothing to measure the baud rate from
            self._lost = True
            return None
        if len(self._frame) < 4 or (self._frame[2] & 0x80 and len(self._frame) < 8):
            return None
        frame = bytes(self._frame)
        self._frame.clear()
        if crc8(frame[:-1]) != frame[-1]:
            self._lost = True
            return None
        if frame[1] != self.address:
            return None
        if frame[2] & 0x80:
            self.write_register(frame[2] & 0x7F, int.from_bytes(frame[3:7], "big"))
            return None
        return self._reply(frame[2])

    def _reply(self, register: int) -> bytes:
        body = bytes([0x05, 0xFF, register]) + self.read_register(register).to_bytes(4, "big")
        return body + bytes([crc8(body) ^ (0xFF if self.bad_crc else 0)])

    # ---- registers

    def write_register(self, register: int, value: int) -> None:
        """A correct write datagram: counted in IFCNT, stored where the register can be written."""
        if self.stuck:
            return
        self.write_count = (self.write_count + 1) & 0xFF
        if register == GSTAT:
            if value & 1:
                self._reset_flag = False
            if value & 2:
                self._driver_error = False
        elif register in _WRITABLE_MASK:
            self.registers[register] = value & _WRITABLE_MASK[register]
        self._protect()

    def read_register(self, register: int) -> int:
        """What a read datagram of `register` gives now; write-only and unknown registers give 0."""
        if register in _STORED_READABLE:
            return self.registers[register]
        if register == GSTAT:
            return self._reset_flag | self._driver_error << 1 | self._undervoltage << 2 | self.false_status >> 8
        if register == IFCNT:
            return self.write_count
        if register == IOIN:
            pins = self._enable_n | self.ms1 << 2 | self.ms2 << 3 | self.diag << 4 | self.pdn_uart << 6
            return VERSION << 24 | pins
        if register == TSTEP:
            return 0xF_FFFF if self._standing() else self._step_clocks
        if register == MSCNT:
            return self._mscnt_256
        if register == MSCURACT:
            return self._phase_currents()
        return self._driver_status() | self.false_status & 0xFF if register == DRV_STATUS else 0

    def _standing(self) -> bool:
        if self._last_step_ns is None:
            return True
        return (self._heard_ns - self._last_step_ns) * CLOCK_HZ >= _STANDSTILL_CLOCKS * 1_000_000_000

    def _phase_currents(self) -> int:
        a = round(248 * sin(2 * pi * (self._mscnt_256 + 0.5) / 1024))
        b = round(248 * sin(2 * pi * (self._mscnt_256 + 256.5) / 1024))
        return a & 0x1FF | (b & 0x1FF) << 16

    def _driver_status(self) -> int:
        """DRV_STATUS, section 5.5.3. Open load shows only while the stage drives the coils."""
        on = self.power_stage_on
        standing = self._standing()
        idle_s = _LONG_S if self._last_step_ns is None else (self._heard_ns - self._last_step_ns) / 1e9
        warning = self._temperature_c >= self._thresholds_c()[1]
        value = int(warning) | self._overtemperature << 1 | self._shorted_a << 2 | self._shorted_b << 3
        value |= (on and self.open_load_a) << 6 | (on and self.open_load_b) << 7
        for bit, limit_c in enumerate((120, 143, 150, 157)):
            value |= (self._temperature_c >= limit_c) << 8 + bit
        value |= self._current_setting(not standing, idle_s) << 16
        stealth = not self.registers[GCONF] >> 2 & 1
        return value | stealth << 30 | standing << 31
