"""Who may do more than read: a challenge answered with the pen's key while SELECT is held on the pen.

Pure. Anyone may read. What a technician may do is open after a right answer, and closes by itself: after TIMEOUT_MS
without such a command, with the host gone, with a session, with a restart. A wrong answer makes the next try wait, each
time twice as long; nothing else waits. Only for a pen at rest: it allocates.
"""

import hashlib

import ticks
from micropython import const

KEY_BYTES = const(32)
NONCE_BYTES = const(16)
ANSWER_CHARS = const(64)  # HMAC-SHA256 in hexadecimal
NONCE_MS = const(60000)
TIMEOUT_MS = const(600000)
WAIT_MS = const(2000)
WAIT_MOST_MS = const(64000)

_BLOCK = const(64)

# What became of the access; `a` of the event, only ever append
GRANTED = const(1)
WRONG = const(2)
CLOSED = const(3)


def hmac_sha256(key, message) -> bytes:
    """RFC 2104 with SHA-256; `key` of at most 64 bytes, else ValueError."""
    if len(key) > _BLOCK:
        raise ValueError("a key has at most %d bytes, got %d" % (_BLOCK, len(key)))
    padded = bytearray(_BLOCK)
    padded[: len(key)] = key
    for i in range(_BLOCK):
        padded[i] ^= 0x36
    inner = hashlib.sha256(padded)
    inner.update(message)
    for i in range(_BLOCK):
        padded[i] ^= 0x36 ^ 0x5C
    outer = hashlib.sha256(padded)
    outer.update(inner.digest())
    return outer.digest()


def equal(a, b) -> bool:
    """Whether two runs of bytes are the same, in a time that does not tell where they differ."""
    if len(a) != len(b):
        return False
    different = 0
    for i in range(len(a)):
        different |= a[i] ^ b[i]
    return different == 0


class Access:
    """`open`: a technician has proven the key. `wrong`: wrong answers since the start. `report(a)` hears of changes."""

    def __init__(self, report):
        self._report = report
        self._key = b""
        self._nonce = b""
        self._told_ms = 0
        self._muted = False  # since the last right answer
        self._mute_ms = 0
        self._wait_ms = 0
        self._wait_from_ms = 0
        self._used_ms = 0
        self._count = 0
        self.open = False
        self.wrong = 0

    def set_key(self, key):
        """The pen's key, empty for a pen that has none."""
        self._key = bytes(key)

    def has_key(self) -> bool:
        return len(self._key) == KEY_BYTES

    def left_ms(self, now_ms: int) -> int:
        """How long the last wrong answer still makes everybody wait."""
        return max(0, self._wait_ms - ticks.diff(now_ms, self._wait_from_ms)) if self._wait_ms else 0

    def challenge(self, random, now_ms: int) -> bytes:
        """A fresh nonce: of `random` (fresh bytes), of the one before and of a count, so that none comes twice."""
        self._count += 1
        mixed = hashlib.sha256(self._nonce)
        mixed.update(random)
        mixed.update(b"%d" % self._count)
        self._nonce = mixed.digest()[:NONCE_BYTES]
        self._told_ms = now_ms
        if not self._muted:
            self._muted = True
            self._mute_ms = now_ms
        return self._nonce

    def asked(self, now_ms: int) -> bool:
        """A challenge waits for its answer."""
        return len(self._nonce) == NONCE_BYTES and 0 <= ticks.diff(now_ms, self._told_ms) <= NONCE_MS

    def mutes(self, now_ms: int) -> bool:
        """SELECT is for the answer alone: for NONCE_MS from the first challenge, until one was answered rightly.

        However often a host asks, it takes the button away from the pen's user only once.
        """
        return self.asked(now_ms) and 0 <= ticks.diff(now_ms, self._mute_ms) <= NONCE_MS

    def answer(self, given, now_ms: int) -> bool:
        """Whether `given` (32 bytes) answers the last challenge; that one is used up whatever it was."""
        fresh = self.asked(now_ms)
        wanted = hmac_sha256(self._key, self._nonce)
        self._nonce = hashlib.sha256(self._nonce).digest()  # longer than a nonce: no answer fits it
        if self.has_key() and fresh and equal(wanted, given):
            self.open = True
            self._muted = False
            self._wait_ms = 0
            self._used_ms = now_ms
            self._report(GRANTED)
            return True
        self.wrong += 1
        self._wait_ms = min(WAIT_MOST_MS, 2 * self._wait_ms or WAIT_MS)
        self._wait_from_ms = now_ms
        self.close()
        self._report(WRONG)
        return False

    def used(self, now_ms: int):
        """A technician's command was done: the time begins anew."""
        self._used_ms = now_ms

    def watch(self, now_ms: int, host: bool, treating: bool):
        """Close it when its time is over, when no host is there, or when a treatment has begun."""
        if self.open and (treating or not host or ticks.diff(now_ms, self._used_ms) >= TIMEOUT_MS):
            self.close()

    def close(self):
        if self.open:
            self.open = False
            self._report(CLOSED)


def unhex(text, start: int, out) -> bool:
    """Two hexadecimal digits a byte from text[start:] into `out`; False for any other character."""
    for i in range(len(out)):
        high = _digit(text[start + 2 * i])
        low = _digit(text[start + 2 * i + 1])
        if high < 0 or low < 0:
            return False
        out[i] = high << 4 | low
    return True


def _digit(c):
    if 48 <= c <= 57:
        return c - 48
    if 97 <= c <= 102:
        return c - 87
    return c - 55 if 65 <= c <= 70 else -1
