"""The table of inputs, row by row: one false reading is nothing, what lasts is found in its time."""

import pytest

from sim.run import Simulation
from sim.scenario import HandStep, Mishap, load
from sim.space import shim

faults, inputs = shim("faults"), shim("inputs")

READ = ("home", "trigger_no", "trigger_nc", "select", "up", "down", "diag", "power_ok", "en_n")
ADC = (("battery", 0), ("battery", 4095), ("rail", 0), ("rail", 4095), ("ntc", 0), ("ntc", 4095))
SESSION = [HandStep(do="open_session"), HandStep(do="pass", ms=2600)]
NEVER = {faults.key(code) for code in faults.TABLE if faults.remedy(code) == faults.BY_SERVICE}
REST_MS = 4000  # with a cartridge in, before the session


def run(mishaps, hands=SESSION, settle_ms=800):
    scenario = load("zone_neck")
    scenario = scenario.model_copy(update={
        "faults": mishaps, "hands": hands, "settle_ms": settle_ms, "limit_s": 60})
    return Simulation(scenario).run()


def keys(done):
    return [fault["code"] for fault in done.result["faults"]]


def one_reading(place):
    """Every input that is read by looks, each false for one of them, one after the other."""
    times = (place(at) for at in range(100))
    found = [Mishap(what="pin_wrong", pin=pin, looks=1, **next(times)) for pin in READ]
    return found + [Mishap(what="adc_reads", pin=pin, value=counts, looks=1, **next(times)) for pin, counts in ADC]


PLACES = {
    "rest": lambda at: {"at_ms": REST_MS + 60 * at},
    "homing": lambda at: {"when": "homing", "after_ms": 20 + 35 * at},
    "run": lambda at: {"stroke": 3 + 2 * at, "part": (0.1, 0.5, 0.9)[at % 3]},
}


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("place", PLACES)
def test_one_false_reading_of_any_input_is_nothing(place):
    mishaps = one_reading(PLACES[place])
    if place == "homing":
        mishaps = mishaps[1:]  # its own line is for the tests of homing
    done = run(mishaps)
    result = done.result
    assert result["faults"] == [] and result["ended"] == "ready"
    assert result["strokes"] > 25


@pytest.mark.hazard("H18")
@pytest.mark.parametrize("for_ms", [0.001, 1, 20])
def test_a_short_transient_of_the_loop_costs_the_drive_and_asks_for_no_service(for_ms):
    """The gate acts on it by itself, in microseconds; at rest nothing is on, and nothing follows."""
    at_rest = run([Mishap(what="pin_low", pin="interlock", at_ms=REST_MS, for_ms=for_ms)])
    assert at_rest.result["faults"] == [] and at_rest.result["strokes"] > 25
    moving = run([Mishap(what="pin_low", pin="interlock", stroke=5, for_ms=for_ms)])
    named = "drive_dropped" if for_ms < 3 else "cartridge_pulled"
    assert keys(moving) == [named] and named not in NEVER


LASTING = [  # row, mishap, where, the fault
    ("PARKED", {"what": "pin_low", "pin": "home"}, "rest", "home_sensor"),
    ("CONTACTS", {"what": "pin_low", "pin": "trigger_no"}, "rest", "trigger_contacts"),
    ("CONTACTS", {"what": "pin_high", "pin": "trigger_nc"}, "rest", "trigger_contacts"),
    ("POWER", {"what": "pin_low", "pin": "power_ok"}, "rest", "power_fail"),
    ("POWER", {"what": "pin_low", "pin": "power_ok"}, "run", "power_fail"),
    ("STUCK_ON", {"what": "pin_low", "pin": "en_n"}, "rest", "gate"),
    ("DROPPED", {"what": "pin_high", "pin": "en_n"}, "run", "drive_dropped"),
    ("LOOP", {"what": "pin_low", "pin": "interlock"}, "run", "cartridge_pulled"),
    ("NTC", {"what": "adc_reads", "pin": "ntc", "value": 4095}, "rest", "ntc"),
    ("NTC", {"what": "adc_reads", "pin": "ntc", "value": 0}, "run", "ntc"),
]


@pytest.mark.hazard("H18")
@pytest.mark.parametrize(("row", "mishap", "place", "key"), LASTING)
def test_what_lasts_is_what_the_table_says_within_its_time(row, mishap, place, key):
    where = {"at_ms": REST_MS} if place == "rest" else {"stroke": 5, "part": 0.5}
    hands = [HandStep(do="wait", ms=REST_MS + 1000)] if place == "rest" else SESSION
    done = run([Mishap(**mishap, **where)], hands)
    assert keys(done)[:1] == [key]
    injected = next(event.t_us for event in done.events if event.kind == "injected")
    found = next(event.t_us for event in done.events if event.kind == "fault")
    assert 0 <= found - injected <= 1000 * getattr(inputs, f"{row}_WITHIN_MS")
    code = getattr(inputs, f"{row}_FOLLOWS")
    assert faults.key(code) == key


def test_the_trigger_pulled_on_a_page_that_has_to_be_read_starts_nothing():
    """Let go, read it, pull again."""
    wait = HandStep(do="wait", ms=1500)
    choose = [
        HandStep(do="look_for", text="ZONE"), HandStep(do="choose", text="Neck"),
        HandStep(do="look_for", text="INDICATION"), HandStep(do="choose", text="Wrinkles"),
        HandStep(do="answer_questions"), HandStep(do="look_for", text="CONFIRM"),
        HandStep(do="press", button="select"), HandStep(do="look_for", text="GLIDE SLOWLY")]
    held = [*choose, HandStep(do="hold_trigger"), wait, HandStep(do="look_for", text="Let go, SEL, pull"),
            HandStep(do="press", button="select"), wait, HandStep(do="look_for", text="GLIDE SLOWLY")]
    done = run([], held)
    assert (done.result["strokes"], done.result["faults"]) == (0, [])
    again = [*held, HandStep(do="release_trigger"), wait, HandStep(do="press", button="select"),
             HandStep(do="look_for", text="Left "), HandStep(do="hold_trigger"), HandStep(do="look_for", text="RUN"),
             wait, HandStep(do="release_trigger"), wait]
    done = run([], again)
    assert done.result["strokes"] > 5 and done.result["faults"] == []


def walk(button, until, shortest_ms):
    """Twelve presses of 90 ms, each at another phase of the loop, to the other end of the list of zones."""
    presses = []
    for step in range(12):
        presses += [HandStep(do="press", button=button), HandStep(do="wait", ms=shortest_ms + 7 * step)]
    return [*presses, HandStep(do="look_for", text=until, within_ms=1000)]


@pytest.mark.parametrize("shortest_ms", range(100, 116, 3))
def test_a_press_of_90_ms_counts_whenever_it_comes(shortest_ms):
    hands = [HandStep(do="look_for", text="ZONE")]
    for more_ms in range(3):
        hands += walk("down", "13/13", shortest_ms + more_ms) + walk("up", "1/13", shortest_ms + more_ms)
    done = run([], hands)
    (told,) = (row for row in done.result["expectations"] if row["what"] == "hands_done")
    assert told["held"], told
