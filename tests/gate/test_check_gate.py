"""`pen check --gate`: what it prints and when it fails."""

import json

import pytest
from typer.testing import CliRunner

from pen.cli import app
from sim.exhaust import gate


@pytest.fixture
def slice_of_it(monkeypatch):
    """One table in place of the whole, with results changed as a test likes."""
    def use(**changed):
        def whole(programs, progress):
            cases = [gate.Case((1, 0), 1, 2, False)]
            result = gate.pulses(programs, cases, lambda done, of: progress("pulse", done, of))
            return {"one pulse on EN_N": result._replace(**changed)}

        monkeypatch.setattr(gate, "whole", whole)

    return use


def test_sound_programs_pass(slice_of_it):
    slice_of_it()
    shown = CliRunner().invoke(app, ["check", "--gate"])
    assert shown.exit_code == 0, shown.output
    assert "step_high 15" in shown.output and "broken" not in shown.output


def test_the_result_as_json(slice_of_it):
    slice_of_it()
    shown = CliRunner().invoke(app, ["check", "--gate", "--json"])
    result = json.loads(shown.stdout)["one pulse on EN_N"]
    assert result["violations"] == 0 and result["passed"] > 5000 and result["unit"] == "runs"


def test_a_violation_is_named_and_fails(slice_of_it):
    slice_of_it(violations=3, broken={"no net step outward past the ceiling": 3})
    shown = CliRunner().invoke(app, ["check", "--gate"])
    assert shown.exit_code == 1
    assert "3 times: no net step outward past the ceiling" in shown.output
