"""A whole pen with its firmware in a simulated world, run pass by pass so that a test can look into both.

Nothing is replaced: the firmware's own loop runs on the cpython tier, the gate on the PIO twins, the motor in the
plant. Only the panel is left out: choices go straight to the treatment, as the panel would hand them in.
"""

from dataclasses import dataclass
from typing import Any

from penimage import decode
from sim import plant_kernel
from sim.build import make_world
from sim.link import DirectLink
from sim.scenario import parse
from sim.space import FirmwareSpace, shim

MS = 1_000_000
LOOK_NS = 20_000
SLIP_GIVE_UP_NS = 12 * MS
AFTER_LAST_STEP_NS = 400_000  # the last half microstep of a stroke takes so long; what slips later slips at rest

board = shim("board")
depth = shim("depth")
faults = shim("faults")
carriage, motor, pace = shim("carriage"), shim("motor"), shim("pace")
safety = shim("safety")
treatment = shim("treatment")


@dataclass
class Stroke:
    """One stroke as the plant saw it. Times in ns; `slips` are periods lost while it was under way."""

    start_ns: int
    end_ns: int
    max_tip_um: float
    slips: int


class PenRig:
    """One pen from power-on. Keywords are the scenario's tables, as in a scenario file."""

    def __init__(self, **tables: Any):
        self.scenario = parse({"title": "motion", **tables}, "motion", "motion rig")
        self.world = make_world(self.scenario)
        self.strokes: list[Stroke] = []
        self.outward_steps_at: list[int] = []  # ns of the first outward step of each motion that has any
        self.home_seen_ns = -1  # when the home sensor first saw the needles, looked at every 0.1 ms
        self.furthest_um = -1e9
        self.field_way_um = 0.0  # the furthest that the driver's index went in a stroke, from where it began
        self._field_from_um = 0.0
        self._innermost: list[tuple[int, float]] = []
        self._stall_us = 0
        self.world.on_stroke.append(self._stroke_begins)
        self._hear_steps()
        self._look()
        link = DirectLink(self.world)
        self.space = FirmwareSpace(link)
        self.space.module("boot")
        machine = self.space.module("machine")
        self._clock = self.space.module("time")
        self.pen_safety = self.space.module("safety")
        self.pen = self.space.module("pen").Pen(
            self._clock, machine.reset_cause(), self.space.module("base").Base())
        self.pen.boot()

    def _hear_steps(self) -> None:
        take = self.world.steps

        def steps(times_ns, outward):
            out = times_ns[outward == 1]
            if len(out):
                self.outward_steps_at.append(int(out[0]))
            take(times_ns, outward)

        self.world.steps = steps  # the world's own still gets them

    def _look(self) -> None:
        """Follow the needles every 0.1 ms."""
        plant, now_ns = self.world.settle(), self.world.now_ns
        self.furthest_um = max(self.furthest_um, plant.tip_um)
        if self.strokes:
            self.field_way_um = max(self.field_way_um, plant.command_um - self._field_from_um)
        if not self._innermost or plant.tip_um < self._innermost[-1][1]:
            self._innermost.append((now_ns, plant.tip_um))
        if self.home_seen_ns < 0 and plant.tip_um <= plant.params.home_edge_um:
            self.home_seen_ns = now_ns
        self.world.after(MS // 10, self._look)

    def innermost_before_ns(self, t_ns: int) -> float:
        """How far in the tips had been by a time."""
        return min(tip_um for at_ns, tip_um in self._innermost if at_ns <= t_ns)

    # -- time ---------------------------------------------------------------------------------------

    def run_while(self, condition, within_ms: int) -> bool:
        """Let the firmware's loop run while `condition()` holds; False if it still does after `within_ms`."""
        end_ns = self.world.now_ns + within_ms * MS
        while condition():
            if self.world.now_ns >= end_ns:
                return False
            wait_us = max(0, self.pen.scheduler.run_once()) + self._stall_us
            self._stall_us = 0
            if wait_us:
                self._clock.sleep_us(wait_us)
        return True

    def run_ms(self, ms: int) -> None:
        self.run_while(lambda: True, ms)

    @property
    def now_us(self) -> int:
        """What the firmware's clock says."""
        return self._clock.ticks_us()

    # -- what a person does ---------------------------------------------------------------------------

    def home(self, within_ms: int = 4000) -> bool:
        """Wait until the pen is ready, or has a fault; True when ready."""
        core = self.pen.safety
        self.run_while(lambda: core.state != safety.READY and core.fault == faults.NONE, within_ms)
        return core.state == safety.READY

    def open_session(self, zone: str, indication: str, supervised: bool = False) -> None:
        """From a pen just switched on to an open session."""
        assert self.home(), f"no home: {self.fault()}"
        deed = self.pen.treatment
        assert self.run_while(lambda: deed.stage != treatment.ZONE, 3000), "no cartridge"
        assert deed.choose_zone(depth.zone_number(zone)) == treatment.ACCEPTED
        assert deed.choose_indication(depth.indication_number(indication)) == treatment.ACCEPTED
        while deed.stage == treatment.QUESTIONS:
            deed.answer_no()
        if supervised:
            assert deed.supervise(True) == treatment.ACCEPTED
        assert self.pen.confirm() == treatment.ACCEPTED
        assert self.run_while(lambda: not deed.is_open(), 3000), "no session"
        self.read_page()
        self.run_ms(50)

    def read_page(self) -> None:
        """Until the display shows the session: on a page that has to be read first, press SELECT."""
        core, panel = self.pen.safety, self.pen.panel
        self.run_while(lambda: core.to_read and not (panel.page_stands() and panel._drawn), 2000)
        if core.to_read:
            for closed in (True, False):
                self.world.move_contact(board.PIN_SELECT, closed)
                self.run_ms(100)
        assert self.run_while(lambda: core.to_read, 2000), "not the session's page"

    def set(self, depth_um: int | None = None, rate_hz: int | None = None) -> None:
        """Dial depth and rate as far as the treatment lets them go."""
        deed = self.pen.treatment
        if depth_um is not None:
            while deed.depth_um != depth_um:
                way = 1 if depth_um > deed.depth_um else -1
                assert deed.change_depth(way, False) == treatment.ACCEPTED
        if rate_hz is not None:
            while deed.asked_rate_mhz != 1000 * rate_hz:
                way = 1 if 1000 * rate_hz > deed.asked_rate_mhz else -1
                if deed.change_rate(way, self.pen.motor.stroke_us(deed.depth_um), False) != treatment.ACCEPTED:
                    return

    def press(self, down: bool = True) -> None:
        first, second = board.PIN_TRIGGER_NC, board.PIN_TRIGGER_NO
        if not down:
            first, second = second, first
        self.world.move_contact(first, False)
        self.world.after(4 * MS, lambda: self.world.move_contact(second, True))

    def strokes_until_fault(self, count: int) -> int:
        """Hold the trigger for `count` strokes or until a fault; answer how many there were."""
        core = self.pen.safety
        before = self.pen.motor.strokes()
        self.press()
        self.run_while(
            lambda: self.pen.motor.strokes() - before < count and core.fault == faults.NONE, 400 * count + 200)
        self.press(False)
        self.run_while(
            lambda: core.state not in (safety.READY, safety.FAULT, safety.BLOCKED), 3000)
        self.run_ms(20)
        return self.pen.motor.strokes() - before

    def stall(self, ms: int) -> None:
        """The firmware's loop does nothing for so long, once."""
        self._stall_us = ms * 1000

    # -- what happens to it ---------------------------------------------------------------------------

    def in_stroke(self, number: int, part: float, act) -> None:
        """Do `act()` in stroke `number` of the run, when `part` of its steps' time has gone by."""

        def on_stroke(index, start_ns, end_ns):
            if index == number:
                self.world.at(start_ns + int((end_ns - start_ns) * part), act)

        self.world.on_stroke.append(on_stroke)

    def lose_torque_until_slip(self) -> None:
        """Take the motor's torque away, and give it back the moment a period is lost (or after 12 ms)."""
        plant = self.world.settle()
        before, give_up_ns = plant.slips, self.world.now_ns + SLIP_GIVE_UP_NS
        plant.torque_factor = 0.0

        def look():
            now = self.world.settle()
            if now.slips > before or self.world.now_ns >= give_up_ns:
                now.torque_factor = 1.0
            else:
                self.world.after(LOOK_NS, look)

        look()

    def lose_a_cycle(self) -> None:
        """At once, whatever the speed: the rotor falls one electrical cycle behind the field's motion."""
        self.world.settle().lose_cycle()

    def _stroke_begins(self, _index: int, start_ns: int, end_ns: int) -> None:
        plant = self.world.settle()
        plant.reset_max()
        stroke = Stroke(start_ns, end_ns, plant.max_tip_um, 0)
        slips = plant.slips
        self._field_from_um = plant.command_um
        self.strokes.append(stroke)

        def ends():
            now = self.world.settle()
            stroke.max_tip_um, stroke.slips = now.max_tip_um, now.slips - slips

        self.world.at(end_ns + AFTER_LAST_STEP_NS, ends)

    # -- what came of it -------------------------------------------------------------------------------

    def fault(self) -> str:
        code = self.pen.safety.fault
        return "" if code == faults.NONE else faults.key(code)

    def state(self) -> str:
        return safety.STATE_NAMES[self.pen.safety.state]

    def journal(self) -> list:
        """The strokes on record, of all sessions."""
        return [stroke for session in decode(self.world.fram.image).sessions for stroke in session.strokes]

    @property
    def home_error_um(self) -> float:
        """Where the firmware's zero lies against where the nut is when the tip, coming in, meets the home edge."""
        plant = self.world.settle()
        params = plant.params
        nut_um = float(plant._s[plant_kernel.X])
        zero_um = nut_um - self.pen.encoder.count() / 1.024 * (1 + params.lead_scale_ppm * 1e-6)
        return zero_um - (params.home_edge_um - params.backlash_um / 2)
