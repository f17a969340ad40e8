"""Writes the tables of docs/console.md from the firmware's command table: `python -m tools.console_page`."""

from __future__ import annotations

import sys

from sim.space import FIRMWARE, ROOT, shim

scpi, commands, errors, status = shim("scpi"), shim("commands"), shim("scpi_errors"), shim("console_status")

PAGE = ROOT / "docs" / "console.md"
BEGIN, END = "<!-- {}: written from the firmware, by python -m tools.console_page -->\n", "<!-- end of {} -->\n"
WHO = {
    scpi.REST: "at rest", scpi.IDLE: "no treatment", scpi.IDLE | scpi.TECHNICIAN: "no treatment, technician",
    scpi.REST | scpi.TECHNICIAN: "at rest, technician", scpi.TECHNICIAN: "technician", 0: "any time"}
BITS = {  # registers and what their bits say
    "operation": {status.CALIBRATING: "a calibration is under way", status.MOVING: "needles move",
                  status.SESSION_OPEN: "a session is open", status.ACCESS_OPEN: "technician access is open"},
    "questionable": {status.POWER: "the battery is too low to start", status.TEMPERATURE: "the motor is warm: slower",
                     status.CALIBRATION: "no calibration, or past its due date", status.FAULT: "a fault is latched"}}


def _param(param) -> str:
    if param.optional:
        return f"[{_param(param._replace(optional=False))}]"
    if param.kind == scpi.INT:
        return f"*{param.name}* {param.low} to {param.high}"
    if param.kind == scpi.TEXT:
        length = param.low if param.low == param.high else f"{param.low} to {param.high}"
        return f'"*{param.name}*" {length} characters'
    return f"*{param.name}* by its key"


def said() -> list[str]:
    """What the comments above the rows of the table say, in the table's order."""
    found, words = [], []
    for line in (FIRMWARE / "commands.py").read_text(encoding="utf-8").splitlines():
        if line.startswith("    # "):
            words.append(line[6:])
        elif line.startswith('    ("'):
            found.append(" ".join(words))
            words = []
    if len(found) != len(commands.COMMANDS) or not all(found):
        raise ValueError("every row of commands.py has a comment above it, and stands on a line of its own")
    return found


def commands_table() -> str:
    lines = ["| command | parameters | when, who | what |", "|---|---|---|---|"]
    for (header, params, access, _group, _method), what in zip(commands.COMMANDS, said(), strict=True):
        lines.append(f"| `{header}` | {', '.join(map(_param, params))} | {WHO[access]} | {what} |")
    return "\n".join(lines) + "\n"


def errors_table() -> str:
    rows = [f"| {code} | {text.decode()} |" for code, text in sorted(errors.TEXTS.items(), reverse=True)]
    return "\n".join(["| number | text |", "|---|---|", *rows]) + "\n"


def bits_table() -> str:
    rows = [f"| {name} | {bit} | {text} |" for name, bits in BITS.items() for bit, text in bits.items()]
    return "\n".join(["| register | value | meaning |", "|---|---|---|", *rows]) + "\n"


PARTS = {"commands": commands_table, "errors": errors_table, "bits": bits_table}


def renewed(text: str) -> str:
    """The page with every written part as the firmware has it now. ValueError where a part's marks are missing."""
    for name, make in PARTS.items():
        begin, end = BEGIN.format(name), END.format(name)
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"docs/console.md lacks the marks of the part '{name}'")
        before, rest = text.split(begin)
        text = before + begin + "\n" + make() + "\n" + end + rest.split(end)[1]
    return text


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    new = renewed(text)
    PAGE.write_text(new, encoding="utf-8")
    print("docs/console.md is as it was" if new == text else "docs/console.md written anew", file=sys.stderr)


if __name__ == "__main__":
    main()
