"""TMC2209 stepper driver: configuration and status over its one-wire UART, in steps that never wait.

Invariants:
- `poll()` neither waits nor allocates; it may run between strokes.
- Every byte sent comes back first (one wire) and must come back unchanged.
- A fault flag is cleared only by a complete answer with a good CRC from the register that was asked; after
  any error all fault flags stand raised and `valid` is False.
- Every configuration write is confirmed by IFCNT, and at the end GSTAT must show no reset since.
- Either request ends with all flags new: decoded from one good pair of answers, or all raised.

Sections cited are those of the TMC2209 datasheet rev. 1.03.
"""

from micropython import const

# Results of a request
IDLE = const(0)  # nothing asked yet
BUSY = const(1)  # keep calling poll()
OK = const(2)
SILENT = const(3)  # no answer in time: unpowered, unplugged, or another address
BAD_CRC = const(4)
BAD_ECHO = const(5)  # our own bytes did not come back, or somebody else talks
BAD_REPLY = const(6)  # a sound datagram, but not the answer to what was asked
WRITE_LOST = const(7)  # IFCNT did not count the write, or the chip was reset while being configured
WRONG_CHIP = const(8)  # IOIN.VERSION is not a TMC2209's
NAMES = (
    "idle", "busy", "ok", "silent", "bad crc", "bad echo", "bad reply", "write lost", "wrong chip",
)  # fmt: skip

_GCONF = const(0x00)
_GSTAT = const(0x01)
_IFCNT = const(0x02)
_IOIN = const(0x06)
_DRV_STATUS = const(0x6F)
_VERSION = const(0x21)  # section 5.1, IOIN
_WRITE = const(0x80)
_SYNC = const(0x05)
_MASTER = const(0xFF)

# Register and its four bytes, high first. GSTAT is cleared first, so that a reset at any later moment shows
# in it again. With 330 mOhm sense resistors IRUN 26 is 0.55 A rms in each phase and IHOLD 10 is 0.23 A (section 9):
# (CS + 1) / 32 * 0.325 V / (0.33 + 0.02 ohm) / sqrt(2).
_CONFIG = bytes((
    0x01, 0x00, 0x00, 0x00, 0x07,  # GSTAT: write 1 to clear reset, drv_err, uv_cp
    0x22, 0x00, 0x00, 0x00, 0x00,  # VACTUAL 0: only the STEP pin moves the motor
    0x00, 0x00, 0x00, 0x01, 0xC4,  # GCONF: en_SpreadCycle, pdn_disable, mstep_reg_select, multistep_filt
    0x6C, 0x14, 0x01, 0x00, 0x53,  # CHOPCONF: intpol, MRES 1/16, TBL 2, HSTRT 5, TOFF 3
    0x10, 0x00, 0x08, 0x1A, 0x0A,  # IHOLD_IRUN: IHOLDDELAY 8, IRUN 26, IHOLD 10
    0x11, 0x00, 0x00, 0x00, 0x14,  # TPOWERDOWN 20: 0.44 s at 12 MHz until the hold current
    0x13, 0x00, 0x00, 0x00, 0x00,  # TPWMTHRS 0
    0x14, 0x00, 0x00, 0x00, 0x00,  # TCOOLTHRS 0: no CoolStep, no stall output on DIAG
    0x42, 0x00, 0x00, 0x00, 0x00,  # COOLCONF 0
))  # fmt: skip
_LAST_COUNT = const(19)  # exchanges: IOIN, IFCNT, a write and its IFCNT each, then a status

_TICKS_MASK = const(0x3FFFFFFF)
_EXCHANGE_TIMEOUT_US = const(2500)  # a read takes 1.11 ms at 115200 baud with the default SENDDELAY
_QUIET_US = const(700)  # section 4.1.1: 63 bit times reset the receiver, 12 more to recover; 75 bits
_NEVER_QUIET_US = const(6000)
_CHUNK = const(20)

_NONE = const(0)
_STATUS = const(1)
_CONFIGURE = const(2)

_STOPPED = const(0)
_SETTLING = const(1)
_EXCHANGING = const(2)


def _crc_table():
    # Section 4.2: CRC8 with x^8 + x^2 + x + 1, least significant bit first. Kept bit-reversed here, which
    # makes a byte one look-up; `_crc` turns the result round.
    table = bytearray(256)
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc >> 1) ^ (0xE0 if crc & 1 else 0)
        table[value] = crc
    return table


_TABLE = _crc_table()
_REVERSED = b"\x00\x08\x04\x0c\x02\x0a\x06\x0e\x01\x09\x05\x0d\x03\x0b\x07\x0f"


def _crc(buf: bytearray, size: int) -> int:
    crc = 0
    for i in range(size):
        crc = _TABLE[crc ^ buf[i]]
    return _REVERSED[crc & 15] << 4 | _REVERSED[crc >> 4]


class Tmc2209:
    """One TMC2209 on a UART of 115200 baud whose TX and RX share the wire.

    Ask with `request_status()` or `configure_begin()`, then call `poll(now_us)` while `needs_poll` is true:
    every 1 ms is enough, later only delays the result (the UART must buffer 12 bytes). `needs_poll` is true
    from a request until its result stands in `status`; while it is false `poll()` may be called but does
    nothing. A status request holds the wire for 2.3 ms, a configuration for 19 ms (37 ms polled every 1 ms).
    The first request, and one after an error, waits for 0.7 ms of silence first.

    Results: `status` (a code above), `configured` (a configuration went through and no reset was seen since),
    `valid` (the flags come from good answers) and, from the last finished request of either kind, the flags
    `reset_seen overtemp overtemp_warning short open_load undervoltage driver_error standstill` (0 or 1).
    `open_load` is a hint: it can be false at standstill and at high speed (section 5.5.3). After
    `reset_seen` the chip has its power-on registers until `configure_begin()` has gone through.
    """

    def __init__(self, uart, address: int = 3):
        """`address` is 0..3, as MS1 (bit 0) and MS2 (bit 1) are strapped (section 4.1)."""
        if not 0 <= address <= 3:
            raise ValueError("TMC2209 address must be 0..3")
        self._uart = uart
        self._tx = bytearray(8)
        self._tx[0] = _SYNC
        self._tx[1] = address
        self._tx_read = memoryview(self._tx)[:4]
        self._rx = bytearray(8)
        self._chunk = bytearray(_CHUNK)
        # A UART read of more than has arrived waits for the next character: read exact counts only.
        self._views = tuple([memoryview(self._chunk)[:size] for size in range(_CHUNK + 1)])
        self._job = _NONE
        self._state = _STOPPED
        self._index = 0
        self._sent = 0
        self._due = 0
        self._got = 0
        self._began_us = 0
        self._heard_us = 0
        self._settle = True
        self._count = 0
        self._drv_low = 0
        self._drv_high = 0
        self.status = IDLE
        self.configured = False
        self._raise_flags()

    @property
    def needs_poll(self) -> bool:
        return self.status == BUSY

    def request_status(self):
        """Begin reading DRV_STATUS and GSTAT. A request under way is abandoned."""
        self._begin(_STATUS)

    def configure_begin(self):
        """Begin writing all registers, each confirmed, then read the status.

        Clears reset and drv_err in the chip. `configured` turns true only when `status` becomes OK.
        """
        self.configured = False
        self._begin(_CONFIGURE)

    def poll(self, now_us: int) -> int:
        """Go on as far as the bytes that have arrived allow; return `status`. `now_us`: 30-bit ticks."""
        if self.status != BUSY:
            return self.status
        if self._state == _EXCHANGING:
            self._receive(now_us)
        elif self._state == _SETTLING:
            self._await_quiet(now_us)
        else:
            self._start_exchange(now_us)
        return self.status

    def _begin(self, job: int):
        if self.status == BUSY:
            self._settle = True  # the abandoned answer may still be on the wire
        self._job = job
        self._index = 0
        self._state = _STOPPED
        self.status = BUSY

    def _start_exchange(self, now_us: int):
        if self._settle or self._uart.any():
            self._settle = False
            self._state = _SETTLING
            self._began_us = now_us
            self._heard_us = now_us
            return
        self._send(now_us)

    def _await_quiet(self, now_us: int):
        if self._drain():
            self._heard_us = now_us
            if (now_us - self._began_us) & _TICKS_MASK > _NEVER_QUIET_US:
                self._fail(BAD_ECHO)
        elif (now_us - self._heard_us) & _TICKS_MASK >= _QUIET_US:
            self._send(now_us)

    def _drain(self) -> int:
        waiting = self._uart.any()
        if waiting:
            self._uart.readinto(self._views[min(waiting, _CHUNK)])
        return waiting

    def _send(self, now_us: int):
        tx = self._tx
        register = self._register()
        tx[2] = register
        if register & _WRITE:
            at = ((self._index - 2) >> 1) * 5
            for i in range(1, 5):
                tx[2 + i] = _CONFIG[at + i]
            tx[7] = _crc(tx, 7)
            self._sent = 8
            self._due = 8
            self._uart.write(tx)
        else:
            tx[3] = _crc(tx, 3)
            self._sent = 4
            self._due = 12
            self._uart.write(self._tx_read)
        self._got = 0
        self._began_us = now_us
        self._state = _EXCHANGING

    def _register(self) -> int:
        index = self._index
        if self._job == _STATUS:
            return _GSTAT if index else _DRV_STATUS
        if index == 0:
            return _IOIN
        if index > _LAST_COUNT:
            return _DRV_STATUS if index == _LAST_COUNT + 1 else _GSTAT
        if index & 1:
            return _IFCNT
        return _WRITE | _CONFIG[((index - 2) >> 1) * 5]

    def _receive(self, now_us: int):
        waiting = self._uart.any()
        if waiting:
            count = self._uart.readinto(self._views[min(waiting, _CHUNK)])
            if count:
                self._accept(count)
            if self.status != BUSY:
                return
            if self._got == self._due:
                self._finish_exchange(now_us)
                return
        if (now_us - self._began_us) & _TICKS_MASK > _EXCHANGE_TIMEOUT_US:
            if self._got < self._sent:
                self._fail(BAD_ECHO)
            else:
                self._fail(SILENT if self._got == self._sent else BAD_REPLY)

    def _accept(self, count: int):
        got = self._got
        for i in range(count):
            byte = self._chunk[i]
            if got < self._sent:
                if byte != self._tx[got]:
                    self._fail(BAD_ECHO)
                    return
            elif got < self._due:
                self._rx[got - self._sent] = byte
            else:
                self._fail(BAD_REPLY if self._due > self._sent else BAD_ECHO)
                return
            got += 1
        self._got = got

    def _finish_exchange(self, now_us: int):
        if self._due > self._sent:
            rx = self._rx
            if rx[7] != _crc(rx, 7):
                self._fail(BAD_CRC)
                return
            if rx[0] != _SYNC or rx[1] != _MASTER or rx[2] != self._tx[2]:
                self._fail(BAD_REPLY)
                return
        self._state = _STOPPED
        if self._job == _STATUS:
            self._status_answer()
        else:
            self._configure_answer()
        if self.status == BUSY:
            self._index += 1
            self._start_exchange(now_us)

    def _status_answer(self):
        if self._index == 0:
            self._keep_drv_status()
        else:
            self._decode()

    def _keep_drv_status(self):
        self._drv_low = self._rx[6]
        self._drv_high = self._rx[3]

    def _decode(self):
        # GSTAT is read last, so that no reset before it goes unseen.
        gstat = self._rx[6]
        low = self._drv_low
        self.reset_seen = gstat & 1
        self.driver_error = gstat >> 1 & 1
        self.undervoltage = gstat >> 2 & 1
        self.overtemp_warning = low & 1  # section 5.5.3 for this and the next lines
        self.overtemp = low >> 1 & 1
        self.short = 1 if low & 0x3C else 0
        self.open_load = 1 if low & 0xC0 else 0
        self.standstill = self._drv_high >> 7
        self.valid = True
        if gstat & 1:
            self.configured = False
        self.status = OK

    def _configure_answer(self):
        index = self._index
        value = self._rx[6]
        if index == 0:
            if self._rx[3] != _VERSION:
                self._fail(WRONG_CHIP)
        elif index == 1:
            self._count = value
        elif index == _LAST_COUNT + 1:
            self._keep_drv_status()
        elif index > _LAST_COUNT:
            if value & 1:
                self._fail(WRITE_LOST)
            else:
                self.configured = True
                self._decode()
        elif index & 1:
            self._count = (self._count + 1) & 255
            if value != self._count:
                self._fail(WRITE_LOST)

    def _fail(self, code: int):
        self._state = _STOPPED
        self._settle = True
        self._raise_flags()
        self.status = code

    def _raise_flags(self):
        self.valid = False
        self.reset_seen = 1
        self.driver_error = 1
        self.undervoltage = 1
        self.overtemp_warning = 1
        self.overtemp = 1
        self.short = 1
        self.open_load = 1
        self.standstill = 0
