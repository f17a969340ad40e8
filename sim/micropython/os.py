"""The simulator's `os`: the chip's files, which lie in the simulated flash."""

import _link
import _ops
from _files import filesystem

ilistdir = filesystem.ilistdir
mkdir = filesystem.mkdir
remove = filesystem.remove
rmdir = filesystem.rmdir
rename = filesystem.rename
stat = filesystem.stat
statvfs = filesystem.statvfs


def urandom(count):
    """Bytes of the chip's ring oscillator; here from the world's seed, so that a run repeats itself."""
    buf = bytearray(count)
    _link.recv(_ops.RANDOM, 0, buf)
    return bytes(buf)
