"""A served pen as its clients and its hands have it: in real time, through cables pulled, restarts and power cuts."""

import signal
import time

import pytest

from pen.link import open_link
from pen.wires import LinkError
from sim.served import TIMEOUT_S, serve

TIERS = ["cpython", pytest.param("micropython", marks=pytest.mark.micropython)]


@pytest.fixture(scope="module", params=TIERS)
def served(request, need_micropython):
    with serve("--tier", request.param) as pen:
        yield pen


def connect(served, tries=100):
    """Open the pen; the cable may have to settle first."""
    for attempt in range(tries):
        try:
            return open_link(served.port, timeout_s=TIMEOUT_S)
        except LinkError:
            if attempt == tries - 1:
                raise
            time.sleep(0.1)
    raise AssertionError("unreachable")


def test_hands_and_client_see_the_same_pen(served):
    with connect(served) as pen:
        assert pen.fields("STAT?")[1] == "no_cartridge"
        assert served.hands("cartridge seat") == "cartridge in"
        stage = "no_cartridge"
        while stage == "no_cartridge":
            stage = pen.fields("STAT?")[1]
        assert stage == "zone"
        assert served.hands("cartridge pull") == "cartridge out"
        while stage != "no_cartridge":
            stage = pen.fields("STAT?")[1]


def test_its_time_is_that_of_the_wall_clock_and_never_ahead(served):
    with connect(served) as pen:
        began_s, began_ms = time.monotonic(), pen.numbers("SYST:UPT?")[0]
        pen.wire.pause(0.5)
        went_ms = pen.numbers("SYST:UPT?")[0] - began_ms
        went_s = time.monotonic() - began_s
    assert 0 < went_ms <= went_s * 1000 + 5  # slower where the machine is


def test_a_cable_pulled_and_plugged(served):
    with connect(served) as pen:
        assert served.hands("usb pull") == "cable out"
        with pytest.raises(LinkError, match=r"vanished|no answer"):
            while True:
                pen.query("STAT?", timeout_s=1)
    assert served.hands("usb plug") == "cable in"
    with connect(served) as pen:
        assert pen.query("SYST:ERR:COUN?") == "0"


def test_a_power_cut_ends_the_life_and_the_memories_stay(served):
    with connect(served) as pen:
        boots = pen.numbers("SYST:UPT?")[1]
        served.hands("power off")
        with pytest.raises(LinkError):
            while True:
                pen.query("STAT?", timeout_s=1)
    served.hands("power on")
    with connect(served) as pen:
        assert pen.numbers("SYST:UPT?")[1] == boots + 1


def test_a_reset_drops_the_client_as_a_chip_does(served):
    with connect(served) as pen:
        boots = pen.numbers("SYST:UPT?")[1]
        served.hands("reset")
        pen.reconnect(within_s=TIMEOUT_S)
        assert pen.numbers("SYST:UPT?")[1] == boots + 1


def test_lines_that_mean_nothing_are_answered(served):
    assert served.hands("frobnicate").startswith("error: 'frobnicate' is no act; there are: hold, release")
    assert "not complete" in served.hands("hold")
    assert "not one of: pull, seat, fresh, gauge" in served.hands("cartridge eject")


def test_ctrl_c_ends_it_cleanly():
    with serve() as pen:
        pen.process.send_signal(signal.SIGINT)
        _, errors = pen.process.communicate(timeout=TIMEOUT_S)
        assert (pen.process.returncode, errors) == (0, "")


def test_a_program_gets_one_line_for_each():
    with serve() as pen:
        panel, status, nonsense = pen.hands("panel"), pen.hands("status"), pen.hands("dance")
    assert panel == "dark" or " | " in panel
    assert "start 1, on" in status
    assert nonsense.startswith("error: ")


def test_quit_ends_it_and_a_pty_goes_with_it():
    with serve(port=None) as pen:
        with open_link(pen.port, timeout_s=TIMEOUT_S) as link:
            assert link.serial == "PEN-SIM-01"
        pen.hands("quit")
        pen.process.communicate(timeout=TIMEOUT_S)
        assert pen.process.returncode == 0
        with pytest.raises(LinkError, match="there is no"):
            open_link(pen.port)


def test_the_hands_of_a_scenario_can_act_it_out():
    with serve("treatment", "--play") as pen, open_link(pen.port, timeout_s=TIMEOUT_S) as link:
        stages = set()
        while "questions" not in stages:
            stages.add(link.fields("STAT?")[1])
        assert "zone" in stages
