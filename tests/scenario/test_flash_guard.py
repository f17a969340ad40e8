"""Flash is not written while the EN_N pad reads low, also in the middle of an archiving, whoever holds it there."""

import pytest

from penimage.merge import read_pen
from sim.run import Simulation
from sim.scenario import parse

HANDS = [{"do": "open_session"}, {"do": "set_depth", "depth_um": 1000}, {"do": "pass", "ms": 1000},
         {"do": "wait", "ms": 300}, {"do": "pull_cartridge"}, {"do": "wait", "ms": 4000}]


def run(tier="cpython", **mishap):
    simulation = Simulation(parse({
        "title": "guard", "treatment": {"zone": "cheek", "indication": "wrinkles"}, "hands": HANDS,
        "faults": [mishap] if mishap else []}, "guard", "guard"), tier)
    world, begun = simulation.world, []
    busy = world._flash_busy

    def seen(operation):
        begun.append(world.now_ns / 1e6)
        return busy(operation)

    world._flash_busy = seen
    done = simulation.run()
    return done, begun, read_pen(done.images["fram.bin"], done.images["flash.bin"])


def test_no_piece_of_an_archiving_begins_while_the_drive_is_on():
    """Low from a moment before each operation of an undisturbed one on, for a second: the session is not lost."""
    _, begun, image = run()
    assert len(begun) >= 5 and len(image.sessions[0].strokes) > 5
    strokes = len(image.sessions[0].strokes)
    pieces = [at_ms for before, at_ms in zip([0.0, *begun], begun, strict=False) if at_ms - before > 10]
    for at_ms in pieces:
        done, _, image = run(what="enable_grounded", at_ms=at_ms - 6, for_ms=1000)
        assert done.result["flash_while_armed"] == 0, at_ms
        assert len(image.sessions[0].strokes) == strokes and image.problems == []


@pytest.mark.hazard("H11")
@pytest.mark.parametrize("tier", ["cpython", "micropython"])
def test_what_is_under_way_goes_no_further_when_the_line_falls_in_it(tier, request):
    """Low from the middle of each erase and of each page on: nothing after it begins, and the session is not lost."""
    if tier == "micropython":
        request.getfixturevalue("need_micropython")
    _, begun, image = run(tier)
    strokes = len(image.sessions[0].strokes)
    assert strokes > 5
    for at_ms in begun:
        done, writes, image = run(tier, what="enable_grounded", at_ms=at_ms + 0.15, for_ms=1000)
        assert done.result["flash_while_armed"] == 0, at_ms
        assert not [write for write in writes if at_ms + 0.15 < write < at_ms + 1000]
        assert len(image.sessions[0].strokes) == strokes and image.problems == []


def test_files_refuse_what_writes_and_read_on(monkeypatch):
    from sim.link import DirectLink
    from sim.space import FirmwareSpace

    simulation = Simulation(parse({"title": "guard", "hands": []}, "guard", "guard"))
    space = FirmwareSpace(DirectLink(simulation.world))
    space.module("slots").mount()
    files = space.module("files")
    files.mkdir("/kept")
    with files.open("/kept/one", "wb") as file:
        file.write(b"1")
    monkeypatch.setattr(simulation.world, "enable_wire", "grounded")
    monkeypatch.setattr(simulation.world, "pads", lambda: 0)
    for write in (lambda: files.open("/kept/two", "wb"), lambda: files.mkdir("/new"), lambda: files.remove("/kept/one"),
                  lambda: files.rename("/kept/one", "/kept/two")):
        with pytest.raises(OSError, match="16"):
            write()
    with files.open("/kept/one", "rb") as file:
        assert file.read(1) == b"1"
    assert [row[0] for row in files.ilistdir("/kept")] == ["one"]
