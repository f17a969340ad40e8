"""The supervisor's code: a row of presses that unlocks a zone's higher cap, and how often it may be guessed.

Pure. The pen keeps a salt and a part of the hash of salt and presses, never the code. That keeps the code from
being read off a dump of the memory, not from being searched for by whoever has one: there are 6561 codes. Against
guessing at the panel stands the count: WRONG_MAX wrong codes lock the unlock until the pen is restarted.
"""

import hashlib

from micropython import const

CODE_PRESSES = const(8)
WRONG_MAX = const(3)
SALT_BYTES = const(8)
HASH_BYTES = const(16)

# One press of a code, as in b"USDDUSUU"
UP = const(85)
SELECT = const(83)
DOWN = const(68)

# What a press, or asking for the page, came to
MORE = const(0)  # further presses are awaited
RIGHT = const(1)
WRONG = const(2)
NO_CODE = const(3)
LOCKED = const(4)


def check_code(presses):
    """ValueError unless `presses` are CODE_PRESSES of U, S and D."""
    if len(presses) != CODE_PRESSES:
        raise ValueError("a supervisor's code has %d presses, got %d" % (CODE_PRESSES, len(presses)))
    for press in presses:
        if press != UP and press != SELECT and press != DOWN:
            raise ValueError("a supervisor's code is made of U (up), S (select) and D (down)")


def hashed(salt, presses) -> bytes:
    """What the pen keeps of a code. ValueError for a wrong length or a press that is none."""
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt has %d bytes, got %d" % (SALT_BYTES, len(salt)))
    check_code(presses)
    return hashlib.sha256(bytes(salt) + bytes(presses)).digest()[:HASH_BYTES]


class Lock:
    """Takes a code press by press. `wrong` counts wrong codes since the start of the pen."""

    def __init__(self):
        self.wrong = 0
        self._salt = b""
        self._hash = b""
        self._entered = bytearray(CODE_PRESSES)
        self.count = 0

    def set(self, salt, kept):
        """What the settings hold; empty without a code. Does not forget wrong codes."""
        self._salt = bytes(salt)
        self._hash = bytes(kept)
        self.count = 0

    def begin(self) -> int:
        """Start anew: MORE, or why no code can be entered (NO_CODE, LOCKED)."""
        self.count = 0
        if len(self._salt) != SALT_BYTES or len(self._hash) != HASH_BYTES:
            return NO_CODE
        return LOCKED if self.wrong >= WRONG_MAX else MORE

    def press(self, symbol: int) -> int:
        """One press (UP, SELECT or DOWN, else ValueError): MORE, and with the last one RIGHT, WRONG or LOCKED."""
        if symbol != UP and symbol != SELECT and symbol != DOWN:
            raise ValueError("no such press: %r" % (symbol,))
        if self.count == 0:
            answer = self.begin()
            if answer != MORE:
                return answer
        self._entered[self.count] = symbol
        self.count += 1
        if self.count < CODE_PRESSES:
            return MORE
        self.count = 0
        if hashed(self._salt, self._entered) == self._hash:
            return RIGHT
        self.wrong += 1
        return LOCKED if self.wrong >= WRONG_MAX else WRONG
