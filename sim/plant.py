"""The physics behind the pins: motor, screw, needles, skin, battery, boost and heat of one pen.

Invariants: time only goes forward, on a 20 us grid from t = 0, and a reading between two grid points is that
of the earlier one; the same calls give the same numbers, however `advance` is cut into pieces. The plant
knows nothing of firmware: it gets step edges and an enable, and gives what sensors and a gauge would show.
"""

from math import floor, sqrt

import numpy as np

from sim import plant_kernel as k
from sim.plant_access import count, flag, number, reading, truth
from sim.plant_params import MICROSTEP_UM, PARAM_RANGES, PER_M, PlantParams, check_range, constants

__all__ = ["ENCODER_FAULTS", "HOME_FAULTS", "PARAM_RANGES", "Plant", "PlantParams"]

ENCODER_FAULTS = ("none", "dead", "a_stuck", "b_stuck")
HOME_FAULTS = ("none", "stuck_active", "stuck_inactive", "noisy")
TRACE_COLUMNS = ("t_us", "command_um", "tip_um", "encoder_um", "force_n", "rail_mv")
EDGE_ROOM = 8192
TRACE_ROOM = 4096
NOISE_NS = 100_000  # a noisy line keeps its level for so long
_NO_TRACE = np.zeros((2, len(TRACE_COLUMNS)))


def _channel_a(count: int) -> int:
    return (count ^ count >> 1) & 1


def _coin(n: int) -> bool:
    """Heads or tails for n, without a pattern at any stride: the two rounds of an integer hash mix every bit."""
    for _ in range(2):
        n = (n ^ n >> 16) * 0x45D9F3B & 0xFFFFFFFF
    return bool((n ^ n >> 16) & 1)


class Plant:
    """One pen in the hand. All times are int nanoseconds from power-on; positions are extension in um.

    A change made by a setter acts from the last grid point at or before `t_ns`. At power-on the rail is up,
    the power stage off, a cartridge seated, and the nose on skin.
    """

    torque_factor = number(k.TORQUE_FACTOR, "torque_factor", 0, 1, "Fault: part of the motor's torque left.")
    stand_off_um = number(
        k.STAND_OFF, "stand_off_um", *PARAM_RANGES["stand_off_um"], "Mean place of the skin."
    )
    battery_ocv_mv = number(k.OCV, "battery_ocv_mv", 0, 8600, "Open-circuit voltage before sag.")
    motor_temp_c = number(k.TEMP, "motor_temp_c", -20, 200, "Temperature of the motor.")
    ambient_c = number(k.AMBIENT, "ambient_c", -20, 60, "Temperature of the room.")
    skin_present = flag(k.SKIN, "skin_present", "False: the pen is held in the air.")

    command_um = reading(k.FIELD, "Position of the motor's field (the driver's index), true um.")
    tip_um = reading(k.TIP, "True extension of the needle tips.")
    velocity_um_s = reading(k.V, "Speed of the nut, positive outward.")
    force_n = reading(k.FORCE, "Axial load of the skin on all needles, positive against outward motion.")
    motor_rail_mv = reading(k.RAIL, "Voltage of the hold-up capacitor, which feeds driver and logic.")
    battery_mv = reading(k.BATTERY, "Terminal voltage of the battery under load; 0 when disconnected.")
    max_tip_um = reading(k.MAX_TIP, "Furthest tip since reset_max().")
    peak_force_n = reading(k.PEAK_FORCE, "Greatest force_n since reset_max().")
    drag_um = reading(k.DRAG, "Longest glide of needles in the skin within one puncture since reset_max().")
    pierce_events = count(k.PIERCE_EVENTS, "Punctures (all needles together) since power-on.")
    slips = count(
        k.SLIPS, "Magnetic periods (80 um) lost between field and rotor since power-on, never negative."
    )

    def __init__(self, params: PlantParams, seed: int = 1):
        """`seed` fixes the tremor."""
        self.params = params
        self._s, self._n, self._p = np.zeros(k.FLOATS), np.zeros(k.INTS, np.int64), constants(params, seed)
        self._t_ns = 0
        self._edge_ns, self._edge_out = np.zeros(EDGE_ROOM, np.int64), np.zeros(EDGE_ROOM, np.int8)
        self._trace = _NO_TRACE
        self._encoder_fault, self._home_fault = "none", "none"
        self._encoder_true_at_fault, self._encoder_offset = 0, 0
        s, n = self._s, self._n
        s[k.X] = s[k.TIP] = s[k.MAX_TIP] = params.start_um
        s[k.FIELD] = self._p[k.START_FIELD]
        s[k.DIRECTION] = -1.0
        s[k.RAIL], s[k.BATTERY], s[k.OCV] = params.boost_mv, params.battery_ocv_mv, params.battery_ocv_mv
        s[k.AMBIENT] = params.ambient_c
        self.microstep_um = MICROSTEP_UM
        s[k.SCALE], s[k.TORQUE_FACTOR], s[k.TEMP] = 1.0, 1.0, params.ambient_c
        s[k.STAND_OFF], s[k.GLIDE_V] = params.stand_off_um, params.glide_mm_s * 1e3
        n[k.TREMOR_NODE] = -1
        n[k.HOME] = params.start_um <= params.home_edge_um
        n[k.SKIN] = n[k.CARTRIDGE] = n[k.BATTERY_IN] = n[k.BOOST] = 1

    @property
    def t_ns(self) -> int:
        """The state is that of this time."""
        return self._t_ns

    def add_steps(self, times_ns: np.ndarray, outward: np.ndarray) -> None:
        """Append step edges: int64 times in order, later than t_ns and not before a pending one; int8 1 or 0.

        Raises TypeError for another dtype, ValueError for lengths that differ or the first edge out of order.
        """
        if getattr(times_ns, "dtype", None) != np.int64 or getattr(outward, "dtype", None) != np.int8:
            raise TypeError("add_steps takes an int64 array of times and an int8 array of directions")
        if times_ns.ndim != 1 or times_ns.shape != outward.shape:
            raise ValueError(f"step times of shape {times_ns.shape}, but directions of shape {outward.shape}")
        if self._n[k.TAIL] + len(times_ns) > len(self._edge_ns):
            self._make_room(len(times_ns))
        bad = k.append_edges(self._n, self._edge_ns, self._edge_out, times_ns, outward, self._t_ns)
        if bad >= 0:
            raise ValueError(
                f"step edge {bad} (time {times_ns[bad]} ns, outward {outward[bad]}) is not after "
                f"{self._t_ns} ns, out of order, or has a direction other than 0 and 1"
            )

    def _make_room(self, more: int) -> None:
        head, tail = int(self._n[k.HEAD]), int(self._n[k.TAIL])
        pending = tail - head
        room = max(len(self._edge_ns), 2 * (pending + more))
        for name in ("_edge_ns", "_edge_out"):
            old = getattr(self, name)
            new = np.zeros(room, old.dtype)
            new[:pending] = old[head:tail]
            setattr(self, name, new)
        self._n[k.HEAD], self._n[k.TAIL] = 0, pending

    def drop_steps_after(self, t_ns: int) -> None:
        """Pending edges later than t_ns never happen. ValueError when t_ns lies in the past."""
        if t_ns < self._t_ns:
            raise ValueError(f"steps up to {self._t_ns} ns have happened; cannot drop those after {t_ns} ns")
        head, tail = int(self._n[k.HEAD]), int(self._n[k.TAIL])
        self._n[k.TAIL] = head + int(np.searchsorted(self._edge_ns[head:tail], t_ns, side="right"))

    def turn_steps_inward(self) -> None:
        """Pending edges all go inward: what the driver makes of them without its DIR wire."""
        self._edge_out[self._n[k.HEAD] : self._n[k.TAIL]] = 0

    def set_drive(self, enabled: bool) -> None:
        """Power stage on or off. Switched on, the rotor takes the nearest equilibrium, not command_um."""
        self._n[k.ENABLED] = truth("enabled", enabled)
        self._n[k.STILL] = 0

    def advance(self, t_ns: int) -> None:
        """Integrate to t_ns. ValueError when that lies in the past."""
        if t_ns < self._t_ns:
            raise ValueError(f"time cannot go back from {self._t_ns} to {t_ns} ns")
        self._run(t_ns // k.TICK_NS, 0.0)
        self._t_ns = int(t_ns)

    def advance_until_rail_below(self, mv: float, t_max_ns: int) -> int | None:
        """Integrate until the rail is below `mv`; returns that time (now, if it is), or None at t_max_ns."""
        if t_max_ns < self._t_ns:
            raise ValueError(f"time cannot go back from {self._t_ns} to {t_max_ns} ns")
        if self._s[k.RAIL] < mv:
            return self._t_ns
        if self._run(t_max_ns // k.TICK_NS, float(mv)) == k.RAIL_BELOW:
            self._t_ns = int(self._n[k.TICK]) * k.TICK_NS
            return self._t_ns
        self._t_ns = t_max_ns
        return None

    def _run(self, to_tick: int, rail_stop_mv: float) -> int:
        while True:
            status = k.run(
                self._s, self._n, self._p, self._edge_ns, self._edge_out, self._trace, to_tick, rail_stop_mv
            )
            if status != k.TRACE_FULL:
                return status
            self._trace = np.concatenate([self._trace, np.zeros_like(self._trace)])

    def lose_cycle(self) -> None:
        """Fault: at once, whatever the speed, the rotor falls one magnetic period (80 um) behind the field's motion.

        Not into a mechanical stop, which would throw it back: a carriage that bounces there falls behind the other way.
        """
        behind_um = self._p[k.PERIOD] * (1.0 if self._s[k.V] <= 0 else -1.0)
        if not self._p[k.INNER] <= self._s[k.TIP] + behind_um <= self._p[k.OUTER]:
            behind_um = -behind_um
        self._s[k.X] += behind_um
        self._s[k.TIP] += behind_um

    def reset_max(self) -> None:
        """Start max_tip_um, peak_force_n and drag_um anew from the present state."""
        s = self._s
        s[k.MAX_TIP], s[k.PEAK_FORCE] = s[k.TIP], s[k.FORCE]
        s[k.DRAG] = s[k.GLIDE] if self.pierced else 0.0

    @property
    def microstep_um(self) -> float:
        """Nominal travel of a step edge, as the driver's resolution has it; 1/256 of a full step to 20 um."""
        return float(self._s[k.STEP_UM]) / self._stretch

    @microstep_um.setter
    def microstep_um(self, value: float) -> None:
        self._s[k.STEP_UM] = check_range("microstep_um", value, 20 / 256, 20) * self._stretch

    @property
    def _stretch(self) -> float:
        return 1 + self.params.lead_scale_ppm * 1e-6

    @property
    def friction_mnm(self) -> float:
        """Coulomb friction of bearings and nut; it may change in a run. ValueError outside the parameter's range."""
        return float(self._p[k.FRICTION_N]) / PER_M * 1e3

    @friction_mnm.setter
    def friction_mnm(self, value: float) -> None:
        self._p[k.FRICTION_N] = check_range("friction_mnm", value, *PARAM_RANGES["friction_mnm"]) * 1e-3 * PER_M
        self._n[k.STILL] = 0

    @property
    def backlash_um(self) -> float:
        """Play between nut and tips; it may change in a run. ValueError outside the parameter's range."""
        return 2 * float(self._p[k.HALF_PLAY])

    @backlash_um.setter
    def backlash_um(self, value: float) -> None:
        self._p[k.HALF_PLAY] = check_range("backlash_um", value, *PARAM_RANGES["backlash_um"]) / 2
        self._n[k.STILL] = 0

    @property
    def cartridge_present(self) -> bool:
        """Seated or taken out. One that is put in is new: its needles are not worn."""
        return bool(self._n[k.CARTRIDGE])

    @cartridge_present.setter
    def cartridge_present(self, value: bool) -> None:
        if truth("cartridge_present", value) and not self._n[k.CARTRIDGE]:
            self._n[k.PUNCTURES] = 0
        self._n[k.CARTRIDGE] = value
        self._n[k.STILL] = 0

    @property
    def boost_mv(self) -> float:
        """What the boost holds the rail at. 9000 to 13000 in a pen; a fault may set any from 0; ValueError outside."""
        return float(self._p[k.BOOST_MV])

    @boost_mv.setter
    def boost_mv(self, value: float) -> None:
        self._p[k.BOOST_MV] = check_range("boost_mv", value, 0, PARAM_RANGES["boost_mv"][1])
        self._n[k.STILL] = 0

    @property
    def battery_connected(self) -> bool:
        """False: the rail lives on the hold-up capacitor, and battery_mv is 0."""
        return bool(self._n[k.BATTERY_IN])

    @battery_connected.setter
    def battery_connected(self, value: bool) -> None:
        self._n[k.BATTERY_IN] = truth("battery_connected", value)
        self._s[k.BATTERY] = self._s[k.OCV] if value else 0.0
        self._n[k.STILL] = 0

    @property
    def jam(self) -> bool:
        """Fault: the nut is held where it was when this was set, both ways, within 5 um."""
        return bool(self._n[k.JAM])

    @jam.setter
    def jam(self, value: bool) -> None:
        if truth("jam", value) and not self._n[k.JAM]:
            self._s[k.JAM_AT] = self._s[k.X]
        self._n[k.JAM] = value
        self._n[k.STILL] = 0

    @property
    def pierced(self) -> bool:
        """Needles are in the skin."""
        return bool(self._n[k.PIERCED])

    @property
    def motor_current_a(self) -> float:
        """Amplitude of the sine in each phase; 0 when the stage is off or has no supply."""
        return sqrt(2) * self.motor_current_rms_a

    @property
    def motor_current_rms_a(self) -> float:
        """Rms current in each phase; 0 when the stage is off or has no supply."""
        live = self._n[k.ENABLED] and not self._n[k.DROPPED]
        return self.drive_rms_a if live else 0.0

    @property
    def drive_rms_a(self) -> float:
        """Rms current of each phase that the driver regulates while its stage is on: 0 to 2; ValueError outside.

        Torque is in proportion to it, and the holding torque is that at the rated current.
        """
        return float(self._s[k.SCALE]) * self.params.motor_rated_rms_a

    @drive_rms_a.setter
    def drive_rms_a(self, value: float) -> None:
        self._s[k.SCALE] = check_range("drive_rms_a", value, 0, 2) / self.params.motor_rated_rms_a
        self._n[k.STILL] = 0

    def _true_count(self) -> int:
        return floor((self._s[k.X] - self._p[k.START]) / self._p[k.COUNT_UM])

    @property
    def encoder_count(self) -> int:
        """4096 counts a turn of the rotor since power-on, as the decoder has them with `encoder_fault`."""
        true = self._true_count()
        if self._encoder_fault == "none":
            return true + self._encoder_offset
        frozen = self._encoder_true_at_fault
        wobble = 0
        if self._encoder_fault == "a_stuck":
            wobble = (true >> 1 & 1) - (frozen >> 1 & 1)
        elif self._encoder_fault == "b_stuck":
            wobble = _channel_a(true) - _channel_a(frozen)
        return frozen + self._encoder_offset + wobble

    @property
    def encoder_fault(self) -> str:
        """none; dead: the count is frozen; a_stuck, b_stuck: only the other channel moves, the count wobbles by one.

        Counts lost during a fault stay lost after it.
        """
        return self._encoder_fault

    @encoder_fault.setter
    def encoder_fault(self, value: str) -> None:
        if value not in ENCODER_FAULTS:
            raise ValueError(f"encoder_fault is {value!r}, must be one of {', '.join(ENCODER_FAULTS)}")
        shown = self.encoder_count
        self._encoder_fault = value
        self._encoder_true_at_fault = self._true_count()
        self._encoder_offset = shown - self._encoder_true_at_fault

    def slip_encoder(self, counts: int) -> None:
        """Fault: the disc turns on its shaft; from now on the count is so much higher (or lower) than it was."""
        self._encoder_offset += counts

    @property
    def home_active(self) -> bool:
        """Level of the home sensor: tip at or inside home_edge_um, with hysteresis, `home_fault` included."""
        if self._home_fault == "none":
            return bool(self._n[k.HOME])
        if self._home_fault == "noisy":
            return _coin(self._t_ns // NOISE_NS)
        return self._home_fault == "stuck_active"

    @property
    def home_fault(self) -> str:
        """none, stuck_active, stuck_inactive, or noisy: another level every 0.1 ms, without a pattern."""
        return self._home_fault

    @home_fault.setter
    def home_fault(self, value: str) -> None:
        if value not in HOME_FAULTS:
            raise ValueError(f"home_fault is {value!r}, must be one of {', '.join(HOME_FAULTS)}")
        self._home_fault = value

    def start_trace(self) -> None:
        """Record from now on, every 100 us while there is motion, at both ends of every rest."""
        self._trace = np.zeros((TRACE_ROOM, len(TRACE_COLUMNS)))
        self._n[k.TRACE_LEN], self._n[k.TRACING] = 0, 1
        self._n[k.STILL] = 0

    def stop_trace(self) -> dict[str, np.ndarray]:
        """End the record and give it: t_us, command_um, tip_um, encoder_um, force_n, rail_mv, of one length.

        encoder_um is what a healthy encoder and the nominal lead make of the motion, from start_um.
        RuntimeError when none was started.
        """
        if not self._n[k.TRACING]:
            raise RuntimeError("no trace was started")
        rows = self._trace[: self._n[k.TRACE_LEN]]
        self._n[k.TRACING] = 0
        self._trace = _NO_TRACE
        return {name: rows[:, i].copy() for i, name in enumerate(TRACE_COLUMNS)}
