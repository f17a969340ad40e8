"""A scenario as a file that `pen run` takes, with what differs from the defaults and nothing else."""

from __future__ import annotations

from typing import Any

from sim.exhaust.acted import toml
from sim.scenario import Scenario


def toml_of(scenario: Scenario, about: str = "") -> str:
    """The text of the file; `about` takes the place of the scenario's own."""
    table: dict[str, Any] = scenario.model_dump(exclude_defaults=True, exclude={"name", "expect"})
    if about:
        table["about"] = about
    expect = scenario.expect.model_dump(exclude_defaults=True)
    if expect:
        table["expect"] = expect
    first = {key: value for key, value in table.items() if not isinstance(value, dict | list)}
    return toml({**first, **{key: value for key, value in table.items() if key not in first}})
