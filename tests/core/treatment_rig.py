"""A treatment brought into each of its stages by what a user does, and what there is to see of it."""

from sim.space import shim

depth, treatment = shim("depth"), shim("treatment")

QUESTIONS = 3
STAGES = ("NO_CARTRIDGE", "ZONE", "INDICATION", "QUESTIONS", "CONFIRM", "MARKING", "ACTIVE", "SUMMARY", "AFTERCARE")
CHEEK, SCARS = depth.zone_number("cheek"), depth.indication_number("acne_scars")
ACCEPTED = treatment.ACCEPTED

SHOWN = (
    "stage", "zone", "indication", "question", "supervised", "depth_um", "asked_rate_mhz", "rate_mhz", "strokes",
    "end_reason", "started_ms", "ended_ms", "cartridge_um", "travel_um",
)  # fmt: skip


def stage(name):
    return getattr(treatment, name)


def shown(deed):
    return {name: getattr(deed, name) for name in SHOWN}


def stroke_us(depth_um):
    """Out and back with the pen's planner, to a few per cent: 20 m/s2 and 100 mm/s, from 0.12 mm inside."""
    travel_m = (depth_um + 120) / 1e6
    one_way_s = travel_m / 0.1 + 0.005 if travel_m >= 0.0005 else 2 * (travel_m / 20) ** 0.5
    return int(2e6 * one_way_s)


def brought_to(name, zone=CHEEK, indication=SCARS, cartridge_um=2500, travel_um=2500, now_ms=0, supervised=False):
    """A treatment in the stage of that name."""
    deed = treatment.Treatment(QUESTIONS)
    steps = [
        lambda: deed.cartridge_accepted(cartridge_um, travel_um),
        lambda: deed.choose_zone(zone),
        lambda: deed.choose_indication(indication),
        lambda: [deed.answer_no() for _ in range(QUESTIONS)],
        lambda: (supervised and deed.supervise(True), deed.confirm(True)),
        lambda: deed.open(now_ms),
        lambda: deed.end(1, now_ms),
        deed.summary_read,
    ]
    for step in steps[: STAGES.index(name)]:
        step()
    assert deed.stage == stage(name)
    return deed
