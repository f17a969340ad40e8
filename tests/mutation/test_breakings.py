"""Rules broken on purpose are seen, each by the test that is there for it; the page lists what is tried."""

import re
import subprocess
import sys
from pathlib import Path

from tools.mutation.breakings import Breaking, load

ROOT = Path(__file__).resolve().parents[2]


def test_each_breaking_makes_its_test_fail():
    done = subprocess.run(
        [sys.executable, "-m", "tools.mutation.breakings"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("failed") == len(load())


def test_there_is_one_place_to_break():
    for breaking in load():
        assert breaking.text() != (ROOT / "firmware" / f"{breaking.module}.py").read_text()
    for was in ("no such line", "self"):
        try:
            Breaking("", "safety", was, "", "").text()
        except ValueError as error:
            assert "once is expected" in str(error)
        else:
            raise AssertionError(was)


def test_the_page_lists_what_is_tried():
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| `(\w+)\.py` \| `(.+?)` \| failed \|$", page, flags=re.M)
    assert rows == [(each.what, each.module, each.test.removeprefix("tests/")) for each in load()]
