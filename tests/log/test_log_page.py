"""docs/records.md held against the code: commands, options, columns."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pen.cli import app
from pen.log.app import app as log_app
from pen.log.dataset import SCHEMAS

PAGE = (Path(__file__).resolve().parents[2] / "docs/records.md").read_text(encoding="utf-8")


def table(first: str) -> list[list[str]]:
    """Rows of the table whose first column has this name."""
    found = re.search(rf"^\| {re.escape(first)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, flags=re.M)
    assert found, first
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


def options(*command: str) -> set[str]:
    text = CliRunner().invoke(app, ["log", *command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).stdout
    return set(re.findall(r"--[a-z]+", text)) - {"--help"}


def test_commands_are_those_of_the_program():
    named = [command.name or command.callback.__name__ for command in log_app.registered_commands]
    assert [row[0].split()[0] for row in table("command")] == named


def test_options_are_those_of_the_program():
    commands = [row[0].split()[0] for row in table("command")]
    said = {command: set() for command in commands}
    for name, of, _ in table("option of pen log"):
        for command in commands if of == "all" else of.split(", "):
            said[command].add(name.split()[0])
    assert said == {command: options(command) for command in commands}
    assert options() == {"--fram", "--flash", "--port", "--keep"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_columns_are_those_of_the_files(name):
    assert table(f"column of {name}") == [
        [field.name, str(field.type), field.metadata[b"unit"].decode() or "–", field.metadata[b"meaning"].decode()]
        for field in SCHEMAS[name]]  # fmt: skip
