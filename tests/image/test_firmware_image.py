"""The compiled firmware: the same bytes from the same source, a manifest that tells, and it runs."""

import hashlib
import json
import shutil
import subprocess
import sys

import pytest
from typer import Typer
from typer.testing import CliRunner

from penimage import model
from sim import tiers
from sim.run import Simulation
from sim.scenario import load
from sim.silicon.tier import firmware_files
from sim.space import shim
from tools import firmware_image as image

app = Typer()
app.command()(image.main)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    return folder, image.build(folder)


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_source_gives_the_same_bytes_wherever_it_lies(built, tmp_path):
    folder, _ = built
    elsewhere = tmp_path / "a copy" / "firmware"
    shutil.copytree(image.FIRMWARE, elsewhere, ignore=shutil.ignore_patterns("__pycache__"))
    again = tmp_path / "image"
    again.mkdir()
    image.build(again, elsewhere)
    assert tree(again) == tree(folder)


def test_the_manifest_names_every_file_with_its_hash(built):
    folder, manifest = built
    files = tree(folder)
    assert json.loads(files.pop(image.MANIFEST)) == manifest
    names = json.loads(files.pop(image.NAMES))
    assert "motor" in names["names"], "it does not go into a slot"
    assert files.pop("provision.py"), "nor does this"
    named = {**manifest["files"], **{entry["from"]: entry for entry in manifest["loader"].values()}}
    assert {name: hashlib.sha256(data).hexdigest() for name, data in files.items()} == {
        name: entry["sha256"] for name, entry in named.items()}
    assert {name: len(data) for name, data in files.items()} == {name: entry["bytes"] for name, entry in named.items()}
    assert {name for name in files if name.endswith(".py")} == {"boot.py", "start.py"}
    assert {"main.mpy", "base.mpy", "pen.mpy", "commands.mpy", "gears.bin"} <= set(files)
    assert len(files) < 40, "most modules share a file with others"
    assert manifest["mpy"] == "6.3" and manifest["arch"] == "armv6m"
    assert set(manifest["loader"]) == {"boot.py", "main.py", "slots.mpy", "servicepage.mpy"}


def test_its_names_fit_the_tables_that_a_pen_has_for_them(built):
    folder, _ = built
    names = image.names_in_heap(folder)
    assert {"/a/pen.mpy", "console_log", "Decollete", "~"} <= names, "files, modules, texts, characters"
    assert not {"append", "ticks_us", "self"} & names, "which lie in MicroPython's flash"
    assert len(names) <= image.NAMES_MOST - image.NAMES_SPARE


def test_the_manifest_names_the_data_that_the_firmware_reads(built):
    _, manifest = built
    assert manifest["data"] == {
        "layout": model.LAYOUT, "schemas": [model.schema_of(name) for name in model.RECORD_NAMES],
        "head": max(model.HEAD_FORMATS), "archive": 1}


def test_what_a_pen_holds_is_judged_sound_by_the_loader(built):
    folder, _ = built
    held = image.installed(folder, "b")
    slots = shim("slots")
    found = {name.removeprefix("/b/"): len(data) for name, data in held.items() if name.startswith("/b/")}
    chip = (6, 3, 4, (1, 28))
    reason, extra = slots.judge(
        held["/b/manifest.json"], chip, found, lambda name: hashlib.sha256(held[f"/b/{name}"]).hexdigest())
    assert (reason, extra) == ((slots.SOUND, ""), []) and slots.parse(held["/slot"])[:2] == ("b", None)


def test_no_file_tells_where_it_was_built(built):
    folder, _ = built
    for name, data in tree(folder).items():
        assert str(image.ROOT).encode() not in data, name


def test_another_source_gives_another_hash(built, tmp_path):
    _, manifest = built
    changed = tmp_path / "firmware"
    shutil.copytree(image.FIRMWARE, changed, ignore=shutil.ignore_patterns("__pycache__"))
    (changed / "crc.py").write_text((changed / "crc.py").read_text() + "\n\ndef another():\n    return 1\n")
    target = tmp_path / "image"
    target.mkdir()
    files = image.build(target, changed)["files"]
    assert {name for name in files if files[name] != manifest["files"][name]} == {"base.mpy"}


@pytest.mark.micropython
def test_the_compiled_firmware_runs_a_session_on_the_vm(tmp_path, need_micropython, monkeypatch):
    if tiers.find_micropython() is None:
        return
    folder = tmp_path / "image"  # the same but for its machine code, which is the VM's
    folder.mkdir()
    image.build(folder, arch=image.VM_ARCH)
    source = Simulation(load("zone_nose"), "micropython").run().result
    monkeypatch.setattr(tiers, "FIRMWARE", folder)
    result = Simulation(load("zone_nose"), "micropython").run().result
    assert all(row["held"] for row in result["expectations"])
    assert {key: result[key] for key in ("strokes", "max_extension_um", "faults")} == {
        key: source[key] for key in ("strokes", "max_extension_um", "faults")}


def test_the_command_prints_sizes_and_replaces_an_earlier_build(tmp_path):
    target = tmp_path / "firmware"
    assert CliRunner().invoke(app, ["--out", str(target)]).exit_code == 0
    (target / "stale.mpy").write_bytes(b"left over")
    done = CliRunner().invoke(app, ["--out", str(target)])
    assert done.exit_code == 0 and "pen.mpy" in done.stdout and "version" in done.stdout
    assert not (target / "stale.mpy").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    assert CliRunner().invoke(app, ["--out", str(tmp_path)]).exit_code == 2
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_source_that_the_compiler_refuses_is_named(tmp_path):
    broken = tmp_path / "firmware"
    shutil.copytree(image.FIRMWARE, broken, ignore=shutil.ignore_patterns("__pycache__"))
    (broken / "ticks.py").write_text("def wrong(:\n")
    (tmp_path / "image").mkdir()
    with pytest.raises(image.BuildError, match=r"ticks\.py.*line 1"):
        image.build(tmp_path / "image", broken)


def test_the_installed_command_builds_it_from_any_folder(tmp_path):
    """`pen run --tier silicon` has only its packages on the path, not the project's folder."""
    code = "from sim.silicon.tier import firmware_files; print(sorted(firmware_files())[0])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in firmware_files()
