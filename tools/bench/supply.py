"""What half an hour of strokes does to the motor's temperature, and which hold-up brings a stroke home.

The motor's heat is that of the plant, its rule that of the firmware: from safety.DERATE_DC on a run lasts
pace.HOT_RUN_US and is followed by a rest of pace.HOT_REST_US with the drive off.
"""

from __future__ import annotations

from typing import Any

from sim.parts import tmc2209
from sim.plant import Plant, PlantParams
from sim.run import Simulation
from sim.scenario import parse
from sim.space import shim

pace, safety, driver = shim("pace"), shim("safety"), shim("drivers.tmc2209")

S = 1_000_000_000
MINUTES = 30
LONGEST_RUN_S = safety.LONGEST_RUN_MS / 1000
REFUSED_S = 0.5  # a release and a press again
PATTERNS = {  # seconds of strokes, seconds of pause
    "a face": (20.0, 10.0),  # a pass over an area, then the next area, its choice and its wiping
    "no pause": (LONGEST_RUN_S, REFUSED_S),
}
AMBIENTS_C = (23.0, 32.0)


def run_rms_a() -> float:
    """The current that the firmware's registers make."""
    chip = tmc2209.Tmc2209()
    config = driver._CONFIG
    for at in range(0, len(config), 5):
        chip.write_register(config[at] & 0x7F, int.from_bytes(config[at + 1 : at + 5], "big"))
    chip.enable_n = 0
    return chip.current_rms_a(True)


def half_an_hour(ambient_c: float, run_s: float, pause_s: float, rule: bool = True) -> dict[str, float]:
    """Strokes for `run_s`, then a pause of `pause_s`, over and over."""
    plant = Plant(PlantParams(ambient_c=ambient_c))
    plant.skin_present = False
    plant.drive_rms_a = run_rms_a()
    hottest_c, reached_min, on_s = ambient_c, -1.0, 0.0
    while plant.t_ns < MINUTES * 60 * S:
        began_ns = plant.t_ns
        plant.set_drive(True)
        rest_s = pause_s
        while plant.t_ns - began_ns < run_s * S:
            plant.advance(plant.t_ns + S // 10)
            hot = plant.motor_temp_c * 10 >= safety.DERATE_DC
            if hot and reached_min < 0:
                reached_min = plant.t_ns / (60 * S)
            if rule and hot and plant.t_ns - began_ns >= pace.HOT_RUN_US * 1000:
                rest_s = max(pause_s, pace.HOT_REST_US / 1e6)
                break
        on_s += (plant.t_ns - began_ns) / S
        hottest_c = max(hottest_c, plant.motor_temp_c)
        plant.set_drive(False)
        plant.advance(plant.t_ns + round(rest_s * S))
    return {
        "hottest_c": round(hottest_c, 1), "derated_after_min": round(reached_min, 1),
        "share_of_time": round(on_s * S / plant.t_ns, 2)}


def motor_heat() -> dict[str, Any]:
    """Half an hour of strokes: the motor's highest temperature, and from when on the pen makes pauses of its own."""
    figures: dict[str, Any] = {"run_rms_a": round(run_rms_a(), 3)}
    for ambient_c in AMBIENTS_C:
        for name, (run_s, pause_s) in PATTERNS.items():
            figures[f"{name}, {ambient_c:.0f} C"] = half_an_hour(ambient_c, run_s, pause_s)
        figures[f"no pause, without the rule, {ambient_c:.0f} C"] = half_an_hour(
            ambient_c, LONGEST_RUN_S, REFUSED_S, rule=False)
    return figures


def comes_home(holdup_uf: float) -> bool:
    """The battery is lost at the start of a stroke of 2 mm, all else at its worst: needles in, stroke on record."""
    result = Simulation(parse({
        "title": "hold-up", "settle_ms": 600,
        "plant": {"boost_mv": 11_800.0, "battery_ocv_mv": 7_200.0, "logic_mw": 600.0, "spring_preload_n": 1.5,
                  "needle_pierce_n": 0.2, "holdup_uf": holdup_uf},
        "treatment": {"zone": "body", "indication": "stretch_marks"},
        "hands": [{"do": "open_session"}, {"do": "set_depth", "depth_um": 2000}, {"do": "pass", "ms": 1000}],
        "faults": [{"what": "power_cut", "stroke": 5, "part": 0.02}],
    }, "hold-up", "hold-up")).run().result
    return bool(result["needles_retracted"]) and result["journal_strokes"] == result["strokes"]


def hold_up() -> dict[str, Any]:
    """The least capacitance that brings that stroke home and onto the record, and the design's at -20 %."""
    low_uf, high_uf = 2000.0, 8000.0
    while high_uf - low_uf > 200:
        middle_uf = (low_uf + high_uf) / 2
        low_uf, high_uf = (low_uf, middle_uf) if comes_home(middle_uf) else (middle_uf, high_uf)
    design_uf = PlantParams().holdup_uf
    return {"least_uf": round(high_uf, -2), "design_less_a_fifth_uf": 0.8 * design_uf}
