"""A pen simulated in this process as a port: its time goes by only while somebody waits."""

import pytest

from pen.link import open_link
from pen.simwire import SimWire
from pen.wires import LinkError, NoPort, PortGone, WrongPort

TIERS = ["sim:", pytest.param("sim:@micropython", marks=pytest.mark.micropython)]


@pytest.fixture(params=TIERS)
def link(request, need_micropython):
    with open_link(request.param) as link:
        yield link


def test_it_answers(link):
    assert link.identity[:3] == ("Microneedling Pen Project", "Pen A", "PEN-SIM-01")
    assert link.fields("STAT?") == ["unhomed", "no_cartridge", "0"]


def test_its_time_passes_while_somebody_waits_and_only_then(link):
    before = link.wire.now_s()
    link.wire.pause(5)
    assert link.wire.now_s() == pytest.approx(before + 5, abs=0.002)
    assert link.wire.now_s() == link.wire.now_s()


def test_two_runs_are_the_same_to_the_millisecond():
    def story():
        with open_link("sim:") as link:
            link.wire.act("cartridge seat")
            seen = [link.query("STAT?;:SYST:UPT?") for _ in range(20)]
            return seen, link.wire.now_s()

    assert story() == story()


def test_a_pulled_cable_is_a_vanished_port(link):
    link.wire.act("usb pull")
    with pytest.raises(PortGone, match="vanished"):
        link.query("STAT?")


def test_a_restart_drops_the_port_and_it_comes_back_with_its_memories(link):
    boots = link.numbers("SYST:UPT?")[1]
    link.wire.act("power off", settle_s=3)
    with pytest.raises(PortGone):
        link.query("STAT?")
    link.wire.act("power on")
    link.reconnect()
    assert link.numbers("SYST:UPT?")[1] == boots + 1


def test_a_pen_that_stays_off_does_not_come_back(link):
    link.wire.act("power off", settle_s=3)
    with pytest.raises(PortGone, match="did not come back"):
        link.reconnect(within_s=2)


@pytest.mark.parametrize(
    ("port", "says"),
    [("sim:treatmnt", "did you mean 'treatment'"), ("sim:@silicone", "unknown tier"), ("sim:nix@", "no such scenario")])
def test_a_pen_that_there_is_not(port, says):
    with pytest.raises(WrongPort, match=says):
        SimWire(port)


def test_a_missing_vm_is_said(monkeypatch):
    monkeypatch.setenv("PEN_MICROPYTHON", "/no/such/vm")
    with pytest.raises(NoPort, match="no MicroPython VM"):
        SimWire("sim:@micropython")


def test_a_simulator_that_fails_is_one_line(monkeypatch):
    wire = SimWire("sim:")
    monkeypatch.setattr(wire.pen.world.usb, "from_pen", lambda: 1 / 0)
    with pytest.raises(LinkError, match=r"simulator failed: .*division by zero"):
        wire.pause(1)
    with pytest.raises(LinkError, match="simulator failed"):
        wire.write(b"x")
    wire.close()
