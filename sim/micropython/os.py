"""The simulator's `os`: the chip's files, which lie in the simulated flash."""

import _link
import _ops
from _files import vfs


def ilistdir(path):
    return vfs.root.ilistdir(path)


def mkdir(path):
    vfs.root.mkdir(path)


def remove(path):
    vfs.root.remove(path)


def rmdir(path):
    vfs.root.rmdir(path)


def rename(old, new):
    vfs.root.rename(old, new)


def stat(path):
    return vfs.root.stat(path)


def statvfs(path):
    return vfs.root.statvfs(path)


def urandom(count):
    """Bytes of the chip's ring oscillator; here from the world's seed, so that a run repeats itself."""
    buf = bytearray(count)
    _link.recv(_ops.RANDOM, 0, buf)
    return bytes(buf)
