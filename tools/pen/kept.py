"""What a long run has found, kept line by line as it comes, so that a run that was stopped can go on.

Invariant: what was found on other sources is never taken over.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from sim.space import FIRMWARE, ROOT


class OtherSources(ValueError):
    """The file is of another firmware, simulator or kind of run."""


def digest_of(firmware: Path) -> str:
    """One number for what decides a result: the simulator, the checkout's tables, the firmware that is run."""
    digest = hashlib.sha256()
    for directory in dict.fromkeys((ROOT / "sim", FIRMWARE, firmware)):
        for path in sorted(directory.rglob("*.py")):
            digest.update(path.relative_to(directory).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


class Kept:
    """One file of lines: first what run it is of, then what was found."""

    def __init__(self, path: Path, run: str, firmware: Path, resume: bool):
        """With `resume` what the file has is in `found`; else it begins anew."""
        self.found: list[dict[str, Any]] = []
        first = {"run": run, "sources": digest_of(firmware)}
        if resume and path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            whole = [json.loads(line) for line in lines if line.endswith("}")]  # the last may be torn
            if not whole or whole[0] != first:
                raise OtherSources(f"{path} is of another run, or of other sources: begin anew without --resume")
            self.found = whole[1:]
        self._file = path.open("w", encoding="utf-8")
        for one in (first, *self.found):
            self.add(one)

    def add(self, one: dict[str, Any]) -> None:
        self._file.write(json.dumps(one) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()
