"""What all pages of the panel share: their numbers, tones, and how they write lines and lengths."""

import buttons
from micropython import const
from session import EJECT_OUT

BOOT = const(0)
FAULT = const(1)
HOMING = const(2)
INSERT = const(3)
ZONE = const(4)
INDICATION = const(5)
QUESTION = const(6)
CONFIRM = const(7)
MARKING = const(8)
SESSION = const(9)
SUMMARY = const(10)
AFTERCARE = const(11)
CODE = const(12)  # a supervisor's code is entered
NOTICE = const(13)  # why something cannot be, and what to do
GLIDE = const(14)  # glide more slowly than usual
CLIENT = const(15)  # the client's number is entered
COURSE = const(16)  # which sitting of a course this is
GAUGE = const(17)  # the pen is being calibrated

SHORT_HZ = const(2400)
LOW_HZ = const(700)
ALARM_HZ = const(1500)


# Whether the cartridge may be taken out, by session.EJECT_...
EJECT_TEXTS = ("Safe to eject", "Do not remove: moving", "Do not remove: out", "Do not remove: unsure")


def eject_text(session) -> str:
    """What a page says of the cartridge and of the carriage that carries it."""
    if session.present:
        return EJECT_TEXTS[session.eject()]
    return "Carriage is out" if session.eject() == EJECT_OUT else ""


def mm(um: int) -> str:
    """Millimetres with two decimals, as every page shows them."""
    return "%d.%02d" % (um // 1000, um % 1000 // 10)


def draw_lines(screen, lines, first: int, end: int = 7):
    """Rows `first` up to `end`, the ones without a line blank."""
    for row in range(first, end):
        screen.line(row, lines[row - first] if row - first < len(lines) else "")


def direction(keys) -> int:
    """+1 for UP, -1 for DOWN, 0 for neither."""
    if keys.up == buttons.PRESS or keys.up == buttons.REPEAT:
        return 1
    if keys.down == buttons.PRESS or keys.down == buttons.REPEAT:
        return -1
    return 0
