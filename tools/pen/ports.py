"""`pen ports`: the serial ports of this machine, and which pen is at which."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from serial.tools.list_ports_common import ListPortInfo

from pen.connect import SIMULATED, AsJson, describe, looks_like_pen, out, print_json, usb_ports
from pen.link import open_link
from pen.wires import LinkError


def ports(as_json: AsJson = False) -> None:
    """List the serial ports, and ask those that look like a pen who they are."""
    rows = [_row(port) for port in usb_ports()]
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print(f"No serial port on this machine. A pen that is switched on and plugged in is one; {SIMULATED}.")
        return
    table = Table("port", "pen", "firmware", "what it is", box=None)
    for row in rows:
        table.add_row(row["port"], row["serial"] or "–", row["firmware"] or "–", row["about"])
    out.print(table)


def _row(port: ListPortInfo) -> dict[str, Any]:
    """A port as its row; other devices are left alone, as opening a port can reset what is there."""
    row = {"port": port.device, "usb": None, "serial": None, "firmware": None, "about": describe(port)}
    if port.vid is not None:
        row["usb"] = f"{port.vid:04X}:{port.pid:04X}"
    if looks_like_pen(port):
        try:
            with open_link(port.device) as link:
                row |= {"serial": link.serial, "firmware": link.firmware, "about": "pen"}
        except LinkError as error:
            row["about"] = str(error)
    return row
