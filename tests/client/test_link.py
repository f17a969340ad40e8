"""The SCPI client over a real pty and a real socket: answers, refusals, blocks, and everything that can go wrong."""

import hashlib
import hmac

import pytest
from responder import Responder, block
from serial import SerialException

from pen.link import Garbage, NoAnswer, PenLink, Refused, open_link, split_fields
from pen.wires import LinkError, NoPort, PortGone, SerialWire, reason_of
from sim.hostport import HostPort

KINDS = {"pty": HostPort.pty, "socket": HostPort.socket}


@pytest.fixture(params=KINDS)
def port(request):
    return KINDS[request.param]()


def test_a_query_and_a_command(port):
    with Responder(port, {"STAT?": b"ready,zone,0", "LIM 3": None}) as responder, open_link(port.name) as pen:
        assert pen.identity == ("Microneedling Pen Project", "Pen A", "PEN-T-01", "0.1.0")
        assert pen.query("STAT?") == "ready,zone,0"
        pen.write("LIM 3")
        assert "LIM 3" in responder.heard


def test_a_refusal_carries_number_text_and_command(port):
    with Responder(port, {}), open_link(port.name) as pen:
        with pytest.raises(Refused) as refused:
            pen.query("NO:SUCH?")
        assert str(refused.value) == "the pen refused 'NO:SUCH?': Undefined header (-113)"
        assert (refused.value.number, refused.value.text, refused.value.command) == (
            -113, "Undefined header", "NO:SUCH?")
        assert pen.query("*IDN?").startswith("Microneedling")  # and the connection is as good as before


def test_the_queue_is_read_to_its_end(port):
    with Responder(port, {}) as responder, open_link(port.name) as pen:
        responder.errors += [b'-200,"Execution error; in a ""session"""', b'-350,"Queue overflow"']
        assert pen.errors() == [(-200, 'Execution error; in a "session"'), (-350, "Queue overflow")]
        assert pen.errors() == []


def test_errors_of_an_earlier_client_are_gone_at_connect(port):
    with Responder(port, {"STAT?": b"1"}) as responder:
        responder.errors.append(b'-102,"Syntax error"')
        with open_link(port.name) as pen:
            assert pen.query("STAT?") == "1"


@pytest.mark.parametrize("size", [0, 1, 10, 4096, 60_000])
def test_blocks_of_every_byte_arrive_whole(port, size):
    data = bytes(i * 7 & 255 for i in range(size))
    with Responder(port, {"LOG?": block(data)}), open_link(port.name) as pen:
        assert pen.query_block("LOG?") == data


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (block(b"data", crc=7), "arrived damaged"),
        (b"#0data", "count of digits"),
        (b"#15dataX!", "more than the block"),
        (b"#1x", "a block of"),
        (b"#9999999999", "a block of"),
        (b"12", "has a block for an answer"),
        (b"#12ab", "damaged"),
    ],
)
def test_a_bad_block_is_named_and_the_next_command_works(port, answer, says):
    with Responder(port, {"LOG?": answer, "STAT?": b"5"}), open_link(port.name) as pen:
        with pytest.raises(Garbage, match=says):
            pen.query_block("LOG?")
        assert pen.query("STAT?") == "5"


def test_a_refused_block_is_a_refusal(port):
    with Responder(port, {}), open_link(port.name) as pen, pytest.raises(Refused):
        pen.query_block("LOG?")


def test_a_block_that_stops_halfway_is_no_answer_and_the_next_command_works(port):
    with Responder(port, {"LOG?": b"#3100half", "STAT?": b"5"}), open_link(port.name) as pen:
        with pytest.raises(NoAnswer):
            pen.query_block("LOG?", timeout_s=0.3)
        assert pen.query("STAT?") == "5"


@pytest.mark.parametrize(
    ("answer", "says"), [(b"\x00\xff\x81", "not text"), (b"a\nb", "not 2"), (b"\n".join([b""] * 3), "not 3")])
def test_garbage_in_place_of_an_answer(port, answer, says):
    with Responder(port, {"STAT?": answer}), open_link(port.name) as pen, pytest.raises(Garbage, match=says):
        pen.query("STAT?")


def test_numbers_that_are_none(port):
    with Responder(port, {"A?": b"1,-2,+3", "B?": b"1,x"}), open_link(port.name) as pen:
        assert pen.numbers("A?") == [1, -2, 3]
        with pytest.raises(Garbage, match="numbers"):
            pen.numbers("B?")


def test_a_silent_device_is_no_answer(port):
    with Responder(port, {"*IDN?": None}), pytest.raises(NoAnswer, match="switched on"):
        open_link(port.name, timeout_s=0.3)


def test_another_instrument_is_named(port):
    with (
        Responder(port, {"*IDN?": b"ACME,MULTIMETER,7,1.0"}),
        pytest.raises(Garbage, match=r"not a pen.*MULTIMETER"),
    ):
        open_link(port.name)


def test_a_micropython_prompt_is_named():
    port = HostPort.pty()
    with (
        Responder(port, {"*IDN?": b"*IDN?\r\n  File <stdin>\r\nSyntaxError: invalid syntax\r\n>>> "}),
        pytest.raises(Garbage, match="service mode"),
    ):
        open_link(port.name)


def test_a_port_that_vanishes_halfway(port):
    with Responder(port, {"STAT?": lambda me: me.vanish()}), open_link(port.name) as pen:
        with pytest.raises(PortGone, match="vanished"):
            pen.query("STAT?")
        with pytest.raises(PortGone):
            pen.query("STAT?")


def test_what_an_earlier_client_left_unread_is_thrown_away(port):
    with Responder(port, {"STAT?": b"1", "LOG?": block(bytes(5000))}):
        wire = SerialWire(port.name)
        wire.write(b"LOG?\nSTAT?\nSTA")
        with PenLink(wire) as pen:
            assert pen.query("STAT?") == "1"


def test_a_log_that_an_earlier_client_did_not_wait_for_is_named():
    """A chip sends a full log for half a minute; whoever comes meanwhile is told so, not that this is no pen."""

    class Endless:
        """A port on which bytes come without end."""

        name, hand, closed, clock_s = "/dev/pen", None, False, 0.0

        def now_s(self):
            self.clock_s += 0.01
            return self.clock_s

        def read(self, _timeout_s):
            return bytes(64)

        def write(self, _data):
            pass

        def close(self):
            self.closed = True

    wire = Endless()
    with pytest.raises(Garbage, match=r"earlier client.*try again"):
        PenLink(wire)
    assert wire.closed


def test_a_second_client_is_sent_away():
    port = HostPort.socket()
    with (
        Responder(port, {"STAT?": b"1"}), open_link(port.name) as pen,
        pytest.raises((PortGone, NoAnswer)),
    ):  # fmt: skip
        open_link(port.name)
        pen.query("STAT?")


def test_a_port_in_use_is_said_to_be():
    port = HostPort.pty()
    with Responder(port, {}), open_link(port.name), pytest.raises(NoPort, match="in use"):
        open_link(port.name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/dev/no-such-port", "there is no /dev/no-such-port"),
        ("/etc/passwd", "not a serial port"),
        ("gopher://here", "not a port"),
        ("socket://127.0.0.1", "socket://HOST:PORT has a host and a port number"),
        ("socket://127.0.0.1:x", "socket://HOST:PORT has a host and a port number"),
        ("socket://127.0.0.1:70000", "socket://HOST:PORT has a host and a port number"),
        ("rfc2217://127.0.0.1", "rfc2217://HOST:PORT has a host and a port number"),
    ],
)
def test_a_port_that_cannot_be_opened_is_one_clear_line(name, says):
    with pytest.raises(NoPort, match=says) as error:
        open_link(name)
    assert "\n" not in str(error.value)


def test_why_a_port_did_not_open_is_said_once_and_in_words():
    """pySerial names the port again, and the system's number once or twice."""
    unknown = "Could not open port socket://nowhere:4: [Errno -2] Name or service not known"
    missing = "[Errno 2] could not open port /dev/x: [Errno 2] No such file or directory: '/dev/x'"
    assert reason_of(SerialException(unknown)) == "Name or service not known"
    assert reason_of(SerialException(missing)) == "No such file or directory: '/dev/x'"


def test_nobody_listening():
    port = HostPort.socket()
    name = port.name
    port.close()
    with pytest.raises(NoPort, match="nobody listens"):
        open_link(name)


class Hand:
    def __init__(self):
        self.asked: list[bool] = []

    def hold_select(self, held):
        self.asked.append(held)


KEY = bytes(range(32))
NONCE = "00112233445566778899aabbccddeeff"
PROOF = hmac.new(KEY, bytes.fromhex(NONCE), hashlib.sha256).hexdigest()


def test_login_answers_the_challenge_while_select_is_held(port):
    hand = Hand()
    during: list[bool] = []
    answers = {
        "SEC:STAT?": b"locked,1,0,0", "SEC:CHAL?": f'"{NONCE}"'.encode(),
        f'SEC:ANSW "{PROOF}"': lambda _: during.extend(hand.asked),
    }
    with Responder(port, answers), open_link(port.name) as pen:
        pen.login(KEY, hand)
    assert (during, hand.asked) == ([True], [True, False])


def test_a_wrong_key_is_refused_and_select_let_go(port):
    hand = Hand()
    with (
        Responder(port, {"SEC:STAT?": b"locked,1,0,0", "SEC:CHAL?": NONCE.encode()}),
        open_link(port.name) as pen,
        pytest.raises(Refused) as refused,
    ):
        pen.login(bytes(32), hand)
    assert "refused ':SEC:ANSW':" in str(refused.value)  # the proof itself tells a person nothing
    assert hand.asked == [True, False]


def test_who_is_logged_in_is_not_asked_again(port):
    hand = Hand()
    with Responder(port, {"SEC:STAT?": b"open,1,0,0"}), open_link(port.name) as pen:
        pen.login(KEY, hand)
    assert hand.asked == []


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        ("1,2", ["1", "2"]), ('1,"a,b",c', ["1", "a,b", "c"]), ('"say ""so""",2', ['say "so"', "2"]), ("", []),
        ("a,,b,", ["a", "", "b", ""]), ('""', [""]),
    ],
)
def test_fields(answer, fields):
    assert split_fields(answer) == fields


@pytest.mark.parametrize("command", ["A\nB", "A\rB", "Ä?"])
def test_a_command_is_one_line_of_ascii(port, command):
    with Responder(port, {}), open_link(port.name) as pen, pytest.raises(ValueError):
        pen.query(command)


def test_what_is_no_text_is_not_shown_in_full(port):
    with Responder(port, {}), open_link(port.name) as pen, pytest.raises(ValueError) as error:
        pen.query("\udc80" * 900)
    assert "one line of ASCII" in str(error.value) and len(str(error.value)) < 120


def test_a_typed_line_may_have_many_answers_and_an_error_behind_them(port):
    answers = {"A?": b"1", "B?": block(bytes(40)), "C?": b"2\n3"}
    with Responder(port, answers), open_link(port.name) as pen:
        assert list(pen.exchange("A?;A?")) == ["1;1"]
        assert list(pen.exchange("B?")) == [block(bytes(40))[4:]]
        assert list(pen.exchange("C?")) == ["2", "3"]
        seen = []
        with pytest.raises(Refused):
            seen.extend(pen.exchange("A?;NO"))
        assert list(pen.exchange("*CLS")) == []


def test_every_error_of_the_link_is_a_link_error():
    for kind in (Garbage, NoAnswer, NoPort, PortGone, Refused):
        assert issubclass(kind, LinkError)
