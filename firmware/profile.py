"""Step tables of a pen, planned in integers once at boot. Pure.

Invariants:
- The needles are braked on the way out no harder than the carriage brakes by itself when nothing drives it
  (the coast limit), so that a drive lost at any moment leaves them short of the depth.
- At every cycle the staircase of steps is within half a microstep of an ideal motion within the limits.
- A microstep of a cruise takes a whole number of cycles, so that no cruise drifts, however long it is.

Its code is needed once, before the pen is built; `gears` holds what it made, and says what the tables are.
"""

import struct
from array import array
from binascii import crc32

from gears import Gears, InGear, OutGear
from gears_file import MAGIC
from micropython import const
from ramps import STEP_UM_X4, Brake, Ramp, isqrt

OUT_GEARS = const(12)  # at most
IN_GEARS = const(6)
SETTLE_CYCLES = const(250000)  # outward, between ramp and braking at least: 2 ms for the carriage's swing to die down
SHORTEST_STEPS = const(160)  # every stroke from 0.2 mm of travel on has a gear
TABLE_BYTES_MAX = const(16384)


def _out_gear(ramp, brake, word):
    period = ramp.cruise_cycles
    steps = ramp.steps
    down_steps = brake.edges(period)
    gear = OutGear(
        steps, word(period, True), period, ramp.t1, brake.lost_cycles(period), down_steps,
        brake.full_edges(period) - 1, _least_out_steps(ramp, brake))
    up = _room(steps + 1)
    ramp.edges(up, brake.late(period))
    # as if it were the only microstep of the cruise
    up[steps] = period * (2 * steps + 1) + gear.lost_cycles - brake.cruise_edge(0, period)
    gear.up = _words(up, 0, word, True)
    start = brake.cruise_edge(down_steps, period)
    bend = _room(down_steps - gear.tail_steps)
    for k in range(len(bend) - 1):
        bend[k] = start - brake.bend_edge(down_steps - 1 - k, period)
    bend[len(bend) - 1] = start - brake.edge(gear.tail_steps)
    gear.bend = _words(bend, 0, word, True)
    return gear


def _in_gear(ramp, turn_cycles, word):
    period = ramp.cruise_cycles
    steps = ramp.steps
    gear = InGear(steps, word(period, False), period, ramp.t1)
    up = _room(steps + 1)
    down = _room(steps)
    ramp.edges(up)
    start = ramp.cycles + period // 2
    for k in range(steps):
        # mirrored, the first cycle past the half microstep is the last one before it
        down[steps - 1 - k] = start - up[k] + (0 if ramp.whole(k + 1, up[k]) else 1)
    up[steps] = ramp.cycles + period - period // 2
    gear.up = _words(up, -turn_cycles, word, False)
    gear.down = _words(down, 0, word, False)
    return gear


def _least_out_steps(ramp, brake):
    period = ramp.cruise_cycles
    return ramp.steps + 1 + SETTLE_CYCLES // period + brake.edges(period)


def _room(count):
    return array("I", bytes(4 * count))


def _words(edges, start, word, outward):
    """Turn edges, in cycles, into the words of the gaps between them, in place."""
    for k in range(len(edges) - 1, 0, -1):
        edges[k] = word(edges[k] - edges[k - 1], outward)
    edges[0] = word(edges[0] - start, outward)
    return edges


def _spread(least, most, count):
    """Lengths of ramps from least to most, closer together where they are short: equal steps of their roots."""
    low = isqrt(least << 16)
    high = isqrt(most << 16)
    last = max(1, count - 1)
    return [max(1, (low + (high - low) * i // last) ** 2 >> 16) for i in range(count - 1)] + [most]


def planned(speed_um_s: int, accel_um_s2: int, jerk_um_s3: int, coast_um_s2: int, word) -> Gears:
    """The gears of a pen with these limits, in um/s, um/s^2, um/s^3.

    `word(cycles, outward)` makes the step generator's word. ValueError if no ramp keeps to the limits, or the tables
    would need more than TABLE_BYTES_MAX.
    """
    ramp_us = 1000000 * speed_um_s // accel_um_s2 + 1000000 * accel_um_s2 // jerk_um_s3
    top_steps = speed_um_s * ramp_us * 4 // (2000000 * STEP_UM_X4)
    if top_steps < 2:
        raise ValueError("no ramp fits these limits")
    limits = (speed_um_s, accel_um_s2, jerk_um_s3)
    coast_um_s2 = _coast(speed_um_s, accel_um_s2, jerk_um_s3, coast_um_s2)
    brake = Brake(coast_um_s2, jerk_um_s3)
    top_period = Ramp(top_steps, limits).cruise_cycles
    tail = _braking(brake, top_period, word)
    turn_cycles = brake.edge(0)
    lengths = _spread(min(SHORTEST_STEPS // 2 - 1, top_steps), top_steps, IN_GEARS)
    in_gears = [_in_gear(Ramp(steps, limits), turn_cycles, word) for steps in lengths]
    left = TABLE_BYTES_MAX // 4 - len(tail) - sum([2 * gear.steps + 2 for gear in in_gears])
    out_gears = []
    for steps in _out_lengths(brake, top_steps, top_period, limits, coast_um_s2, left):
        ramp = Ramp(steps, limits)
        if brake.full_edges(ramp.cruise_cycles) > 1:  # else too slow for a braking of this jerk
            out_gears.append(_out_gear(ramp, brake, word))
    if not out_gears:
        raise ValueError("no ramp fits these limits")
    return Gears(tail, out_gears, in_gears)


def planned_for(limits, word) -> Gears:
    """The gears of a pen with the limits of its record, as records.Motion gives them."""
    speed_um_s, accel_mm_s2, jerk_mm_s3, coast_mm_s2 = limits
    return planned(speed_um_s, accel_mm_s2 * 1000, jerk_mm_s3 * 1000, coast_mm_s2 * 1000, word)


def brake_of(speed_um_s: int, accel_um_s2: int, jerk_um_s3: int, coast_um_s2: int) -> Brake:
    """The outward braking that `planned` makes of these limits."""
    return Brake(_coast(speed_um_s, accel_um_s2, jerk_um_s3, coast_um_s2), jerk_um_s3)


def _coast(speed_um_s, accel_um_s2, jerk_um_s3, coast_um_s2):
    """At low speeds the jerk limit leaves no room to brake as hard as the carriage coasts."""
    return min(coast_um_s2, accel_um_s2, isqrt(jerk_um_s3 * speed_um_s // 2))


def written_down(gears: Gears, limits) -> bytes:
    """The gears as a file, which `gears_file.stored` reads; `limits` as there."""
    out_gears, in_gears = gears.out_gears, gears.in_gears
    parts = [struct.pack("<7I", *(tuple(limits) + (len(out_gears), len(in_gears), len(gears.tail))))]
    for gear in out_gears:
        parts.append(struct.pack(
            "<10i", gear.steps, gear.cruise[0], gear.cruise_cycles, gear.jerk_cycles, gear.lost_cycles,
            gear.down_steps, gear.tail_steps, gear.least_steps, len(gear.up), len(gear.bend)))
    for gear in in_gears:
        parts.append(struct.pack(
            "<6i", gear.steps, gear.cruise[0], gear.cruise_cycles, gear.jerk_cycles, len(gear.up), len(gear.down)))
    parts.append(bytes(gears.tail))
    for gear in out_gears:
        parts += [bytes(gear.up), bytes(gear.bend)]
    for gear in in_gears:
        parts += [bytes(gear.up), bytes(gear.down)]
    data = b"".join(parts)
    return struct.pack("<2I", MAGIC, crc32(data)) + data


def _braking(brake, top_period, word):
    """The tail: all edges that come while braking in full from the fastest cruise. The largest table goes first."""
    steps = max(1, brake.full_edges(top_period) - 1)
    tail = _room(steps)
    start = brake.edge(steps)
    for k in range(steps):
        tail[k] = start - brake.edge(steps - 1 - k)
    return _words(tail, 0, word, True)


def _out_lengths(brake, top_steps, top_period, limits, coast_um_s2, left):
    """As many gears as `left` words are enough for, the slowest good for the shortest stroke."""
    _, accel_um_s2, _ = limits
    least = max(1, min(SHORTEST_STEPS * coast_um_s2 // (accel_um_s2 + coast_um_s2), top_steps))
    while least > 1 and _least_out_steps(Ramp(least, limits), brake) > SHORTEST_STEPS:
        least -= 1
    bend = brake.edges(top_period) - brake.full_edges(top_period) + 2
    for count in range(OUT_GEARS, 1, -1):
        lengths = _spread(least, top_steps, count)
        if sum(lengths) + count * (2 + bend) <= left:
            return lengths
    raise ValueError("no room for the step tables of these limits")
