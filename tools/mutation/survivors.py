"""The list of mutants that no test can see, each with the reason why it is the same program."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from sim.space import ROOT

from .mutants import Mutant

LISTED = ROOT / "tests" / "mutation" / "survivors.toml"
_FIELDS = {"module", "where", "was", "now", "nth", "reason"}
Key = tuple[str, str, str, str, int]


def load(path: Path = LISTED) -> dict[Key, str]:
    """Reasons by the mutant's key. ValueError says which entry is wrong, and how."""
    reasons: dict[Key, str] = {}
    for number, entry in enumerate(tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", []), 1):
        wrong = set(entry) ^ _FIELDS - {"nth"} if "nth" not in entry else set(entry) ^ _FIELDS
        if wrong:
            raise ValueError(f"{path.name}, entry {number}: {', '.join(sorted(wrong))} missing or unknown")
        key = entry["module"], entry["where"], entry["was"], entry["now"], entry.get("nth", 1)
        if not entry["reason"].strip():
            raise ValueError(f"{path.name}, entry {number}: say why it is equivalent")
        if key in reasons:
            raise ValueError(f"{path.name}, entry {number}: listed twice")
        reasons[key] = entry["reason"]
    return reasons


def judge(listed: Iterable[Key], made: Iterable[Mutant], survived: Iterable[Mutant]) -> list[str]:
    """What is wrong with the list, a line each; none when it names exactly the mutants that survived."""
    listed = set(listed)
    known = {mutant.key for mutant in made}
    alive = {mutant.key for mutant in survived}
    problems = [f"survives, not listed: {_say(key)}" for key in sorted(alive - listed)]
    problems += [f"listed, but is killed now: {_say(key)}" for key in sorted((listed & known) - alive)]
    problems += [f"listed, but there is no such mutant: {_say(key)}" for key in sorted(listed - known)]
    return problems


def _say(key: Key) -> str:
    module, where, was, now, nth = key
    return f"{module}.{where}: '{was}' -> '{now}'" + (f" ({nth})" if nth > 1 else "")
