"""Everything that can be made to go wrong with a simulated pen, by the name a scenario uses.

Each works on the parts, the wires and the plant, never on the firmware; `undo` ends it where that makes sense. The
exception is said in its name's row: a hung task is a flipped bit in the firmware's memory.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from sim.contacts import BOUNCE_NS, LONGEST_BOUNCE_MS
from sim.false_levels import CHANNELS, HIGH, LATCHED, LOW, OTHER, PINS
from sim.i2c import FOR_EVER
from sim.parts.ds3231 import CELL_MV
from sim.plant_params import PERIOD_UM
from sim.space import shim

if TYPE_CHECKING:
    from sim.world import World

board = shim("board")

COUNTS_PER_UM = 1.024
SLIPS_FROM_UM_S = 1000
RETRY_NS = 100_000

Act = Callable[..., None]  # (world, value), of a mishap at a pin (world, value, pin, looks)


@dataclass(frozen=True)
class Kind:
    """What one mishap does, how it ends, and what its `value` means ("" if it takes none)."""

    about: str
    do: Act
    undo: Act | None = None
    value: str = ""
    cpython_only: bool = False
    pins: tuple[str, ...] = ()  # where it can be; none for most
    looks: tuple[str, ...] = ()  # of these, where it may last for so many looks

    def begin(self, world: World, value: float | None, pin: str | None = None, looks: int | None = None) -> None:
        """Let it happen. ValueError if it cannot now."""
        self.do(world, value, pin, looks) if self.pins else self.do(world, value)

    def end(self, world: World, value: float | None, pin: str | None = None) -> None:
        """Undo it, where that makes sense."""
        if self.undo is not None:
            self.undo(world, value, pin) if self.pins else self.undo(world, value)


MISHAPS: dict[str, Kind] = {}


def _set(target: str, name: str, bad, good=None) -> tuple[Act, Act]:
    """Set an attribute of a part of the world, or of the world itself for target ""."""

    def do(world, value):
        setattr(getattr(world, target) if target else world, name, value if bad is None else bad)

    def undo(world, _value):
        setattr(getattr(world, target) if target else world, name, good)

    return do, undo


def _plant(name: str, bad, good=None) -> tuple[Act, Act]:
    def do(world, value):
        setattr(world.settle(), name, value if bad is None else bad)

    def undo(world, _value):
        setattr(world.settle(), name, good)

    return do, undo


def _wire(pin: int, state: str) -> tuple[Act, Act]:
    def do(world, _value):
        world.wires[pin] = state
        world.contacts_changed()
        world.recorder.pad(pin, 0 if world.contact_closed(pin) else 1)

    def undo(world, _value):
        world.wires[pin] = ""
        world.contacts_changed()
        world.recorder.pad(pin, 0 if world.contact_closed(pin) else 1)

    return do, undo


def _interlock(torn: bool) -> Act:
    def do(world, _value):
        world.loop_torn = torn
        world.interlock_moved()

    return do


def _bounce(world: World, _value: float | None) -> None:
    """The loop's contact chatters under a knock: bursts like those of any small contact, closed in the end."""
    flips = 2 * world.rng.randrange(1, 5)
    times = sorted(world.rng.randrange(BOUNCE_NS) for _ in range(flips))
    for i, t_ns in enumerate(times):
        world.after(t_ns, lambda torn=i % 2 == 0: _interlock(torn)(world, None))


def _driver_wire(name: str, bad, good) -> tuple[Act, Act]:
    def put(value):
        def act(world, _value):
            setattr(world, name, value)
            world.driver_wires_changed()

        return act

    return put(bad), put(good)


def _false_status(world: World, value: float | None) -> None:
    world.driver.false_status = round(value or 0)


def _task_hung(world: World, value: float | None) -> None:
    """A bit of a due time flips in memory: the task is next asked for 268 s later. Before the loop there is none, and
    without power no memory."""
    if not world.powered:
        return
    if world.firmware is None:
        raise ValueError("'task_hung' reaches into the firmware's memory: the cpython tier only")
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        loop = frame.f_locals.get("self")
        if type(loop).__name__ == "Scheduler":
            task = loop.tasks[round(value or 0)]
            if frame.f_code.co_name == "_run" and frame.f_locals["task"] is task:
                world.after(RETRY_NS, lambda: _task_hung(world, value))  # at its end it will say when it is due
            else:
                task.due_us |= 1 << 28
            return
        frame = frame.f_back


def _slip(world: World, value: float | None) -> None:
    """A rotor that stands has nothing to fall behind, and one that has just turned is not yet a cycle away from there:
    then it happens as soon as it can."""
    plant = world.settle()
    outward, inward = plant.velocity_um_s > SLIPS_FROM_UM_S, plant.velocity_um_s < -SLIPS_FROM_UM_S
    if outward or (inward and plant.tip_um < plant.max_tip_um - PERIOD_UM):
        plant.lose_cycle()
    else:
        world.after(RETRY_NS if plant.motor_current_a else 50 * RETRY_NS, lambda: _slip(world, value))


def _fram_bit(line: str) -> Act:
    def do(world, value):
        world.fram.flip(line, round(value or 0), 1 << world.rng.randrange(8))

    return do


def _hang(world: World, _value: float | None) -> None:
    world.hung = True


def _battery_back(world: World, _value: float | None) -> None:
    plant = world.settle()
    plant.battery_ocv_mv = plant.params.battery_ocv_mv


def _power_back(world: World, _value: float | None) -> None:
    world.restore_battery()


def _boost_back(world: World, _value: float | None) -> None:
    plant = world.settle()
    plant.boost_mv = plant.params.boost_mv


def _bounces(world: World, ms: float, name: str, otherwise_ns: int) -> None:
    if not 0 <= ms <= LONGEST_BOUNCE_MS:
        raise ValueError(f"contacts bounce for 0 to {LONGEST_BOUNCE_MS} ms, not {ms:g}")
    setattr(world, name, max(round(ms * 1e6), 1) if ms else otherwise_ns)


def _pin_level(level: int) -> tuple[Act, Act]:
    return lambda w, v, pin, looks: w.false.pin(pin, level, looks), lambda w, v, pin: w.false.pin_ends(pin)


def _pin_noise(world: World, value: float, pin: str, _looks: int | None) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"the part of the time that a pad is wrong is above 0, up to 1, not {value:g}")
    world.false.pin_noise(pin, value)


def _conversion(world: World, value: float, channel: str, looks: int | None) -> None:
    if not 0 <= value <= 4095:
        raise ValueError(f"the converter gives 0 to 4095, not {value:g}")
    world.false.channel(channel, round(value), looks)


def _friction_back(world: World, _value: float | None) -> None:
    plant = world.settle()
    plant.friction_mnm = plant.params.friction_mnm


def _play_back(world: World, _value: float | None) -> None:
    plant = world.settle()
    plant.backlash_um = plant.params.backlash_um


def _add(
    name: str, about: str, acts: tuple[Act, Act] | tuple[Act], value: str = "", cpython_only: bool = False,
    pins: tuple[str, ...] = (), looks: tuple[str, ...] = (),
) -> None:
    MISHAPS[name] = Kind(about, acts[0], acts[1] if len(acts) > 1 else None, value, cpython_only, pins, looks)


# supply
_add("power_cut", "the battery loses contact", (lambda w, v: w.cut_battery(), _power_back))
_add("battery_mv", "the battery's open-circuit voltage falls", (_plant("battery_ocv_mv", None)[0], _battery_back), "mV")
_add("boost_mv", "the boost holds the rail no higher than this", (_plant("boost_mv", None)[0], _boost_back), "mV")
_add("power_ok_stuck", "the power-fail comparator always says good", _set("", "power_ok_stuck", 1, None))
_add("power_fail_stuck", "the power-fail comparator always says failing", _set("", "power_ok_stuck", 0, None))
# cartridge
_add("cartridge_pulled", "the cartridge is taken out", (lambda w, v: w.pull_cartridge(),))
_add("interlock_torn", "the interlock loop is open with the cartridge seated", (_interlock(True), _interlock(False)))
_add("interlock_bounces", "the interlock loop chatters for 3 ms with the cartridge seated", (_bounce,))
_add("onewire_noisy", "every eighth bit on the cartridge's wire is wrong", _set("", "onewire_noisy", True, False))
# motor and screw
_add("motor_weak", "the motor has this part of its torque", _plant("torque_factor", None, 1.0), "0..1")
_add("slip", "the rotor falls one electrical cycle (80 um) behind, in its next motion if it stands", (_slip,))
_add("jam", "the needles are blocked where they are", _plant("jam", True, False))
_add("motor_temp", "the motor is this hot", _plant("motor_temp_c", None, 25.0)[:1], "degrees Celsius")
_add("ntc_open", "the NTC's wire is torn", _set("", "ntc_fault", "open", ""))
_add("ntc_shorted", "the NTC's wires touch", _set("", "ntc_fault", "short", ""))
_add("friction_mnm", "friction of bearings and nut is this", (_plant("friction_mnm", None)[0], _friction_back), "mN·m")
_add("backlash_um", "the play between nut and tips is this", (_plant("backlash_um", None)[0], _play_back), "um")
# chip and memory
_add("cpu_hang", "the CPU stops executing", (_hang,))
_add("task_hung", "a flipped bit in memory: this task of the loop is not asked for again", (_task_hung,),
     "0..5", cpython_only=True)
_add("rogue_table", "every word of the ramp tables turns outward in memory", _set("", "rogue_tables", True, False))
_add("memory_hit", "a bit of the largest step table flips, after the DMA has been started once more",
     _set("", "memory_hit", True)[:1])
# sensors
_add("encoder_dead", "the encoder's count stands still", _plant("encoder_fault", "dead", "none"))
_add("encoder_a_stuck", "channel A of the encoder is stuck", _plant("encoder_fault", "a_stuck", "none"))
_add("encoder_b_stuck", "channel B of the encoder is stuck", _plant("encoder_fault", "b_stuck", "none"))
_add("encoder_slipped", "the encoder's disc turns on its shaft by so much",
     (lambda w, v: w.settle().slip_encoder(round((v or 0) * COUNTS_PER_UM)),), "um")
_add("home_stuck_active", "the home sensor always sees the needles", _plant("home_fault", "stuck_active", "none"))
_add("home_stuck_inactive", "the home sensor never sees the needles", _plant("home_fault", "stuck_inactive", "none"))
_add("home_noisy", "the home sensor's level is noise", _plant("home_fault", "noisy", "none"))
# levels at the chip's pads and numbers from its converter, on any input
READ_BY_LOOKS = tuple(name for name in PINS if name not in LATCHED)
_add("pin_high", "the pad reads high", _pin_level(HIGH), pins=tuple(PINS), looks=READ_BY_LOOKS)
_add("pin_low", "the pad reads low", _pin_level(LOW), pins=tuple(PINS), looks=READ_BY_LOOKS)
_add("pin_wrong", "the pad reads the other level than it has", _pin_level(OTHER), pins=tuple(PINS),
     looks=READ_BY_LOOKS)
_add("pin_noise", "the pad is wrong in this part of all slots of 0.1 ms", (_pin_noise, _pin_level(OTHER)[1]), "0..1",
     pins=tuple(PINS))
_add("adc_reads", "the converter gives this for a channel",
     (_conversion, lambda w, v, channel: w.false.channel_ends(channel)), "0..4095", pins=tuple(CHANNELS),
     looks=tuple(CHANNELS))
# driver
_add("driver_reset", "the driver loses its registers", (lambda w, v: w.driver_reset(),))
_add("driver_silent", "the driver answers nothing", _set("driver", "silent", True, False))
_add("driver_babbling", "the driver answers nonsense", _set("driver", "babbling", True, False))
_add("driver_lies", "the driver's status shows these bits though nothing is so",
     (_false_status, lambda w, v: setattr(w.driver, "false_status", 0)), "DRV_STATUS's low byte, and 256 times GSTAT")
_add("uart_noisy", "bytes on the driver's wire are changed, lost or added", _set("uart_line", "noisy", True, False))
_add("driver_short", "a short at the motor: the driver switches its bridges off, until EN_N or TOFF has been",
     _set("driver", "short_a", True, False))
_add("driver_hot", "the driver, not the motor, is this hot and cools down again",
     _set("driver", "temperature_c", None)[:1], "degrees Celsius")
_add("driver_pump_low", "the driver's charge pump is too low: its bridges are off meanwhile",
     _set("driver", "undervoltage", True, False))
_add("diag_stuck_high", "the driver's DIAG line is stuck high", _set("", "diag_stuck", 1, None))
_add("diag_stuck_low", "the driver's DIAG line is stuck low", _set("", "diag_stuck", 0, None))
_add("driver_open", "a motor wire makes bad contact: the driver sees an open load, the torque stays",
     _set("driver", "open_load_a", True, False))
_add("enable_torn", "the driver's EN_N wire is torn: pulled up, off", _driver_wire("enable_wire", "torn", ""))
_add("enable_grounded", "the driver's EN_N wire is at ground: always on", _driver_wire("enable_wire", "grounded", ""))
_add("step_torn", "the driver's STEP wire is torn", _driver_wire("step_torn", True, False))
_add("dir_torn", "the driver's DIR wire is torn: pulled down, inward", _driver_wire("dir_torn", True, False))
# trigger and buttons
_add("trigger_no_stuck", "the trigger's normally open contact is welded", _wire(board.PIN_TRIGGER_NO, "stuck_closed"))
_add("trigger_no_broken", "the wire of the normally open contact is torn", _wire(board.PIN_TRIGGER_NO, "stuck_open"))
_add("trigger_nc_stuck", "the trigger's normally closed contact stays closed",
     _wire(board.PIN_TRIGGER_NC, "stuck_closed"))
_add("trigger_nc_broken", "the wire of the normally closed contact is torn", _wire(board.PIN_TRIGGER_NC, "stuck_open"))
_add("select_stuck", "the SELECT button stays pressed", _wire(board.PIN_SELECT, "stuck_closed"))
_add("contacts_bounce", "the contacts of trigger and buttons bounce for so long",
     (lambda w, v: _bounces(w, v, "bounce_ns", 1), lambda w, v: setattr(w, "bounce_ns", BOUNCE_NS)), "ms")
_add("seat_bounces", "the interlock's contact chatters so long when a cartridge is seated or taken out",
     (lambda w, v: _bounces(w, v, "seat_bounce_ns", 0), lambda w, v: setattr(w, "seat_bounce_ns", 0)), "ms")
# records and panel
_add("fram_dead", "the record memory answers nothing", _set("fram", "fault", "absent", ""))
_add("fram_noisy", "every fourth byte read from the record memory is wrong", _set("fram", "fault", "noisy", ""))
_add("fram_misheard", "every fourth byte that the record memory hears is wrong, commands and addresses too",
     _set("fram", "fault", "misheard", ""))
_add("fram_low", "what the record memory answers is held low", _set("fram", "fault", "stuck_low", ""))
_add("fram_high", "what the record memory answers is held high", _set("fram", "fault", "stuck_high", ""))
_add("fram_bit_read", "one bit of the byte so many bytes from now comes wrong from the record memory",
     (_fram_bit("miso"),), "bytes")
_add("fram_bit_written", "one bit of the byte so many bytes from now reaches the record memory wrong",
     (_fram_bit("mosi"),), "bytes")
_add("fram_deaf", "the record memory takes no write", _set("fram", "fault", "deaf", ""))
_add("display_dead", "the display answers nothing", _set("display", "fault", "absent", ""))
_add("display_reset", "the display loses its registers and what it shows, and acknowledges on",
     (lambda w, v: w.display.power_on(),))
# the display's and the clock's bus
_add("i2c_held", "a part that lost count in mid transfer holds SDA low until it has seen nine clocks",
     (lambda w, v: w.i2c.hold(), lambda w, v: w.i2c.hold(0)))
_add("i2c_shorted", "SDA is shorted to ground", (lambda w, v: w.i2c.hold(FOR_EVER), lambda w, v: w.i2c.hold(0)))
_add("i2c_noisy", "every fourth transfer on the bus is not acknowledged", _set("i2c", "noisy", True, False))
_add("clock_silent", "the clock answers nothing", _set("clock", "fault", "silent", ""))
_add("clock_garbled", "what the clock reads is no time", _set("clock", "fault", "garbled", ""))
_add("clock_stopped", "the clock's oscillator stands still",
     (lambda w, v: w.clock.stop(w.now_ns), lambda w, v: w.clock.go_on(w.now_ns)))
_add("clock_cell_empty", "the clock's cell is empty: it stops with the supply", _set("clock", "cell_mv", 0, CELL_MV))
_add("clock_wrong", "the clock is wrong by so many days, without a sign",
     (lambda w, v: w.clock.shift(v or 0, w.now_ns),), "days")
