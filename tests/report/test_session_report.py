"""`pen report`: one session on a page to file, out of images of pens as they were left."""

import csv
import lzma
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pen.cli import app
from pen.report_session import MOST_STRETCHES, aftercare, render
from penimage import decode
from penimage.model import Problem

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


@pytest.fixture(scope="module")
def fram(tmp_path_factory):
    """The record memory of a pen after a treatment, as a file."""
    path = tmp_path_factory.mktemp("fram") / "fram.bin"
    path.write_bytes(lzma.decompress((FIXTURES / "v1_treatment.fram.xz").read_bytes()))
    return path


def pen(*arguments):
    return CliRunner().invoke(app, ["report", *map(str, arguments)], env={"COLUMNS": "80", "PEN_PORT": "/dev/none"})


def words(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<(style|svg).*?</\1>", " ", page, flags=re.S)))


def test_the_page_says_what_is_on_record(fram, tmp_path):
    image = decode(fram.read_bytes())
    session = image.sessions[-1]
    run = pen("--fram", fram, "--html", tmp_path / "page.html")
    assert run.exit_code == 0, run.output
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    said = words(page)
    count = len(session.strokes)
    for text in (f"Session {session.number}", image.pen_serial, f"{count:,}, {12 * count:,} punctures",
                 session.head.cartridge_rom.hex(), f"number {session.head.calibration_id}"):  # fmt: skip
        assert text in said, text
    for title, text in aftercare():
        assert f"{title}." in said and text in said
    assert "not clinical advice" in said and "holds no name" in said
    assert not re.search(r"(src|href)=\"http|url\(http|<script", page) and "@page" in page


def test_a_clients_number_is_all_there_is_of_a_client(fram):
    image = decode(fram.read_bytes())
    session = image.sessions[-1]
    known = replace(session, head=replace(session.head, client=4711))
    assert "number 004711" in words(render(replace(image, sessions=[known]), known))
    assert "no number was entered" in words(render(image, replace(session, head=replace(session.head, client=0))))


def test_the_csv_has_this_session_and_no_other(fram, tmp_path):
    run = pen("--fram", fram, "--csv", tmp_path)
    assert run.exit_code == 0, run.output
    sessions = list(csv.DictReader((tmp_path / "sessions.csv").open()))
    strokes = list(csv.DictReader((tmp_path / "strokes.csv").open()))
    assert len(sessions) == 1 and len(strokes) == int(sessions[0]["strokes_read"]) > 0
    assert {row["session"] for row in strokes} == {sessions[0]["session"]}


def test_on_the_screen(fram):
    run = pen("--fram", fram)
    assert run.exit_code == 0
    assert "cartridge" in run.output and "First 24 hours" in run.output
    assert max(map(len, run.output.splitlines())) <= 80


def test_a_damaged_or_hostile_record_is_said_and_shown_as_text(fram):
    image = decode(fram.read_bytes())
    session = image.sessions[-1]
    hostile = replace(
        session, head=replace(session.head, operator="<b>&x</b>"),
        problems=[Problem("a block is unreadable", 0, "120 strokes", 120, session.number)] * 5)
    page = render(image, hostile)
    assert "<b>&x" not in page and "&lt;b&gt;" in page
    assert "Not whole: " in page and "2 more places" in page and "600 not readable" in page


def test_a_session_without_head_end_or_strokes_still_has_its_page(fram):
    image = decode(fram.read_bytes())
    empty = replace(image.sessions[-1], head=None, tail=None, strokes=[])
    said = words(render(replace(image, sessions=[empty]), empty))
    assert "No stroke is on record" in said and "no end on record" in said


def test_many_changes_of_depth_keep_the_longest_stretches(fram):
    image = decode(fram.read_bytes())
    session = image.sessions[-1]
    one = session.strokes[0]
    strokes = [replace(one, sequence=i + 1, commanded_um=300 + 50 * (i // 3 % 2)) for i in range(60)]
    page = render(image, replace(session, strokes=strokes))
    assert page.count("<tr>") == 1 + MOST_STRETCHES
    assert f"{20 - MOST_STRETCHES} shorter stretches are left out" in page


def test_what_is_wrong_is_said(fram, tmp_path):
    for arguments, text in (
            (("99", "--fram", fram), "no session 99 on record, there is only 1"),
            (("--fram", tmp_path / "none"), "cannot read"),
            (("--port", "sim:"), "this pen has no session on record"), ((), "/dev/none"),
            (("--fram", fram, "--port", "sim:"), "either images"),
            (("--fram", fram, "--html", tmp_path), "cannot write"), (("x", "--fram", fram), "Invalid value")):
        run = pen(*arguments)
        assert run.exit_code in (1, 2) and text in run.output, (arguments, run.output)


@pytest.mark.parametrize("arguments, code, text", [
    ((), 1, "there is no /dev/none"), (("--port", "socket://127.0.0.1:1"), 1, "nobody listens"),
    (("--port", "sim:nix"), 2, "no such scenario"), (("--port", "socket://here"), 2, "is not a port")])  # fmt: skip
def test_a_pen_that_is_not_there_is_no_wrong_use(arguments, code, text):
    run = pen(*arguments)
    assert (run.exit_code, text in run.output) == (code, True), run.output
