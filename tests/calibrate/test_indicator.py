"""A digital indicator at the serial port: the whole calibration by it, each answer it may give, and none at all.

The indicator is at a pseudo-terminal and speaks what the cables of the trade do: `?` and a carriage return ask it.
"""

import threading
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from pen.calibrate import gauge as gauges
from pen.calibrate.gauge import GaugeError, IndicatorGauge
from pen.calibrate.readings import parse
from pen.calibrate.wizard import GaveUp, Wizard, await_rest, read_record
from pen.cli import app
from pen.connect import as_technician
from pen.link import PenLink
from pen.simwire import SimWire
from sim.hostport import HostPort
from tools.bench.calibration import Quiet


class Indicator:
    """Shows `shown()` as bytes; `None` for one that says nothing. `unplug` takes its cable out."""

    def __init__(self, shown):
        self._shown = shown
        self._port = HostPort.pty()
        self.name = self._port.name
        self.asked = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        line = bytearray()
        while not self._end.is_set():
            self._port.wait(0.02)
            line += self._port.read()
            if b"\r" in line:
                command, _, rest = bytes(line).partition(b"\r")
                line = bytearray(rest)
                if command == b"?":  # it knows no other
                    self.asked += 1
                    answer = self._shown()
                    if answer is not None:
                        self._port.write(answer)
            self._port.flush()
        self._port.close()

    def unplug(self):
        self._end.set()
        self._thread.join()


@contextmanager
def indicator(shown):
    made = Indicator(shown)
    try:
        yield made
    finally:
        made.unplug()


def a_pen():
    link = PenLink(SimWire("sim:gauge_tip"))
    await_rest(link)
    as_technician(link, None)
    return link


def test_a_whole_calibration_by_an_indicator():
    with a_pen() as link:
        world = link.wire.pen.world

        def shown():  # the other thread stands still meanwhile
            return b"%+08.3f\r" % (world.settle().tip_um / 1000)

        with indicator(shown) as one:
            wizard = Wizard(link, IndicatorGauge(one.name), Quiet())
            wizard.run()
            record = wizard.store("DI-0815", "MK", 365)
        assert one.asked == len(wizard.work.points) + 1  # the deepest place was measured twice
        plant = link.wire.pen.scenario.plant
        assert abs(record.values.offset_um - (plant["home_edge_um"] - plant["backlash_um"])) <= 10
        assert abs(record.values.scale_ppm - plant["lead_scale_ppm"]) <= 3000
        assert abs(record.values.backlash_um - plant["backlash_um"]) <= 4
        assert (record.gauge, record.number) == ("DI-0815", 2)


@pytest.mark.parametrize(
    ("answer", "um"),
    [(b"+1.523\r", 1523), (b"-0.012\r", -12), (b"  1,523 \r\n", 1523), (b"01A+00001.523\r", 1523), (b"+0.42\r", 420)])
def test_what_an_indicator_may_answer(answer, um):
    with indicator(lambda: answer) as one:
        gauge = IndicatorGauge(one.name)
        assert [parse(gauge.read()) for _ in range(3)] == [um] * 3


@pytest.mark.parametrize("answer", [b"ERR1\r", b"1523\r", b"\r", b"+.\r", b"\xff\xfe\r"])
def test_what_is_no_reading_is_shown_as_it_came(answer):
    with indicator(lambda: answer) as one, pytest.raises(GaugeError, match="no number with a point"):
        IndicatorGauge(one.name).read()


def test_an_indicator_that_says_nothing_is_named_and_what_to_look_at(monkeypatch):
    monkeypatch.setattr(gauges, "INDICATOR_S", 0.1)
    with indicator(lambda: None) as one, pytest.raises(GaugeError, match=r"does not answer.*is it on.*4800"):
        IndicatorGauge(one.name).read()


def test_an_indicator_unplugged_halfway_leaves_the_calibration_in_force():
    with a_pen() as link:
        before = read_record(link)
        world = link.wire.pen.world
        with indicator(lambda: b"%+.3f\r" % (world.settle().tip_um / 1000)) as one:

            class At(Quiet):
                def hold(self, number, count, reach_um, down):
                    if number == 5:
                        one.unplug()

            with pytest.raises(GaugeError, match=f"the indicator at {one.name} is gone"):
                Wizard(link, IndicatorGauge(one.name), At()).run()
        assert read_record(link) == before


def test_an_indicator_in_inches_is_noticed_at_the_first_point():
    with a_pen() as link:
        world = link.wire.pen.world
        with indicator(lambda: b"%+.5f\r" % (world.settle().tip_um / 25_400)) as one, pytest.raises(
                GaveUp, match="outside what any pen can have"):
            Wizard(link, IndicatorGauge(one.name), Quiet()).run()


def test_the_command_by_an_indicator_that_shows_nonsense(tmp_path):
    with indicator(lambda: b"ERR3\r") as one:
        run = CliRunner().invoke(
            app, ["calibrate", "-p", "sim:", "--gauge", one.name, "--out", str(tmp_path)], env={"COLUMNS": "80"})
    assert run.exit_code == 1
    assert "ERR3" in run.stderr and "Calibration 1 of 2026-09-01 stays in force" in run.stderr
    assert not list(tmp_path.iterdir())
