"""Strokes with a host that sends garbage, reads nothing, or goes away: no stroke is missed, nothing is changed."""

import pytest
from host import Host, missed

from sim.run import Simulation
from sim.space import shim
from sim.tiers import find_micropython
from tools.bench import console


@pytest.mark.hazard("H17", "H11")
@pytest.mark.parametrize("seed, reads", [(101, True), (103, False)])
def test_fuzz_with_strokes_running(seed, reads):
    """`make bench` does this with ten million bytes; here one short session each."""
    scenario = console.session(1, 2500)
    quiet = Simulation(scenario)
    quiet_result = quiet.run().result
    load = console.Load(seed, reads)
    result, simulation = load.run(scenario)
    assert console.wrongs(result, simulation, quiet_result, console.records_of(quiet)) == []
    assert load.read > 20_000
    assert load.moving > 5_000
    assert result["strokes"] > 40


@pytest.mark.hazard("H17")
def test_a_host_that_does_not_read_then_goes_away_then_comes_back():
    host = Host("zone_nose", reads=False)
    for i in range(200):
        host.says(500 + 50 * i, "*IDN?;*IDN?;*IDN?;*IDN?")
    host.world.at(11_000_000_000, host.port.unplug)
    host.world.at(12_000_000_000, lambda: setattr(host.port, "connected", True))
    host.world.at(12_000_000_001, lambda: setattr(host, "reads", True))
    host.says(18_500, b"\n")
    host.says(18_600, "*OPC?")
    result = host.run()
    assert not missed(result)


@pytest.mark.hazard("H17")
def test_two_commands_in_a_packet_and_one_in_pieces():
    host = Host("zone_nose")
    host.says(2000, b"*OPC?\nSTAT?\r\n*OPC?")
    host.says(2200, b"\n*OP")
    host.says(2300, b"C?\n\n\r\n")
    host.says(2400, b"*ID\x03*OPC?\n")
    host.says(2500, b"a" * 700 + b"\nSYST:ERR?\n")
    host.says(2700, b"\xff\xfe*IDN?\nSYST:ERR?;COUN?\n")
    host.run()
    assert host.lines[0] == host.lines[2] == host.lines[3] == host.lines[4] == "1"
    assert host.lines[5] == '-363,"Input buffer overrun"'
    assert host.lines[6].startswith('-101,"Invalid character"')
    assert len(host.lines) == 7


@pytest.mark.hazard("H17")
def test_answers_nobody_reads_are_dropped_and_the_console_goes_on():
    host = Host("zone_cheek", reads=False)
    host.says(1000, "*IDN?;" * 30)
    host.world.at(9_000_000_000, lambda: host.port.from_pen())
    host.world.at(9_000_000_000, lambda: setattr(host, "reads", True))
    host.says(9_500, "SYST:ERR?")
    assert not missed(host.run())
    assert any(line.endswith('-430,"Query DEADLOCKED;the host does not read"') for line in host.lines)


@pytest.mark.micropython
def test_nothing_is_allocated_while_needles_move(need_micropython):
    if find_micropython() is None:
        return
    found = console.heap()
    assert found["passes_that_allocated"] == found["bytes_allocated"] == 0
    assert found["commands"] > 100 and found["different_ones_done_all"]
    assert found["different_ones"] > 40  # every command of the table that may be done then
    assert found["passes_while_moving"] > 400


def crowded(space):
    """Console commands of zones find no room in memory."""
    console = space.module("console").Console
    load = console._load

    def loads(self, name):
        if name == "zones":
            raise MemoryError
        return load(self, name)

    console._load = loads


def test_a_command_that_finds_no_room_is_refused_and_the_session_goes_on():
    host = Host()
    host.world.on_firmware = crowded
    host.says(1700, "ZONE:CAT?")
    host.says(1750, "SYST:ERR?")
    assert not missed(host.run())
    assert host.lines == ['-300,"Device-specific error;no room in memory: restart the pen"']


def full(space):
    """The list of the archive's files finds no room, half said, and so does one of its pieces."""
    commands = space.module("console_log").Commands

    def names(self, rows):
        self._reply.text(b'"half')
        yield
        raise MemoryError

    def says(self):
        self._reply.text(b"262")
        raise MemoryError

    commands._names, commands.size = names, says


def test_a_command_that_runs_out_of_room_says_so_and_the_console_goes_on():
    host = Host()
    host.world.on_firmware = full
    for at_ms, line in ((1700, "*OPC?;:LOG:FRAM:SIZE?;:STAT?"), (1800, "SYST:ERR?"), (1900, "LOG:FILE:CAT?"),
                        (2000, "SYST:ERR?"), (2100, "*OPC?")):
        host.says(at_ms, line)
    assert not missed(host.run())
    assert host.lines[0].startswith("1;") and "262" not in host.lines[0]
    no_room = '-300,"Device-specific error;no room in memory: restart the pen"'
    assert host.lines[1:] == [no_room, '"half', no_room, "1"]


def test_a_group_of_commands_is_not_fetched_while_needles_move():
    host = Host()
    host.says(600, "ZONE:CAT?")  # on the way home
    host.says(650, "SYST:ERR?")
    host.says(1700, "ZONE:CAT?")
    assert not missed(host.run())
    assert host.lines[0] == '-200,"Execution error;needles move; wait until the pen is at rest"'
    assert host.lines[1].split(",") == [zone.key for zone in shim("depth").ZONES]


def test_what_waits_for_rest_says_how_the_pen_comes_to_rest():
    """Homing, a last stroke and a retract end by themselves; only strokes have a trigger to let go of."""
    host = Host()
    for at_ms in range(300, 20_000, 70):
        host.says(at_ms, "STAT?")
        host.says(at_ms + 20, "LOG:REL 1")
        host.says(at_ms + 40, "SYST:ERR?;:STAT?")
    host.run()
    said: dict[str, set[str]] = {}
    for before, error in zip(host.lines[::2], host.lines[1::2], strict=False):
        after = error.rpartition(";")[2]
        if before == after and "needles move" in error:
            said.setdefault(before.split(",")[0], set()).add(error.partition("needles move; ")[2].partition('"')[0])
    assert said.pop("running") == {"release the trigger"}
    assert "homing" in said
    assert all(words == {"wait until the pen is at rest"} for words in said.values()), said
