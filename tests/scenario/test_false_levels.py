"""False levels at any input, contacts that bounce as long as a finger likes, and moments that have a name."""

import pytest

from sim.contacts import BOUNCE_NS
from sim.false_levels import LATCHED, PINS
from sim.hands import move_trigger, touch_trigger
from sim.run import Simulation
from sim.scenario import HandStep, Mishap, ScenarioError, load
from sim.space import shim
from sim.world import MS

board = shim("board")
ops = shim("_ops")
SETTLED_MS = 1500


def simulation_with(*mishaps: Mishap, hands=()):
    """A pen at rest after homing, with these mishaps on the calendar."""
    scenario = load("zone_neck")
    return Simulation(scenario.model_copy(update={"faults": list(mishaps), "hands": list(hands), "settle_ms": 2500}))


def looks_at(world, pin, times_ns):
    """The pad's level at these times."""
    found = []
    for t_ns in times_ns:
        world.at(t_ns, lambda: found.append(world.pads() >> pin & 1))
    return found


def levels(name, *mishaps, at_ns):
    simulation = simulation_with(*mishaps)
    found = looks_at(simulation.world, PINS[name], at_ns)
    simulation.run()
    return found


@pytest.mark.parametrize("name", PINS)
def test_any_pin_has_a_wrong_level_from_a_microsecond_on(name):
    at = SETTLED_MS * MS
    mishap = Mishap(what="pin_wrong", pin=name, at_ms=SETTLED_MS, for_ms=0.001)
    sound, during, behind = levels(name, mishap, at_ns=(at - 1, at + 500, at + 1001))
    assert (during, behind) == (1 - sound, sound)


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("name", PINS)
def test_any_pin_can_be_held_either_way(name, level):
    mishap = Mishap(what=("pin_low", "pin_high")[level], pin=name, at_ms=SETTLED_MS, for_ms=2)
    at = SETTLED_MS * MS
    sound, *during, behind = levels(name, mishap, at_ns=(at - 1, at + 1, at + MS, at + 2 * MS + 1))
    assert during == [level, level]
    assert behind == sound


def test_noise_is_wrong_for_its_part_of_the_time_and_the_same_every_time():
    at = SETTLED_MS * MS
    mishap = Mishap(what="pin_noise", pin="diag", value=0.25, at_ms=SETTLED_MS, for_ms=500)
    times = [at + i * 100_000 + 50_000 for i in range(5000)]
    found = levels("diag", mishap, at_ns=times)
    assert 0.2 < sum(found) / len(found) < 0.3
    assert found == levels("diag", mishap, at_ns=times)
    assert levels("diag", mishap, at_ns=[at + 501 * MS]) == [0]


def test_so_many_looks_of_the_cpu_are_false_and_no_more():
    mishap = Mishap(what="pin_wrong", pin="home", at_ms=SETTLED_MS, looks=2)
    simulation = simulation_with(mishap)
    world = simulation.world
    seen = []
    plain = world._mem32
    world._table[ops.MEM32_GET] = lambda address, b, c: _told(seen, world, plain(address, b, c), address)
    simulation.run()
    after = [home for t_ns, home in seen if t_ns >= SETTLED_MS * MS]
    assert after[:2] == [0, 0] and set(after[2:]) == {1}


def _told(seen, world, word, address):
    if address == board.SIO_GPIO_IN:
        seen.append((world.now_ns, word >> board.PIN_HOME & 1))
    return word


def test_conversions_can_be_false_one_by_one():
    simulation = simulation_with(Mishap(what="adc_reads", pin="ntc", value=4095, at_ms=SETTLED_MS, looks=1))
    world = simulation.world
    counts = []
    world.at(SETTLED_MS * MS + 1, lambda: counts.extend(world.adc_counts(board.ADC_NTC) for _ in range(3)))
    simulation.run()
    assert counts[0] == 4095 and counts[1] == counts[2] < 4000


@pytest.mark.parametrize("name", ["encoder_a", "encoder_b"])
def test_a_channel_that_is_false_at_rest_costs_a_step_and_gives_it_back(name):
    simulation = simulation_with(Mishap(what="pin_wrong", pin=name, at_ms=SETTLED_MS, for_ms=0.001))
    world = simulation.world
    at, counts = SETTLED_MS * MS, []
    for t_ns in (at - 1, at + 1, at + 2000):
        world.at(t_ns, lambda: counts.append(world.encoder_count()))
    simulation.run()
    assert abs(counts[1] - counts[0]) == 1 and counts[2] == counts[0]


def test_a_channel_that_is_false_while_the_shaft_turns_loses_groups_of_four_for_good():
    simulation = simulation_with(Mishap(what="pin_high", pin="encoder_a", when="homing", after_ms=20, for_ms=30))
    world = simulation.world
    ahead = []
    world.at(SETTLED_MS * MS, lambda: ahead.append(world.encoder_count() - world.settle().encoder_count))
    simulation.run()
    assert ahead[0] and ahead[0] % 4 == 0


@pytest.mark.parametrize("state", ["homing", "ready"])
def test_a_named_moment_is_met_wherever_it_comes(state):
    simulation = simulation_with(Mishap(what="pin_wrong", pin="diag", when=state, after_ms=5, looks=1))
    run = simulation.run()
    entered = next(event.t_us for event in run.events if event.kind == "state" and event.text == state)
    injected = next(event.t_us for event in run.events if event.kind == "injected")
    assert 4_000 <= injected - entered <= 7_000  # the black box counts whole milliseconds


def test_parking_for_another_cartridge_has_a_name():
    hands = [HandStep(do="wait", ms=2500), HandStep(do="pull_cartridge"), HandStep(do="wait", ms=1200),
             HandStep(do="insert_cartridge", fresh=True), HandStep(do="wait", ms=1500)]
    scenario = load("zone_neck")
    cartridge = scenario.cartridge.model_copy(update={"offset_um": 150, "used": True})
    scenario = scenario.model_copy(update={"hands": hands, "faults": [], "cartridge": cartridge})
    simulation = Simulation(scenario)
    simulation.run()
    assert simulation.world.moments.came["parking"] >= 1
    assert simulation.world.moments.came["homing"] == 1


@pytest.mark.parametrize(("table", "word"), [
    ({"what": "pin_high", "at_ms": 1}, "needs 'pin'"), ({"what": "jam", "at_ms": 1, "pin": "home"}, "takes no 'pin'"),
    ({"what": "pin_low", "at_ms": 1, "pin": "hom"}, "did you mean 'home'"),
    ({"what": "pin_low", "at_ms": 1, "pin": "interlock", "looks": 1}, "'looks' is for what the CPU reads"),
    ({"what": "pin_low", "at_ms": 1, "pin": "home", "looks": 1, "for_ms": 1}, "in place of 'for_ms'"),
    ({"what": "jam"}, "one of 'at_ms', 'stroke' and 'when'"),
    ({"what": "jam", "when": "homing", "at_ms": 1}, "one of 'at_ms', 'stroke' and 'when'"),
    ({"what": "jam", "when": "hominy"}, "did you mean 'homing'"),
    ({"what": "pin_noise", "at_ms": 1, "pin": "home"}, "needs 'value'"),
])
def test_a_mishap_that_cannot_be_says_why(table, word):
    with pytest.raises(ValueError, match=word):
        Mishap(**table)


def test_looks_are_not_for_an_emulated_chip():
    scenario = load("zone_neck").model_copy(
        update={"faults": [Mishap(what="pin_low", pin="home", at_ms=1, looks=1)], "hands": []})
    with pytest.raises(ScenarioError, match="not on the silicon tier"):
        Simulation(scenario, "silicon")


# -- contacts and the trigger ------------------------------------------------------------------------------


def contact_changes(world, pin, act, for_ns):
    """The times and states of a contact from `act` on."""
    found = []
    set_contact = world._set_contact

    def watched(which, closed, move):
        before = world.contacts[which].closed
        set_contact(which, closed, move)
        if which == pin and world.contacts[which].closed != before:
            found.append((world.now_ns, world.contacts[which].closed))

    world._set_contact = watched
    at = world.now_ns
    act()
    world.advance(at + for_ns)
    world._set_contact = set_contact
    return [(t_ns - at, closed) for t_ns, closed in found]


@pytest.fixture
def world():
    return simulation_with().world


@pytest.mark.parametrize("pressed_ms", [1, 2, 5, 19])
def test_a_contact_ends_where_the_finger_left_it_however_short_the_press(world, pressed_ms):
    world.bounce_ns = 20 * MS
    for _ in range(30):
        world.move_contact(board.PIN_UP, True)
        world.advance(world.now_ns + pressed_ms * MS)
        world.move_contact(board.PIN_UP, False)
        world.advance(world.now_ns + 21 * MS)
        assert not world.contacts[board.PIN_UP].closed


def test_a_worn_contact_bounces_for_up_to_20_ms_when_pressed_and_when_released(world):
    world.bounce_ns = 20 * MS
    longest = {}
    for _ in range(40):
        for closed in (True, False):
            changes = contact_changes(
                world, board.PIN_SELECT, lambda closed=closed: world.move_contact(board.PIN_SELECT, closed), 25 * MS)
            longest[closed] = max(longest.get(closed, 0), changes[-1][0])
    assert all(BOUNCE_NS * 4 < longest_ns <= 20 * MS for longest_ns in longest.values())


@pytest.mark.parametrize("held_ms", [1, 3, 4, 6])
def test_a_trigger_let_go_before_it_had_changed_over_is_let_go(world, held_ms):
    move_trigger(world, True)
    world.advance(world.now_ns + held_ms * MS)
    move_trigger(world, False)
    world.advance(world.now_ns + 20 * MS)
    assert not world.contacts[board.PIN_TRIGGER_NO].closed and world.contacts[board.PIN_TRIGGER_NC].closed


def test_a_trigger_half_way_has_both_contacts_open_and_goes_on_from_there(world):
    touch_trigger(world)
    world.advance(world.now_ns + 20 * MS)
    assert not world.contacts[board.PIN_TRIGGER_NO].closed and not world.contacts[board.PIN_TRIGGER_NC].closed
    move_trigger(world, True)
    world.advance(world.now_ns + 20 * MS)
    assert world.contacts[board.PIN_TRIGGER_NO].closed
    move_trigger(world, False)
    world.advance(world.now_ns + 20 * MS)
    assert world.contacts[board.PIN_TRIGGER_NC].closed


def test_a_seat_that_chatters_settles_where_the_cartridge_is(world):
    world.seat_bounce_ns = 20 * MS
    for seated in (False, True, False, True):
        levels = set()
        (world.insert_cartridge if seated else world.pull_cartridge)()
        for _ in range(400):
            world.advance(world.now_ns + 50_000)
            levels.add(world.pads() >> board.PIN_INTERLOCK & 1)
        assert levels == {0, 1}
        world.advance(world.now_ns + MS)
        assert world.pads() >> board.PIN_INTERLOCK & 1 == seated


def test_friction_and_play_change_in_a_run_and_go_back():
    simulation = simulation_with(
        Mishap(what="friction_mnm", value=1.8, at_ms=SETTLED_MS, for_ms=100),
        Mishap(what="backlash_um", value=25, at_ms=SETTLED_MS, for_ms=100))
    world, found = simulation.world, []
    for ms in (-1, 50, 101):
        world.at((SETTLED_MS + ms) * MS, lambda: found.append(
            (round(world.settle().friction_mnm, 3), round(world.plant.backlash_um, 3))))
    simulation.run()
    assert found == [(1.0, 4.0), (1.8, 25.0), (1.0, 4.0)]
    assert not [name for name in LATCHED if PINS[name] in world.false.pins]
