"""What the small records mean: counters, settings, the last fault, and the ring of used cartridges.

Each class has `load(store) -> status` (store.OK ...) and `save(store)`. `load` fills the fields only on OK
and RECOVERED and leaves them as they were otherwise: what EMPTY or CORRUPT implies is the caller's choice.
"""

import struct

from micropython import const
from store import (
    CARTRIDGES,
    CLINIC,
    CORRUPT,
    COUNTERS,
    DATES,
    KEY,
    LAST_FAULT,
    MOTION,
    OK,
    RECOVERED,
    SETTINGS,
    capacity,
)
from supervisor import HASH_BYTES, SALT_BYTES, hashed

KEY_BYTES = const(32)
CLINIC_ZONES = const(13)  # as many as depth.ZONES
OPERATOR_BYTES = const(8)
ROM_BYTES = const(8)
RING_ROMS = const(120)

SESSION_LIMIT_MIN_S = const(60)
SESSION_LIMIT_MAX_S = const(3600)
DEPTH_LIMIT_MIN_UM = const(100)
DEPTH_LIMIT_MAX_UM = const(2500)
SPEED_MAX_UM_S = const(100000)
ACCEL_MAX_MM_S2 = const(20000)
JERK_MAX_MM_S3 = const(60000000)
COAST_MM_S2 = const(4000)
COAST_MIN_MM_S2 = const(1000)
RAMP_MAX_UM = const(280)  # 16 kB of step tables, and a gear for the shallowest stroke
BRAKE_MAX_UM = const(1600)  # the same: what braking on the way out may take


def _load(store, record_id, layout, layout_1=None, layout_2=None):
    """(status, values): values is None unless the payload is readable and has the size of `layout`.

    `layout_1` and `layout_2` are those of schema 1 and 2, for a record that has grown since.
    """
    payload = bytearray(capacity(record_id))
    status = store.read(record_id, payload)
    if status not in (OK, RECOVERED):
        return status, None
    if layout_1 is not None and store.schema == 1:
        layout = layout_1
    elif layout_2 is not None and store.schema == 2:
        layout = layout_2
    if store.length != struct.calcsize(layout):
        return CORRUPT, None
    return status, struct.unpack_from(layout, payload, 0)


class Counters:
    """Life of the pen: finished strokes and sessions, boots; `counted_session` makes counting idempotent."""

    _LAYOUT = "<IIII"

    def __init__(self):
        self.strokes = 0
        self.sessions = 0
        self.boots = 0
        self.counted_session = 0

    def load(self, store) -> int:
        status, values = _load(store, COUNTERS, self._LAYOUT)
        if values:
            self.strokes, self.sessions, self.boots, self.counted_session = values
        return status

    def save(self, store):
        store.write(
            COUNTERS,
            struct.pack(self._LAYOUT, self.strokes, self.sessions, self.boots, self.counted_session),
        )

    def add_session(self, session: int, strokes: int) -> bool:
        """Counts session number `session` once; False when it had been counted before."""
        if session <= self.counted_session:
            return False
        self.counted_session = session
        self.sessions += 1
        self.strokes += strokes
        return True


class Settings:
    """The clinic's choices. The initial values are the factory's and stand for an EMPTY record.

    Of the supervisor's code only `code_salt` and `code_hash` are kept, both empty without a code. `operator`: the tag
    of who works with the pen, empty for nobody. Schema 1 had neither, schema 2 no operator.
    """

    _LAYOUT = "<HHBB8s16s8s"
    _LAYOUT_2 = "<HHBB8s16s"
    _LAYOUT_1 = "<HHBB"

    def __init__(self):
        self.session_limit_s = 1800
        self.depth_limit_um = DEPTH_LIMIT_MAX_UM
        self.buzzer = 1
        self.code_salt = b""
        self.code_hash = b""
        self.operator = b""

    def load(self, store) -> int:
        status, values = _load(store, SETTINGS, self._LAYOUT, self._LAYOUT_1, self._LAYOUT_2)
        if not values:
            return status
        if not _settings_ok(values[0], values[1], values[2]):
            return CORRUPT
        salt = kept = b""
        if store.schema > 1:  # schema 1 had no code
            if values[3] > 1:
                return CORRUPT
            if values[3]:
                salt, kept = values[4], values[5]
        operator = values[6].rstrip(b"\0") if store.schema > 2 else b""
        if not _operator_ok(operator):
            return CORRUPT
        self.code_salt, self.code_hash, self.operator = salt, kept, operator
        self.session_limit_s, self.depth_limit_um, self.buzzer = values[0], values[1], values[2]
        return status

    def set_code(self, salt, presses):
        """Take a supervisor's code, 8 of b"USD", with a fresh random salt of 8 bytes; `save` keeps it.

        ValueError for anything else, and the code that was there stays.
        """
        kept = hashed(salt, presses)
        self.code_salt = bytes(salt)
        self.code_hash = kept

    def forget_code(self):
        self.code_salt = self.code_hash = b""

    def set_operator(self, tag):
        """Take an operator's tag, b"" for nobody; `save` keeps it. ValueError, and the one that was there stays, for
        more than 8 characters or any that is not printable ASCII or is a space."""
        tag = bytes(tag)
        if not _operator_ok(tag):
            raise ValueError("an operator's tag has up to 8 printable ASCII characters without spaces, not %r" % tag)
        self.operator = tag

    def save(self, store):
        """ValueError outside 60..3600 s, 100..2500 um, buzzer 0 or 1."""
        whole_code = (len(self.code_salt), len(self.code_hash)) in ((0, 0), (SALT_BYTES, HASH_BYTES))
        if not whole_code:
            raise ValueError("a supervisor's code is kept by a salt and a hash, or not at all")
        self.set_operator(self.operator)
        if not _settings_ok(self.session_limit_s, self.depth_limit_um, self.buzzer):
            found = f"{self.session_limit_s} s, {self.depth_limit_um} um, buzzer {self.buzzer}"
            raise ValueError("setting out of range: " + found)
        store.write(
            SETTINGS,
            struct.pack(
                self._LAYOUT, self.session_limit_s, self.depth_limit_um, self.buzzer, 1 if self.code_hash else 0,
                self.code_salt, self.code_hash, self.operator),
        )


def _operator_ok(tag):
    if len(tag) > OPERATOR_BYTES:
        return False
    for char in tag:
        if not 0x20 < char < 0x7F:
            return False
    return True


def _settings_ok(session_limit_s, depth_limit_um, buzzer):
    return (
        SESSION_LIMIT_MIN_S <= session_limit_s <= SESSION_LIMIT_MAX_S
        and DEPTH_LIMIT_MIN_UM <= depth_limit_um <= DEPTH_LIMIT_MAX_UM
        and buzzer in (0, 1)
    )


class Key:
    """The secret that pen and technician share: 32 bytes, empty for a pen that has none. It never leaves the pen.

    32 zeros stand for a key that was withheld from a copy of the memory, and are no key.
    """

    def __init__(self):
        self.key = b""

    def load(self, store) -> int:
        status, values = _load(store, KEY, "<32s")
        if not values:
            return status
        if not any(values[0]):
            return CORRUPT
        self.key = values[0]
        return status

    def save(self, store):
        """ValueError unless the key has 32 bytes that are not all zero; it is not in the message."""
        if len(self.key) != KEY_BYTES or not any(self.key):
            raise ValueError("a key has %d bytes, not all of them zero; got %d bytes" % (KEY_BYTES, len(self.key)))
        store.write(KEY, self.key)


class Clinic:
    """The clinic's own greatest depth for each zone, um. 2500 limits nothing, 0 forbids the zone.

    It stands beside the caps of depth.ZONES and never above them: whoever uses it takes the smaller.
    """

    _LAYOUT = "<13H"

    def __init__(self):
        self.limits_um = [DEPTH_LIMIT_MAX_UM] * CLINIC_ZONES

    def load(self, store) -> int:
        status, values = _load(store, CLINIC, self._LAYOUT)
        if not values:
            return status
        for limit_um in values:
            if not _clinic_ok(limit_um):
                return CORRUPT
        self.limits_um[:] = values
        return status

    def set(self, zone: int, limit_um: int):
        """One zone's limit; `save` keeps it. ValueError, and nothing changes, unless 0 or 100..2500 um."""
        if type(zone) is not int or not 0 <= zone < CLINIC_ZONES:
            raise ValueError("no zone number %r: 0..%d" % (zone, CLINIC_ZONES - 1))
        if type(limit_um) is not int or not _clinic_ok(limit_um):
            raise ValueError("a clinic's limit is 0 or 100..2500 um, not %r" % (limit_um,))
        self.limits_um[zone] = limit_um

    def save(self, store):
        """ValueError for anything that `set` would not take."""
        if len(self.limits_um) != CLINIC_ZONES:
            raise ValueError("a clinic's limits are %d, got %d" % (CLINIC_ZONES, len(self.limits_um)))
        for zone in range(CLINIC_ZONES):
            self.set(zone, self.limits_um[zone])
        store.write(CLINIC, struct.pack(self._LAYOUT, *self.limits_um))


def _clinic_ok(limit_um):
    return limit_um == 0 or DEPTH_LIMIT_MIN_UM <= limit_um <= DEPTH_LIMIT_MAX_UM


class Motion:
    """What this pen's mechanics may be asked for. The initial values are the reference pen's.

    Speed, acceleration and jerk are the most allowed. `coast_mm_s2` is what the carriage brakes by itself when nothing
    drives it, and the most that it is braked on the way out. Schema 1 had no such field: such a pen gets COAST_MM_S2.
    """

    _LAYOUT_1 = "<III"
    _LAYOUT = "<IIII"

    def __init__(self):
        self.speed_um_s = SPEED_MAX_UM_S
        self.accel_mm_s2 = ACCEL_MAX_MM_S2
        self.jerk_mm_s3 = JERK_MAX_MM_S3
        self.coast_mm_s2 = COAST_MM_S2

    def load(self, store) -> int:
        status, values = _load(store, MOTION, self._LAYOUT, self._LAYOUT_1)
        if not values:
            return status
        if len(values) == 3:
            values += (min(COAST_MM_S2, values[1]),)
        if not _motion_ok(*values):
            return CORRUPT
        self.speed_um_s, self.accel_mm_s2, self.jerk_mm_s3, self.coast_mm_s2 = values
        return status

    def limits(self):
        """Speed in um/s, acceleration in mm/s2, jerk in mm/s3, deceleration of a coast in mm/s2."""
        return self.speed_um_s, self.accel_mm_s2, self.jerk_mm_s3, self.coast_mm_s2

    def save(self, store):
        """ValueError outside 20..100 mm/s, 5..20 m/s2, 20000..60000 m/s3, a coast limit of 1 m/s2 to the acceleration,
        or with a ramp longer than RAMP_MAX_UM or a braking longer than BRAKE_MAX_UM."""
        values = self.limits()
        if not _motion_ok(*values):
            raise ValueError("motion limit out of range: %d um/s, %d mm/s2, %d mm/s3, coast %d mm/s2" % values)
        store.write(MOTION, struct.pack(self._LAYOUT, *values))


def _motion_ok(speed_um_s, accel_mm_s2, jerk_mm_s3, coast_mm_s2):
    # the lower ends keep every ramp long enough for its jerk phases (profile.planned)
    return (
        20000 <= speed_um_s <= SPEED_MAX_UM_S
        and 5000 <= accel_mm_s2 <= ACCEL_MAX_MM_S2
        and 20000000 <= jerk_mm_s3 <= JERK_MAX_MM_S3
        and COAST_MIN_MM_S2 <= coast_mm_s2 <= accel_mm_s2
        and _way_um(speed_um_s, accel_mm_s2, jerk_mm_s3) <= RAMP_MAX_UM
        and _way_um(speed_um_s, coast_mm_s2, jerk_mm_s3) <= BRAKE_MAX_UM
    )


def _way_um(speed_um_s, accel_mm_s2, jerk_mm_s3):
    """From rest to a speed, or back, rounded up."""
    us = 1000 * speed_um_s // accel_mm_s2 + 1000000 * accel_mm_s2 // jerk_mm_s3
    return -(-speed_um_s * us // 2000000)


class LastFault:
    """The fault that stopped the pen last: its code, and when by uptime and boot counter.

    `service_code` is the fault that has to be cleared by service, 0 for none: later faults and restarts leave it.
    A record of schema 1 is read as one without.
    """

    _LAYOUT = "<HHIHH"
    _LAYOUT_1 = "<HHI"

    def __init__(self):
        self.code = 0
        self.boot = 0
        self.uptime_ms = 0
        self.service_code = 0
        self.service_boot = 0

    def load(self, store) -> int:
        status, values = _load(store, LAST_FAULT, self._LAYOUT, self._LAYOUT_1)
        if values:
            self.code, self.boot, self.uptime_ms = values[0], values[1], values[2]
            self.service_code, self.service_boot = (values[3], values[4]) if store.schema > 1 else (0, 0)
        return status

    def save(self, store):
        store.write(
            LAST_FAULT,
            struct.pack(
                self._LAYOUT, self.code, self.boot & 0xFFFF, self.uptime_ms, self.service_code,
                self.service_boot & 0xFFFF),
        )


class Correction:
    """A technician said that dates on record are wrong: those of starts up to `boot`, and that of one calibration.

    `calibration_id`: 0 for none. `days`: the date that was set as right, since 2000-01-01; 0 when there was no such
    correction.
    """

    _LAYOUT = "<HHH"

    def __init__(self):
        self.boot = 0
        self.days = 0
        self.calibration_id = 0

    def load(self, store) -> int:
        status, values = _load(store, DATES, self._LAYOUT)
        if values:
            self.boot, self.days, self.calibration_id = values
        return status

    def save(self, store, boot: int, days: int, calibration_id: int):
        """OSError, and nothing changes, when the memory does not keep it."""
        store.write(DATES, struct.pack(self._LAYOUT, boot & 0xFFFF, days, calibration_id))
        self.boot, self.days, self.calibration_id = boot & 0xFFFF, days, calibration_id

    def counts(self, boot: int) -> bool:
        """Whether the dates that were recorded in this start are to be believed."""
        return not self.days or 0 < (boot - self.boot & 0xFFFF) < 0x8000


class CartridgeRing:
    """The last 120 cartridges used in this pen, by 8-byte ROM id. About 1 KB of heap."""

    def __init__(self):
        self._payload = bytearray(4 + RING_ROMS * ROM_BYTES)

    @property
    def count(self) -> int:
        return self._payload[2] | self._payload[3] << 8

    def load(self, store) -> int:
        """Status; the ring in memory is emptied first, so a failed load never leaves half a ring."""
        size = len(self._payload)
        self._payload = bytearray(size)
        read = bytearray(capacity(CARTRIDGES))
        status = store.read(CARTRIDGES, read)
        if status not in (OK, RECOVERED):
            return status
        after, count = struct.unpack_from("<HH", read, 0)
        if store.length != size or after >= RING_ROMS or count > RING_ROMS:
            return CORRUPT
        self._payload[:] = read[:size]
        return status

    def contains(self, rom) -> bool:
        """True when the 8-byte id `rom` is among the last 120 used."""
        return self._find(_checked(rom)) >= 0

    def add(self, store, rom) -> bool:
        """Puts `rom` on record, dropping the oldest when full; durable on return. False if it was there."""
        rom = _checked(rom)
        if self._find(rom) >= 0:
            return False
        after, count = struct.unpack_from("<HH", self._payload, 0)
        at = 4 + after * ROM_BYTES
        self._payload[at : at + ROM_BYTES] = rom
        struct.pack_into("<HH", self._payload, 0, (after + 1) % RING_ROMS, min(count + 1, RING_ROMS))
        store.write(CARTRIDGES, self._payload)
        return True

    def _find(self, rom):
        for i in range(self.count):
            at = 4 + i * ROM_BYTES
            if self._payload[at : at + ROM_BYTES] == rom:
                return i
        return -1


def _checked(rom):
    if len(rom) != ROM_BYTES:
        raise ValueError(f"a ROM id has 8 bytes, got {len(rom)}")
    return bytes(rom)
