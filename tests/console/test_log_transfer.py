"""The log over the console: the memory in parts, its secrets withheld, with sums that hold, from any offset."""

import zlib

import pytest
from host import Host
from test_technician import Technician

from penimage import decode
from sim.scenario import load
from sim.space import shim

store = shim("store")


def block(raw):
    """The data of the definite-length block that `raw` begins with, and what follows it."""
    assert raw[:1] == b"#"
    digits = int(raw[1:2])
    length = int(raw[2 : 2 + digits])
    data = bytes(raw[2 + digits : 2 + digits + length])
    assert len(data) == length
    assert zlib.crc32(data[:-4]) == int.from_bytes(data[-4:], "little")
    return data[:-4], bytes(raw[2 + digits + length :])


def after(host, line, ms):
    """Ask once, `ms` later hand over the raw answer."""
    got = []
    host.does(host.raw.clear, 1).then(line)
    host.at += ms
    return host.does(lambda: got.append(bytes(host.raw)), 1), got


@pytest.mark.parametrize("offset, count", [(0, 1), (0, 2048), (120, 300), (261_000, 5000), (262_143, 9), (0, 65536)])
def test_a_part_of_the_record_memory(offset, count):
    host, got = after(Technician(), f"LOG:FRAM? {offset},{count}", 3000)
    host.told()
    data, rest = block(got[0])
    assert rest == b"\n"
    assert len(data) == min(count, 262_144 - offset)
    image = host.world.fram.image[offset : offset + count]
    differing = {offset + i for i in range(len(data)) if data[i] != image[i]}
    places = [store.slot_address(record, slot) for record in (store.KEY, store.SETTINGS) for slot in (0, 1)]
    assert differing <= {place + i for place in places for i in range(64)}


@pytest.mark.hazard("H17")
def test_the_key_and_the_code_are_not_in_it():
    host, got = after(Technician(), "LOG:FRAM? 0,4096", 1000)
    host.told()
    data, _ = block(got[0])
    assert host.key in host.world.fram.image
    for i in range(0, 32, 8):
        assert host.key[i : i + 8] not in data
    assert b"SIM-SALT" in host.world.fram.image
    assert b"SIM-SALT" not in data
    whole = data + host.world.fram.image[4096:]
    assert decode(whole).pen_serial == decode(host.world.fram.image).pen_serial
    assert not decode(whole).problems


def test_files_of_the_archive():
    host = Technician()
    host.then("LOG:FILE:CAT?", 'LOG:FILE? "nothing",0,10', "SYST:ERR?", 'LOG:FILE? "../main.py",0,10', "SYST:ERR?")
    host, got = after(host, 'LOG:FILE? "id",0,100', 300)
    lines = host.told()
    assert lines[0] == '"id",32'
    assert [line.split(",")[0] for line in lines[1:3]] == ["-256", "-256"]
    data, _ = block(got[0])
    assert data in host.world.flash.image
    assert data[:4] == b"PLID"


def test_two_queries_around_a_block_and_none_in_a_session():
    host, got = after(Technician(), "*OPC?;LOG:FRAM? 0,700;*OPC?", 500)
    host.then("LOG:FRAM? 262144,1", "SYST:ERR?")
    lines = host.told()
    first, rest = got[0].split(b";", 1)
    assert first == b"1"
    assert block(rest)[1] == b";1\n"
    assert "past the end" in lines[-1]
    busy = Host(load("zone_cheek"))
    busy.says(11_000, "LOG:FRAM? 0,64")
    busy.says(11_100, "SYST:ERR?;:SESS?")
    busy.run()
    assert busy.lines[-1].startswith('-200,"Execution error;')
