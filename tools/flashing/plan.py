"""What an upgrade has to do, from what a board's survey says and a built image; and why it must not be done. Pure."""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

from penimage import decode
from penimage.model import HEAD_FORMATS, RECORD_NAMES
from sim.space import shim

slots = shim("slots")
SLOTS = ("a", "b")
BLOCK_BYTES = 4096  # of the filesystem; a file takes whole ones
SPARE_BLOCKS = 8  # folders, and what is written beside a file before it takes its place


class Refused(Exception):
    """It must not be done; the text says why and what to do."""


def read_survey(text: str) -> dict[str, Any]:
    """The line that device/survey.py printed. Refused when there is none."""
    for line in text.splitlines():
        if line.startswith("SURVEY "):
            return json.loads(line.removeprefix("SURVEY "))
    raise Refused(
        "the board did not answer the survey: unplug it, hold SELECT while you plug it in, and run this again")


def check_board(survey: dict[str, Any], manifest: dict[str, Any] | None) -> str:
    """The board in words. Refused when it is not one that this firmware can run on."""
    if survey["platform"] != "rp2" or "RP2040" not in survey["machine"]:
        raise Refused(
            f"this is a {survey['machine'] or survey['platform']}, not an RP2040: name the pen's port by --port")
    word = survey["mpy"]
    runs = (word & 0xFF, word >> 8 & 3, word >> 10 & 0x3F, tuple(survey["version"][:2]))
    if manifest is not None and (need := slots.fits(manifest, runs)):
        version = ".".join(map(str, survey["version"]))
        raise Refused(
            f"the firmware needs {need.replace('uPy', 'MicroPython')}, the board has MicroPython {version}: hold "
            "BOOTSEL while you plug it in and run this again, which puts the right one on it and keeps the pen's data")
    return f"{survey['machine']}, MicroPython {'.'.join(map(str, survey['version']))}"


def state_of(survey: dict[str, Any], slot: str) -> str:
    """"" for a slot that would run by its manifest, else why not."""
    data = survey["manifests"][slot]
    if data is None:
        return "no manifest"
    try:
        files = json.loads(data)["files"]
        for name in files:
            if survey["files"].get(f"/{slot}/{name}") != files[name]["sha256"]:
                return f"{name} is not as its manifest says"
    except (ValueError, KeyError, TypeError):
        return "manifest damaged"
    return ""


def target_of(survey: dict[str, Any], action: str) -> tuple[str, str | None]:
    """(slot to write or to go back to, slot that the pointer has to go back to before that, or None). Refused."""
    known = slots.parse((survey["pointer"] or "").encode())
    sound = [slot for slot in SLOTS if not state_of(survey, slot)]
    if action == "rollback":
        if known is None:
            raise Refused("the pen has no pointer to a slot: nothing to go back from. Flash a firmware")
        other = slots.other(known[0])
        if other not in sound:
            raise Refused(f"slot {other} holds no firmware to go back to: {state_of(survey, other)}")
        return other, None
    if known is None:
        return next((slot for slot in SLOTS if slot not in sound), "a"), None
    slot, starts, failed, _ = known
    spare = slots.other(slot)
    if starts is None:
        return spare, None  # the one that works is never touched
    if spare in sound and spare != failed:  # a trial that has not ended: the firmware before it is the one that works
        return slot, spare
    return spare, None


def plan(survey: dict[str, Any], image: Path, action: str) -> str:
    """Variables for flash.sh: target, about, copy, extra, loader, archived, prepare."""
    archived = [name.removeprefix("/log/") for name, size in survey["files"].items()
                if name.startswith("/log/") and size is not None]
    values: dict[str, Any] = {"target": "", "about": "", "prepare": "", "copy": [], "extra": [], "loader": [],
                              "archived": sorted(archived)}
    if action != "backup":
        target, back_to = target_of(survey, action)
        values["target"] = target
        if action == "rollback":
            version = json.loads(survey["manifests"][target])["version"]
            values["about"] = f"back to version {version}"
        else:
            values |= _upgrade(survey, image, target, back_to)
    return "\n".join(f"{name}={_quoted(value)}" for name, value in values.items()) + "\n"


def _quoted(value: Any) -> str:
    return shlex.quote(value) if isinstance(value, str) else "(" + " ".join(map(shlex.quote, value)) + ")"


def _upgrade(survey: dict[str, Any], image: Path, target: str, back_to: str | None) -> dict[str, Any]:
    manifest = read_manifest(image)
    held = survey["files"]
    files = manifest["files"]
    copy = [name for name, entry in files.items() if held.get(f"/{target}/{name}") != entry["sha256"]]
    folders = {f"/{target}", *(f"/{target}/{name.rsplit('/', 1)[0]}" for name in files if "/" in name)}
    named = {f"/{target}/{name}" for name in files} | folders
    extra = sorted((path for path in held if path.startswith(f"/{target}/") and path not in named
                    and path != f"/{target}/manifest.json"), key=len, reverse=True)
    need = SPARE_BLOCKS + sum(_blocks(files[name]) for name in copy if f"/{target}/{name}" not in held)
    free = survey["free"] + _freed(survey, target, extra)
    if need > free:
        raise Refused(
            f"the pen's flash has {free} blocks for it and {need} are needed: export its sessions and release them "
            "(docs/records.md), then run this again")
    same = not copy and not extra and held.get(f"/{target}/manifest.json") == _digest(image / "manifest.json")
    lines = ["import os"]
    if back_to is not None:  # before the trial's slot is touched
        lines += ["import slots", f"slots.replace(slots.POINTER, slots.pointer({back_to!r}, None))"]
    if not same:
        if f"/{target}/manifest.json" in held:  # from here to the new one, this slot does not run
            lines.append(f"os.remove('/{target}/manifest.json')")
        lines += [f"os.{'rmdir' if held[path] is None else 'remove'}({path!r})" for path in extra]
        lines += [f"os.mkdir({path!r})" for path in sorted(folders, key=len) if path not in held]
    loader = [f"{entry['from']}={name}" for name, entry in manifest["loader"].items()
              if held.get(f"/{name}") != entry["sha256"]]
    loader.sort(key=lambda pair: pair.endswith("=boot.py"))  # what starts them comes last
    return {"about": f"version {manifest['version']}", "copy": copy, "extra": extra, "loader": loader,
            "prepare": "\n".join(lines)}


def _blocks(entry: dict[str, Any]) -> int:
    return -(-entry["bytes"] // BLOCK_BYTES)


def _freed(survey: dict[str, Any], target: str, extra: list[str]) -> int:
    """Blocks of what is removed before anything is copied, as far as the slot's present manifest tells."""
    try:
        files = json.loads(survey["manifests"][target] or "")["files"]
        return sum(_blocks(files[name]) for name in files if f"/{target}/{name}" in extra)
    except (ValueError, KeyError, TypeError):
        return 0


def read_manifest(image: Path) -> dict[str, Any]:
    return json.loads((image / "manifest.json").read_text(encoding="utf-8"))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def verify(survey: dict[str, Any], image: Path, target: str) -> None:
    """Refused unless the slot holds the image, byte for byte and nothing else."""
    manifest = read_manifest(image)
    want = {name: entry["sha256"] for name, entry in manifest["files"].items()}
    want["manifest.json"] = _digest(image / "manifest.json")
    prefix = f"/{target}/"
    held = {name.removeprefix(prefix): value for name, value in survey["files"].items()
            if name.startswith(prefix) and value is not None}
    wrong = sorted(name for name in want.keys() | held.keys() if want.get(name) != held.get(name))
    if wrong:
        raise Refused(f"slot {target} does not hold what was sent ({', '.join(wrong[:3])}): run this again")


def check_data(fram: bytes, manifest: dict[str, Any]) -> list[str]:
    """Why this firmware must not be started on a pen with this record memory; empty when it can read all of it."""
    reads = manifest.get("data")
    if reads is None:
        return ["its manifest does not say which records it reads"]
    found = decode(fram)
    superblock = found.records["superblock"]
    if superblock.status == "empty":
        return []
    wrong = []
    if superblock.values is None or superblock.values["layout"] != reads["layout"]:
        wrong.append(f"the pen's memory is not of layout {reads['layout']}")
    for number, name in enumerate(RECORD_NAMES):
        record = found.records[name]
        if record.status == "empty" or number >= len(reads["schemas"]):  # it leaves alone what it does not know
            continue
        if record.schema > reads["schemas"][number]:
            wrong.append(f"record {name} has schema {record.schema}, it reads up to {reads['schemas'][number]}")
    if reads["head"] < max(HEAD_FORMATS) and found.sessions:
        wrong.append(f"sessions on record may be of format {max(HEAD_FORMATS)}, it reads up to {reads['head']}")
    return wrong
