"""The simulated pen's end of the cable: never waits, one client at a time, loses what nobody hears."""

import os
import socket
import time

import pytest
import serial

from sim.hostport import PENDING_MAX, HostPort, PortBusy


def soon(look, within=200):
    """Call until the answer is true: the system passes bytes on when it likes. A count of tries, not a time."""
    for _ in range(within):
        if found := look():
            return found
        time.sleep(0.01)
    return look()


@pytest.fixture(params=["pty", "socket"])
def port(request):
    port = HostPort.pty() if request.param == "pty" else HostPort.socket()
    yield port
    port.close()


def test_bytes_pass_both_ways_unchanged(port):
    every = bytes(range(256))
    with serial.serial_for_url(port.name, timeout=5) as client:
        client.write(every)
        got = bytearray()
        soon(lambda: got.extend(port.read()) or len(got) == 256)
        assert got == every
        port.write(every)
        assert client.read(256) == every


def test_connected_follows_the_client(port):
    assert not port.connected
    assert port.read() == b""
    client = serial.serial_for_url(port.name)
    assert soon(lambda: port.connected)
    client.close()
    assert soon(lambda: not port.connected)
    with serial.serial_for_url(port.name, timeout=5) as again:
        assert soon(lambda: port.connected)
        port.write(b"hello")
        assert again.read(5) == b"hello"


def test_what_nobody_hears_is_lost(port):
    port.write(b"to nobody")
    assert port.idle
    with serial.serial_for_url(port.name, timeout=5) as client:
        assert soon(lambda: port.connected)
        port.write(b"x")
        assert client.read(1) == b"x"


def test_a_client_that_does_not_read_makes_it_full_and_nothing_waits(port):
    with serial.serial_for_url(port.name, timeout=5) as client:
        assert soon(lambda: port.connected)
        sent = 0
        with pytest.raises(BufferError, match="does not read"):
            while True:
                port.write(bytes(4096))
                sent += 4096
        assert not port.idle and sent >= PENDING_MAX - 4096
        got = 0
        while got < sent:
            got += len(client.read(min(4096, sent - got)))
            port.flush()
        assert port.idle


def test_a_link_leads_to_the_pty_as_long_as_the_cable_is_in(tmp_path):
    link = tmp_path / "pen"
    link.symlink_to("/dev/pts/of-a-run-that-was-killed")
    port = HostPort.pty(link)
    assert port.name == str(link)
    for _ in range(2):
        with serial.serial_for_url(port.name, timeout=5) as client:
            assert soon(lambda: port.connected)
            port.write(b"hello")
            assert client.read(5) == b"hello"
        port.unplug()
        assert not link.is_symlink()
        taken = os.openpty()  # the next pty has another number
        port.plug()
        assert port.name == str(link) and link.is_symlink()
        for fd in taken:
            os.close(fd)
    port.close()
    assert not link.is_symlink()


def test_a_link_is_made_only_where_nothing_else_is(tmp_path):
    kept = tmp_path / "notes"
    kept.write_text("mine")
    with pytest.raises(PortBusy, match="no link"):
        HostPort.pty(kept)
    assert kept.read_text() == "mine"
    with pytest.raises(PortBusy, match="No such file"):
        HostPort.pty(tmp_path / "nowhere" / "pen")


def test_a_pty_does_not_echo_to_a_client_that_sets_nothing():
    port = HostPort.pty()
    port_fd = os.open(port.name, os.O_RDWR | os.O_NOCTTY)
    port.write(b"one\r\n")
    assert os.read(port_fd, 100) == b"one\r\n"
    assert port.read() == b""
    os.close(port_fd)
    again = os.open(port.name, os.O_RDWR | os.O_NOCTTY)
    port.write(b"two\r\n")
    assert os.read(again, 100) == b"two\r\n"
    assert port.read() == b""
    os.close(again)
    port.close()


def test_one_client_at_a_time_on_a_socket():
    port = HostPort.socket()
    with socket.create_connection((port.host, port.port)) as first:
        assert soon(lambda: port.connected)
        with socket.create_connection((port.host, port.port)) as second:
            second.settimeout(5)
            port.read()
            assert second.recv(1) == b""
        first.sendall(b"still here")
        assert soon(port.read) == b"still here"
    port.close()


def test_an_address_that_is_taken_or_wrong_is_said_to_be():
    port = HostPort.socket()
    for host, number in (("127.0.0.1", port.port), ("127.0.0.1", 70_000), ("no.such.host.invalid", 0)):
        with pytest.raises(PortBusy, match="cannot listen on"):
            HostPort.socket(host, number)
    port.close()
