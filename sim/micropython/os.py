"""The simulator's `os`: the chip's files, which lie in the simulated flash."""

from _files import filesystem

ilistdir = filesystem.ilistdir
mkdir = filesystem.mkdir
remove = filesystem.remove
rename = filesystem.rename
stat = filesystem.stat
statvfs = filesystem.statvfs
