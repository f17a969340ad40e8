"""A synthetic Run with plausible shapes: what the writers are tested on without running a simulation.

Invariants: the same arguments give the same run; no figure here is a result, only a shape of the right size.
"""

import numpy as np

from sim.record import Event, Run, ScreenShot, Signal, StrokeDetail, StrokeTruth

TITLE = "Cheek, acne scars: two passes and a hot motor"
LIMITS = [
    {"name": "zone cap (cheek, without unlock)", "value_um": 1500, "bound": True},
    {"name": "indication cap (acne scars)", "value_um": 2000, "bound": False},
    {"name": "cartridge rating", "value_um": 2000, "bound": False},
    {"name": "calibrated travel", "value_um": 2480, "bound": False},
    {"name": "build ceiling", "value_um": 2500, "bound": False},
]
STEP_UM = 1.25
COUNT_UM = 1000 / 1024
REST_UM = -120
STAND_OFF_UM = 180


def sample_run(strokes: int = 250, seed: int = 7, title: str = TITLE) -> Run:
    """Return a run of `strokes` strokes (0 gives a refused scenario) with every kind of data in it."""
    random = np.random.default_rng(seed)
    truth, journal = _strokes(strokes, random)
    end_s = truth[-1].t_end_us / 1e6 + 4 if truth else 6.0
    run = Run("cheek-acne-scars", title, "cpython", {}, truth, journal)
    run.skin = {"stand_off_um": STAND_OFF_UM, "residual_dimple_um": 250, "pierce_n": 0.12, "needles": 12}
    chosen = [truth[i] for i in sorted({0, strokes // 3, strokes // 2, strokes - 1})] if truth else []
    run.details = [_detail(stroke, f"stroke {stroke.index + 1}", random) for stroke in chosen]
    run.events = _events(truth, end_s)
    run.screens = [
        _screen(1_900_000, "self-test passed", 3),
        _screen(3_400_000, "zone: cheek", 11),
    ]
    if truth:
        run.screens += [_screen(9_000_000, "treating", 23), _screen(int(end_s * 1e6), "safe to eject", 42)]
    run.slow = _slow(truth, end_s)
    run.signals = _signals(run)
    errors = [abs(record["achieved_um"] - record["commanded_um"]) for record in journal]
    run.session = _session(strokes, max(errors, default=0))
    run.result = _result(run, end_s)
    return run


def _strokes(count: int, random: np.random.Generator) -> tuple[list[StrokeTruth], list[dict]]:
    truth, journal, t_us = [], [], 5_200_000
    for i in range(count):
        second_pass = i >= count // 2
        commanded = 1000 if second_pass else 750
        period = 55_000 if second_pass else 50_000
        achieved = round(float(commanded - 4 + random.normal(0, 3.5)) / COUNT_UM) * COUNT_UM
        if random.random() < 0.02:
            achieved -= float(random.uniform(14, 40))
        tip = achieved + float(random.normal(2.5, 1.5))
        pierced = bool(random.random() > 0.03)
        force = (1.9 + 0.0006 * commanded) * random.normal(1, 0.07) if pierced else random.uniform(0.2, 0.9)
        truth.append(StrokeTruth(i, t_us, t_us + 38_000, commanded, tip, float(force), pierced, 1500))
        flags = (["pierced"] if pierced else []) + (["derated"] if second_pass and i % 9 == 0 else [])
        record = {"sequence": 4000 + i, "zone": "cheek", "commanded_um": commanded, "period_us": period}
        journal.append({**record, "achieved_um": round(achieved), "flags": flags})
        t_us += period + int(random.integers(0, 400)) + (2_600_000 if i == count // 2 - 1 else 0)
    return truth, journal


def _detail(stroke: StrokeTruth, label: str, random: np.random.Generator) -> StrokeDetail:
    """Out with 20 m/s2 and 100 mm/s at most, back the same way; force by dimple, piercing, friction."""
    t_s = np.arange(-0.002, 0.042, 0.0001)
    travel_m = (stroke.commanded_um - REST_UM) * 1e-6
    ramp_s = min(0.005, np.sqrt(travel_m / 20))
    speed = 20 * ramp_s
    cruise_s = travel_m / speed - ramp_s
    half_s = 2 * ramp_s + cruise_s

    def moved(t: np.ndarray) -> np.ndarray:
        t = np.clip(t, 0, half_s)
        up = 10 * np.minimum(t, ramp_s) ** 2
        middle = speed * np.clip(t - ramp_s, 0, cruise_s)
        down_t = np.clip(t - ramp_s - cruise_s, 0, ramp_s)
        return up + middle + speed * down_t - 10 * down_t**2

    outward = REST_UM + 1e6 * moved(t_s)
    inward = REST_UM + 1e6 * (travel_m - moved(t_s - half_s))
    command = np.where(t_s < half_s, outward, inward)
    command = np.round(command / STEP_UM) * STEP_UM
    lag = np.convolve(np.pad(command, (8, 0), "edge"), np.ones(9) / 9, "valid")
    share = (command - REST_UM) / (stroke.commanded_um - REST_UM)
    tip = lag + (stroke.max_tip_um - stroke.commanded_um) * share
    skin = STAND_OFF_UM + 25 * np.sin(t_s * 55 + stroke.index)
    depth_mm = np.maximum(tip - skin, 0) / 1000
    out = t_s < half_s
    dimple = 12 * 0.3 * depth_mm
    broken = (np.cumsum(dimple > 1.44) > 0) & stroke.pierced
    force = np.where(broken, 0.36 + 12 * 0.04 * depth_mm + 0.25, dimple)
    force = np.where(out, force, np.where(depth_mm > 0, -0.3, 0.0)) + random.normal(0, 0.02, len(t_s))
    moving = np.abs(np.gradient(command)) > 0
    rail = 12_000 - 260 * moving - 90 * np.clip(force, 0, None) + random.normal(0, 12, len(t_s))
    t_us = stroke.t_start_us + np.round(t_s * 1e6).astype(np.int64)
    encoder = np.round(tip / COUNT_UM) * COUNT_UM
    return StrokeDetail(stroke.index, label, t_us, command, tip, encoder, force, rail, skin)


def _events(truth: list[StrokeTruth], end_s: float) -> list[Event]:
    events = [
        Event(0, "power", "power on"),
        Event(0, "state", "boot"),
        Event(300_000, "state", "self-test"),
        Event(1_800_000, "state", "homing"),
        Event(2_300_000, "state", "ready"),
        Event(3_300_000, "session", "zone cheek, indication acne scars"),
        Event(4_100_000, "session", "depth 750 um at 20 Hz"),
    ]
    if not truth:
        refusal = Event(4_600_000, "note", "arming refused: cartridge already used")
        return [*events, refusal, Event(4_600_000, "state", "refused")]
    half = truth[len(truth) // 2 - 1]
    last = truth[-1]
    events += [
        Event(4_900_000, "state", "armed"),
        Event(truth[0].t_start_us - 90_000, "hand", "trigger pressed"),
        Event(truth[0].t_start_us - 40_000, "state", "treating"),
        Event(half.t_end_us + 20_000, "hand", "trigger released"),
        Event(half.t_end_us + 30_000, "state", "armed"),
        Event(half.t_end_us + 900_000, "session", "depth 1000 um at 18 Hz"),
        Event(half.t_end_us + 1_200_000, "injected", "motor heated to 62 degC"),
        Event(half.t_end_us + 2_500_000, "hand", "trigger pressed"),
        Event(half.t_end_us + 2_550_000, "state", "treating"),
        Event(last.t_end_us - 2_000_000, "fault", "MOTOR_WARM: motor above 60 degC, rate reduced"),
        Event(last.t_end_us + 15_000, "hand", "trigger released"),
        Event(last.t_end_us + 30_000, "state", "ready"),
        Event(last.t_end_us + 900_000, "cleared", "MOTOR_WARM cleared by the operator"),
        Event(last.t_end_us + 1_500_000, "session", "session closed and archived"),
        Event(last.t_end_us + 2_500_000, "state", "safe to eject"),
        Event(int(end_s * 1e6), "power", "run ends"),
    ]
    return sorted(events, key=lambda event: event.t_us)


def _screen(t_us: int, label: str, seed: int) -> ScreenShot:
    """A frame, a title bar and rows of blocks the size of 8x8 letters."""
    random = np.random.default_rng(seed)
    pixels = np.zeros((64, 128), np.uint8)
    pixels[[0, 63], :] = 1
    pixels[:, [0, 127]] = 1
    pixels[2:11, 2:126] = 1
    for row in range(16, 60, 11):
        for column in range(6, 6 + 8 * int(random.integers(6, 15)), 8):
            pixels[row : row + 7, column : column + 5] = random.random((7, 5)) > 0.45
    return ScreenShot(t_us, label, pixels)


def _slow(truth: list[StrokeTruth], end_s: float) -> dict[str, np.ndarray]:
    t_s = np.arange(0, end_s, 0.1)
    starts = np.array([stroke.t_start_us for stroke in truth]) / 1e6
    busy = np.array([np.any(np.abs(starts - t) < 0.1) for t in t_s], float) if truth else np.zeros(len(t_s))
    random = np.random.default_rng(1)
    return {
        "t_s": t_s,
        "battery_mv": 7900 - 14 * np.cumsum(busy) * 0.1 - 180 * busy + random.normal(0, 5, len(t_s)),
        "rail_mv": 12_000 - 210 * busy + random.normal(0, 14, len(t_s)),
        "motor_temp_c": 26 + 38 * (1 - np.exp(-np.cumsum(busy) * 0.1 / 11)),
    }


def _signals(run: Run) -> dict[str, Signal]:
    """Edges: STEP inside the detailed strokes, DETAIL around them, hands and HOME over the session."""
    step, window, home = [], [(0, 0)], [(0, 1)]
    for detail in run.details:
        t_ns = detail.t_us * 1000
        window += [(t_ns[0], 1), (t_ns[-1], 0)]
        step.append((t_ns[0], 0))
        for at in np.flatnonzero(np.diff(detail.command_um)):
            step += [(t_ns[at], 1), (t_ns[at] + 104, 0)]
        home += [(t_ns[30], 0), (t_ns[-30], 1)]
    hands = [(0, 0)] + [(e.t_us * 1000, int("pressed" in e.text)) for e in run.events if e.kind == "hand"]
    signals = {"DETAIL": _signal(window), "HOME": _signal(home), "TRIGGER_NO": _signal(hands)}
    signals["TRIGGER_NC"] = Signal(signals["TRIGGER_NO"].t_ns, 1 - signals["TRIGGER_NO"].value)
    signals["EN_N"] = _signal([(0, 1), (4_900_000_000, 0)])
    if step:
        signals["STEP"] = _signal(step)
    return signals


def _signal(changes: list[tuple[int, int]]) -> Signal:
    return Signal(np.array([t for t, _ in changes], np.int64), np.array([v for _, v in changes], np.uint8))


def _session(strokes: int, worst_error_um: int) -> dict:
    return {
        "pen_serial": "PEN-A-0042",
        "cartridge_serial": "2D-0000A1B2C3D4-5E",
        "lot": "L2431",
        "operator": "MK-7",
        "unlocked": "by a supervisor",
        "zone": "cheek",
        "indication": "acne scars",
        "depth_um": 1000,
        "rate_mhz": 18_000,
        "calibration_id": 17,
        "calibration_due": "2026-11-30",
        "firmware_version": "1.0.0",
        "strokes": strokes,
        "worst_error_um": worst_error_um,
        "error_fault_um": 60,
        "ended": "closed by the operator" if strokes else "refused: cartridge already used",
        "aftercare": [
            "Redness for two to four days is expected.",
            "No retinoids, acids or make-up for 24 hours; sun protection every day.",
            "Avoid direct sun and hard exercise for 72 hours.",
        ],
        "contraindications": [
            "active acne",
            "isotretinoin within six months",
            "keloid tendency",
            "pregnancy",
        ],
        "limits": LIMITS,
    }


def _result(run: Run, end_s: float) -> dict:
    deepest = max((stroke.max_tip_um for stroke in run.truth), default=0)
    count = len(run.truth)
    faults = [{"code": "MOTOR_WARM", "at_us": e.t_us} for e in run.events if e.kind == "fault"]
    codes = [fault["code"] for fault in faults]
    return {
        "scenario": run.scenario,
        "tier": run.tier,
        "ended": run.session["ended"],
        "strokes": count,
        "punctures": 12 * sum(stroke.pierced for stroke in run.truth),
        "max_extension_um": round(deepest),
        "max_allowed_um": 1500,
        "over_limit_um": 0,
        "needles_retracted": True,
        "faults": faults,
        "journal_strokes": len(run.journal),
        "sim_s": end_s,
        "wall_s": end_s / 11.4,
        "expectations": [
            {"what": "strokes", "expected": count, "got": count, "held": True},
            {"what": "greatest extension, um", "expected": "<= 1500", "got": round(deepest), "held": True},
            {"what": "needles retracted at the end", "expected": True, "got": True, "held": True},
            {"what": "faults", "expected": ["MOTOR_WARM"] if count else [], "got": codes, "held": True},
            {"what": "every stroke in the journal", "expected": count, "got": len(run.journal), "held": True},
        ],
    }
