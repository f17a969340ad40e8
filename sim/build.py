"""Makes the world that a scenario describes: pen, records, cartridge, skin."""

from __future__ import annotations

import datetime
import hashlib

from penimage import provision_image
from penimage.model import MOTION_KEYS
from sim.flash_image import flash_with_archive
from sim.history import lived
from sim.mishaps import MISHAPS
from sim.parts.ds2431 import Ds2431, build_cartridge_memory, rom_id
from sim.parts.flash import Flash
from sim.parts.fram import Fram
from sim.plant import PlantParams
from sim.scenario import Mishap, Scenario
from sim.space import shim
from sim.world import MS, World

depth, records = shim("depth"), shim("records")
faults, cartridges = shim("faults"), shim("cartridge")

KINDS = {"needles": cartridges.KIND_NEEDLE, "gauge_tip": cartridges.KIND_GAUGE}
EPOCH = datetime.date(2000, 1, 1)
CALIBRATED = datetime.date(2026, 9, 1)
CODE_SALT = b"SIM-SALT"
KEY_SEED = b"no secret: the key of a simulated pen, "
ARCHIVES = {  # what the record memory knows of the archive in flash
    "made": {"entries": 0, "oldest": 1, "exported": 0, "archived_blocks": 0, "digest": "00" * 32},
    "new": None,
    "lost": {"entries": 3, "oldest": 1, "exported": 0, "archived_blocks": 0, "digest": "a7" * 32},
}
CALIBRATION_ADDRESS = 0x100  # docs/storage-format.md: two slots of 128 bytes, 16 bytes of header


def days(date: datetime.date | None) -> int:
    """Days since 2000-01-01, 0 for none."""
    return (date - EPOCH).days if date else 0


def limits_of(scenario: Scenario):
    """The limits (firmware's depth.Limits) that ought to apply to the scenario's treatment."""
    wanted, cartridge = scenario.treatment, scenario.cartridge
    travel_um = min(scenario.pen.travel_um + cartridge.offset_um, scenario.pen.depth_limit_um)
    limits = depth.Limits()
    limits.choose(
        depth.zone_number(wanted.zone), depth.indication_number(wanted.indication), cartridge.rated_um, travel_um,
        wanted.supervised, scenario.pen.clinic_um.get(wanted.zone, depth.BUILD_CEILING_UM))
    return limits


def effective_max_um(scenario: Scenario) -> int:
    """The smallest of those limits; what the plant's truth is held against."""
    return limits_of(scenario).max_um


def plant_params(scenario: Scenario) -> PlantParams:
    """The plant, with everything that the cartridge's own length moves."""
    params = PlantParams(**scenario.plant)  # type: ignore[arg-type]
    offset_um = scenario.cartridge.offset_um
    if not offset_um:
        return params
    moved = ("home_edge_um", "start_um", "inner_stop_um", "outer_stop_um")
    return PlantParams(**{**scenario.plant, **{name: getattr(params, name) + offset_um for name in moved}})


def calibration_record(scenario: Scenario) -> dict[str, object]:
    """What a technician would have measured on this pen with a perfect gauge, plus the scenario's error.

    The gauge sees tips that came outward: all of the play behind the nut whose zero was found on the way in.
    """
    params = PlantParams(**scenario.plant)  # type: ignore[arg-type]
    return {
        "offset_um": round(params.home_edge_um - params.backlash_um) + scenario.pen.calibration_error_um,
        "scale_ppm": round(params.lead_scale_ppm), "backlash_um": round(params.backlash_um),
        "travel_um": scenario.pen.travel_um, "date_days": days(CALIBRATED),
        "due_days": days(scenario.pen.calibration_due),
        "calibration_id": 1, "gauge_id": "G-01", "technician": "SIM",
        "way_um": 0 if scenario.pen.calibration == "old" else int(
            (params.home_edge_um - params.inner_stop_um) / (1 + params.lead_scale_ppm * 1e-6)),
    }


def make_cartridge(scenario: Scenario, serial: int | None = None) -> Ds2431:
    """The cartridge of the scenario, or a fresh one of its kind with another serial."""
    table = scenario.cartridge
    rom = rom_id(serial or table.serial)
    written_for = rom_id(table.copied_from) if table.copied_from and not serial else rom
    memory = build_cartridge_memory(
        written_for, needles=table.needles, rated_um=table.rated_um, offset_um=table.offset_um,
        expiry_days=days(table.expiry), used=table.used and not serial, lot=table.lot,
        kind=KINDS[table.kind])
    cartridge = Ds2431(rom, memory)
    cartridge.unreadable = table.unreadable and not serial
    return cartridge


def _motion_record(scenario: Scenario) -> dict[str, int] | None:
    """The pen's own motion limits; None leaves the reference pen's in force."""
    reference = records.Motion()
    given = {name: getattr(scenario.pen, name) for name in MOTION_KEYS}
    if not any(given.values()):
        return None
    return {name: value or getattr(reference, name) for name, value in given.items()}


def _clinic(scenario: Scenario) -> list[int]:
    """The clinic's limits, none where it has set none."""
    given = scenario.pen.clinic_um
    return [given.get(row.key, depth.BUILD_CEILING_UM) for row in depth.ZONES] if given else []


def fault_number(key: str) -> int:
    """The number of a fault by its key."""
    return next(code for code, row in faults.TABLE.items() if row.key == key)


def pen_key(scenario: Scenario) -> bytes:
    """The key that a simulated pen shares with its technicians, empty for a pen without; it protects nothing."""
    return hashlib.sha256(KEY_SEED + scenario.pen.serial.encode()).digest() if scenario.pen.key else b""


def _provisioned(scenario: Scenario) -> bytes:
    """The image of the record memory as the technician left it, its calibration damaged if the scenario asks."""
    pen = scenario.pen
    calibration = None if pen.calibration == "missing" else calibration_record(scenario)
    image = bytearray(provision_image(
        pen.serial, calibration=calibration,
        settings={"session_limit_s": pen.session_limit_s, "depth_limit_um": pen.depth_limit_um, "buzzer": 1},
        supervisor_code=pen.supervisor_code, code_salt=CODE_SALT, operator=pen.operator,
        service_fault=fault_number(pen.service_fault) if pen.service_fault else 0,
        motion=_motion_record(scenario), archive=ARCHIVES[pen.archive],
        key=pen_key(scenario), clinic_um=_clinic(scenario),
        used_cartridges=[rom_id(scenario.cartridge.serial)] if scenario.cartridge.known_used else ()))
    if pen.calibration == "corrupt":
        for slot in range(2):
            image[CALIBRATION_ADDRESS + slot * 128 + 16 + 3] ^= 0x40
    return bytes(image)


def _memories(scenario: Scenario) -> tuple[bytes, bytes | None]:
    """(FRAM, filesystem or None for an erased flash), with what the pen did earlier in its archive."""
    pen = scenario.pen
    fram, flash = _provisioned(scenario), flash_with_archive(pen.serial) if pen.archive == "made" else None
    if not pen.earlier or flash is None:
        return fram, flash
    sessions = [(e.date, depth.zone_number(e.zone), e.client, e.strokes) for e in pen.earlier for _ in range(e.times)]
    return lived(fram, flash, tuple(sessions))


def make_fram(scenario: Scenario) -> Fram:
    """The record memory as the scenario asks for it."""
    if scenario.pen.storage == "blank":
        return Fram()
    fram = Fram(_memories(scenario)[0])
    if scenario.pen.storage == "absent":
        fram.fault = "absent"
    return fram


def make_flash(scenario: Scenario) -> Flash:
    """The flash with an archive in it, or erased."""
    return Flash(_memories(scenario)[1])


def make_world(scenario: Scenario, kind: type[World] = World) -> World:
    """Everything but the firmware, with the scenario's mishaps on the calendar; `kind` is the tier's world."""
    params = plant_params(scenario)
    cartridge = make_cartridge(scenario)
    world = kind(
        params, make_fram(scenario), cartridge, make_flash(scenario), seed=scenario.seed,
        date_days=days(scenario.pen.clock))
    world.clock.cell_mv = scenario.pen.clock_cell_mv
    world.recorder.limit_um = effective_max_um(scenario)
    if not scenario.cartridge.seated:
        world.start_without_cartridge()
    if scenario.cartridge.kind == "gauge_tip":
        world.plant.skin_present = False  # in the technician's stand
    for mishap in scenario.faults:
        schedule(world, mishap)
    return world


def schedule(world: World, mishap: Mishap) -> None:
    """Have a mishap on the world's calendar, now if its time has come."""
    kind = MISHAPS[mishap.what]

    def begin() -> None:
        text = kind.about if mishap.value is None else f"{kind.about}: {mishap.value:g} {kind.value}"
        text = text if mishap.pin is None else f"{mishap.pin}: {text}"
        world.recorder.event("injected", text)
        world.recorder.unusual()
        kind.begin(world, mishap.value, mishap.pin, mishap.looks)
        if mishap.for_ms is not None:
            world.after(round(mishap.for_ms * MS), end)

    def end() -> None:
        world.recorder.event("injected", f"over: {kind.about}")
        kind.end(world, mishap.value, mishap.pin)

    if mishap.at_ms is not None:
        world.at(round(mishap.at_ms * MS), begin)
        return
    if mishap.when is not None:
        world.moments.hear(
            mishap.when, mishap.nth, lambda: world.after(round(mishap.after_ms * MS), begin))
        return

    def on_stroke(index: int, start_ns: int, end_ns: int) -> None:
        if index == mishap.stroke:
            world.at(start_ns + int((end_ns - start_ns) * mishap.part), begin)

    world.on_stroke.append(on_stroke)
