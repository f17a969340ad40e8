"""docs/console.md against the firmware's command table, and the table against itself."""

from pages import read
from sim.space import shim
from tools.console_page import renewed

scpi, scpi_tree, commands = shim("scpi"), shim("scpi_tree"), shim("commands")


def test_the_page_is_what_the_table_says():
    text = read("docs/console.md")
    assert renewed(text) == text, "run: python -m tools.console_page"


def test_help_lists_every_command_once():
    lines = [line.decode() for line in scpi.Parser(commands.COMMANDS).headers()]
    assert all(line.endswith("\n") for line in lines)
    listed = {}
    for line in lines:
        header, _, mark = line.rstrip("\n").partition("/")
        assert header not in listed
        listed[header] = mark.rstrip("/")
    wanted = {spelling for row in commands.COMMANDS for spelling in scpi_tree.spellings(row[0])}
    assert wanted == {
        found for header, mark in listed.items()
        for found in ({header} if mark else {header, header + "?"})}


def test_what_changes_something_needs_a_technician():
    """Commands that are open to all are named here: none of them changes what the pen does to skin."""
    opened = {row[0] for row in commands.COMMANDS if row[0][-1] != "?" and not row[2] & scpi.TECHNICIAN}
    assert opened == {
        "*RST", "*CLS", "*ESE", "*OPC", "*SRE", "*WAI", "STATus:OPERation:ENABle", "STATus:QUEStionable:ENABle",
        "STATus:PRESet", "SECurity:ANSWer", "SECurity:CLOSe"}
