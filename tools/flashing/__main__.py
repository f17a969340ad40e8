"""The commands that tools/flash.sh calls; each prints what it found, or one line that says what to do."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import sys
import time
import urllib.request
import zlib
from pathlib import Path
from typing import Annotated

import typer
from serial.tools import list_ports

from pen.connect import PEN_USB, as_technician
from pen.link import LinkError, open_link
from pen.link import Refused as PenRefused
from pen.wires import SerialWire
from sim.space import FIRMWARE, shim
from tools.flashing import plan as planning
from tools.flashing import uf2 as uf2_files
from tools.flashing.plan import Refused
from tools.fold import fold

HERE = Path(__file__).parent
board = shim("board")
PATIENCE = float(os.environ.get("FLASH_PATIENCE", "1"))  # more for a pen that is slower than a board: an emulated one
READY_WITHIN_S = 60 * PATIENCE
SERVICE_WITHIN_S = 30 * PATIENCE
ANSWER_WITHIN_S = 15 * PATIENCE  # a pen that starts needs a few
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def find(list_all: Annotated[bool, typer.Option("--list")] = False) -> None:
    """port:NAME of the one pen at USB, bootsel:FOLDER of a blank board, or nothing; --list says what there is."""
    ports = list(list_ports.comports())
    pens = [port for port in ports if (port.vid, port.pid) == PEN_USB]
    volumes = uf2_files.volumes()
    if list_all:
        for port in ports:
            print(f"  {port.device}  {port.description}")
        raise Refused(
            f"{len(pens)} pens found, one is needed: name one by --port; a blank board shows when BOOTSEL is held "
            "while it is plugged in")
    if len(pens) == 1:
        print(f"port:{pens[0].device}")
    elif not pens and len(volumes) == 1:
        print(f"bootsel:{volumes[0]}")


@app.command()
def download(folder: Path) -> None:
    """Fetch the pinned MicroPython and check it; print its path."""
    target = folder / "RPI_PICO.uf2"
    try:
        with urllib.request.urlopen(uf2_files.PINNED_URL, timeout=60) as answer:
            data = answer.read()
    except OSError as error:
        raise Refused(f"MicroPython could not be downloaded ({error}): get it yourself and name it by --uf2") from None
    uf2_files.check_pinned(data)
    target.write_bytes(data)
    print(target)


@app.command()
def check_uf2(file: Path) -> None:
    """Refuse what is not MicroPython for an RP2040."""
    try:
        uf2_files.check(file.read_bytes())
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from None


@app.command()
def check_bootsel(folder: Path) -> None:
    """Refuse a folder that is not the drive of an RP2040 which waits for a UF2."""
    if not uf2_files.is_bootsel(folder):
        raise Refused(
            f"{folder} is not the drive of an RP2040 that waits for a UF2: hold BOOTSEL while you plug the board in, "
            "mount its drive RPI-RP2, and name that")


@app.command()
def wait_port(port: Annotated[str, typer.Argument()] = "") -> None:
    """After MicroPython was copied: the port of the board that comes up, or the given one once it is there."""
    end = time.monotonic() + SERVICE_WITHIN_S
    while time.monotonic() < end:
        pens = [port.device for port in list_ports.comports() if (port.vid, port.pid) == PEN_USB]
        if port and ("://" in port or Path(port).exists()):
            pens = [port]
        if len(pens) == 1:
            print(pens[0])
            return
        time.sleep(0.3)
    raise Refused("the board did not come back with MicroPython: unplug it, plug it in, and run this again")


def look(port: str) -> str:
    """"pen" when its console answers, "prompt" when MicroPython's does, else "silent"."""
    wire = SerialWire(port)
    try:
        came, end, asked = b"", time.monotonic() + ANSWER_WITHIN_S, 0.0
        while time.monotonic() < end:
            if time.monotonic() > asked + 3:  # again: a pen that was just plugged in may not have heard the first
                asked = time.monotonic()
                # ends whatever was half typed, at either; the raw prompt of a tool that was killed is left by Ctrl-B
                wire.write(b"\r\x03\x02\n*IDN?\r\n")
            came += wire.read(0.3)
            if b">>>" in came or b"raw REPL" in came:
                return "prompt"
            if came.count(b",") >= 3 and came.endswith(b"\n"):
                return "pen"
        return "silent"
    finally:
        wire.close()


@app.command()
def probe(port: str) -> None:
    print(look(port))


@app.command()
def service(port: str, key: Path | None = None, yes: bool = False) -> None:
    """Bring a running pen into service mode: by its key while SELECT is held, else by hand. Refused in a session."""
    with open_link(port) as link:
        if link.fields("STATe?")[1] in ("marking", "active"):
            raise Refused("the pen is in a session: end it on the pen, then run this again")
        by_key = key is not None and key.is_file()
        if by_key:
            as_technician(link, key)
            try:
                link.write("SYSTem:SERVice")
            except LinkError as error:  # it restarts at once, and does not always get to say that it will
                if isinstance(error, PenRefused):
                    raise
    if not by_key:
        if yes or not sys.stdin.isatty():
            raise Refused(
                "the pen runs: hold SELECT while you plug it in, or give its key by --key; then run this again")
        print("Unplug the pen, hold SELECT, plug it in again; then let go.", file=sys.stderr)
    end = time.monotonic() + (SERVICE_WITHIN_S if by_key else 300)
    while time.monotonic() < end:
        time.sleep(0.5)
        try:
            if look(port) == "prompt":
                return
        except LinkError:  # not back yet
            pass
    raise Refused("the pen did not come up in service mode: hold SELECT while you plug it in, and run this again")


def _survey(path: Path) -> dict:
    return planning.read_survey(path.read_text(encoding="utf-8", errors="replace"))


@app.command()
def check(survey: Path, image: Path, action: str) -> None:
    """Refuse a board that no pen is, or that the image for it does not fit; tell what is in its slots."""
    manifest = planning.read_manifest(image) if action == "upgrade" else None
    found = _survey(survey)
    print("    " + planning.check_board(found, manifest))
    for slot in planning.SLOTS:
        wrong = planning.state_of(found, slot)
        version = "" if wrong else ", version " + json.loads(found["manifests"][slot])["version"]
        print(f"    slot {slot}: {wrong or 'sound'}{version}")


@app.command()
def plan(survey: Path, image: Path, action: str) -> None:
    print(planning.plan(_survey(survey), image, action), end="")


@app.command()
def verify(survey: Path, image: Path, target: str) -> None:
    planning.verify(_survey(survey), image, target)


def _pins() -> str:
    return (f"SCK, MOSI, MISO, CS = {board.PIN_FRAM_SCK}, {board.PIN_FRAM_MOSI}, {board.PIN_FRAM_MISO}, "
            f"{board.PIN_FRAM_CS}\n")


@app.command()
def fram_script() -> None:
    """The firmware's own driver and, behind it, what prints the memory: works with no sound slot as well."""
    sources = {name: (FIRMWARE / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8")
               for name in ("drivers.fram", "inputs")}
    # by itself: the pen may have no other file of the firmware
    driver = fold(sources, outside=frozenset({"SIZE"}))["drivers.fram"]
    print(driver + "\n" + _pins() + (HERE / "device" / "fram_tail.py").read_text(encoding="utf-8"))


@app.command()
def fram(printed: Path, target: Path) -> None:
    """Make the image of what fram-script printed; whole or not at all."""
    image = read_fram(printed.read_text(encoding="ascii", errors="replace"))
    if image is None:
        print("    the record memory does not answer: there is nothing of it to save")
        return
    target.write_bytes(image)


def read_fram(text: str) -> bytes | None:
    """The memory as printed, None where none answered. Refused when it did not arrive whole."""
    lines = [line.strip() for line in text.splitlines()]
    if "FRAM absent" in lines:
        return None
    data = bytearray()
    try:
        begin = next(i for i, line in enumerate(lines) if line.startswith("FRAM "))
        end = next(i for i, line in enumerate(lines) if line.startswith("CRC "))
        for line in lines[begin + 1 : end]:
            data += bytes((int(line[1:3], 16),)) * int(line[3:]) if line[:1] == "=" else base64.b64decode(line)
        whole = len(data) == int(lines[begin][5:]) and zlib.crc32(data) == int(lines[end][4:], 16)
    except (StopIteration, ValueError):
        whole = False
    if not whole:
        raise Refused("the record memory did not arrive whole: check the cable and run this again")
    return bytes(data)


@app.command()
def check_data(saved: Path, survey: Path, image: Path, action: str, target: str) -> None:
    """Refuse a firmware that cannot read what is on record in the pen."""
    if not (saved / "fram.bin").is_file():
        return
    if action == "rollback":
        manifest = json.loads(_survey(survey)["manifests"][target])
    else:
        manifest = planning.read_manifest(image)
    wrong = planning.check_data((saved / "fram.bin").read_bytes(), manifest)
    if wrong:
        raise Refused(
            f"version {manifest['version']} cannot read what is on record in this pen: {'; '.join(wrong)}. Nothing was "
            "changed; flash a version that can")


@app.command()
def replace_script(source: Path, name: str) -> None:
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    print(f"NAME, SHA256 = {name!r}, {digest!r}\n" + (HERE / "device" / "replace.py").read_text(encoding="utf-8"))


@app.command()
def key(file: Path) -> None:
    """A fresh key in a file of its owner alone, on the disk before the pen gets it; one that is there is kept."""
    if file.exists():
        return
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(secrets.token_hex(32) + "\n")
        out.flush()
        os.fsync(out.fileno())
    print(f"    its key is in {file}: keep it, there is no other copy outside the pen")


@app.command()
def provision_script(serial: str, key: Path, target: str, image: Path) -> None:
    """The image brings the script, with the names that its files have."""
    from pen.connect import read_key

    script = image / "provision.py"
    if not script.is_file():
        raise Refused(f"{image} holds no provision.py: build the firmware again by 'make firmware'")
    print(f"SERIAL, KEY, SLOT = {serial.encode()!r}, {read_key(key)!r}, {target!r}\n" + _pins()
          + script.read_text(encoding="utf-8"))


@app.command()
def ready(port: str, target: str) -> None:
    """Wait until the pen is back and its trial is over; print version and self-test."""
    end = time.monotonic() + READY_WITHIN_S
    seen = ""
    while time.monotonic() < end:
        time.sleep(0.3)
        try:
            answers = look(port)
            if answers == "prompt":
                seen = "it is in service mode: is SELECT still held?"
            if answers != "pen":
                continue
            with open_link(port) as link:
                slot, trial, _, why = link.fields("FIRMware:SLOT?")
                state, _, fault = link.fields("STATe?")
                seen = f"slot {slot}, start {trial} of its trial, state {state}, fault {fault}"
                if slot != target:
                    raise Refused(f"the pen went back to slot {slot}: {why or 'the new firmware did not run'}")
                if trial == "0":
                    found = "nothing" if fault == "0" else f"fault {fault} (docs/faults.md)"
                    print(f"    {link.serial}: version {link.firmware} in slot {slot}, state {state}; "
                          f"its self-test found {found}")
                    return
        except (LinkError, ValueError):
            continue
    raise Refused(
        f"the new firmware did not end its trial ({seen or 'the pen is silent'}): switch the pen off and on; after "
        "three starts it goes back to the firmware before")


def main() -> None:
    try:
        app()
    except (Refused, LinkError) as error:
        print(f"flash: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
