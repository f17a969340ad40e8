"""A few lines of SCPI on a real pty or socket, to hold the client against answers that no pen should give."""

import threading
import zlib
from collections.abc import Callable

from sim.hostport import HostPort

IDENTITY = b"Microneedling Pen Project,Pen A,PEN-T-01,0.1.0"


def block(data: bytes, crc: int | None = None) -> bytes:
    """A definite-length block as the pen sends one."""
    raw = data + (zlib.crc32(data) if crc is None else crc).to_bytes(4, "little")
    return b"#%d%d" % (len(str(len(raw))), len(raw)) + raw


class Responder:
    """Answers each line by `answers` (command to bytes without line end, None for no answer at all).

    Unknown commands are errors in its queue. It ends with `close`, and drops its client with `vanish`.
    """

    def __init__(self, port: HostPort, answers: dict[str, bytes | Callable[["Responder"], bytes | None] | None]):
        self.port = port
        self.answers = {"*IDN?": IDENTITY, **answers}
        self.heard: list[str] = []
        self.errors: list[bytes] = []
        self._end = threading.Event()
        self._vanished = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._end.set()
        self._thread.join()

    def _serve(self):
        line = bytearray()
        while not self._end.is_set():
            self.port.wait(0.02)
            for byte in self.port.read():
                line.append(byte)
                if byte == 10:
                    self._line(bytes(line[:-1]).decode("ascii", "replace").strip())
                    line.clear()
                if self._vanished:
                    return
            self.port.flush()
        self.port.close()

    def vanish(self):
        """From an answer: the port is gone at once."""
        self._vanished = True
        self.port.close()

    def _line(self, line: str):
        if not line or self._vanished:
            return
        self.heard.append(line)
        parts = []
        for command in line.split(";"):
            command = command.lstrip(":")
            if command == "SYST:ERR?":
                parts.append(self.errors.pop(0) if self.errors else b'0,"No error"')
            elif command == "SYST:VERS?":
                parts.append(b"1999.0")
            elif command == "*CLS":
                self.errors.clear()
            elif command in self.answers:
                answer = self.answers[command]
                answer = answer(self) if callable(answer) else answer
                if answer is not None:
                    parts.append(answer)
            else:
                self.errors.append(b'-113,"Undefined header"')
        if parts and not self._vanished:
            self.port.write(b";".join(parts) + b"\n")
