"""`pen calibrate` as its user has it: its own process, its real standard input, a whole simulated pen at the port."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pen.calibrate.wizard import GaveUp, Wizard, await_rest, read_record
from pen.connect import as_technician
from pen.link import PenLink
from pen.simwire import SimWire
from pen.wires import LinkError
from sim.scenario import load
from sim.silicon.uf2 import find_uf2
from sim.tiers import find_micropython
from tools.bench.calibration import ModelLink, Quiet, RandomPen

ROOT = Path(__file__).resolve().parents[2]
PEN = Path(sys.executable).with_name("pen")
SCENARIO = load("gauge_tip")
NO_VM = "no MicroPython VM: PEN_MICROPYTHON names one"


def pen(*arguments, typed=None):
    return subprocess.run(
        [PEN, "calibrate", *arguments], cwd=ROOT, input=typed, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "80", "HOME": str(ROOT / "out"), "NUMBA_CACHE_DIR": _numba(),
             "PEN_UF2": str(find_uf2() or "")})


def _numba():
    return os.environ.get("NUMBA_CACHE_DIR", str(ROOT / "out" / ".numba"))


class Recorder:
    """A gauge without noise at a modelled pen like the scenario's; `texts` is what was read, in order."""

    def __init__(self, tip_um):
        self._tip_um = tip_um
        self.texts: list[str] = []

    def read(self):
        self.texts.append(f"{self._tip_um():.0f}")
        return self.texts[-1] + " um"


def readings_of_the_scenario():
    """What a perfect gauge reads at each place that the wizard will ask for."""
    plant = SCENARIO.plant
    like = RandomPen(plant["home_edge_um"], plant["lead_scale_ppm"], plant["backlash_um"], 1)
    link = ModelLink(like, SCENARIO.cartridge.offset_um)
    gauge = Recorder(lambda: link.wire.tip_um)
    Wizard(link, gauge, Quiet()).run()  # type: ignore[arg-type]
    return gauge.texts


def test_readings_typed_in_every_way_with_slips_on_the_way(tmp_path):
    texts = readings_of_the_scenario()
    typed = []
    for i, um in enumerate(texts):
        mm = f"{int(um) / 1000:.3f}"
        if i == 6:
            typed += ["", "next", "99"]  # no length, no length, and far too much
        if i == 8:
            typed += [mm[0] + mm[2] + "." + mm[3:], "what"]  # the point elsewhere; then no length
        if i == 13:
            typed += [mm[:2] + mm[3] + mm[2] + mm[4], "what", ""]  # two digits swapped; no answer; typed again
        if i == 10:
            typed += ["a"]  # the point once more
        typed.append((um, um + " um", mm, mm.replace(".", ",") + " mm")[i % 4] if int(um) >= 20 else um + " um")
    run = pen("--port", "sim:", "--typed", "--gauge-id", "DG-0815", "--technician", "MK", "--out", str(tmp_path),
              typed="\n".join(typed) + "\n")  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    result = json.loads((tmp_path / "calibration.json").read_text())
    plant = SCENARIO.plant
    found = result["calibration"]
    assert abs(found["offset_um"] - (plant["home_edge_um"] - plant["backlash_um"])) <= 10
    assert abs(found["scale_ppm"] - plant["lead_scale_ppm"]) <= 4000
    assert abs(found["backlash_um"] - plant["backlash_um"]) <= 6
    assert (found["gauge"], found["technician"], found["number"], result["before"]["number"]) == ("DG-0815", "MK", 2, 1)
    assert result["worst_fit_um"] <= 30 and result["worst_check_um"] <= 30 and result["readings_questioned"] >= 3
    assert "is not a length" in run.stdout and "is expected here" in run.stdout and "is none of these" in run.stdout
    assert max(map(len, run.stdout.splitlines())) <= 80 + len(str(tmp_path))


def test_the_certificate_says_all_of_it_and_asks_for_nothing(tmp_path):
    run = pen("--port", "sim:", "--out", str(tmp_path), "--json")
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said == json.loads((tmp_path / "calibration.json").read_text())
    page = (tmp_path / "certificate.html").read_text()
    for value in (said["pen"], said["firmware"], said["calibration"]["date"], said["calibration"]["due"],
                  f"{said['calibration']['offset_um']} um", f"{said['before']['offset_um']} um"):
        assert str(value) in page
    readings = len(said["readings"])
    assert page.count("<tr>") == 5 + 2 + readings and readings in (22, 23)  # the deepest place may be the same twice
    assert not re.search(r"(src|href)=\"http|url\(http|<script", page)
    assert "@page" in page
    lines = (tmp_path / "readings.csv").read_text().splitlines()
    assert len(lines) == 1 + readings and lines[0].startswith("place,use,way")


STAYS = "Calibration 1 of 2026-09-01 stays in force"


def test_nobody_types_any_more():
    run = pen("--port", "sim:", "--typed", typed="")
    assert run.returncode == 1 and "nobody types" in run.stderr and STAYS in run.stderr
    assert run.stdout.endswith("Gauge, mm: \n")  # what is said stands on a line of its own


def test_ctrl_c_at_a_prompt():
    process = subprocess.Popen(
        [PEN, "calibrate", "--port", "sim:", "--typed"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={"PATH": "/usr/bin:/bin", "COLUMNS": "80", "PYTHONUNBUFFERED": "1",
                                     "NUMBA_CACHE_DIR": _numba()})  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    seen = b""
    while not seen.endswith(b"Gauge, mm: "):
        byte = process.stdout.read(1)
        assert byte, process.stderr.read()
        seen += byte
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 1 and STAYS in said.decode() and f"given up. {STAYS}" in said.decode()
    assert b"Traceback" not in said


@pytest.mark.parametrize("arguments, code, words", [
    (("--port", "sim:treatment"), 1, "no gauge tip is in the pen"),
    (("--port", "sim:", "--typed", "--readings", "x"), 2, "one place"),
    (("--port", "sim:", "--readings", "/none"), 2, "cannot read the readings in /none: No such file or directory\n"),
    (("--port", "sim:", "--readings", str(PEN.with_name("python"))), 2, "is no file of readings"),
    (("--port", "sim:", "--gauge", "/none"), 2, "cannot open the indicator at /none: No such file or directory"),
    (("--port", "sim:", "--gauge-id", "much too long"), 2, "1 to 8 plain characters"),
    (("--port", "sim:", "--technician", 'M"K'), 2, "1 to 8 plain characters"),
    (("--port", "sim:", "--due-days", "0"), 2, "due-days"),
    (("--port", "sim:", "--key", "/none"), 2, "cannot read the key"),
    (("--port", "/dev/none"), 1, "/dev/none")])  # fmt: skip
def test_what_is_wrong_is_said_in_a_line(arguments, code, words):
    run = pen(*arguments)
    assert run.returncode == code and words in run.stderr
    assert "Traceback" not in run.stderr


def test_a_place_that_cannot_be_written_is_said_before_anything_is_measured(tmp_path):
    (tmp_path / "file").write_text("")
    run = pen("--port", "sim:", "--out", str(tmp_path / "file"))
    assert run.returncode == 2 and "cannot write to" in run.stderr
    assert run.stdout == ""


def test_a_wrong_reading_in_a_file_ends_it(tmp_path):
    texts = readings_of_the_scenario()
    texts[5] = str(int(texts[5]) + 300)
    (tmp_path / "readings.txt").write_text("\n".join(f"{text} um" for text in texts))
    run = pen("--port", "sim:", "--readings", str(tmp_path / "readings.txt"), "--out", str(tmp_path))
    assert run.returncode == 1 and "is expected here" in run.stderr and STAYS in run.stderr
    assert not (tmp_path / "certificate.html").exists()


class At(Quiet):
    """Does something at a point of the calibration."""

    def __init__(self, point, act):
        self._point, self._act = point, act

    def hold(self, number, count, reach_um, down):
        if number == self._point:
            self._act()


def sim_link(tier="cpython"):
    wire = SimWire(f"sim:gauge_tip@{tier}")
    link = PenLink(wire)
    await_rest(link)
    as_technician(link, None)
    return link, wire


@pytest.mark.parametrize("tier", ["cpython", pytest.param("micropython", marks=[
    pytest.mark.micropython,
    pytest.mark.skipif(find_micropython() is None, reason=NO_VM)])])
def test_unplugged_halfway_the_pen_comes_home_and_keeps_what_it_had(tier):
    link, wire = sim_link(tier)
    with link:
        before = read_record(link)

        def pull():
            wire.pen.plugged = False

        gauge = Recorder(lambda: wire.pen.world.settle().tip_um)
        with pytest.raises(LinkError, match="vanished"):
            Wizard(link, gauge, At(4, pull)).run()
        world = wire.pen.world
        wire.hand._wire.controls.do("release trigger")
        wire.pause(3.0)
        assert world.settle().home_active
        wire.pen.plugged = True
        wire.pause(1.0)
        assert read_record(link) == before
        assert not link.technician(), "with the cable out nobody is a technician any more"


def test_a_fault_halfway_is_named():
    link, wire = sim_link()
    with link:
        before = read_record(link)

        def jam():
            wire.pen.world.settle().jam = True

        gauge = Recorder(lambda: wire.pen.world.settle().tip_um)
        with pytest.raises(GaveUp, match="fault 34"):
            Wizard(link, gauge, At(3, jam)).run()
        assert read_record(link) == before


@pytest.mark.parametrize("tier", [
    pytest.param("micropython", marks=[
        pytest.mark.micropython, pytest.mark.skipif(find_micropython() is None, reason=NO_VM)]),
    pytest.param("silicon", marks=pytest.mark.silicon(minutes=True))])
def test_the_whole_of_it_where_firmware_really_runs(tier, tmp_path):
    run = pen("--port", f"sim:gauge_tip@{tier}", "--out", str(tmp_path), "--json")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)["calibration"]
    assert abs(found["offset_um"] - -187) <= 15 and found["travel_um"] >= 2500
