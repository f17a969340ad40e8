"""What the pen sounds: the confirmation of a zone, and a stop; on the wire of the buzzer, where ears meet them."""

import pytest

from sim.run import Simulation
from sim.scenario import load

MS = 1_000_000
LATE_MS = 250  # a tone ends in a pass of the panel, which marking the cartridge and drawing a page hold up


@pytest.mark.hazard("H15")
def test_a_confirmed_zone_and_a_stop_are_heard():
    """The zone once, long, unlike a press; the stop longer, when the fault is shown."""
    simulation = Simulation(load("jam"))
    world, tones = simulation.world, []
    tone = world.tone

    def heard(tone_hz):
        if tone_hz and not world.tone_hz:
            tones.append([world.now_ns, 0])
        elif not tone_hz and world.tone_hz:
            tones[-1][1] = world.now_ns - tones[-1][0]
        tone(tone_hz)

    world.tone = heard
    run = simulation.run()
    opened_ns = next(event.t_us * 1000 for event in run.events if event.text == "session opened")
    stopped_ns = run.result["faults"][0]["at_us"] * 1000

    choosing = [long_ns / MS for at_ns, long_ns in tones if at_ns < opened_ns]
    confirmed = [ms for ms in choosing if ms > 200]
    assert len(confirmed) == 1 and 400 <= confirmed[0] < 400 + LATE_MS
    assert len(choosing) > 1  # each press is heard too
    alarms = [(at_ns, long_ns) for at_ns, long_ns in tones if at_ns > stopped_ns]
    assert alarms[0][0] - stopped_ns < 200 * MS
    assert 600 <= alarms[0][1] / MS < 600 + LATE_MS
