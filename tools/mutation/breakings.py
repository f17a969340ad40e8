"""Breaks a rule on purpose, in memory, and sees the test fail that is there for it.

`python -m tools.mutation.breakings` tries all of tests/mutation/breakings.toml, which has what is broken, the line
before and after, and the test.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from sim.space import ROOT

from .runner import FAILED, PASSED, Job, run, source

LISTED = ROOT / "tests" / "mutation" / "breakings.toml"


class Breaking(NamedTuple):
    """`was`, which stands once in the module, becomes `now`; `test` (a node id) has to fail then."""

    what: str
    module: str
    was: str
    now: str
    test: str

    def text(self) -> str:
        """The broken source. ValueError unless there is exactly one place to break."""
        whole = source(self.module)
        if whole.count(self.was) != 1:
            raise ValueError(f"'{self.was}' is {whole.count(self.was)} times in {self.module}.py, once is expected")
        return whole.replace(self.was, self.now)


def load(path: Path = LISTED) -> list[Breaking]:
    return [Breaking(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["breaking"]]


def main() -> int:
    grid = Table("what is broken", "before", "broken", "by")
    good = True
    for each in load():
        outcomes = {}
        jobs = Job("before", each.module, source(each.module)), Job("after", each.module, each.text())
        run((each.test,), jobs, 1, lambda outcome, found=outcomes: found.update({outcome.job.name: outcome}))
        before, after = outcomes["before"], outcomes["after"]
        grid.add_row(each.what, before.verdict, after.verdict, after.by or before.by)
        good = good and before.verdict == PASSED and after.verdict == FAILED and after.by.startswith(each.test)
    Console(width=200).print(grid)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
