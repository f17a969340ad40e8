"""The free figures of the plant: one table of name, unit, default and permitted range.

Invariants: a PlantParams that exists is inside every range; PARAM_RANGES is derived from the same table, so
that a scenario file is judged by the limits the plant itself enforces. docs/simulator.md has the sources.
"""

from dataclasses import dataclass, field, fields
from math import tau
from numbers import Real
from typing import Any

import numpy as np

from sim import plant_kernel as k

LEAD_UM = 4000.0
PERIOD_UM = 80.0
MICROSTEP_UM = 1.25
COUNT_UM = LEAD_UM / 4096
PER_M = tau / (LEAD_UM * 1e-6)  # radians of the rotor per metre of travel
COAST_MARGIN = 1.25
TREMOR_BANDS = ((0.5, 0.8, 2.0), (0.3, 3.0, 6.0), (0.2, 8.0, 12.0))  # share of the excursion, Hz from, Hz to


def _param(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"range": (low, high)})


@dataclass(frozen=True)
class PlantParams:
    """One pen, one cartridge, one patch of skin. Raises ValueError for a figure out of its range.

    Force in N is per needle where the name says `needle`. Positions are tip extension past the guide plane.
    """

    # motor and screw
    holding_torque_mnm: float = _param(20.0, 5.0, 40.0)
    detent_torque_mnm: float = _param(2.0, 0.5, 4.0)
    corner_rev_s: float = _param(29.0, 10.0, 60.0)  # at a rail of 12 V; proportional to the rail
    rotor_inertia_kgm2: float = _param(2e-7, 1e-7, 4e-7)
    moving_mass_g: float = _param(6.0, 2.0, 15.0)
    screw_efficiency: float = _param(0.5, 0.3, 0.8)
    friction_mnm: float = _param(1.0, 0.2, 2.0)  # Coulomb, bearings and nut without load
    viscous_ns_m: float = _param(3.0, 0.0, 20.0)  # grease, referred to the nut
    damping_ms: float = _param(0.4, 0.1, 1.0)  # phase lead of the current loop
    # geometry of this pen
    start_um: float = _param(-110.0, -900.0, 2800.0)
    start_phase_um: float = _param(0.0, -40.0, 40.0)  # field minus rotor at power-on
    lead_scale_ppm: float = _param(0.0, -30000.0, 30000.0)
    home_edge_um: float = _param(-100.0, -400.0, 200.0)
    home_hysteresis_um: float = _param(4.0, 0.0, 20.0)
    backlash_um: float = _param(4.0, 0.0, 30.0)
    inner_stop_um: float = _param(-900.0, -1200.0, -500.0)
    outer_stop_um: float = _param(2800.0, 2600.0, 3200.0)
    # cartridge
    needle_count: int = _param(12, 1, 64)
    spring_preload_n: float = _param(0.8, 0.5, 1.5)  # return spring at x = 0
    spring_rate_n_mm: float = _param(0.15, 0.0, 0.2)
    wear_per_1000: float = _param(0.02, 0.0, 0.5)  # rise of the piercing force per 1000 punctures
    # skin
    stand_off_um: float = _param(0.0, -200.0, 800.0)
    tremor_um: float = _param(30.0, 0.0, 200.0)  # largest excursion of the surface
    glide_mm_s: float = _param(10.0, 0.0, 50.0)
    needle_dimple_n_mm: float = _param(0.3, 0.1, 1.0)
    needle_pierce_n: float = _param(0.12, 0.05, 0.30)  # at rest, new needle
    pierce_speed_mm_s: float = _param(500.0, 100.0, 10000.0)  # speed that halves the piercing force
    pierce_drop: float = _param(0.5, 0.4, 0.6)  # part of the force lost at piercing
    relax_ms: float = _param(5.0, 1.0, 50.0)  # from there to the steady force in tissue
    needle_friction_n: float = _param(0.03, 0.0, 0.1)
    needle_friction_n_mm: float = _param(0.04, 0.0, 0.2)
    needle_viscous_ns_m: float = _param(0.03, 0.01, 0.05)
    residual_dimple_um: float = _param(150.0, 100.0, 500.0)
    # power
    battery_ocv_mv: float = _param(7800.0, 0.0, 8600.0)
    battery_mohm: float = _param(150.0, 20.0, 1000.0)
    battery_sag_mv_mah: float = _param(0.0, 0.0, 20.0)  # open-circuit voltage lost per charge drawn; 0 = none
    boost_mv: float = _param(12000.0, 9000.0, 13000.0)
    boost_efficiency: float = _param(0.88, 0.6, 0.98)
    boost_limit_ma: float = _param(1500.0, 300.0, 5000.0)  # input side
    boost_uvlo_mv: float = _param(5000.0, 3000.0, 6500.0)
    holdup_uf: float = _param(6800.0, 100.0, 20000.0)
    logic_mw: float = _param(450.0, 50.0, 2000.0)
    driver_dropout_mv: float = _param(4500.0, 4000.0, 5500.0)
    motor_rated_rms_a: float = _param(0.6, 0.1, 1.5)  # of each phase: what the holding torque is given for
    motor_ohm: float = _param(5.0, 1.0, 12.0)  # of a phase
    driver_ohm: float = _param(0.83, 0.1, 2.0)  # of a phase: bridge and sense resistor, which do not heat the motor
    # heat
    ambient_c: float = _param(23.0, -20.0, 60.0)
    thermal_k_w: float = _param(20.0, 5.0, 60.0)
    thermal_j_k: float = _param(25.0, 5.0, 100.0)

    def __post_init__(self) -> None:
        for name, limits in PARAM_RANGES.items():
            check_range(name, getattr(self, name), *limits)
        if self.needle_count != int(self.needle_count):
            raise ValueError(f"needle_count is {self.needle_count}, must be a whole number")

    @property
    def mass_kg(self) -> float:
        """What the motor has to accelerate, referred to the nut: rotor and screw, and the carriage behind the screw."""
        return self.rotor_inertia_kgm2 * PER_M**2 + self.moving_mass_g * 1e-3 / self.screw_efficiency

    def coast_m_s2(self) -> float:
        """What the carriage brakes by itself on the way out when nothing drives it: at the guide plane, in air.

        Deeper the spring is stiffer, skin and grease only add. A pen is within its specification where this is at
        least COAST_MARGIN times its coast limit (docs/hardware.md).
        """
        drag_n = self.friction_mnm * 1e-3 * PER_M + self.spring_preload_n / self.screw_efficiency
        return drag_n / self.mass_kg


def check_range(name: str, value: float, low: float, high: float) -> float:
    """Return `value` as a float; raise ValueError naming it when it is no number within low..high."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}, must be a number from {low:g} to {high:g}")
    return float(value)


PARAM_RANGES: dict[str, tuple[float, float]] = {f.name: f.metadata["range"] for f in fields(PlantParams)}


def constants(params: PlantParams, seed: int) -> np.ndarray:
    """The kernel's constants, in its units, with a tremor drawn from `seed`."""
    p = np.zeros(k.PARAMS)
    stretch = 1 + params.lead_scale_ppm * 1e-6
    p[k.HOLD_N] = params.holding_torque_mnm * 1e-3 * PER_M
    p[k.DETENT_N] = params.detent_torque_mnm * 1e-3 * PER_M
    p[k.FRICTION_N] = params.friction_mnm * 1e-3 * PER_M
    p[k.CORNER_UM_S] = params.corner_rev_s * LEAD_UM / 12000
    p[k.MASS_KG] = params.mass_kg
    p[k.LOSS] = 1 / params.screw_efficiency - 1
    p[k.VISCOUS] = params.viscous_ns_m * 1e-6
    p[k.DAMPING_S] = params.damping_ms * 1e-3
    p[k.PERIOD] = PERIOD_UM * stretch
    p[k.START] = params.start_um
    p[k.START_FIELD] = params.start_um + params.start_phase_um
    p[k.COUNT_UM], p[k.NOMINAL_COUNT_UM] = COUNT_UM * stretch, COUNT_UM
    p[k.HOME_EDGE], p[k.HOME_HYST] = params.home_edge_um, params.home_hysteresis_um
    p[k.HALF_PLAY] = params.backlash_um / 2
    p[k.INNER], p[k.OUTER] = params.inner_stop_um, params.outer_stop_um
    p[k.PRELOAD], p[k.RATE] = params.spring_preload_n, params.spring_rate_n_mm * 1e-3
    p[k.NEEDLES], p[k.WEAR], p[k.TREMOR_PEAK] = params.needle_count, params.wear_per_1000, params.tremor_um
    p[k.DIMPLE], p[k.PIERCE] = params.needle_dimple_n_mm, params.needle_pierce_n
    p[k.PIERCE_V], p[k.DROP] = params.pierce_speed_mm_s * 1e3, params.pierce_drop
    p[k.RELAX_KEEP] = 1 - k.TICK_S / (params.relax_ms * 1e-3)
    p[k.GRIP], p[k.GRIP_MM] = params.needle_friction_n, params.needle_friction_n_mm
    p[k.GRIP_V], p[k.RESIDUAL] = params.needle_viscous_ns_m * 1e-6, params.residual_dimple_um * 1e-3
    p[k.BATTERY_OHM], p[k.SAG] = params.battery_mohm * 1e-3, params.battery_sag_mv_mah
    p[k.BOOST_MV], p[k.BOOST_EFF] = params.boost_mv, params.boost_efficiency
    p[k.BOOST_A], p[k.UVLO] = params.boost_limit_ma * 1e-3, params.boost_uvlo_mv
    p[k.HOLDUP_F], p[k.LOGIC_W] = params.holdup_uf * 1e-6, params.logic_mw * 1e-3
    p[k.DROPOUT], p[k.COPPER_W] = params.driver_dropout_mv, 2 * params.motor_rated_rms_a**2 * params.motor_ohm
    p[k.DRIVER_W] = 2 * params.motor_rated_rms_a**2 * params.driver_ohm
    p[k.RTH], p[k.CTH] = params.thermal_k_w, params.thermal_j_k
    rng = np.random.default_rng(seed)
    for i, (share, low_hz, high_hz) in enumerate(TREMOR_BANDS):
        hz, phase = rng.uniform(low_hz, high_hz), rng.uniform(0, 1)
        j = k.TREMOR_0 + 3 * i
        p[j : j + 3] = share * params.tremor_um, hz, phase
    return p
