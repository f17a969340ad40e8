"""The terminal summary: the essentials, in words, within 80 columns."""

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from sample_run import sample_run

from pen.summary import print_summary


def printed(run, files=(), width=120):
    out = io.StringIO()
    print_summary(run, files, Console(file=out, width=width, force_terminal=False))
    return out.getvalue()


def flat(text):
    """Without the frame and the breaks: a long path is folded wherever the frame ends."""
    return "".join(char for char in text if char != "│" and not char.isspace())


def test_essentials(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("x" * 5000)
    text = flat(printed(sample_run(), [path]))
    for words in (
        "✓ 5 of 5 expectations held", "250 (2,940 punctures)", "allowed 1500 µm", "µm by encoder",
        "MOTOR_WARM at", "250 of 250 strokes", "retracted", "11.4 times real time", "5 kB", "report.html",
    ):  # fmt: skip
        assert flat(words) in text, words


@pytest.mark.parametrize("width", [60, 80, 200])
def test_never_wider_than_80(width):
    run = sample_run(30, title="T" * 200)
    run.result["expectations"].append({"what": "w" * 300, "expected": 1, "got": 2, "held": False})
    lines = printed(run, [Path(__file__)], width).splitlines()
    assert max(cell_len(line) for line in lines) == min(80, width)


def test_failure_is_said_in_words():
    run = sample_run(30)
    for i in range(9):
        run.result["expectations"].append({"what": f"check {i}", "expected": 1, "got": 2, "held": False})
    run.result.update(over_limit_um=12, needles_retracted=False, journal_strokes=29, wall_s=0.0)
    text = printed(run)
    for words in (
        "✗ 9 of 14",
        "12 µm OVER",
        "NOT RETRACTED",
        "29 of 30",
        "check 5: expected 1, got 2",
        "and 3 more",
    ):
        assert words in text, words


def test_markup_in_names_stays_text():
    run = sample_run(0, title="[bold]x[/bold] [/nonsense]")
    run.result["faults"] = [{"code": "[red]A", "at_us": 0}]
    text = printed(run)
    assert "[bold]x[/bold] [/nonsense]" in text
    assert "[red]A at 0.00 s" in text


def test_missing_limit_is_a_dash():
    run = sample_run(0)
    run.result["max_allowed_um"] = None
    assert "allowed –" in printed(run)
