"""The simulated pen's end of the cable as the host sees it: a pty, or a TCP port on this machine.

Nothing here waits unless `wait` is called. One client at a time, as on a USB port: another that connects meanwhile is
closed at once. What is written while nobody is connected is lost, as it is with the cable pulled.
"""

from __future__ import annotations

import os
import select
import socket
import tty
from pathlib import Path

READ_BYTES = 4096
PENDING_MAX = 64 * 1024  # kept for a client that does not read, on top of what the system keeps
FULL = "the client does not read: {bytes} bytes wait for it, and no more are taken"


class PortBusy(OSError):
    """The address is taken, or cannot be used; the message says which."""


class HostPort:
    """A serial port that a client opens by `name`. Make one with `pty()` or `socket(host, port)`."""

    name: str

    def __init__(self) -> None:
        self._pending = bytearray()

    @staticmethod
    def pty(link: Path | None = None) -> PtyPort:
        """A pseudo-terminal; `name` is the device to open.

        With `link` that is a symbolic link to it, which keeps its name when the cable is pulled and put in again. A
        link that is there already is replaced; PortBusy for anything else there, and where none can be made.
        """
        return PtyPort(link)

    @staticmethod
    def socket(host: str = "127.0.0.1", port: int = 0) -> SocketPort:
        """A TCP port; 0 lets the system choose a free one. `name` is the URL for pySerial. PortBusy if it is taken."""
        return SocketPort(host, port)

    @property
    def connected(self) -> bool:
        """A client has the port open."""
        raise NotImplementedError

    @property
    def idle(self) -> bool:
        """All that was written is on its way: the moment to hand over more."""
        return not self._pending

    def read(self) -> bytes:
        """What came since, b"" if nothing did. Never waits."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Send when the client takes it; never waits. BufferError when a client that does not read left too much."""
        if len(self._pending) + len(data) > PENDING_MAX:
            raise BufferError(FULL.format(bytes=len(self._pending)))
        self._pending += data
        self.flush()

    def flush(self) -> None:
        """Send as much of what waits as the client takes now."""
        if not self.connected:
            self._pending.clear()
        while self._pending:
            try:
                sent = self._send(self._pending)
            except BlockingIOError:
                return
            except OSError:
                self._gone()
                return
            del self._pending[:sent]

    def wait(self, seconds: float) -> None:
        """Until there may be something to read, or the time is over."""
        select.select(self.inputs(), [] if self.idle else [self], [], seconds)

    def inputs(self) -> list[HostPort | socket.socket]:
        """What `select` may watch for something to read, or somebody to come."""
        return [self] if self.connected else []  # a pty that nobody has open is always ready: with its hang-up

    def fileno(self) -> int:
        raise NotImplementedError

    def unplug(self) -> None:
        """The cable is pulled: the client's port vanishes, and there is none until `plug`."""
        raise NotImplementedError

    def plug(self) -> None:
        """The cable is in again. A pty without a link may have another name afterwards."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def _send(self, data: bytearray) -> int:
        raise NotImplementedError

    def _gone(self) -> None:
        self._pending.clear()


class PtyPort(HostPort):
    """A pseudo-terminal whose other side a client opens."""

    def __init__(self, link: Path | None) -> None:
        super().__init__()
        self._link = link
        self._master = -1
        self.plug()

    def plug(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)  # no echo and no line editing, also for a client that sets nothing
        self.name = os.ttyname(slave)
        os.close(slave)
        if self._link is not None:
            self.name = self._linked(self._link, self.name)
        os.set_blocking(self._master, False)
        self._poll = select.poll()
        self._poll.register(self._master, select.POLLIN | select.POLLHUP)

    def _linked(self, link: Path, device: str) -> str:
        try:
            if link.is_symlink():
                link.unlink()
            link.symlink_to(device)
        except FileExistsError:
            problem = "there is something that is no link; name a place where nothing is"
        except OSError as error:
            problem = str(error.strerror)
        else:
            return str(link)
        self._link = None  # not ours to remove
        self.unplug()
        raise PortBusy(f"cannot make the link {link}: {problem}")

    def unplug(self) -> None:
        self._pending.clear()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
            if self._link is not None:
                self._link.unlink(missing_ok=True)

    @property
    def connected(self) -> bool:
        return self._master >= 0 and not any(event & select.POLLHUP for _, event in self._poll.poll(0))

    def read(self) -> bytes:
        if self._master < 0:
            return b""
        try:
            return os.read(self._master, READ_BYTES)
        except OSError:  # nothing there, or nobody
            return b""

    def _send(self, data: bytearray) -> int:
        return os.write(self._master, data)

    def fileno(self) -> int:
        return self._master

    def close(self) -> None:
        self.unplug()


class SocketPort(HostPort):
    """A TCP port on which one client at a time may connect."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._client: socket.socket | None = None
        self._plugged = True
        try:
            self._server = socket.create_server((host, port), backlog=4)
        except (OSError, OverflowError) as error:
            raise PortBusy(f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}") from None
        self._server.setblocking(False)
        self.host, self.port = self._server.getsockname()[:2]
        self.name = f"socket://{self.host}:{self.port}"

    @property
    def connected(self) -> bool:
        self._accept()
        return self._client is not None

    def read(self) -> bytes:
        self._accept()
        if self._client is None:
            return b""
        try:
            data = self._client.recv(READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._gone()
        return data

    def _accept(self) -> None:
        """Take a client that came, or send it away while another is there."""
        if self._client is not None and self._left():
            self._gone()
        try:
            came, _ = self._server.accept()
        except OSError:  # nobody, or one that went again
            return
        if self._client is not None or not self._plugged:
            came.close()
            return
        came.setblocking(False)
        came.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client = came

    def _left(self) -> bool:
        """The client closed its side and nothing of it is left to read."""
        assert self._client is not None
        try:
            return not self._client.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _gone(self) -> None:
        super()._gone()
        if self._client is not None:
            self._client.close()
            self._client = None

    def _send(self, data: bytearray) -> int:
        assert self._client is not None
        return self._client.send(data)

    def inputs(self) -> list[HostPort | socket.socket]:
        return [self._server, *super().inputs()]

    def unplug(self) -> None:
        self._plugged = False
        self._gone()

    def plug(self) -> None:
        self._plugged = True

    def fileno(self) -> int:
        return (self._client or self._server).fileno()

    def close(self) -> None:
        self._gone()
        self._server.close()
