"""Reads the file of the step tables, once: it is dropped then.

`profile` plans the tables, and writes them down as the file that `stored` reads: a magic number, the CRC-32 of all that
follows, the four limits they are for, how many gears there are out and in, and the steps of the tail; a row for each
gear, its fields in order and the steps of its two tables; then the words of all tables. 32 bits each, little endian.
"""

import struct
from array import array
from binascii import crc32

from gears import Gears, InGear, OutGear
from micropython import const

MAGIC = const(0x31524147)  # "GAR1"
HEAD_WORDS = const(9)


def stored(data, limits):
    """The gears that a file's bytes hold, or None unless they are whole and made for these limits.

    `limits`: speed in um/s, acceleration in mm/s^2, jerk in mm/s^3, deceleration of a coast in mm/s^2.
    """
    if data is None or len(data) < 4 * HEAD_WORDS:
        return None
    head = struct.unpack_from("<9I", data, 0)
    if head[0] != MAGIC or head[1] != crc32(memoryview(data)[8:]) or head[2:6] != tuple(limits):
        return None
    at = 4 * HEAD_WORDS
    out_rows = [struct.unpack_from("<10i", data, at + 40 * i) for i in range(head[6])]
    at += 40 * head[6]
    in_rows = [struct.unpack_from("<6i", data, at + 24 * i) for i in range(head[7])]
    at += 24 * head[7]
    counts = [head[8]]
    for row in out_rows + in_rows:
        counts += row[-2:]
    tables = _tables(data, at, counts)
    tail = next(tables)
    out_gears = []
    for row in out_rows:
        gear = OutGear(*row[:-2])
        gear.up, gear.bend = next(tables), next(tables)
        out_gears.append(gear)
    in_gears = []
    for row in in_rows:
        gear = InGear(*row[:-2])
        gear.up, gear.down = next(tables), next(tables)
        in_gears.append(gear)
    return Gears(tail, out_gears, in_gears)


def _tables(data, at, counts):
    for count in counts:
        yield array("I", data[at : at + 4 * count])
        at += 4 * count
