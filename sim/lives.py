"""The lives of one pen: from a reset to the next, through power cuts and restarts, until the world ends it."""

from __future__ import annotations

from collections.abc import Callable

from sim.mishaps import MISHAPS
from sim.scenario import Scenario, ScenarioError
from sim.tiers import TIERS
from sim.world import MS, POWER_ON, WATCHDOG, ChipStopped, World


def check_tier(scenario: Scenario, tier: str) -> None:
    """ScenarioError if there is no such tier, or it cannot do what the scenario asks."""
    if tier not in TIERS:
        raise ScenarioError(f"unknown tier '{tier}', known: {', '.join(TIERS)}")
    for mishap in scenario.faults:
        if MISHAPS[mishap.what].cpython_only and tier != "cpython":
            raise ScenarioError(f"'{mishap.what}' reaches into the firmware's memory: the cpython tier only")
        if mishap.looks is not None and tier == "silicon":
            raise ScenarioError("'looks' are the CPU's, which an emulated chip does not count: not on the silicon tier")
    if scenario.expect.rules and tier != "cpython":
        raise ScenarioError("'expect.rules' hears the firmware's own calls: the cpython tier only")


def run_lives(world: World, tier: str, began: Callable[[], None], restart_after_ms: int | None = None) -> None:
    """Run the firmware again after every reset, until the world says "end".

    `began` is called before each life. A pen without power comes back `restart_after_ms` later, else when somebody
    gives it its battery. Raises only if the simulator or the interpreter itself fails.
    """
    cause = POWER_ON
    while True:
        began()
        why = TIERS[tier](world)
        if why == "end":
            return
        if why == "power":
            world.recorder.event("power", "the chip lost its supply")
            if not _wait_for_power(world, restart_after_ms):
                return
            cause = POWER_ON
        else:
            world.recorder.event("power", f"{why} reset")
            cause = WATCHDOG  # also of a reset that was asked for
        world.chip_reset(cause)


def _wait_for_power(world: World, restart_after_ms: int | None) -> bool:
    """Without a chip: until the battery is back, or the run is over."""
    if restart_after_ms is not None:
        world.after(restart_after_ms * MS, world.restore_battery)
    try:
        while not world.plant.battery_connected:
            world.advance(world.now_ns + 10 * MS)
    except ChipStopped:
        return False
    world.recorder.event("power", "switched on again")
    return True
