"""From the choice to the permit: every zone, indication, cartridge, calibration and unlock against the figures.

At each limit, one um under it and one over: what the limits allow, a session takes; what a session allows, a permit
carries, with the session's limit as its ceiling; one um more gets no permit.
"""

from itertools import product

import pytest
from published import BUILD_UM, INDICATION_KEYS, ZONE_KEYS, cap_um, five_um, least_um, most_um
from safety_rig import Rig, faults, safety

from sim.space import shim

depth, treatment = shim("depth"), shim("treatment")
zones = range(len(ZONE_KEYS))
RATED_UM = (-1, 0, 99, 100, 199, 200, 250, 299, 300, 301, 500, 1000, 1499, 1500, 1501, 2000, 2500, 2501)
TRAVEL_UM = (0, 1, 199, 200, 500, 1500, 2000, 2499, 2500, 2600)


def choices(zone):
    """Every choice in a zone with the maximum that it ought to have."""
    for choice in product(range(len(INDICATION_KEYS)), RATED_UM, TRAVEL_UM, (False, True)):
        yield choice, most_um(zone, *choice)


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("zone", zones, ids=ZONE_KEYS)
def test_no_choice_gets_a_permit_past_its_limit(zone):
    """One session for every maximum that the zone's choices lead to, on one core, one after the other."""
    limits, maxima = depth.Limits(), set()
    for choice, most in choices(zone):
        assert limits.choose(zone, *choice, BUILD_UM) == most
        maxima.add(most)
    rig = Rig().ready()
    for most in sorted(maxima):
        rig.core.close_session()
        if most == 0:
            with pytest.raises(ValueError, match="does not allow"):
                rig.core.open_session(zone, most)
            assert rig.press().ask(1) == faults.REFUSED_SESSION
            rig.release()
            continue
        rig.core.open_session(zone, most)
        rig.release().press()
        for asked_um in (most, most - 1, least_um(zone), 1):
            assert rig.ask(asked_um) == faults.GRANTED
            permit = rig.core.permit
            assert (permit.zone, permit.depth_um, permit.ceiling_um) == (zone, asked_um, most)
            assert permit.spend(rig.now_ms)
        for asked_um in (most + 1, most + 50, cap_um(zone, True) + 1, BUILD_UM + 1, 1 << 31, 0, -1, -most):
            assert rig.ask(asked_um) == faults.REFUSED_DEPTH
            assert not rig.core.permit.spend(rig.now_ms)
        rig.release()
        rig.core.event(safety.PARKED)


@pytest.mark.parametrize("zone", zones[1:], ids=ZONE_KEYS[1:])
def test_a_permit_by_itself_stays_within_the_zone(zone):
    """Whoever issues it: the zone's highest cap holds for the ceiling, and the ceiling for the depth."""
    permit, cap = safety.Permit(), cap_um(zone, True)
    for depth_um, ceiling_um in ((1, 1), (cap - 1, cap), (cap, cap), (1, cap)):
        permit.issue(zone, depth_um, ceiling_um, 0)
        assert permit.spend(0)
    for depth_um, ceiling_um in ((cap, cap + 1), (cap + 1, cap + 1), (cap, cap - 1), (0, cap), (-1, cap), (1, 0)):
        with pytest.raises(ValueError, match=f"^no permit for {depth_um} um under {ceiling_um} um in zone {zone}$"):
            permit.issue(zone, depth_um, ceiling_um, 0)
        assert not permit.spend(0)


@pytest.mark.parametrize("zone", zones[1:], ids=ZONE_KEYS[1:])
def test_a_treatment_is_dialled_to_the_limit_and_not_one_grid_step_past_it(zone):
    """Without a supervisor; the refusal names the first limit that bound."""
    for indication, rated_um, travel_um in product(range(len(INDICATION_KEYS)), RATED_UM, TRAVEL_UM):
        deed = treatment.Treatment(1)
        deed.cartridge_accepted(rated_um, travel_um)
        assert deed.choose_zone(zone) == treatment.ACCEPTED
        most = most_um(zone, indication, rated_um, travel_um, False)
        band_from_um = depth.INDICATIONS[indication].low_um
        if most == 0 or most < band_from_um:
            assert deed.choose_indication(indication) == treatment.REFUSED_NOTHING_ALLOWED
            continue
        assert deed.choose_indication(indication) == treatment.ACCEPTED
        deed.answer_no()
        assert deed.confirm(True) == treatment.ACCEPTED
        deed.open(0)
        for _ in range(60):
            answer = deed.change_depth(1, False)
            if answer != treatment.ACCEPTED:
                break
        limits = five_um(zone, indication, rated_um, travel_um, False)
        assert answer == limits.index(min(limits))
        assert most - 50 < deed.depth_um <= most
