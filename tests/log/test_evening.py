"""The evening of a clinic: a pen's day is exported and released over its console, and the room comes back."""

import json
from contextlib import nullcontext

import duckdb
import pytest
from typer.testing import CliRunner

from pen.cli import app
from pen.link import PenLink
from pen.log import app as log_app
from pen.simwire import SimWire
from sim import eyes
from sim.space import shim

ENTRIES = shim("archive").BUDGET_BLOCKS // shim("entry").flash_blocks(1)  # the most that the archive takes
TIERS = ["cpython", pytest.param("micropython", marks=pytest.mark.micropython)]
WAITING = 1  # in the FRAM, because the archive is full already
BEFORE = ENTRIES + WAITING
LAST = BEFORE + 1  # the one that the hands make
DAY = f"""
title = "A pen whose archive is full: one session waits in the FRAM, and one more is made"
[pen]
operator = "MK-7"
clock = 2026-11-21
[[pen.earlier]]
zone = "nose"
client = 4711
date = 2026-11-20
times = {BEFORE}
[treatment]
zone = "forehead"
indication = "wrinkles"
[[hands]]
do = "open_session"
[[hands]]
do = "pass"
ms = 1000
[[hands]]
do = "end_session"
[[hands]]
do = "read_aftercare"
[[hands]]
do = "pull_cartridge"
"""


@pytest.fixture(params=TIERS)
def link(request, need_micropython, tmp_path, monkeypatch):
    """A pen after its day. Commands find it at any port, and it lives on from one to the next."""
    scenario = tmp_path / "day.toml"
    scenario.write_text(DAY)
    with PenLink(SimWire(f"sim:{scenario}@{request.param}", play=True)) as link:
        monkeypatch.setattr(log_app, "open_link", lambda port: nullcontext(link))
        hands = link.wire.pen.hands
        while not hands.done:
            link.wire.pause(0.5)
        assert not hands.problem
        yield link


def panel(link):
    return "\n".join(eyes.read_lines(link.wire.pen.world.display.pixels()))


def log(*arguments, code=0):
    outcome = CliRunner().invoke(app, ["log", *map(str, arguments)], env={"COLUMNS": "80"})
    assert outcome.exit_code == code, outcome.output
    return outcome.stdout


def test_export_then_release_and_the_room_comes_back(link, tmp_path):
    link.wire.pause(8)
    assert "Records 100%: export" in panel(link)
    fleet, kept = tmp_path / "set", tmp_path / "kept"
    log("--port", "sim:", "export", "--parquet", fleet, "--keep", kept)
    count = "SELECT count(DISTINCT session), min(session), max(session) FROM " \
        f"read_parquet('{fleet}/strokes/*/*/*.parquet', hive_partitioning = true)"
    assert duckdb.sql(count).fetchall() == [(LAST, 1, LAST)]
    link.wire.pause(8)
    assert "Records 100%: export" in panel(link), "an export alone releases nothing"

    assert f"{ENTRIES} more than before" in " ".join(log("--port", "sim:", "release", LAST).split())
    link.wire.pause(20)
    assert "Records" not in panel(link)
    checked = json.loads(log("--port", "sim:", "verify", "--json", "--keep", kept))
    assert (checked["problems"], checked["archive_entries"]) == ([], ENTRIES)
    assert "as before" in " ".join(log("--port", "sim:", "release", ENTRIES).split())

    images = ("--fram", kept / "fram.bin", "--flash", kept / "flash.bin")
    there = [session["session"] for session in json.loads(log(*images, "list", "--json"))["sessions"]]
    assert there == list(range(3, LAST + 1)), "the two that waited took the room of the oldest two"
    log(*images, "export", "--parquet", fleet)
    assert duckdb.sql(count).fetchall() == [(LAST, 1, LAST)], "what the pen has erased stays in the data set"
