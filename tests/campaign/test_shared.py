"""Cases that share their beginning: the same outcomes as alone, whatever becomes of a copy."""

import os
import signal

import pytest

from sim.campaign import shared
from sim.campaign.cases import Case, parse
from sim.campaign.moments import MOMENTS
from sim.campaign.shared import run_cases_together
from sim.campaign.verdict import run_case

# two pens; boot, homing, strokes, aftercare; a fault in the firmware's memory, one that draws from the world's chance,
# one that resets the chip, one that ends by itself; two at one moment, and two in one case
IDS = (
    "03-sense_hung@127", "03-jam_50ms@074", "03-interlock_bounces@040", "03-ntc_open@040", "03-cpu_hang@063",
    "03-display_dead@201", "05-home_noisy@135", "05-power_dip_60ms@081+slip@170", "03-encoder_dead@003",
)


def facts(outcomes):
    return [{**outcome.as_dict(), "wall_s": 0} for outcome in outcomes]


@pytest.fixture(scope="module")
def alone():
    return facts(run_case(parse(text)) for text in IDS)


def test_the_outcomes_are_those_of_each_case_alone_to_the_bit(alone):
    assert facts(run_cases_together([parse(text) for text in IDS])) == alone


def test_a_copy_that_dies_or_never_ends_costs_no_case(alone, monkeypatch):
    home, answer = os.getpid(), shared._Session._answer

    def die(self, outcome):
        if outcome.case == IDS[2]:
            os.kill(os.getpid(), signal.SIGKILL if os.getpid() != home else 0)
        if outcome.case == IDS[3]:
            signal.pause()
        answer(self, outcome)

    monkeypatch.setattr(shared._Session, "_answer", die)
    monkeypatch.setattr(shared, "PATIENCE_S", 15)
    assert facts(run_cases_together([parse(text) for text in IDS[1:5]])) == alone[1:5]


@pytest.mark.hazard("H16")
def test_a_drive_that_the_dead_man_takes_while_homing_is_no_fault_of_the_sensor():
    """The task that would see it go off hangs, and without current the rotor settles so that the sensor may let go."""
    homing = [number for number, (phase, _, _) in enumerate(MOMENTS) if phase == "homing"]
    outcomes = run_cases_together([Case(9, (("sense_hung", number),)) for number in homing])
    assert not {outcome.case: outcome.violations for outcome in outcomes if outcome.violations}


# what a whole campaign found once: seen too late by the task that names it, drawn by a drive that nothing switched off,
# still homing when the time was up, on the panel for 150 ms, timed by a clock that stood still, or without any remedy
FOUND_ONCE = (
    "02-home_noisy@020", "04-driver_silent@204", "02-enable_grounded@124", "04-enable_grounded@114",
    "04-enable_grounded@126", "05-cartridge_pulled@015", "05-cartridge_pulled@171", "06-battery_falls@010",
    "08-interlock_bounces@015", "10-cartridge_pulled@152", "00-sense_hung@000+encoder_dead_30ms@040",
    "01-power_ok_stuck@008+power_cut@034", "04-jam@052+enable_grounded@053",
    "09-power_cut_500ms@076+treatment_hung@094",
)


@pytest.mark.parametrize("case", FOUND_ONCE)
def test_what_a_campaign_found_once_is_found_no_more(case):
    assert not run_case(parse(case)).violations
