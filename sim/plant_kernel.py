"""The plant's equations of motion, skin, power and heat, compiled; one tick is 20 us, on a grid from t = 0.

Invariants: state lives in three arrays (s: floats, n: integers, p: constants of this pen); what a tick does
depends on them and on the pending edges alone, never on how far the caller asked to go. At rest the loop
leaps: its values follow in closed form from the tick at which rest began, so that cutting it changes nothing.
All compiled code is in one file, because numba's disk cache looks at the date of the caller's file alone.
"""

from math import exp, floor, sqrt

from numba import njit

TICK_NS = 20_000
TICK_S = 20e-6
TRACE_TICKS = 5
TREMOR_TICKS = 50  # the tremor is a polyline with a node per millisecond
FIELD_FILTER_S = 0.1e-3
FIELD_AT_REST_UM_S = 1.0
SLIP_PERIODS = 0.75  # past the unstable point (0.5), so that a swing about it counts once
WALL_N_UM = 20.0
WALL_NS_UM = 2.0e-3
DROPOUT_HYSTERESIS_MV = 200.0
UVLO_HYSTERESIS_MV = 300.0
LOGIC_OFF_MV = 3000.0
BLEED_OHM = 1000.0
RAIL_EMPTY_MV = 50.0

_F = iter(range(64))
X, V, TIP, FIELD, FIELD_V, FORCE, DIRECTION, RELAX = (next(_F) for _ in range(8))
RAIL, BATTERY, CHARGE_MAH, BATTERY_A, TEMP, HEAT_W = (next(_F) for _ in range(6))
MAX_TIP, PEAK_FORCE, GLIDE, DRAG = (next(_F) for _ in range(4))
TREMOR, TREMOR_SLOPE, REST_TEMP, REST_CHARGE = (next(_F) for _ in range(4))
SCALE, TORQUE_FACTOR, STEP_UM, AMBIENT, OCV, STAND_OFF, GLIDE_V, JAM_AT = (next(_F) for _ in range(8))
FLOATS = next(_F)

_N = iter(range(32))
TICK, HEAD, TAIL, STILL, RESTING, REST_TICK, SLIP_AT, SLIPS = (next(_N) for _ in range(8))
PIERCED, PIERCE_EVENTS, PUNCTURES, HOME, DROPPED, BOOST, TREMOR_NODE = (next(_N) for _ in range(7))
ENABLED, SKIN, CARTRIDGE, BATTERY_IN, JAM, TRACE_LEN, TRACING = (next(_N) for _ in range(7))
INTS = next(_N)

_P = iter(range(96))
HOLD_N, DETENT_N, CORNER_UM_S, MASS_KG, LOSS, FRICTION_N, VISCOUS, DAMPING_S = (next(_P) for _ in range(8))
PERIOD, START_FIELD, HOME_EDGE, HOME_HYST, HALF_PLAY, INNER, OUTER, NEEDLES = (next(_P) for _ in range(8))
PRELOAD, RATE, WEAR, TREMOR_PEAK, DIMPLE, PIERCE, PIERCE_V, DROP, RELAX_KEEP = (next(_P) for _ in range(9))
GRIP, GRIP_MM, GRIP_V, RESIDUAL, BATTERY_OHM, SAG, BOOST_MV, BOOST_EFF, BOOST_A = (next(_P) for _ in range(9))
UVLO, HOLDUP_F, LOGIC_W, DROPOUT, COPPER_W, RTH, CTH, START, COUNT_UM = (next(_P) for _ in range(9))
NOMINAL_COUNT_UM, DRIVER_W, TREMOR_0 = (next(_P) for _ in range(3))  # from TREMOR_0 on: three of (um, Hz, turns)
PARAMS = TREMOR_0 + 9

DONE, TRACE_FULL, RAIL_BELOW = 0, 1, 2

# Nothing here allocates. Without _nrt=False numba counts references to the arrays at every call, eight times
# slower.
_jit = njit(cache=True, error_model="numpy", _nrt=False)


@_jit
def _sine(turns):
    """Sine of an angle in turns, within 1e-7: a polynomial, so that every machine computes the same."""
    u = turns - floor(turns + 0.5)
    if u > 0.25:
        u = 0.5 - u
    elif u < -0.25:
        u = -0.5 - u
    a = u * 6.283185307179586
    b = a * a
    return a * (1 - b / 6 * (1 - b / 20 * (1 - b / 42 * (1 - b / 72 * (1 - b / 110)))))


@_jit
def _tremor_at(p, t_s):
    total = 0.0
    for i in range(3):
        j = TREMOR_0 + 3 * i
        total += p[j] * _sine(p[j + 1] * t_s + p[j + 2])
    return total


@_jit
def _surface(s, n, p):
    node = n[TICK] // TREMOR_TICKS
    if node != n[TREMOR_NODE]:
        n[TREMOR_NODE] = node
        t_s = node * TREMOR_TICKS * TICK_S
        s[TREMOR] = _tremor_at(p, t_s)
        s[TREMOR_SLOPE] = (_tremor_at(p, t_s + TREMOR_TICKS * TICK_S) - s[TREMOR]) / TREMOR_TICKS
    return s[STAND_OFF] + s[TREMOR] + s[TREMOR_SLOPE] * (n[TICK] - node * TREMOR_TICKS)


@_jit
def _skin(s, n, p, tip, v):
    """Elastic force, Coulomb friction and viscous factor (N, N, N s/um) of all needles together."""
    reach = p[TREMOR_PEAK]
    if not (n[SKIN] and n[CARTRIDGE]) or tip <= s[STAND_OFF] - reach:
        n[PIERCED] = 0
        return 0.0, 0.0, 0.0
    depth_mm = (tip - _surface(s, n, p)) * 1e-3
    if depth_mm <= 0.0:
        n[PIERCED] = 0
        return 0.0, 0.0, 0.0
    needles = p[NEEDLES]
    buried_mm = max(0.0, depth_mm - p[RESIDUAL])
    grip = needles * (p[GRIP] + p[GRIP_MM] * buried_mm)
    drag = needles * p[GRIP_V]
    if n[PIERCED]:
        s[RELAX] *= p[RELAX_KEEP]
        s[GLIDE] += s[GLIDE_V] * TICK_S
        s[DRAG] = max(s[DRAG], s[GLIDE])
        return s[RELAX], grip, drag
    dimple = needles * p[DIMPLE] * depth_mm
    worn = 1.0 + p[WEAR] * n[PUNCTURES] * 1e-3
    if dimple * (1.0 + max(0.0, v) / p[PIERCE_V]) < needles * p[PIERCE] * worn:
        return dimple, 0.0, 0.0
    n[PIERCED] = 1
    n[PIERCE_EVENTS] += 1
    n[PUNCTURES] += 1
    s[GLIDE] = 0.0
    s[PEAK_FORCE] = max(s[PEAK_FORCE], dimple)
    s[RELAX] = (1.0 - p[DROP]) * dimple - grip - drag * v
    return s[RELAX], grip, drag


@_jit
def _walls(s, n, p, x, tip, v):
    """Force of the end stops and of a jam: stiff springs with damping that never pull."""
    force = 0.0
    if tip > p[OUTER]:
        force = min(0.0, -WALL_N_UM * (tip - p[OUTER]) - WALL_NS_UM * v)
    elif tip < p[INNER]:
        force = max(0.0, WALL_N_UM * (p[INNER] - tip) - WALL_NS_UM * v)
    if n[JAM]:
        force -= WALL_N_UM * (x - s[JAM_AT]) + WALL_NS_UM * v
    return force


@_jit
def _electric(s, n, p, force, v, powered):
    """Load of the tick, then battery, boost and hold-up; returns whether the rail stood still."""
    load_w = p[LOGIC_W]
    heat_w = 0.0
    if powered:
        heat_w = p[COPPER_W] * s[SCALE] * s[SCALE]
        load_w += heat_w + p[DRIVER_W] * s[SCALE] * s[SCALE] + max(0.0, force * v * 1e-6)
    s[HEAT_W] = heat_w
    rail_mv = s[RAIL]
    if rail_mv < LOGIC_OFF_MV:
        load_w = rail_mv * rail_mv * 1e-6 / BLEED_OHM
    before_mv, before_boost = rail_mv, n[BOOST]
    ocv_v = (s[OCV] - p[SAG] * s[CHARGE_MAH]) * 1e-3
    input_w = limit_w = 0.0
    if not n[BATTERY_IN]:
        ocv_v = 0.0
        n[BOOST] = 0
    elif not n[BOOST] and ocv_v * 1e3 >= p[UVLO] + UVLO_HYSTERESIS_MV:
        n[BOOST] = 1
    if n[BOOST]:
        limit_w = p[BOOST_EFF] * p[BOOST_A] * max(0.0, ocv_v - p[BOOST_A] * p[BATTERY_OHM])
        stored = 0.5 * p[HOLDUP_F] * (p[BOOST_MV] * p[BOOST_MV] - rail_mv * rail_mv) * 1e-6
        input_w = min(limit_w, load_w + stored / TICK_S)
    if n[BOOST] and input_w < limit_w:
        rail_mv = p[BOOST_MV]
    else:
        squared = rail_mv * rail_mv + 2e6 * (input_w - load_w) * TICK_S / p[HOLDUP_F]
        rail_mv = sqrt(squared) if squared > RAIL_EMPTY_MV * RAIL_EMPTY_MV else 0.0
    drawn_w = input_w / p[BOOST_EFF]
    root = ocv_v * ocv_v - 4.0 * p[BATTERY_OHM] * drawn_w
    volt = 0.5 * (ocv_v + sqrt(max(0.0, root)))
    s[BATTERY] = volt * 1e3
    s[BATTERY_A] = drawn_w / volt if volt > 0.0 else 0.0
    s[CHARGE_MAH] += s[BATTERY_A] * (TICK_S / 3.6)
    if s[BATTERY] < p[UVLO]:
        n[BOOST] = 0
    s[RAIL] = rail_mv
    s[TEMP] += TICK_S / p[CTH] * (heat_w - (s[TEMP] - s[AMBIENT]) / p[RTH])
    return rail_mv == before_mv and n[BOOST] == before_boost


@_jit
def _dropout(s, n, p):
    """Below its supply limit the driver forgets its index: the field is back at electrical zero."""
    if s[RAIL] < p[DROPOUT]:
        if not n[DROPPED]:
            n[DROPPED] = 1
            s[FIELD] = p[START_FIELD] + p[PERIOD] * floor((s[FIELD] - p[START_FIELD]) / p[PERIOD] + 0.5)
    elif n[DROPPED] and s[RAIL] > p[DROPOUT] + DROPOUT_HYSTERESIS_MV:
        n[DROPPED] = 0


@_jit
def _field(s, n, edge_ns, edge_out):
    """Take the tick's edges; returns the mean position of the field over the tick."""
    end_ns = (n[TICK] + 1) * TICK_NS
    head = n[HEAD]
    moved = 0.0
    weighted = 0.0
    while head < n[TAIL] and edge_ns[head] <= end_ns:
        step = s[STEP_UM] if edge_out[head] else -s[STEP_UM]
        moved += step
        weighted += step * (end_ns - edge_ns[head])
        head += 1
    still = head == n[HEAD]
    n[HEAD] = head
    if n[DROPPED]:
        moved = 0.0
        weighted = 0.0
    mean = s[FIELD] + weighted / TICK_NS
    s[FIELD] += moved
    s[FIELD_V] += (moved / TICK_S - s[FIELD_V]) * (TICK_S / FIELD_FILTER_S)
    if still and abs(s[FIELD_V]) < FIELD_AT_REST_UM_S:
        s[FIELD_V] = 0.0
    return mean


@_jit
def _motor(s, p, field, x, v, powered):
    """Force of the motor on the nut: the detent, and with current a sine of the phase error with lead."""
    detent = -p[DETENT_N] * _sine(4.0 * (x - p[START_FIELD]) / p[PERIOD])
    if not powered:
        return detent
    corner = p[CORNER_UM_S] * s[RAIL]
    peak = p[HOLD_N] * s[SCALE] * s[TORQUE_FACTOR] / (1.0 + abs(s[FIELD_V]) / corner)
    return detent + peak * _sine((field - x + p[DAMPING_S] * (s[FIELD_V] - v)) / p[PERIOD])


@_jit
def _tick(s, n, p, edge_ns, edge_out):
    field = _field(s, n, edge_ns, edge_out)
    x = s[X]
    v = s[V]
    tip = s[TIP]
    powered = n[ENABLED] and not n[DROPPED]
    motor = _motor(s, p, field, x, v, powered)
    elastic, grip, drag = _skin(s, n, p, tip, v)
    spring = max(0.0, p[PRELOAD] + p[RATE] * tip) if n[CARTRIDGE] else 0.0
    load = elastic + drag * v  # of the skin, positive against outward motion
    skin = load + grip * s[DIRECTION]
    push = motor - spring - load - p[VISCOUS] * v + _walls(s, n, p, x, tip, v)
    friction = p[FRICTION_N] + grip + p[LOSS] * abs(spring + skin)
    gain = TICK_S * 1e6 / p[MASS_KG]
    fast = v + push * gain
    v_new = max(0.0, fast - friction * gain) if fast > 0.0 else min(0.0, fast + friction * gain)
    x += v_new * TICK_S
    tip = min(max(tip, x - p[HALF_PLAY]), x + p[HALF_PLAY])
    if v_new != 0.0:
        s[DIRECTION] = 1.0 if v_new > 0.0 else -1.0
    s[X] = x
    s[V] = v_new
    s[TIP] = tip
    s[FORCE] = skin
    s[MAX_TIP] = max(s[MAX_TIP], tip)
    s[PEAK_FORCE] = max(s[PEAK_FORCE], skin)
    lost = (s[FIELD] - x) / p[PERIOD] - n[SLIP_AT]
    if powered and abs(lost) > SLIP_PERIODS:
        periods = floor(lost + 0.5)
        n[SLIP_AT] += periods
        n[SLIPS] += abs(periods)
    if tip <= p[HOME_EDGE]:
        n[HOME] = 1
    elif tip > p[HOME_EDGE] + p[HOME_HYST]:
        n[HOME] = 0
    steady = _electric(s, n, p, motor, v_new, powered)
    _dropout(s, n, p)
    n[TICK] += 1
    clear = not (n[SKIN] and n[CARTRIDGE]) or tip < s[STAND_OFF] - p[TREMOR_PEAK]
    n[STILL] = 1 if v == 0.0 and v_new == 0.0 and s[FIELD_V] == 0.0 and steady and clear else 0


@_jit
def _leap(s, n, p, to_tick):
    """At rest only heat and charge go on: their value at `to_tick` from the tick at which rest began."""
    if not n[RESTING]:
        n[RESTING] = 1
        n[REST_TICK] = n[TICK]
        s[REST_TEMP] = s[TEMP]
        s[REST_CHARGE] = s[CHARGE_MAH]
    mah_per_tick = s[BATTERY_A] * (TICK_S / 3.6)
    if n[BOOST] and p[SAG] * mah_per_tick > 0.0:
        left_mah = (s[OCV] - p[UVLO] - s[BATTERY_A] * p[BATTERY_OHM] * 1e3) / p[SAG] - s[REST_CHARGE]
        last = n[REST_TICK] + max(0, int(left_mah / mah_per_tick))
        if last < to_tick:  # there the boost gives up: an ordinary tick decides
            to_tick = max(last, n[TICK])
            n[STILL] = 0
    elapsed = to_tick - n[REST_TICK]
    final = s[AMBIENT] + s[HEAT_W] * p[RTH]
    s[TEMP] = final + (s[REST_TEMP] - final) * exp(-elapsed * TICK_S / (p[RTH] * p[CTH]))
    s[CHARGE_MAH] = s[REST_CHARGE] + mah_per_tick * elapsed
    if n[BATTERY_IN]:
        s[BATTERY] = s[OCV] - p[SAG] * s[CHARGE_MAH] - s[BATTERY_A] * p[BATTERY_OHM] * 1e3
    n[TICK] = to_tick


@_jit
def _sample(s, n, p, trace):
    row = n[TRACE_LEN]
    n[TRACE_LEN] = row + 1
    trace[row, 0] = n[TICK] * (TICK_NS / 1000.0)
    trace[row, 1] = s[FIELD]
    trace[row, 2] = s[TIP]
    trace[row, 3] = p[START] + floor((s[X] - p[START]) / p[COUNT_UM]) * p[NOMINAL_COUNT_UM]
    trace[row, 4] = s[FORCE]
    trace[row, 5] = s[RAIL]


@_jit
def run(s, n, p, edge_ns, edge_out, trace, to_tick, rail_stop_mv):
    """Integrate to `to_tick`; stops early with TRACE_FULL or, under the mark, RAIL_BELOW.

    After TRACE_FULL the caller gives a longer trace and calls again.
    """
    while n[TICK] < to_tick:
        if n[TRACING] and n[TRACE_LEN] + 2 > trace.shape[0]:
            return TRACE_FULL
        if n[STILL]:
            reach = to_tick
            if n[HEAD] < n[TAIL]:
                reach = min(reach, (edge_ns[n[HEAD]] - 1) // TICK_NS)
            if reach > n[TICK]:
                if n[TRACING] and not n[RESTING]:
                    _sample(s, n, p, trace)
                _leap(s, n, p, reach)
                continue
        if n[RESTING]:
            n[RESTING] = 0
            if n[TRACING]:
                _sample(s, n, p, trace)
        _tick(s, n, p, edge_ns, edge_out)
        if n[TRACING] and n[TICK] % TRACE_TICKS == 0:
            _sample(s, n, p, trace)
        if s[RAIL] < rail_stop_mv:
            return RAIL_BELOW
    return DONE


@_jit
def append_edges(n, edge_ns, edge_out, times_ns, outward, after_ns):
    """Append to the pending edges (room is there); returns the index of the first bad one, or -1."""
    last = max(after_ns, edge_ns[n[TAIL] - 1] if n[TAIL] > n[HEAD] else after_ns)
    for i in range(times_ns.shape[0]):
        if times_ns[i] < last or times_ns[i] <= after_ns or outward[i] < 0 or outward[i] > 1:
            return i
        last = times_ns[i]
    tail = n[TAIL]
    for i in range(times_ns.shape[0]):
        edge_ns[tail + i] = times_ns[i]
        edge_out[tail + i] = outward[i]
    n[TAIL] = tail + times_ns.shape[0]
    return -1
