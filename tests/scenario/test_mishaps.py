"""Mishaps of wires and lines: each acts on the part it is about, and ends where it can."""

from itertools import pairwise

import pytest

from sim.mishaps import MISHAPS
from sim.run import Simulation
from sim.scenario import Mishap, ScenarioError, load
from sim.space import shim

board = shim("board")
SETTLED_MS = 1500  # home is met twice by then, and the drive is off


def world_with(*mishaps: Mishap):
    """A world, its pen at rest after homing, with these mishaps on the calendar."""
    scenario = load("zone_neck").model_copy(update={"faults": list(mishaps), "hands": [], "settle_ms": 2500})
    simulation = Simulation(scenario)
    return simulation, simulation.world


def after(simulation, ms, look):
    """What `look` finds at a time, in the running simulation."""
    found = []
    simulation.world.at(int(ms * 1e6), lambda: found.append(look()))
    return found


def pad(world, pin):
    return lambda: world.pads() >> pin & 1


@pytest.mark.parametrize(("what", "pin", "sound"), [
    ("interlock_torn", board.PIN_INTERLOCK, 1), ("power_fail_stuck", board.PIN_POWER_OK, 1),
    ("trigger_no_broken", board.PIN_TRIGGER_NO, 1), ("select_stuck", board.PIN_SELECT, 1),
    ("enable_grounded", board.PIN_EN_N, 1), ("home_stuck_inactive", board.PIN_HOME, 1),
])
def test_a_line_has_its_level_as_long_as_the_mishap_lasts(what, pin, sound):
    simulation, world = world_with(Mishap(what=what, at_ms=SETTLED_MS, for_ms=3.5))
    looks = SETTLED_MS - 0.1, SETTLED_MS + 2, SETTLED_MS + 3.6
    before, during, behind = (after(simulation, ms, pad(world, pin)) for ms in looks)
    simulation.run()
    bad = sound if what == "trigger_no_broken" else 1 - sound  # an open contact that stays open
    assert (before, during, behind) == ([sound], [bad], [sound])
    assert world.seated


def test_a_torn_loop_leaves_the_cartridge_where_it_is():
    simulation, world = world_with(Mishap(what="interlock_torn", at_ms=SETTLED_MS))
    simulation.run()
    assert world.plant.cartridge_present and world.cartridge.reset(world.now_ns)


def test_a_bouncing_loop_is_closed_again_after_3_ms():
    simulation, world = world_with(Mishap(what="interlock_bounces", at_ms=SETTLED_MS))
    levels = [after(simulation, SETTLED_MS + us / 1000, pad(world, board.PIN_INTERLOCK)) for us in range(0, 3000, 20)]
    end = after(simulation, SETTLED_MS + 3.1, pad(world, board.PIN_INTERLOCK))
    simulation.run()
    assert [0] in levels and [1] in levels
    assert end == [1]


@pytest.mark.parametrize(("what", "counts"), [("ntc_open", 65535), ("ntc_shorted", 0)])
def test_an_ntc_without_its_wire_reads_an_end_of_the_converter(what, counts):
    simulation, world = world_with(Mishap(what=what, at_ms=SETTLED_MS, for_ms=5))
    looks = SETTLED_MS + 1, SETTLED_MS + 6
    during, behind = (after(simulation, ms, lambda: world._adc(board.ADC_NTC, 0, 0)) for ms in looks)
    simulation.run()
    assert during == [pytest.approx(counts, abs=400)]  # the converter's own offset and noise
    assert 20000 < behind[0] < 45000


def test_the_needles_stay_on_the_carriage_20_ms_after_the_contacts_of_a_pulled_cartridge_opened():
    simulation, world = world_with(Mishap(what="cartridge_pulled", at_ms=SETTLED_MS))

    def look():
        return world.pads() >> board.PIN_INTERLOCK & 1, world.settle().cartridge_present

    looks = SETTLED_MS - 0.1, SETTLED_MS + 19.9, SETTLED_MS + 20.1
    before, opened, gone = (after(simulation, ms, look) for ms in looks)
    simulation.run()
    assert (before, opened, gone) == ([(1, True)], [(0, True)], [(0, False)])


@pytest.mark.parametrize(("what", "moves"), [("step_torn", 0), ("dir_torn", -1)])
def test_a_torn_wire_to_the_driver_turns_steps_under_way(what, moves):
    scenario = load("zone_neck").model_copy(update={"faults": [Mishap(what=what, stroke=3, part=0.2)]})
    simulation = Simulation(scenario)
    world, tips = simulation.world, []
    world.on_stroke.append(lambda index, start_ns, end_ns: index == 3 and [
        world.at(start_ns + int((end_ns - start_ns) * part), lambda: tips.append(world.settle().command_um))
        for part in (0.2, 0.21, 0.4)])
    simulation.run()
    first, soon, later = tips
    assert (later - soon == 0) if moves == 0 else (later < soon - 100)
    assert soon - first < 5


def test_encoder_mishaps_count_what_the_other_channel_gives():
    from sim.plant import Plant, PlantParams

    plant = Plant(PlantParams())
    plant.encoder_fault = "b_stuck"
    shown = plant.encoder_count
    seen = set()
    for _ in range(40):
        plant._s[0] += 0.5  # the nut's place
        seen.add(plant.encoder_count - shown)
    assert seen <= {-1, 0, 1} and len(seen) == 2
    plant.encoder_fault = "none"
    before = plant.encoder_count
    plant.slip_encoder(7)
    assert plant.encoder_count == before + 7


def test_a_noisy_home_sensor_changes_without_a_pattern_and_the_same_way_again():
    from sim.plant import Plant, PlantParams

    def levels():
        plant = Plant(PlantParams())
        plant.home_fault = "noisy"
        out = []
        for step in range(400):
            plant.advance(step * 100_000)
            out.append(plant.home_active)
        return out

    first = levels()
    assert first == levels()
    assert 120 < sum(first) < 280
    changes = [a != b for a, b in pairwise(first)]
    assert 120 < sum(changes) < 280


@pytest.mark.parametrize("fault", ["noisy", "deaf"])
def test_a_record_memory_in_trouble(fault):
    from sim.parts.fram import READ, WREN, WRITE, Fram

    fram = Fram()

    def command(*parts: bytes) -> bytes:
        fram.select(0)
        answer = b"".join(fram.transfer(part, 0) for part in parts)
        fram.deselect(0)
        return answer

    def read() -> bytes:
        return command(bytes([READ, 0, 0, 16]), bytes(64))[4:]

    command(bytes([WREN]))
    command(bytes([WRITE, 0, 0, 16]), bytes(range(64)))
    assert read() == bytes(range(64))
    fram.fault = fault
    command(bytes([WREN]))
    command(bytes([WRITE, 0, 0, 16]), b"\xaa" * 64)
    kept = read()
    fram.fault = ""
    if fault == "deaf":
        assert kept == read() == bytes(range(64))
    else:
        wrong = sum(a != b for a, b in zip(kept, b"\xaa" * 64, strict=True))
        assert 4 <= wrong <= 40  # a quarter of 64, drawn
        assert read() == b"\xaa" * 64  # only what came back was wrong


def test_a_boost_that_is_weak_lets_the_rail_down_and_brings_it_back():
    simulation, world = world_with(Mishap(what="boost_mv", value=11_000, at_ms=SETTLED_MS, for_ms=300))
    looks = SETTLED_MS + 290, SETTLED_MS + 400
    during, behind = (after(simulation, ms, lambda: world.settle().motor_rail_mv) for ms in looks)
    simulation.run()
    assert during[0] == pytest.approx(11_000, abs=1)
    assert behind[0] == pytest.approx(world.plant.params.boost_mv, abs=1)


def test_a_hung_task_ends_in_a_watchdog_reset_and_is_for_cpython_alone():
    scenario = load("zone_neck").model_copy(update={
        "faults": [Mishap(what="task_hung", value=4, at_ms=SETTLED_MS)], "hands": [], "settle_ms": 2500})
    result = Simulation(scenario).run().result
    assert [fault["code"] for fault in result["faults"]] == ["watchdog"]
    with pytest.raises(ScenarioError, match="the cpython tier only"):
        Simulation(scenario, "micropython")


def test_a_slip_never_throws_the_rotor_out_past_where_it_turned():
    for part in (0.45, 0.5, 0.55, 0.98):
        scenario = load("zone_neck").model_copy(update={"faults": [Mishap(what="slip", stroke=3, part=part)]})
        result = Simulation(scenario).run().result
        assert [fault["code"] for fault in result["faults"]] == ["slip"]
        assert result["over_limit_um"] == 0


def test_all_that_needs_no_figure_takes_none():
    for name, kind in MISHAPS.items():
        with pytest.raises(ValueError, match="takes no 'value'" if not kind.value else "needs 'value'"):
            Mishap(what=name, at_ms=1, value=None if kind.value else 1.0, pin=kind.pins[0] if kind.pins else None)
