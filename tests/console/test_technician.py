"""A technician at the simulated pen: the proof, what it opens, what ends it; and everybody else."""

import hashlib
import hmac

import pytest
from host import Host

from penimage import decode
from sim.build import pen_key
from sim.scenario import HandStep, load
from sim.space import shim

board = shim("board")


class Technician(Host):
    """Says lines one after the other, `every_ms` apart; `proves` does the whole proof."""

    def __init__(self, scenario="clock_unset", **changes):
        loaded = load(scenario)
        if changes:
            loaded = loaded.model_copy(update={"pen": loaded.pen.model_copy(update=changes)})
        loaded = loaded.model_copy(update={"hands": [HandStep(do="wait", ms=59_000)], "limit_s": 60.0})
        super().__init__(loaded)
        self.at = 3000.0
        self.key = pen_key(loaded)

    def then(self, *lines, every_ms=60):
        for line in lines:
            self.says(self.at, line)
            self.at += every_ms
        return self

    def does(self, what, ms=60):
        self.world.at(round(self.at * 1e6), what)
        self.at += ms
        return self

    def select(self, down):
        return self.does(lambda: self.world.move_contact(board.PIN_SELECT, down), 120)

    def _answer(self, key):
        nonce = bytes.fromhex(self.lines[-1])
        self.port.to_pen(b'SEC:ANSW "%s"\n' % hmac.new(key, nonce, hashlib.sha256).hexdigest().encode())

    def proves(self, key=None, held=True):
        self.then("SEC:CHAL?")
        if held:
            self.select(True)
        self.does(lambda: self._answer(key or self.key), 120)
        return self.select(False) if held else self

    def told(self):
        self.world.at(round(self.at * 1e6), self.simulation._end)
        self.run()
        return self.lines


def errors_of(lines):
    return [int(line.split(",")[0]) for line in lines]


CHANGES = ("ZONE:LIM cheek,900", "SYST:DATE 2026,11,26", "SYST:TIME 1,2,3", 'OPER "AB12"', "LOG:REL 1", "SYST:REST",
           "SYST:SERV", "FAUL:CLE:SERV")  # fmt: skip


@pytest.mark.hazard("H17")
def test_without_the_proof_nothing_changes():
    host = Technician()
    fram = host.world.fram
    host.does(lambda: setattr(host, "before", fram.image[:0x1000]))
    for line in CHANGES:
        host.then(line, "SYST:ERR?")
    host.then("ZONE:LIM? cheek", "OPER?", "SEC:STAT?")
    lines = host.told()
    assert errors_of(lines[:-3]) == [-203] * len(CHANGES)
    assert lines[-3:] == ["200,1000,1500,2500,10,30,2000", '""', "locked,1,0,0"]
    assert fram.image[:0x1000] == host.before
    assert len(host.simulation.lives_us) == 1


def test_a_technician_sets_what_may_be_set():
    host = Technician().proves()
    host.then("SYST:ERR?", "SEC:STAT?", "STAT:OPER:COND?", *CHANGES[:4], "SYST:ERR?", "ZONE:LIM? cheek", "OPER?",
              "SYST:DATE?;TIME?", "SEC:CLOS", "ZONE:LIM nose,200", "SYST:ERR?")  # fmt: skip
    lines = host.told()[1:]
    assert lines[:3] == ['0,"No error"', "open,1,0,0", "1024"]
    assert lines[3:6] == ['0,"No error"', "200,1000,1500,900,10,30,2000", '"AB12"']
    assert lines[6].startswith("2026,11,26;1,2,")
    assert errors_of(lines[7:]) == [-203]
    image = decode(host.world.fram.image)
    assert image.records["clinic"].values["limits_um"][6] == 900
    told = [(event.name, event.a, event.b) for event in image.events]
    cheek = (6 << 12) + 900
    for event in (("access", 1, 0), ("clinic_limit", 0, cheek), ("operator", 0, 4), ("access", 3, 0)):
        assert event in told


@pytest.mark.parametrize("line, error", [
    ("ZONE:LIM cheek,2001", -200), ("ZONE:LIM cheek,199", -200), ("ZONE:LIM eyelid,0", -200),
    ("ZONE:LIM cheek,2501", -222), ("ZONE:LIM cheek,-1", -222), ("ZONE:LIM chek,900", -224), ("ZONE:LIM cheek", -109),
    ("SYST:DATE 2026,2,29", -200), ("SYST:DATE 2026,8,31", -200),
    ("SYST:DATE 2026,13,1", -222), ("LOG:REL 1", -200), ("FAUL:CLE:SERV", -200),
    ('OPER "ABCDEFGHI"', -224)])  # fmt: skip
def test_what_no_technician_may_set(line, error):
    host = Technician().proves().then(line, "SYST:ERR?", "ZONE:LIM? cheek", "SYST:ERR:COUN?")
    lines = host.told()[1:]
    assert errors_of(lines[:1]) == [error]
    assert lines[1:] == ["200,1000,1500,2500,10,30,2000", "0"]


@pytest.mark.hazard("H19")
def test_a_day_before_one_on_record_takes_a_correction():
    """The calibration is of 2026-09-01."""
    host = Technician().proves().then(
        "SYST:DATE:LEAS?", "SYST:DATE 2026,8,31", "SYST:ERR?", "SYST:DATE?", "SYST:ERR?",
        "SYST:DATE:CORR 2026,8,31", "SYST:ERR?", "SYST:DATE?", "SYST:DATE:LEAS?")
    lines = host.told()[1:]
    assert lines[0] == "2026,9,1"
    assert "a record is of a later day" in lines[1] and "not set" in lines[2]
    assert lines[3:] == ['0,"No error"', "2026,8,31", "2026,8,31"]
    image = decode(host.world.fram.image)
    assert image.records["dates"].values["calibration_id"] == image.records["calibration"].values["calibration_id"]


@pytest.mark.hazard("H17")
def test_wrong_key_released_button_and_no_key():
    host = Technician().proves(bytes(range(32))).then("SYST:ERR?", "SEC:STAT?", "SEC:CHAL?", "SYST:ERR?")
    lines = host.told()[1:]
    assert lines[0].startswith('-200,"Execution error;wrong answer')
    assert lines[1] == "locked,1,1,2"
    assert "wait 2 s" in lines[2]
    assert ("access", 2, 1) in [(e.name, e.a, e.b) for e in decode(host.world.fram.image).events]
    lines = Technician().proves(held=False).then("SYST:ERR?", "SEC:STAT?").told()[1:]
    assert "hold SELECT" in lines[0]
    assert lines[1] == "locked,1,0,0"
    lines = Technician(key=False).then("SEC:CHAL?", "SYST:ERR?", "SYST:DATE 2026,1,1", "SYST:ERR?").told()
    assert all("no key" in line for line in lines)


@pytest.mark.hazard("H17")
@pytest.mark.parametrize("ending", ["*RST", "SEC:CLOS", "unplug"])
def test_what_ends_access(ending):
    host = Technician().proves().then("SEC:STAT?")
    if ending == "unplug":
        host.does(host.port.unplug, 200).does(lambda: setattr(host.port, "connected", True))
    else:
        host.then(ending)
    lines = host.then("SEC:STAT?").told()
    assert [line.split(",")[0] for line in lines[1:]] == ["open", "locked"]


def test_the_pen_restarts_when_told():
    host = Technician().proves().then("SYST:REST")
    host.at += 2500
    lines = host.then("*ESR?", "SEC:STAT?", "SYST:UPT?").told()[1:]
    assert lines[:2] == ["128", "locked,1,0,0"]
    assert len(host.simulation.lives_us) == 2
    assert [e.b for e in decode(host.world.fram.image).events if e.name == "restarted"] == [0]


def test_self_test_over_the_console():
    lines = Technician().then("*TST?", "SYST:ERR:COUN?", "STAT?", every_ms=300).told()
    assert lines[:2] == ["0", "0"]


def test_a_fault_is_told_and_cleared_by_service():
    host = Technician(service_fault="encoder").then("FAUL?", "STAT:QUES:COND?", "STAT?")
    lines = host.proves().then("FAUL:CLE:SERV", "SYST:ERR?", "FAUL?").told()
    assert lines[0] == '31,"encoder","Needle encoder not following the motor","Do not use. Send in for service"'
    assert int(lines[1]) & 512
    assert lines[2] == "blocked,no_cartridge,31" or lines[2].endswith(",31")
    assert lines[4:] == ['0,"No error"', '0,"none","",""']
