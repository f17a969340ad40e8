"""`pen log` as a person or a script meets it: what it prints, in 80 columns, its files, its exit codes."""

import json
import os
import subprocess
import sys

import pytest
from archive_maker import disk, entries_of, identity
from typer.testing import CliRunner

from pen.cli import app
from penimage.blocks import address
from penimage.model import FRAM_BYTES
from tools.fleet import fleet

(SERIAL, IMAGE) = next(fleet(1, sessions=3, strokes=150, seed=5))


def invoke(*arguments, **env):
    return CliRunner().invoke(app, ["log", *map(str, arguments)], env={"COLUMNS": "80", "TERM": "dumb", **env})


@pytest.fixture
def fram(tmp_path):
    path = tmp_path / "fram.bin"
    path.write_bytes(IMAGE)
    return path


@pytest.fixture
def damaged(tmp_path):
    image = bytearray(IMAGE)
    image[address(0) + 4 * 50] ^= 1
    path = tmp_path / "damaged.bin"
    path.write_bytes(image)
    return path


@pytest.mark.parametrize(
    "command", [["list"], ["show", "1"], ["show", "1", "--strokes"], ["verify"], ["courses"]], ids=" ".join)
def test_every_screen_is_at_most_80_columns_wide(fram, damaged, command):
    for image in (fram, damaged):
        outcome = invoke("--fram", image, *command)
        assert outcome.exit_code in (0, 1)
        assert outcome.stdout.strip()
        assert max(map(len, outcome.stdout.splitlines())) <= 80


def test_list_has_a_line_for_each_session(fram):
    text = invoke("list", "--fram", fram).stdout
    assert f"Pen {SERIAL}: 3 sessions" in text
    assert [line.split()[0] for line in text.splitlines()[3:]] == ["1", "2", "3"]


def test_options_stand_before_the_command_or_behind_it_but_not_twice(fram):
    assert invoke("--fram", fram, "list").stdout == invoke("list", "--fram", fram).stdout
    twice = invoke("--fram", fram, "list", "--fram", fram)
    assert twice.exit_code == 2
    assert "twice" in twice.stderr


def test_json_is_one_object_each(fram):
    sessions = json.loads(invoke("--fram", fram, "list", "--json").stdout)["sessions"]
    shown = json.loads(invoke("--fram", fram, "show", 2, "--json").stdout)
    assert sessions[1].items() <= shown.items()
    assert len(shown["strokes_on_record"]) == shown["strokes_read"] > 100
    checked = json.loads(invoke("--fram", fram, "verify", "--json").stdout)
    assert (checked["problems"], checked["strokes_lost"]) == ([], 0)
    assert json.loads(invoke("--fram", fram, "courses", "--json").stdout)["courses"] == []


def test_verify_says_what_where_and_how_much_and_exits_1(damaged):
    outcome = invoke("--fram", damaged, "verify")
    assert outcome.exit_code == 1
    text = " ".join(outcome.stdout.split())
    assert "1 place damaged, 1 stroke lost" in text
    assert f"FRAM 0x{address(0) + 200:05x}" in text
    problem = json.loads(invoke("--fram", damaged, "verify", "--json").stdout)["problems"][0]
    assert (problem["address"], problem["session"], problem["lost_strokes"]) == (address(0) + 200, 1, 1)


def test_damage_does_not_stop_the_other_commands_but_is_said(damaged, tmp_path):
    for command in (["list"], ["show", "1"], ["courses"], ["export", "--csv", tmp_path / "csv"]):
        outcome = invoke("--fram", damaged, *command)
        assert outcome.exit_code == 0
        if command[0] != "show":
            assert "pen log verify" in outcome.stderr


def test_both_memories_give_each_session_once(fram, tmp_path):
    files, _ = entries_of(IMAGE, {1, 2})
    flash = tmp_path / "flash.bin"
    flash.write_bytes(disk(files | {"id": identity(SERIAL)}))
    outcome = invoke("--fram", fram, "--flash", flash, "list", "--json")
    assert [session["session"] for session in json.loads(outcome.stdout)["sessions"]] == [1, 2, 3]
    alone = json.loads(invoke("--flash", flash, "list", "--json").stdout)
    assert (alone["pen_serial"], len(alone["sessions"])) == (SERIAL, 2)


def test_export_writes_what_was_asked_for(fram, tmp_path):
    outcome = invoke(
        "--fram", fram, "export", "--csv", tmp_path / "c", "--jsonl", tmp_path / "l.jsonl", "--parquet", tmp_path / "p")
    assert outcome.exit_code == 0
    lines = [json.loads(line) for line in (tmp_path / "l.jsonl").read_text().splitlines()]
    assert [line["record"] for line in lines].count("session") == 3
    assert len((tmp_path / "c/strokes.csv").read_text().splitlines()) == len(lines) - 3 + 1
    assert len(list((tmp_path / "p").rglob("*.parquet"))) == 6
    assert "0 files new" in invoke("--fram", fram, "export", "--parquet", tmp_path / "p").stdout
    assert not list(tmp_path.rglob("*.half"))


def test_json_lines_to_standard_output_are_nothing_else(fram):
    outcome = invoke("--fram", fram, "export", "--jsonl", "-")
    assert outcome.exit_code == 0
    assert all(json.loads(line)["record"] in ("session", "stroke") for line in outcome.stdout.splitlines())


def test_json_lines_stay_out_of_the_terminal_that_the_bar_is_drawn_on(fram):
    main, terminal = os.openpty()
    try:
        command = [sys.executable, "-m", "pen.cli", "log", "--fram", fram, "export", "--jsonl", "-"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal, check=True)
    finally:
        os.close(terminal)
        os.close(main)
    assert len(done.stdout.splitlines()) > 300
    assert all(json.loads(line)["record"] for line in done.stdout.splitlines())


def test_a_reader_that_has_enough_is_no_error_of_the_export(fram):
    command = [sys.executable, "-m", "pen.cli", "log", "--fram", fram, "export", "--jsonl", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        child.stdout.close()
        said = child.stderr.read()
    assert b"cannot write" not in said and b"Traceback" not in said


def refused(*arguments):
    outcome = invoke(*arguments)
    assert outcome.exit_code == 2, outcome.output
    assert outcome.stdout == ""
    assert len(outcome.stderr.strip().splitlines()) == 1
    return outcome.stderr


def test_what_is_no_image_is_one_clear_line_and_exit_2(tmp_path, fram):
    empty, short, picture, blank, flash = (tmp_path / name for name in ("e", "s", "p.png", "b", "f"))
    empty.write_bytes(b"")
    short.write_bytes(b"hello")
    picture.write_bytes(b"\x89PNG\r\n" + os.urandom(3000))
    blank.write_bytes(b"\xff" * FRAM_BYTES)
    flash.write_bytes(b"\xff" * 2_097_152)
    assert "nothing to read" in refused("list")
    assert "No such file" in refused("list", "--fram", tmp_path / "none")
    assert "is a directory" in refused("list", "--fram", tmp_path)
    assert "is empty" in refused("list", "--fram", empty)
    for path in (short, picture):
        assert "262,144 bytes" in refused("list", "--fram", path)
        assert "no archive" in refused("list", "--flash", path)
    assert "blank" in refused("verify", "--fram", blank)
    assert "give it with --flash" in refused("list", "--fram", flash)
    assert "give it with --fram" in refused("list", "--flash", fram)
    assert "no archive" in refused("list", "--flash", flash)


def test_a_truncated_image_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "half.bin"
    path.write_bytes(IMAGE[: address(2) + 100])
    outcome = invoke("--fram", path, "verify")
    assert outcome.exit_code == 1
    assert f"image has {address(2) + 100} bytes" in " ".join(outcome.stdout.split())


def test_images_of_two_pens_are_refused(fram, tmp_path):
    flash = tmp_path / "flash.bin"
    flash.write_bytes(disk({"id": identity("OTHER")}))
    assert f"{SERIAL}, the flash that of pen OTHER" in refused("--fram", fram, "--flash", flash, "list")


def test_wrong_use_is_one_clear_line_and_exit_2(fram, tmp_path):
    assert "no session 9 on record, there are 1 to 3" in refused("--fram", fram, "show", 9)
    assert "name --csv, --jsonl or --parquet" in refused("--fram", fram, "export")
    (tmp_path / "file").write_text("")
    assert "cannot write" in refused("--fram", fram, "export", "--csv", tmp_path / "file" / "x")
    assert "cannot write" in refused("--fram", fram, "export", "--jsonl", tmp_path / "file" / "x")
    assert "cannot write" in refused("--fram", fram, "export", "--parquet", tmp_path / "file")
    (tmp_path / "there").mkdir()
    assert f"cannot write {tmp_path / 'there'}: Is a directory" in refused(
        "--fram", fram, "export", "--jsonl", tmp_path / "there")
    assert not list(tmp_path.rglob("*.half"))


@pytest.mark.parametrize("said", [
    ["list", "--fram", "fram.bin", "--port", "sim:"], ["list", "--flash", "fram.bin"], ["show", "--fram", "none", "1"],
    ["list", "--fram", "damaged.bin"], ["release", "1", "--port", "sim:"]], ids=" ".join)  # fmt: skip
def test_on_a_terminal_what_is_said_is_broken_between_words(said, fram, damaged, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    piped, shown = (invoke(*said, **env).stderr for env in ({}, {"TTY_COMPATIBLE": "1"}))
    assert len(piped.splitlines()) == 1
    assert shown.split() == piped.split()
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_said(fram):
    fram.chmod(0)
    assert "Permission denied" in refused("list", "--fram", fram)


def test_control_characters_in_an_image_do_not_reach_the_terminal(tmp_path):
    from penimage.provision import _write_record

    image = bytearray(IMAGE)
    _write_record(image, "superblock", b"\x01\x00" + b"\x1b[2J\x07[red]x\0")
    path = tmp_path / "hostile.bin"
    path.write_bytes(image)
    outcome = invoke("--fram", path, "list")
    assert outcome.exit_code == 0
    assert "\x1b[2J" not in outcome.stdout and "\x07" not in outcome.stdout
    assert "[red]x" in outcome.stdout
    out = tmp_path / "pq"
    assert invoke("--fram", path, "export", "--parquet", out).exit_code == 0
    assert all(path.is_relative_to(out) for path in out.rglob("*"))
