"""The figures of motion, as plain dicts, and beside each the best public figure that can be named.

Nothing here prints. FIGURES names the functions in the order of the table; PUBLIC has one line for each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tools.bench.chip_cpu import cpu_a_stroke
from tools.bench.motion_runs import achieved_error, rate_error, slips_found
from tools.bench.motion_tables import (
    edge_accuracy,
    gate_latency,
    gate_orders,
    hostile_tables,
    stroke_rates,
    table_bytes,
)
from tools.bench.supply import hold_up, motor_heat

FIGURES: dict[str, Callable[[], dict[str, Any]]] = {
    "stroke_rates": stroke_rates,
    "edge_accuracy": edge_accuracy,
    "hostile_tables": hostile_tables,
    "gate_orders": gate_orders,
    "gate_latency": gate_latency,
    "cpu_a_stroke": cpu_a_stroke,
    "table_bytes": table_bytes,
    "achieved_error": achieved_error,
    "slips_found": slips_found,
    "rate_error": rate_error,
    "motor_heat": motor_heat,
    "hold_up": hold_up,
}

# Figure: (what others publish, where). "none found" is an answer too.
PUBLIC: dict[str, tuple[str, str]] = {
    "stroke_rates": (
        "1.0 of the optimum, by constant acceleration without a jerk limit; 100 to 150 strokes/s from pens driven by "
        "an eccentric, which set the depth by hand",
        "Klipper docs/Kinematics.md; FDA 510(k) summary K182407 (Exceed)"),
    "edge_accuracy": (
        "each step event scheduled with a precision of 25 us or better (2 microsteps at 100 mm/s here); 4 million "
        "steps/s on an RP2040, where this gate passes 3.1 million",
        "Klipper docs/Features.md and docs/Benchmarks.md (3 ticks of 12 MHz)"),
    "hostile_tables": ("none found: no public firmware counts steps in hardware apart from the planner", "-"),
    "gate_orders": ("none found", "-"),
    "gate_latency": (
        "25 ms from a lost peer to the stop of a move (multi-mcu homing)", "Klipper docs/Multi_MCU_Homing.md"),
    "cpu_a_stroke": (
        "9.5 us a pulse when MicroPython makes the pulses itself: 34 % at 20 strokes/s of 1 mm",
        "measured with MicroPython 1.28 on an emulated RP2040, docs/motion.md"),
    "table_bytes": ("none found for a planner with tables; a queue of 32 commands a stepper",
                    "FastAccelStepper README.md (Raspberry Pi Pico)"),
    "achieved_error": (
        "150 um either way, tolerance of the depth scale", "FDA 510(k) summaries K180778 and K182407 (Exceed)"),
    "slips_found": (
        "a stall reported 43 to 60 ms after the rotor falls out of step, without an encoder",
        "Stepper-C release notes 1.2.0 (github.com/AntonVynohradov/Stepper-C)"),
    "rate_error": ("rate shown, 100 to 150 Hz; no accuracy published", "FDA 510(k) summary K182407 (Exceed)"),
    "motor_heat": ("none found for a needling pen; small steppers are rated for a winding 80 K over the room", "-"),
    "hold_up": ("none found", "-"),
}
