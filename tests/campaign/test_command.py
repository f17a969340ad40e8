"""`pen campaign` as a user meets it."""

import json

import pytest
from typer.testing import CliRunner

from pen.campaign_report import write_report
from pen.campaign_summary import add_up, write_json
from pen.cli import app
from sim.campaign.cases import parse
from sim.campaign.moments import PHASES
from sim.campaign.verdict import Outcome, run_case

CASE = "03-ntc_open@160"


def pen(*words):
    return CliRunner().invoke(app, ["campaign", *words])


def test_replay_tells_what_came_of_a_case():
    done = pen("--replay", CASE)
    assert done.exit_code == 0
    assert "03-ntc_open@160: ntc_open at" in done.output and "named ntc" in done.output
    assert "every rule held" in done.output


def test_replay_as_json_is_the_outcome_of_the_campaign():
    done = pen("--replay", CASE, "--json")
    here = run_case(parse(CASE)).as_dict()
    assert {**json.loads(done.stdout), "wall_s": 0} == {**here, "wall_s": 0}


def test_replay_with_a_report_draws_the_run(tmp_path):
    done = pen("--replay", CASE, "--report", str(tmp_path / "new" / "run.html"))
    assert done.exit_code == 0
    assert "ntc" in (tmp_path / "new" / "run.html").read_text()


@pytest.mark.parametrize(("words", "said"), [
    (["--replay", "3-ntc"], "'3-ntc' is no case: an id looks like"),
    (["--fault", "ntc"], "unknown fault 'ntc', known: power_cut"),
    (["--scheduler", "nonsense://here"], "no Dask scheduler answers at nonsense://here"),
])
def test_wrong_use_says_what_is_wrong(words, said, tmp_path):
    done = pen(*words, "--out", str(tmp_path))
    assert done.exit_code == 2
    assert said in done.output


def test_on_a_terminal_the_faults_there_are_are_broken_between_words():
    done = CliRunner().invoke(
        app, ["campaign", "--fault", "ntc"], env={"TTY_COMPATIBLE": "1", "TERM": "dumb", "COLUMNS": "80"})
    assert " ".join(done.stderr.split()) == pen("--fault", "ntc").stderr.strip()
    assert max(map(len, done.stderr.splitlines())) <= 80


def test_a_run_that_is_stopped_reports_what_is_done_and_is_no_success(tmp_path, monkeypatch):
    from pen import campaign_runner

    done_before = 0

    def interrupted(_client, cases, told, **_options):
        for case in cases[:done_before]:
            told(run_case(case))
        raise KeyboardInterrupt

    monkeypatch.setattr(campaign_runner, "run_cases", interrupted)
    command = ("--fault", "ntc_open", "--every", "60", "--workers", "1", "--out", str(tmp_path))
    done = pen(*command)
    assert done.exit_code == 2 and "stopped before any run was done" in done.output
    done_before = 1
    done = pen(*command)
    assert done.exit_code == 1
    assert "stopped after 1 of 4 runs" in done.output
    assert json.loads((tmp_path / "campaign.json").read_text())["figures"]["runs"] == 1


def test_a_campaign_that_was_stopped_goes_on_where_it_was(tmp_path, monkeypatch):
    from pen import campaign_runner

    asked = []
    run_cases = campaign_runner.run_cases

    def watched(client, cases, told, **options):
        asked.append(len(cases))
        return run_cases(client, cases, told, **options)

    monkeypatch.setattr(campaign_runner, "run_cases", watched)
    words = ("--fault", "ntc_open", "--every", "60", "--workers", "1", "--out", str(tmp_path))
    assert pen(*words).exit_code == 0
    lines = (tmp_path / "campaign.jsonl").read_text().splitlines()
    cases = json.loads((tmp_path / "campaign.json").read_text())["cases"]
    (tmp_path / "campaign.jsonl").write_text("\n".join(lines[:3]) + '\n{"case": "03-nt')
    assert pen(*words, "--resume").exit_code == 0
    assert asked == [4, 2]
    again = json.loads((tmp_path / "campaign.json").read_text())["cases"]
    assert [{**case, "wall_s": 0} for case in again] == [{**case, "wall_s": 0} for case in cases]
    other = pen("--fault", "ntc_open", "--every", "61", "--out", str(tmp_path), "--resume")
    assert other.exit_code == 2 and "of another run" in " ".join(other.output.split())


def test_a_run_of_it_writes_report_and_json(tmp_path):
    done = pen("--fault", "ntc_open", "--every", "60", "--workers", "1", "--out", str(tmp_path), "--json")
    assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "campaign.json").read_text())
    assert content["figures"] == json.loads(done.stdout)
    assert content["figures"]["violations"] == 0 and len(content["cases"]) == 4
    assert content["figures"]["single_faults_named_percent"] == 100
    assert "Every rule held in all 4 runs" in (tmp_path / "report.html").read_text()


def test_the_report_has_a_line_that_replays_each_failure_and_needs_nothing_from_elsewhere(tmp_path):
    bad = Outcome("07-jam@113", "jam", "boot", 7, 1.0, latched=["jam"], violations=["depth: <b>deep</b>"])
    good = Outcome("08-jam@160", "jam", "first stroke", 8, 1.0, named="jam", needed=True, stopped_ms=3.0)
    campaign = add_up([bad, good], wall_s=1.0, workers=1)
    write_report(campaign, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "pen campaign --replay 07-jam@113" in page
    assert "depth: &lt;b&gt;deep&lt;/b&gt;" in page
    assert "http" not in page and "src=" not in page and "url(" not in page
    for phase in PHASES:
        assert f"<div>{phase}</div>" in page
    write_json(campaign, tmp_path / "campaign.json")
    faults = json.loads((tmp_path / "campaign.json").read_text())["faults"]
    assert [(row["fault"], row["runs"], row["violations"]) for row in faults] == [("jam", 2, 1)]
