"""EN_N falls in the middle of an archiving on the chip, whose flash controller sees each erase and each page."""

from itertools import pairwise

import pytest

from penimage.merge import read_pen
from sim.run import Simulation
from sim.scenario import parse

pytestmark = [pytest.mark.silicon(minutes=True), pytest.mark.usefixtures("uf2")]

HANDS = [{"do": "open_session"}, {"do": "set_depth", "depth_um": 1000}, {"do": "pass", "ms": 1000},
         {"do": "wait", "ms": 300}, {"do": "pull_cartridge"}, {"do": "wait", "ms": 4000}]


def run(**mishap):
    simulation = Simulation(parse({
        "title": "guard", "treatment": {"zone": "cheek", "indication": "wrinkles"}, "hands": HANDS,
        "faults": [mishap] if mishap else []}, "guard", "guard"), "silicon")
    world, begun = simulation.world, []
    heard = world.flash_begun

    def flash_begun(address):
        begun.append(world.now_ns / 1e6)
        heard(address)

    world.flash_begun = flash_begun
    done = simulation.run()
    return done, begun, read_pen(done.images["fram.bin"], done.images["flash.bin"])


def test_no_erase_and_no_page_follows_the_one_in_which_the_line_falls():
    done, begun, image = run()
    strokes = len(image.sessions[0].strokes)
    assert strokes > 5 and done.result["flash_while_armed"] == 0
    close = [at_ms for at_ms, after_ms in pairwise(begun) if after_ms - at_ms < 10]
    at_ms = close[len(close) // 2]  # the next one is in the same call of the filesystem
    done, again, image = run(what="enable_grounded", at_ms=at_ms + 0.15, for_ms=1000)
    assert done.result["flash_while_armed"] == 0
    assert not [one for one in again if at_ms + 0.15 < one < at_ms + 1000]
    assert len(image.sessions[0].strokes) == strokes and image.problems == []
