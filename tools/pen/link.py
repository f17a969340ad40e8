"""Speaks SCPI with a pen: one command, one answer, and whatever the pen has to say against it.

Every command is followed by a question for the error queue, so that a refusal is an exception here and never a silent
miss. What a command of the pen means is in docs/console.md.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import re
import zlib
from collections.abc import Iterator

from pen.wires import Hand, LinkError, PortGone, SerialWire, Wire

TIMEOUT_S = 3.0  # without a byte
QUIET_S = 0.12  # silence that means: nothing more of what was there before us
DRAIN_MAX_S = 4.0
LINE_MAX = 16_384
BLOCK_MAX = 1_000_000
MAKER = "MICRONEEDLING PEN"  # in what a pen answers to *IDN?
ERRORS = ":SYST:ERR?;:SYST:VERS?"  # the version behind it marks the line that ends an exchange
_END = re.compile(r'([+-]?\d+),"((?:[^"]|"")*)";\d{4}\.\d')
_ERROR = re.compile(r'\s*([+-]?\d+),"((?:[^"]|"")*)"\s*')


class NoAnswer(LinkError):
    """The pen, or what is there, does not answer."""


class Garbage(LinkError):
    """What came is no answer of a pen."""


class Refused(LinkError):
    """The pen refused a command: `number`, `text` are its error, `command` what was asked, `reason` fit for people."""

    def __init__(self, number: int, text: str, command: str):
        what, _, why = text.partition(";")
        if why.strip() and why.strip() in command:  # the pen shows what it did not understand
            why = ""
        super().__init__(f"the pen refused '{command}': {why or what} ({number}{f', {what}' if why else ''})")
        self.reason = why or what
        self.number, self.text, self.command = number, text, command


class PenLink:
    """An open connection to a pen, identified. Use it as a context manager.

    `identity` is what `*IDN?` said: manufacturer, model, serial, firmware version.
    """

    def __init__(self, wire: Wire, *, anything: bool = False, timeout_s: float | None = None):
        """Clears what an earlier client left, then asks who is there. `anything` takes whatever answers for a pen.
        `timeout_s`: how long a silence is no answer, for commands that name no time of their own.

        NoAnswer, Garbage when no pen is there; PortGone.
        """
        self.wire = wire
        self._buffer = bytearray()
        self._anything = anything
        self.timeout_s = timeout_s or TIMEOUT_S
        try:
            self._begin()
        except BaseException:
            wire.close()
            raise

    def _begin(self) -> None:
        self._answering = False
        self.drain()
        self.identity = self._identify(self._anything)

    def __enter__(self) -> PenLink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.wire.close()

    @property
    def serial(self) -> str:
        return self.identity[2]

    @property
    def firmware(self) -> str:
        return self.identity[3]

    # -- commands ------------------------------------------------------------------------------------

    def write(self, command: str, timeout_s: float | None = None) -> None:
        """A command without an answer. Refused, NoAnswer, Garbage, PortGone."""
        self._ask(command)
        lines = self._lines_to_the_end(command, timeout_s)
        if lines:
            raise Garbage(f"'{command}' should have no answer, but there was one: {_short(lines[0])}")

    def query(self, command: str, timeout_s: float | None = None) -> str:
        """The answer to a command, without its line end. Refused, NoAnswer, Garbage, PortGone."""
        self._ask(command)
        lines = self._lines_to_the_end(command, timeout_s)
        if len(lines) != 1:
            raise Garbage(f"'{command}' has one answer, not {len(lines)}" + (f": {_short(lines[1])}" if lines else ""))
        return lines[0]

    def fields(self, command: str, timeout_s: float | None = None) -> list[str]:
        """The answer as its fields, quotes taken off."""
        return split_fields(self.query(command, timeout_s))

    def numbers(self, command: str, timeout_s: float | None = None) -> list[int]:
        """The answer as integers. Garbage if it is anything else."""
        answer = self.query(command, timeout_s)
        try:
            return [int(field) for field in answer.split(",")]
        except ValueError:
            raise Garbage(f"'{command}' has numbers for an answer, not {_short(answer)}") from None

    def query_block(self, command: str, timeout_s: float | None = None) -> bytes:
        """The data of a definite-length block, its CRC-32 checked and taken off. Garbage if it does not match."""
        self._ask(command)
        if self._next_byte(command, timeout_s) != b"#":
            lines = self._lines_to_the_end(command, timeout_s)
            raise Garbage(f"'{command}' has a block for an answer, not {_short(lines[0] if lines else '')}")
        raw = self._block(command, timeout_s)
        rest = self._lines_to_the_end(command, timeout_s)
        if rest != [""]:
            raise Garbage(f"'{command}': more than the block came: {_short(rest[0] if rest else '')}")
        data, check = raw[:-4], raw[-4:]
        if len(check) < 4 or zlib.crc32(data) != int.from_bytes(check, "little"):
            raise Garbage(f"'{command}': a block of {len(raw)} bytes arrived damaged (CRC-32)")
        return data

    def exchange(self, line: str, timeout_s: float | None = None) -> Iterator[str | bytes]:
        """Any line as somebody typed it: its answers, as text or as the raw content of a block.

        Refused comes after the answers that came before it. NoAnswer, Garbage, PortGone.
        """
        self._ask(line)
        while True:
            if self._next_byte(line, timeout_s) == b"#":
                yield self._block(line, timeout_s)
                self._line(line, timeout_s)
                continue
            text = self._line(line, timeout_s)
            if self._ends(text, line):
                return
            yield text

    def errors(self) -> list[tuple[int, str]]:
        """Everything in the pen's error queue, oldest first; the queue is empty afterwards."""
        found = []
        while True:
            answer = self._plain(":SYST:ERR?")
            match = _ERROR.fullmatch(answer)
            if match is None:
                raise Garbage(f"':SYST:ERR?' has a number and a text for an answer, not {_short(answer)}")
            if int(match[1]) == 0:
                return found
            found.append((int(match[1]), match[2].replace('""', '"')))

    def reconnect(self, within_s: float = 20.0) -> None:
        """After a restart that was asked for: wait for the pen to be back, and begin anew. PortGone if it is not."""
        try:
            while self.wire.read(1.0):
                pass
        except PortGone:
            pass
        self.wire.reopen(within_s)
        self._begin()

    # -- who may do what -----------------------------------------------------------------------------

    def technician(self) -> bool:
        """The pen takes technician's commands."""
        return self.query(":SEC:STAT?").startswith("open,")

    def login(self, key: bytes, hand: Hand) -> None:
        """Answer the pen's challenge with its key while SELECT is held. Refused when key or hand are not right.

        `hand` is asked to hold SELECT, unless the pen is a simulated one that brings hands of its own.
        """
        if self.technician():
            return
        hand = self.wire.hand or hand
        nonce = self.query(":SEC:CHAL?").strip('"')
        try:
            proof = hmac.new(key, bytes.fromhex(nonce), hashlib.sha256).hexdigest()
        except ValueError:
            raise Garbage(f"':SEC:CHAL?' has hexadecimal digits for an answer, not {_short(nonce)}") from None
        hand.hold_select(True)
        try:
            self.write(f':SEC:ANSW "{proof}"', timeout_s=10.0)
        except Refused as refused:  # the proof's 64 digits tell nobody anything
            raise Refused(refused.number, refused.text, ":SEC:ANSW") from None
        finally:
            hand.hold_select(False)

    # -- bytes ---------------------------------------------------------------------------------------

    def drain(self) -> None:
        """End a line that an earlier client left half sent, and throw away what it left unread."""
        self._buffer.clear()
        self.wire.write(b"\n")
        began = self.wire.now_s()
        while self.wire.read(QUIET_S):
            if self.wire.now_s() - began > DRAIN_MAX_S:
                raise Garbage(
                    f"{self.wire.name} sends without being asked: it is no pen, or one that still sends the log to an "
                    "earlier client that left; try again in half a minute")

    def _identify(self, anything: bool) -> tuple[str, str, str, str]:
        try:
            answer = self._plain("*IDN?")
        except NoAnswer:
            raise NoAnswer(
                f"no answer on {self.wire.name}: is it a pen, switched on, and its console not in use?") from None
        if "," not in answer:  # a prompt echoes; what follows tells
            answer += self._rest()
        if ">>>" in answer:
            raise Garbage(
                f"{self.wire.name} is at MicroPython's prompt: the pen is in service mode, or holds no firmware; "
                "switch it off and on without SELECT held to leave service mode")
        fields = tuple(field.strip() for field in answer.split(","))
        if len(fields) != 4 or (MAKER not in fields[0].upper() and not anything):
            raise Garbage(f"{self.wire.name} is not a pen: asked who it is, it answers {_short(answer)}")
        self._ask("*CLS")
        self._lines_to_the_end("*CLS")
        return fields  # type: ignore[return-value]

    def _plain(self, command: str) -> str:
        """A question without the look into the error queue."""
        self.wire.write(command.encode() + b"\n")
        return self._line(command)

    def _rest(self) -> str:
        """What else has come, as text."""
        while len(self._buffer) < LINE_MAX and (came := self.wire.read(QUIET_S)):
            self._buffer += came
        return bytes(self._buffer).decode("ascii", "backslashreplace")

    def _ask(self, command: str) -> None:
        if "\n" in command or "\r" in command or not command.isascii():
            raise ValueError(f"a command is one line of ASCII, not {_short(command)}")
        if self._answering:  # the last exchange broke off: begin from a clean line
            self.drain()
        self._answering = True
        self.wire.write(f"{command}\n{ERRORS}\n".encode())

    def _lines_to_the_end(self, command: str, timeout_s: float | None = None) -> list[str]:
        """The lines of an exchange before the one that ends it; Refused if that one says so."""
        lines: list[str] = []
        while True:
            line = self._line(command, timeout_s)
            if self._ends(line, command):
                return lines
            lines.append(line)

    def _ends(self, line: str, command: str) -> bool:
        """This line is the last of an exchange; Refused if it says so."""
        end = _END.fullmatch(line)
        if end is None:
            return False
        self._answering = False
        if int(end[1]):
            raise Refused(int(end[1]), end[2].replace('""', '"'), command)
        return True

    def _next_byte(self, command: str, timeout_s: float | None = None) -> bytes:
        while not self._buffer:
            self._more(command, timeout_s)
        return bytes(self._buffer[:1])

    def _block(self, command: str, timeout_s: float | None = None) -> bytes:
        """What is in the block that comes next, its CRC included."""
        self._take(1, command, timeout_s)
        digits = self._take(1, command, timeout_s)
        if digits not in b"123456789":
            raise Garbage(f"'{command}': a block begins with # and its count of digits, not #{_short(digits)}")
        length = self._take(int(digits), command, timeout_s)
        if not length.isdigit() or int(length) > BLOCK_MAX:
            raise Garbage(f"'{command}': a block of {_short(length)} bytes")
        return self._take(int(length), command, timeout_s)

    def _line(self, command: str, timeout_s: float | None = None) -> str:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > LINE_MAX:
                raise Garbage(f"'{command}': {len(self._buffer)} bytes came without the end of a line")
            self._more(command, timeout_s)
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        if any((byte < 32 and byte != 9) or byte > 126 for byte in line):
            raise Garbage(f"'{command}': what came is not text: {_short(line)}")
        return line.decode("ascii")

    def _take(self, count: int, command: str, timeout_s: float | None = None) -> bytes:
        while len(self._buffer) < count:
            self._more(command, timeout_s)
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _more(self, command: str, timeout_s: float | None = None) -> None:
        timeout_s = timeout_s or self.timeout_s
        came = self.wire.read(timeout_s)
        if not came:
            raise NoAnswer(f"no answer to '{command}' within {timeout_s:g} s")
        self._buffer += came


def split_fields(answer: str) -> list[str]:
    """The fields of an answer: commas in quotes do not part, quotes are taken off, a doubled one is one."""
    return next(csv.reader([answer], skipinitialspace=True), [])


def _short(text: str | bytes) -> str:
    """What came, fit for one line of an error."""
    shown = repr(text if isinstance(text, str) else bytes(text).decode("ascii", "backslashreplace"))
    return shown if len(shown) <= 60 else shown[:56] + "...'"


def open_link(port: str, timeout_s: float | None = None) -> PenLink:
    """The pen at a device, a pySerial URL, or simulated in this process (`sim:`). LinkError."""
    if port.startswith("sim:"):
        from pen.simwire import SimWire  # only who simulates waits for the simulator to load

        return PenLink(SimWire(port), timeout_s=timeout_s)
    return PenLink(SerialWire(port), timeout_s=timeout_s)
