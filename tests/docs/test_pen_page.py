"""Holds docs/pen.md, and what docs/simulator.md says of serving a pen, against the command and the hands."""

import re

from typer.main import get_command
from typer.testing import CliRunner

from pages import read, rows_in, section, table
from pen.cli import app
from pen.connect import PEN_USB
from sim.controls import ACTS


def test_every_command_is_listed_with_its_first_words():
    commands = get_command(app).commands  # type: ignore[attr-defined]
    said = {row["command"]: row["does"] for row in table("docs/pen.md", "command", "does")}
    assert said == {f"pen {name}": command.help.split("\n\n")[0] for name, command in commands.items()}


def test_the_usb_id_is_the_commands():
    assert "{:04X}:{:04X}".format(*PEN_USB) in read("docs/pen.md")


def test_every_act_of_the_hands_is_documented():
    said = {name for name in rows_in(section("docs/simulator.md", "Serve a pen")) if name.strip("-")}
    assert said - {"line"} == set(ACTS)


def test_the_options_of_pen_sim_are_documented():
    text = CliRunner().invoke(app, ["sim", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).stdout
    page = section("docs/simulator.md", "Serve a pen")
    for option in set(re.findall(r"--[a-z]+", text)) - {"--help"}:
        assert option in page, option
