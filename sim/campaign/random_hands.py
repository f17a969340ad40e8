"""Hands that do anything, on a pen to which anything may happen: drawn from a seed, which brings them back.

What is drawn is a scenario as any other, so that it can be kept as a file, replayed, and made smaller: acts and mishaps
are taken out, alone and in groups, as long as the same rule is still broken. Times then are halved as long as it is.
A run goes on at its end until the needles have had the time to come in, however short its hands have become.

Invariants: a seed gives the same scenario for ever on this source, and the same outcome on the same firmware.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sim.campaign.pens import TREATMENTS
from sim.campaign.rules import Watch
from sim.campaign.sweep import NO_TRANSIENT, transients
from sim.campaign.verdict import REST_WITHIN_NS
from sim.link import SimulatorBroken
from sim.mishaps import MISHAPS
from sim.run import Simulation
from sim.scenario import CartridgeTable, HandStep, Mishap, PenTable, Scenario, TreatmentTable
from sim.space import FIRMWARE

ACTS = (14, 30)  # at least, at most
MISHAPS_MOST = 4
SPAN_MS = 60_000  # mishaps begin within
LIMIT_S = 180.0
REST_MS = 10_000  # at the end the hands are off: longer than any retry
STARTS_UM = (-750.0, -400.0, -110.0, -110.0, -110.0, 300.0, 1000.0, 1800.0, 2500.0)
STORE = ("fram_dead", "fram_noisy", "fram_deaf")
SHRINK_RUNS = 200
SHORT_MS = 25
LEAST_MS = 0.001  # no mishap is made shorter

Part = TypeVar("Part")


@dataclass
class Outcome:
    """What came of one seed, or of a scenario made from it."""

    seed: int
    sim_s: float = 0.0
    strokes: int = 0
    latched: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def scenario_of(seed: int) -> Scenario:
    """What a seed's hands do, and what happens meanwhile."""
    rng = random.Random(seed * 2_654_435_761 + 97)
    zone, indication = rng.choice(TREATMENTS)
    acts = [_open(rng)] if rng.random() < 0.7 else []
    for _ in range(rng.randint(*ACTS)):
        acts += _act(rng)
    acts += [HandStep(do="release_trigger")] + [
        HandStep(do="release_button", button=button) for button in ("select", "up", "down")]
    acts.append(HandStep(do="wait", ms=REST_MS))
    plant = {"start_um": rng.choice(STARTS_UM), "battery_ocv_mv": float(rng.choice((6600, 7200, 7800, 8300)))}
    return Scenario(
        name=f"hands_{seed}", title=f"Random hands, seed {seed}", seed=seed % 2**31, limit_s=LIMIT_S, settle_ms=0,
        restart_after_ms=rng.choice((None, 50, 500)), go_on=True,
        treatment=TreatmentTable(zone=zone, indication=indication),
        pen=PenTable(serial=f"PEN-H-{seed % 1000:03d}"), plant=plant,
        cartridge=CartridgeTable(serial=7000 + seed % 1000, offset_um=rng.choice((0, 0, -100, 100, 200)),
                                 used=rng.random() < 0.1),
        hands=acts, faults=_mishaps(rng))


def _open(rng: random.Random) -> HandStep:
    return HandStep(do="open_session", within_ms=rng.choice((4000, 8000)))


def _ms(rng: random.Random, low: int, high: int) -> int:
    """A time, short ones as often as long ones."""
    return round(low * (high / low) ** rng.random())


def _act(rng: random.Random) -> list[HandStep]:
    button = rng.choice(("select", "up", "down"))
    acts: list[Callable[[], list[HandStep]]] = [
        lambda: [HandStep(do="pass", ms=_ms(rng, 1, 2500), pause_ms=_ms(rng, 1, 1500))],
        lambda: [HandStep(do="pass", ms=_ms(rng, 1, 60), pause_ms=_ms(rng, 1, 60), times=rng.randint(2, 12))],
        lambda: [HandStep(do="hold_trigger"), HandStep(do="wait", ms=_ms(rng, 1, 3000))],
        lambda: [HandStep(do="release_trigger"), HandStep(do="wait", ms=_ms(rng, 1, 500))],
        lambda: [HandStep(do="touch_trigger"), HandStep(do="wait", ms=_ms(rng, 1, 60)),
                 HandStep(do=rng.choice(("hold_trigger", "release_trigger")))],
        lambda: [HandStep(do="press", button=button, ms=_ms(rng, 1, 2500), times=rng.choice((1, 1, 3)))],
        lambda: [HandStep(do="press", button="select", ms=rng.choice((20, 60, 90, 1300)))],
        lambda: [HandStep(do="hold_button", button=button)],
        lambda: [HandStep(do="release_button", button=button)],
        lambda: [HandStep(do="wait", ms=_ms(rng, 5, 4000))],
        lambda: [HandStep(do="pull_cartridge"), HandStep(do="wait", ms=_ms(rng, 1, 2500)),
                 HandStep(do="insert_cartridge", fresh=rng.random() < 0.6)],
        lambda: [HandStep(do=rng.choice(("pull_cartridge", "insert_cartridge")))],
        lambda: [HandStep(do="switch_off"), HandStep(do="wait", ms=_ms(rng, 1, 2000)), HandStep(do="switch_on"),
                 HandStep(do="wait", ms=_ms(rng, 1, 2500))],
        lambda: [HandStep(do="clear_fault", within_ms=1500)],
        lambda: _work(rng),
        lambda: _work(rng),
        lambda: _work(rng),
        lambda: [HandStep(do="end_session", within_ms=1500)],
        lambda: [HandStep(do=rng.choice(("lift", "apply")))],
    ]  # fmt: skip
    return rng.choice(acts)()


def _work(rng: random.Random) -> list[HandStep]:
    """What a treatment is made of: nothing held, no fault, a session, a pass or two."""
    return [
        HandStep(do="release_trigger"), HandStep(do="release_button", button="select"),
        HandStep(do="clear_fault", within_ms=600), _open(rng),
        HandStep(do="pass", ms=_ms(rng, 200, 2500), pause_ms=_ms(rng, 1, 1500), times=rng.randint(1, 3))]


def _mishaps(rng: random.Random) -> list[Mishap]:
    kinds = transients()
    found = []
    for _ in range(rng.randint(0, MISHAPS_MOST)):
        when: dict[str, Any] = {"at_ms": float(rng.randrange(SPAN_MS))}
        if rng.random() < 0.4:
            name = rng.choice(("homing", "retracting", "running", "stopping", "fault", "ready", "parking"))
            when = {"when": name, "nth": rng.randint(1, 3), "after_ms": float(_ms(rng, 1, 2000))}
        elif rng.random() < 0.3:
            when = {"stroke": rng.randint(1, 40), "part": round(rng.random(), 3)}
        found.append(Mishap(**when, **rng.choice(kinds).table))
    for what in ("contacts_bounce", "seat_bounces"):
        if rng.random() < 0.3:
            found.append(Mishap(what=what, value=_ms(rng, 1, 20), at_ms=0))
    return found


def run_seed(seed: int, firmware: Path = FIRMWARE) -> Outcome:
    """Draw it, run it, judge it."""
    return run_scenario(scenario_of(seed), seed, firmware)


def run_scenario(scenario: Scenario, seed: int = 0, firmware: Path = FIRMWARE) -> Outcome:
    """Run and judge a scenario as the random hands are judged: all the time, and at the end."""
    outcome = Outcome(seed)
    simulation = Simulation(scenario, firmware=firmware)
    simulation.world.recorder.keep_detail = False
    watch = Watch(simulation)
    watch.lasting = any(_lasts(mishap) for mishap in scenario.faults)
    simulation.rest_within_ns = REST_WITHIN_NS
    simulation.moves = lambda: simulation.world.settle().motor_current_a > 0 or watch.may_still_move
    try:
        run = simulation.run()
    except (Exception, SimulatorBroken) as error:
        outcome.broken["simulator"] = f"it failed with {type(error).__name__}: {error}"
        return outcome
    watch.ends()
    result = run.result
    outcome.sim_s, outcome.strokes = result["sim_s"], result["strokes"]
    outcome.latched = [fault["code"] for fault in result["faults"]]
    _judge_records(watch, scenario, result)
    _judge_service(watch, scenario)
    outcome.broken = dict(watch.broken)
    return outcome


def _judge_records(watch: Watch, scenario: Scenario, result: dict[str, Any]) -> None:
    if any(mishap.what in STORE for mishap in scenario.faults):
        return
    finished, recorded = watch.finished_strokes(), result["journal_strokes"]
    if recorded < finished:
        watch.breaks("journal", f"{recorded} strokes are on record of {finished} that were finished")
    if recorded > result["strokes"]:
        watch.breaks("journal", f"{recorded} strokes are on record of only {result['strokes']}")


def _judge_service(watch: Watch, scenario: Scenario) -> None:
    """Hands alone, and one transient, end no pen."""
    done = [mishap for mishap in scenario.faults if mishap.what not in ("contacts_bounce", "seat_bounces")]
    service = watch.needs_service()
    if service and len(done) <= 1 and all(_short(mishap) for mishap in done):
        watch.breaks("service", f"a sound pen is sent to service by {', '.join(service)}")


def _short(mishap: Mishap) -> bool:
    """Over so soon that a sound pen outlives it without service."""
    if mishap.what in NO_TRANSIENT:
        return False
    return mishap.looks is not None or MISHAPS[mishap.what].undo is None or (mishap.for_ms or SPAN_MS) <= SHORT_MS


def _lasts(mishap: Mishap) -> bool:
    return mishap.for_ms is None and mishap.looks is None and MISHAPS[mishap.what].undo is not None


# -- making it smaller -----------------------------------------------------------------------------------------


def shrink(scenario: Scenario, rule: str, firmware: Path = FIRMWARE, runs: int = SHRINK_RUNS) -> Scenario:
    """The smallest scenario found, in so many runs, that still breaks the rule."""
    left = [runs]

    def breaks(smaller: Scenario) -> bool:
        left[0] -= 1
        return left[0] >= 0 and rule in run_scenario(smaller, firmware=firmware).broken

    def with_parts(parts: list[HandStep | Mishap]) -> Scenario:
        return scenario.model_copy(update={
            "hands": [part for part in parts if isinstance(part, HandStep)],
            "faults": [part for part in parts if isinstance(part, Mishap)]})

    parts = least([*scenario.faults, *scenario.hands], lambda kept: breaks(with_parts(kept)))
    for i in range(len(parts)):
        while left[0] > 0 and (shorter := _shorter(parts[i])) is not None:
            tried = [*parts[:i], shorter, *parts[i + 1 :]]
            if not breaks(with_parts(tried)):
                break
            parts = tried
    return with_parts(parts)


def _shorter(part: HandStep | Mishap) -> HandStep | Mishap | None:
    """The same for half as long; None where that has no meaning."""
    if isinstance(part, HandStep):
        return part.model_copy(update={"ms": part.ms // 2}) if part.ms and part.ms > 1 else None
    shortest = part.for_ms is None or part.for_ms < 2 * LEAST_MS
    return None if shortest else part.model_copy(update={"for_ms": round((part.for_ms or 0) / 2, 6)})


def least(parts: list[Part], fails: Callable[[list[Part]], bool]) -> list[Part]:
    """The parts without which it does not fail: halves are left out, then quarters, and so on down to single ones."""
    size = max(len(parts) // 2, 1)
    while parts:
        at, smaller = 0, False
        while at < len(parts):
            kept = parts[:at] + parts[at + size :]
            if fails(kept):
                parts, smaller = kept, True
            else:
                at += size
        if size == 1 and not smaller:
            break
        size = max(size // 2, 1) if not smaller or size > 1 else 1
    return parts
