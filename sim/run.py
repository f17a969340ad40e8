"""Runs a scenario on a tier from power-on to its end, and holds what happened against what was expected."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from penimage import Image
from penimage.littlefs import Reader
from penimage.merge import read_pen
from penimage.model import END_NAMES
from sim import eyes
from sim.build import effective_max_um, limits_of, make_cartridge, make_world
from sim.exhaust.monitor import Monitor
from sim.hands import Hands
from sim.lives import check_tier, run_lives
from sim.record import Event, Run
from sim.scenario import Bounds, Scenario
from sim.space import FIRMWARE, shim
from sim.tiers import world_of
from sim.world import MS

faults = shim("faults")
safety = shim("safety")
depth = shim("depth")
aftercare = shim("aftercare")
version = shim("version")
cartridge = shim("cartridge")

FLASH_READER = Reader()  # one for all runs of a process
WATCH_PANEL_MS = 250
LOOKS = 6
TOLD = {  # events of the pen's black box that the report tells: kind and text
    "session_start": ("session", "session {b} on record"),
    "session_end": ("session", "end of session {b} on record: {ending}"),
    "cartridge": ("note", "cartridge {reading}"),
    "archived": ("session", "archive entry {b} complete"),
    "released": ("session", "session {b} left the record memory"),
    "space": ("note", "{a} % of the record memories in use"),
    "exported": ("session", "exported up to archive entry {b}"),
    "erased": ("session", "archive entry {b} erased after its export"),
}

REST_LOOK_NS = 20 * MS

Progress = Callable[[float, str], None]  # simulated seconds, what is going on


class Simulation:
    """One run of one scenario. `run()` does it; `world` stays for whoever wants to look."""

    def __init__(
        self, scenario: Scenario, tier: str = "cpython", progress: Progress | None = None, firmware: Path = FIRMWARE,
    ):
        """`firmware`: the directory of its sources; another one than the checkout's on the cpython tier only."""
        check_tier(scenario, tier)
        self.scenario = scenario
        self.tier = tier
        self._progress = progress
        self._next_serial = scenario.cartridge.serial
        self.world = make_world(scenario, world_of(tier))
        self.world.firmware_sources = firmware
        self.monitor = Monitor() if scenario.expect.rules else None
        self.world.on_firmware = self.monitor
        self.hands = Hands(self.world, scenario, self._fresh_cartridge)
        self.lives_us: list[int] = []
        self.panel_seen = self.hands.seen
        self._lines: list[str] = []
        self._page = ""
        self._looks = 0
        self._stopping = False
        self.rest_within_ns = 0  # at the end, wait for so long for needles that move
        self.moves: Callable[[], bool] = lambda: self.world.settle().motor_current_a > 0
        self.world.at(WATCH_PANEL_MS * MS, self._watch)
        self.world.at(int(scenario.limit_s * 1e9), self._time_is_up)

    def _fresh_cartridge(self):
        self._next_serial += 1
        return make_cartridge(self.scenario, self._next_serial)

    def run(self) -> Run:
        """Run to the end; raises only if the simulator or the interpreter itself fails."""
        began = time.perf_counter()
        run_lives(
            self.world, self.tier, lambda: self.lives_us.append(self.world.now_us), self.scenario.restart_after_ms)
        return self._collect(time.perf_counter() - began)

    # -- while it runs -------------------------------------------------------------------------------

    def _end(self) -> None:
        self.world.dead = "end"

    def _time_is_up(self) -> None:
        world = self.world
        if self.rest_within_ns > 0 and self.moves():
            self.rest_within_ns -= REST_LOOK_NS
            world.after(REST_LOOK_NS, self._time_is_up)
        else:
            self._end()

    def _watch(self) -> None:
        """Keep what the panel shows, tell how far it is, and notice that the hands are done."""
        world = self.world
        lines = self.hands.lines()
        steady = lines == self._lines
        self._lines = lines
        page = " ".join(re.sub(f"[{eyes.RULE}0-9/]+", "", lines[0]).split()).capitalize()
        if page != self._page:
            self._page, self._looks = page, 0
        if self._looks < LOOKS:
            # one picture of each page, once it stands still; one that never does is taken as it is
            self._looks += 1
            if steady or self._looks == LOOKS:
                self._looks = LOOKS
                if page and page not in {shot.label for shot in world.recorder.screens}:
                    world.recorder.screen(page)
        if self._progress is not None:
            self._progress(world.now_ns / 1e9, page)
        if self.hands.done and not self._stopping:
            self._stopping = True
            world.after(self.scenario.settle_ms * MS, self._time_is_up)
        world.after(WATCH_PANEL_MS * MS, self._watch)

    # -- afterwards ----------------------------------------------------------------------------------

    def _collect(self, wall_s: float) -> Run:
        world = self.world
        recorder = world.recorder
        recorder.ends()
        image = read_pen(world.fram.image, world.flash.image, FLASH_READER)
        self._leave_out_earlier(image)
        strokes = [stroke for session in image.sessions for stroke in session.strokes]
        latched, ended = self._firmware_events(image)
        recorder.screen("At the end")
        plant = world.settle()
        retracted = plant.tip_um <= 0
        limit_um = effective_max_um(self.scenario) if image.sessions else 0
        result: dict[str, Any] = {
            "scenario": self.scenario.name, "tier": self.tier, "ended": ended if world.powered else "off",
            "strokes": len(recorder.truth), "punctures": recorder.punctures,
            "max_extension_um": round(recorder.max_tip_um, 1), "max_allowed_um": limit_um,
            "over_limit_um": round(recorder.over_limit_um, 1), "needles_retracted": bool(retracted),
            "faults": latched, "journal_strokes": len(strokes),
            "partial_strokes": sum("partial" in stroke.flag_names for stroke in strokes),
            "flash_while_armed": world.flash_while_armed,
            "sim_s": round(world.now_ns / 1e9, 3), "wall_s": round(wall_s, 3),
        }
        result["expectations"] = self._judge(result, image)
        return Run(
            scenario=self.scenario.name, title=self.scenario.title, tier=self.tier, result=result,
            truth=recorder.truth, journal=[_journal_row(stroke) for stroke in strokes],
            details=recorder.details, events=sorted(recorder.events, key=lambda event: event.t_us),
            screens=recorder.screens, slow=recorder.slow(), signals=recorder.signals(),
            session=self._session(image, result), skin=self._skin(),
            images={"fram.bin": world.fram.image, "flash.bin": world.flash.image})

    def _leave_out_earlier(self, image: Image) -> None:
        """What was on record before the scenario began is not of this run; it was written by a boot 0."""
        before = sum(earlier.times for earlier in self.scenario.pen.earlier)
        image.sessions = [session for session in image.sessions if session.number > before]
        image.events = [event for event in image.events if event.boot]

    def _firmware_events(self, image: Image) -> tuple[list[dict[str, Any]], str]:
        """Latched faults with their times, and the last state, from the pen's own black box."""
        latched, ended = [], "unknown"
        for event in image.events:
            life_us = self.lives_us[min(max(event.boot - 1, 0), len(self.lives_us) - 1)]
            at_us = life_us + event.uptime_ms * 1000
            if event.name == "state":
                ended = safety.STATE_NAMES[event.a]
                self.world.recorder.events.append(Event(at_us, "state", ended))
            elif event.name == "fault":
                latched.append({"code": faults.key(event.b), "at_us": at_us})
                self.world.recorder.events.append(Event(at_us, "fault", faults.key(event.b)))
            elif event.name == "cleared":
                self.world.recorder.events.append(Event(at_us, "cleared", faults.key(event.b)))
            elif event.name == "boot":
                ended = "boot"
                self.world.recorder.events.append(Event(at_us, "power", f"start {event.boot} on record"))
            elif event.name in TOLD:
                kind, text = TOLD[event.name]
                reading = _reading(event.a, event.b) if event.name == "cartridge" else ""
                words = {"b": event.b, "ending": END_NAMES.get(event.a, ""), "reading": reading}
                self.world.recorder.events.append(Event(at_us, kind, text.format(a=event.a, **words)))
        return latched, ended

    def _judge(self, result: dict[str, Any], image: Image) -> list[dict[str, Any]]:
        """Every expectation with what came of it."""
        expect = self.scenario.expect
        strokes = [stroke for session in image.sessions for stroke in session.strokes]
        counters = image.records.get("counters")
        got = {
            "ended": result["ended"], "faults": [fault["code"] for fault in result["faults"]],
            "worst_error_um": max((abs(s.achieved_um - s.commanded_um) for s in strokes), default=0),
            "slipped_strokes": sum("slip" in s.flag_names for s in strokes),
            "sessions": len(image.sessions),
            "session_end": next(
                (s.tail.reason_name if s.tail else "open" for s in reversed(image.sessions)), "none"),
            "archived": _archived(image),
            "boots": counters.values["boots"] if counters and counters.values else 0,
            "hands_done": not self.hands.problem,
            **{key: result[key] for key in (
                "strokes", "punctures", "journal_strokes", "max_extension_um", "over_limit_um",
                "needles_retracted")},
        }
        rows = []
        for what, value in got.items():
            wanted = getattr(expect, what)
            if wanted is None or wanted == "either":
                continue
            row = {"what": what, "expected": _wanted_text(wanted), "got": value, "held": _holds(wanted, value)}
            if what == "hands_done" and self.hands.problem:
                row["got"] = self.hands.problem
            rows.append(row)
        rows.append({
            "what": "flash_while_armed", "expected": 0, "got": result["flash_while_armed"],
            "held": not result["flash_while_armed"]})
        for name in expect.rules:
            broken = self.monitor.broken.get(name, "") if self.monitor and self.monitor.judged else "no call was heard"
            rows.append({"what": "rules", "expected": name, "got": broken or "held", "held": not broken})
        for text in expect.panel:
            seen = any(text in line for line in self.panel_seen) or any(
                text in line for shot in self.world.recorder.screens for line in eyes.read_lines(shot.pixels))
            rows.append({"what": "panel", "expected": text, "got": text if seen else "not seen", "held": seen})
        return rows

    def _session(self, image: Image, result: dict[str, Any]) -> dict[str, Any]:
        """What a clinic would file, from the pen's own records."""
        wanted = self.scenario.treatment
        zone, indication = depth.zone_number(wanted.zone), depth.indication_number(wanted.indication)
        limits = limits_of(self.scenario)
        found: dict[str, Any] = {
            "pen_serial": image.pen_serial, "firmware_version": version.TEXT, "lot": self.scenario.cartridge.lot,
            "zone": depth.ZONES[zone].label, "indication": depth.INDICATIONS[indication].label,
            "limits": [
                {"name": label, "value_um": value, "bound": bool(limits.bound >> i & 1)}
                for i, (label, value) in enumerate(zip(depth.LIMIT_LABELS, limits.values_um, strict=True))],
        }
        if image.sessions and image.sessions[-1].head:
            session = image.sessions[-1]
            head = session.head
            last = session.strokes[-1] if session.strokes else None
            found |= {
                "cartridge_serial": head.cartridge_rom.hex(), "calibration_id": head.calibration_id,
                "number": session.number, "client": head.client or None, "operator": head.operator or None,
                "unlocked": "by a supervisor" if head.supervised else None,
                "faults": _faults(session.tail) if session.tail else None,
                "strokes": session.finished, "partial_strokes": len(session.strokes) - session.finished,
                "ended": session.tail.reason_name if session.tail else "open",
                "contraindications": [" ".join(lines) for _, lines in aftercare.QUESTIONS],
                "aftercare": [f"{title}: {' '.join(lines)}" for title, lines in aftercare.AFTERCARE],
            }
            if last is not None:
                found["depth_um"] = last.commanded_um
                found["rate_mhz"] = round(1e9 / last.period_us)
                found["worst_error_um"] = max(
                    (s.achieved_um - s.commanded_um for s in session.strokes), key=abs)
        return found

    def _skin(self) -> dict[str, Any]:
        params = self.world.plant.params
        names = ("stand_off_um", "tremor_um", "residual_dimple_um", "needle_pierce_n", "glide_mm_s")
        return {name: getattr(params, name) for name in names}


def _faults(tail: Any) -> str:
    """The faults of a session by key; a tail names the first three."""
    named = [faults.key(code) for code in tail.fault_codes]
    return ", ".join(named + [f"{tail.faults - len(named)} more"] * (tail.faults > len(named))) or "none"


def _reading(happened: int, reason: int) -> str:
    return f"read: {cartridge.NAMES[reason]}" if happened else "taken out"


def _archived(image: Image) -> int:
    """Entries of an archive whose chain verifies; 0 for any other."""
    return 0 if any(problem.file for problem in image.problems) else image.archive_entries


def _journal_row(stroke: Any) -> dict[str, Any]:
    row = stroke.as_record()
    row["zone"] = depth.ZONES[stroke.zone_id].key
    return row


def _holds(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Bounds):
        return (wanted.min is None or value >= wanted.min) and (wanted.max is None or value <= wanted.max)
    return bool(value == wanted)


def _wanted_text(wanted: Any) -> Any:
    if not isinstance(wanted, Bounds):
        return wanted
    if wanted.max is None:
        return f"at least {wanted.min:g}"
    if wanted.min is None:
        return f"at most {wanted.max:g}"
    return f"{wanted.min:g} to {wanted.max:g}"
