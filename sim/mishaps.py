"""Everything that can be made to go wrong with a simulated pen, by the name a scenario uses.

Each works on the parts and the plant, never on the firmware; `undo` ends it where that makes sense.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.space import shim

if TYPE_CHECKING:
    from sim.world import World

board = shim("board")

Act = Callable[["World", float | None], None]


@dataclass(frozen=True)
class Kind:
    """What one mishap does, how it ends, and what its `value` means ("" if it takes none)."""

    about: str
    do: Act
    undo: Act | None = None
    value: str = ""


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


def _hang(world: World, _value: float | None) -> None:
    world.hung = True


def _battery_back(world: World, _value: float | None) -> None:
    plant = world.settle()
    plant.battery_ocv_mv = plant.params.battery_ocv_mv


def _power_back(world: World, _value: float | None) -> None:
    world.restore_battery()


def _add(name: str, about: str, acts: tuple[Act, Act] | tuple[Act], value: str = "") -> None:
    MISHAPS[name] = Kind(about, acts[0], acts[1] if len(acts) > 1 else None, value)


_add("power_cut", "the battery loses contact", (lambda w, v: w.cut_battery(), _power_back))
_add("battery_mv", "the battery's open-circuit voltage falls", (_plant("battery_ocv_mv", None)[0], _battery_back), "mV")
_add("cartridge_pulled", "the cartridge is taken out", (lambda w, v: w.pull_cartridge(),))
_add("motor_weak", "the motor has this part of its torque", _plant("torque_factor", None, 1.0), "0..1")
_add("slip", "the rotor falls one electrical cycle (80 um) behind", (lambda w, v: w.settle().lose_cycle(),))
_add("rogue_table", "every word of the ramp tables turns outward in memory", _set("", "rogue_tables", True, False))
_add("memory_hit", "a bit of the largest step table flips, after the DMA has been started once more",
     _set("", "memory_hit", True)[:1])
_add("jam", "the needles are blocked where they are", _plant("jam", True, False))
_add("motor_temp", "the motor is this hot", _plant("motor_temp_c", None, 25.0)[:1], "degrees Celsius")
_add("cpu_hang", "the CPU stops executing", (_hang,))
_add("encoder_dead", "the encoder's count stands still", _plant("encoder_fault", "dead", "none"))
_add("encoder_a_stuck", "channel A of the encoder is stuck", _plant("encoder_fault", "a_stuck", "none"))
_add("home_stuck_active", "the home sensor always sees the needles", _plant("home_fault", "stuck_active", "none"))
_add("home_stuck_inactive", "the home sensor never sees the needles", _plant("home_fault", "stuck_inactive", "none"))
_add("driver_reset", "the driver loses its registers", (lambda w, v: w.driver_reset(),))
_add("driver_silent", "the driver answers nothing", _set("driver", "silent", True, False))
_add("driver_babbling", "the driver answers nonsense", _set("driver", "babbling", True, False))
_add("driver_short", "a short at the motor", _set("driver", "short_a", True, False))
_add("driver_open", "a motor wire makes bad contact: the driver sees an open load, the torque stays",
     _set("driver", "open_load_a", True, False))
_add("trigger_no_stuck", "the trigger's normally open contact is welded", _wire(board.PIN_TRIGGER_NO, "stuck_closed"))
_add("trigger_nc_stuck", "the trigger's normally closed contact stays closed",
     _wire(board.PIN_TRIGGER_NC, "stuck_closed"))
_add("trigger_nc_broken", "the wire of the normally closed contact is torn", _wire(board.PIN_TRIGGER_NC, "stuck_open"))
_add("fram_dead", "the record memory answers nothing", _set("fram", "fault", "absent", ""))
_add("display_dead", "the display answers nothing", _set("display", "fault", "absent", ""))
