"""Which pen a command talks to: the port that was named, or the one that USB shows; and how its errors end a command.

Exit codes of every command that talks to a pen: 0 done, 1 the pen refused or failed or is not there, 2 wrong use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from pen.link import PenLink, open_link
from pen.wires import LinkError, WrongPort

FAILED, WRONG_USE = 1, 2
PEN_USB = (0x2E8A, 0x0005)  # MicroPython's serial port on an RP2040
SIMULATED = "'--port sim:' takes a simulated one"
KEY_BYTES = 32

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Port = Annotated[
    str | None,
    typer.Option(
        "--port", "-p", metavar="PORT", envvar="PEN_PORT",
        help="A device, a pySerial URL, or sim: for a simulated pen. Without it, the pen that USB shows."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Key = Annotated[
    Path | None,
    typer.Option(
        "--key", metavar="FILE", envvar="PEN_KEY", help="The pen's key, for what only technicians may do."),
]


def fail(message: str, code: int = FAILED) -> typer.Exit:
    """Say what is wrong in one line; raise what this returns."""
    complain(f"pen: {message}")
    return typer.Exit(code)


def complain(message: str, style: str = "red") -> None:
    """One line on the error stream; on a terminal broken between words."""
    err.print(message, style=style, markup=False, soft_wrap=not err.is_terminal)


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


@contextmanager
def pen_at(port: str | None) -> Iterator[PenLink]:
    """An open connection; whatever goes wrong with it, also halfway, is one line and an exit code."""
    try:
        with open_link(port or find_pen()) as link:
            yield link
    except WrongPort as error:
        raise fail(str(error), WRONG_USE) from None
    except LinkError as error:
        raise fail(str(error)) from None


def usb_ports() -> list[ListPortInfo]:
    """The serial ports of this machine, those of pens first."""
    return sorted(list_ports.comports(), key=lambda port: (not looks_like_pen(port), port.device))


def looks_like_pen(port: ListPortInfo) -> bool:
    return (port.vid, port.pid) == PEN_USB


def find_pen() -> str:
    """The one pen at USB. LinkError if there is none, WrongPort if there are several."""
    ports = usb_ports()
    pens = [port.device for port in ports if looks_like_pen(port)]
    if len(pens) == 1:
        return pens[0]
    if pens:
        raise WrongPort(f"{len(pens)} pens at USB: {', '.join(pens)}; name one with --port")
    found = ", ".join(f"{port.device} ({describe(port)})" for port in ports)
    seen = f"the serial ports here are of something else: {found}" if found else "there is no serial port at all"
    raise LinkError(f"no pen at USB; {seen}. Is it switched on and plugged in? {SIMULATED}")


def describe(port: ListPortInfo) -> str:
    """What USB says of a port, in a few words."""
    if port.vid is None:
        return "not USB"
    words = [word for word in (port.product or port.description,) if word and word != "n/a"]
    return " ".join([*words, f"{port.vid:04X}:{port.pid:04X}"])


def read_key(path: Path | None) -> bytes | None:
    """The key in a file, None without one; wrong use if it holds none."""
    if path is None:
        return None
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise fail(f"cannot read the key {path}: {error.strerror}", WRONG_USE) from None
    except ValueError:  # not hexadecimal, or not text
        key = b""
    if len(key) != KEY_BYTES:
        raise fail(f"{path} is not a pen's key: {2 * KEY_BYTES} hexadecimal digits and nothing else", WRONG_USE)
    return key


class AskedPerson:
    """A person at the terminal, for what only hands can do."""

    def hold_select(self, held: bool) -> None:
        if held:
            err.print("Hold [bold]SELECT[/] on the pen, and press Enter here while you do.", end=" ")
            try:
                input()
            except EOFError:
                err.print()
                raise LinkError("nobody is at the terminal to hold SELECT on the pen") from None
        else:
            err.print("Let go of SELECT.")


def as_technician(link: PenLink, key: Path | None) -> None:
    """Prove the pen's key while SELECT is held. Wrong use without a key; Refused if it is not this pen's."""
    secret = read_key(key) or getattr(link.wire, "key", None)
    if secret is None:
        raise fail(f"this is for technicians: give the key of {link.serial} with --key or in PEN_KEY", WRONG_USE)
    link.login(secret, AskedPerson())
