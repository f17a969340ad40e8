"""Holds the documentation to the code: every table, key, limit, link and command in it is checked here.

A table is found by its header row; a cell is compared without backquotes. What the tests take from the code is
the firmware's own tables and the simulator's own models, never a copy.
"""

import datetime
import math
import re
import struct
import tomllib
import types
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from pages import DOCS, ROOT, prose, read, rows_in, section, table
from pen.cli import app
from penimage import model as image_model
from sim import scenario
from sim.exhaust import check as checker
from sim.mishaps import MISHAPS
from sim.plant_params import PlantParams
from sim.run import Simulation
from sim.space import shim

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
# numbers of a tracker, places of a workplace, addresses of one machine
FORBIDDEN = (r"(?<![\w&/])#\d+\b", r"(?<![\w.])/(work|tmp|home|root)/", r"\blocalhost\b", r"\b127\.0\.0\.1\b")

board, costs, depth, faults = shim("board"), shim("_costs"), shim("depth"), shim("faults")
carriage, homing, layout, motor = shim("carriage"), shim("homing"), shim("layout"), shim("motor")
ops = shim("_ops")
profile, safety = shim("profile"), shim("safety")
rp2_ops, ow_ops, np_ops = shim("_rp2_ops"), shim("_ow_ops"), shim("_np_ops")
events, journal, cartridge, calibration = shim("events"), shim("journal"), shim("cartridge"), shim("calibration")
supervisor, selftest, inputs = shim("supervisor"), shim("selftest"), shim("inputs")
pace = shim("pace")
dates = shim("dates")
scheduler, treatment, gate, records = shim("scheduler"), shim("treatment"), shim("gate"), shim("records")


# -- links, commands, words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_and_picture_exists(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{page.name} links to {target}"


def anchors(file: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", prose(file.read_text(encoding="utf-8")), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_speaks_of_trackers_or_places(page):
    text = page.read_text(encoding="utf-8")
    for pattern in FORBIDDEN:
        assert not re.search(pattern, text), f"{page.name} has {re.search(pattern, text)[0]!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page):
    known = set(re.findall(r"^([a-z][\w-]*):", read("Makefile"), flags=re.M))
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z][\w-]*)`", text)) | set(re.findall(r"^make ([a-z][\w-]*)", text, flags=re.M))
    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pen_commands_name_real_scenarios_and_options(page):
    text = page.read_text(encoding="utf-8")
    for line in re.findall(r"^(?:\.venv/bin/)?pen run (.*)$", text, flags=re.M):
        words = line.split("#")[0].split()
        assert words[0].endswith(".toml") or (scenario.LIBRARY / f"{words[0]}.toml").exists(), line
        assert {word for word in words if word.startswith("--")} <= run_options()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_named_in_a_page_exist(page):
    for name in re.findall(r"`((?:firmware|sim|tools|tests|docs)/[\w/.]+\.(?:py|md|toml|j2|sh))`", page.read_text()):
        assert (ROOT / name).exists(), f"{page.name} names {name}"


def test_readme_fits_a_screen_and_pictures_are_small():
    assert len(read("README.md").splitlines()) <= 85
    for picture in (DOCS / "img").iterdir():
        assert picture.stat().st_size < 300_000


def test_version_is_in_the_changelog_or_unreleased():
    assert "## [Unreleased]" in read("CHANGELOG.md")


# -- docs/hardware.md --------------------------------------------------------------------------------------------


def test_pins_are_those_of_the_board():
    rows = table("docs/hardware.md", "GP", "signal", "name in `board.py`".replace("`", ""))
    said = {row["name in board.py"]: int(row["GP"]) for row in rows}
    assert said == {name: value for name, value in vars(board).items() if name.startswith("PIN_")}


def mm(um: int) -> str:
    return f"{um / 1000:.2f}"


def test_zones_are_those_of_the_firmware():
    rows = table("docs/hardware.md", "zone", "label", "min, mm")
    assert [row["zone"] for row in rows] == [zone.key for zone in depth.ZONES]
    for row, zone in zip(rows, depth.ZONES, strict=True):
        if zone.cap_um == 0:
            assert row["cap, mm"] == "prohibited"
            continue
        assert (row["label"], row["min, mm"], row["default, mm"], row["cap, mm"]) == (
            zone.label, mm(zone.min_um), mm(zone.default_um), mm(zone.cap_um))
        supervised = mm(zone.supervised_cap_um) if zone.supervised_cap_um != zone.cap_um else "–"
        assert row["with a supervisor, mm"] == supervised
        assert row["rate, Hz"] == f"{zone.rate_min_mhz // 1000} to {zone.rate_max_mhz // 1000}"


def test_indications_are_those_of_the_firmware():
    rows = table("docs/hardware.md", "indication", "label", "band, mm")
    assert [(row["indication"], row["label"], row["band, mm"]) for row in rows] == [
        (row.key, row.label, f"{mm(row.low_um)} to {mm(row.high_um)}") for row in depth.INDICATIONS]


def test_thresholds_are_those_of_the_firmware():
    modules = {"safety": safety, "motor": motor, "carriage": carriage, "homing": homing, "calibration": calibration,
               "gate": gate, "treatment": treatment, "board": board, "depth": depth, "records": records,
               "supervisor": supervisor, "selftest": selftest, "dates": dates, "pace": pace}
    rows = table("docs/hardware.md", "constant", "value")
    assert len(rows) >= 30
    for row in rows:
        module, _, name = row["constant"].partition(".")
        assert int(row["value"].replace(" ", "")) == getattr(modules[module], name), row["constant"]
    named = {row["constant"] for row in rows}
    missing = {f"safety.{name}" for name in vars(safety) if re.match(r"[A-Z].*_(MV|MS|DC)$", name)} - named
    assert not missing


def test_inputs_are_those_of_the_firmware():
    rows = table("docs/hardware.md", "row", "input", "readings")
    assert [row["row"] for row in rows] == [
        name.removesuffix("_FOLLOWS").lower() for name in vars(inputs) if name.endswith("_FOLLOWS")]
    for row in rows:
        for column, suffix in (("readings", "READINGS"), ("over, ms", "MS"), ("asked in all", "TRIES"),
                               ("found within, ms", "WITHIN_MS")):
            value = getattr(inputs, f"{row['row'].upper()}_{suffix}", None)
            assert row[column] == ("–" if value is None else str(value)), (row["row"], column)
        code = getattr(inputs, f"{row['row'].upper()}_FOLLOWS")
        first = row["what follows"].partition(";")[0]
        assert (first == faults.key(code)) if code != faults.NONE else first not in {
            fault.key for fault in faults.TABLE.values()}


# -- docs/architecture.md ------------------------------------------------------------------------------------------


def test_state_table_is_the_safety_cores():
    rows = table("docs/architecture.md", "state", *safety.EVENT_NAMES)
    assert [row["state"] for row in rows] == list(safety.STATE_NAMES)
    words = {-1: "·", -2: "✗"}
    for row, targets in zip(rows, safety.TRANSITIONS, strict=True):
        said = [row[name] for name in safety.EVENT_NAMES]
        assert said == [words.get(target) or safety.STATE_NAMES[target] for target in targets]


def test_state_drawing_has_only_arrows_of_the_table():
    drawn = re.findall(r"^ +(\w+) --> (\w+) ?:? ?(.*)$", section("docs/architecture.md", "Safety"), flags=re.M)
    assert len(drawn) > 12
    for source, target, label in drawn:
        for name in label.split(", "):
            row = safety.TRANSITIONS[safety.STATE_NAMES.index(source)]
            assert safety.STATE_NAMES[row[safety.EVENT_NAMES.index(name)]] == target, (source, name)


def test_stroke_times_are_the_planners():
    planner = profile.planned(
        records.SPEED_MAX_UM_S, records.ACCEL_MAX_MM_S2 * 1000, records.JERK_MAX_MM_S3 * 1000,
        records.COAST_MM_S2 * 1000, lambda cycles, outward: 0)
    rows = table("docs/architecture.md", "extension, mm", "out, ms", "in, ms", "strokes a second at most")
    for row in rows:
        way_um = round(float(row["extension, mm"]) * 1000) - carriage.REFERENCE_REST_UM
        steps = way_um * carriage.STEPS_PER_MM // 1000
        out_us, in_us = planner.out_us(steps), planner.in_us(steps)
        assert (row["out, ms"], row["in, ms"]) == (f"{out_us / 1000:.1f}", f"{in_us / 1000:.1f}")
        fastest = 1e6 / (out_us + in_us + treatment.MARGIN_US)
        assert row["strokes a second at most"] == f"{math.floor(fastest * 10) / 10:.1f}"


def test_every_firmware_module_is_in_the_map():
    text = section("docs/architecture.md", "The map")
    for path in sorted((ROOT / "firmware").rglob("*.py")):
        assert f"`{path.stem}`" in text or f"`drivers/{path.stem}`" in text, path.name


def test_tasks_are_those_of_the_pen():
    source = read("firmware/pen.py")
    rows = table("docs/architecture.md", "task", "may start late by, ms", "must check in within, ms")
    said = [(row["task"], 1000 * int(row["may start late by, ms"]), 1000 * int(row["must check in within, ms"]))
            for row in rows]  # fmt: skip
    found = re.findall(r'Task\("(\w+)", self\.[\w.]+, (\d+), (\d+)(?:, True)?\)', source)
    assert said == [(name, int(late), int(alive)) for name, late, alive in found]


# -- docs/simulator.md ---------------------------------------------------------------------------------------------


def kind(field) -> str:
    """What a scenario's key takes, in words."""
    annotation = field.annotation
    options = [annotation]
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        options = [option for option in typing.get_args(annotation) if option is not type(None)]
    bounded = scenario.Bounds in options
    first = options[0]
    if typing.get_origin(first) is typing.Literal:
        values = typing.get_args(first)
        return "verb" if len(values) > 8 else " or ".join(values)
    if typing.get_origin(first) is dict:
        return "table"
    if typing.get_origin(first) is list:
        return "list of texts" if typing.get_args(first)[0] is str else "tables"
    if isinstance(first, type) and issubclass(first, BaseModel):
        return "table"
    word = {str: "text", bool: "true or false", int: "integer", float: "number", datetime.date: "date"}[first]
    return word + (" or bounds" if bounded else "") + limits(field.metadata)


def limits(metadata) -> str:
    found = {name: getattr(item, name) for item in metadata for name in ("ge", "gt", "le", "min_length", "max_length")
             if getattr(item, name, None) is not None}  # fmt: skip
    if "max_length" in found:
        return f", {found.get('min_length', 0)} to {found['max_length']} characters"
    if "gt" in found:
        return f", above {found['gt']} to {found['le']}"
    if "le" in found:
        top = found["le"]
        return f", {found['ge']:g} to {top:g}" if isinstance(top, float) else f", {found['ge']} to {top}"
    return f", from {found['ge']}" if "ge" in found else ""


def default(field) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel) or value in ({}, []):
        return "empty"
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


MODELS = {
    "Top level": scenario.Scenario, "[treatment]": scenario.TreatmentTable, "[pen]": scenario.PenTable,
    "[[pen.earlier]]": scenario.EarlierSession, "[cartridge]": scenario.CartridgeTable,
    "[[hands]]": scenario.HandStep, "[[faults]]": scenario.Mishap,
    "[expect]": scenario.Expect, "Bounds": scenario.Bounds,
}  # fmt: skip


@pytest.mark.parametrize("title", MODELS)
def test_every_key_of_a_scenario_is_documented_with_type_range_and_default(title):
    rows = rows_in(section("docs/simulator.md", title))
    for name, field in MODELS[title].model_fields.items():
        if (title, name) == ("Top level", "name"):
            continue
        assert name in rows, f"[{title}] {name} | {kind(field)} | {default(field)}"
        said = [cell.replace("`", "") for cell in rows[name][:2]]
        assert said == [kind(field), default(field)], f"{title} {name}"
        assert len(rows[name][2]) > 3
    assert not set(rows) - set(MODELS[title].model_fields) - {"key", "---"}


def test_every_verb_of_the_hands_is_documented():
    verbs = typing.get_args(scenario.HandStep.model_fields["do"].annotation)
    rows = table("docs/simulator.md", "do", "keys it reads")
    assert [row["do"] for row in rows] == list(verbs)


def test_every_mishap_is_documented():
    rows = table("docs/simulator.md", "what", "value", "ends by for_ms")
    assert [(row["what"], row["value"], row["ends by for_ms"]) for row in rows] == [
        (name, kind.value or "–", "yes" if kind.undo else "no") for name, kind in MISHAPS.items()]


def test_every_plant_parameter_is_documented_with_default_and_range():
    rows = table("docs/simulator.md", "parameter", "default", "range")
    said = {row["parameter"]: (row["default"], row["range"]) for row in rows}
    assert said == {
        field.name: (f"{field.default:g}", "{:g} to {:g}".format(*field.metadata["range"]))
        for field in PlantParams.__dataclass_fields__.values()}


def test_every_ending_and_session_end_is_named():
    text = section("docs/simulator.md", "[expect]")
    for word in (*scenario.ENDINGS, *image_model.END_NAMES.values()):
        assert f"`{word}`" in text, word


def test_costs_are_those_of_the_seam():
    named = {f"{module.__name__}.{name}": value for module in (ops, ow_ops, np_ops)
             for name, value in vars(module).items() if name.isupper()}  # fmt: skip
    rows = table("docs/simulator.md", "access", "us", "ns a byte more")
    said = {}
    for row in rows:
        for name in row["access"].split(", "):
            said[name] = (int(row["us"]), int(row["ns a byte more"]))
    everything_else = said.pop("all others")
    assert said.pop("ticks_us") == said.pop("ticks_ms") == (costs.TICKS_US, 0)
    assert costs.CALL_US[rp2_ops.DMA_MEMORY] == said.pop("DMA_MEMORY")[0]
    others = {costs.CALL_US[op] for op in range(64, 100) if op != rp2_ops.DMA_MEMORY}
    assert others == {said.pop("other PIO and DMA")[0]}
    for full, op in named.items():
        name = full.split(".")[1]
        cost = costs.CALL_US[op] + costs.EXTRA_US.get(op, 0), costs.BYTE_NS[op]
        assert said.pop(name, everything_else) == cost, name
    assert not said


def run_options() -> set[str]:
    text = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).stdout
    return set(re.findall(r"--[a-z]+", text))


def test_options_of_pen_run_are_documented():
    rows = table("docs/simulator.md", "option", "meaning")
    assert {row["option"].split()[0] for row in rows} == run_options() - {"--help"}


def test_keys_of_the_json_object_are_documented():
    source = read("sim/run.py")
    body = source[source.index("result: dict[str, Any] = {") : source.index("return Run(")]
    keys = re.findall(r'"(\w+)": ', body) + ["expectations"]
    rows = table("docs/simulator.md", "key of the result", "meaning")
    assert [row["key of the result"] for row in rows] == keys


def test_the_example_scenario_holds():
    example = re.search(r"```toml\n(title = .*?)```", read("docs/simulator.md"), flags=re.S)
    plan = scenario.parse(tomllib.loads(example[1]), "example", "docs/simulator.md")
    assert [row for row in Simulation(plan).run().result["expectations"] if not row["held"]] == []


# -- docs/storage-format.md ----------------------------------------------------------------------------------------


def test_map_of_the_memory_is_the_layouts():
    rows = table("docs/storage-format.md", "from", "bytes", "what")
    spans = [(int(row["from"], 16), int(row["bytes"].replace(" ", ""))) for row in rows]
    at = 0
    for start, size in spans:
        assert start == at
        at += size
    assert at == layout.FRAM_BYTES
    assert (layout.EVENT_BASE, layout.EVENT_BYTES * layout.EVENT_COUNT) in spans
    assert (layout.BLOCK_BASE, layout.BLOCK_BYTES * layout.BLOCK_COUNT) in spans
    assert (layout.CARTRIDGE_BASE, 2 * layout.CARTRIDGE_SLOT_BYTES) in spans


def test_numbers_in_records_are_the_firmwares():
    name = "docs/storage-format.md"
    found = {int(row["kind"]): row["name"] for row in table(name, "kind", "name")}
    assert found == {getattr(events, word.upper()): word for word in found.values()}
    assert found == image_model.EVENT_NAMES
    ends = {int(row["reason"]): row["meaning"] for row in table(name, "reason", "meaning")}
    assert ends == image_model.END_NAMES
    records = [row["record"] for row in table(name, "id", "record")]
    assert records == list(image_model.RECORD_NAMES)
    reasons = [row["reason of a cartridge"] for row in table(name, "number", "reason of a cartridge")]
    assert reasons == list(cartridge.NAMES)


def test_check_values_and_examples_of_the_format():
    text = read("docs/storage-format.md")
    crc = shim("crc")
    assert f"0x{crc.crc16(b'123456789', 0, 9):04X}" in text
    assert f"0x{crc.crc8(b'123456789', 0, 9):02X}" in text
    rows = table("docs/storage-format.md", "word of block 3", "bytes")
    seed = crc.crc8(struct.pack("<I", 3), 0, 4)
    for row in rows:
        index, raw = int(row["word of block 3"]), bytes.fromhex(row["bytes"])
        assert raw[2] == crc.crc8(bytes((index, raw[0], raw[1], raw[3])), 0, 4, seed)
    assert f"{journal.MIN_ROOM_STROKES:,}" in text


# -- docs/gate.md ----------------------------------------------------------------------------------------------------


def test_gate_page_counts_the_slots_of_the_programs():
    rows = table("docs/gate.md", "state machine", "program", "slots")
    for row in rows:
        assert int(row["slots"]) == len(getattr(gate, row["program"])[0]), row["program"]
    assert f"{sum(int(row['slots']) for row in rows)} of the block's 32 slots" in read("docs/gate.md")


# -- docs/testing.md -------------------------------------------------------------------------------------------------


def test_every_rule_of_the_checker_is_documented():
    rows = table("docs/testing.md", "rule", "holds")
    assert {row["rule"]: row["holds"] for row in rows} == checker.TEXTS


def test_options_of_pen_check_are_documented():
    rows = rows_in(section("docs/testing.md", "When a rule is broken"))
    text = CliRunner().invoke(app, ["check", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).stdout
    said = {name.split()[0] for name in rows if name.startswith("--") and name.strip("-")}
    assert said == set(re.findall(r"--[a-z]+", text)) - {"--help"}
