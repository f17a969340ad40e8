"""What must hold at every moment of a run, whatever was done to the pen: judged by plant, pads, pixels and black box.

A rule that is broken is one line, the first time only. Nothing here asks the firmware how it feels. The black box is
believed in two things: which state the pen says it is in, and by which name it stopped.

Invariants: watching changes nothing of a run; a rule is judged from the start of the run to its end.
"""

from __future__ import annotations

from sim.campaign.pens import PAST_LIMIT_UM
from sim.run import Simulation
from sim.space import shim

events, fault_table, safety = shim("events"), shim("faults"), shim("safety")

MS = 1_000_000
LOOK_NS = 20 * MS
SNAP_UM = 45  # half a cycle of the rotor and its ringing: what switching the drive on may do
PAST_EDGE_UM = 150  # homing may go so far past this pen's calibrated home edge
OUT_UM = 0  # the guide plane
CLAIMS = ("Safe to eject", "Insert a new sterile", "READY")  # the panel says these with the tips inside only
CLAIM_NS = 500 * MS  # a page may be behind the needles for so long
DARK_NS = 10_000 * MS
RETRY_NS = 9_000 * MS  # a retract is tried again within 8 s
STROKE_ON_RECORD_NS = 10 * MS

_HOMING, _READY, _RUNNING = (safety.STATE_NAMES.index(name) for name in ("homing", "ready", "running"))


class Watch:
    """Looks at one simulation from now on. `broken` has the first breach of each rule, by the rule's name."""

    def __init__(self, simulation: Simulation):
        self.broken: dict[str, str] = {}
        self.faults: list[int] = []  # codes that latched, in order
        self._since_ready: list[int] = []
        self._out_since: int | None = None
        self.lasting = False  # what was done to the pen is still there: it may have tried in vain
        self.excused = False  # all that could move the needles was taken from the pen
        # furthest past the effective maximum, from the first time the pen was ready
        self.over_limit_um = -float(simulation.world.recorder.limit_um)
        self._was_ready = False
        self.homing_over_um = -1e9  # furthest that a homing went past what it may
        self._simulation = simulation
        self._world = world = simulation.world
        self._furthest_um = -1e9
        self._state = world.moments.state
        self._claims: dict[str, int] = {}
        self._dark_since: int | None = None
        self._unfinished: set[int] = set()
        self._strokes: list[tuple[int, int]] = []  # number and time of the last step
        world.moments.on_entry.append(self._entry)
        world.on_stroke.append(self._stroke)
        plant, drop = world.plant, world.drop_steps_after
        reset_max = plant.reset_max

        def kept_reset() -> None:
            self._furthest_um = max(self._furthest_um, plant.max_tip_um)
            reset_max()

        def dropped(t_ns: int) -> None:
            if self._strokes and t_ns < self._strokes[-1][1]:
                self._unfinished.add(self._strokes[-1][0])
            drop(t_ns)

        plant.reset_max = kept_reset  # type: ignore[method-assign]
        world.drop_steps_after = dropped  # type: ignore[method-assign]
        self._bound_um = self._bound()
        world.after(LOOK_NS, self._look)

    def breaks(self, rule: str, text: str) -> None:
        """A rule is broken; only the first time of each counts."""
        self.broken.setdefault(rule, f"at {self._world.now_ns / 1e9:.3f} s {text}")

    # -- how far the tips may be ---------------------------------------------------------------------

    def _bound(self) -> float:
        """The furthest that the tips may get from here on, until the pen's state changes."""
        world = self._world
        tip_um, edge_um = world.settle().tip_um, world.plant.params.home_edge_um
        homing_um = max(tip_um + SNAP_UM, edge_um + PAST_EDGE_UM)
        return homing_um if self._state == _HOMING else max(homing_um, world.recorder.limit_um + PAST_LIMIT_UM)

    def _take(self) -> None:
        """Hold how far the tips were against what they might."""
        world = self._world
        plant = world.settle()
        fitted = plant.cartridge_present
        world.recorder.take_extension()
        if fitted:
            self.at_most(self._furthest_um)
        self._furthest_um = plant.tip_um

    @property
    def may_still_move(self) -> bool:
        """Needles are out, and the pen has not had the time for all its tries."""
        world = self._world
        if not world.powered or not self.out:
            return False
        return self._out_since is None or world.now_ns - self._out_since <= RETRY_NS

    def at_most(self, tip_um: float) -> None:
        over_um = tip_um - self._bound_um
        if self._was_ready:
            self.over_limit_um = max(self.over_limit_um, tip_um - self._world.recorder.limit_um)
        if self._state == _HOMING:
            self.homing_over_um = max(self.homing_over_um, over_um)
        if over_um > 0:
            name = safety.STATE_NAMES[self._state] if self._state is not None else "boot"
            self.breaks("depth", f"the tips were at {tip_um:.0f} um while {name}, {self._bound_um:.0f} at most")

    def _entry(self, kind: int, a: int, b: int) -> None:
        if kind == events.STATE and a != self._state:
            self._take()
            self._state = a
            self._bound_um = self._bound()
            if a == _READY:
                self._since_ready.clear()
                self._was_ready = True
        elif kind == events.FAULT:
            self.faults.append(b)
            self._since_ready.append(b)

    def _stroke(self, number: int, _start_ns: int, last_step_ns: int) -> None:
        self._strokes.append((number, last_step_ns))
        if self._state != _RUNNING:  # its entry was not to be written
            self._take()
            self._state = _RUNNING
            self._bound_um = self._bound()

    # -- what is looked at all the time --------------------------------------------------------------

    @property
    def out(self) -> bool:
        """Needles stand outside the guide plane."""
        plant = self._world.settle()
        return plant.cartridge_present and plant.tip_um > OUT_UM

    def _look(self) -> None:
        world = self._world
        if world.flash_while_armed:
            self.breaks("flash", "flash was erased or programmed while the drive was on")
        self._look_at_claims()
        self._look_at_panel()
        self._look_at_rest()
        world.after(LOOK_NS, self._look)

    def _look_at_claims(self) -> None:
        world = self._world
        if not self.out or not world.powered or not world.display.shows:
            self._claims.clear()
            return
        lines = self._simulation.hands.lines()
        for claim in CLAIMS:
            if not any(claim in line for line in lines):
                self._claims.pop(claim, None)
                continue
            since_ns = self._claims.setdefault(claim, world.now_ns)
            if world.now_ns - since_ns >= CLAIM_NS:
                self.breaks("claim", f"the panel says '{claim}' with the tips {world.plant.tip_um:.0f} um out")

    def _look_at_panel(self) -> None:
        world = self._world
        dark = world.powered and not world.display.shows and not world.display.fault and not world.hung
        if not dark or world.plant.motor_current_a:
            self._dark_since = None
        elif self._dark_since is None:
            self._dark_since = world.now_ns
        elif world.now_ns - self._dark_since > DARK_NS:
            self.breaks("dark", f"the panel has been dark at rest for {DARK_NS // 10**9} s")

    def _look_at_rest(self) -> None:
        """Needles that are out with the drive off for longer than any retry takes need a reason."""
        world = self._world
        if not self.out or world.plant.motor_current_a or not world.powered or world.hung:
            self._out_since = None
        elif self._out_since is None:
            self._out_since = world.now_ns
        elif world.now_ns - self._out_since > RETRY_NS:
            self._left_out()

    def _left_out(self) -> None:
        reasons = [fault_table.needles(code) for code in self._since_ready]
        if self._world.loop_torn and fault_table.CARTRIDGE_PULLED not in self._since_ready:
            # since power-on: no fault names it, and the drive cannot come on
            reasons.append(fault_table.LOOP_OPEN)
        least = fault_table.RETRIED if self.lasting else fault_table.LOOP_OPEN
        reason = any(where >= least for where in reasons) or not self._world.powered
        if self.out and not reason and not self.excused:
            named = ", ".join(fault_table.key(code) for code in self._since_ready) or "no fault"
            self.breaks("rest", f"the tips stand {self._world.plant.tip_um:.0f} um out, after {named}")

    # -- at the end ----------------------------------------------------------------------------------

    def ends(self) -> None:
        """The run is over."""
        self._take()
        self._left_out()

    def finished_strokes(self) -> int:
        """Strokes whose last step was made a little while ago: each has to be on record."""
        until_ns = self._world.now_ns - STROKE_ON_RECORD_NS
        return sum(number not in self._unfinished and t_ns < until_ns for number, t_ns in self._strokes)

    def needs_service(self) -> list[str]:
        """The faults that only service clears."""
        return [fault_table.key(code) for code in self.faults if fault_table.remedy(code) == fault_table.BY_SERVICE]
