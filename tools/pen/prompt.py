"""`pen console`: SCPI by hand, at a prompt with history and completion, or a few commands of a script."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from pen.connect import FAILED, Key, Port, as_technician, complain, out, pen_at, read_key
from pen.link import PenLink, Refused
from pen.wires import LinkError

Commands = Annotated[list[str] | None, typer.Argument(help="SCPI commands to send; without one, a prompt.")]
Timeout = Annotated[float, typer.Option(min=0.1, max=600, help="Seconds to wait for an answer.")]
HEADERS = ":SYST:HELP:HEAD?"
OWN = {
    "help": "the pen's commands",
    "login": "prove the pen's key, for what only technicians may do",
    "quit": "leave (or Ctrl-D)",
}
HAND = "!"  # before a line for the hands of a pen that is simulated in this process


def console(commands: Commands = None, port: Port = None, key: Key = None, timeout: Timeout = 5.0) -> None:
    """A SCPI prompt; or send the commands given, or the lines of standard input. Exit code 1 if one is refused."""
    read_key(key)  # a wrong one is wrong use, and said before anything else
    with pen_at(port) as link:
        if commands:
            good = _script(link, commands, timeout)
        elif not sys.stdin.isatty():
            good = _script(link, sys.stdin, timeout)
        else:
            _prompt(link, key, timeout)
            good = True
    if not good:
        raise typer.Exit(FAILED)


def _script(link: PenLink, lines: Iterable[str], timeout_s: float) -> bool:
    """Send line after line; False if one was refused."""
    good = True
    for line in lines:
        if not line.strip():
            continue
        try:
            _send(link, line.strip(), timeout_s)
        except (Refused, ValueError) as error:
            complain(f"pen: {error}")
            good = False
    return good


def _prompt(link: PenLink, key: Path | None, timeout_s: float) -> None:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    headers = _headers(link)
    history = InMemoryHistory()
    kept = Path(typer.get_app_dir("pen")) / "console_history"
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        history = FileHistory(str(kept))
    except OSError:  # no home to keep it in
        pass
    session: PromptSession[str] = PromptSession(
        f"{link.serial}> ", history=history, completer=_completer(headers), complete_while_typing=False)
    out.print(", ".join(link.identity), soft_wrap=True)
    out.print("Tab completes, 'help' lists, Ctrl-D leaves.", style="dim")
    if hasattr(link.wire, "act"):
        out.print(f"Simulated: its time passes while it is asked. '{HAND}help' for its hands.", style="dim")
    while True:
        try:
            line = session.prompt().strip()
        except KeyboardInterrupt:  # an empty line again, as in a shell
            continue
        except EOFError:
            return
        if line in ("quit", "exit"):
            return
        try:
            _do(link, line, headers, key, timeout_s)
        except (Refused, ValueError) as error:
            complain(str(error))


def _do(link: PenLink, line: str, headers: list[str], key: Path | None, timeout_s: float) -> None:
    if line == "help":
        out.print("\n".join([*headers, *(f"{word}  ({about})" for word, about in OWN.items())]), markup=False)
    elif line == "login":
        try:
            as_technician(link, key)
        except typer.Exit:  # said already; the prompt goes on
            return
        out.print("Technician, until the pen restarts, or SECurity:CLOSe.")
    elif line.startswith(HAND):
        act = getattr(link.wire, "act", None)
        if act is None:
            raise ValueError("only a pen simulated in this process (--port sim:) has hands here")
        out.print(act(line[1:]), markup=False)
    elif line:
        _send(link, line, timeout_s)


def _send(link: PenLink, line: str, timeout_s: float) -> None:
    for answer in link.exchange(line, timeout_s):
        out.print(answer if isinstance(answer, str) else _about_block(answer), markup=False, soft_wrap=True)


def _about_block(raw: bytes) -> str:
    """A block of text as it is, others in one line: nobody reads them raw, and a terminal must not."""
    if raw and all(32 <= byte < 127 or byte == 10 for byte in raw):
        return raw.decode("ascii").rstrip("\n")
    sound = len(raw) >= 4 and zlib.crc32(raw[:-4]) == int.from_bytes(raw[-4:], "little")
    start = raw[:8].hex(" ") + (" ..." if len(raw) > 8 else "")
    return f"block of {len(raw)} bytes, CRC-32 {'right' if sound else 'wrong'}: {start}"


def _headers(link: PenLink) -> list[str]:
    """What the pen says it understands."""
    text = []
    try:
        for answer in link.exchange(HEADERS):
            text.append(answer if isinstance(answer, str) else answer.decode("ascii", "ignore"))
    except LinkError:
        return []
    return sorted(line.strip() for line in "\n".join(text).splitlines() if line.strip())


def _completer(headers: list[str]):
    """Completes headers in either case, from their capitals or in full."""
    from prompt_toolkit.completion import WordCompleter

    words = [header.replace("[", "").replace("]", "").split("/")[0] for header in headers]
    return WordCompleter([*words, *OWN], ignore_case=True, sentence=True)
