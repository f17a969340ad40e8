"""`pen run` as a person or a script meets it: exit codes, one-line errors, the files it writes."""

import json

import pytest
from typer.testing import CliRunner

from pen.cli import app
from sim.scenario import ScenarioError, load, parse

GOOD = {"title": "x", "hands": [{"do": "wait", "ms": 10}]}


def invoke(*arguments: str):
    return CliRunner().invoke(app, ["run", *arguments])


def test_json_is_one_object_with_the_promised_keys():
    outcome = invoke("zone_prohibited", "--json")
    assert outcome.exit_code == 0
    result = json.loads(outcome.stdout)
    assert set(result) >= {
        "scenario", "tier", "ended", "strokes", "punctures", "max_extension_um", "max_allowed_um", "over_limit_um",
        "needles_retracted", "faults", "journal_strokes", "sim_s", "wall_s", "expectations"}  # fmt: skip
    assert all("held" in row for row in result["expectations"])


def test_failed_expectation_exits_1(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text('title = "x"\n[[hands]]\ndo = "wait"\nms = 500\n[expect]\nended = "off"\n')
    assert invoke(str(path), "--json").exit_code == 1


def test_a_console_that_answers_otherwise_fails_the_step_and_says_what_came(tmp_path):
    path = tmp_path / "asked.toml"
    path.write_text(
        'title = "x"\n[[hands]]\ndo = "console"\ntext = "*IDN?"\nanswer = "Pen B"\nwithin_ms = 1000\n')
    outcome = invoke(str(path), "--json")
    assert outcome.exit_code == 1
    row, = (row for row in json.loads(outcome.stdout)["expectations"] if row["what"] == "hands_done")
    assert "'*IDN?' was not answered with 'Pen B', but with: Microneedling Pen Project,Pen A," in row["got"]


def test_out_writes_all_files_and_the_memories_in_them_are_the_pens(tmp_path):
    out = tmp_path / "run"
    assert invoke("archive_first_start", "--out", str(out)).exit_code == 0
    assert {path.name for path in out.iterdir()} == {
        "report.html", "strokes.csv", "trace.vcd", "result.json", "fram.bin", "flash.bin"}  # fmt: skip
    memories = ["--fram", str(out / "fram.bin"), "--flash", str(out / "flash.bin")]
    checked = CliRunner().invoke(app, ["log", *memories, "verify", "--json"])
    assert checked.exit_code == 0
    found, result = json.loads(checked.stdout), json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert (found["pen_serial"], found["archive_entries"]) == ("PEN-SIM-01", 1)
    assert found["strokes"] == result["journal_strokes"] > 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('title = "x"\n[plant]\nstand_of_um = 5\n', "did you mean 'stand_off_um'?"),
        ('title = "x"\n[cartrige]\nseated = true\n', "did you mean 'cartridge'?"),
        ('title = "x"\n[[hands]]\ndo = "pass"\nms = 5\npause = 3\n', "did you mean 'pause_ms'?"),
        ('title = "x"\n[[hands]]\ndo = "set_depth"\ndepth_um = -1\n', "depth_um"),
        ('title = "x"\n[[faults]]\nwhat = "power_cutt"\nat_ms = 1\n', "did you mean 'power_cut'?"),
        ('title = "x"\n[[faults]]\nwhat = "jam"\n', "'at_ms', 'stroke' and 'when'"),
        ('title = "x"\n[treatment]\nzone = "cheeks"\n', "did you mean 'cheek'?"),
        ('title = "x"\n[plant]\nmoving_mass_g = 999\n', "from 2 to 15"),
        ('title = "x"\n[[hands]]\ndo = "console"\n', "'console' needs 'text'"),
        ('title = "x"\n[[hands]]\ndo = "console"\ntext = "STAT\u00e9?"\n', "plain ASCII"),
        ('title = "x"\n[[hands]]\ndo = "flood_console"\n', "'flood_console' needs 'ms'"),
        ("title = ", "not TOML"),
        ("", "'title' is missing"),
    ],
)
def test_bad_file_is_one_clear_line_and_exit_2(tmp_path, text, says):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    outcome = invoke(str(path))
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert says in outcome.stderr
    assert len(outcome.stderr.strip().splitlines()) == 1


def test_missing_file_is_one_clear_line_and_exit_2():
    outcome = invoke("no/such/file.toml")
    assert outcome.exit_code == 2
    assert "no such scenario file" in outcome.stderr


def test_misspelt_shipped_name_is_helped():
    with pytest.raises(ScenarioError, match="did you mean 'treatment'"):
        load("treatmnt")


def test_unknown_tier_exits_2():
    outcome = invoke("zone_neck", "--tier", "silicone")
    assert outcome.exit_code == 2
    assert "cpython" in outcome.stderr


def test_unwritable_report_exits_2(tmp_path):
    (tmp_path / "file").write_text("")
    outcome = invoke("zone_prohibited", "--report", str(tmp_path / "file" / "report.html"))
    assert outcome.exit_code == 2
    assert "cannot write" in outcome.stderr


def test_a_table_is_complete_with_defaults():
    assert parse(GOOD, "x", "x").cartridge.needles == 12
