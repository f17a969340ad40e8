"""The filesystem in flash as one object: what the archive is given on the pen. Tests give it another."""

from os import ilistdir, mkdir, remove, rename  # noqa: F401

open = open
