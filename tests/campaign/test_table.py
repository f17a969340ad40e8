"""The table of what can go wrong: complete, with right names, and with reasons where no name is asked for."""

import pytest

from sim.campaign.moments import PHASES
from sim.campaign.pens import PENS, pen
from sim.campaign.table import FAULTS, LEFT_OUT, NEVER, UNTIL
from sim.mishaps import MISHAPS
from sim.run import Simulation
from sim.scenario import FAULT_KEYS, Mishap


def test_every_mishap_is_in_a_row_or_left_out_with_a_reason():
    used = {fault.what for fault in FAULTS.values()}
    assert used | set(LEFT_OUT) == set(MISHAPS)
    assert not used & set(LEFT_OUT)
    assert all(LEFT_OUT.values())


@pytest.mark.parametrize("name", FAULTS)
def test_a_row_is_whole(name):
    fault = FAULTS[name]
    assert set(fault.names) <= set(FAULT_KEYS)
    assert fault.until in UNTIL
    assert set(fault.quiet) <= set(PHASES)
    assert fault.names or fault.said or fault.until == NEVER
    assert fault.why or not (fault.quiet or fault.until == NEVER), "no reason for asking for no name"
    Mishap(what=fault.what, at_ms=1.5, for_ms=fault.for_ms, value=fault.value, pin=fault.pin, looks=fault.looks)


@pytest.mark.parametrize("number", range(PENS))
def test_the_words_that_name_a_fault_are_not_on_the_panel_without_one(number):
    simulation = Simulation(pen(number))
    run = simulation.run()
    assert not run.result["faults"]
    words = {text for fault in FAULTS.values() for text in fault.said}
    assert not [line for line in simulation.panel_seen if any(text in line for text in words)]
