"""MicroPython on a board, stood in for by the VM: a filesystem in flash, boot.py, main.py, then a prompt on USB.

What the RP2040's port does in C after a reset (ports/rp2/main.c, shared/runtime/pyexec.c): mounts the flash, runs
/boot.py, then /main.py unless a soft reset came from the raw prompt or boot.py failed, then serves the friendly and the
raw prompt with raw paste, as `mpremote` expects them. The simulator's modules are loaded first and stay in
`sys.modules`, as the chip's built-in ones are always found first. A reset of the chip ends this process.
"""

import builtins
import io
import os
import sys

import vfs

_RAW = sys.argv[1] == "raw"
sys.path[:] = [sys.argv[2], ".frozen"]  # where the simulator's modules lie

import _link
import _ops

_vm_sys = sys
sys = _vm_sys.modules["sys"]  # the chip's streams
_system_os = os
import _files

# `registers` too: the firmware's own reads the chip at its addresses, and there is no chip
for _name in ("machine", "neopixel", "onewire", "registers", "rp2", "select", "time", "uctypes"):
    __import__(_name)

vfs.umount("/")
vfs.mount(_files.vfs.root, "/")
os.chdir("/")
builtins.open = io.open
sys.modules["os"] = _system_os

_Implementation = __import__("collections").namedtuple("implementation", ("name", "version", "_machine", "_mpy"))
sys.platform = "rp2"
# what it says of machine code is true of the VM: an image for it is compiled for that
sys.implementation = _Implementation(
    "micropython", (1, 28, 0, ""), "Raspberry Pi Pico with RP2040", _vm_sys.implementation._mpy)

_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D, _CTRL_E = 1, 2, 3, 4, 5
_WINDOW = 128
_BANNER = b"MicroPython v1.28.0; Raspberry Pi Pico with RP2040\r\nType \"help()\" for more information.\r\n"
_in = bytearray(256)
_out = sys.stdout.buffer
_waiting = []


class SoftReset(Exception):
    """The prompt was left."""


def _write(data):
    view = memoryview(data)
    while view:
        view = view[_out.write(view[:256]):]


class _Screen(io.IOBase):
    """What is printed, with line ends as the port sends them."""

    def write(self, data):
        _write(bytes(data, "utf-8") if isinstance(data, str) else bytes(data).replace(b"\n", b"\r\n"))
        return len(data)


_screen = _Screen()


def _print(*values, sep=" ", end="\n", file=None):
    text = sep.join([str(value) for value in values]) + end
    if file is None:
        _write(text.encode().replace(b"\n", b"\r\n"))
    else:
        file.write(text)


_vm_print_exception = _vm_sys.print_exception


def _print_exception(error, file=None):
    _vm_print_exception(error, _screen if file is None else file)


builtins.print = _print
sys.print_exception = _print_exception


def _read():
    """The next byte from the host; waits."""
    global _waiting
    if not _waiting:
        count = _link.recv(_ops.REPL_READ, 0, _in)
        _waiting = list(_in[:count])
        _waiting.reverse()
    return _waiting.pop()


_globals = {"__name__": "__main__"}


def _run(source):
    """What it raised, or None. SoftReset when it asks for one."""
    try:
        exec(source, _globals)
    except SystemExit:
        raise SoftReset from None
    except BaseException as error:
        return error
    return None


def _run_file(name):
    """True when it ended well or is not there."""
    try:
        with open(name) as file:
            source = file.read()
    except OSError:
        return True
    error = _run(source)
    if error is not None:
        _print_exception(error)
    return error is None


def _execute(source):
    """A command of the raw prompt: output, mark, error, mark."""
    error = _run(source)
    _write(b"\x04")
    if error is not None:
        _print_exception(error)
    _write(b"\x04")


def _paste():
    """Raw paste: the source in windows, each acknowledged, then it runs."""
    _write(b"R\x01" + bytes((_WINDOW & 0xFF, _WINDOW >> 8)) + b"\x01")
    source = bytearray()
    left = _WINDOW
    while True:
        byte = _read()
        if byte == _CTRL_C:
            _write(b"\x04\x04\x04")
            return
        if byte == _CTRL_D:
            break
        source.append(byte)
        left -= 1
        if not left:
            _write(b"\x01")
            left = _WINDOW
    _write(b"\x04")
    _execute(source.decode())


def _raw_prompt():
    """Until Ctrl-B; SoftReset at Ctrl-D on an empty line."""
    _write(b"raw REPL; CTRL-B to exit\r\n>")
    line = bytearray()
    while True:
        byte = _read()
        if byte == _CTRL_A:
            if bytes(line) == b"\x05A":
                _paste()
                _write(b">")
            else:
                if len(line) == 2 and line[0] == _CTRL_E:
                    _write(b"R\x00")
                _write(b"raw REPL; CTRL-B to exit\r\n>")
            line = bytearray()
        elif byte == _CTRL_B:
            _write(b"\r\n")
            return
        elif byte == _CTRL_C:
            line = bytearray()
        elif byte == _CTRL_D:
            _write(b"OK")
            if not line:
                _write(b"\r\n")
                raise SoftReset
            _execute(line.decode())
            _write(b">")
            line = bytearray()
        else:
            line.append(byte)


def _friendly_prompt():
    """Until Ctrl-A; one line at a time, without editing."""
    _write(_BANNER + b">>> ")
    line = bytearray()
    while True:
        byte = _read()
        if byte == _CTRL_A and not line:
            return
        if byte == _CTRL_D and not line:
            _write(b"\r\n")
            raise SoftReset
        if byte in (_CTRL_B, _CTRL_C):
            line = bytearray()
            _write(b"\r\n" + (_BANNER if byte == _CTRL_B else b"") + b">>> ")
        elif byte == 13:
            _write(b"\r\n")
            source = line.decode()
            line = bytearray()
            try:
                error = _run("_r = (" + source + ")\nif _r is not None: print(repr(_r))") if source else None
                if isinstance(error, SyntaxError):
                    error = _run(source)
                if error is not None:
                    _print_exception(error)
            finally:
                _write(b">>> ")
        elif byte >= 32:
            line.append(byte)
            _write(bytes((byte,)))


def _live():
    raw = _RAW
    sys.path[:] = ["", ".frozen", "/lib"]
    try:
        if _run_file("/boot.py") and not raw:
            _run_file("/main.py")
        while True:
            if raw:
                _raw_prompt()
            else:
                _friendly_prompt()
            raw = not raw
    except SoftReset:
        _write(b"MPY: soft reboot\r\n")
    _link.call(_ops.SOFT_RESET, 1 if raw else 0)


_live()
