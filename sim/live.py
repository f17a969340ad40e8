"""A simulated pen that goes on living: through restarts and power cuts, with its cable in or out, until it is stopped.

Whoever made it keeps its pace: `pace` is called every `TICK_US` of simulated time, from within the world.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.build import make_cartridge, make_world
from sim.hands import Hands
from sim.lives import check_tier, run_lives
from sim.scenario import Scenario
from sim.tiers import world_of

TICK_US = 1000


class LivePen:
    """One pen of a scenario. `run` returns when `stop` was called; `world` is what it lives in.

    `plugged`: a host is at the other end of its USB cable. `lives` counts its starts.
    """

    def __init__(self, scenario: Scenario, tier: str, pace: Callable[[], None], *, play: bool = False):
        """`play` has the scenario's hands act it out. ScenarioError where the tier cannot do the scenario."""
        check_tier(scenario, tier)
        self.scenario, self.tier = scenario, tier
        self.world = make_world(scenario, world_of(tier))
        self.world.recorder.keep_detail = False  # it may live for days
        self.plugged = True
        self.lives = 0
        self._pace = pace
        self._serial = scenario.cartridge.serial
        self.hands = Hands(self.world, scenario, self.fresh_cartridge) if play else None
        self.world.after(TICK_US * 1000, self._tick)

    def run(self) -> None:
        """Live until stopped; raises only if the simulator or the interpreter itself fails."""
        run_lives(self.world, self.tier, self._began, self.scenario.restart_after_ms)

    def stop(self) -> None:
        """From within `pace`: this was its last moment."""
        self.world.dead = "end"

    @property
    def on_usb(self) -> bool:
        """A host would find it: the cable is in and the chip runs."""
        return self.plugged and self.world.powered

    def fresh_cartridge(self):
        """A cartridge like the scenario's that nobody has used."""
        self._serial += 1
        return make_cartridge(self.scenario, self._serial)

    def gauge_tip(self):
        """A technician's gauge tip, whose memory says that it is one."""
        table = self.scenario.cartridge.model_copy(update={"kind": "gauge_tip"})
        self._serial += 1
        return make_cartridge(self.scenario.model_copy(update={"cartridge": table}), self._serial)

    def _began(self) -> None:
        self.lives += 1

    def _tick(self) -> None:
        self.world.after(TICK_US * 1000, self._tick)
        self._pace()
