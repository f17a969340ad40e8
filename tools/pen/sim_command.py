"""`pen sim`: a simulated pen in real time, for any client; typed lines are hands that press its buttons."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from pen.connect import FAILED, WRONG_USE, err, fail, out

Scenario = Annotated[str, typer.Argument(help="Which pen: a scenario file, or the name of a shipped one.")]
At = Annotated[
    str | None,
    typer.Option("--port", "-p", metavar="URL", help="socket://HOST:PORT to serve at; else a pty, which is named.")]
Link = Annotated[
    Path | None, typer.Option(metavar="PATH", help="A link to the pty, whose name stays when the pen restarts.")]
Control = Annotated[
    str | None, typer.Option(metavar="URL", help="socket://HOST:PORT for the lines that can also be typed.")]
Tier = Annotated[str, typer.Option(help="Where the firmware runs: cpython, micropython or silicon.")]
Play = Annotated[bool, typer.Option("--play", help="Have the scenario's hands act it out.")]
KeyTo = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the pen's key there: what technicians give to --key.")]
AsJson = Annotated[bool, typer.Option("--json", help="Name the ports as one JSON object.")]


def sim(
    scenario: Scenario = "treatment", port: At = None, link: Link = None, control: Control = None,
    tier: Tier = "cpython", play: Play = False, key_to: KeyTo = None, as_json: AsJson = False,
) -> None:
    """Serve a simulated pen in real time. Type 'help' for what its hands can do; Ctrl-C ends it."""
    from sim.build import pen_key
    from sim.hostport import HostPort, PortBusy
    from sim.lives import check_tier
    from sim.scenario import ScenarioError, load
    from sim.serve import Server
    from sim.tiers import FirmwareDied, find_micropython

    try:
        plan = load(scenario)
        check_tier(plan, tier)
    except ScenarioError as error:
        raise fail(str(error), WRONG_USE) from None
    if tier == "micropython" and find_micropython() is None:
        raise fail("no MicroPython VM: install the project's packages, or name one in PEN_MICROPYTHON")
    if tier == "silicon":
        from sim.silicon.tier import need_uf2

        try:
            need_uf2()
        except FileNotFoundError as error:
            raise fail(str(error), WRONG_USE) from None
    if port is not None and link is not None:
        raise fail("--link is for a pty, and --port asks for a TCP port: give one of them", WRONG_USE)
    if key_to is not None:
        try:
            key_to.write_text(pen_key(plan).hex() + "\n", encoding="ascii")
        except OSError as error:
            raise fail(f"cannot write {key_to}: {error.strerror}", WRONG_USE) from None
    try:
        serving = HostPort.socket(*_address("--port", port)) if port else HostPort.pty(link)
        hands = HostPort.socket(*_address("--control", control)) if control else None
    except PortBusy as error:
        raise fail(str(error)) from None

    def ready() -> None:
        if as_json:
            print(json.dumps({"port": serving.name, "control": hands.name if hands else None}), flush=True)
            return
        _say(f"A simulated pen is at {serving.name}")
        if hands:
            _say(f"Its hands listen at {hands.name}")
        _say(f"Try: pen status --port {serving.name}")

    server = Server(plan, serving, _say, ready, tier=tier, play=play, typed=_stdin(), control=hands)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop())
    try:
        server.run()
    except FirmwareDied as error:
        raise fail(str(error), FAILED) from None
    if server.behind_s > 1:
        err.print(f"pen: this machine was too slow by {server.behind_s:.0f} s: so much less time went by in the pen")


def _say(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
    sys.stdout.flush()


def _stdin() -> int | None:
    """The descriptor of what is typed, None where there is none."""
    with contextlib.suppress(ValueError, OSError):
        return sys.stdin.fileno()
    return None


def _address(option: str, url: str) -> tuple[str, int]:
    """Host and port of a socket:// URL; wrong use for anything else."""
    parts = urlsplit(url)
    try:
        number = parts.port
    except ValueError:
        number = None
    if parts.scheme != "socket" or not parts.hostname or number is None or parts.path:
        raise fail(f"{option} takes socket://HOST:PORT (port 0: any free one), not '{url}'", WRONG_USE)
    return parts.hostname, number
